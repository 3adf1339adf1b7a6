//! Access tokens checked at a protected API.

mod builder;
mod claims;
mod error;
mod introspection;
mod key_cache;
#[cfg(test)]
mod tests;

pub use builder::Builder;
pub use claims::VerifiedToken;
pub use error::{InvalidToken, VerifyError};

use crate::bearer::{bearer, is_b64token};
use crate::clock::Clock;
use claims::{Origin, Rules};
use grantor_core::jose::{JWS_MAX, UnverifiedJws, typ_is};
use grantor_core::token::AT_JWT;
use http::HeaderMap;
use introspection::Introspection;
use key_cache::KeyCache;
use std::fmt;
use std::sync::Arc;

/// Checks the access tokens that callers of a protected API send.
///
/// A JWT is checked here (RFC 9068 §4): its type, the issuer's signature, `iss`, `aud`, `exp`, `nbf`. The issuer's keys are
/// fetched once, kept for as long as it says (10 seconds to an hour), renewed ahead, and looked at again when a token
/// names a key that is not among them. While the issuer is down the last good copy serves, for a day. An opaque token is
/// asked about, if [`Builder::introspection`] is set. Clones share what they fetched.
///
/// A token that is bound to its owner's key or certificate (`cnf`) is refused.
///
/// Must be used within a tokio runtime.
///
/// ```no_run
/// # async fn example(headers: http::HeaderMap) -> Result<(), Box<dyn std::error::Error>> {
/// use grantor_client::Verifier;
///
/// let verifier = Verifier::builder("https://auth.example.com").audience("https://api.example.com").build()?;
///
/// match verifier.verify_request(&headers).await {
///     Ok(token) => println!("{} calls", token.client_id()),
///     Err(error) => {
///         eprintln!("refused: {error}");
///         let (status, challenge) = (error.status(), error.www_authenticate());
///         // Answer with both.
/// #       drop((status, challenge));
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    rules: Rules,
    keys: KeyCache,
    introspection: Option<Introspection>,
    clock: Clock,
}

impl Verifier {
    /// Starts with the issuer whose tokens are accepted, to the letter.
    pub fn builder(issuer: impl Into<String>) -> Builder {
        Builder::new(issuer.into())
    }

    /// Checks the bearer token of a request: [`bearer`] and [`verify`](Self::verify) in one.
    pub async fn verify_request(&self, headers: &HeaderMap) -> Result<VerifiedToken, VerifyError> {
        self.verify(bearer(headers)?).await
    }

    /// Checks a token.
    pub async fn verify(&self, token: &str) -> Result<VerifiedToken, VerifyError> {
        if token.len() > JWS_MAX {
            return Err(InvalidToken::Malformed(format!("it is longer than {JWS_MAX} characters")).into());
        }
        if !is_b64token(token) {
            return Err(InvalidToken::Malformed("it holds characters that no token has".into()).into());
        }
        match &self.0.introspection {
            _ if looks_like_jwt(token) => self.verify_jwt(token).await,
            Some(introspection) => introspection.check(token, &self.0.rules).await,
            None => Err(InvalidToken::Opaque.into()),
        }
    }

    async fn verify_jwt(&self, token: &str) -> Result<VerifiedToken, VerifyError> {
        let jws = UnverifiedJws::parse(token).map_err(|error| InvalidToken::malformed(&error))?;
        if !jws.header().typ.as_deref().is_some_and(|typ| typ_is(typ, AT_JWT)) {
            return Err(InvalidToken::NotAnAccessToken.into());
        }
        let key = self.0.keys.find(jws.header()).await?;
        let claims = jws.verify(&key).map_err(|error| InvalidToken::BadSignature(error.to_string()))?;
        Ok(self.0.rules.check(claims, Origin::Jwt, self.0.clock.now().unix_s())?)
    }
}

/// Two dots make three parts. What is not right about it then is a fault, not a reason to take it for opaque.
fn looks_like_jwt(token: &str) -> bool {
    token.bytes().filter(|byte| *byte == b'.').count() == 2
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("issuer", &self.0.keys.issuer.as_str())
            .field("audience", &self.0.rules.audience)
            .finish_non_exhaustive()
    }
}
