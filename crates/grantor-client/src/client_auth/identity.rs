//! The certificate that a client shows in the TLS handshake (RFC 8705).

use crate::error::ConfigError;
use grantor_core::x509::ClientCertificate;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A client certificate with its chain and private key. Shows nothing but its thumbprint in `Debug`.
#[derive(Clone)]
pub struct TlsIdentity(Arc<Inner>);

struct Inner {
    identity: reqwest::Identity,
    x5t_s256: String,
}

impl TlsIdentity {
    /// Reads a certificate (PEM, with its intermediate certificates behind it) and its private key (PEM: PKCS#8, SEC 1 or
    /// PKCS#1). Both may be one and the same text.
    pub fn from_pem(certificate_pem: impl AsRef<[u8]>, key_pem: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        let certificates = sections(certificate_pem.as_ref(), |label| label == "CERTIFICATE")
            .ok_or_else(|| ConfigError::new("the client certificate is not PEM (-----BEGIN CERTIFICATE-----)"))?;
        let shown = ClientCertificate::from_pem(certificates.as_bytes())
            .map_err(|error| ConfigError::new(format!("the client certificate cannot be used: {error}")))?;
        let key = sections(key_pem.as_ref(), |label| label.ends_with("PRIVATE KEY"));
        let key = key.ok_or_else(|| {
            ConfigError::new("the key of the client certificate is not PEM (-----BEGIN PRIVATE KEY-----)")
        })?;
        if key.contains("ENCRYPTED") {
            let why = "the key of the client certificate is encrypted with a passphrase; decrypt it first (openssl pkey -in KEY -out PLAIN)";
            return Err(ConfigError::new(why));
        }
        let pem = Zeroizing::new(format!("{}{}", *certificates, *key));
        let identity = reqwest::Identity::from_pem(pem.as_bytes())
            .map_err(|_| ConfigError::new("the client certificate and its key cannot be read"))?;
        Ok(Self(Arc::new(Inner { identity, x5t_s256: shown.x5t_s256().to_owned() })))
    }

    /// The thumbprint of the certificate, which tokens that are bound to it hold as `cnf`.`x5t#S256` (RFC 8705 §3.1).
    pub fn x5t_s256(&self) -> &str {
        &self.0.x5t_s256
    }

    pub(crate) fn identity(&self) -> reqwest::Identity {
        self.0.identity.clone()
    }
}

/// The sections of a PEM text that are wanted; `None` if there are none.
fn sections(pem: &[u8], wanted: fn(&str) -> bool) -> Option<Zeroizing<String>> {
    let text = std::str::from_utf8(pem).ok()?;
    let mut out = Zeroizing::new(String::with_capacity(text.len() + 1));
    let mut inside = false;
    for line in text.lines().map(str::trim_end) {
        let label = |begin| line.strip_prefix(begin).and_then(|rest: &str| rest.strip_suffix("-----"));
        inside |= label("-----BEGIN ").is_some_and(wanted);
        if inside {
            out.push_str(line);
            out.push('\n');
        }
        inside &= label("-----END ").is_none();
    }
    (!out.is_empty()).then_some(out)
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsIdentity").field("x5t_s256", &self.0.x5t_s256).finish_non_exhaustive()
    }
}
