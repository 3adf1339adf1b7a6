//! Access tokens for a client: fetched, kept, and renewed before they expire.

mod builder;
mod error;
mod request;
#[cfg(test)]
mod tests;
mod token;

pub use builder::Builder;
pub use error::{Refusal, TokenError};
pub use token::Token;

use crate::client_auth::Authentication;
use crate::flight::{Failure, Flight, Next, State};
use crate::secret::Secret;
use request::TokenRequest;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// After a failure the server is left alone for this long at most: while the old token is good, and without one.
const REST_MAX: [Duration; 2] = [Duration::from_secs(30), Duration::from_secs(5)];
/// Longest `Retry-After` that is believed.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

/// Gets access tokens with the client credentials grant (RFC 6749 §4.4), and keeps the last one until shortly before it
/// expires.
///
/// Clones share their token. However many tasks ask, one request is in flight, and it is repeated with growing pauses
/// after network errors, 5xx and 429. While a renewal fails, the old token is handed out for as long as it is good. After
/// a failure the server is left alone for a moment (seconds, or what `Retry-After` says): who asks meanwhile gets the same
/// error at once.
///
/// Must be used within a tokio runtime.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use grantor_client::TokenSource;
///
/// let tokens = TokenSource::builder("demo", std::env::var("CLIENT_SECRET")?)
///     .issuer("https://auth.example.com")
///     .resource("https://api.example.com")
///     .scope("read")
///     .build()?;
///
/// let token = tokens.token().await?;
/// reqwest::Client::new()
///     .get("https://api.example.com/things")
///     .header("authorization", token.authorization())
///     .send()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TokenSource {
    request: Arc<TokenRequest>,
    flight: Arc<Flight<Token, TokenError>>,
}

impl TokenSource {
    /// Starts with a client that has a secret.
    pub fn builder(client_id: impl Into<String>, client_secret: impl Into<Secret>) -> Builder {
        Self::with(client_id, Authentication::client_secret_basic(client_secret))
    }

    /// Starts with a client that proves itself in any way.
    ///
    /// ```no_run
    /// # fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use grantor_client::{Authentication, TokenSource};
    ///
    /// let key = std::fs::read("key.pem")?;
    /// let tokens = TokenSource::with("demo", Authentication::private_key_jwt(key)?)
    ///     .issuer("https://auth.example.com")
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn with(client_id: impl Into<String>, authentication: Authentication) -> Builder {
        Builder::new(client_id.into(), authentication)
    }

    fn new(request: TokenRequest) -> Self {
        let flight = Arc::new(Flight::new(request.clock.clone()));
        Self { request: Arc::new(request), flight }
    }

    /// A token that is good now: the one at hand, or a new one.
    pub async fn token(&self) -> Result<Token, TokenError> {
        let request = self.request.clone();
        let fetch = || async move { request.fetch().await };
        self.flight.get(|state| self.next(state), fetch).await.map(|token| Token::clone(&token))
    }

    /// Forgets a token that an API refused, so that the next call fetches another. A token that was replaced meanwhile is
    /// not at hand any more, and nothing happens.
    pub fn forget(&self, token: &Token) {
        self.flight.drop_if(|kept| kept.is(token));
    }

    fn next(&self, state: &State<Token, TokenError>) -> Next<Token, TokenError> {
        let now = self.request.clock.now();
        let good = state.value.as_ref().filter(|token| !token.is_spent(now));
        let resting = state.failure.as_ref().filter(|failure| now.since(failure.at) < rest(failure, good.is_some()));
        match (good, resting) {
            (Some(token), None) if token.is_due(now) => Next::Renew(token.clone()),
            (Some(token), _) => Next::Have(token.clone()),
            (None, Some(failure)) => Next::Fail(failure.error.clone()),
            (None, None) => Next::Wait,
        }
    }
}

/// How long the server is left alone after a failure: what it asked for, or one second, doubled each time.
fn rest(failure: &Failure<TokenError>, have_token: bool) -> Duration {
    let doubled = Duration::from_secs(1 << failure.count.saturating_sub(1).min(5));
    let own = doubled.min(REST_MAX[usize::from(!have_token)]);
    failure.error.retry_after().map_or(own, |wanted| wanted.min(RETRY_AFTER_MAX).max(own))
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource")
            .field("client_id", &self.request.auth.client_id)
            .field("server", &self.request.server)
            .field("token", &self.flight.value())
            .finish_non_exhaustive()
    }
}
