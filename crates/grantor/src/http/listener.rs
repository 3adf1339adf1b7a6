//! Stand-in until the checked front lands.
use super::response::Answer;
use http_body_util::BodyExt;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;

#[derive(Debug)]
pub struct Peer {
    pub addr: SocketAddr,
}

#[derive(Debug)]
pub struct Checked {
    pub head: http::request::Parts,
    pub body: bytes::Bytes,
    pub peer: Arc<Peer>,
}

pub async fn serve<F, R>(listener: TcpListener, handler: F, mut stop: watch::Receiver<bool>)
where
    F: Fn(Checked) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Answer> + Send,
{
    loop {
        let (stream, addr) = tokio::select! {
            accepted = listener.accept() => match accepted { Ok(x) => x, Err(_) => continue },
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let _ = stream.set_nodelay(true);
        let peer = Arc::new(Peer { addr });
        let handler = handler.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                let (peer, handler) = (peer.clone(), handler.clone());
                async move {
                    let (head, body) = request.into_parts();
                    let body = body.collect().await?.to_bytes();
                    Ok::<_, hyper::Error>(handler(Checked { head, body, peer }).await)
                }
            });
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
