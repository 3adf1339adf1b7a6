//! Clients: what an administrator registers (RFC 7591 §2 names) and the form that requests are checked against.

use crate::Timestamp;
use crate::client_auth::Method;
use crate::error::quote;
use crate::grant::GrantType;
use crate::scope::Scope;
use crate::secret::{HashedSecret, is_vschar};
use crate::token::RESERVED_CLAIMS;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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
}

impl CredentialKind {
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Secret(_) => "secret",
            Self::ImportedSecret { .. } => "imported_secret",
        }
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
#[derive(Clone, Debug)]
pub struct Client {
    pub domain: String,
    pub client_id: String,
    pub metadata: ClientMetadata,
    pub credentials: Vec<Credential>,
    /// The extra claims as JSON members, `,"a":1` each, ready to be put before a closing brace.
    pub(crate) claims_json: String,
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
        Self { domain, client_id, metadata, credentials, claims_json }
    }
}
