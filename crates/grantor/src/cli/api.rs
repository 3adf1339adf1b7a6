//! The admin API, spoken to a running server or to one opened in this process: the same operations either way.

use super::local::Local;
use crate::secrets::Secret;
use anyhow::Result;
use http::{Method, StatusCode};
use reqwest::Url;
use serde_json::Value;
use std::fmt::{self, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

/// An administrator's way to a server.
#[derive(Debug)]
pub struct Api {
    transport: Transport,
    key: Secret,
}

#[derive(Debug)]
enum Transport {
    Remote(Remote),
    Local(Local),
}

#[derive(Debug)]
struct Remote {
    http: reqwest::Client,
    base: Url,
    /// Where the address came from, for errors.
    from: String,
}

/// What must hold for a write to happen (RFC 9110 §13.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    Any,
    /// `If-None-Match: *`
    Absent,
    /// `If-Match` with this entity tag.
    Still(String),
    /// `If-Match: *`
    There,
}

/// An answer of the admin API that is no refusal.
#[derive(Debug)]
pub struct Reply {
    pub etag: Option<String>,
    /// `Null` where there is none.
    pub body: Value,
}

/// An answer of either transport, as it came.
pub(super) struct Raw {
    pub status: StatusCode,
    pub etag: Option<String>,
    pub body: Vec<u8>,
}

/// A request for either transport.
pub(super) struct Call {
    pub method: Method,
    pub path: String,
    pub key: Secret,
    pub when: When,
    pub body: Option<Value>,
}

/// Longest answer that is read.
pub(super) const ANSWER_MAX_BYTES: usize = 64 * 1024 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(60);

impl Api {
    /// A server that listens at `base`; at `addr`, whatever the name in `base` leads to.
    pub(super) fn remote(base: Url, key: Secret, from: String, addr: Option<SocketAddr>) -> Result<Self> {
        let builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            // The administrator's key goes to the named server and nowhere else.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("grantor/", env!("CARGO_PKG_VERSION")));
        let builder = match (addr, base.host_str()) {
            (Some(addr), Some(host)) => builder.resolve(host, addr).no_proxy(),
            _ if is_loopback(&base) => builder.no_proxy(),
            _ => builder,
        };
        let http =
            builder.build().map_err(|error| anyhow::anyhow!("cannot start an HTTP client: {}", chain(&error)))?;
        Ok(Self { transport: Transport::Remote(Remote { http, base, from }), key })
    }

    /// A server opened in this process.
    pub(super) fn local(local: Local, key: Secret) -> Self {
        Self { transport: Transport::Local(local), key }
    }

    pub async fn get(&self, path: &str) -> Result<Reply> {
        self.call(Method::GET, path, When::Any, None).await
    }

    /// `None` when there is no such thing.
    pub async fn find(&self, path: &str) -> Result<Option<Reply>> {
        match self.get(path).await {
            Ok(reply) => Ok(Some(reply)),
            Err(error) if refused(&error).is_some_and(|refused| refused.status == StatusCode::NOT_FOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub async fn put(&self, path: &str, body: Value, when: When) -> Result<Reply> {
        self.call(Method::PUT, path, when, Some(body)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Result<Reply> {
        self.call(Method::POST, path, When::Any, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Result<Reply> {
        self.call(Method::DELETE, path, When::Any, None).await
    }

    async fn call(&self, method: Method, path: &str, when: When, body: Option<Value>) -> Result<Reply> {
        let call = Call { method, path: path.to_owned(), key: self.key.clone(), when, body };
        let raw = match &self.transport {
            Transport::Remote(remote) => remote.call(call).await?,
            Transport::Local(local) => local.call(call).await?,
        };
        self.read(raw)
    }

    fn read(&self, raw: Raw) -> Result<Reply> {
        let body = if raw.body.is_empty() { Ok(Value::Null) } else { serde_json::from_slice::<Value>(&raw.body) };
        match body {
            Ok(body) if raw.status.is_success() => Ok(Reply { etag: raw.etag, body }),
            Ok(body) if body.get("status").is_some() && body.get("title").is_some() => {
                Err(Refused::read(raw.status, &body).into())
            }
            _ => Err(anyhow::anyhow!(
                "what answers {} is not an admin API of Grantor (status {}); check the address: it is the one of \
                 `listen.admin`, not the issuer's",
                self.whereabouts(),
                raw.status.as_u16()
            )),
        }
    }

    fn whereabouts(&self) -> String {
        match &self.transport {
            Transport::Remote(remote) => format!("at {} ({})", remote.base, remote.from),
            Transport::Local(_) => "in this process".into(),
        }
    }

    pub async fn close(self) {
        if let Transport::Local(local) = self.transport {
            local.close().await;
        }
    }
}

impl Remote {
    async fn call(&self, call: Call) -> Result<Raw> {
        let url = format!("{}{}", self.base.as_str().trim_end_matches('/'), call.path);
        let mut request = self.http.request(call.method, url).bearer_auth(call.key.expose());
        request = match &call.when {
            When::Any => request,
            When::Absent => request.header(http::header::IF_NONE_MATCH, "*"),
            When::Still(etag) => request.header(http::header::IF_MATCH, etag),
            When::There => request.header(http::header::IF_MATCH, "*"),
        };
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let mut answer = request.send().await.map_err(|error| self.failed(&error))?;
        let etag = answer.headers().get(http::header::ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        let (status, mut body) = (answer.status(), Vec::new());
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.failed(&error))? {
            anyhow::ensure!(body.len() + chunk.len() <= ANSWER_MAX_BYTES, "the answer of {} is too long", self.base);
            body.extend_from_slice(&chunk);
        }
        Ok(Raw { status, etag, body })
    }

    fn failed(&self, error: &reqwest::Error) -> anyhow::Error {
        let (base, from, why) = (&self.base, &self.from, chain(error));
        let advice = if error.is_timeout() {
            "it did not answer in time; try again, and look at the server's log"
        } else if why.contains("certificate") || why.contains("UnknownIssuer") {
            "its certificate is not trusted here; set SSL_CERT_FILE to the file of its CA, or correct the address"
        } else {
            "start the server, or name another one with --admin-url or --data"
        };
        anyhow::anyhow!("cannot talk to the server at {base} ({from}): {why}; {advice}")
    }
}

/// The path of a thing under `/v1`, each part as one segment whatever it holds (RFC 3986 §3.3).
pub fn path(parts: &[&str]) -> String {
    let mut path = String::from("/v1");
    for part in parts {
        path.push('/');
        for byte in part.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => path.push(char::from(byte)),
                _ => write!(path, "%{byte:02X}").expect("a String takes any text"),
            }
        }
    }
    path
}

/// Why the server did not do it (RFC 9457).
#[derive(Debug)]
pub struct Refused {
    pub status: StatusCode,
    pub detail: String,
    pub errors: Vec<String>,
}

impl Refused {
    fn read(status: StatusCode, problem: &Value) -> Self {
        let text = |member: &str| problem.get(member).and_then(Value::as_str).filter(|text| !text.is_empty());
        let detail = text("detail").or_else(|| text("title")).unwrap_or("the server refused").to_owned();
        let entry = |entry: &Value| match entry {
            Value::String(text) => text.clone(),
            Value::Object(members) => {
                let member = |name: &str| members.get(name).and_then(Value::as_str);
                let place = member("field").or_else(|| member("pointer"));
                let what = member("detail").or_else(|| member("message")).unwrap_or("is wrong");
                place.map_or_else(|| what.to_owned(), |place| format!("{}: {what}", place.trim_start_matches("#/")))
            }
            other => other.to_string(),
        };
        let errors = problem.get("errors").and_then(Value::as_array).into_iter().flatten().map(entry).collect();
        Self { status, detail, errors }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.errors.as_slice() {
            [] => f.write_str(&self.detail),
            // Nothing is said twice.
            [only] if self.detail.contains(only.as_str()) => f.write_str(&self.detail),
            errors => {
                f.write_str(&self.detail)?;
                errors.iter().try_for_each(|error| write!(f, "\n  {error}"))
            }
        }
    }
}

impl std::error::Error for Refused {}

/// The refusal that an error is, if it is one.
pub fn refused(error: &anyhow::Error) -> Option<&Refused> {
    error.downcast_ref()
}

pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(host)) => host == "localhost" || host.ends_with(".localhost"),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// The innermost causes say what happened; the outer ones only that something did.
fn chain(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn any_client_id_is_one_segment() {
        assert_eq!(
            path(&["domain", "default", "client", "a/b c:%é"]),
            "/v1/domain/default/client/a%2Fb%20c%3A%25%C3%A9"
        );
    }

    #[test]
    fn a_refusal_says_everything_once() {
        let show = |problem: Value| Refused::read(StatusCode::BAD_REQUEST, &problem).to_string();
        assert_eq!(show(json!({"title": "Bad", "status": 400})), "Bad");
        assert_eq!(show(json!({"title": "Bad", "detail": "scope: no", "errors": ["scope: no"]})), "scope: no");
        let two = json!({"title": "Bad", "detail": "2 problems", "errors": ["a: x", {"field": "b", "detail": "y"}]});
        assert_eq!(show(two), "2 problems\n  a: x\n  b: y");
    }
}
