//! The settings of a [`Verifier`].

use super::claims::Rules;
use super::introspection::Introspection;
use super::key_cache::KeyCache;
use super::spent_proofs::SpentProofs;
use super::{Verifier, binding};
use crate::client_auth::{Authentication, ClientAuth};
use crate::clock::{Clock, random};
use crate::endpoint::PlainHttp;
use crate::error::ConfigError;
use crate::issuer::Issuer;
use crate::outgoing::{Outgoing, certificates};
use crate::secret::Secret;
use grantor_core::binding::{IAT_WINDOW_S, Nonces};
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

const LEEWAY_MAX: Duration = Duration::from_secs(60);
const INTROSPECTION_KEPT_MAX: Duration = Duration::from_secs(300);
const DPOP_WINDOW_MAX: Duration = Duration::from_secs(300);
/// How long a nonce is taken at most.
const NONCE_LIFETIME_S: u32 = 300;

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
    sender_constraint_required: bool,
    dpop_window: Duration,
    dpop_proofs_max: usize,
    dpop_nonce_key: Option<Zeroizing<[u8; 32]>>,
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
            sender_constraint_required: false,
            dpop_window: Duration::from_secs(IAT_WINDOW_S.unsigned_abs()),
            dpop_proofs_max: 1_000_000,
            dpop_nonce_key: None,
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

    /// Refuses tokens that are bound to no key, which anybody who steals one can use. Without this both kinds are taken.
    pub fn sender_constraint_required(mut self) -> Self {
        self.sender_constraint_required = true;
        self
    }

    /// How old a DPoP proof may be (RFC 9449 §11.1): 60 seconds unless told otherwise, 300 at most.
    pub fn dpop_window(mut self, window: Duration) -> Self {
        self.dpop_window = window;
        self
    }

    /// How many DPoP proofs are remembered, so that each serves once: a million unless told otherwise, which is enough for
    /// 14,000 requests a second and takes 40 MB then. When there is no room, requests with proofs are refused (503).
    pub fn dpop_proofs_max(mut self, proofs: usize) -> Self {
        self.dpop_proofs_max = proofs;
        self
    }

    /// Asks for a nonce of this API in each DPoP proof (RFC 9449 §9): then nobody who has a client's key for a moment can
    /// make proofs for later. Callers are told the nonce when they are refused for want of it. Nonces are stored nowhere.
    pub fn dpop_nonces(self) -> Self {
        self.dpop_nonce_key(random())
    }

    /// Like [`dpop_nonces`](Self::dpop_nonces), with a secret key: instances of the API that have the same one take each
    /// other's nonces. It serves nothing else.
    pub fn dpop_nonce_key(mut self, key: [u8; 32]) -> Self {
        self.dpop_nonce_key = Some(Zeroizing::new(key));
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
        if self.dpop_window > DPOP_WINDOW_MAX {
            return Err(ConfigError::new("a DPoP proof can be good for 300 seconds at most"));
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
        let binding = binding::Rules {
            required: self.sender_constraint_required,
            iat_window_s: i64::try_from(self.dpop_window.as_secs()).unwrap_or_default(),
            iat_ahead_s: leeway_s,
            nonces: self.dpop_nonce_key.map(|key| Nonces::new(&key, NONCE_LIFETIME_S)),
            nonce_domain: self.audience.join(" "),
            spent: SpentProofs::new(self.dpop_proofs_max, self.dpop_window + self.leeway + Duration::from_secs(2)),
        };
        Ok(Verifier(Arc::new(super::Inner {
            binding,
            rules: Rules { issuer: self.issuer, audience: self.audience, leeway_s },
            keys: KeyCache::new(issuer, self.clock.clone(), self.refetch_interval),
            introspection,
            clock: self.clock,
        })))
    }
}
