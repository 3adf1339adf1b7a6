//! Why a request is refused, and what to answer (RFC 6750 §3, RFC 9449 §7.1).

use super::challenge::Challenge;
use super::invalid_token::InvalidToken;
use crate::dpop_key::DPOP_NONCE;
use crate::error::IssuerError;
use crate::flight::Lost;
use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, HeaderValue, StatusCode};
use std::fmt;

/// Why a request is refused. Shown in full it is for the API's own log: it names claims and what was expected of them,
/// and holds no token. What the caller is told is in [`status`](Self::status) and [`headers`](Self::headers).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyError {
    cause: Cause,
    challenge: Challenge,
}

/// What is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The request holds no token.
    Missing,
    /// The request holds a token in a way it must not.
    BadRequest(&'static str),
    /// The token is not good, or not good here.
    Invalid(InvalidToken),
    /// The DPoP proof is missing or not good: what was found, and what was expected (RFC 9449 §4.3).
    InvalidProof(String),
    /// The DPoP proof has no nonce of this API, or one that is too old (RFC 9449 §9).
    UseNonce,
    /// The token is good, but not for this.
    InsufficientScope {
        /// What was needed: scope values separated by spaces.
        required: String,
    },
    /// Nobody could tell: the issuer's keys, or its answer about the token, could not be had. Not the caller's fault.
    Unavailable(IssuerError),
    /// More DPoP proofs are in use than this API remembers, so that nobody could tell whether one was used before.
    TooManyProofs,
}

impl VerifyError {
    pub(super) fn new(cause: Cause, challenge: Challenge) -> Self {
        Self { cause, challenge }
    }

    /// What is wrong.
    pub const fn cause(&self) -> &Cause {
        &self.cause
    }

    /// The status to answer with: 400, 401 or 403 (RFC 6750 §3.1), or 503 when nobody could tell.
    pub const fn status(&self) -> StatusCode {
        match self.cause {
            Cause::Missing | Cause::Invalid(_) | Cause::InvalidProof(_) | Cause::UseNonce => StatusCode::UNAUTHORIZED,
            Cause::BadRequest(_) => StatusCode::BAD_REQUEST,
            Cause::InsufficientScope { .. } => StatusCode::FORBIDDEN,
            Cause::Unavailable(_) | Cause::TooManyProofs => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The `WWW-Authenticate` header to answer with (RFC 6750 §3, RFC 9449 §7.1); `None` when it is not the caller's fault.
    /// A request without a token is told nothing but the schemes.
    pub fn www_authenticate(&self) -> Option<HeaderValue> {
        self.challenge.www_authenticate(&self.cause)
    }

    /// All headers to answer with: `WWW-Authenticate`, and `DPoP-Nonce` where a nonce is asked for.
    pub fn headers(&self) -> HeaderMap {
        let nonce = self.challenge.nonce.clone().filter(|_| self.cause == Cause::UseNonce);
        let both = [(WWW_AUTHENTICATE, self.www_authenticate()), (DPOP_NONCE, nonce)];
        both.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("the request holds no token"),
            Self::BadRequest(why) => f.write_str(why),
            Self::Invalid(why) => why.fmt(f),
            Self::InvalidProof(why) => write!(f, "the DPoP proof is not valid: {why}"),
            Self::UseNonce => f.write_str("the DPoP proof has no nonce of this API, or one that is too old"),
            Self::InsufficientScope { required } => write!(f, "the token lacks the scope {required}"),
            Self::Unavailable(why) => write!(f, "the token cannot be checked now: {why}"),
            Self::TooManyProofs => f.write_str("more DPoP proofs are in use than dpop_proofs_max allows"),
        }
    }
}

impl std::error::Error for VerifyError {}

impl From<Cause> for VerifyError {
    fn from(cause: Cause) -> Self {
        Self::new(cause, Challenge::default())
    }
}

impl From<InvalidToken> for Cause {
    fn from(why: InvalidToken) -> Self {
        Self::Invalid(why)
    }
}

impl From<IssuerError> for Cause {
    fn from(why: IssuerError) -> Self {
        Self::Unavailable(why)
    }
}

impl From<Lost> for Cause {
    fn from(lost: Lost) -> Self {
        Self::Unavailable(lost.into())
    }
}
