//! What a caller gets: access tokens, as signed JWTs (RFC 9068) or as sealed handles, and answers about them.

mod access_token;
mod introspection;
mod mint;
pub mod opaque;

pub use access_token::{AccessToken, NotAccepted};
pub use introspection::{TokenQuery, TokenQueryKind, introspect, introspection_jwt_claims, may_introspect};
pub use mint::{TokenResponse, Unsigned};

use serde::{Deserialize, Serialize};

/// How an access token looks to its bearer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenFormat {
    /// A signed JWT (RFC 9068), checked offline.
    #[default]
    Jwt,
    /// A sealed handle, checked by introspection (RFC 7662). No row is stored for it.
    Opaque,
}

impl TokenFormat {
    pub const ALL: [Self; 2] = [Self::Jwt, Self::Opaque];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::Opaque => "opaque",
        }
    }
}

/// Media type of JWT access tokens, in `typ` (RFC 9068 §2.1).
pub const AT_JWT: &str = "at+jwt";

/// Media type of signed introspection answers, in `typ` (RFC 9701 §5).
pub const TOKEN_INTROSPECTION_JWT: &str = "token-introspection+jwt";

/// Claims with a meaning in the protocol: no client may have extra claims of these names.
/// RFC 7519 §4.1, RFC 9068 §2.2, RFC 7662 §2.2, RFC 7800 §3, RFC 8693 §4.
pub const RESERVED_CLAIMS: [&str; 23] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "client_id",
    "scope",
    "cnf",
    "act",
    "may_act",
    "active",
    "token_type",
    "username",
    "auth_time",
    "acr",
    "amr",
    "azp",
    "nonce",
    "events",
    "token_introspection",
    "authorization_details",
];
