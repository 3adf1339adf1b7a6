//! Authorization server metadata (RFC 8414) and its OpenID Connect Discovery twin. Built from the enums, so it cannot
//! name what the server does not do, or leave out what it does.

use crate::client::assertion_algs;
use crate::client_auth::Method;
use crate::domain::Domain;
use crate::grant::GrantType;
use crate::jose::{Alg, ED25519};
use serde::Serialize;

/// Paths of the endpoints, behind the issuer.
pub const TOKEN_PATH: &str = "/connect/token";
pub const INTROSPECTION_PATH: &str = "/connect/introspect";
pub const REVOCATION_PATH: &str = "/connect/revocation";
/// Nothing is there.
pub const AUTHORIZATION_PATH: &str = "/connect/authorize";
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
    pub token_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    pub introspection_endpoint: String,
    pub introspection_endpoint_auth_methods_supported: Vec<&'static str>,
    pub introspection_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    pub introspection_signing_alg_values_supported: Vec<&'static str>,
    pub revocation_endpoint: String,
    pub revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    pub revocation_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    pub jwks_uri: String,
    pub grant_types_supported: Vec<&'static str>,
    /// These two only by `with_authorization_placeholder`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_types_supported: Option<[&'static str; 0]>,
    /// RFC 9449 §5.1.
    pub dpop_signing_alg_values_supported: Vec<&'static str>,
    /// RFC 8705 §3.3.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub tls_client_certificate_bound_access_tokens: bool,
    /// RFC 8705 §5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtls_endpoint_aliases: Option<EndpointAliases>,
}

/// The endpoints at which a client certificate is asked for.
#[derive(Clone, Debug, Serialize)]
pub struct EndpointAliases {
    pub token_endpoint: String,
    pub introspection_endpoint: String,
    pub revocation_endpoint: String,
}

impl ServerMetadata {
    /// `certificates`: whether client certificates can reach this server, by a listener or by a proxy.
    pub fn new(domain: &Domain, certificates: bool) -> Self {
        let issuer = &domain.issuer;
        let offered = Method::ALL.into_iter().filter(|method| certificates || !method.is_mtls());
        let methods: Vec<&'static str> = offered.map(Method::as_str).collect();
        let signatures: Vec<&'static str> = Alg::ALL.into_iter().map(Alg::as_str).collect();
        let assertions: Vec<&'static str> = assertion_algs().chain([ED25519]).collect();
        let proofs = Alg::ALL.into_iter().map(Alg::as_str).chain([ED25519]).collect();
        Self {
            issuer: issuer.clone(),
            token_endpoint: format!("{issuer}{TOKEN_PATH}"),
            token_endpoint_auth_methods_supported: methods.clone(),
            token_endpoint_auth_signing_alg_values_supported: assertions.clone(),
            introspection_endpoint: format!("{issuer}{INTROSPECTION_PATH}"),
            introspection_endpoint_auth_methods_supported: methods.clone(),
            introspection_endpoint_auth_signing_alg_values_supported: assertions.clone(),
            introspection_signing_alg_values_supported: signatures,
            revocation_endpoint: format!("{issuer}{REVOCATION_PATH}"),
            revocation_endpoint_auth_methods_supported: methods,
            revocation_endpoint_auth_signing_alg_values_supported: assertions,
            jwks_uri: format!("{issuer}{JWKS_PATH}"),
            grant_types_supported: GrantType::ALL.iter().map(|grant| grant.as_str()).collect(),
            authorization_endpoint: None,
            response_types_supported: None,
            dpop_signing_alg_values_supported: proofs,
            tls_client_certificate_bound_access_tokens: certificates,
            mtls_endpoint_aliases: domain.mtls_base.as_ref().map(|base| EndpointAliases {
                token_endpoint: format!("{base}{TOKEN_PATH}"),
                introspection_endpoint: format!("{base}{INTROSPECTION_PATH}"),
                revocation_endpoint: format!("{base}{REVOCATION_PATH}"),
            }),
        }
    }

    /// For readers that take no document without these members, even of a server to which RFC 8414 §2 does not apply them.
    /// The empty list says that nothing can be had there.
    pub fn with_authorization_placeholder(mut self) -> Self {
        self.authorization_endpoint = Some(format!("{}{AUTHORIZATION_PATH}", self.issuer));
        self.response_types_supported = Some([]);
        self
    }
}
