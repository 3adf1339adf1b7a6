//! One request, bounded in time and size, and an answer that can say why it is a refusal.

use super::Settings;
use crate::Secret;
use crate::error::Wrong;
use crate::file;
use http::{HeaderValue, Method, StatusCode, header};
use reqwest::{Certificate, Client, redirect};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use url::{Host, Url};
use zeroize::Zeroizing;

const TIMEOUT: Duration = Duration::from_secs(10);
const BODY_MAX_BYTES: usize = 1024 * 1024;
const CA_MAX_BYTES: usize = 1024 * 1024;
/// Of what the server says about a refusal.
const SAID_MAX_CHARS: usize = 200;

pub(super) struct Exchange {
    client: Client,
    base: Url,
    namespace: Option<HeaderValue>,
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    body: Zeroizing<Vec<u8>>,
}

#[derive(Deserialize)]
struct Refusal {
    errors: Vec<String>,
}

#[derive(Deserialize)]
struct WrittenAs {
    data: VersionOnly,
}

#[derive(Deserialize)]
struct VersionOnly {
    version: u64,
}

impl Exchange {
    pub(super) fn new(settings: &Settings) -> Result<Self, String> {
        let base = Url::parse(&settings.address).map_err(|_| "VAULT_ADDR is no address such as https://vault:8200")?;
        let safe = base.scheme() == "https" || base.scheme() == "http" && is_loopback(&base);
        if !safe {
            return Err("VAULT_ADDR has to begin with https://; plain http is for this machine only".into());
        }
        let mut client = Client::builder()
            .user_agent(concat!("grantor/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .referer(false)
            .timeout(TIMEOUT)
            .connect_timeout(TIMEOUT);
        if base.scheme() == "http" {
            // A proxy named in the environment would read the secrets, and roots are not needed.
            client = client.no_proxy().tls_certs_only([]);
        } else if let Some(path) = &settings.ca {
            client = client.tls_certs_only(authorities(path)?);
        }
        let namespace = settings.namespace.as_deref().map(HeaderValue::from_str).transpose();
        Ok(Self {
            client: client
                .build()
                .map_err(|_| "the HTTP client cannot be made; check the authorities of the machine")?,
            base,
            namespace: namespace.map_err(|_| "VAULT_NAMESPACE is no name of a namespace")?,
        })
    }

    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&Secret>,
        body: Option<&[u8]>,
    ) -> Result<Answer, Wrong> {
        let mut request = self.client.request(method, self.address(path)?).header("x-vault-request", "true");
        if let Some(token) = token {
            let value = HeaderValue::from_str(token.expose()).map_err(|_| "the token has characters no token has")?;
            request = request.header("x-vault-token", sensitive(value));
        }
        if let Some(namespace) = &self.namespace {
            request = request.header("x-vault-namespace", namespace);
        }
        if let Some(body) = body {
            request = request.header(header::CONTENT_TYPE, "application/json").body(body.to_vec());
        }
        let response = request.send().await.map_err(|error| self.silence(&error))?;
        self.answer(response).await
    }

    fn address(&self, path: &str) -> Result<Url, Wrong> {
        let mut url = self.base.clone();
        url.set_query(None);
        url.path_segments_mut()
            .map_err(|()| "VAULT_ADDR is no address that paths can be added to")?
            .pop_if_empty()
            .push("v1")
            .extend(path.split('/'));
        Ok(url)
    }

    async fn answer(&self, mut response: reqwest::Response) -> Result<Answer, Wrong> {
        let too_long = || Wrong::from(format!("the server's answer is longer than {BODY_MAX_BYTES} bytes"));
        let announced = response.content_length().unwrap_or(BODY_MAX_BYTES as u64);
        let room = usize::try_from(announced).ok().filter(|room| *room <= BODY_MAX_BYTES).ok_or_else(too_long)?;
        // Allocated once: a growing buffer would leave copies behind that nothing wipes.
        let mut body = Zeroizing::new(Vec::with_capacity(room));
        while let Some(chunk) = response.chunk().await.map_err(|error| self.silence(&error))? {
            if body.len() + chunk.len() > room {
                return Err(too_long());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status: response.status(), body })
    }

    /// The server could not be asked.
    fn silence(&self, error: &reqwest::Error) -> Wrong {
        let what = if error.is_timeout() { "did not answer in time" } else { "cannot be reached" };
        let host = self.base.host_str().unwrap_or_default();
        let port = self.base.port_or_known_default().unwrap_or_default();
        let mut cause = std::error::Error::source(error);
        let mut last = String::new();
        while let Some(deeper) = cause {
            last = format!(" ({})", printable(&deeper.to_string()));
            cause = deeper.source();
        }
        Wrong::away(format!("the server {host}:{port} {what}{last}; check VAULT_ADDR, VAULT_CACERT and the network"))
    }
}

impl Answer {
    pub(super) fn json<T: DeserializeOwned>(&self, step: &str) -> Result<T, Wrong> {
        serde_json::from_slice(&self.body)
            .map_err(|_| format!("{step}: the server's answer is not what Vault answers; check VAULT_ADDR").into())
    }

    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    pub(super) fn says(&self, words: &str) -> bool {
        self.errors().iter().any(|error| error.contains(words))
    }

    pub(super) fn written_version(&self) -> Option<String> {
        let read: Option<WrittenAs> = serde_json::from_slice(&self.body).ok();
        read.map(|read| read.data.version.to_string())
    }

    /// Why a step failed, with what the server says, unless that repeats `hidden`.
    pub(super) fn refusal(&self, step: &str, hidden: &str) -> Wrong {
        let said = self.errors().join("; ");
        let said = match said.trim() {
            "" => String::new(),
            said if !hidden.is_empty() && said.contains(hidden) => String::new(),
            said => format!(" ({})", printable(said)),
        };
        let check = match self.status.as_u16() {
            403 => "check the policy of the login, and that it has not ended",
            400 | 401 => "check the login and the path",
            404 => "check the path and the mount",
            300..400 => "redirects are not followed: set VAULT_ADDR to the server that is active",
            503 => "the server is sealed or not ready",
            _ => "look into the server's log",
        };
        let text = format!("{step}: the server answered {}{said}; {check}", self.status.as_u16());
        match self.status.as_u16() {
            // 412: not yet replicated; 472 and 473: standby nodes.
            408 | 412 | 429 | 472 | 473 | 500.. => Wrong::away(text),
            _ => text.into(),
        }
    }

    fn errors(&self) -> Vec<String> {
        serde_json::from_slice::<Refusal>(&self.body).map(|refusal| refusal.errors).unwrap_or_default()
    }
}

fn authorities(path: &std::path::Path) -> Result<Vec<Certificate>, String> {
    let pem = file::read_text(path, CA_MAX_BYTES).map_err(|wrong| format!("VAULT_CACERT: {wrong}"))?;
    let found = Certificate::from_pem_bundle(pem.as_bytes()).unwrap_or_default();
    match found.is_empty() {
        true => Err("VAULT_CACERT holds no certificate in PEM".into()),
        false => Ok(found),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn sensitive(mut value: HeaderValue) -> HeaderValue {
    value.set_sensitive(true);
    value
}

/// Text from afar, fit for a log.
fn printable(text: &str) -> String {
    text.chars().take(SAID_MAX_CHARS).map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect()
}
