//! Domains.

use super::{Admin, AdminError, Result, valid, valid_name};
use crate::directory::issuer_of;
use crate::store::{Precondition, Put, Stored};
use grantor_core::domain::{DEFAULT_DOMAIN, DomainSettings};
use grantor_core::resource::{ADMIN_RESOURCE, Resource};
use grantor_core::scope::Scope;

/// Name and scopes of the built-in resource of the admin API.
pub const ADMIN_RESOURCE_NAME: &str = "grantor-admin";
pub const ADMIN_READ: &str = "admin:read";
pub const ADMIN_WRITE: &str = "admin:write";

impl Admin<'_> {
    /// Creates or updates a domain. Its keys are made with it, so that they are published before anybody needs them.
    pub async fn put_domain(
        &self,
        name: &str,
        settings: &DomainSettings,
        when: Precondition,
    ) -> Result<(Put, Stored<DomainSettings>)> {
        valid_name("domain", name)?;
        valid(settings.problems())?;
        valid(crate::trust::problems(&settings.trust_anchors, &settings.crls))?;
        let server_issuer = self.app.directory.server_issuer();
        let issuer = issuer_of(server_issuer, name, settings);
        let taken = |other: &Stored<DomainSettings>| {
            (issuer_of(server_issuer, &other.name, &other.body) == issuer)
                .then(|| format!("issuer: '{issuer}' is the issuer of domain '{}'; issuers are unique", other.name))
        };
        let done = self.app.store.put_beside(name, name, settings, when, Some(&taken), &self.by()).await?;
        self.in_force().await?;
        self.app.keys.of(&*self.domain(name)?, self.now).await?;
        Ok(done)
    }

    /// Deletes a domain with all its clients, resources and keys. One that is no sandbox and has clients needs force.
    pub async fn delete_domain(&self, name: &str, force: bool, when: Precondition) -> Result<()> {
        if name == DEFAULT_DOMAIN {
            return Err(AdminError::Conflict("the domain 'default' cannot be deleted".into()));
        }
        self.app.store.delete_domain(name, force, when, &self.by()).await?;
        self.app.allowances.forget_domain(name);
        self.in_force().await
    }

    /// What exists from the start: the default domain, its keys, and the resource of the admin API.
    pub async fn ensure_defaults(&self) -> Result<()> {
        if self.app.directory.domains().by_name(DEFAULT_DOMAIN).is_none() {
            self.put_domain(DEFAULT_DOMAIN, &DomainSettings::default(), Precondition::None).await?;
        }
        if !self.domain(DEFAULT_DOMAIN)?.resources.contains_key(ADMIN_RESOURCE) {
            let resource = Resource {
                identifier: ADMIN_RESOURCE.into(),
                scope: Scope::from_tokens([ADMIN_READ, ADMIN_WRITE]),
                access_token_format: Default::default(),
                access_token_signing_alg: Default::default(),
                access_token_lifetime_s: None,
                sender_constraint: None,
            };
            self.app
                .store
                .put(DEFAULT_DOMAIN, ADMIN_RESOURCE_NAME, &resource, Precondition::Absent, &self.by())
                .await?;
            self.in_force().await?;
        }
        Ok(())
    }
}
