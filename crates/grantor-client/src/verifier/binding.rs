//! Whether a token is its sender's own: bound to the certificate of the connection (RFC 8705 §3), or to the key of a DPoP
//! proof (RFC 9449 §7).

use super::challenge::Scheme;
use super::error::Cause;
use super::invalid_token::InvalidToken;
use super::request::{Request, Shown};
use super::spent_proofs::{Spent, SpentProofs};
use crate::clock::Moment;
use grantor_core::binding::{Confirmation, DpopError, DpopErrorKind, DpopExpected, DpopProof, Nonces};
use grantor_core::jose::{b64url_encode, sha256};
use http::HeaderValue;
use serde_json::Value;

#[derive(Debug)]
pub(super) struct Rules {
    /// Whether a token must be bound to something.
    pub(super) required: bool,
    pub(super) iat_window_s: i64,
    pub(super) iat_ahead_s: i64,
    /// With them, each proof needs one.
    pub(super) nonces: Option<Nonces>,
    /// Tells this API's nonces from those of others with the same key.
    pub(super) nonce_domain: String,
    pub(super) spent: SpentProofs,
}

/// The key that a sender claims to have, not checked yet.
pub(super) enum Claim {
    None,
    Dpop(DpopProof),
}

impl Claim {
    /// The scheme alone says whether there has to be a proof: one that comes with a bearer token is not looked at.
    pub(super) fn read(request: &Request<'_>, scheme: Scheme) -> Result<Self, Cause> {
        match scheme {
            Scheme::Bearer => Ok(Self::None),
            Scheme::Dpop => match DpopProof::from_headers(request.headers) {
                Ok(Some(proof)) => Ok(Self::Dpop(proof)),
                Ok(None) => Err(Cause::InvalidProof("the request has no DPoP header".into())),
                Err(error) => Err(refused(error)),
            },
        }
    }
}

/// The claim `cnf`. Tokens that are bound in a way not known here are refused, even if they are bound in another one too:
/// whoever issued them wanted both.
pub(super) fn confirmation(cnf: Option<&Value>) -> Result<Confirmation, InvalidToken> {
    let Some(cnf) = cnf else { return Ok(Confirmation::default()) };
    let unknown = cnf.as_object().and_then(|members| {
        let known = |name: &&String| !matches!(name.as_str(), "jkt" | "x5t#S256");
        members.keys().find(known)
    });
    if let Some(unknown) = unknown {
        return Err(InvalidToken::SenderConstrained(format!(
            "cnf has the member {}",
            grantor_core::error::quote(unknown)
        )));
    }
    Confirmation::parse(cnf).map_err(|error| InvalidToken::SenderConstrained(error.to_string()))
}

impl Rules {
    /// The last of all checks, since it spends the proof.
    pub(super) fn check(
        &self,
        bound: &Confirmation,
        claim: &Claim,
        token: &str,
        request: &Request<'_>,
        now: Moment,
    ) -> Result<(), Cause> {
        if let Some(x5t_s256) = &bound.x5t_s256 {
            check_certificate(x5t_s256, request.certificate)?;
        }
        match (claim, &bound.jkt, request.target) {
            (Claim::None, None, _) => {}
            (Claim::None, Some(_), Some(_)) => return Err(InvalidToken::DpopAsBearer.into()),
            (Claim::Dpop(_), None, _) => return Err(InvalidToken::BearerAsDpop.into()),
            (Claim::Dpop(proof), Some(jkt), Some(target)) => self.check_proof(proof, jkt, token, target, now)?,
            (_, Some(_), None) => {
                let why = "cnf has jkt, and this API takes no DPoP proofs".to_owned();
                return Err(InvalidToken::SenderConstrained(why).into());
            }
        }
        match bound.is_empty() && self.required {
            true => Err(InvalidToken::NotSenderConstrained.into()),
            false => Ok(()),
        }
    }

    fn check_proof(
        &self,
        proof: &DpopProof,
        jkt: &str,
        token: &str,
        (method, url): (&str, &str),
        now: Moment,
    ) -> Result<(), Cause> {
        let uris = [url];
        let expected = DpopExpected {
            iat_window_s: self.iat_window_s,
            iat_ahead_s: self.iat_ahead_s,
            access_token: Some(token),
            jkt: Some(jkt),
            nonces: self.nonces.as_ref(),
            nonce_domain: &self.nonce_domain,
            nonce_required: self.nonces.is_some(),
            ..DpopExpected::new(method, &uris, now.unix_s())
        };
        let proof = proof.verify(&expected).map_err(refused)?;
        match self.spent.spend(&proof, now) {
            Spent::Now => Ok(()),
            Spent::Before => Err(Cause::InvalidProof("it was used before; make a new one for each request".into())),
            Spent::Unknown => Err(Cause::TooManyProofs),
        }
    }

    /// What the next proof needs.
    pub(super) fn nonce(&self, now: Moment) -> Option<HeaderValue> {
        let nonce = self.nonces.as_ref()?.current(&self.nonce_domain, now.unix_s());
        Some(HeaderValue::from_str(&nonce).expect("base64url fits into a header"))
    }
}

fn check_certificate(x5t_s256: &str, shown: Shown<'_>) -> Result<(), InvalidToken> {
    match shown {
        Shown::Unknown => {
            Err(InvalidToken::SenderConstrained("cnf has x5t#S256, and this API knows no client certificates".into()))
        }
        Shown::Known(None) => Err(InvalidToken::WrongCertificate("there is no client certificate".into())),
        Shown::Known(Some(der)) => {
            let shown = b64url_encode(&sha256(der));
            match shown == x5t_s256 {
                true => Ok(()),
                false => Err(InvalidToken::WrongCertificate(format!("its thumbprint is {shown}, not {x5t_s256}"))),
            }
        }
    }
}

fn refused(error: DpopError) -> Cause {
    match error.kind {
        DpopErrorKind::UseNonce => Cause::UseNonce,
        // The proof is a good one, for a token of its own key (RFC 9449 §7.1).
        DpopErrorKind::Invalid if error.reason == "dpop_binding" => InvalidToken::WrongKey(error.detail).into(),
        DpopErrorKind::Invalid => Cause::InvalidProof(error.detail),
    }
}
