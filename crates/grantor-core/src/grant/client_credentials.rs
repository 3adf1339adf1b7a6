//! The client credentials grant (RFC 6749 §4.4), with resource indicators (RFC 8707).

use super::Grant;
use crate::binding::Possession;
use crate::client::ClientMetadata;
use crate::client_auth::Caller;
use crate::domain::Domain;
use crate::error::{ErrorCode, OAuthError, Result, quote};
use crate::form::Form;
use crate::incoming::ParseLimits;
use crate::resource::{Resource, is_resource_indicator};
use crate::scope::Scope;
use std::sync::Arc;

#[derive(Debug)]
pub struct ClientCredentials {
    /// Absent: the client's default. Present, it may hold `openid` alone, which grants nothing.
    scope: Option<Scope>,
    /// Identifiers asked for as `resource` (RFC 8707 §2) or `audience`, each once.
    resources: Vec<String>,
}

impl ClientCredentials {
    pub(super) fn parse(form: &Form<'_>, limits: &ParseLimits) -> Result<Self> {
        let scope = form.one("scope")?.map(|text| Scope::parse(text, limits.scope_tokens_max)).transpose()?;
        let mut resources: Vec<String> = Vec::new();
        for indicator in form.all("resource") {
            if !is_resource_indicator(indicator) {
                return Err(invalid_target(format!(
                    "resource '{}' is not an absolute URI without fragment (RFC 8707 section 2)",
                    quote(indicator)
                )));
            }
            push_once(&mut resources, indicator);
        }
        for audience in form.all("audience") {
            push_once(&mut resources, audience);
        }
        if resources.len() > limits.resources_max {
            return Err(invalid_target(format!("more than {} resources in one request", limits.resources_max)));
        }
        Ok(Self { scope, resources })
    }

    pub(super) fn asked(&self) -> (Option<&Scope>, &[String]) {
        (self.scope.as_ref(), &self.resources)
    }

    pub(super) fn decide<'a>(
        &self,
        caller: &Caller<'a>,
        domain: &'a Domain,
        possession: Possession<'_>,
    ) -> Result<Grant<'a>> {
        let client = caller.client();
        let targets = self.targets(&client.metadata, domain)?;
        let scope = self.narrow(&client.metadata, &targets)?;
        let first = targets.first().ok_or_else(|| invalid_target("no resource to issue a token for".into()))?;
        if targets.iter().any(|target| {
            (target.access_token_format, target.access_token_signing_alg)
                != (first.access_token_format, first.access_token_signing_alg)
        }) {
            return Err(invalid_target(
                "these resources want differently formed tokens; ask for each in a request of its own".into(),
            ));
        }
        let confirmation = possession.bind(&client.metadata, &targets)?;
        let wanted = client
            .metadata
            .access_token_lifetime_s
            .or_else(|| targets.iter().filter_map(|target| target.access_token_lifetime_s).min())
            .unwrap_or(domain.access_token_lifetime_s);
        Ok(Grant {
            client,
            domain,
            audience: targets.iter().map(|target| target.identifier.as_str()).collect(),
            scope,
            lifetime_s: wanted.clamp(1, domain.access_token_lifetime_max_s.max(1)),
            format: first.access_token_format,
            alg: first.access_token_signing_alg,
            confirmation,
        })
    }

    /// The resources that the token will be for. One bad name spoils the request (RFC 8707 §2).
    fn targets<'a>(&self, client: &'a ClientMetadata, domain: &'a Domain) -> Result<Vec<&'a Arc<Resource>>> {
        let names: Vec<&str> = if self.resources.is_empty() {
            vec![self.default_target(client, domain)?]
        } else {
            self.resources.iter().map(String::as_str).collect()
        };
        names.into_iter().map(|name| target(name, client, domain)).collect()
    }

    /// What a request means that names no resource: the client's default, or its only resource; but where scopes
    /// are asked for that another single resource owns all of, that one.
    fn default_target<'a>(&self, client: &'a ClientMetadata, domain: &Domain) -> Result<&'a str> {
        let owns_all = |name: &str| match (&self.scope, domain.resources.get(name)) {
            (Some(scope), Some(resource)) => {
                scope.iter().all(|token| token == OPENID || resource.scope.contains(token))
            }
            _ => false,
        };
        let default = match (&client.default_resource, client.resources.as_slice()) {
            (Some(default), _) => Some(default.as_str()),
            (None, [only]) => Some(only.as_str()),
            (None, _) => None,
        };
        if let Some(default) = default
            && (self.scope.is_none() || owns_all(default))
        {
            return Ok(default);
        }
        let mut owners = client.resources.iter().map(String::as_str).filter(|name| owns_all(name));
        match (owners.next(), owners.next(), default) {
            (Some(owner), None, _) if self.scope.is_some() => Ok(owner),
            (_, _, Some(default)) => Ok(default),
            _ if client.resources.is_empty() => Err(invalid_target(
                "this client has no resource to get tokens for".into(),
            )
            .because("client_without_resource", "the client's `resources` is empty; add the identifier of an API")),
            _ => Err(invalid_target("this client may use several resources; name one in `resource`".into())
                .because("resource_needed", format!("no default_resource among {:?}", client.resources))),
        }
    }

    /// asked ∩ registered ∩ owned by the targets. Asking for more than that is an error, so that nobody gets less
    /// than they think.
    fn narrow(&self, client: &ClientMetadata, targets: &[&Arc<Resource>]) -> Result<Scope> {
        let owned = |token: &str| targets.iter().any(|target| target.scope.contains(token));
        let Some(asked) = &self.scope else {
            return Ok(client
                .default_scope
                .as_ref()
                .unwrap_or(&client.scope)
                .narrowed(|token| owned(token) && client.scope.contains(token)));
        };
        for token in asked.iter() {
            let registered = client.scope.contains(token);
            if token != OPENID && !(registered && owned(token)) {
                let why = if registered { "no target resource owns it" } else { "it is not in the client's scope" };
                return Err(OAuthError::new(
                    ErrorCode::InvalidScope,
                    format!("scope '{}' is not allowed here for this client", quote(token)),
                )
                .because(
                    "scope_not_allowed",
                    format!("'{}': {why}; targets {:?}, client scope '{}'", quote(token), names(targets), client.scope),
                ));
            }
        }
        Ok(asked.narrowed(|token| client.scope.contains(token) && owned(token)))
    }
}

/// Sent by clients in the wild out of habit. It asks for nothing that a machine could be granted.
const OPENID: &str = "openid";

fn target<'a>(name: &str, client: &ClientMetadata, domain: &'a Domain) -> Result<&'a Arc<Resource>> {
    let resource = domain.resources.get(name);
    let allowed = client.resources.iter().any(|allowed| allowed == name);
    let why = match (resource, allowed) {
        (Some(resource), true) => return Ok(resource),
        (None, true) => "it is in the client's resources, but no such resource is registered in the domain",
        (Some(_), false) => "it is registered in the domain, but not in the client's resources",
        (None, false) => "no such resource is registered in the domain",
    };
    Err(invalid_target(format!("resource '{}' is unknown or not allowed for this client", quote(name)))
        .because("resource_not_allowed", format!("'{}': {why}", quote(name))))
}

fn invalid_target(public: String) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidTarget, public)
}

fn push_once(names: &mut Vec<String>, name: &str) {
    if !names.iter().any(|have| have == name) {
        names.push(name.to_owned());
    }
}

fn names<'t>(targets: &[&'t Arc<Resource>]) -> Vec<&'t str> {
    targets.iter().map(|target| target.identifier.as_str()).collect()
}
