//! A request as the protocol sees it: borrowed, read whole, nothing decided yet.

use crate::error::{OAuthError, Result};
use crate::form::Form;
use crate::x509::ClientCertificate;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, Uri};

/// A `POST` whose framing was checked and whose body was read whole.
pub struct Incoming<'r> {
    pub uri: &'r Uri,
    pub headers: &'r HeaderMap,
    pub body: &'r [u8],
    /// The certificate of the connection, or what a trusted proxy says of it. Its holder proved to have the key; whether
    /// it means anything is for the client's registration to say.
    pub certificate: Option<&'r ClientCertificate>,
}

/// Parsing limits of the protocol layer. `grantor.toml` sets them under `[limits]`.
#[derive(Clone, Copy, Debug)]
pub struct ParseLimits {
    pub form_parameters_max: usize,
    pub scope_tokens_max: usize,
    pub resources_max: usize,
}

impl Default for ParseLimits {
    fn default() -> Self {
        Self { form_parameters_max: 64, scope_tokens_max: 64, resources_max: 16 }
    }
}

/// Parameters that carry credentials or decide what is granted. In a URL they end up in logs and
/// histories, so their presence there is refused rather than ignored (RFC 6749 §2.3.1).
const NEVER_IN_URL: [&str; 8] = [
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "grant_type",
    "scope",
    "token",
    "access_token",
];

impl<'r> Incoming<'r> {
    /// The form in the body, after checking that this is one and that the URL carries no credentials.
    pub fn form(&self, limits: &ParseLimits) -> Result<Form<'r>> {
        if let Some(query) = self.uri.query() {
            let leaked = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default()).find_map(|name| {
                NEVER_IN_URL.into_iter().find(|never| crate::form::decode(name).is_some_and(|n| n == *never))
            });
            if let Some(name) = leaked {
                return Err(OAuthError::invalid_request(format!(
                    "{name} was sent in the URL; send it in the request body, and treat a secret sent this way as leaked"
                ))
                .because("parameter_in_url", format!("{name} was in the query")));
            }
        }
        if !self.is_form() {
            return Err(OAuthError::invalid_request("Content-Type must be application/x-www-form-urlencoded"));
        }
        if self
            .headers
            .get_all(CONTENT_ENCODING)
            .iter()
            .any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
        {
            return Err(OAuthError::invalid_request("Content-Encoding is not supported; send the body as it is"));
        }
        Form::parse(self.body, limits.form_parameters_max)
    }

    /// The media type, without its parameters, compared without case (RFC 9110 §8.3.1).
    fn is_form(&self) -> bool {
        self.headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .is_some_and(|media| media.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
    }

    /// The Authorization header. Two of them are one too many.
    pub fn authorization(&self) -> Result<Option<&'r [u8]>> {
        let mut values = self.headers.get_all(AUTHORIZATION).iter();
        let first = values.next();
        if values.next().is_some() {
            return Err(OAuthError::invalid_request("more than one Authorization header"));
        }
        Ok(first.map(http::HeaderValue::as_bytes))
    }
}

/// Headers and body hold secrets.
impl std::fmt::Debug for Incoming<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Incoming").field("path", &self.uri.path()).field("body_bytes", &self.body.len()).finish()
    }
}
