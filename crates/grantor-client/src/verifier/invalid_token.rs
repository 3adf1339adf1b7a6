//! What can be wrong with a token.

use crate::error::printable;
use grantor_core::jose::JoseError;
use std::fmt;

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
    /// It is bound to its owner (`cnf`) in a way that cannot be checked here, for the reason given. To take it as a bearer
    /// token would undo the binding (RFC 9449 §7.2, RFC 8705 §3).
    SenderConstrained(String),
    /// It is bound to a certificate, and the connection has another one or none (RFC 8705 §3).
    WrongCertificate(String),
    /// It is bound to a DPoP key, and was presented as a bearer token (RFC 9449 §7.2).
    DpopAsBearer,
    /// It was presented with a DPoP proof, and is not bound to a DPoP key.
    BearerAsDpop,
    /// It is bound to a DPoP key, and the proof is by another one (RFC 9449 §7.1).
    WrongKey(String),
    /// It is bound to nothing, and this API takes bound tokens only.
    NotSenderConstrained,
    /// It is opaque, and introspection is not set up.
    Opaque,
    /// The issuer says that it is not active: expired, revoked, or never issued.
    Inactive,
}

impl InvalidToken {
    /// What the caller may be told.
    pub(super) const fn public(&self) -> &'static str {
        match self {
            Self::Malformed(_) | Self::BadClaim(_) => "the token is malformed",
            Self::NotAnAccessToken => "the token is not an access token",
            Self::UnknownKey | Self::BadSignature(_) => "the signature of the token is not valid",
            Self::WrongIssuer => "the token is from another issuer",
            Self::WrongAudience(_) => "the token is for another API",
            Self::Expired => "the token has expired",
            Self::NotYetValid => "the token is not valid yet",
            Self::SenderConstrained(_) => "the token is bound to a key, which this API cannot check",
            Self::WrongCertificate(_) => {
                "the token is bound to a client certificate, which this connection does not have"
            }
            Self::DpopAsBearer => "the token is bound to a DPoP key, and is no bearer token",
            Self::BearerAsDpop => "the token is not bound to a DPoP key",
            Self::WrongKey(_) => "the token is bound to another DPoP key",
            Self::NotSenderConstrained => "this API takes only tokens that are bound to a key or certificate",
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

impl fmt::Display for InvalidToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.public())?;
        match self {
            Self::Malformed(why)
            | Self::BadClaim(why)
            | Self::BadSignature(why)
            | Self::SenderConstrained(why)
            | Self::WrongCertificate(why)
            | Self::WrongKey(why) => write!(f, ": {}", printable(why, 400)),
            Self::NotAnAccessToken => f.write_str(": its typ is not at+jwt"),
            Self::UnknownKey => f.write_str(": its kid is none of the issuer's keys"),
            Self::WrongAudience(found) => write!(f, ": its aud is {found}"),
            Self::Opaque => f.write_str(": this one is opaque, and introspection is not set up"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for InvalidToken {}
