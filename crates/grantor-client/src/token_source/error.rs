//! Why there is no token.

use crate::flight::Lost;
use crate::outgoing::NoReply;
use std::fmt;
use std::time::Duration;

/// Why there is no token. Never holds a secret or a token, and can be logged as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// The server answered, and refused.
    Refused(Refusal),
    /// There was no answer, or none that could be used.
    NoAnswer {
        /// What happened, in a sentence.
        why: String,
        /// Whether asking again may help: the network failed, not the settings.
        transient: bool,
        /// The server's name for the request, for its operator.
        request_id: Option<String>,
    },
}

/// An error answer (RFC 6749 §5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The OAuth error code, such as `invalid_client`; `None` if somebody else answered, such as a gateway.
    pub error: Option<String>,
    /// What the server says about it.
    pub error_description: Option<String>,
    /// The server's name for the request (`x-request-id`); its operator can look up the true cause with it.
    pub request_id: Option<String>,
    /// How long the server wants not to be asked (`Retry-After`).
    pub retry_after: Option<Duration>,
}

impl TokenError {
    /// The OAuth error code, such as `invalid_client`, if the server sent one.
    pub fn oauth_error(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => refusal.error.as_deref(),
            Self::NoAnswer { .. } => None,
        }
    }

    /// The server's name for the request, by which its operator finds the true cause.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Refused(Refusal { request_id, .. }) | Self::NoAnswer { request_id, .. } => request_id.as_deref(),
        }
    }

    /// Whether asking again later may help: the network failed, the server is overloaded or has a fault of its own.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.status >= 500 || refusal.status == 429,
            Self::NoAnswer { transient, .. } => *transient,
        }
    }

    /// How long the server wants not to be asked.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            Self::NoAnswer { .. } => None,
        }
    }

    pub(crate) fn no_answer(from: &str, no_reply: NoReply) -> Self {
        Self::NoAnswer {
            why: format!("no token from {from}: {}", no_reply.why),
            transient: no_reply.transient,
            request_id: None,
        }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => {
                write!(f, "the server refused to issue a token (status {}", refusal.status)?;
                if let Some(error) = &refusal.error {
                    write!(f, ", {error}")?;
                }
                f.write_str(")")?;
                if let Some(description) = &refusal.error_description {
                    write!(f, ": {description}")?;
                }
            }
            Self::NoAnswer { why, .. } => f.write_str(why)?,
        }
        match self.request_id() {
            Some(id) => write!(f, " [request {id}]"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for TokenError {}

impl From<Lost> for TokenError {
    fn from(_: Lost) -> Self {
        let why = "the request for a token was dropped: the runtime that made it stopped".into();
        Self::NoAnswer { why, transient: true, request_id: None }
    }
}
