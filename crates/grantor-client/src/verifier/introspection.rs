//! Opaque tokens: the issuer is asked (RFC 7662), and its answer kept for a moment.

use super::claims::{Origin, Rules, VerifiedToken};
use super::error::Cause;
use super::invalid_token::InvalidToken;
use crate::client_auth::ClientAuth;
use crate::clock::{Clock, Moment};
use crate::flight::{Flight, Next, State};
use crate::issuer::Issuer;
use grantor_core::jose::{Claims, sha256};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Most answers kept at a time.
const KEPT_MAX: usize = 4096;
/// After a failure the issuer is left alone with this token for so long.
const REST: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Introspection {
    pub(super) auth: ClientAuth,
    pub(super) issuer: Issuer,
    pub(super) keep_for: Duration,
    pub(super) clock: Clock,
    /// By the hash of the token: what is kept here is no use to a thief.
    pub(super) kept: Mutex<HashMap<[u8; 32], Asked>>,
}

/// A question that is under way, or answered.
type Asked = Arc<Flight<Answer, Cause>>;

/// What the issuer said about a token.
#[derive(Debug)]
pub(super) struct Answer {
    /// `None` if it is not active.
    claims: Option<Claims>,
    at: Moment,
}

impl Introspection {
    pub(super) async fn check(&self, token: &str, rules: &Rules) -> Result<VerifiedToken, Cause> {
        let flight = self.flight(sha256(token.as_bytes()));
        let fetch = || {
            let (auth, issuer, token, at) =
                (self.auth.clone(), self.issuer.clone(), zeroize::Zeroizing::new(token.to_owned()), self.clock.now());
            async move {
                let claims = active(issuer.ask(&auth, &token).await?)?;
                Ok(Answer { claims, at })
            }
        };
        let answer = flight.get(|state| self.next(state), fetch).await?;
        let claims = answer.claims.clone().ok_or(InvalidToken::Inactive)?;
        // Checked each time: a token may expire while the answer about it is kept.
        Ok(rules.check(claims, Origin::Introspection, self.clock.now().unix_s())?)
    }

    fn next(&self, state: &State<Answer, Cause>) -> Next<Answer, Cause> {
        let now = self.clock.now();
        match (&state.value, &state.failure) {
            (_, Some(failure)) if now.since(failure.at) < REST => Next::Fail(failure.error.clone()),
            (Some(answer), _) if now.since(answer.at) < self.keep_for => Next::Have(answer.clone()),
            _ => Next::Wait,
        }
    }

    fn flight(&self, hash: [u8; 32]) -> Asked {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX && !kept.contains_key(&hash) {
            let now = self.clock.now();
            kept.retain(|_, flight| flight.value().is_some_and(|answer| now.since(answer.at) < self.keep_for));
            // Still too many: the cache is only there to save questions.
            if kept.len() >= KEPT_MAX {
                kept.clear();
            }
        }
        kept.entry(hash).or_insert_with(|| Arc::new(Flight::new(self.clock.clone()))).clone()
    }
}

/// The claims of an active token. `active` must be a boolean: "true" in quotes is no answer.
fn active(mut answer: Map<String, Value>) -> Result<Option<Claims>, Cause> {
    match answer.remove("active") {
        Some(Value::Bool(false)) => Ok(None),
        Some(Value::Bool(true)) => {
            // Bound without a claim that says to what (RFC 9449 §6.2).
            let kind = answer.get("token_type").and_then(Value::as_str);
            let bound = answer.get("cnf").is_some_and(|cnf| cnf.get("jkt").is_some());
            if !bound && kind.is_some_and(|kind| kind.eq_ignore_ascii_case("DPoP")) {
                let why = "its token_type is DPoP, and it has no cnf with jkt".to_owned();
                return Err(InvalidToken::SenderConstrained(why).into());
            }
            let json = Value::Object(answer).to_string();
            Claims::parse(json.as_bytes()).map(Some).map_err(|error| InvalidToken::bad_claim(&error).into())
        }
        _ => Err(crate::IssuerError::new("the introspection answer has no boolean `active`").into()),
    }
}
