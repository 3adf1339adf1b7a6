//! From a socket to a checked request with a whole body, and back.

use super::activity::{Activity, Heard, Phase, Waits};
use super::exchange::Exchange;
use super::limits::{
    CLOSE_TIMEOUT, FrontLimits, H2_ERROR_RESETS_MAX, H2_PENDING_RESETS_MAX, H2_PING_INTERVAL, H2_PING_TIMEOUT, in_time,
};
use super::proxy::Origin;
use super::strict::Refusal;
use super::tls::{TlsConfig, TlsInfo, is_about_client_certificate};
use bytes::Bytes;
use http::Response;
use http::request::Parts;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    pub addr: SocketAddr,
    /// `None` on a plain connection.
    pub tls: Option<TlsInfo>,
}

/// A request whose head was checked and whose body was read whole, within the limits.
#[derive(Clone, Debug)]
pub struct Checked {
    pub head: Parts,
    pub body: Bytes,
    pub peer: Arc<Peer>,
    pub origin: Origin,
}

/// What answers requests. Its future is dropped, at an await, when the client goes away or the request takes too long.
pub trait Handler: Clone + Send + Sync + 'static {
    type Body: http_body::Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static;

    fn handle(&self, request: Checked) -> impl Future<Output = Response<Self::Body>> + Send;

    /// Renders a refusal of the front. There is no `head` when the handler itself failed.
    fn refused(&self, refusal: &Refusal, head: Option<&Parts>, peer: &Peer) -> Response<Self::Body>;
}

/// Serves until `stop` turns true; then finishes what is in flight, at most for the drain timeout.
pub async fn serve<H: Handler>(
    listener: TcpListener,
    tls: Option<TlsConfig>,
    limits: FrontLimits,
    handler: H,
    mut stop: watch::Receiver<bool>,
) {
    let slots = Arc::new(Semaphore::new(limits.connections_max.unwrap_or(Semaphore::MAX_PERMITS)));
    let drain_timeout = limits.drain_timeout;
    let front = Front { tls, limits: Arc::new(limits), handler, stop: stop.clone() };
    let mut connections = JoinSet::new();
    let mut failing = false;
    loop {
        let (stream, addr, slot) = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &slots, &mut failing) => accepted,
        };
        let front = front.clone();
        connections.spawn(async move {
            front.connection(stream, addr).await;
            drop(slot);
        });
    }
    drop(listener);
    if timeout(drain_timeout, async { while connections.join_next().await.is_some() {} }).await.is_err() {
        tracing::warn!(connections = connections.len(), "requests did not end in time; their connections are cut");
        connections.shutdown().await;
    }
}

/// The next connection there is room for. What goes wrong with one concerns no other.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    failing: &mut bool,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    const PAUSE: Duration = Duration::from_millis(100);
    let slot = slots.clone().acquire_owned().await.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, addr)) => {
                *failing = false;
                return (stream, addr, slot);
            }
            Err(error) if is_of_one_connection(&error) => {}
            // Out of descriptors or memory: accepting again at once would spin, and others may free some.
            Err(error) => {
                if !*failing {
                    tracing::error!(%error, "no connection can be accepted; raise the limit of open files (ulimit -n)");
                    *failing = true;
                }
                sleep(PAUSE).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// What all connections of a listener share.
#[derive(Clone)]
struct Front<H> {
    tls: Option<TlsConfig>,
    limits: Arc<FrontLimits>,
    handler: H,
    stop: watch::Receiver<bool>,
}

impl<H: Handler> Front<H> {
    async fn connection(mut self, stream: TcpStream, addr: SocketAddr) {
        // A token answer is one small packet; it must not wait for the last one to be acknowledged.
        let _ = stream.set_nodelay(true);
        let Some(tls) = self.tls.take() else {
            return self.http1(stream, Peer { addr, tls: None }).await;
        };
        let handshake = tokio::select! {
            handshake = in_time(self.limits.handshake_timeout, tls.accept(stream)) => handshake,
            _ = self.stop.wait_for(|stop| *stop) => return,
        };
        match handshake {
            Some(Ok((stream, info))) if info.is_http2() => self.http2(stream, Peer { addr, tls: Some(info) }).await,
            Some(Ok((stream, info))) => self.http1(stream, Peer { addr, tls: Some(info) }).await,
            // Whoever sends one wants to be somebody, and should be told why that does not work.
            Some(Err(error)) if is_about_client_certificate(&error) => {
                tracing::info!(source = %addr.ip(), %error, "TLS handshake failed: client certificate")
            }
            Some(Err(error)) => tracing::debug!(%addr, %error, "TLS handshake failed"),
            None => tracing::debug!(%addr, "TLS handshake took too long"),
        }
    }

    fn exchange(&self, peer: Peer) -> Arc<Exchange<H>> {
        Arc::new(Exchange {
            handler: self.handler.clone(),
            limits: self.limits.clone(),
            peer: Arc::new(peer),
            activity: Activity::begin(),
        })
    }

    /// Plain connections speak HTTP/1.1 only: HTTP/2 without TLS would need a look at the first bytes of each, and the
    /// proxies that would use it speak HTTP/1.1 as well.
    async fn http1(self, io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, peer: Peer) {
        let exchange = self.exchange(peer);
        let activity = exchange.activity.clone();
        let io = TokioIo::new(Heard { io, activity: activity.clone() });
        let service = service_fn(move |request: http::Request<Incoming>| {
            let exchange = exchange.clone();
            async move { Ok::<_, Infallible>(exchange.answer(request).await) }
        });
        let connection = http1::Builder::new()
            .header_read_timeout(None)
            .max_headers(self.limits.headers_max)
            .max_header_size(self.limits.header_max_bytes)
            // Also how much of an unfinished head is kept. hyper insists on 8 KiB.
            .max_buf_size(self.limits.header_max_bytes.max(8192))
            .serve_connection(io, service);
        self.drive(connection, &activity, false).await;
    }

    async fn http2(self, io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, peer: Peer) {
        let exchange = self.exchange(peer);
        let activity = exchange.activity.clone();
        let service = service_fn(move |request: http::Request<Incoming>| {
            let exchange = exchange.clone();
            async move { Ok::<_, Infallible>(exchange.answer(request).await) }
        });
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.limits.h2_streams_max)
            .max_header_list_size(u32::try_from(self.limits.header_max_bytes).unwrap_or(u32::MAX))
            .max_pending_accept_reset_streams(H2_PENDING_RESETS_MAX)
            .max_local_error_reset_streams(H2_ERROR_RESETS_MAX)
            .keep_alive_interval(H2_PING_INTERVAL)
            .keep_alive_timeout(H2_PING_TIMEOUT)
            .serve_connection(TokioIo::new(io), service);
        self.drive(connection, &activity, true).await;
    }

    /// Runs a connection until it ends, overstays, or the server stops.
    async fn drive<C: GracefulConnection<Error: Error>>(mut self, connection: C, activity: &Activity, http2: bool) {
        let mut connection = pin!(connection);
        let waits = Waits { head: self.limits.header_timeout, idle: self.limits.idle_timeout };
        let mut overdue = pin!(overdue(activity, waits));
        let mut stopping = false;
        let phase = loop {
            tokio::select! {
                biased;
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "connection broke");
                    }
                    return;
                }
                _ = self.stop.wait_for(|stop| *stop), if !stopping => {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                    // An idle HTTP/1.1 connection ends with that. In HTTP/2 the client is asked first whether it has
                    // sent more, and one that is gone never says so.
                    if http2 {
                        overdue.set(self::overdue(activity, Waits { head: Some(CLOSE_TIMEOUT), idle: Some(CLOSE_TIMEOUT) }));
                    }
                }
                phase = &mut overdue => break phase,
            }
        };
        // Half a head has no answer. In between requests both sides say goodbye, if they do so at once.
        if http2 || phase == Phase::Idle {
            connection.as_mut().graceful_shutdown();
            let _ = timeout(CLOSE_TIMEOUT, connection).await;
        }
    }
}

/// Ends when a connection has waited too long for something. Looks at its state each time the connection was polled,
/// and moves its timer only to an earlier time.
async fn overdue(activity: &Activity, waits: Waits) -> Phase {
    let mut timer = None;
    std::future::poll_fn(move |cx| {
        loop {
            let Some((due, phase)) = activity.due(waits) else { return Poll::Pending };
            let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
            if timer.deadline() > due {
                timer.as_mut().reset(due);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if timer.deadline() >= due {
                return Poll::Ready(phase);
            }
            timer.as_mut().reset(due);
        }
    })
    .await
}
