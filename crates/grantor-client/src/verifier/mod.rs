//! Access tokens checked at a protected API.

mod binding;
mod builder;
mod challenge;
mod claims;
mod error;
mod introspection;
mod invalid_token;
mod key_cache;
mod request;
mod spent_proofs;
#[cfg(test)]
mod tests;

pub use builder::Builder;
pub(crate) use challenge::Scheme;
pub use claims::VerifiedToken;
pub use error::{Cause, VerifyError};
pub use invalid_token::InvalidToken;
pub use request::Request;

use crate::bearer::{credentials, is_b64token};
use crate::clock::Clock;
use binding::Claim;
use challenge::Challenge;
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
/// A token may be bound to its owner's key (`cnf`): to a client certificate (RFC 8705 §3) or to a DPoP key (RFC 9449). It is
/// accepted only from a sender who has that key, and never by an API that cannot tell: see [`Request`] for what to hand
/// in. A DPoP proof serves once. Each instance of an API remembers those that it saw, in memory: a proof that somebody saw
/// on its way could be used once more at another instance, or after a restart, within [seconds](Builder::dpop_window).
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
///         let (status, headers) = (error.status(), error.headers());
///         // Answer with both.
/// #       drop((status, headers));
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    rules: Rules,
    binding: binding::Rules,
    keys: KeyCache,
    introspection: Option<Introspection>,
    clock: Clock,
}

impl Verifier {
    /// Starts with the issuer whose tokens are accepted, to the letter.
    pub fn builder(issuer: impl Into<String>) -> Builder {
        Builder::new(issuer.into())
    }

    /// Checks the token of a request, and that it is its sender's own. The headers alone are a [`Request`] too: one to an
    /// API that takes only tokens that are not bound to a key.
    pub async fn verify_request<'r>(&self, request: impl Into<Request<'r>>) -> Result<VerifiedToken, VerifyError> {
        let request = request.into();
        let now = self.0.clock.now();
        let mut challenge =
            Challenge { dpop: request.target.is_some(), nonce: self.0.binding.nonce(now), ..Challenge::default() };
        match self.admit(&request, &mut challenge.scheme).await {
            Ok(mut token) => {
                token.challenge = challenge;
                Ok(token)
            }
            Err(cause) => Err(VerifyError::new(cause, challenge)),
        }
    }

    /// Checks a bearer token, which must not be bound to a key: there is nothing here to compare it with.
    pub async fn verify(&self, token: &str) -> Result<VerifiedToken, VerifyError> {
        let headers = HeaderMap::new();
        Ok(self.owned(token, &Claim::None, &Request::new(&headers)).await?)
    }

    async fn admit(&self, request: &Request<'_>, scheme: &mut Scheme) -> Result<VerifiedToken, Cause> {
        let (found, token) = credentials(request.headers, request.target.is_some())?;
        *scheme = found;
        self.owned(token, &Claim::read(request, found)?, request).await
    }

    async fn owned(&self, token: &str, claim: &Claim, request: &Request<'_>) -> Result<VerifiedToken, Cause> {
        let verified = self.check(token).await?;
        self.0.binding.check(&verified.confirmation, claim, token, request, self.0.clock.now())?;
        Ok(verified)
    }

    /// All but whose it is.
    async fn check(&self, token: &str) -> Result<VerifiedToken, Cause> {
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

    async fn verify_jwt(&self, token: &str) -> Result<VerifiedToken, Cause> {
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
