//! `client_secret_basic` and `client_secret_post` (RFC 6749 §2.3.1, RFC 7617).

use super::ClientAuth;
use crate::client::CLIENT_ID_MAX;
use crate::error::{ErrorCode, OAuthError, Result, quote};
use crate::form::decode;
use crate::secret::{SECRET_MAX, is_vschar};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// A client identifier and a secret, as one request shows them.
#[derive(Clone)]
pub struct Presented {
    pub client_id: String,
    pub(super) secret: Zeroizing<String>,
    /// Read without form-decoding, where that makes a difference.
    pub(super) unencoded: bool,
}

impl std::fmt::Debug for Presented {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Presented").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

impl Presented {
    /// `None` unless both are VSCHAR and within their limits (RFC 6749 appendix A.1, A.2).
    fn new(client_id: &str, secret: &str, unencoded: bool) -> Option<Self> {
        (is_vschar(client_id, CLIENT_ID_MAX) && is_vschar(secret, SECRET_MAX)).then(|| Self {
            client_id: client_id.to_owned(),
            secret: Zeroizing::new(secret.to_owned()),
            unencoded,
        })
    }
}

const OUT_OF_BOUNDS: &str =
    "client_id and client_secret must be 1 to 255 and 1 to 1024 visible ASCII characters or spaces";

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
        (Some(id), Some(secret)) => Presented::new(&id, &secret, false),
        _ => None,
    };
    let differs = decoded.as_ref().is_none_or(|decoded| decoded.client_id != id || *decoded.secret != secret);
    let unencoded = differs.then(|| Presented::new(id, secret, true)).flatten();
    if decoded.is_none() && unencoded.is_none() {
        return Err(refused(OUT_OF_BOUNDS));
    }
    // RFC 6749 §3.2.1 lets client_id stand in the body too. Two names for one caller are refused.
    let mut readings =
        [decoded, unencoded].into_iter().flatten().filter(|read| body_client_id.is_none_or(|id| id == read.client_id));
    match (readings.next(), readings.next()) {
        (Some(first), second) => Ok(ClientAuth::SecretBasic(first, second)),
        (None, _) => {
            Err(OAuthError::invalid_request("client_id in the body differs from the one in the Authorization header")
                .because(
                    "client_ids_differ",
                    format!("{} and {}", body_client_id.map(quote).unwrap_or_default(), quote(id)),
                ))
        }
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
    Presented::new(client_id, secret, false).map(ClientAuth::SecretPost).ok_or_else(|| {
        OAuthError::new(ErrorCode::InvalidClient, OUT_OF_BOUNDS)
            .because("malformed_credentials", "client_id or client_secret in the body is outside RFC 6749 appendix A")
    })
}
