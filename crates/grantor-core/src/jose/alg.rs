//! Signature algorithms (RFC 7518 §3.1, RFC 8037 §3.1). `none` and the symmetric ones cannot be named.

use super::JoseError;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

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
        Self::ALL
            .into_iter()
            .find(|alg| alg.as_str() == text)
            .ok_or_else(|| JoseError::new(format!("alg '{}' is not accepted here", crate::error::quote(text))))
    }
}
