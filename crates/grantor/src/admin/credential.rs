//! Credentials: secrets made here, chosen by an operator or imported as a hash; keys; certificates.

use super::{Admin, AdminError, Result};
use crate::random;
use crate::store::{Precondition, StoreError};
use grantor_core::Timestamp;
use grantor_core::client::{ClientMetadata, Credential, CredentialKind};
use grantor_core::secret::{self, SECRET_MAX, SecretFormat, is_vschar, phc};
use zeroize::Zeroizing;

/// A credential to be made.
#[derive(Clone, Debug, Default)]
pub struct NewCredential {
    pub label: Option<String>,
    pub not_before: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    pub source: CredentialSource,
}

/// What a credential is made from.
#[derive(Clone, Default)]
pub enum CredentialSource {
    /// A secret made here, shown once.
    #[default]
    Generate,
    /// A secret chosen by an operator. Kept behind a slow hash, since it may be weak, unless it was made by Grantor.
    Given(Zeroizing<String>),
    /// A secret hashed by another server.
    Phc(String),
    /// A secret for `client_secret_jwt`, made here and shown once unless one is given.
    Hmac(Option<Zeroizing<String>>),
    /// Keys and certificates.
    Public(CredentialKind),
}

impl std::fmt::Debug for CredentialSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Generate => "Generate",
            Self::Given(_) => "Given(..)",
            Self::Phc(_) => "Phc(..)",
            Self::Hmac(_) => "Hmac(..)",
            Self::Public(kind) => kind.as_str(),
        })
    }
}

/// A credential just made, and its secret if it was made here: the only time that it can be seen.
#[derive(Debug)]
pub struct Created {
    pub credential: Credential,
    pub secret: Option<crate::secrets::Secret>,
}

/// What to change of a credential: what is `None` stays, `Some(None)` resets.
#[derive(Clone, Debug, Default)]
pub struct CredentialChange {
    pub label: Option<Option<String>>,
    pub not_before: Option<Option<Timestamp>>,
    pub expires_at: Option<Option<Timestamp>>,
}

/// Longest label, in characters.
pub const LABEL_MAX: usize = 128;
/// RFC 7518 §3.2: a key for HS256 has at least 256 bits.
const HMAC_SECRET_MIN: usize = 32;

impl NewCredential {
    /// All that is wrong with it by itself, each with the field and what to write instead.
    pub fn problems(&self, now: Timestamp) -> Vec<String> {
        let mut problems = label_problem(self.label.as_deref());
        problems.extend(match &self.source {
            CredentialSource::Public(CredentialKind::Certificate { .. })
                if self.expires_at.is_some_and(|at| at <= now) =>
            {
                Some("certificate: its end, or expires_at, has passed; give one that is renewed".into())
            }
            _ => time_problem(self.not_before, self.expires_at, now),
        });
        match &self.source {
            CredentialSource::Generate => {}
            CredentialSource::Given(secret) if is_vschar(secret, SECRET_MAX) => {
                if secret::examine(secret) == SecretFormat::Damaged {
                    problems.push(
                        "secret: it starts like a secret made by Grantor, but its checksum is wrong: cut or mistyped"
                            .into(),
                    );
                }
            }
            CredentialSource::Given(_) => {
                problems.push(format!(
                    "secret: 1 to {SECRET_MAX} visible ASCII characters or spaces (RFC 6749 appendix A.2)"
                ));
            }
            CredentialSource::Phc(text) => problems.extend(phc::check(text).err().map(|what| format!("phc: {what}"))),
            CredentialSource::Hmac(None) => {}
            CredentialSource::Hmac(Some(secret)) => {
                if !is_vschar(secret, SECRET_MAX) || secret.len() < HMAC_SECRET_MIN {
                    problems.push(format!(
                        "secret: for client_secret_jwt, {HMAC_SECRET_MIN} to {SECRET_MAX} visible ASCII characters (RFC 7518 section 3.2)"
                    ));
                }
            }
            CredentialSource::Public(kind) => problems.extend(kind.problems()),
        }
        problems
    }
}

impl Admin<'_> {
    pub async fn create_credential(&self, domain: &str, client_id: &str, new: NewCredential) -> Result<Created> {
        self.create_credential_as(domain, client_id, &credential_id(self.now), new).await
    }

    /// Likewise, under an id of the caller's choosing that is not taken.
    pub async fn create_credential_as(
        &self,
        domain: &str,
        client_id: &str,
        id: &str,
        new: NewCredential,
    ) -> Result<Created> {
        if !is_credential_id(id) {
            return Err(AdminError::Invalid(vec![
                "credential: an id has 1 to 64 of A-Z, a-z, 0-9, '-' and '_'".into(),
            ]));
        }
        self.domain(domain)?;
        self.check(&new)?;
        if self.app.store.get::<ClientMetadata>(domain, client_id).await?.is_none() {
            return Err(no_client(domain, client_id));
        }
        let created = self.made(domain, client_id, id, new).await?;
        self.change_credentials(domain, client_id, |all| {
            if all.iter().any(|have| have.id == id) {
                return Err(AdminError::Conflict("another credential of this client has the same id".into()));
            }
            all.push(created.credential.clone());
            Ok(())
        })
        .await?;
        Ok(created)
    }

    async fn change_credentials<T: Send>(
        &self,
        domain: &str,
        client_id: &str,
        change: impl FnOnce(&mut Vec<Credential>) -> Result<T> + Send,
    ) -> Result<T> {
        let changed = self.app.store.change_credentials(domain, client_id, change, &self.by()).await;
        let done = changed.map_err(|error| match error {
            StoreError::NotFound => no_client(domain, client_id),
            other => other.into(),
        })??;
        self.in_force().await?;
        Ok(done)
    }

    async fn made(&self, domain: &str, client_id: &str, id: &str, new: NewCredential) -> Result<Created> {
        let (kind, secret) = self.keep(domain, client_id, id, new.source).await?;
        let credential = Credential {
            id: id.to_owned(),
            label: new.label,
            kind,
            created_at: self.now,
            not_before: new.not_before,
            expires_at: new.expires_at,
            revoked_at: None,
        };
        Ok(Created { credential, secret })
    }

    fn check(&self, new: &NewCredential) -> Result<()> {
        let mut problems = new.problems(self.now);
        if let CredentialSource::Public(CredentialKind::JwksUri { jwks_uri }) = &new.source {
            problems.extend(self.app.remote_keys.check(jwks_uri).err().map(|why| format!("jwks_uri: {why}")));
        }
        super::valid(problems)
    }

    /// What is kept of a secret, and the secret itself if it was made here.
    async fn keep(
        &self,
        domain: &str,
        client_id: &str,
        id: &str,
        source: CredentialSource,
    ) -> Result<(CredentialKind, Option<crate::secrets::Secret>)> {
        let hashed = |secret: &str| CredentialKind::Secret(self.app.peppers.hash(domain, client_id, secret));
        Ok(match source {
            CredentialSource::Generate => {
                let secret = secret::generate(&Zeroizing::new(random::bytes()));
                (hashed(&secret), Some(crate::secrets::Secret::new(secret)))
            }
            CredentialSource::Given(secret) if secret::examine(&secret) == SecretFormat::Generated => {
                (hashed(&secret), None)
            }
            CredentialSource::Given(secret) => {
                let hash = tokio::task::spawn_blocking(move || phc::hash(&secret, &random::bytes())).await;
                let phc = hash.map_err(|error| error.to_string()).and_then(|hash| hash).map_err(AdminError::Failed)?;
                (CredentialKind::ImportedSecret { phc }, None)
            }
            CredentialSource::Phc(phc) => (CredentialKind::ImportedSecret { phc }, None),
            CredentialSource::Hmac(given) => {
                let made = given.is_none();
                let secret = given.unwrap_or_else(|| secret::generate(&Zeroizing::new(random::bytes())));
                let sealed = self.app.keys.master().seal_secret(domain, client_id, id, &secret);
                (CredentialKind::HmacSecret { sealed }, made.then(|| crate::secrets::Secret::new(secret)))
            }
            CredentialSource::Public(kind) => (kind, None),
        })
    }

    /// The credential stops working at once. Its record stays, so that later attempts with it can be explained.
    pub async fn revoke_credential(&self, domain: &str, client_id: &str, id: &str) -> Result<Credential> {
        self.credentials(domain, client_id).await?;
        self.change_credentials(domain, client_id, |all| {
            let credential = named(all, id)?;
            credential.revoked_at.get_or_insert(self.now);
            Ok(credential.clone())
        })
        .await
    }

    /// Changes label, start or end of a credential, and nothing else of it.
    pub async fn update_credential(
        &self,
        domain: &str,
        client_id: &str,
        id: &str,
        change: CredentialChange,
    ) -> Result<Credential> {
        self.credentials(domain, client_id).await?;
        self.change_credentials(domain, client_id, |all| {
            let credential = named(all, id)?;
            let mut changed = credential.clone();
            changed.label = change.label.unwrap_or(changed.label);
            changed.not_before = change.not_before.unwrap_or(changed.not_before);
            changed.expires_at = change.expires_at.unwrap_or(changed.expires_at);
            let mut problems = label_problem(changed.label.as_deref());
            // An end that has passed may be written again as it is.
            if (changed.not_before, changed.expires_at) != (credential.not_before, credential.expires_at) {
                problems.extend(time_problem(changed.not_before, changed.expires_at, self.now));
            }
            super::valid(problems)?;
            *credential = changed;
            Ok(credential.clone())
        })
        .await
    }

    pub async fn delete_credential(&self, domain: &str, client_id: &str, id: &str) -> Result<()> {
        self.domain(domain)?;
        self.app.store.delete_credential(domain, client_id, id, &self.by()).await?;
        self.in_force().await
    }

    pub async fn credential(&self, domain: &str, client_id: &str, id: &str) -> Result<Credential> {
        let all = self.credentials(domain, client_id).await?;
        all.into_iter().find(|credential| credential.id == id).ok_or_else(no_such_credential)
    }

    pub async fn credentials(&self, domain: &str, client_id: &str) -> Result<Vec<Credential>> {
        self.domain(domain)?;
        if self.app.store.get::<ClientMetadata>(domain, client_id).await?.is_none() {
            return Err(no_client(domain, client_id));
        }
        Ok(self.app.store.credentials(domain, client_id).await?)
    }

    /// Makes a new secret; the others of the client end after `overlap_s`, unless they end before anyway. A client that has
    /// secrets for `client_secret_jwt` alone gets another of those; those of the other sort stay as they are.
    pub async fn rotate_secret(
        &self,
        domain: &str,
        client_id: &str,
        overlap_s: u32,
        label: Option<String>,
    ) -> Result<Created> {
        let have = self.credentials(domain, client_id).await?;
        let hmac = has_hmac_alone(&have, self.now);
        let source = if hmac { CredentialSource::Hmac(None) } else { CredentialSource::Generate };
        let new = NewCredential { label, source, ..NewCredential::default() };
        self.check(&new)?;
        let end = self.now + i64::from(overlap_s);
        let created = self.made(domain, client_id, &credential_id(self.now), new).await?;
        // In one transaction: never an end for the old secrets without a new one.
        self.change_credentials(domain, client_id, |all| {
            let present = all.iter_mut().filter(|credential| {
                credential.kind.is_secret() && is_hmac(credential) == hmac && credential.usable(self.now).is_ok()
            });
            for credential in present.filter(|credential| credential.expires_at.is_none_or(|at| at > end)) {
                credential.expires_at = Some(end);
            }
            all.push(created.credential.clone());
            Ok(())
        })
        .await?;
        Ok(created)
    }

    /// Whether this is the secret of a credential. Naming none is no contradiction.
    pub async fn has_secret(
        &self,
        domain: &str,
        client_id: &str,
        credential: &Credential,
        source: &CredentialSource,
    ) -> Result<bool> {
        Ok(match (source, &credential.kind) {
            (CredentialSource::Generate, _) => true,
            (CredentialSource::Phc(given), CredentialKind::ImportedSecret { phc }) => given == phc,

            (CredentialSource::Given(secret), CredentialKind::Secret(hashed)) => {
                self.app.peppers.hash_all(domain, client_id, secret).contains(hashed)
            }
            (CredentialSource::Given(secret), CredentialKind::ImportedSecret { phc }) => {
                let (secret, phc) = (secret.clone(), phc.clone());
                let compared = tokio::task::spawn_blocking(move || phc::verify(&phc, &secret)).await;
                compared.map_err(|error| AdminError::Failed(error.to_string()))?
            }
            (CredentialSource::Hmac(given), CredentialKind::HmacSecret { sealed }) => {
                let have = self.app.keys.master().open_secret(domain, client_id, &credential.id, sealed);
                given.as_ref().is_none_or(|given| {
                    have.is_some_and(|have| grantor_core::jose::constant_time_eq(have.as_bytes(), given.as_bytes()))
                })
            }
            (CredentialSource::Public(given), have) => given == have,
            _ => false,
        })
    }

    /// Creates the client if it is not there. Used for demo and bootstrap.
    pub async fn ensure_client(&self, domain: &str, client_id: &str, metadata: &ClientMetadata) -> Result<()> {
        match self.put_client(domain, client_id, metadata, Precondition::Absent).await {
            Ok(_) | Err(AdminError::PreconditionFailed) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn named<'c>(all: &'c mut [Credential], id: &str) -> Result<&'c mut Credential> {
    all.iter_mut().find(|credential| credential.id == id).ok_or_else(no_such_credential)
}

const fn is_hmac(credential: &Credential) -> bool {
    matches!(credential.kind, CredentialKind::HmacSecret { .. })
}

/// Whether all secrets that can be used are for `client_secret_jwt`, and there are any.
fn has_hmac_alone(all: &[Credential], now: Timestamp) -> bool {
    let mut secrets = all.iter().filter(|one| one.kind.is_secret() && one.usable(now).is_ok()).peekable();
    secrets.peek().is_some() && secrets.all(is_hmac)
}

fn no_such_credential() -> AdminError {
    AdminError::NotFound("this client has no such credential".into())
}

fn label_problem(label: Option<&str>) -> Vec<String> {
    let bad = |label: &str| label.chars().count() > LABEL_MAX || label.chars().any(char::is_control);
    let problem = || format!("label: at most {LABEL_MAX} characters, none of them control characters");
    label.filter(|label| bad(label)).map(|_| problem()).into_iter().collect()
}

fn time_problem(not_before: Option<Timestamp>, expires_at: Option<Timestamp>, now: Timestamp) -> Option<String> {
    let at = expires_at?;
    (at <= now || not_before.is_some_and(|from| at <= from))
        .then(|| "expires_at: must be in the future, and after not_before".into())
}

fn no_client(domain: &str, client_id: &str) -> AdminError {
    AdminError::NotFound(format!("there is no client '{}' in domain '{domain}'", grantor_core::error::quote(client_id)))
}

/// Begins with the time, so that ids sort by age, and ends at random.
fn credential_id(now: Timestamp) -> String {
    format!("cr{now:010}{}", &*random::base62(8))
}

/// Whether `id` can name a credential within its client.
pub fn is_credential_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
