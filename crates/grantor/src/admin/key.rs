//! Keys of domains.

use super::{Admin, Result};
use crate::keys::KeyState;

impl Admin<'_> {
    pub async fn keys(&self, domain: &str) -> Result<Vec<KeyState>> {
        self.app.keys.of(&*self.domain(domain)?, self.now).await?;
        Ok(self.app.keys.states(domain, self.now).await?)
    }

    /// Publishes successors now; they take over once every cached key set has expired.
    pub async fn rotate_keys(&self, domain: &str) -> Result<Vec<KeyState>> {
        self.app.keys.of(&*self.domain(domain)?, self.now).await?;
        self.app.keys.rotate(domain, &self.by()).await?;
        self.keys(domain).await
    }

    /// For a leaked key: successors are used at once, and all tokens of the older keys end.
    pub async fn replace_compromised_keys(&self, domain: &str) -> Result<Vec<KeyState>> {
        self.app.keys.of(&*self.domain(domain)?, self.now).await?;
        self.app.keys.replace_compromised(domain, &self.by()).await?;
        self.keys(domain).await
    }
}
