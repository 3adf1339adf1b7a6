//! The private key of a client.

use crate::error::ConfigError;
use grantor_core::jose::{RsaAlg, SigningKey};
use grantor_core::jwk::Jwk;
use std::sync::Arc;

/// A private key to sign assertions with: EC (P-256 or P-384), Ed25519 or RSA (2048 bits or more), in PEM (PKCS#8, SEC 1
/// or PKCS#1). Shows nothing but its algorithm and name in `Debug`.
///
/// ```no_run
/// # fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use grantor_client::{Authentication, PrivateKey, RsaAlg};
///
/// let pem = std::fs::read("key.pem")?;
/// let named_by_its_thumbprint = Authentication::private_key_jwt(&pem)?;
/// let named_and_with_rs256 = Authentication::PrivateKeyJwt(PrivateKey::with(&pem, Some("2026-11"), RsaAlg::RS256)?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct PrivateKey(Arc<SigningKey>);

impl PrivateKey {
    /// Reads a key. It is named by its thumbprint (RFC 7638), and an RSA key signs with PS256.
    pub fn from_pem(pem: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        Self::with(pem, None, RsaAlg::default())
    }

    /// Reads a key that the server knows under the name `kid`; an RSA key signs with `rsa`.
    pub fn with(pem: impl AsRef<[u8]>, kid: Option<&str>, rsa: RsaAlg) -> Result<Self, ConfigError> {
        let key = SigningKey::from_pem(pem.as_ref(), kid, rsa);
        key.map(|key| Self(Arc::new(key))).map_err(|error| ConfigError::new(error.to_string()))
    }

    /// Its name.
    pub fn kid(&self) -> &str {
        self.0.kid()
    }

    /// Its public half, for registering it with a server.
    pub fn public_jwk(&self) -> Result<Jwk, ConfigError> {
        self.0.public_jwk().map_err(|error| ConfigError::new(error.to_string()))
    }

    pub(crate) fn signing_key(&self) -> &SigningKey {
        &self.0
    }
}
