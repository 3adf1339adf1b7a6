//! How this client proves itself: with a secret (RFC 6749 §2.3.1).

use crate::error::ConfigError;
use crate::secret::Secret;
use http::header::CONTENT_TYPE;
use reqwest::RequestBuilder;
use url::form_urlencoded::{Serializer, byte_serialize};
use zeroize::Zeroizing;

/// Where the secret travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthMethod {
    /// In the Authorization header. Every server must support this one.
    #[default]
    ClientSecretBasic,
    /// In the body, for servers that want it there.
    ClientSecretPost,
}

#[derive(Clone, Debug)]
pub(crate) struct ClientAuth {
    pub(crate) client_id: String,
    pub(crate) secret: Secret,
    pub(crate) method: AuthMethod,
}

impl ClientAuth {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.client_id.is_empty() {
            return Err(ConfigError::new("the client_id is empty"));
        }
        if self.secret.expose().is_empty() {
            return Err(ConfigError::new("the client secret is empty"));
        }
        Ok(())
    }

    /// Completes a request to an endpoint that takes a form from an authenticated client.
    pub(crate) fn sign_in(&self, request: RequestBuilder, parameters: &[(&str, &str)]) -> RequestBuilder {
        let mut form = Serializer::new(String::new());
        form.extend_pairs(parameters);
        let request = match self.method {
            AuthMethod::ClientSecretBasic => {
                // Both halves are form-encoded before Basic joins them, so that a colon in either cannot mislead.
                let encoded = |text: &str| Zeroizing::new(byte_serialize(text.as_bytes()).collect::<String>());
                request.basic_auth(&*encoded(&self.client_id), Some(&*encoded(self.secret.expose())))
            }
            AuthMethod::ClientSecretPost => {
                form.append_pair("client_id", &self.client_id);
                form.append_pair("client_secret", self.secret.expose());
                request
            }
        };
        request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.finish())
    }

    /// `text` without the secret, should a server have repeated it.
    pub(crate) fn without_secret(&self, text: &str) -> String {
        text.replace(self.secret.expose(), "[secret]")
    }
}
