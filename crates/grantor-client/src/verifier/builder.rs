//! The settings of a [`Verifier`].

use super::Verifier;
use super::claims::Rules;
use super::introspection::Introspection;
use super::key_cache::KeyCache;
use crate::client_auth::{Authentication, ClientAuth};
use crate::clock::Clock;
use crate::endpoint::PlainHttp;
use crate::error::ConfigError;
use crate::issuer::Issuer;
use crate::outgoing::{Outgoing, certificates};
use crate::secret::Secret;
use std::sync::Arc;
use std::time::Duration;

const LEEWAY_MAX: Duration = Duration::from_secs(60);
const INTROSPECTION_KEPT_MAX: Duration = Duration::from_secs(300);

/// The settings of a [`Verifier`]. Everything is checked in [`build`](Self::build).
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    issuer: String,
    audience: Vec<String>,
    leeway: Duration,
    introspection: Option<ClientAuth>,
    introspection_kept_for: Duration,
    refetch_interval: Duration,
    request_timeout: Duration,
    roots_pem: Vec<Vec<u8>>,
    plain: PlainHttp,
    clock: Clock,
}

impl Builder {
    pub(super) fn new(issuer: String) -> Self {
        Self {
            issuer,
            audience: Vec::new(),
            leeway: Duration::from_secs(10),
            introspection: None,
            introspection_kept_for: Duration::from_secs(10),
            refetch_interval: Duration::from_secs(10),
            request_timeout: Duration::from_secs(5),
            roots_pem: Vec::new(),
            plain: PlainHttp::default(),
            clock: Clock::default(),
        }
    }

    /// This API's name, as it stands in `aud`: the identifier of the resource. At least one is needed; a token for any of
    /// several will do.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience.push(audience.into());
        self
    }

    /// By how much this machine's clock and the issuer's may differ: 10 seconds unless told otherwise, 60 at most.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Asks the issuer about opaque tokens (RFC 7662), as this client. Without it they are refused. JWTs are still checked
    /// here.
    pub fn introspection(self, client_id: impl Into<String>, client_secret: impl Into<Secret>) -> Self {
        self.introspection_as(client_id, Authentication::client_secret_basic(client_secret))
    }

    /// Like [`introspection`](Self::introspection), for an API that proves itself in another way than with a secret.
    pub fn introspection_as(mut self, client_id: impl Into<String>, method: Authentication) -> Self {
        self.introspection = Some(ClientAuth { client_id: client_id.into(), method });
        self
    }

    /// How long an answer about an opaque token is kept: 10 seconds unless told otherwise, 300 at most. A revoked token
    /// may be accepted for so long.
    pub fn introspection_kept_for(mut self, duration: Duration) -> Self {
        self.introspection_kept_for = duration;
        self
    }

    /// How often a token that names an unknown key may make for a look at the issuer's keys: every 10 seconds unless told
    /// otherwise.
    pub fn refetch_interval(mut self, interval: Duration) -> Self {
        self.refetch_interval = interval;
        self
    }

    /// How long one request to the issuer may take: 5 seconds unless told otherwise.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// Trusts these certificates (PEM) beside those of the machine, as for a private certificate authority.
    pub fn root_certificate_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots_pem.push(pem.into());
        self
    }

    /// Fetches keys over plain http from any host, where everybody on the way can put their own in. Without this only
    /// loopback addresses are exempt from https.
    pub fn danger_allow_http(mut self) -> Self {
        self.plain = PlainHttp::Anywhere;
        self
    }

    #[cfg(test)]
    pub(crate) fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Checks the settings. Nothing is fetched until the first token is checked.
    pub fn build(self) -> Result<Verifier, ConfigError> {
        if self.audience.is_empty() || self.audience.iter().any(String::is_empty) {
            return Err(ConfigError::new(
                "set the audience: without it a token for any other API would be taken for one for this API",
            ));
        }
        if self.leeway > LEEWAY_MAX {
            return Err(ConfigError::new("a leeway of more than 60 seconds is too much; set the clock instead"));
        }
        if self.introspection_kept_for > INTROSPECTION_KEPT_MAX {
            return Err(ConfigError::new("introspection answers can be kept for 300 seconds at most"));
        }
        if let Some(auth) = &self.introspection {
            auth.check()?;
        }
        let mut roots = Vec::new();
        for pem in &self.roots_pem {
            roots.extend(certificates(pem)?);
        }
        let identity = self.introspection.as_ref().and_then(|auth| auth.method.identity());
        let outgoing = Outgoing::new(roots, self.request_timeout).with_identity(identity.cloned())?;
        let issuer = Issuer::with(self.issuer.clone(), self.plain, outgoing, self.clock.clone())?;
        if self.plain == PlainHttp::Anywhere {
            tracing::warn!("danger_allow_http: the keys that tokens are checked with may come over plain http");
        }
        let introspection = self.introspection.map(|auth| Introspection {
            auth,
            issuer: issuer.clone(),
            keep_for: self.introspection_kept_for,
            clock: self.clock.clone(),
            kept: Default::default(),
        });
        let leeway_s = i64::try_from(self.leeway.as_secs()).unwrap_or_default();
        Ok(Verifier(Arc::new(super::Inner {
            rules: Rules { issuer: self.issuer, audience: self.audience, leeway_s },
            keys: KeyCache::new(issuer, self.clock.clone(), self.refetch_interval),
            introspection,
            clock: self.clock,
        })))
    }
}
