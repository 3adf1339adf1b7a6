//! Resources.

use super::domain::ADMIN_RESOURCE_NAME;
use super::{Admin, AdminError, Result, valid, valid_name};
use crate::store::{Precondition, Put, Stored};
use grantor_core::domain::DEFAULT_DOMAIN;
use grantor_core::resource::{ADMIN_RESOURCE, Resource};

impl Admin<'_> {
    pub async fn put_resource(
        &self,
        domain: &str,
        name: &str,
        resource: &Resource,
        when: Precondition,
    ) -> Result<(Put, Stored<Resource>)> {
        self.domain(domain)?;
        valid_name("resource", name)?;
        valid(resource.problems())?;
        let built_in = domain == DEFAULT_DOMAIN && name == ADMIN_RESOURCE_NAME;
        if built_in || resource.identifier == ADMIN_RESOURCE {
            return Err(AdminError::Conflict(format!(
                "the resource {ADMIN_RESOURCE} is built in and cannot be changed"
            )));
        }
        let done = self.app.store.put(domain, name, resource, when, &self.by()).await?;
        self.in_force().await?;
        self.app.keys.prepare(&*self.domain(domain)?, self.now).await?;
        Ok(done)
    }

    pub async fn delete_resource(&self, domain: &str, name: &str, when: Precondition) -> Result<()> {
        self.domain(domain)?;
        if domain == DEFAULT_DOMAIN && name == ADMIN_RESOURCE_NAME {
            return Err(AdminError::Conflict(format!(
                "the resource {ADMIN_RESOURCE} is built in and cannot be deleted"
            )));
        }
        self.app.store.delete::<Resource>(domain, name, when, &self.by()).await?;
        self.in_force().await
    }
}
