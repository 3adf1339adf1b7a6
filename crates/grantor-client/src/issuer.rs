//! An issuer and the documents it publishes: where its endpoints are (RFC 8414) and its keys (RFC 7517).

use crate::client_auth::ClientAuth;
use crate::clock::Clock;
use crate::endpoint::{self, PlainHttp};
use crate::error::{ConfigError, IssuerError};
use crate::keys::KeySet;
use crate::metadata::{Endpoints, Metadata, discover};
use crate::outgoing::{NoReply, Outgoing, Reply, certificates, send};
use crate::{Authentication, Secret};
use http::StatusCode;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use url::Url;

const KEYS_MAX_BYTES: usize = 512 * 1024;
const INTROSPECTION_MAX_BYTES: usize = 256 * 1024;

/// An issuer, for tools that look closer than a [`Verifier`](crate::Verifier) does. An API that wants to know whether a
/// token is good uses that one instead: nothing is checked or kept here but the metadata.
#[derive(Clone, Debug)]
pub struct Issuer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    issuer: String,
    plain: PlainHttp,
    outgoing: Outgoing,
    clock: Clock,
    /// What it said when asked first.
    metadata: Mutex<Option<Arc<Metadata>>>,
}

impl Issuer {
    /// Names an issuer: https, or http on loopback.
    pub fn new(issuer: impl Into<String>) -> Result<Self, ConfigError> {
        Self::trusting(issuer, &[])
    }

    /// Names an issuer whose certificate may come from an authority of its own: `roots_pem` (PEM) is trusted beside the
    /// roots of the machine.
    pub fn trusting(issuer: impl Into<String>, roots_pem: &[u8]) -> Result<Self, ConfigError> {
        let roots = if roots_pem.is_empty() { Vec::new() } else { certificates(roots_pem)? };
        let outgoing = Outgoing::new(roots, Duration::from_secs(10));
        Self::with(issuer.into(), PlainHttp::LoopbackOnly, outgoing, Clock::default())
    }

    pub(crate) fn with(
        issuer: String,
        plain: PlainHttp,
        outgoing: Outgoing,
        clock: Clock,
    ) -> Result<Self, ConfigError> {
        endpoint::issuer(&issuer, plain)?;
        Ok(Self(Arc::new(Inner { issuer, plain, outgoing, clock, metadata: Mutex::default() })))
    }

    /// The issuer, to the letter.
    pub fn as_str(&self) -> &str {
        &self.0.issuer
    }

    /// Fetches the keys that it signs with now.
    pub async fn keys(&self) -> Result<KeySet, IssuerError> {
        let fetched = self.0.clock.now();
        let reply = match self.jwks().await {
            Ok(reply) => reply,
            Err(error) => {
                // Perhaps they moved.
                *self.0.metadata.lock().await = None;
                return Err(error);
            }
        };
        KeySet::read(&reply, fetched)
            .map_err(|error| IssuerError::new(format!("the keys of {} cannot be used: {error}", self.0.issuer)))
    }

    async fn jwks(&self) -> Result<Reply, IssuerError> {
        let metadata = self.metadata().await?;
        let url = self.named("jwks_uri", metadata.jwks_uri.as_ref())?;
        let failed = |why: &str| IssuerError::new(format!("no keys from {url}: {why}"));
        let request = self.0.outgoing.get(url).map_err(|error| failed(&error.why))?;
        let reply = send(request, KEYS_MAX_BYTES).await.map_err(|error| failed(&error.why))?;
        match reply.status {
            StatusCode::OK => Ok(reply),
            other => Err(failed(&format!("it answered {}", other.as_u16()))),
        }
    }

    /// Asks whether a token is active (RFC 7662), and returns the whole answer.
    pub async fn introspect(
        &self,
        client_id: impl Into<String>,
        client_secret: impl Into<Secret>,
        token: &str,
    ) -> Result<Map<String, Value>, IssuerError> {
        let method = Authentication::client_secret_basic(client_secret);
        let auth = ClientAuth { client_id: client_id.into(), method };
        self.ask(&auth, token).await
    }

    pub(crate) async fn ask(&self, auth: &ClientAuth, token: &str) -> Result<Map<String, Value>, IssuerError> {
        let metadata = self.metadata().await?;
        let url = self.endpoint(&metadata, "introspection_endpoint", |all| all.introspection_endpoint.as_ref())?;
        let failed = |why: &str| IssuerError::new(format!("no answer about the token from {url}: {why}"));
        let request = self.0.outgoing.post(url).map_err(|error| failed(&error.why))?;
        let now = self.0.clock.now().unix_s();
        let request = auth.sign_in(request, &[("token", token)], &self.0.issuer, now);
        let request = request.map_err(|error| failed(&error.why))?;
        let reply = send(request, INTROSPECTION_MAX_BYTES).await.map_err(|error| failed(&error.why))?;
        match reply.status {
            StatusCode::OK => serde_json::from_slice(&reply.body).map_err(|_| failed("it is not a JSON object")),
            StatusCode::UNAUTHORIZED => Err(failed("it refuses the client credentials of this API (status 401)")),
            other => Err(failed(&format!("it answered {}", other.as_u16()))),
        }
    }

    pub(crate) async fn token_endpoint(&self) -> Result<Url, NoReply> {
        let metadata = self.look_up().await?;
        let url = self.endpoint(&metadata, "token_endpoint", |all| all.token_endpoint.as_ref());
        url.cloned().map_err(|error| NoReply { why: error.to_string(), transient: false })
    }

    async fn metadata(&self) -> Result<Arc<Metadata>, IssuerError> {
        self.look_up().await.map_err(|error| IssuerError::new(error.why))
    }

    /// Asked once, and again after a failure.
    async fn look_up(&self) -> Result<Arc<Metadata>, NoReply> {
        let mut kept = self.0.metadata.lock().await;
        if let Some(metadata) = kept.as_ref() {
            return Ok(metadata.clone());
        }
        let found = Arc::new(discover(&self.0.outgoing, &self.0.issuer, self.0.plain).await?);
        Ok(kept.insert(found).clone())
    }

    /// An endpoint: its alias for clients with a certificate, if there is one to be shown (RFC 8705 §5).
    fn endpoint<'m>(
        &self,
        metadata: &'m Metadata,
        what: &str,
        of: fn(&Endpoints<Url>) -> Option<&Url>,
    ) -> Result<&'m Url, IssuerError> {
        let alias = of(&metadata.mtls_endpoint_aliases).filter(|_| self.0.outgoing.has_identity());
        self.named(what, alias.or(of(&metadata.endpoints)))
    }

    fn named<'u>(&self, what: &str, url: Option<&'u Url>) -> Result<&'u Url, IssuerError> {
        url.ok_or_else(|| IssuerError::new(format!("the metadata of {} names no {what}", self.0.issuer)))
    }
}
