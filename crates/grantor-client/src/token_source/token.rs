//! An access token and how long it is good for.

use crate::clock::{Moment, jittered};
use crate::dpop_key::{DPOP, DpopKey};
use crate::error::ConfigError;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
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
    /// The key that it is bound to.
    dpop: Option<DpopKey>,
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
        dpop: Option<DpopKey>,
        scope: Option<String>,
        asked: Moment,
        lifetime: Duration,
    ) -> Self {
        // A tenth to a fifth of the lifetime ahead, at most five minutes.
        let ahead = jittered((lifetime / 5).min(Duration::from_secs(300)));
        let renew_at = lifetime.saturating_sub(ahead);
        Self(Arc::new(Inner { access_token, authorization, dpop, scope, asked, lifetime, renew_at }))
    }

    /// The token itself. Keep it out of logs.
    pub fn access_token(&self) -> &str {
        &self.0.access_token
    }

    /// How it is to be presented: `Bearer`, or `DPoP` if it is bound to a key.
    pub fn token_type(&self) -> &'static str {
        if self.0.dpop.is_some() { "DPoP" } else { "Bearer" }
    }

    /// The value of an Authorization header: the type and the token, marked as sensitive. A token that is bound to a key is
    /// of no use without a proof: take [`headers`](Self::headers) for it.
    pub fn authorization(&self) -> HeaderValue {
        self.0.authorization.clone()
    }

    /// The headers of one request to an API: `Authorization`, and for a token that is bound to a DPoP key a proof by it,
    /// which is good for this method and URL, once (RFC 9449 §7.1).
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use grantor_client::{DpopKey, TokenSource};
    ///
    /// let tokens = TokenSource::builder("demo", std::env::var("CLIENT_SECRET")?)
    ///     .issuer("https://auth.example.com")
    ///     .dpop(DpopKey::generate()?)
    ///     .build()?;
    ///
    /// let (client, url) = (reqwest::Client::new(), "https://api.example.com/things");
    /// let token = tokens.token().await?;
    /// let mut answer = client.get(url).headers(token.headers("GET", url)?).send().await?;
    /// // An API may want to see a nonce of its own in the proof.
    /// if token.remember_nonce(url, answer.headers()) {
    ///     answer = client.get(url).headers(token.headers("GET", url)?).send().await?;
    /// }
    /// # drop(answer);
    /// # Ok(())
    /// # }
    /// ```
    pub fn headers(&self, method: &str, url: &str) -> Result<HeaderMap, ConfigError> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, self.authorization());
        if let Some(key) = &self.0.dpop {
            headers.insert(DPOP, key.proof(method, url, Some(self.access_token()))?);
        }
        Ok(headers)
    }

    /// Remembers the nonce in an API's answer, for proofs to come (RFC 9449 §8.2). `true` if the API refused the request
    /// for want of it (§9): try once more, with new [`headers`](Self::headers).
    pub fn remember_nonce(&self, url: &str, answer: &HeaderMap) -> bool {
        self.0.dpop.as_ref().is_some_and(|key| key.remember_nonce(url, answer))
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
            .field("token_type", &self.token_type())
            .field("scope", &self.0.scope)
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}
