//! What the front lets through and what it does not, seen from raw sockets.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]

mod body;
mod head;
mod http2;
mod mtls;
mod proxy;
mod stop;
mod time;
mod tls;

use bytes::Bytes;
use grantor::http::limits::FrontLimits;
use grantor::http::listener::{Checked, Handler, Peer, serve};
use grantor::http::strict::Refusal;
use grantor::http::tls::TlsConfig;
use http::request::Parts;
use http::{Response, StatusCode};
use http_body_util::Full;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Long enough for a busy machine, short enough to notice what hangs.
pub const SOON: Duration = Duration::from_secs(5);

/// Answers with what it was asked, and does what some paths say.
#[derive(Clone, Debug, Default)]
pub struct Echo {
    /// Requests that reached the handler.
    pub seen: Arc<AtomicUsize>,
    /// `/wait` waits for it.
    pub go: Arc<Notify>,
    /// `/wait` was not waited for to the end.
    pub dropped: Arc<AtomicUsize>,
}

struct Unfinished(Option<Arc<AtomicUsize>>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(dropped) = self.0.take() {
            dropped.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Handler for Echo {
    type Body = Full<Bytes>;

    async fn handle(&self, request: Checked) -> Response<Full<Bytes>> {
        self.seen.fetch_add(1, Ordering::SeqCst);
        let body = match request.head.uri.path() {
            "/panic" => panic!("on demand"),
            "/large" => Bytes::from(vec![b'x'; 32 * 1024 * 1024]),
            "/peer" => {
                let tls = request.peer.tls.as_ref();
                tls.map_or("plain".into(), |tls| format!("{} {:?}", tls.protocol, tls.alpn)).into()
            }
            "/certificate" => mtls::shown(&request.peer).into(),
            "/origin" => format!("{:?}", request.origin).into(),
            "/host" => format!("{:?}", request.head.uri.authority()).into(),
            "/wait" => {
                let mut unfinished = Unfinished(Some(self.dropped.clone()));
                self.go.notified().await;
                unfinished.0 = None;
                "waited".into()
            }
            _ => request.body,
        };
        Response::new(Full::new(body))
    }

    fn refused(&self, refusal: &Refusal, _head: Option<&Parts>, _peer: &Peer) -> Response<Full<Bytes>> {
        let mut answer = Response::new(Full::new(format!("{}: {}", refusal.reason, refusal.public).into()));
        *answer.status_mut() = refusal.status;
        answer
    }
}

#[derive(Debug)]
pub struct Server {
    pub addr: SocketAddr,
    pub echo: Echo,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

pub fn limits() -> FrontLimits {
    FrontLimits { drain_timeout: Duration::from_secs(1), ..FrontLimits::default() }
}

impl Server {
    pub async fn start(limits: FrontLimits, tls: Option<TlsConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (stop, stopped) = watch::channel(false);
        let (addr, echo) = (listener.local_addr().unwrap(), Echo::default());
        let task = tokio::spawn(serve(listener, tls, limits, echo.clone(), stopped));
        Self { addr, echo, stop, task }
    }

    pub async fn plain() -> Self {
        Self::start(limits(), None).await
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.addr).await.unwrap()
    }

    /// Sends bytes, and all that comes back until the server closes the connection.
    pub async fn raw(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        let _ = stream.write_all(bytes.as_ref()).await;
        rest(&mut stream).await
    }

    pub fn seen(&self) -> usize {
        self.echo.seen.load(Ordering::SeqCst)
    }

    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// The end of a server that was stopped.
    pub async fn ended(self) {
        timeout(SOON, self.task).await.expect("the server ends").unwrap();
    }

    /// It still serves.
    pub async fn assert_alive(&self) {
        let answer =
            self.raw("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\nalive").await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("alive"), "{answer}");
    }
}

/// All that comes until the other side closes; a reset is an end as well.
pub async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut answer = Vec::new();
    let read = async {
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = stream.read(&mut buffer).await {
            answer.extend_from_slice(&buffer[..n]);
        }
    };
    timeout(SOON, read).await.expect("the server closes the connection");
    String::from_utf8(answer).unwrap()
}

/// One whole answer with a Content-Length.
pub async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let read = async {
        let mut answer = Vec::new();
        loop {
            answer.push(stream.read_u8().await.expect("an answer"));
            let text = str::from_utf8(&answer).unwrap();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                if length.is_none_or(|length| length.parse() == Ok(body.len())) {
                    return text.to_owned();
                }
            }
        }
    };
    timeout(SOON, read).await.expect("an answer comes")
}

/// The statuses of the answers in a text.
pub fn statuses(text: &str) -> Vec<u16> {
    text.match_indices("HTTP/1.1 ").map(|(at, _)| text[at + 9..at + 12].parse().unwrap()).collect()
}

pub fn is_status(text: &str, status: StatusCode) -> bool {
    statuses(text) == [status.as_u16()]
}
