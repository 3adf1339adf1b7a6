//! One token request: sent, repeated where that may help, and its answer read (RFC 6749 §4.4, §5).

use super::{Refusal, Token, TokenError};
use crate::client_auth::ClientAuth;
use crate::clock::{Clock, Moment, jittered};
use crate::dpop_key::{DPOP, DPOP_NONCE, DpopKey};
use crate::error::{ConfigError, printable};
use crate::issuer::Issuer;
use crate::outgoing::{NoReply, Outgoing, Reply, send};
use http::{HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;
use std::time::Duration;
use url::Url;
use zeroize::Zeroizing;

const ANSWER_MAX: usize = 256 * 1024;
const DESCRIPTION_MAX: usize = 400;
const FIRST_BACKOFF: Duration = Duration::from_millis(250);
/// Longest `Retry-After` that is sat out within one call.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(10);
/// What a token is good for if the server does not say (RFC 6749 §5.1 only recommends `expires_in`).
const LIFETIME_UNTOLD: Duration = Duration::from_secs(60);

/// Everything that does not change between requests.
#[derive(Debug)]
pub(super) struct TokenRequest {
    pub(super) auth: ClientAuth,
    /// What tokens shall be bound to.
    pub(super) dpop: Option<DpopKey>,
    /// Whom assertions are for: the issuer. Empty if none is known, and none are made.
    pub(super) audience: String,
    pub(super) server: Server,
    pub(super) scope: Option<String>,
    pub(super) resources: Vec<String>,
    pub(super) attempts_max: u32,
    pub(super) outgoing: Outgoing,
    pub(super) clock: Clock,
}

/// Where tokens are issued.
#[derive(Debug)]
pub(super) enum Server {
    Endpoint(Url),
    Issuer(Issuer),
}

impl TokenRequest {
    /// Asks, and asks again after a failure that may pass.
    pub(super) async fn fetch(&self) -> Result<Token, TokenError> {
        let mut attempt = 1;
        let mut backoff = FIRST_BACKOFF;
        loop {
            let error = match self.once().await {
                Ok(token) => return Ok(token),
                Err(error) => error,
            };
            let wanted = error.retry_after().unwrap_or_default();
            if attempt >= self.attempts_max || !error.is_transient() || wanted > RETRY_AFTER_MAX {
                tracing::warn!(client_id = self.auth.client_id, attempt, %error, "no access token");
                return Err(error);
            }
            tokio::time::sleep(jittered(backoff).max(wanted)).await;
            backoff *= 2;
            attempt += 1;
        }
    }

    async fn once(&self) -> Result<Token, TokenError> {
        let endpoint = self.endpoint().await?;
        let (reply, asked) = self.ask(&endpoint).await?;
        match self.read(&reply, &endpoint, asked) {
            // The server wants to see a nonce in the proof, and said which: a matter of course, and no failure (RFC 9449 §8).
            Err(error) if self.dpop.is_some() && wants_nonce(&error, &reply) => {
                let (reply, asked) = self.ask(&endpoint).await?;
                self.read(&reply, &endpoint, asked)
            }
            outcome => outcome,
        }
    }

    /// Asks once, and returns when.
    async fn ask(&self, endpoint: &Url) -> Result<(Reply, Moment), TokenError> {
        let mut parameters = vec![("grant_type", "client_credentials")];
        parameters.extend(self.scope.iter().map(|scope| ("scope", scope.as_str())));
        parameters.extend(self.resources.iter().map(|resource| ("resource", resource.as_str())));
        let from = endpoint.as_str();
        let request = self.outgoing.post(endpoint).map_err(|error| TokenError::no_answer(from, error))?;
        // The lifetime counts from before the request: a slow answer must not make a token look younger.
        let asked = self.clock.now();
        let request = self.auth.sign_in(request, &parameters, &self.audience, asked.unix_s());
        let request = request.map_err(|error| TokenError::no_answer(from, error))?;
        let no_proof =
            |error: ConfigError| TokenError::no_answer(from, NoReply { why: error.to_string(), transient: false });
        // A proof is good for one request, like an assertion.
        let request = match &self.dpop {
            Some(key) => request.header(DPOP, key.proof("POST", from, None).map_err(no_proof)?),
            None => request,
        };
        let reply = send(request, ANSWER_MAX).await.map_err(|error| TokenError::no_answer(from, error))?;
        if let Some(key) = &self.dpop {
            key.remember_nonce(from, &reply.headers);
        }
        Ok((reply, asked))
    }

    fn read(&self, reply: &Reply, endpoint: &Url, asked: Moment) -> Result<Token, TokenError> {
        match reply.status {
            StatusCode::OK => granted(reply, endpoint.as_str(), asked, self.dpop.as_ref()),
            _ => Err(self.refused(reply)),
        }
    }

    async fn endpoint(&self) -> Result<Cow<'_, Url>, TokenError> {
        match &self.server {
            Server::Endpoint(url) => Ok(Cow::Borrowed(url)),
            Server::Issuer(issuer) => match issuer.token_endpoint().await {
                Ok(url) => Ok(Cow::Owned(url)),
                Err(error) => Err(TokenError::no_answer(issuer.as_str(), error)),
            },
        }
    }

    fn refused(&self, reply: &Reply) -> TokenError {
        #[derive(Default, Deserialize)]
        struct Body {
            error: Option<String>,
            error_description: Option<String>,
        }
        let body: Body = serde_json::from_slice(&reply.body).unwrap_or_default();
        let clean = |text: String| printable(&self.auth.without_secret(&text), DESCRIPTION_MAX);
        TokenError::Refused(Refusal {
            status: reply.status.as_u16(),
            error: body.error.map(clean),
            error_description: body.error_description.map(clean),
            request_id: reply.request_id(),
            retry_after: reply.retry_after(),
        })
    }
}

fn wants_nonce(error: &TokenError, reply: &Reply) -> bool {
    error.oauth_error() == Some("use_dpop_nonce") && reply.headers.contains_key(DPOP_NONCE)
}

/// Reads a successful answer (RFC 6749 §5.1), which is for a bound token if a proof was sent (RFC 9449 §5).
fn granted(reply: &Reply, from: &str, asked: Moment, dpop: Option<&DpopKey>) -> Result<Token, TokenError> {
    #[derive(Deserialize)]
    struct Body {
        access_token: String,
        token_type: String,
        expires_in: Option<Value>,
        scope: Option<String>,
    }
    let unusable = |why: &str| TokenError::NoAnswer {
        why: format!("the answer of {from} cannot be used: {why}"),
        transient: false,
        request_id: reply.request_id(),
    };
    // The error of a JSON parser may repeat what it read, and that may be the token.
    let body: Body = serde_json::from_slice(&reply.body)
        .map_err(|_| unusable("it is not a JSON object with access_token and token_type (RFC 6749 section 5.1)"))?;
    let access_token = Zeroizing::new(body.access_token);
    let token_type = if dpop.is_some() { "DPoP" } else { "Bearer" };
    if !body.token_type.eq_ignore_ascii_case(token_type) {
        let found = printable(&body.token_type, 40);
        return Err(unusable(&match dpop {
            Some(_) => format!(
                "its token_type is {found}, not DPoP: the token is not bound to the key, perhaps as the server knows no DPoP"
            ),
            None => format!("its token_type is {found}, and only Bearer was asked for"),
        }));
    }
    let visible = !access_token.is_empty() && access_token.bytes().all(|b| b.is_ascii_graphic());
    let value = Zeroizing::new(format!("{token_type} {}", *access_token));
    let authorization = HeaderValue::from_str(&value).ok().filter(|_| visible);
    let mut authorization = authorization.ok_or_else(|| unusable("its access_token is no text for a header"))?;
    authorization.set_sensitive(true);
    let lifetime = match body.expires_in {
        None | Some(Value::Null) => LIFETIME_UNTOLD,
        // Some servers write the number as a string.
        Some(Value::String(text)) => seconds(text.parse().ok()).ok_or_else(|| unusable("expires_in is no number"))?,
        Some(other) => seconds(other.as_u64()).ok_or_else(|| unusable("expires_in is no whole number"))?,
    };
    Ok(Token::new(access_token, authorization, dpop.cloned(), body.scope, asked, lifetime))
}

/// A lifetime, at most a hundred years of it.
fn seconds(number: Option<u64>) -> Option<Duration> {
    number.map(|seconds| Duration::from_secs(seconds.min(100 * 365 * 86_400)))
}
