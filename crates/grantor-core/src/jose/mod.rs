//! The only door to JOSE (RFC 7515, 7517, 7518, 7519) and to the primitives beneath it, directly on aws-lc-rs: keys are
//! parsed once, algorithms are a closed enum, and claims can be reached only through a verified signature.

mod alg;
mod b64;
mod claims;
mod error;
mod hash;
mod hs256;
mod jws;
mod private_key;
mod seal;
mod sign;
mod strict_json;
mod verify;

pub use alg::{Alg, ED25519};
pub use b64::{b64url_decode, b64url_encode, b64url_encode_into};
pub use claims::Claims;
pub use error::JoseError;
pub use hash::{constant_time_eq, derive_key, hmac_sha256, pbkdf2, sha256};
pub use hs256::{HS256, UnverifiedHs256, sign_hs256};
pub use jws::{JWS_MAX, JwsHeader, UnverifiedJws, typ_is};
pub use private_key::RsaAlg;
pub use seal::SealingKey;
pub use sign::SigningKey;
pub use verify::VerifyingKey;
