//! Signature algorithms (RFC 7518 §3.1, RFC 8037 §3.1). `none` and the symmetric ones cannot be named.

use super::JoseError;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// Another name of `EdDSA` with an Ed25519 key (RFC 9864 §2.2), which is read but not written here.
pub const ED25519: &str = "Ed25519";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Alg {
    #[default]
    ES256,
    ES384,
    EdDSA,
    RS256,
    PS256,
}

impl Alg {
    pub const ALL: [Self; 5] = [Self::ES256, Self::ES384, Self::EdDSA, Self::RS256, Self::PS256];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::EdDSA => "EdDSA",
            Self::RS256 => "RS256",
            Self::PS256 => "PS256",
        }
    }
}

impl FromStr for Alg {
    type Err = JoseError;

    fn from_str(text: &str) -> Result<Self, JoseError> {
        if text == ED25519 {
            return Ok(Self::EdDSA);
        }
        Self::ALL
            .into_iter()
            .find(|alg| alg.as_str() == text)
            .ok_or_else(|| JoseError::new(format!("alg '{}' is not accepted here", crate::error::quote(text))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9864_s2_2_ed25519_is_another_name() {
        assert_eq!("Ed25519".parse::<Alg>().unwrap(), Alg::EdDSA);
        assert_eq!(Alg::EdDSA.as_str(), "EdDSA");
        for other in ["ed25519", "Ed448", "none", "HS256", ""] {
            assert!(other.parse::<Alg>().is_err(), "{other}");
        }
    }
}
