//! Who is calling: client authentication (RFC 6749 §2.3). One file per method.

mod client_secret;
mod public_keys;
mod slow;
mod verify;

pub use client_secret::Presented;
pub use public_keys::PublicKeys;
pub use slow::{SlowCheck, SlowProof};
pub use verify::Caller;

use crate::error::{ErrorCode, OAuthError, Result};
use crate::form::Form;
use crate::incoming::Incoming;
use serde::{Deserialize, Serialize};

/// Client-authentication methods, by their names in the IANA registry (RFC 7591 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    ClientSecretBasic,
    ClientSecretPost,
}

impl Method {
    pub const ALL: [Self; 2] = [Self::ClientSecretBasic, Self::ClientSecretPost];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
        }
    }
}

/// What a request shows as proof of who sent it. Not verified yet.
#[derive(Debug)]
pub enum ClientAuth {
    /// One or two readings of the header: form-decoded (RFC 6749 §2.3.1) where that is possible, and as it stands where
    /// that differs, for clients with the allowance.
    SecretBasic(Presented, Option<Presented>),
    SecretPost(Presented),
}

impl ClientAuth {
    /// Finds exactly one authentication method in the request (RFC 6749 §2.3: a client MUST NOT use more).
    pub fn parse(incoming: &Incoming<'_>, form: &Form<'_>) -> Result<Self> {
        let authorization = incoming.authorization()?;
        let client_id = form.one("client_id")?;
        let secret = form.one("client_secret")?;
        let assertion = form.one("client_assertion")?.or(form.one("client_assertion_type")?);
        if usize::from(authorization.is_some()) + usize::from(secret.is_some()) + usize::from(assertion.is_some()) > 1 {
            return Err(OAuthError::invalid_request(
                "use exactly one client authentication method: the Authorization header, client_secret, or client_assertion",
            )
            .because("several_auth_methods", "the request authenticates the client in more than one way"));
        }
        match (authorization, secret) {
            (Some(header), _) => client_secret::parse_basic(header, client_id),
            (None, Some(secret)) => client_secret::parse_post(client_id, secret),
            (None, None) if assertion.is_some() => Err(OAuthError::new(
                ErrorCode::InvalidClient,
                "client_assertion is not supported here; use client_secret_basic or client_secret_post",
            )),
            (None, None) => Err(OAuthError::new(
                ErrorCode::InvalidClient,
                "no client authentication; send client_id and client_secret in an Authorization: Basic header",
            )
            .because(
                "no_client_auth",
                format!("client_id in the body: {}", client_id.map_or("none".into(), crate::error::quote)),
            )
            .with_challenge(true)),
        }
    }

    pub const fn method(&self) -> Method {
        match self {
            Self::SecretBasic(..) => Method::ClientSecretBasic,
            Self::SecretPost(_) => Method::ClientSecretPost,
        }
    }

    fn readings(&self) -> impl Iterator<Item = &Presented> {
        let (first, second) = match self {
            Self::SecretBasic(first, second) => (first, second.as_ref()),
            Self::SecretPost(only) => (only, None),
        };
        std::iter::once(first).chain(second)
    }

    /// The client that the request names: form-decoded where that is possible.
    pub fn client_id(&self) -> &str {
        match self {
            Self::SecretBasic(presented, _) | Self::SecretPost(presented) => &presented.client_id,
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
