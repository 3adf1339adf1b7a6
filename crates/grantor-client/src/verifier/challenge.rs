//! `WWW-Authenticate` (RFC 6750 §3, RFC 9449 §7.1, §7.2).

use super::error::Cause;
use grantor_core::jose::Alg;
use http::HeaderValue;

/// How a token is presented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scheme {
    #[default]
    Bearer,
    Dpop,
}

/// What a refusal depends on beside its cause.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Challenge {
    /// How the token came, or else how tokens usually come.
    pub(super) scheme: Scheme,
    /// Whether DPoP proofs can be checked here.
    pub(super) dpop: bool,
    /// For the next proof.
    pub(super) nonce: Option<HeaderValue>,
}

impl Challenge {
    pub(super) fn www_authenticate(&self, cause: &Cause) -> Option<HeaderValue> {
        let (error, description, scope) = match cause {
            Cause::Missing => return HeaderValue::from_str(&self.schemes()).ok(),
            Cause::BadRequest(why) => ("invalid_request", (*why).to_owned(), None),
            Cause::Invalid(why) => ("invalid_token", why.public().to_owned(), None),
            // The caller made the proof, and may know what is wrong with it.
            Cause::InvalidProof(_) => ("invalid_dpop_proof", cause.to_string(), None),
            Cause::UseNonce => ("use_dpop_nonce", "make a new proof with the nonce in DPoP-Nonce".to_owned(), None),
            Cause::InsufficientScope { required } => {
                ("insufficient_scope", "the token lacks a scope".to_owned(), Some(required))
            }
            Cause::Unavailable(_) | Cause::TooManyProofs => return None,
        };
        let mut parameters = format!("error=\"{error}\", error_description=\"{}\"", quotable(&description));
        if let Some(scope) = scope {
            parameters.push_str(&format!(", scope=\"{}\"", quotable(scope)));
        }
        let challenge = match self.scheme {
            Scheme::Dpop => format!("DPoP {parameters}, {}", algs()),
            // Whoever came without a proof learns that one is taken.
            Scheme::Bearer if self.dpop => format!("Bearer {parameters}, DPoP {}", algs()),
            Scheme::Bearer => format!("Bearer {parameters}"),
        };
        HeaderValue::from_str(&challenge).ok()
    }

    fn schemes(&self) -> String {
        if self.dpop { format!("Bearer, DPoP {}", algs()) } else { "Bearer".to_owned() }
    }
}

fn algs() -> String {
    format!("algs=\"{}\"", Alg::ALL.map(Alg::as_str).join(" "))
}

/// The characters that both `error_description` and `scope` may have (RFC 6750 §3).
fn quotable(text: &str) -> String {
    text.chars().filter(|c| matches!(c, ' '..='!' | '#'..='[' | ']'..='~')).take(400).collect()
}
