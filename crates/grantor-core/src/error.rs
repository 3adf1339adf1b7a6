//! What a refusal says to the caller, and what it says to the operator.

use std::borrow::Cow;
use std::fmt;

pub type Result<T> = std::result::Result<T, OAuthError>;

/// The error codes of RFC 6749 §5.2, RFC 7009 §2.2.1, RFC 8707 §2, RFC 9449 §5 and §8, and the two for load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    InvalidRequest,
    InvalidClient,
    UnauthorizedClient,
    UnsupportedGrantType,
    InvalidScope,
    InvalidTarget,
    InvalidDpopProof,
    /// To be tried again with the nonce in the answer's `DPoP-Nonce`.
    UseDpopNonce,
    UnsupportedTokenType,
    ServerError,
    TemporarilyUnavailable,
    /// A limit was reached (RFC 6585 §4). OAuth has no code of its own for it.
    TooManyRequests,
}

impl ErrorCode {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::UseDpopNonce => "use_dpop_nonce",
            Self::UnsupportedTokenType => "unsupported_token_type",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable | Self::TooManyRequests => "temporarily_unavailable",
        }
    }

    /// The HTTP status is a function of the code (RFC 6749 §5.2): nobody picks one by hand.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidClient => 401,
            Self::ServerError => 500,
            Self::TemporarilyUnavailable => 503,
            Self::TooManyRequests => 429,
            _ => 400,
        }
    }
}

/// The true cause of a refusal, for logs, audit and `grantor explain`. Never sent to the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// A short fixed name, such as `secret_expired`: safe as a metric label.
    pub reason: &'static str,
    /// What was found and what was expected. Holds no secret and no token.
    pub detail: String,
}

/// A refusal. `public` goes to the caller, `cause` stays with the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthError {
    pub code: ErrorCode,
    pub public: Cow<'static, str>,
    pub cause: Option<Cause>,
    /// Whether the caller used the Authorization header, so that a 401 must carry `WWW-Authenticate` (RFC 6749 §5.2).
    pub challenge: bool,
    pub retry_after_s: Option<u32>,
}

impl OAuthError {
    pub fn new(code: ErrorCode, public: impl Into<Cow<'static, str>>) -> Self {
        Self { code, public: public.into(), cause: None, challenge: false, retry_after_s: None }
    }

    pub fn because(mut self, reason: &'static str, detail: impl Into<String>) -> Self {
        self.cause = Some(Cause { reason, detail: detail.into() });
        self
    }

    pub fn with_challenge(mut self, challenge: bool) -> Self {
        self.challenge = challenge;
        self
    }

    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds.max(1));
        self
    }

    pub fn invalid_request(public: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::InvalidRequest, public)
    }

    /// The one answer to every failed authentication: an unknown client and a wrong secret look alike.
    pub fn invalid_client() -> Self {
        Self::new(ErrorCode::InvalidClient, "client authentication failed")
    }

    /// Something of ours failed. The caller learns nothing but that.
    pub fn internal(reason: &'static str, detail: impl fmt::Display) -> Self {
        Self::new(ErrorCode::ServerError, "the server could not complete the request")
            .because(reason, detail.to_string())
    }

    /// Fixed name of the refusal for metrics: the cause where there is one, else the code.
    pub fn reason(&self) -> &'static str {
        self.cause.as_ref().map_or(self.code.as_str(), |cause| cause.reason)
    }
}

impl fmt::Display for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.public)?;
        match &self.cause {
            Some(cause) => write!(f, " ({}: {})", cause.reason, cause.detail),
            None => Ok(()),
        }
    }
}

impl std::error::Error for OAuthError {}

/// Quotes what a caller sent so that it can stand in `error_description` and in logs:
/// only the characters of RFC 6749 §5.2 survive, and only the first 64.
pub fn quote(text: &str) -> String {
    cleaned(text, 64)
}

/// Likewise, with the first `max` characters.
pub(crate) fn cleaned(text: &str, max: usize) -> String {
    let mut out: String =
        text.chars().take(max).map(|c| if matches!(c, ' '..='!' | '#'..='[' | ']'..='~') { c } else { '?' }).collect();
    if text.chars().nth(max).is_some() {
        out.push_str("...");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quote_keeps_only_what_an_error_description_may_hold() {
        assert_eq!(quote("a\"b\\c\n\u{1b}é"), "a?b?c???");
        assert_eq!(quote(&"x".repeat(65)), format!("{}...", "x".repeat(64)));
    }
}
