//! What tokens are bound to: decided from what the sender of a request proved to have, what the client is registered for,
//! and what the resources want.

use super::{Confirmation, VerifiedProof};
use crate::client::ClientMetadata;
use crate::error::{OAuthError, Result, quote};
use crate::resource::{Resource, SenderConstraint};
use crate::x509::ClientCertificate;
use std::sync::Arc;

/// The keys that the sender of a token request proved to have.
#[derive(Clone, Copy, Debug, Default)]
pub struct Possession<'r> {
    /// Of a DPoP key (RFC 9449).
    pub proof: Option<&'r VerifiedProof>,
    /// Of the key in a certificate, in the TLS handshake (RFC 8705).
    pub certificate: Option<&'r ClientCertificate>,
}

impl Possession<'_> {
    /// A DPoP proof binds wherever there is one (RFC 9449 §5). A certificate binds where the client asked for it
    /// beforehand, or the resource does (RFC 8705 §3): it may be there for authentication alone.
    pub(crate) fn bind(&self, client: &ClientMetadata, targets: &[&Arc<Resource>]) -> Result<Confirmation> {
        if client.dpop_bound_access_tokens && self.proof.is_none() {
            return Err(dpop_missing("the client is registered with dpop_bound_access_tokens (RFC 9449 section 5.2)"));
        }
        let mut by_certificate = client.tls_client_certificate_bound_access_tokens;
        if by_certificate && self.certificate.is_none() {
            return Err(certificate_missing(
                "the client is registered with tls_client_certificate_bound_access_tokens (RFC 8705 section 3.4)",
            ));
        }
        for target in targets {
            let Some(constraint) = target.sender_constraint else { continue };
            let wants =
                || format!("resource '{}' has sender_constraint {}", quote(&target.identifier), constraint.as_str());
            match (constraint, self.proof, self.certificate) {
                (SenderConstraint::Dpop, None, _) => return Err(dpop_missing(&wants())),
                (SenderConstraint::Mtls, _, None) => return Err(certificate_missing(&wants())),
                (SenderConstraint::Any, None, None) => return Err(nothing_to_bind_to(&wants())),
                (SenderConstraint::Mtls, ..) | (SenderConstraint::Any, None, _) => by_certificate = true,
                (SenderConstraint::Dpop | SenderConstraint::Any, Some(_), _) => {}
            }
        }
        Ok(Confirmation {
            jkt: self.proof.map(|proof| proof.jkt.clone()),
            x5t_s256: self.certificate.filter(|_| by_certificate).map(|certificate| certificate.x5t_s256().to_owned()),
        })
    }
}

fn dpop_missing(why: &str) -> OAuthError {
    OAuthError::invalid_request("a DPoP proof is needed for this token; send one in the DPoP header (RFC 9449)")
        .because("dpop_missing", format!("the request has no DPoP header, but {why}"))
}

fn certificate_missing(why: &str) -> OAuthError {
    OAuthError::invalid_request(
        "a client certificate is needed for this token; send the request over mutual TLS, to the token_endpoint in \
         mtls_endpoint_aliases of the metadata (RFC 8705)",
    )
    .because("certificate_to_bind_missing", format!("the connection has no client certificate, but {why}"))
}

fn nothing_to_bind_to(why: &str) -> OAuthError {
    OAuthError::invalid_request(
        "this token must be bound to a key; send a DPoP proof (RFC 9449), or the request over mutual TLS (RFC 8705)",
    )
    .because("key_to_bind_missing", format!("the request has neither a DPoP proof nor a client certificate, but {why}"))
}
