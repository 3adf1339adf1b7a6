//! The grammar of references.

use crate::place::{REFERENCE_MAX_BYTES, is_path, is_plain, with_part};
use crate::secrets::needs_waiting;
use crate::{Secret, SecretError, env, file};
use std::fmt;
use std::path::{Path, PathBuf};

/// Where a secret is kept.
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SecretRef {
    /// `env:NAME`: an environment variable of this process.
    Env(String),
    /// `file:PATH`: the content of a file, without one trailing newline.
    File(PathBuf),
    /// `vault:MOUNT/PATH#FIELD`: a field of a secret in a key-value engine, version 1 or 2.
    Vault { path: String, field: String },
    /// `azure-keyvault:VAULT/NAME[/VERSION]`
    AzureKeyVault { vault: String, name: String, version: Option<String> },
    /// `aws-secretsmanager:NAME#FIELD`: a field of a secret that is a JSON object.
    AwsSecretsManager { name: String, field: String },
    /// `gcp-secretmanager:PROJECT/NAME`: the latest version.
    GcpSecretManager { project: String, name: String },
    /// `kubernetes:NAMESPACE/NAME#KEY`
    Kubernetes { namespace: String, name: String, key: String },
}

impl SecretRef {
    /// Reads a reference. A message never repeats the text: it may be the secret itself, written by mistake.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some((scheme, rest)) = text.split_once(':') else {
            return Err("a secret is not written here but referred to; write env:NAME or file:PATH".into());
        };
        if rest.len() > REFERENCE_MAX_BYTES {
            return Err(format!("it is longer than {REFERENCE_MAX_BYTES} bytes; write a reference such as env:NAME"));
        }
        match scheme {
            "env" => env::parse(rest).map(Self::Env),
            "file" => file::parse(rest).map(Self::File),
            "vault" => vault(rest),
            "azure-keyvault" => azure(rest),
            "aws-secretsmanager" => aws(rest),
            "gcp-secretmanager" => gcp(rest),
            "kubernetes" => kubernetes(rest),
            _ => Err("unknown kind of secret reference; write env:NAME or file:PATH".into()),
        }
    }

    /// The same, if there is code in this program that can follow it.
    pub fn built_in(self) -> Result<Self, String> {
        match self {
            Self::Env(_) | Self::File(_) => Ok(self),
            waits if needs_waiting(&waits) => Ok(waits),
            other => Err(not_built_in(&other)),
        }
    }

    pub const fn scheme(&self) -> &'static str {
        match self {
            Self::Env(_) => "env",
            Self::File(_) => "file",
            Self::Vault { .. } => "vault",
            Self::AzureKeyVault { .. } => "azure-keyvault",
            Self::AwsSecretsManager { .. } => "aws-secretsmanager",
            Self::GcpSecretManager { .. } => "gcp-secretmanager",
            Self::Kubernetes { .. } => "kubernetes",
        }
    }

    /// Takes a relative `file:` path from `folder` instead of the working directory.
    pub fn relative_to(self, folder: &Path) -> Self {
        match self {
            Self::File(path) => Self::File(folder.join(path)),
            other => other,
        }
    }

    /// Fetches the value if that needs no waiting: `env:` and `file:`. For all others there is [`crate::Secrets`].
    pub fn resolve(&self) -> Result<Secret, SecretError> {
        match self {
            Self::Env(name) => env::resolve(name),
            Self::File(path) => file::resolve(path),
            other if needs_waiting(other) => Err(format!(
                "references to {}: are not read for this purpose yet; write env:NAME or file:PATH",
                other.scheme()
            )),
            other => Err(not_built_in(other)),
        }
        .map_err(|wrong| SecretError::new(self, false, wrong.into()))
    }
}

/// What is said of a reference that nothing here can follow.
pub(crate) fn not_built_in(reference: &SecretRef) -> String {
    let scheme = reference.scheme();
    match reference {
        SecretRef::Vault { .. } => format!("references to {scheme}: are not built in; build with the feature vault"),
        _ => format!("references to {scheme}: are not built into this version; write env:NAME or file:PATH"),
    }
}

fn vault(text: &str) -> Result<SecretRef, String> {
    let usage = "a part is missing or wrong; write vault:MOUNT/PATH#FIELD, such as vault:secret/payments#client_secret";
    let (path, field) = with_part(text, usage)?;
    match path.contains('/') {
        true => Ok(SecretRef::Vault { path: path.to_owned(), field: field.to_owned() }),
        false => Err(usage.to_owned()),
    }
}

fn azure(text: &str) -> Result<SecretRef, String> {
    let parts: Vec<&str> = text.split('/').collect();
    let (vault, name, version) = match parts[..] {
        [vault, name] => (vault, name, None),
        [vault, name, version] => (vault, name, Some(version)),
        _ => ("", "", None),
    };
    if ![vault, name, version.unwrap_or("v")].into_iter().all(is_plain) {
        return Err(
            "a part is missing or wrong; write azure-keyvault:VAULT/NAME or azure-keyvault:VAULT/NAME/VERSION".into()
        );
    }
    Ok(SecretRef::AzureKeyVault { vault: vault.to_owned(), name: name.to_owned(), version: version.map(str::to_owned) })
}

fn aws(text: &str) -> Result<SecretRef, String> {
    let usage = "a part is missing or wrong; write aws-secretsmanager:NAME#FIELD, such as aws-secretsmanager:prod/payments#client_secret";
    let (name, field) = with_part(text, usage)?;
    Ok(SecretRef::AwsSecretsManager { name: name.to_owned(), field: field.to_owned() })
}

fn gcp(text: &str) -> Result<SecretRef, String> {
    match text.split_once('/') {
        Some((project, name)) if is_plain(project) && is_plain(name) => {
            Ok(SecretRef::GcpSecretManager { project: project.to_owned(), name: name.to_owned() })
        }
        _ => Err("a part is missing or wrong; write gcp-secretmanager:PROJECT/NAME".into()),
    }
}

fn kubernetes(text: &str) -> Result<SecretRef, String> {
    let usage = "a part is missing or wrong; write kubernetes:NAMESPACE/NAME#KEY, such as kubernetes:shop/payments#client_secret";
    let (path, key) = with_part(text, usage)?;
    match path.split_once('/') {
        Some((namespace, name)) if is_path(path) && [namespace, name, key].into_iter().all(is_plain) => {
            Ok(SecretRef::Kubernetes { namespace: namespace.to_owned(), name: name.to_owned(), key: key.to_owned() })
        }
        _ => Err(usage.to_owned()),
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.scheme())?;
        match self {
            Self::Env(name) => f.write_str(name),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Vault { path, field } => write!(f, "{path}#{field}"),
            Self::AzureKeyVault { vault, name, version: None } => write!(f, "{vault}/{name}"),
            Self::AzureKeyVault { vault, name, version: Some(version) } => write!(f, "{vault}/{name}/{version}"),
            Self::AwsSecretsManager { name, field } => write!(f, "{name}#{field}"),
            Self::GcpSecretManager { project, name } => write!(f, "{project}/{name}"),
            Self::Kubernetes { namespace, name, key } => write!(f, "{namespace}/{name}#{key}"),
        }
    }
}

/// The kind only: a reference says where to look for a secret, which a dumped configuration need not tell.
impl fmt::Debug for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretRef({}:…)", self.scheme())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_and_written_alike() {
        for text in [
            "env:GRANTOR_X",
            "file:/run/secrets/x",
            "file:relative/x",
            "vault:secret/payments#client_secret",
            "vault:team/kv/a b/c#field.one",
            "azure-keyvault:shop-kv/payments",
            "azure-keyvault:shop-kv/payments/0123abcd",
            "aws-secretsmanager:prod/payments#client_secret",
            "gcp-secretmanager:shop-1/payments",
            "kubernetes:shop/payments#client_secret",
        ] {
            let reference = SecretRef::parse(text).unwrap();
            assert_eq!(reference.to_string(), text);
            assert_eq!(SecretRef::parse(&reference.to_string()).unwrap(), reference);
        }
        let file = SecretRef::parse("file:a").unwrap();
        assert_eq!(file.relative_to(Path::new("/etc")).to_string(), "file:/etc/a");
        let absolute = SecretRef::parse("file:/a").unwrap();
        assert_eq!(absolute.relative_to(Path::new("/etc")).to_string(), "file:/a");
    }

    #[test]
    fn what_is_no_reference_is_refused_without_repeating_it() {
        for text in ["hunter2", "hunter2:x", "env:", "env:hunter2 x", "file:", "ENV:hunter2", "env:hunter=2", ""] {
            let wrong = SecretRef::parse(text).unwrap_err();
            assert!(!wrong.contains("hunter2"), "{wrong}");
            assert!(wrong.contains("env:") || wrong.contains("file:"), "{wrong}");
        }
    }

    #[test]
    fn places_that_walk_or_lack_a_part_are_refused() {
        for text in [
            "vault:hunter2",
            "vault:hunter2#f",
            "vault:a/hunter2",
            "vault:a/hunter2#",
            "vault:a/../hunter2#f",
            "vault:a//hunter2#f",
            "vault:/a/hunter2#f",
            "vault:a/hunter2%2e#f",
            "vault:a/hunter2?x#f",
            "vault:a/hunter2#f#g",
            "azure-keyvault:hunter2",
            "azure-keyvault:a.example/../hunter2",
            "azure-keyvault:a/b/c/hunter2",
            "azure-keyvault:a@hunter2/b",
            "aws-secretsmanager:hunter2",
            "gcp-secretmanager:hunter2",
            "gcp-secretmanager:a/b/hunter2",
            "kubernetes:a/hunter2",
            "kubernetes:hunter2#k",
            "kubernetes:a/b/hunter2#k",
        ] {
            let wrong = SecretRef::parse(text).unwrap_err();
            assert!(!wrong.contains("hunter2") && wrong.contains("write "), "{text}: {wrong}");
        }
        assert!(SecretRef::parse(&format!("vault:a/{}#f", "x".repeat(2000))).is_err());
    }

    #[test]
    fn nothing_shows_in_debug() {
        let secret = Secret::new("hunter2".to_owned());
        for (text, shown) in [("file:/hunter2", "SecretRef(file:…)"), ("vault:a/hunter2#f", "SecretRef(vault:…)")] {
            let reference = SecretRef::parse(text).unwrap();
            assert_eq!(format!("{secret:?} {reference:?}"), format!("Secret(…) {shown}"));
        }
        assert_eq!(secret.expose(), "hunter2");
    }
}
