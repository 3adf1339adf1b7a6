//! Assertions (RFC 7523 §2.2, §3; draft-ietf-oauth-rfc7523bis for the audience and the type).

use super::PrivateKey;
use crate::clock::random;
use crate::outgoing::NoReply;
use crate::secret::Secret;
use grantor_core::client_auth::CLIENT_AUTHENTICATION_JWT;
use grantor_core::jose::{b64url_encode, sign_hs256};
use zeroize::Zeroizing;

/// How long an assertion is good for, which is as long as a request may reasonably be under way.
const LIFETIME_S: i64 = 60;

/// The audience is the issuer alone, never the endpoint: another server that names this one's endpoint as its own gets
/// nothing that is good here (CVE-2025-27370).
pub(super) fn claims(client_id: &str, issuer: &str, now: i64) -> String {
    serde_json::json!({
        "iss": client_id,
        "sub": client_id,
        "aud": issuer,
        "exp": now.saturating_add(LIFETIME_S),
        "iat": now,
        "jti": b64url_encode(&random::<16>()),
    })
    .to_string()
}

pub(super) fn with_secret(secret: &Secret, claims: &str) -> Zeroizing<String> {
    Zeroizing::new(sign_hs256(CLIENT_AUTHENTICATION_JWT, claims.as_bytes(), secret.expose().as_bytes()))
}

pub(super) fn with_key(key: &PrivateKey, claims: &str) -> Result<Zeroizing<String>, NoReply> {
    let signed = key.signing_key().sign_jwt(CLIENT_AUTHENTICATION_JWT, claims.as_bytes());
    signed.map(Zeroizing::new).map_err(|error| NoReply { why: error.to_string(), transient: false })
}
