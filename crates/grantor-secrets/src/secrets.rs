//! Follows references. One of these per process: it holds what was logged in to.

use crate::error::Wrong;
use crate::reference::not_built_in;
use crate::secret::strip_newline;
#[cfg(feature = "vault")]
use crate::vault::Vault;
use crate::{SECRET_MAX_BYTES, Secret, SecretError, SecretRef, env, file};
use std::fmt;
use std::sync::Arc;

/// Reads and writes secrets where references point. Clones share their connections and logins.
#[derive(Clone, Default)]
pub struct Secrets(
    #[cfg_attr(not(feature = "vault"), expect(dead_code, reason = "nothing needs a login"))] Arc<Clients>,
);

/// Made from the environment when first needed.
#[derive(Default)]
struct Clients {
    #[cfg(feature = "vault")]
    vault: tokio::sync::OnceCell<Vault>,
}

/// A secret was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// What the place calls this version, where it has versions.
    pub version: Option<String>,
}

impl Secrets {
    pub fn new() -> Self {
        Self::default()
    }

    /// With a Vault that is not the one of the environment.
    #[cfg(feature = "vault")]
    pub fn with_vault(vault: Vault) -> Self {
        Self(Arc::new(Clients { vault: tokio::sync::OnceCell::new_with(Some(vault)) }))
    }

    /// The value as it is now: nothing is remembered.
    pub async fn read(&self, reference: &SecretRef) -> Result<Secret, SecretError> {
        self.value(reference).await.map_err(|wrong| SecretError::new(reference, false, wrong))
    }

    /// Replaces the value. Other fields of the same secret stay as they are.
    pub async fn write(&self, reference: &SecretRef, secret: &Secret) -> Result<Written, SecretError> {
        let written = match fit(secret.expose()) {
            Ok(()) => self.replace(reference, secret).await,
            Err(wrong) => Err(wrong),
        };
        written.map_err(|wrong| SecretError::new(reference, true, wrong))
    }

    async fn value(&self, reference: &SecretRef) -> Result<Secret, Wrong> {
        match reference {
            SecretRef::Env(name) => Ok(env::resolve(name)?),
            SecretRef::File(path) => Ok(file::resolve(path)?),
            #[cfg(feature = "vault")]
            SecretRef::Vault { path, field } => self.vault().await?.read(path, field).await,
            other => Err(not_built_in(other).into()),
        }
    }

    async fn replace(&self, reference: &SecretRef, secret: &Secret) -> Result<Written, Wrong> {
        match reference {
            SecretRef::Env(_) => Err("the environment of other processes cannot be changed; write file:PATH".into()),
            SecretRef::File(path) => {
                let (path, secret) = (path.clone(), secret.clone());
                let task = tokio::task::spawn_blocking(move || file::write(&path, secret.expose()));
                task.await.map_err(|_| "the write was interrupted; look what is there")??;
                Ok(Written { version: None })
            }
            #[cfg(feature = "vault")]
            SecretRef::Vault { path, field } => self.vault().await?.write(path, field, secret).await,
            other => Err(not_built_in(other).into()),
        }
    }

    #[cfg(feature = "vault")]
    async fn vault(&self) -> Result<&Vault, Wrong> {
        let made = self.0.vault.get_or_try_init(|| async { Vault::from_environment() });
        made.await.map_err(Wrong::from)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

/// Whether [`Secrets`] can follow such a reference, but not [`SecretRef::resolve`].
pub(crate) const fn needs_waiting(reference: &SecretRef) -> bool {
    matches!(reference, SecretRef::Vault { .. }) && cfg!(feature = "vault")
}

/// Whether the value would be read back as it is.
fn fit(value: &str) -> Result<(), Wrong> {
    match () {
        () if value.is_empty() => Err("an empty secret would be refused when it is read".into()),
        () if value.len() > SECRET_MAX_BYTES => Err(format!("it is longer than {SECRET_MAX_BYTES} bytes").into()),
        () if strip_newline(value) != value => Err("it ends in a newline, which readers strip".into()),
        () => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(text: &str) -> SecretRef {
        SecretRef::parse(text).unwrap()
    }

    #[tokio::test]
    async fn what_is_not_built_in_says_so_at_use() {
        for text in ["azure-keyvault:a/b", "aws-secretsmanager:a#b", "gcp-secretmanager:a/b", "kubernetes:a/b#c"] {
            let reference = reference(text);
            let read = Secrets::new().read(&reference).await.unwrap_err().to_string();
            let written = Secrets::new().write(&reference, &Secret::new("hunter2".to_owned())).await.unwrap_err();
            for wrong in [read, written.to_string(), reference.resolve().unwrap_err().to_string()] {
                assert!(wrong.contains(text) && wrong.contains("not built into this version"), "{wrong}");
                assert!(!wrong.contains("hunter2"), "{wrong}");
            }
        }
    }

    #[tokio::test]
    async fn files_are_written_and_the_environment_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let secret = Secret::new("hunter2".to_owned());
        let file = SecretRef::File(folder.path().join("secret"));
        Secrets::new().write(&file, &secret).await.unwrap();
        assert_eq!(Secrets::new().read(&file).await.unwrap(), secret);
        let wrong = Secrets::new().write(&reference("env:X"), &secret).await.unwrap_err().to_string();
        assert!(wrong.starts_with("the secret env:X cannot be written:"), "{wrong}");
        for unfit in ["", "hunter2\n", &"x".repeat(SECRET_MAX_BYTES + 1)] {
            let wrong = Secrets::new().write(&file, &Secret::new(unfit.to_owned())).await.unwrap_err();
            assert!(!wrong.to_string().contains("hunter2"));
        }
        assert_eq!(Secrets::new().read(&file).await.unwrap(), secret);
    }
}
