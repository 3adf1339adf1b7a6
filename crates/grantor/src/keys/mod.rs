//! Signing keys and the keys of opaque tokens: kept sealed, unsealed at load, chosen by time.

mod rotate;
mod seal;

pub use rotate::{KeyState, KeyStatus, KeyTimes};
pub use seal::MasterKey;

use crate::random;
use crate::store::{KeyRow, Store, StoreError};
use arc_swap::ArcSwap;
use bytes::Bytes;
use grantor_core::Timestamp;
use grantor_core::domain::Domain;
use grantor_core::error::{OAuthError, Result as OAuthResult};
use grantor_core::jose::{Alg, SealingKey, SigningKey, VerifyingKey, b64url_decode, b64url_encode, sha256};
use grantor_core::token::opaque::{Handle, HandleKey};
use grantor_core::token::{AccessToken, NotAccepted, TokenFormat, TokenResponse, Unsigned};
use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;
use tokio::sync::Mutex;

/// What a key is for: signing with one algorithm, or sealing opaque tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyUse {
    Sign(Alg),
    Handle,
}

impl KeyUse {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sign(alg) => alg.as_str(),
            Self::Handle => "A256GCMSIV",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        if text == Self::Handle.as_str() { Some(Self::Handle) } else { Alg::from_str(text).ok().map(Self::Sign) }
    }
}

pub struct Keys {
    store: Store,
    master: MasterKey,
    times: KeyTimes,
    by_domain: ArcSwap<HashMap<String, Arc<DomainKeys>>>,
    /// One loads or makes keys at a time.
    making: Mutex<()>,
}

/// The keys of one domain, ready for use.
pub struct DomainKeys {
    /// Oldest first.
    signing: HashMap<Alg, Vec<(Timestamp, SigningKey)>>,
    handles: Vec<(Timestamp, HandleKey)>,
    verifying: HashMap<String, VerifyingKey>,
    /// The published key set (RFC 7517 §5), and a tag that changes with it.
    pub jwks: Bytes,
    pub jwks_etag: String,
}

impl DomainKeys {
    /// The youngest key that may be used already.
    fn current<K>(keys: &[(Timestamp, K)], now: Timestamp) -> Option<&K> {
        keys.iter().rev().find(|(activates_at, _)| *activates_at <= now).or_else(|| keys.first()).map(|(_, key)| key)
    }

    fn signing(&self, alg: Alg, now: Timestamp) -> Result<&SigningKey, KeyError> {
        self.signing.get(&alg).and_then(|keys| Self::current(keys, now)).ok_or_else(|| missing(KeyUse::Sign(alg)))
    }

    fn handle(&self, now: Timestamp) -> Result<&HandleKey, KeyError> {
        Self::current(&self.handles, now).ok_or_else(|| missing(KeyUse::Handle))
    }

    fn has(&self, wanted: KeyUse) -> bool {
        match wanted {
            KeyUse::Sign(alg) => self.signing.contains_key(&alg),
            KeyUse::Handle => !self.handles.is_empty(),
        }
    }

    /// Checks an access token of this domain, in whichever form.
    pub fn check(&self, token: &str, domain: &Domain, now: Timestamp) -> Result<AccessToken, NotAccepted> {
        match Handle::parse(token) {
            Some(handle) => AccessToken::open(&handle, domain, now, |id| {
                self.handles.iter().map(|(_, key)| key).find(|key| key.id == id)
            }),
            None => AccessToken::verify_jwt(token, domain, now, |kid| self.verifying.get(kid)),
        }
    }
}

/// A key cannot be used: what, and what to do.
#[derive(Debug)]
pub enum KeyError {
    Store(StoreError),
    Unusable(String),
}

impl std::fmt::Display for KeyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Unusable(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for KeyError {}

impl From<StoreError> for KeyError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<KeyError> for OAuthError {
    /// A store that is away passes; a key that does not open needs an administrator.
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Store(error) => error.into(),
            KeyError::Unusable(what) => Self::internal("keys", what),
        }
    }
}

impl Keys {
    pub fn new(store: Store, master: MasterKey, times: KeyTimes) -> Self {
        Self { store, master, times, by_domain: ArcSwap::default(), making: Mutex::default() }
    }

    pub const fn master(&self) -> &MasterKey {
        &self.master
    }

    pub const fn times(&self) -> &KeyTimes {
        &self.times
    }

    /// The keys of a domain: at hand, or loaded now, and made now if the domain has none yet.
    pub async fn of(&self, domain: &Domain, now: Timestamp) -> Result<Arc<DomainKeys>, KeyError> {
        if let Some(keys) = self.by_domain.load().get(&domain.name) {
            return Ok(keys.clone());
        }
        self.with_keys_for(domain, &needed(domain), now).await
    }

    /// Makes the keys that a domain's resources need, so that they are published before they are used.
    pub async fn prepare(&self, domain: &Domain, now: Timestamp) -> Result<(), KeyError> {
        self.with_keys_for(domain, &needed(domain), now).await.map(drop)
    }

    /// Signs or seals. Waits only when the domain has no key for this yet.
    pub async fn sign(&self, domain: &Domain, unsigned: Unsigned, now: Timestamp) -> OAuthResult<TokenResponse> {
        let wanted = match unsigned.format {
            TokenFormat::Jwt => KeyUse::Sign(unsigned.alg),
            TokenFormat::Opaque => KeyUse::Handle,
        };
        let keys = self.with_keys_for(domain, &[wanted], now).await?;
        match wanted {
            KeyUse::Sign(alg) => unsigned.sign(keys.signing(alg, now)?),
            KeyUse::Handle => unsigned.seal(keys.handle(now)?, &domain.name, random::bytes()),
        }
    }

    /// Signs claims of another type than an access token, such as an introspection answer.
    pub async fn sign_jwt(
        &self,
        domain: &Domain,
        alg: Alg,
        typ: &str,
        claims: &[u8],
        now: Timestamp,
    ) -> OAuthResult<String> {
        let keys = self.with_keys_for(domain, &[KeyUse::Sign(alg)], now).await?;
        keys.signing(alg, now)?.sign_jwt(typ, claims).map_err(|error| OAuthError::internal("sign", error))
    }

    async fn with_keys_for(
        &self,
        domain: &Domain,
        wanted: &[KeyUse],
        now: Timestamp,
    ) -> Result<Arc<DomainKeys>, KeyError> {
        let whole = |keys: &DomainKeys| wanted.iter().all(|wanted| keys.has(*wanted));
        if let Some(keys) = self.by_domain.load().get(&domain.name).filter(|keys| whole(keys)) {
            return Ok(keys.clone());
        }
        let _one = self.making.lock().await;
        let keys = self.load(&domain.name, now).await?;
        if whole(&keys) {
            return Ok(keys);
        }
        let rows = self.store.keys(&domain.name).await?;
        for wanted in wanted.iter().filter(|wanted| !keys.has(**wanted)) {
            // Past generations count, so that a key whose time is over cannot stand in the way of a new one.
            let last = rows.iter().filter(|row| row.alg == wanted.as_str()).map(|row| row.generation).max();
            self.make(&domain.name, *wanted, last.unwrap_or(0) + 1, now, &rotate::by_server(now)).await?;
        }
        self.load(&domain.name, now).await
    }

    /// Reads a domain's keys anew, if they are in use here.
    pub async fn reload(&self, domain: &str, now: Timestamp) -> Result<(), KeyError> {
        if self.by_domain.load().contains_key(domain) {
            let _one = self.making.lock().await;
            self.load(domain, now).await?;
        }
        Ok(())
    }

    /// Forgets the keys of a domain that is gone.
    pub fn forget(&self, domain: &str) {
        self.by_domain.rcu(|all| {
            let mut all = HashMap::clone(all);
            all.remove(domain);
            all
        });
    }

    async fn load(&self, domain: &str, now: Timestamp) -> Result<Arc<DomainKeys>, KeyError> {
        let rows = self.store.keys(domain).await?;
        let keys = Arc::new(self.unseal_all(domain, &rows, now)?);
        self.by_domain.rcu(|all| {
            let mut all = HashMap::clone(all);
            all.insert(domain.to_owned(), keys.clone());
            all
        });
        Ok(keys)
    }

    fn unseal_all(&self, domain: &str, rows: &[KeyRow], now: Timestamp) -> Result<DomainKeys, KeyError> {
        let (mut signing, mut handles, mut verifying) = (HashMap::<_, Vec<_>>::new(), Vec::new(), HashMap::new());
        let mut published = Vec::new();
        for row in rows.iter().filter(|row| row.expires_at.is_none_or(|at| at > now)) {
            let unusable = |what: &dyn std::fmt::Display| {
                KeyError::Unusable(format!("key {} of domain {domain} cannot be used: {what}", row.kid))
            };
            let private =
                self.master.unseal(domain, &row.kid, &row.alg, &row.sealed).map_err(|what| unusable(&what))?;
            match KeyUse::parse(&row.alg)
                .ok_or_else(|| unusable(&format!("its algorithm {} is not known here", row.alg)))?
            {
                KeyUse::Handle => handles.push((
                    row.activates_at,
                    handle_key(&row.kid, &private).ok_or_else(|| unusable(&"it is malformed"))?,
                )),
                KeyUse::Sign(alg) => {
                    let key = SigningKey::from_pkcs8(alg, &row.kid, &private).map_err(|error| unusable(&error))?;
                    let jwk = key.public_jwk().map_err(|error| unusable(&error))?;
                    verifying
                        .insert(row.kid.clone(), VerifyingKey::from_jwk(&jwk, alg).map_err(|error| unusable(&error))?);
                    published.push(jwk);
                    signing.entry(alg).or_default().push((row.activates_at, key));
                }
            }
        }
        let jwks = serde_json::to_vec(&serde_json::json!({ "keys": published }))
            .map_err(|error| KeyError::Unusable(error.to_string()))?;
        let jwks_etag = format!("\"{}\"", &b64url_encode(&sha256(&jwks))[..16]);
        Ok(DomainKeys { signing, handles, verifying, jwks: jwks.into(), jwks_etag })
    }
}

fn missing(wanted: KeyUse) -> KeyError {
    KeyError::Unusable(format!("the domain has no {} key", wanted.as_str()))
}

/// A key's id is four bytes, written in base64url as its `kid`.
fn handle_key(kid: &str, private: &[u8]) -> Option<HandleKey> {
    let id = b64url_decode(kid).ok()?.try_into().ok()?;
    Some(HandleKey::new(id, SealingKey::new(private.try_into().ok()?)))
}

/// The keys a domain should have before they are asked for.
fn needed(domain: &Domain) -> Vec<KeyUse> {
    let mut wanted = vec![KeyUse::Sign(Alg::ES256)];
    for resource in domain.resources.values() {
        wanted.push(match resource.access_token_format {
            TokenFormat::Jwt => KeyUse::Sign(resource.access_token_signing_alg),
            TokenFormat::Opaque => KeyUse::Handle,
        });
    }
    wanted
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("times", &self.times).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for DomainKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DomainKeys").field("etag", &self.jwks_etag).finish_non_exhaustive()
    }
}
