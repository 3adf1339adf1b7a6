//! An access token and how long it is good for.

use crate::clock::{Moment, jittered};
use http::HeaderValue;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// An access token. It shows in no `Debug`.
#[derive(Clone)]
pub struct Token(Arc<Inner>);

struct Inner {
    access_token: Zeroizing<String>,
    authorization: HeaderValue,
    scope: Option<String>,
    asked: Moment,
    lifetime: Duration,
    /// Age from which another one is fetched.
    renew_at: Duration,
}

impl Token {
    pub(super) fn new(
        access_token: Zeroizing<String>,
        authorization: HeaderValue,
        scope: Option<String>,
        asked: Moment,
        lifetime: Duration,
    ) -> Self {
        // A tenth to a fifth of the lifetime ahead, at most five minutes.
        let ahead = jittered((lifetime / 5).min(Duration::from_secs(300)));
        let renew_at = lifetime.saturating_sub(ahead);
        Self(Arc::new(Inner { access_token, authorization, scope, asked, lifetime, renew_at }))
    }

    /// The token itself. Keep it out of logs.
    pub fn access_token(&self) -> &str {
        &self.0.access_token
    }

    /// The value of an Authorization header: `Bearer` and the token, marked as sensitive.
    pub fn authorization(&self) -> HeaderValue {
        self.0.authorization.clone()
    }

    /// The scope that was granted, if the server named it. It does when it differs from what was asked for
    /// (RFC 6749 §5.1).
    pub fn scope(&self) -> Option<&str> {
        self.0.scope.as_deref()
    }

    /// When it expires, in seconds since 1970.
    pub fn expires_at(&self) -> i64 {
        self.0.asked.unix_s().saturating_add(i64::try_from(self.0.lifetime.as_secs()).unwrap_or(i64::MAX))
    }

    /// How long it is good for from when it was asked for.
    pub fn lifetime(&self) -> Duration {
        self.0.lifetime
    }

    pub(super) fn is_due(&self, now: Moment) -> bool {
        now.since(self.0.asked) >= self.0.renew_at
    }

    /// Spent a little early, since a request with it takes time to arrive.
    pub(super) fn is_spent(&self, now: Moment) -> bool {
        now.since(self.0.asked) + (self.0.lifetime / 20).min(Duration::from_secs(5)) >= self.0.lifetime
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("scope", &self.0.scope)
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}
