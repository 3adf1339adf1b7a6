//! What a token request says (RFC 6749 §4.4.2): exactly one client authentication, perhaps a DPoP proof, and a grant.

use crate::binding::DpopProof;
use crate::client_auth::ClientAuth;
use crate::error::Result;
use crate::grant::GrantRequest;
use crate::incoming::{Incoming, ParseLimits};

#[derive(Debug)]
pub struct TokenRequest {
    pub client_auth: ClientAuth,
    /// Not verified yet (RFC 9449 §5).
    pub proof: Option<DpopProof>,
    pub grant: GrantRequest,
}

impl TokenRequest {
    pub fn parse(incoming: &Incoming<'_>, limits: &ParseLimits) -> Result<Self> {
        let form = incoming.form(limits)?;
        let client_auth = ClientAuth::parse(incoming, &form)?;
        let proof = DpopProof::from_headers(incoming.headers)?;
        let grant = GrantRequest::parse(&form, limits)?;
        Ok(Self { client_auth, proof, grant })
    }
}
