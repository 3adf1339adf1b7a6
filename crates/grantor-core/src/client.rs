//! Clients: what an administrator registers (RFC 7591 §2 names) and the form that requests are checked against.

use crate::Timestamp;
use crate::client_auth::{Method, PublicKeys};
use crate::error::quote;
use crate::grant::GrantType;
use crate::jose::{Alg, HS256, b64url_decode};
use crate::jwk::JwkSet;
use crate::scope::Scope;
use crate::secret::{HashedSecret, is_vschar};
use crate::token::RESERVED_CLAIMS;
use crate::x509::CertificateRule;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

/// Longest `client_id`, in characters.
pub const CLIENT_ID_MAX: usize = 255;

/// A confidential client (RFC 6749 §2.1) as registered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientMetadata {
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// A disabled client gets no token, and its tokens are inactive at introspection.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// How the client may prove itself. RFC 7591 §2: `client_secret_basic` where nothing is said.
    #[serde(default = "default_methods")]
    pub token_endpoint_auth_methods: Vec<Method>,
    #[serde(default = "default_grants")]
    pub grant_types: Vec<GrantType>,
    /// All the client may ever ask for.
    #[serde(default, skip_serializing_if = "Scope::is_empty")]
    pub scope: Scope,
    /// What it gets when a request names no scope. Absent: all of `scope` that the target resource owns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_scope: Option<Scope>,
    /// Identifiers of the resources it may get tokens for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// The one meant when a request names none. Not needed where `resources` has one entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_resource: Option<String>,
    /// Seconds. Goes before the lifetime of the resource and of the domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token_lifetime_s: Option<u32>,
    /// Extra claims put into each of its access tokens. Names that the protocol uses are refused.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub claims: Map<String, Value>,
    /// Resources whose tokens this client, as the protected API, may introspect (RFC 7662 §2.1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub introspect_resources: Vec<String>,
    /// May introspect tokens for any resource: for gateways.
    #[serde(default, skip_serializing_if = "is_false")]
    pub introspect_any: bool,
    /// Allowance: also accept HTTP Basic credentials that were not form-encoded first, which RFC 6749 §2.3.1
    /// demands and some clients forget. Each use is counted.
    #[serde(default, skip_serializing_if = "is_false")]
    pub allow_unencoded_basic: bool,
    /// Allowance: also accept assertions whose `aud` is the token endpoint instead of the issuer, as clients from before
    /// rfc7523bis send them. Each use is counted.
    #[serde(default, skip_serializing_if = "is_false")]
    pub allow_token_endpoint_audience: bool,
    /// The one algorithm of its assertions (OpenID Connect Registration §2). Absent: any that its keys are for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg: Option<String>,
    /// All its tokens are bound to the certificate of its connection (RFC 8705 §3.4).
    #[serde(default, skip_serializing_if = "is_false")]
    pub tls_client_certificate_bound_access_tokens: bool,
    /// All its tokens are bound to a DPoP key (RFC 9449 §5.2).
    #[serde(default, skip_serializing_if = "is_false")]
    pub dpop_bound_access_tokens: bool,
}

fn yes() -> bool {
    true
}
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_false(flag: &bool) -> bool {
    !*flag
}
fn default_methods() -> Vec<Method> {
    vec![Method::ClientSecretBasic]
}
fn default_grants() -> Vec<GrantType> {
    vec![GrantType::ClientCredentials]
}

impl Default for ClientMetadata {
    fn default() -> Self {
        Self {
            client_name: None,
            enabled: true,
            token_endpoint_auth_methods: default_methods(),
            grant_types: default_grants(),
            scope: Scope::empty(),
            default_scope: None,
            resources: Vec::new(),
            default_resource: None,
            access_token_lifetime_s: None,
            claims: Map::new(),
            introspect_resources: Vec::new(),
            introspect_any: false,
            allow_unencoded_basic: false,
            allow_token_endpoint_audience: false,
            token_endpoint_auth_signing_alg: None,
            tls_client_certificate_bound_access_tokens: false,
            dpop_bound_access_tokens: false,
        }
    }
}

/// Most extra claims, and most bytes of them, per client: they travel in every token.
const CLAIMS_BYTES_MAX: usize = 4096;
/// Far below what readers of tokens, this server among them, refuse.
const CLAIMS_DEPTH_MAX: usize = 8;

impl ClientMetadata {
    /// All that is wrong with it by itself, each with the field and what to write instead.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self
            .client_name
            .as_ref()
            .is_some_and(|name| name.chars().count() > 255 || name.chars().any(char::is_control))
        {
            problems.push("client_name: at most 255 characters, none of them control characters".into());
        }
        if self.token_endpoint_auth_methods.is_empty() {
            problems.push("token_endpoint_auth_methods: name at least one method".into());
        }
        if let Some(alg) = &self.token_endpoint_auth_signing_alg
            && !assertion_algs().any(|known| known == alg)
        {
            let known: Vec<_> = assertion_algs().collect();
            problems.push(format!("token_endpoint_auth_signing_alg: one of {}", known.join(", ")));
        }
        if let Some(default) = &self.default_scope
            && let Some(extra) = default.iter().find(|token| !self.scope.contains(token))
        {
            problems.push(format!("default_scope: '{}' is not in scope; add it there too", quote(extra)));
        }
        if let Some(default) = &self.default_resource
            && !self.resources.contains(default)
        {
            problems.push(format!("default_resource: '{}' is not in resources; add it there too", quote(default)));
        }
        if self.access_token_lifetime_s == Some(0) {
            problems.push("access_token_lifetime_s: at least 1 second".into());
        }
        for name in self.claims.keys().filter(|name| RESERVED_CLAIMS.contains(&name.as_str())) {
            problems.push(format!("claims: '{name}' is set by the protocol and cannot be set per client"));
        }
        if serde_json::to_vec(&self.claims).is_ok_and(|json| json.len() > CLAIMS_BYTES_MAX) {
            problems
                .push(format!("claims: at most {CLAIMS_BYTES_MAX} bytes of JSON, since they travel in every token"));
        }
        if self.claims.values().any(|value| depth(value) > CLAIMS_DEPTH_MAX) {
            problems.push(format!("claims: nest lists and objects at most {CLAIMS_DEPTH_MAX} deep"));
        }
        problems
    }
}

/// Algorithms of assertions: those of public keys, and the one of `client_secret_jwt`.
pub fn assertion_algs() -> impl Iterator<Item = &'static str> {
    Alg::ALL.into_iter().map(Alg::as_str).chain([HS256])
}

fn depth(value: &Value) -> usize {
    let deepest = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(members) => members.values().map(depth).max(),
        _ => return 0,
    };
    deepest.unwrap_or(0) + 1
}

/// Whether `id` can name a client: VSCHAR, 1 to [`CLIENT_ID_MAX`] characters (RFC 6749 appendix A.1).
pub fn is_client_id(id: &str) -> bool {
    is_vschar(id, CLIENT_ID_MAX)
}

/// One way in which a client can prove itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Credential {
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    pub kind: CredentialKind,
    pub created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

/// What is kept of a credential.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CredentialKind {
    /// A secret made here: strong, one keyed hash.
    Secret(HashedSecret),
    /// A secret chosen elsewhere: a PHC string, slow on purpose.
    ImportedSecret { phc: String },
    /// A secret made here for `client_secret_jwt`, sealed under the master key: HMAC needs it as it is.
    HmacSecret { sealed: String },
    /// Public keys for `private_key_jwt`, and certificates (`x5c`) for `self_signed_tls_client_auth`.
    Jwks { jwks: JwkSet },
    /// Where the client publishes them.
    JwksUri { jwks_uri: String },
    /// One certificate for `self_signed_tls_client_auth`, by its SHA-256 thumbprint (RFC 8705 §3.1).
    Certificate {
        #[serde(rename = "x5t#S256")]
        x5t_s256: String,
    },
    /// The name that certificates for `tls_client_auth` bear (RFC 8705 §2.1.2).
    TlsClientAuth(CertificateRule),
}

impl CredentialKind {
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Secret(_) => "secret",
            Self::ImportedSecret { .. } => "imported_secret",
            Self::HmacSecret { .. } => "hmac_secret",
            Self::Jwks { .. } => "jwks",
            Self::JwksUri { .. } => "jwks_uri",
            Self::Certificate { .. } => "certificate",
            Self::TlsClientAuth(_) => "tls_client_auth",
        }
    }

    /// All that is wrong with it by itself, each with the field and what to write instead.
    pub fn problems(&self) -> Vec<String> {
        match self {
            Self::Jwks { jwks } if PublicKeys::new(jwks).is_empty() => vec![
                "jwks: there is no key in it that can be used here; EC (P-256, P-384), OKP (Ed25519) and RSA keys of 2048 bits or more can"
                    .into(),
            ],
            Self::Certificate { x5t_s256 } if b64url_decode(x5t_s256).map_or(0, |hash| hash.len()) != 32 => {
                vec!["x5t#S256: the SHA-256 of the certificate (DER) in base64url, 43 characters".into()]
            }
            _ => Vec::new(),
        }
    }

    /// Whether it is a secret that the client sends or signs with.
    pub const fn is_secret(&self) -> bool {
        matches!(self, Self::Secret(_) | Self::ImportedSecret { .. } | Self::HmacSecret { .. })
    }
}

/// Why a credential cannot be used at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    Revoked(Timestamp),
    Expired(Timestamp),
    NotYet(Timestamp),
}

impl Credential {
    /// Usable from `not_before` on, before `expires_at`, and never once revoked.
    pub fn usable(&self, now: Timestamp) -> Result<(), Unusable> {
        if let Some(at) = self.revoked_at {
            return Err(Unusable::Revoked(at));
        }
        if let Some(at) = self.expires_at.filter(|at| now >= *at) {
            return Err(Unusable::Expired(at));
        }
        match self.not_before.filter(|at| now < *at) {
            Some(at) => Err(Unusable::NotYet(at)),
            None => Ok(()),
        }
    }
}

/// A client in the form that requests are checked against.
#[derive(Clone)]
pub struct Client {
    pub domain: String,
    pub client_id: String,
    pub metadata: ClientMetadata,
    pub credentials: Vec<Credential>,
    /// The extra claims as JSON members, `,"a":1` each, ready to be put before a closing brace.
    pub(crate) claims_json: String,
    /// Registered keys, by the place of their credential.
    public_keys: Vec<(usize, PublicKeys)>,
    /// Unsealed secrets, by the place of their credential.
    hmac_secrets: Vec<(usize, Zeroizing<String>)>,
}

impl Client {
    pub fn new(domain: String, client_id: String, metadata: ClientMetadata, credentials: Vec<Credential>) -> Self {
        let claims_json = metadata.claims.iter().fold(String::new(), |mut json, (name, value)| {
            json.push(',');
            json.push_str(&Value::from(name.as_str()).to_string());
            json.push(':');
            json.push_str(&value.to_string());
            json
        });
        let keys = |(place, credential): (usize, &Credential)| match &credential.kind {
            CredentialKind::Jwks { jwks } => Some((place, PublicKeys::new(jwks))),
            _ => None,
        };
        let public_keys = credentials.iter().enumerate().filter_map(keys).collect();
        Self { domain, client_id, metadata, credentials, claims_json, public_keys, hmac_secrets: Vec::new() }
    }

    /// Opens its sealed secrets. Those that `open` cannot open stay closed.
    pub fn unseal(mut self, open: impl Fn(&Credential, &str) -> Option<Zeroizing<String>>) -> Self {
        let opened = |(place, credential): (usize, &Credential)| match &credential.kind {
            CredentialKind::HmacSecret { sealed } => Some((place, open(credential, sealed)?)),
            _ => None,
        };
        self.hmac_secrets = self.credentials.iter().enumerate().filter_map(opened).collect();
        self
    }

    /// Credentials with registered keys.
    pub fn public_keys(&self) -> impl Iterator<Item = (&Credential, &PublicKeys)> {
        self.public_keys.iter().filter_map(|(place, keys)| Some((self.credentials.get(*place)?, keys)))
    }

    /// Whether a certificate may be known by its name, so that the path to it matters.
    pub fn has_certificate_rules(&self) -> bool {
        self.credentials.iter().any(|credential| matches!(credential.kind, CredentialKind::TlsClientAuth(_)))
    }

    pub(crate) fn hmac_secrets(&self) -> impl Iterator<Item = (&Credential, &[u8])> {
        self.hmac_secrets.iter().filter_map(|(place, secret)| Some((self.credentials.get(*place)?, secret.as_bytes())))
    }
}

/// It holds open secrets.
impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("domain", &self.domain)
            .field("client_id", &self.client_id)
            .field("metadata", &self.metadata)
            .field("credentials", &self.credentials.len())
            .finish_non_exhaustive()
    }
}
