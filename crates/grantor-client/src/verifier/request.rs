//! What a request to a protected API shows of its sender.

use http::HeaderMap;
use std::fmt;

/// A request: its headers, and whatever else a token may be bound to. What is not given is not checked, and tokens that are
/// bound to it are refused.
///
/// ```no_run
/// # async fn example(
/// #     verifier: &grantor_client::Verifier, headers: http::HeaderMap, certificate: Option<Vec<u8>>,
/// # ) -> Result<(), grantor_client::VerifyError> {
/// use grantor_client::verifier::Request;
///
/// let request = Request::new(&headers)
///     .target("GET", "https://api.example.com/things")
///     .client_certificate(certificate.as_deref());
/// let token = verifier.verify_request(request).await?;
/// # drop(token);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy)]
#[must_use]
pub struct Request<'r> {
    pub(super) headers: &'r HeaderMap,
    /// Method and URL.
    pub(super) target: Option<(&'r str, &'r str)>,
    pub(super) certificate: Shown<'r>,
}

/// The client certificate of the connection.
#[derive(Clone, Copy)]
pub(super) enum Shown<'r> {
    /// The API does not know.
    Unknown,
    Known(Option<&'r [u8]>),
}

impl<'r> Request<'r> {
    /// Starts with the headers, as they came.
    pub const fn new(headers: &'r HeaderMap) -> Self {
        Self { headers, target: None, certificate: Shown::Unknown }
    }

    /// The method, and the URL as the caller wrote it, with or without its query: what DPoP proofs must be for
    /// (RFC 9449 §4.3). With it, the scheme `DPoP` is understood.
    ///
    /// Scheme, host and port are those under which the API is known to its callers. Take them from a setting: a `Host`
    /// header is the caller's own word, and a thief would choose the one that a stolen proof is for.
    pub const fn target(mut self, method: &'r str, url: &'r str) -> Self {
        self.target = Some((method, url));
        self
    }

    /// The client certificate of the TLS connection, in DER: the first of its chain, or `None` if there was none
    /// (RFC 8705 §3). Whether anybody vouches for it does not matter here; that its sender has the key is what the handshake
    /// proved. From a proxy in front it is good only if the proxy always sets or removes the header that it comes in.
    pub const fn client_certificate(mut self, der: Option<&'r [u8]>) -> Self {
        self.certificate = Shown::Known(der);
        self
    }
}

impl<'r> From<&'r HeaderMap> for Request<'r> {
    fn from(headers: &'r HeaderMap) -> Self {
        Self::new(headers)
    }
}

/// The headers hold a token.
impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("target", &self.target).finish_non_exhaustive()
    }
}
