//! Who is calling: client authentication (RFC 6749 §2.3). One file per method.

mod assertion;
mod certificate;
mod client_secret;
mod public_keys;
mod slow;
mod verify;

use assertion::Assertion;
pub use assertion::{CLIENT_AUTHENTICATION_JWT, CLOCK_SKEW_S, JTI_MAX, JWT_BEARER, SpendOnce};
pub use certificate::{CertificateMatch, match_certificate};
pub use client_secret::Presented;
pub use public_keys::PublicKeys;
pub use slow::{SlowCheck, SlowProof};
pub use verify::{Allowance, Caller, Checks, FetchProblem, Fetched};

use crate::Timestamp;
use crate::client::{Client, Credential, CredentialKind};
use crate::error::{ErrorCode, OAuthError, Result};
use crate::form::Form;
use crate::incoming::Incoming;
use crate::x509::ClientCertificate;
use serde::{Deserialize, Serialize};

/// Client-authentication methods, by their names in the IANA registry (RFC 7591 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    ClientSecretBasic,
    ClientSecretPost,
    ClientSecretJwt,
    PrivateKeyJwt,
    TlsClientAuth,
    SelfSignedTlsClientAuth,
}

impl Method {
    pub const ALL: [Self; 6] = [
        Self::ClientSecretBasic,
        Self::ClientSecretPost,
        Self::ClientSecretJwt,
        Self::PrivateKeyJwt,
        Self::TlsClientAuth,
        Self::SelfSignedTlsClientAuth,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::ClientSecretJwt => "client_secret_jwt",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::TlsClientAuth => "tls_client_auth",
            Self::SelfSignedTlsClientAuth => "self_signed_tls_client_auth",
        }
    }

    /// Whether it takes a certificate from the connection (RFC 8705 §2).
    pub const fn is_mtls(self) -> bool {
        matches!(self, Self::TlsClientAuth | Self::SelfSignedTlsClientAuth)
    }
}

/// What a request shows as proof of who sent it. Not verified yet.
#[derive(Debug)]
pub enum ClientAuth {
    /// One or two readings of the header: form-decoded (RFC 6749 §2.3.1) where that is possible, and as it stands where
    /// that differs, for clients with the allowance.
    SecretBasic(Presented, Option<Presented>),
    SecretPost(Presented),
    Assertion(Box<Assertion>),
    /// The certificate itself is of the connection, not of the request.
    Certificate {
        client_id: String,
    },
}

impl ClientAuth {
    /// Finds exactly one authentication method in the request (RFC 6749 §2.3: a client MUST NOT use more).
    pub fn parse(incoming: &Incoming<'_>, form: &Form<'_>) -> Result<Self> {
        let authorization = incoming.authorization()?;
        let client_id = form.one("client_id")?;
        let secret = form.one("client_secret")?;
        let (assertion_type, assertion) = (form.one("client_assertion_type")?, form.one("client_assertion")?);
        let asserts = assertion_type.is_some() || assertion.is_some();
        if usize::from(authorization.is_some()) + usize::from(secret.is_some()) + usize::from(asserts) > 1 {
            return Err(OAuthError::invalid_request(
                "use exactly one client authentication method: the Authorization header, client_secret, or client_assertion",
            )
            .because("several_auth_methods", "the request authenticates the client in more than one way"));
        }
        match (authorization, secret) {
            (Some(header), _) => client_secret::parse_basic(header, client_id),
            (None, Some(secret)) => client_secret::parse_post(client_id, secret),
            (None, None) if asserts => assertion::parse(assertion_type, assertion, client_id),
            (None, None) if incoming.certificate.is_some() && client_id.is_some() => {
                certificate::parse(client_id.unwrap_or_default())
            }
            (None, None) => Err(OAuthError::new(
                ErrorCode::InvalidClient,
                "no client authentication; send client_id and client_secret in an Authorization: Basic header",
            )
            .because(
                "no_client_auth",
                format!(
                    "client_id in the body: {}; client certificate: {}",
                    client_id.map_or("none".into(), crate::error::quote),
                    if incoming.certificate.is_some() { "yes" } else { "none" }
                ),
            )
            .with_challenge(true)),
        }
    }

    pub fn method(&self) -> Method {
        match self {
            Self::Assertion(assertion) => assertion.method(),
            // Which of the two it is, the client's registration tells.
            Self::Certificate { .. } => Method::TlsClientAuth,
            Self::SecretBasic(..) => Method::ClientSecretBasic,
            Self::SecretPost(_) => Method::ClientSecretPost,
        }
    }

    fn readings(&self) -> impl Iterator<Item = &Presented> {
        let (first, second) = match self {
            Self::SecretBasic(first, second) => (Some(first), second.as_ref()),
            Self::SecretPost(only) => (Some(only), None),
            Self::Assertion(_) | Self::Certificate { .. } => (None, None),
        };
        first.into_iter().chain(second)
    }

    /// The `jwks_uri` credentials whose keys `verify` will need: those that may be used now, unless the registered keys
    /// suffice.
    pub fn keys_to_fetch<'c>(
        &self,
        client: Option<&'c Client>,
        certificate: Option<&ClientCertificate>,
        now: Timestamp,
    ) -> Vec<(&'c str, &'c str)> {
        let Some(client) = client.filter(|_| matches!(self, Self::Assertion(_) | Self::Certificate { .. })) else {
            return Vec::new();
        };
        let usable = |credential: &&Credential| credential.usable(now).is_ok();
        let mut registered = client.public_keys().filter(|(credential, _)| usable(credential));
        if registered.any(|(_, keys)| self.suffices(keys, certificate)) {
            return Vec::new();
        }
        let uri = |credential: &'c Credential| match &credential.kind {
            CredentialKind::JwksUri { jwks_uri } => Some((credential.id.as_str(), jwks_uri.as_str())),
            _ => None,
        };
        client.credentials.iter().filter(usable).filter_map(uri).collect()
    }

    /// Whether what was presented names one of these keys or certificates.
    pub fn suffices(&self, keys: &PublicKeys, certificate: Option<&ClientCertificate>) -> bool {
        match self {
            Self::SecretBasic(..) | Self::SecretPost(_) => false,
            Self::Assertion(assertion) => {
                assertion.key_wanted().is_some_and(|(kid, alg)| keys.candidates(kid, alg).next().is_some())
            }
            Self::Certificate { .. } => certificate.is_some_and(|shown| keys.has_certificate(shown.x5t_s256())),
        }
    }

    /// The client that the request names: form-decoded where that is possible.
    pub fn client_id(&self) -> &str {
        match self {
            Self::SecretBasic(presented, _) | Self::SecretPost(presented) => &presented.client_id,
            Self::Assertion(assertion) => assertion.client_id(),
            Self::Certificate { client_id } => client_id,
        }
    }

    /// The other reading of the client's name, where the header was perhaps not form-encoded. Only a client with the
    /// allowance may be found by it.
    pub fn unencoded_client_id(&self) -> Option<&str> {
        match self {
            Self::SecretBasic(first, Some(second)) if first.client_id != second.client_id => Some(&second.client_id),
            _ => None,
        }
    }

    /// Whether a refusal must carry `WWW-Authenticate` (RFC 6749 §5.2).
    pub const fn used_header(&self) -> bool {
        matches!(self, Self::SecretBasic(..))
    }
}
