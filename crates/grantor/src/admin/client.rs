//! Clients.

use super::{Admin, AdminError, Result, valid};
use crate::store::{Precondition, Put, Revocation, RevocationKind, Stored};
use grantor_core::client::{ClientMetadata, is_client_id};
use grantor_core::domain::Domain;
use grantor_core::error::quote;

impl Admin<'_> {
    pub async fn put_client(
        &self,
        domain: &str,
        client_id: &str,
        metadata: &ClientMetadata,
        when: Precondition,
    ) -> Result<(Put, Stored<ClientMetadata>)> {
        let in_domain = self.domain(domain)?;
        if !is_client_id(client_id) {
            return Err(AdminError::Invalid(vec![
                "client_id: 1 to 255 visible ASCII characters or spaces (RFC 6749 appendix A.1)".into(),
            ]));
        }
        let mut problems = metadata.problems();
        let before = self.app.store.get::<ClientMetadata>(domain, client_id).await?.map(|row| row.body);
        problems.extend(unknown_resources(metadata, &before.unwrap_or_default(), &in_domain));
        valid(problems)?;
        let done = self.app.store.put(domain, client_id, metadata, when, &self.by()).await?;
        self.in_force().await?;
        Ok(done)
    }

    /// Deletes a client and its credentials, and ends its tokens: another client of the same name must not inherit them.
    pub async fn delete_client(&self, domain: &str, client_id: &str, when: Precondition) -> Result<()> {
        self.domain(domain)?;
        self.app.store.delete_client(&self.end_of_tokens(domain, client_id), when, &self.by()).await?;
        self.app.allowances.forget_client(domain, client_id);
        self.in_force().await
    }

    /// Ends all tokens that the client got until now: immediately here, and on other nodes when they next follow the log.
    pub async fn revoke_tokens(&self, domain: &str, client_id: &str) -> Result<()> {
        self.domain(domain)?;
        if self.app.store.get::<ClientMetadata>(domain, client_id).await?.is_none() {
            return Err(AdminError::NotFound(format!(
                "there is no client '{}' in domain '{domain}'",
                quote(client_id)
            )));
        }
        self.app.store.insert_revocation(&self.end_of_tokens(domain, client_id), &self.by()).await?;
        self.in_force().await
    }

    fn end_of_tokens(&self, domain: &str, client_id: &str) -> Revocation {
        Revocation {
            domain: domain.to_owned(),
            kind: RevocationKind::Client,
            subject: client_id.to_owned(),
            issued_before: self.now,
            expires_at: self.now + self.app.keys.times().lifetime_max_s,
        }
    }
}

/// Those already named are left alone: a client must stay changeable, so that it can be disabled, when a resource of it is
/// gone.
fn unknown_resources(metadata: &ClientMetadata, before: &ClientMetadata, domain: &Domain) -> Vec<String> {
    let unknown = |field: &str, names: &[String], before: &[String]| -> Vec<String> {
        names
            .iter()
            .filter(|name| !domain.resources.contains_key(*name) && !before.contains(name))
            .map(|name| {
                format!(
                    "{field}: '{}' is no resource of domain '{}'; register it first, or correct its identifier",
                    quote(name),
                    domain.name
                )
            })
            .collect()
    };
    [
        unknown("resources", &metadata.resources, &before.resources),
        unknown("introspect_resources", &metadata.introspect_resources, &before.introspect_resources),
    ]
    .concat()
}
