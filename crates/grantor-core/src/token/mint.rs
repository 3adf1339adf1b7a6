//! From a [`Grant`] to the claims of RFC 9068 §2.2, and from there to the answer of RFC 6749 §5.1.

use super::{AT_JWT, TokenFormat, opaque};
use crate::Timestamp;
use crate::binding::Confirmation;
use crate::error::{OAuthError, Result};
use crate::grant::Grant;
use crate::jose::{Alg, JWS_MAX, SigningKey};
use crate::scope::Scope;
use serde::{Serialize, Serializer};

/// The claims of an access token, waiting for a signature or a seal.
pub struct Unsigned {
    pub jti: String,
    pub format: TokenFormat,
    pub alg: Alg,
    claims_json: Vec<u8>,
    token_type: &'static str,
    expires_in: u32,
    scope: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    #[serde(serialize_with = "one_or_many")]
    aud: &'a [&'a str],
    exp: Timestamp,
    iat: Timestamp,
    jti: &'a str,
    client_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    scope: &'a str,
    /// RFC 7800 §3.1.
    #[serde(skip_serializing_if = "Confirmation::is_empty")]
    cnf: &'a Confirmation,
}

/// A single audience is a string: every consumer tried accepts that, not every one a list (RFC 7519 §4.1.3).
fn one_or_many<S: Serializer>(names: &[&str], serializer: S) -> std::result::Result<S::Ok, S::Error> {
    match names {
        [only] => serializer.serialize_str(only),
        many => serializer.collect_seq(many),
    }
}

impl Grant<'_> {
    /// Writes the claims. `jti` must be unique and unguessable.
    pub fn mint(self, now: Timestamp, jti: String) -> Result<Unsigned> {
        let scope = self.scope.to_string();
        let claims = Claims {
            iss: &self.domain.issuer,
            sub: &self.client.client_id,
            aud: &self.audience,
            exp: now.saturating_add(i64::from(self.lifetime_s)),
            iat: now,
            jti: &jti,
            client_id: &self.client.client_id,
            scope: &scope,
            cnf: &self.confirmation,
        };
        let mut claims_json = Vec::with_capacity(320 + scope.len() + self.client.claims_json.len());
        serde_json::to_writer(&mut claims_json, &claims).map_err(|error| OAuthError::internal("claims", error))?;
        if !self.client.claims_json.is_empty() {
            claims_json.pop();
            claims_json.extend_from_slice(self.client.claims_json.as_bytes());
            claims_json.push(b'}');
        }
        Ok(Unsigned {
            jti,
            format: self.format,
            alg: self.alg,
            claims_json,
            token_type: self.confirmation.token_type(),
            expires_in: self.lifetime_s,
            scope,
        })
    }
}

impl Unsigned {
    pub fn sign(self, key: &SigningKey) -> Result<TokenResponse> {
        let token = key.sign_jwt(AT_JWT, &self.claims_json).map_err(|error| OAuthError::internal("sign", error))?;
        self.answer(token)
    }

    /// `nonce` must be random.
    pub fn seal(self, key: &opaque::HandleKey, domain: &str, nonce: [u8; 12]) -> Result<TokenResponse> {
        let token = key.seal(domain, nonce, &self.claims_json);
        self.answer(token)
    }

    /// A token that is too long for being read when it comes back is not given out.
    fn answer(self, access_token: String) -> Result<TokenResponse> {
        if access_token.len() > JWS_MAX {
            return Err(OAuthError::invalid_request(format!(
                "the access token would be longer than {JWS_MAX} characters; ask for fewer scopes or resources"
            ))
            .because("token_too_long", format!("{} characters", access_token.len())));
        }
        Ok(TokenResponse { access_token, token_type: self.token_type, expires_in: self.expires_in, scope: self.scope })
    }
}

/// Claims name nobody's secret, but a token made of them would be one.
impl std::fmt::Debug for Unsigned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unsigned").field("jti", &self.jti).field("format", &self.format).finish_non_exhaustive()
    }
}

/// The successful answer (RFC 6749 §5.1). There is never a refresh token (§4.4.3).
#[derive(Serialize)]
pub struct TokenResponse {
    pub access_token: String,
    /// `Bearer`, or `DPoP` for a token that is bound to a DPoP key (RFC 9449 §5).
    pub token_type: &'static str,
    /// Seconds.
    pub expires_in: u32,
    /// What was granted. Left out when nothing was: the grammar of §3.3 has no empty scope.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scope: String,
}

impl std::fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenResponse")
            .field("expires_in", &self.expires_in)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

impl TokenResponse {
    pub fn scope(&self) -> Scope {
        Scope::from_tokens(self.scope.split(' ').filter(|token| !token.is_empty()))
    }
}
