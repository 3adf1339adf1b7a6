//! Authorization server metadata (RFC 8414) and its OpenID Connect Discovery twin. Built from the enums, so it cannot
//! name what the server does not do, or leave out what it does.

use crate::client_auth::Method;
use crate::grant::GrantType;
use crate::jose::Alg;
use serde::Serialize;

/// Paths of the endpoints, behind the issuer.
pub const TOKEN_PATH: &str = "/connect/token";
pub const INTROSPECTION_PATH: &str = "/connect/introspect";
pub const REVOCATION_PATH: &str = "/connect/revocation";
pub const JWKS_PATH: &str = "/.well-known/jwks.json";
pub const OAUTH_METADATA_PATH: &str = "/.well-known/oauth-authorization-server";
pub const OPENID_METADATA_PATH: &str = "/.well-known/openid-configuration";

/// The document of RFC 8414 §2. Members without elements are left out (§3.2), and so is `response_types_supported`: there
/// is no authorization endpoint.
#[derive(Clone, Debug, Serialize)]
pub struct ServerMetadata {
    pub issuer: String,
    pub token_endpoint: String,
    pub token_endpoint_auth_methods_supported: Vec<&'static str>,
    pub introspection_endpoint: String,
    pub introspection_endpoint_auth_methods_supported: Vec<&'static str>,
    pub introspection_signing_alg_values_supported: Vec<&'static str>,
    pub revocation_endpoint: String,
    pub revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    pub jwks_uri: String,
    pub grant_types_supported: Vec<&'static str>,
}

impl ServerMetadata {
    pub fn new(issuer: &str) -> Self {
        let methods = || Method::ALL.iter().map(|method| method.as_str()).collect::<Vec<_>>();
        Self {
            issuer: issuer.to_owned(),
            token_endpoint: format!("{issuer}{TOKEN_PATH}"),
            token_endpoint_auth_methods_supported: methods(),
            introspection_endpoint: format!("{issuer}{INTROSPECTION_PATH}"),
            introspection_endpoint_auth_methods_supported: methods(),
            introspection_signing_alg_values_supported: Alg::ALL.iter().map(|alg| alg.as_str()).collect(),
            revocation_endpoint: format!("{issuer}{REVOCATION_PATH}"),
            revocation_endpoint_auth_methods_supported: methods(),
            jwks_uri: format!("{issuer}{JWKS_PATH}"),
            grant_types_supported: GrantType::ALL.iter().map(|grant| grant.as_str()).collect(),
        }
    }
}
