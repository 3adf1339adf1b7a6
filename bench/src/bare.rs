//! The limit: hyper, one parse of the same request, one hash, one signature. No checks beyond that, no log, no audit.

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use grantor_core::jose::{Alg, SigningKey, constant_time_eq, hmac_sha256};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;
use tokio::net::TcpListener;

pub const CLIENT_ID: &str = "demo";
pub const SECRET: &str = "grsec0000000000000000000000000000000000000000000000000";

struct Bare {
    key: SigningKey,
    hash: [u8; 32],
    issued: AtomicU64,
}

pub async fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", serde_json::json!({ "address": listener.local_addr()?.to_string() }));
    let bare = Arc::new(Bare {
        key: SigningKey::generate(Alg::ES256)?.0,
        hash: hmac_sha256(&[7; 32], SECRET.as_bytes()),
        issued: AtomicU64::new(0),
    });
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let bare = bare.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(bare.clone(), request));
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(bare: Arc<Bare>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let grant = body.split(|byte| *byte == b'&').any(|pair| pair == b"grant_type=client_credentials");
    let basic = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Basic "));
    let decoded = STANDARD.decode(basic.unwrap_or_default())?;
    let secret = decoded.iter().position(|byte| *byte == b':').map_or(&[][..], |colon| &decoded[colon + 1..]);
    anyhow::ensure!(grant && constant_time_eq(&hmac_sha256(&[7; 32], secret), &bare.hash), "refused");
    let token = bare.key.sign_jwt("at+jwt", &claims(&bare)?)?;
    let body =
        format!("{{\"access_token\":\"{token}\",\"token_type\":\"Bearer\",\"expires_in\":300,\"scope\":\"read\"}}");
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}

#[expect(clippy::disallowed_methods, reason = "the bare server has no clock of its own")]
fn claims(bare: &Bare) -> Result<Vec<u8>> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
    let jti = bare.issued.fetch_add(1, Ordering::Relaxed);
    Ok(format!(
        "{{\"iss\":\"http://127.0.0.1:8080\",\"sub\":\"{CLIENT_ID}\",\"aud\":\"https://api.example.com\",\"exp\":{},\"iat\":{now},\"jti\":\"{jti:022}\",\"client_id\":\"{CLIENT_ID}\",\"scope\":\"read\"}}",
        now + 300
    )
    .into_bytes())
}
