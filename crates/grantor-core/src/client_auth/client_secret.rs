//! `client_secret_basic` and `client_secret_post` (RFC 6749 §2.3.1, RFC 7617).

use super::ClientAuth;
use crate::client::CLIENT_ID_MAX;
use crate::error::{ErrorCode, OAuthError, Result};
use crate::form::decode;
use crate::secret::{SECRET_MAX, is_vschar};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// A client identifier and a secret, as one request shows them.
#[derive(Clone, PartialEq, Eq)]
pub struct Presented {
    pub client_id: String,
    pub(super) secret: Zeroizing<String>,
}

impl std::fmt::Debug for Presented {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Presented").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

impl Presented {
    /// `None` unless both are VSCHAR and within their limits (RFC 6749 appendix A.1, A.2).
    fn new(client_id: &str, secret: &str) -> Option<Self> {
        (is_vschar(client_id, CLIENT_ID_MAX) && is_vschar(secret, SECRET_MAX))
            .then(|| Self { client_id: client_id.to_owned(), secret: Zeroizing::new(secret.to_owned()) })
    }
}

/// Longest Basic value worth decoding: id and secret, every character percent-encoded, in base64.
const BASIC_MAX: usize = (CLIENT_ID_MAX + SECRET_MAX + 1) * 4 + 4;

pub(super) fn parse_basic(header: &[u8], body_client_id: Option<&str>) -> Result<ClientAuth> {
    let refused = |public: &'static str| {
        OAuthError::new(ErrorCode::InvalidClient, public).because("malformed_basic", public).with_challenge(true)
    };
    let credentials = basic_credentials(header).ok_or_else(|| refused("the Authorization header is not Basic"))?;
    if credentials.len() > BASIC_MAX {
        return Err(refused("the Basic credentials are too long"));
    }
    let bytes = STANDARD
        .decode(credentials)
        .map(Zeroizing::new)
        .map_err(|_| refused("the Basic credentials are not valid base64"))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| refused("the Basic credentials are not valid UTF-8"))?;
    let (id, secret) = text
        .split_once(':')
        .ok_or_else(|| refused("the Basic credentials lack the colon between client_id and client_secret"))?;

    let decoded = match (decode(id), decode(secret).map(|secret| Zeroizing::new(secret.into_owned()))) {
        (Some(id), Some(secret)) => Presented::new(&id, &secret),
        _ => None,
    };
    let raw = Presented::new(id, secret);
    let (decoded, raw) = match (decoded, raw) {
        (Some(decoded), Some(raw)) => (Some(decoded), raw),
        (Some(decoded), None) => (Some(decoded.clone()), decoded),
        (None, Some(raw)) => (None, raw),
        (None, None) => {
            return Err(refused(
                "client_id and client_secret must be 1 to 255 and 1 to 1024 visible ASCII characters or spaces",
            ));
        }
    };
    let auth = ClientAuth::SecretBasic { decoded, raw };
    // RFC 6749 §3.2.1 lets client_id stand in the body too. Two names for one caller are refused.
    match body_client_id {
        Some(body) if body != auth.client_id() && auth.unencoded_client_id() != Some(body) => {
            Err(OAuthError::invalid_request("client_id in the body differs from the one in the Authorization header"))
        }
        _ => Ok(auth),
    }
}

/// The token68 of `Basic 1*SP token68` (RFC 9110 §11.4). The scheme's case does not matter; a tab is not a space.
fn basic_credentials(header: &[u8]) -> Option<&str> {
    let header = std::str::from_utf8(header).ok()?;
    let (scheme, rest) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Basic").then(|| rest.trim_start_matches(' '))
}

pub(super) fn parse_post(client_id: Option<&str>, secret: &str) -> Result<ClientAuth> {
    let Some(client_id) = client_id else {
        return Err(OAuthError::invalid_request("client_secret was sent without client_id"));
    };
    Presented::new(client_id, secret).map(ClientAuth::SecretPost).ok_or_else(|| {
        OAuthError::new(
            ErrorCode::InvalidClient,
            "client_id and client_secret must be 1 to 255 and 1 to 1024 visible ASCII characters or spaces",
        )
        .because("malformed_credentials", "client_id or client_secret in the body is outside RFC 6749 appendix A")
    })
}
