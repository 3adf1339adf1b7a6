//! Requests to the authorization server: no redirects, bounded in time and size.

use crate::client_auth::TlsIdentity;
use crate::error::{ConfigError, printable};
use http::header::{HeaderMap, RETRY_AFTER};
use http::{HeaderName, StatusCode};
use reqwest::{Certificate, Client, ClientBuilder, RequestBuilder, redirect};
use std::error::Error as _;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use url::Url;
use zeroize::Zeroizing;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How requests are made.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    roots: Vec<Certificate>,
    /// Shown to whoever asks for a client certificate.
    identity: Option<TlsIdentity>,
    timeout: Duration,
    /// Made when first needed, and shared by clones.
    secure: Arc<OnceLock<Client>>,
    plain: Arc<OnceLock<Client>>,
}

/// An answer, read to its end.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Holds a token, perhaps.
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// No answer, or none that can be used.
#[derive(Clone, Debug)]
pub(crate) struct NoReply {
    pub(crate) why: String,
    /// Asking again may help.
    pub(crate) transient: bool,
}

impl Outgoing {
    pub(crate) fn new(roots: Vec<Certificate>, timeout: Duration) -> Self {
        Self { roots, identity: None, timeout, secure: Arc::default(), plain: Arc::default() }
    }

    /// With a client certificate, which is tried out at once: its key may be another's.
    pub(crate) fn with_identity(mut self, identity: Option<TlsIdentity>) -> Result<Self, ConfigError> {
        self.identity = identity;
        if self.identity.is_some() {
            let client = self.secure_client().map_err(|error| {
                ConfigError::new(format!("the client certificate and its key cannot be used: {}", error.why))
            })?;
            self.secure = Arc::new(OnceLock::from(client));
        }
        Ok(self)
    }

    pub(crate) const fn has_identity(&self) -> bool {
        self.identity.is_some()
    }

    pub(crate) fn get(&self, url: &Url) -> Result<RequestBuilder, NoReply> {
        self.client(url).map(|client| client.get(url.clone()).header(http::header::ACCEPT, "application/json"))
    }

    pub(crate) fn post(&self, url: &Url) -> Result<RequestBuilder, NoReply> {
        if self.identity.is_some() && url.scheme() == "http" {
            let why = "a client certificate can be shown over https only".to_owned();
            return Err(NoReply { why, transient: false });
        }
        self.client(url).map(|client| client.post(url.clone()).header(http::header::ACCEPT, "application/json"))
    }

    /// A proxy may carry https, which it cannot read. Plain http goes straight, as it is meant for this machine: a proxy
    /// named in the environment would read the secrets in it.
    fn client(&self, url: &Url) -> Result<&Client, NoReply> {
        let plain = url.scheme() == "http";
        let slot = if plain { &self.plain } else { &self.secure };
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let client = if plain { self.plain_client() } else { self.secure_client() }?;
        Ok(slot.get_or_init(|| client))
    }

    /// Without the machine's roots, which a container may lack.
    fn plain_client(&self) -> Result<Client, NoReply> {
        built(self.any_client().no_proxy().tls_certs_only([]))
    }

    fn secure_client(&self) -> Result<Client, NoReply> {
        let builder = self.any_client().tls_certs_merge(self.roots.iter().cloned()).https_only(true);
        built(match &self.identity {
            Some(identity) => builder.identity(identity.identity()),
            None => builder,
        })
    }

    fn any_client(&self) -> ClientBuilder {
        Client::builder()
            .user_agent(concat!("grantor-client/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .referer(false)
            .timeout(self.timeout)
            .connect_timeout(self.timeout)
            .pool_idle_timeout(Duration::from_secs(30))
    }
}

fn built(builder: ClientBuilder) -> Result<Client, NoReply> {
    builder.build().map_err(|error| NoReply::from(error).lasting())
}

/// Sends, and reads at most `body_max` bytes of the answer.
pub(crate) async fn send(request: RequestBuilder, body_max: usize) -> Result<Reply, NoReply> {
    let mut response = request.send().await?;
    if response.status().is_redirection() {
        let why = format!("it answered {}: redirects are not followed", response.status().as_u16());
        return Err(NoReply { why, transient: false });
    }
    let too_long = || NoReply { why: format!("its answer is longer than {body_max} bytes"), transient: false };
    if response.content_length().is_some_and(|length| length > body_max as u64) {
        return Err(too_long());
    }
    let mut body = Zeroizing::new(Vec::new());
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > body_max {
            return Err(too_long());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply { status: response.status(), headers: std::mem::take(response.headers_mut()), body })
}

impl Reply {
    pub(crate) fn request_id(&self) -> Option<String> {
        let id = self.headers.get(REQUEST_ID)?.to_str().ok()?;
        (!id.is_empty()).then(|| printable(id, 64))
    }

    /// `Retry-After` in seconds (RFC 9110 §10.2.3). The other form, a date, is rare and not read.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
    }
}

/// A body may hold a token.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("status", &self.status).finish_non_exhaustive()
    }
}

impl NoReply {
    fn lasting(mut self) -> Self {
        self.transient = false;
        self
    }
}

impl From<reqwest::Error> for NoReply {
    fn from(error: reqwest::Error) -> Self {
        let transient = !error.is_builder();
        if error.is_timeout() {
            return Self { why: "it did not answer in time".into(), transient };
        }
        // reqwest says what it was doing, and its sources say what went wrong.
        let error = error.without_url();
        let mut why = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            let inner_why = inner.to_string();
            if !why.contains(&inner_why) {
                why = format!("{why}: {inner_why}");
            }
            source = inner.source();
        }
        // Nobody gets another certificate in a moment.
        let transient = transient && !why.contains("invalid peer certificate");
        Self { why: printable(&why, 400), transient }
    }
}

impl fmt::Display for NoReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// Reads certificates in PEM.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<Certificate>, ConfigError> {
    let wrong = || ConfigError::new("the root certificate is not a certificate in PEM (-----BEGIN CERTIFICATE-----)");
    match Certificate::from_pem_bundle(pem) {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn an_answer_without_end_is_given_up() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
            while stream.write_all(b"4\r\nabcd\r\n").await.is_ok() {}
        });
        let outgoing = Outgoing::new(Vec::new(), Duration::from_secs(5));
        let refused = send(outgoing.get(&url).unwrap(), 100_000).await.unwrap_err();
        assert!(refused.why.contains("longer than 100000 bytes"), "{refused}");
    }
}
