//! How this client proves itself to the authorization server (RFC 6749 §2.3, RFC 7523, RFC 8705).

mod assertion;
mod identity;
mod private_key;

pub use identity::TlsIdentity;
pub use private_key::PrivateKey;

use crate::error::ConfigError;
use crate::outgoing::NoReply;
use crate::secret::Secret;
use assertion::{claims, with_key, with_secret};
use grantor_core::client_auth::JWT_BEARER;
use http::header::CONTENT_TYPE;
use reqwest::RequestBuilder;
use url::form_urlencoded::{Serializer, byte_serialize};
use zeroize::Zeroizing;

/// How a client proves itself. None shows its secret or key in `Debug`.
///
/// ```
/// use grantor_client::Authentication;
///
/// let in_the_body = Authentication::client_secret_post("correct horse");
/// assert_eq!(format!("{in_the_body:?}"), "ClientSecretPost(Secret(…))");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Authentication {
    /// With a secret in the Authorization header (RFC 6749 §2.3.1). Every server that knows secrets must support this.
    ClientSecretBasic(Secret),
    /// With a secret in the body, for servers that want it there (RFC 6749 §2.3.1).
    ClientSecretPost(Secret),
    /// With an assertion made with a secret, which itself is never sent: HS256 (RFC 7523 §2.2, OpenID Connect Core §9).
    ClientSecretJwt(Secret),
    /// With an assertion signed with a private key, of which the server knows only the public half (RFC 7523 §2.2).
    PrivateKeyJwt(PrivateKey),
    /// With a certificate in the TLS handshake: `tls_client_auth` and `self_signed_tls_client_auth` (RFC 8705 §2), which
    /// differ only in what the server knows of it. Tokens are usually bound to it then.
    MutualTls(TlsIdentity),
}

impl Authentication {
    /// A secret in the Authorization header: what is meant where only a secret is given.
    pub fn client_secret_basic(secret: impl Into<Secret>) -> Self {
        Self::ClientSecretBasic(secret.into())
    }

    /// A secret in the body.
    pub fn client_secret_post(secret: impl Into<Secret>) -> Self {
        Self::ClientSecretPost(secret.into())
    }

    /// Assertions made with a secret.
    pub fn client_secret_jwt(secret: impl Into<Secret>) -> Self {
        Self::ClientSecretJwt(secret.into())
    }

    /// Assertions signed with a private key in PEM, named by its thumbprint. [`PrivateKey`] has other choices.
    pub fn private_key_jwt(pem: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        PrivateKey::from_pem(pem).map(Self::PrivateKeyJwt)
    }

    /// A certificate with its chain, and its private key; both in PEM.
    pub fn mutual_tls(certificate_pem: impl AsRef<[u8]>, key_pem: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        TlsIdentity::from_pem(certificate_pem, key_pem).map(Self::MutualTls)
    }

    pub(crate) const fn identity(&self) -> Option<&TlsIdentity> {
        match self {
            Self::MutualTls(identity) => Some(identity),
            _ => None,
        }
    }

    const fn secret(&self) -> Option<&Secret> {
        match self {
            Self::ClientSecretBasic(secret) | Self::ClientSecretPost(secret) | Self::ClientSecretJwt(secret) => {
                Some(secret)
            }
            Self::PrivateKeyJwt(_) | Self::MutualTls(_) => None,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct ClientAuth {
    pub(crate) client_id: String,
    pub(crate) method: Authentication,
}

impl ClientAuth {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.client_id.is_empty() {
            return Err(ConfigError::new("the client_id is empty"));
        }
        if self.method.secret().is_some_and(|secret| secret.expose().is_empty()) {
            return Err(ConfigError::new("the client secret is empty"));
        }
        Ok(())
    }

    /// Whether it makes assertions, which say for which issuer they are.
    pub(crate) const fn asserts(&self) -> bool {
        matches!(self.method, Authentication::ClientSecretJwt(_) | Authentication::PrivateKeyJwt(_))
    }

    /// Completes a request to an endpoint that takes a form from an authenticated client. `issuer` is whom an assertion is
    /// for; a new one is made each time, since it is good for one request only.
    pub(crate) fn sign_in(
        &self,
        request: RequestBuilder,
        parameters: &[(&str, &str)],
        issuer: &str,
        now: i64,
    ) -> Result<RequestBuilder, NoReply> {
        let mut form = Serializer::new(String::new());
        form.extend_pairs(parameters);
        let assertion = match &self.method {
            Authentication::ClientSecretBasic(secret) => {
                // Both halves are form-encoded before Basic joins them, so that a colon in either cannot mislead.
                let encoded = |text: &str| Zeroizing::new(byte_serialize(text.as_bytes()).collect::<String>());
                let request = request.basic_auth(&*encoded(&self.client_id), Some(&*encoded(secret.expose())));
                return Ok(with_form(request, form));
            }
            Authentication::ClientSecretPost(secret) => {
                form.append_pair("client_id", &self.client_id);
                form.append_pair("client_secret", secret.expose());
                return Ok(with_form(request, form));
            }
            // The certificate comes in the handshake, and the server looks up whose it should be (RFC 8705 §2).
            Authentication::MutualTls(_) => {
                form.append_pair("client_id", &self.client_id);
                return Ok(with_form(request, form));
            }
            Authentication::ClientSecretJwt(secret) => with_secret(secret, &claims(&self.client_id, issuer, now)),
            Authentication::PrivateKeyJwt(key) => with_key(key, &claims(&self.client_id, issuer, now))?,
        };
        form.append_pair("client_id", &self.client_id);
        form.append_pair("client_assertion_type", JWT_BEARER);
        form.append_pair("client_assertion", &assertion);
        Ok(with_form(request, form))
    }

    /// `text` without the secret or anything signed, should a server have repeated it.
    pub(crate) fn without_secret(&self, text: &str) -> String {
        let text = match self.method.secret() {
            Some(secret) => text.replace(secret.expose(), "[secret]"),
            None => text.to_owned(),
        };
        without_tokens(&text)
    }
}

fn with_form(request: RequestBuilder, mut form: Serializer<'_, String>) -> RequestBuilder {
    request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.finish())
}

/// `text` with whatever looks like a JWT left out: assertions and proofs are as good as a password for a minute.
fn without_tokens(text: &str) -> String {
    let part_of_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c| !part_of_token(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        // `{"` in base64url, which each JOSE header begins with.
        out.push_str(if word.contains("eyJ") && word.contains('.') { "[token]" } else { word });
        let next = after.find(part_of_token).unwrap_or(after.len());
        out.push_str(&after[..next]);
        rest = &after[next..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_token_is_left_out_of_what_servers_say() {
        for (text, shown) in [
            ("no client_assertion 'eyJhbGciOi.eyJpc3M.c2ln' here", "no client_assertion '[token]' here"),
            ("eyJhbGciOi.eyJpc3M", "[token]"),
            ("e.g. a.b.c, é eyJ", "e.g. a.b.c, é eyJ"),
            ("", ""),
        ] {
            assert_eq!(without_tokens(text), shown);
        }
    }
}
