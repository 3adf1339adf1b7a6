//! A small server for tests: answers as told, and remembers what it was asked.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::serve::{IncomingStream, Listener};
use grantor_core::jose::{Alg, SigningKey, b64url_encode};
use http::{HeaderMap, Response, StatusCode};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) struct TestServer {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The server's own URL.
    pub(crate) base: String,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    /// `x5t#S256` of the client's certificate.
    pub(crate) x5t_s256: Option<String>,
    /// How many requests for this path came before.
    pub(crate) before: usize,
}

pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    after: Duration,
}

pub(crate) fn json(status: u16, body: &Value) -> Reply {
    Reply { status, headers: Vec::new(), body: body.to_string().into_bytes(), after: Duration::ZERO }
}

pub(crate) fn raw(status: u16, body: impl Into<Vec<u8>>) -> Reply {
    Reply { status, headers: Vec::new(), body: body.into(), after: Duration::ZERO }
}

impl Reply {
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn after(mut self, delay: Duration) -> Self {
        self.after = delay;
        self
    }
}

impl TestServer {
    pub(crate) async fn start(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self::serve(Plain(listener), url, answer)
    }

    /// Serves whoever the listener lets in; its addresses are the thumbprints of the clients' certificates.
    pub(crate) fn serve<L: Listener<Addr = Option<String>>>(
        listener: L,
        url: String,
        answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> Self
    where
        Thumbprint: for<'a> Connected<IncomingStream<'a, L>>,
    {
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (all, base, answer) = (seen.clone(), url.clone(), Arc::new(answer));
        let handler = move |ConnectInfo(Thumbprint(x5t_s256)): ConnectInfo<Thumbprint>, request: Request| {
            let (all, base, answer) = (all.clone(), base.clone(), answer.clone());
            async move {
                let (head, body) = request.into_parts();
                let body = to_bytes(body, 1 << 20).await.unwrap();
                let path = head.uri.path().to_owned();
                let seen = {
                    let mut all = all.lock().unwrap();
                    let before = all.iter().filter(|seen| seen.path == path).count();
                    let body = String::from_utf8(body.to_vec()).unwrap();
                    let seen = Seen { base, path, headers: head.headers, body, x5t_s256, before };
                    all.push(seen.clone());
                    seen
                };
                let reply = answer(&seen);
                tokio::time::sleep(reply.after).await;
                let mut response = Response::new(Body::from(reply.body));
                *response.status_mut() = StatusCode::from_u16(reply.status).unwrap();
                for (name, value) in reply.headers {
                    response.headers_mut().insert(name, value.parse().unwrap());
                }
                response
            }
        };
        let app = axum::Router::new().fallback(handler).into_make_service_with_connect_info::<Thumbprint>();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, seen }
    }

    /// The requests for a path, oldest first.
    pub(crate) fn seen(&self, path: &str) -> Vec<Seen> {
        self.seen.lock().unwrap().iter().filter(|seen| seen.path == path).cloned().collect()
    }

    pub(crate) fn count(&self, path: &str) -> usize {
        self.seen(path).len()
    }
}

struct Plain(tokio::net::TcpListener);

impl Listener for Plain {
    type Io = tokio::net::TcpStream;
    type Addr = Option<String>;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        (Listener::accept(&mut self.0).await.0, None)
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        Ok(None)
    }
}

#[derive(Clone)]
pub(crate) struct Thumbprint(pub(crate) Option<String>);

impl Connected<IncomingStream<'_, Plain>> for Thumbprint {
    fn connect_info(stream: IncomingStream<'_, Plain>) -> Self {
        Self(stream.remote_addr().clone())
    }
}

/// A new private key in PEM, and the key itself.
pub(crate) fn private_key(alg: Alg) -> (String, SigningKey) {
    let (key, pkcs8) = SigningKey::generate(alg).unwrap();
    (pem("PRIVATE KEY", &pkcs8), key)
}

fn pem(label: &str, der: &[u8]) -> String {
    let mut text = b64url_encode(der).replace('-', "+").replace('_', "/");
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

/// A form, as it was sent.
pub(crate) fn form(body: &str) -> HashMap<String, String> {
    url::form_urlencoded::parse(body.as_bytes()).into_owned().collect()
}

/// Waits until `done`, or fails after a few seconds.
pub(crate) async fn until(done: impl Fn() -> bool) {
    for _ in 0..500 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not happen in 5 seconds");
}
