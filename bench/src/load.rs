//! Closed-loop load: so many connections, one request in flight on each. Any answer that is not a token ends the run.

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// A token endpoint, and the request that it is asked over and over.
pub struct Target {
    address: SocketAddr,
    request: Arc<[u8]>,
}

impl Target {
    /// `client_id` and `secret` are letters and digits, so form-encoding changes nothing.
    pub fn new(address: SocketAddr, client_id: &str, secret: &str) -> Self {
        const BODY: &str = "grant_type=client_credentials&scope=read";
        let basic = STANDARD.encode(format!("{client_id}:{secret}"));
        let request = format!(
            "POST /connect/token HTTP/1.1\r\nHost: {address}\r\nAuthorization: Basic {basic}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{BODY}",
            BODY.len()
        );
        Self { address, request: request.into_bytes().into() }
    }
}

/// Tokens per second.
pub async fn run(target: &Target, connections: usize, time: Duration) -> Result<f64> {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        tasks.spawn(connection(target.address, target.request.clone(), start + time));
    }
    let mut tokens = 0u64;
    while let Some(done) = tasks.join_next().await {
        tokens += done??;
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of seconds' worth of tokens")]
    Ok(tokens as f64 / start.elapsed().as_secs_f64())
}

async fn connection(address: SocketAddr, request: Arc<[u8]>, end: Instant) -> Result<u64> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(4096);
    let mut tokens = 0;
    while Instant::now() < end {
        stream.write_all(&request).await?;
        buffer.clear();
        let whole = loop {
            ensure!(stream.read_buf(&mut buffer).await? > 0, "the server closed the connection");
            if let Some(length) = whole_length(&buffer)?
                && buffer.len() >= length
            {
                break length;
            }
        };
        let answer = &buffer[..whole];
        let issued =
            answer.starts_with(b"HTTP/1.1 200") && answer.windows(16).any(|part| part == b"\"access_token\":\"");
        ensure!(issued, "not a token: {}", String::from_utf8_lossy(answer).lines().next().unwrap_or_default());
        tokens += 1;
    }
    Ok(tokens)
}

/// Length of head and body together, once the head is there.
fn whole_length(buffer: &[u8]) -> Result<Option<usize>> {
    let Some(head) = buffer.windows(4).position(|part| part == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&buffer[..head])?;
    let length = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .context("an answer without Content-Length")?;
    Ok(Some(head + 4 + length.1.trim().parse::<usize>()?))
}
