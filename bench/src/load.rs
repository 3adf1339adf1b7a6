//! Closed-loop load: so many connections at a time, one request in flight on each. Any answer that is not a token ends the run.

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::{ClientConfig, HandshakeKind, ProtocolVersion};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

/// A token endpoint, and the request that it is asked over and over.
#[derive(Clone)]
pub struct Target {
    address: SocketAddr,
    request: Arc<[u8]>,
    tls: Option<TlsConnector>,
    /// A connection for each token, instead of one for all.
    anew: bool,
}

impl Target {
    /// `client_id` and `secret` are letters and digits, so form-encoding changes nothing.
    pub fn with_secret(address: SocketAddr, client_id: &str, secret: &str) -> Self {
        let basic = STANDARD.encode(format!("{client_id}:{secret}"));
        Self::asking(address, &format!("Authorization: Basic {basic}\r\n"), "grant_type=client_credentials&scope=read")
    }

    /// The certificate is all that shows who it is.
    pub fn with_certificate(address: SocketAddr, client_id: &str, tls: ClientConfig) -> Self {
        let body = format!("grant_type=client_credentials&scope=read&client_id={client_id}");
        Self::asking(address, "", &body).over(tls)
    }

    pub fn over(self, tls: ClientConfig) -> Self {
        Self { tls: Some(Arc::new(tls).into()), ..self }
    }

    pub fn anew(self) -> Self {
        Self { anew: true, ..self }
    }

    fn asking(address: SocketAddr, authorization: &str, body: &str) -> Self {
        let request = format!(
            "POST /connect/token HTTP/1.1\r\nHost: {address}\r\n{authorization}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        Self { address, request: request.into_bytes().into(), tls: None, anew: false }
    }

    /// Connects, gets tokens until the end or just one, and disconnects.
    async fn connection(&self, end: Instant) -> Result<u64> {
        let mut stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return self.tokens(&mut stream, end).await };
        let mut stream = tls.connect(self.address.ip().into(), stream).await?;
        let session = stream.get_ref().1;
        ensure!(session.protocol_version() == Some(ProtocolVersion::TLSv1_3), "not TLS 1.3");
        ensure!(session.handshake_kind() == Some(HandshakeKind::Full), "not a full handshake");
        let tokens = self.tokens(&mut stream, end).await?;
        stream.shutdown().await?;
        Ok(tokens)
    }

    async fn tokens(&self, stream: &mut (impl AsyncRead + AsyncWrite + Unpin), end: Instant) -> Result<u64> {
        let mut buffer = Vec::with_capacity(4096);
        let mut tokens = 0;
        while Instant::now() < end {
            stream.write_all(&self.request).await?;
            // An encrypted stream keeps what it was given until it has to send.
            stream.flush().await?;
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
            if self.anew {
                break;
            }
        }
        Ok(tokens)
    }
}

/// Tokens per second.
pub async fn run(target: &Target, connections: usize, time: Duration) -> Result<f64> {
    let start = Instant::now();
    let end = start + time;
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let target = target.clone();
        tasks.spawn(async move {
            let mut tokens = 0;
            while Instant::now() < end {
                tokens += target.connection(end).await?;
            }
            anyhow::Ok(tokens)
        });
    }
    let mut tokens = 0u64;
    while let Some(done) = tasks.join_next().await {
        tokens += done??;
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of seconds' worth of tokens")]
    Ok(tokens as f64 / start.elapsed().as_secs_f64())
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
