//! The client that a command acts as, its secret, and whose certificates it trusts.

use super::Usage;
use crate::secrets::{self, Secret, SecretRef, Secrets};
use anyhow::Result;
use clap::Args;
use grantor_core::secret::{SecretFormat, examine};
use std::fmt;
use std::path::PathBuf;

const CA_MAX_BYTES: usize = 1024 * 1024;
const SECRET_VARIABLE: &str = "GRANTOR_CLIENT_SECRET";

#[derive(Clone, Debug, Args)]
pub struct Caller {
    /// The client
    #[arg(long, env = "GRANTOR_CLIENT_ID", hide_env_values = true, value_name = "ID")]
    client_id: Option<String>,
    /// Where the client's secret is: env:NAME or file:PATH. Without it, the variable GRANTOR_CLIENT_SECRET holds the secret
    /// or such a reference
    #[arg(long, value_name = "REF")]
    secret: Option<Reference>,
}

/// A reference as written. It may be the secret itself, by mistake, so it shows nowhere.
#[derive(Clone)]
struct Reference(String);

impl From<String> for Reference {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reference(…)")
    }
}

/// Trust in a server whose certificate comes from an authority of its own.
#[derive(Clone, Debug, Args)]
pub struct Trust {
    /// A certificate authority to trust beside those of this machine (PEM), such as grantor-dev/dev-ca.pem of `grantor dev
    /// --tls`
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

impl Trust {
    pub fn roots_pem(&self) -> Result<Vec<u8>> {
        let Some(path) = &self.ca else { return Ok(Vec::new()) };
        let text = secrets::read_text(path, CA_MAX_BYTES);
        text.map(String::into_bytes).map_err(|wrong| anyhow::anyhow!("{} cannot be read: {wrong}", path.display()))
    }
}

impl Caller {
    pub fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref().filter(|id| !id.is_empty())
    }

    /// Whether a flag says where the secret is.
    pub const fn names_secret(&self) -> bool {
        self.secret.is_some()
    }

    /// The secret, if there is word of one.
    pub async fn secret(&self) -> Result<Option<Secret>> {
        let secret = match &self.secret {
            Some(Reference(text)) => {
                let reference = SecretRef::parse(text)
                .map_err(|_| {
                    Usage(
                        "--secret takes a reference, env:NAME or file:PATH: everybody on this machine can read a secret \
                         that stands on a command line (and so it should be replaced now, if it was one)"
                            .into(),
                    )
                })?;
                Secrets::new().read(&reference).await?
            }
            None => match std::env::var(SECRET_VARIABLE) {
                Ok(text) if text.is_empty() => return Ok(None),
                // A secret of any other form is the secret itself.
                Ok(text) => match SecretRef::parse(&text) {
                    Ok(reference) => Secrets::new().read(&reference).await?,
                    Err(_) => Secret::new(text),
                },
                Err(_) => return Ok(None),
            },
        };
        anyhow::ensure!(
            examine(secret.expose()) != SecretFormat::Damaged,
            "the client secret was made by Grantor, but is cut or mistyped: its check digits do not match"
        );
        Ok(Some(secret))
    }
}
