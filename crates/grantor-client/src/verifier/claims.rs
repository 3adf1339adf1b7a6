//! What the claims of a token must say (RFC 9068 §2.2, §4; RFC 7662 §2.2).

use super::binding;
use super::challenge::Challenge;
use super::error::{Cause, VerifyError};
use super::invalid_token::InvalidToken;
use crate::error::printable;
use grantor_core::binding::Confirmation;
use grantor_core::jose::Claims;
use grantor_core::scope::{Scope, is_scope_token};
use http::HeaderValue;
use serde_json::Value;
use std::fmt;

/// What every token must satisfy.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) issuer: String,
    /// A token must be for one of these.
    pub(super) audience: Vec<String>,
    pub(super) leeway_s: i64,
}

/// Who says so: a JWT must hold every claim of RFC 9068 §2.2; an introspection answer may leave out some (RFC 7662 §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Jwt,
    Introspection,
}

impl Rules {
    pub(super) fn check(&self, claims: Claims, origin: Origin, now: i64) -> Result<VerifiedToken, InvalidToken> {
        let text = |name: &'static str| claims.opt_str(name).map_err(|error| InvalidToken::bad_claim(&error));
        let time = |name: &'static str| claims.opt_time(name).map_err(|error| InvalidToken::bad_claim(&error));
        let missing = |name: &str| InvalidToken::BadClaim(format!("the claim {name} is missing"));

        match text("iss")? {
            Some(iss) if iss != self.issuer => return Err(InvalidToken::WrongIssuer),
            None if origin == Origin::Jwt => return Err(missing("iss")),
            _ => {}
        }
        let audience = claims.opt_strings("aud").map_err(|error| InvalidToken::bad_claim(&error))?;
        let audience = audience.ok_or_else(|| missing("aud"))?;
        if !audience.iter().any(|name| self.audience.contains(name)) {
            return Err(InvalidToken::WrongAudience(printable(&audience.join(" "), 200)));
        }
        let expires_at = time("exp")?.ok_or_else(|| missing("exp"))?;
        if now >= expires_at.saturating_add(self.leeway_s) {
            return Err(InvalidToken::Expired);
        }
        let issued_at = time("iat")?;
        if [time("nbf")?, issued_at].into_iter().flatten().any(|start| start > now.saturating_add(self.leeway_s)) {
            return Err(InvalidToken::NotYetValid);
        }
        let confirmation = binding::confirmation(claims.get("cnf"))?;
        let client_id = text("client_id")?.ok_or_else(|| missing("client_id"))?.to_owned();
        let (subject, jti) = (text("sub")?.map(str::to_owned), text("jti")?.map(str::to_owned));
        if origin == Origin::Jwt {
            subject.as_ref().ok_or_else(|| missing("sub"))?;
            jti.as_ref().ok_or_else(|| missing("jti"))?;
            issued_at.ok_or_else(|| missing("iat"))?;
        }
        let scope =
            Scope::from_tokens(text("scope")?.unwrap_or_default().split(' ').filter(|token| is_scope_token(token)));
        Ok(VerifiedToken {
            client_id,
            subject,
            audience,
            scope,
            expires_at,
            jti,
            confirmation,
            claims,
            challenge: Challenge::default(),
        })
    }
}

/// An access token that is good: from the right issuer, for this API, valid now, and its sender's own if it is bound to
/// a key.
#[derive(Clone, PartialEq)]
pub struct VerifiedToken {
    client_id: String,
    subject: Option<String>,
    audience: Vec<String>,
    scope: Scope,
    expires_at: i64,
    jti: Option<String>,
    pub(super) confirmation: Confirmation,
    claims: Claims,
    /// For refusals to come.
    pub(super) challenge: Challenge,
}

impl VerifiedToken {
    /// The client that got the token (`client_id`).
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Whom it speaks for (`sub`): the client itself, where no person is involved. A JWT always names it; introspection may
    /// not.
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// The APIs it is for (`aud`). This one is among them.
    pub fn audience(&self) -> &[String] {
        &self.audience
    }

    /// What it allows (`scope`), value by value.
    pub fn scope(&self) -> impl Iterator<Item = &str> {
        self.scope.iter()
    }

    /// When it expires (`exp`), in seconds since 1970.
    pub const fn expires_at(&self) -> i64 {
        self.expires_at
    }

    /// Its own name (`jti`), for logs. A JWT always has one; introspection may not tell.
    pub fn jti(&self) -> Option<&str> {
        self.jti.as_deref()
    }

    /// The thumbprint of the DPoP key that it is bound to (RFC 9449 §6). The sender proved to have that key.
    pub fn jkt(&self) -> Option<&str> {
        self.confirmation.jkt.as_deref()
    }

    /// The thumbprint of the certificate that it is bound to (RFC 8705 §3.1), which is that of the connection.
    pub fn x5t_s256(&self) -> Option<&str> {
        self.confirmation.x5t_s256.as_deref()
    }

    /// The nonce that the next proof needs, where nonces are asked for: answers may bring it in `DPoP-Nonce`, which saves
    /// the caller a refused request when the last one gets old (RFC 9449 §8.2).
    pub fn dpop_nonce(&self) -> Option<&HeaderValue> {
        self.challenge.nonce.as_ref().filter(|_| self.confirmation.jkt.is_some())
    }

    /// Any claim, as it is in the token.
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.claims.get(name)
    }

    /// Succeeds if the token has this scope value; of several, separated by spaces, all are needed.
    pub fn require_scope(&self, required: &str) -> Result<(), VerifyError> {
        let mut values = required.split(' ').filter(|value| !value.is_empty());
        match values.all(|value| self.scope.contains(value)) {
            true => Ok(()),
            false => {
                let cause = Cause::InsufficientScope { required: required.to_owned() };
                Err(VerifyError::new(cause, self.challenge.clone()))
            }
        }
    }
}

/// Without the other claims, which may be personal.
impl fmt::Debug for VerifiedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedToken")
            .field("client_id", &self.client_id)
            .field("subject", &self.subject)
            .field("audience", &self.audience)
            .field("scope", &self.scope.to_string())
            .field("expires_at", &self.expires_at)
            .field("jti", &self.jti)
            .field("confirmation", &self.confirmation)
            .finish_non_exhaustive()
    }
}
