//! Why a request is refused, and what to answer (RFC 6750 §3).

use crate::error::IssuerError;
use crate::flight::Lost;
use grantor_core::jose::JoseError;
use http::{HeaderValue, StatusCode};
use std::fmt;

/// Why a request is refused. Shown in full it is for the API's own log: it names claims and what was expected of them,
/// and holds no token. What the caller is told is in [`status`](Self::status) and
/// [`www_authenticate`](Self::www_authenticate).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyError {
    /// The request holds no bearer token.
    Missing,
    /// The request holds a token in a way it must not.
    BadRequest(&'static str),
    /// The token is not good, or not good here.
    Invalid(InvalidToken),
    /// The token is good, but not for this.
    InsufficientScope {
        /// What was needed: scope values separated by spaces.
        required: String,
    },
    /// Nobody could tell: the issuer's keys, or its answer about the token, could not be had. Not the caller's fault.
    Unavailable(IssuerError),
}

/// What is wrong with a token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidToken {
    /// It is not what it should look like.
    Malformed(String),
    /// Its `typ` is not `at+jwt`: it is some other kind of JWT (RFC 9068 §4).
    NotAnAccessToken,
    /// The issuer has no key of the name it gives.
    UnknownKey,
    /// Its signature is wrong, or made with another algorithm than the key is for.
    BadSignature(String),
    /// A claim is missing or of the wrong type.
    BadClaim(String),
    /// Somebody else issued it.
    WrongIssuer,
    /// It is for other APIs: the ones named here.
    WrongAudience(String),
    /// It expired.
    Expired,
    /// It is not valid yet, or from the future.
    NotYetValid,
    /// It is bound to a key or certificate of its owner (`cnf`), and whether the caller has that is not checked here. To
    /// take it as a bearer token would undo the binding (RFC 9449 §7.1, RFC 8705 §3).
    SenderConstrained,
    /// It is opaque, and introspection is not set up.
    Opaque,
    /// The issuer says that it is not active: expired, revoked, or never issued.
    Inactive,
}

impl InvalidToken {
    /// What the caller may be told.
    const fn public(&self) -> &'static str {
        match self {
            Self::Malformed(_) | Self::BadClaim(_) => "the token is malformed",
            Self::NotAnAccessToken => "the token is not an access token",
            Self::UnknownKey | Self::BadSignature(_) => "the signature of the token is not valid",
            Self::WrongIssuer => "the token is from another issuer",
            Self::WrongAudience(_) => "the token is for another API",
            Self::Expired => "the token has expired",
            Self::NotYetValid => "the token is not valid yet",
            Self::SenderConstrained => "the token is bound to a key, which this API cannot check",
            Self::Opaque => "this API takes only JWT access tokens",
            Self::Inactive => "the token is not active",
        }
    }

    pub(crate) fn malformed(error: &JoseError) -> Self {
        Self::Malformed(error.to_string())
    }

    pub(crate) fn bad_claim(error: &JoseError) -> Self {
        Self::BadClaim(error.to_string())
    }
}

impl VerifyError {
    /// The status to answer with: 400, 401 or 403 (RFC 6750 §3.1), or 503 when nobody could tell.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Missing | Self::Invalid(_) => StatusCode::UNAUTHORIZED,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::InsufficientScope { .. } => StatusCode::FORBIDDEN,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The `WWW-Authenticate` header to answer with (RFC 6750 §3); `None` when it is not the caller's fault. A request
    /// without a token is told nothing but the scheme.
    pub fn www_authenticate(&self) -> Option<HeaderValue> {
        let challenge = match self {
            Self::Missing => "Bearer".to_owned(),
            Self::BadRequest(why) => format!("Bearer error=\"invalid_request\", error_description=\"{why}\""),
            Self::Invalid(why) => {
                format!("Bearer error=\"invalid_token\", error_description=\"{}\"", why.public())
            }
            Self::InsufficientScope { required } => {
                let required: String =
                    required.chars().filter(|c| matches!(c, ' '..='!' | '#'..='[' | ']'..='~')).collect();
                format!(
                    "Bearer error=\"insufficient_scope\", error_description=\"the token lacks a scope\", scope=\"{required}\""
                )
            }
            Self::Unavailable(_) => return None,
        };
        HeaderValue::from_str(&challenge).ok()
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("the request holds no bearer token"),
            Self::BadRequest(why) => f.write_str(why),
            Self::Invalid(why) => why.fmt(f),
            Self::InsufficientScope { required } => write!(f, "the token lacks the scope {required}"),
            Self::Unavailable(why) => write!(f, "the token cannot be checked now: {why}"),
        }
    }
}

impl fmt::Display for InvalidToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.public())?;
        match self {
            Self::Malformed(why) | Self::BadClaim(why) | Self::BadSignature(why) => write!(f, ": {why}"),
            Self::NotAnAccessToken => f.write_str(": its typ is not at+jwt"),
            Self::UnknownKey => f.write_str(": its kid is none of the issuer's keys"),
            Self::WrongAudience(found) => write!(f, ": its aud is {found}"),
            Self::SenderConstrained => f.write_str(": it has the claim cnf"),
            Self::Opaque => f.write_str(": this one is opaque, and introspection is not set up"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for VerifyError {}
impl std::error::Error for InvalidToken {}

impl From<InvalidToken> for VerifyError {
    fn from(why: InvalidToken) -> Self {
        Self::Invalid(why)
    }
}

impl From<IssuerError> for VerifyError {
    fn from(why: IssuerError) -> Self {
        Self::Unavailable(why)
    }
}

impl From<Lost> for VerifyError {
    fn from(lost: Lost) -> Self {
        Self::Unavailable(lost.into())
    }
}
