//! What a caller asks for, and what it is granted. One file per grant type.

mod client_credentials;

pub use client_credentials::ClientCredentials;

use crate::binding::{Confirmation, Possession};
use crate::client::Client;
use crate::client_auth::Caller;
use crate::domain::Domain;
use crate::error::{ErrorCode, OAuthError, Result, quote};
use crate::form::Form;
use crate::incoming::ParseLimits;
use crate::jose::Alg;
use crate::scope::Scope;
use crate::token::TokenFormat;
use serde::{Deserialize, Serialize};

/// Grant types, by their names in `grant_type` (RFC 6749 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    ClientCredentials,
}

impl GrantType {
    pub const ALL: [Self; 1] = [Self::ClientCredentials];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
        }
    }
}

/// The part of a token request that says what is wanted.
#[derive(Debug)]
pub enum GrantRequest {
    ClientCredentials(ClientCredentials),
}

impl GrantRequest {
    pub fn parse(form: &Form<'_>, limits: &ParseLimits) -> Result<Self> {
        match form.one("grant_type")? {
            Some("client_credentials") => ClientCredentials::parse(form, limits).map(Self::ClientCredentials),
            Some(other) => Err(OAuthError::new(
                ErrorCode::UnsupportedGrantType,
                format!("grant_type '{}' is not supported; use client_credentials", quote(other)),
            )),
            None => Err(OAuthError::invalid_request(
                "grant_type is missing; send grant_type=client_credentials in the body",
            )),
        }
    }

    pub const fn grant_type(&self) -> GrantType {
        match self {
            Self::ClientCredentials(_) => GrantType::ClientCredentials,
        }
    }

    /// The scope and the resources that were asked for, before any decision.
    pub fn asked(&self) -> (Option<&Scope>, &[String]) {
        match self {
            Self::ClientCredentials(request) => request.asked(),
        }
    }

    /// Decides what the caller gets, and what it is bound to. A grant only ever narrows what was registered.
    pub fn decide<'a>(&self, caller: &Caller<'a>, domain: &'a Domain, possession: Possession<'_>) -> Result<Grant<'a>> {
        let grant_type = self.grant_type();
        if !caller.client().metadata.grant_types.contains(&grant_type) {
            return Err(OAuthError::new(
                ErrorCode::UnauthorizedClient,
                format!("this client is not registered for grant_type {}", grant_type.as_str()),
            )
            .because(
                "grant_type_not_registered",
                format!("{} is not among the client's grant_types", grant_type.as_str()),
            ));
        }
        match self {
            Self::ClientCredentials(request) => request.decide(caller, domain, possession),
        }
    }
}

/// A checked decision: this caller, these scopes, this audience, this long. Only [`GrantRequest::decide`] makes one.
#[derive(Debug)]
pub struct Grant<'a> {
    pub(crate) client: &'a Client,
    pub(crate) domain: &'a Domain,
    pub(crate) audience: Vec<&'a str>,
    pub(crate) scope: Scope,
    pub(crate) lifetime_s: u32,
    pub(crate) format: TokenFormat,
    pub(crate) alg: Alg,
    pub(crate) confirmation: Confirmation,
}

impl Grant<'_> {
    pub fn audience(&self) -> &[&str] {
        &self.audience
    }

    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    pub const fn lifetime_s(&self) -> u32 {
        self.lifetime_s
    }

    pub const fn format(&self) -> TokenFormat {
        self.format
    }

    pub const fn confirmation(&self) -> &Confirmation {
        &self.confirmation
    }

    pub const fn alg(&self) -> Alg {
        self.alg
    }
}
