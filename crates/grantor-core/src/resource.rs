//! Resources: protected APIs, named in `aud` (RFC 8707, RFC 9068).

use crate::error::quote;
use crate::jose::Alg;
use crate::scope::Scope;
use crate::token::TokenFormat;
use serde::{Deserialize, Serialize};
use url::Url;

/// Longest resource identifier, in characters.
pub const IDENTIFIER_MAX: usize = 512;

/// The resource under which administrators' access tokens are issued. Built into the `default` domain.
pub const ADMIN_RESOURCE: &str = "urn:grantor:admin";

/// A protected API as registered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// What stands in `aud`. An absolute URI where clients are to send it as `resource` (RFC 8707 §2); a plain
    /// name is possible too, and can then be asked for as `audience` or by default.
    pub identifier: String,
    /// The scopes it owns.
    #[serde(default, skip_serializing_if = "Scope::is_empty")]
    pub scope: Scope,
    #[serde(default)]
    pub access_token_format: TokenFormat,
    /// Signature algorithm of its JWT access tokens and of signed introspection answers.
    #[serde(default)]
    pub access_token_signing_alg: Alg,
    /// Seconds. Goes before the lifetime of the domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token_lifetime_s: Option<u32>,
    /// Its tokens must be bound to a key of the client, so that a stolen one is useless. Absent: they may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_constraint: Option<SenderConstraint>,
}

/// How a token must be bound to its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SenderConstraint {
    /// To a DPoP key (RFC 9449).
    Dpop,
    /// To the certificate of the client's connection (RFC 8705 §3).
    Mtls,
    /// To either.
    Any,
}

impl SenderConstraint {
    pub const ALL: [Self; 3] = [Self::Dpop, Self::Mtls, Self::Any];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dpop => "dpop",
            Self::Mtls => "mtls",
            Self::Any => "any",
        }
    }
}

impl Resource {
    /// All that is wrong with it by itself, each with the field and what to write instead.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let id = &self.identifier;
        if id.is_empty()
            || id.len() > IDENTIFIER_MAX
            || !id.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
        {
            problems.push(format!(
                "identifier: 1 to {IDENTIFIER_MAX} visible ASCII characters without spaces, quotes or backslashes, such as https://api.example.com"
            ));
        } else if id.contains('#') {
            problems.push(format!(
                "identifier: '{}' has a fragment, which RFC 8707 section 2 forbids; leave it out",
                quote(id)
            ));
        }
        if self.access_token_lifetime_s == Some(0) {
            problems.push("access_token_lifetime_s: at least 1 second".into());
        }
        problems
    }
}

/// Whether `text` may be sent as `resource`: an absolute URI without fragment (RFC 8707 §2).
pub fn is_resource_indicator(text: &str) -> bool {
    text.len() <= IDENTIFIER_MAX && !text.contains('#') && Url::parse(text).is_ok()
}
