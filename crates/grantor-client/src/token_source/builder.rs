//! The settings of a [`TokenSource`].

use super::TokenSource;
use super::request::{Server, TokenRequest};
use crate::client_auth::{Authentication, ClientAuth, TlsIdentity};
use crate::clock::Clock;
use crate::dpop_key::DpopKey;
use crate::endpoint::{self, PlainHttp};
use crate::error::ConfigError;
use crate::issuer::Issuer;
use crate::outgoing::{Outgoing, certificates};
use grantor_core::resource::is_resource_indicator;
use grantor_core::scope::is_scope_token;
use std::time::Duration;

/// The settings of a [`TokenSource`]. Everything is checked in [`build`](Self::build).
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    auth: ClientAuth,
    identity: Option<TlsIdentity>,
    dpop: Option<DpopKey>,
    issuer: Option<String>,
    token_endpoint: Option<String>,
    plain: PlainHttp,
    scope: Option<String>,
    resources: Vec<String>,
    roots_pem: Vec<Vec<u8>>,
    request_timeout: Duration,
    attempts_max: u32,
    clock: Clock,
}

impl Builder {
    pub(super) fn new(client_id: String, method: Authentication) -> Self {
        Self {
            auth: ClientAuth { client_id, method },
            identity: None,
            dpop: None,
            issuer: None,
            token_endpoint: None,
            plain: PlainHttp::default(),
            scope: None,
            resources: Vec::new(),
            roots_pem: Vec::new(),
            request_timeout: Duration::from_secs(10),
            attempts_max: 4,
            clock: Clock::default(),
        }
    }

    /// The issuer, to the letter. Its token endpoint is looked up in its metadata (RFC 8414), once.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// The token endpoint, for a server without metadata. No metadata is looked up then; the issuer is still needed by
    /// clients that make assertions, which are for that issuer.
    pub fn token_endpoint(mut self, url: impl Into<String>) -> Self {
        self.token_endpoint = Some(url.into());
        self
    }

    /// Shows a certificate beside the client's own proof, so that the server can bind tokens to it (RFC 8705 §3). A client
    /// that proves itself with one ([`Authentication::MutualTls`]) shows that one already.
    pub fn client_certificate(mut self, identity: TlsIdentity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Asks for tokens that are bound to this key (RFC 9449). Requests with them then need a proof each: see
    /// [`Token::headers`](crate::Token::headers). A server that answers with a token that is not bound is not believed.
    pub fn dpop(mut self, key: DpopKey) -> Self {
        self.dpop = Some(key);
        self
    }

    /// The scope to ask for: values separated by single spaces. Without it the server's default is granted.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    /// An API that the token is for (RFC 8707): an absolute URI. May be given several times.
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resources.push(resource.into());
        self
    }

    /// Trusts these certificates (PEM) beside those of the machine, as for a private certificate authority.
    pub fn root_certificate_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots_pem.push(pem.into());
        self
    }

    /// How long one request may take: 10 seconds unless told otherwise.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// How often a request is made before its failure is reported: 4 times unless told otherwise.
    pub fn attempts_max(mut self, attempts: u32) -> Self {
        self.attempts_max = attempts;
        self
    }

    /// Sends the secret over plain http to any host, where everybody on the way can read it. Without this only
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

    /// Checks the settings. Nothing is sent until the first token is asked for.
    pub fn build(self) -> Result<TokenSource, ConfigError> {
        self.auth.check()?;
        let mut roots = Vec::new();
        for pem in &self.roots_pem {
            roots.extend(certificates(pem)?);
        }
        let identity = match (self.auth.method.identity(), self.identity) {
            (Some(_), Some(_)) => {
                return Err(ConfigError::new(
                    "the client proves itself with a certificate already: there can be no other",
                ));
            }
            (own, beside) => own.cloned().or(beside),
        };
        let outgoing = Outgoing::new(roots, self.request_timeout).with_identity(identity)?;
        if self.auth.asserts() && self.issuer.is_none() {
            return Err(ConfigError::new(
                "set the issuer: it is the audience of the assertions that this client makes",
            ));
        }
        let audience = self.issuer.clone().unwrap_or_default();
        let server = match (self.token_endpoint, self.issuer) {
            (Some(url), _) => Server::Endpoint(endpoint::endpoint("token endpoint", &url, self.plain)?),
            (None, Some(issuer)) => {
                Server::Issuer(Issuer::with(issuer, self.plain, outgoing.clone(), self.clock.clone())?)
            }
            (None, None) => return Err(ConfigError::new("set the issuer, or the token endpoint")),
        };
        if let Some(scope) = self.scope.as_deref().filter(|scope| !scope.split(' ').all(is_scope_token)) {
            let wrong = crate::error::printable(scope, 100);
            return Err(ConfigError::new(format!("the scope '{wrong}' is not values separated by single spaces")));
        }
        if let Some(resource) = self.resources.iter().find(|resource| !is_resource_indicator(resource)) {
            let wrong = crate::error::printable(resource, 100);
            return Err(ConfigError::new(format!("the resource '{wrong}' is not an absolute URI without fragment")));
        }
        if self.plain == PlainHttp::Anywhere {
            tracing::warn!("danger_allow_http: the client secret may travel over plain http");
        }
        Ok(TokenSource::new(TokenRequest {
            auth: self.auth,
            dpop: self.dpop,
            audience,
            server,
            scope: self.scope,
            resources: self.resources,
            attempts_max: self.attempts_max.max(1),
            outgoing,
            clock: self.clock,
        }))
    }
}
