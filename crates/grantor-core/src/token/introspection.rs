//! Token introspection (RFC 7662), its signed answers (RFC 9701), and the request that revocation shares (RFC 7009).

use super::AccessToken;
use crate::Timestamp;
use crate::client_auth::{Caller, ClientAuth};
use crate::error::{OAuthError, Result};
use crate::incoming::{Incoming, ParseLimits};
use http::HeaderMap;
use http::header::ACCEPT;
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// What a caller asks about a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenQueryKind {
    Introspection,
    Revocation,
}

/// A request that names a token (RFC 7662 §2.1, RFC 7009 §2.1). `token_type_hint` is accepted and not needed: a hint
/// never hides a token.
pub struct TokenQuery {
    pub client_auth: ClientAuth,
    pub token: Zeroizing<String>,
    /// The caller wants the answer as a JWT (RFC 9701 §4).
    pub wants_jwt: bool,
}

impl TokenQuery {
    pub fn parse(incoming: &Incoming<'_>, limits: &ParseLimits) -> Result<Self> {
        let form = incoming.form(limits)?;
        let client_auth = ClientAuth::parse(incoming, &form)?;
        form.one("token_type_hint")?;
        let token = form.one("token")?.ok_or_else(|| OAuthError::invalid_request("token is missing"))?;
        let jwt = quality(incoming.headers, "application/token-introspection+jwt");
        let wants_jwt = jwt > 0.0 && jwt >= quality(incoming.headers, "application/json");
        Ok(Self { client_auth, token: Zeroizing::new(token.to_owned()), wants_jwt })
    }
}

/// How much a media type is wanted that `Accept` names as such; 0 where it does not (RFC 9110 §12.5.1).
fn quality(headers: &HeaderMap, media_type: &str) -> f32 {
    let ranges =
        headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let named = |range: &str| {
        let mut parts = range.split(';').map(str::trim);
        parts.next().filter(|media| media.eq_ignore_ascii_case(media_type))?;
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        Some(weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0)))
    };
    ranges.filter_map(named).fold(0.0, f32::max)
}

impl std::fmt::Debug for TokenQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenQuery").field("client_auth", &self.client_auth).finish_non_exhaustive()
    }
}

/// Whether the caller may learn about this token: it is registered for one of the token's audiences, or has the right
/// for all (RFC 7662 §4).
pub fn may_introspect(caller: &Caller<'_>, token: &AccessToken) -> bool {
    let client = caller.client();
    client.metadata.introspect_any
        || token.audience.iter().any(|name| client.metadata.introspect_resources.contains(name))
}

/// The answer of RFC 7662 §2.2. For a token that is not active, or not the caller's business, nothing but that.
pub fn introspect(token: Option<&AccessToken>) -> Value {
    let Some(token) = token else {
        return json!({ "active": false });
    };
    let mut answer = token.claims.clone();
    answer.insert("active".into(), true.into());
    answer.insert("token_type".into(), token.confirmation.token_type().into());
    Value::Object(answer)
}

/// The claims of a signed answer (RFC 9701 §5), for this caller alone.
pub fn introspection_jwt_claims(issuer: &str, caller: &Caller<'_>, answer: &Value, now: Timestamp) -> Value {
    json!({ "iss": issuer, "aud": caller.client().client_id, "iat": now, "token_introspection": answer })
}
