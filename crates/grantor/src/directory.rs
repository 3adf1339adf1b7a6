//! What requests need to know of domains, clients and revocations, in memory. Filled on first use, refreshed by
//! following the log of changes, served as it is while the database is away.

use crate::keys::MasterKey;
use crate::store::{Change, ChangeKind, Op, Revocation, RevocationKind, Store, StoreError};
use arc_swap::ArcSwap;
use grantor_core::Timestamp;
use grantor_core::client::{Client, ClientMetadata};
use grantor_core::client_auth::ClientAuth;
use grantor_core::domain::{DEFAULT_DOMAIN, Domain, DomainSettings};
use grantor_core::resource::Resource;
use grantor_core::token::AccessToken;
use moka::future::Cache;
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use tokio::sync::Mutex as AsyncMutex;
use url::Url;

/// What the directory needs of the configuration.
#[derive(Clone, Debug)]
pub struct DirectorySettings {
    pub issuer: String,
    pub clients_max: u64,
    pub unknown_clients_max: u64,
    pub lifetime_s: u32,
    pub lifetime_max_s: u32,
    /// `None`: client certificates are asked for nowhere.
    pub mtls: Option<MtlsAt>,
}

/// Where client certificates are asked for.
#[derive(Clone, Debug)]
pub enum MtlsAt {
    /// `mtls.url`.
    Url(String),
    /// The port of `listen.mtls`, at the host of each domain.
    Port(u16),
}

/// A client by domain and `client_id`.
type ClientKey = (Arc<str>, Box<str>);

pub struct Directory {
    store: Store,
    /// Opens the secrets of credentials.
    master: MasterKey,
    settings: DirectorySettings,
    domains: ArcSwap<Domains>,
    /// `None` for clients that do not exist: they are remembered apart, so that a flood of invented names cannot push
    /// out real ones.
    clients: Cache<ClientKey, Arc<Client>>,
    unknown: Cache<ClientKey, ()>,
    /// Counts the changes of clients, so that one read before a change is not remembered after it.
    epoch: AtomicU64,
    revoked: RwLock<Revoked>,
    /// Number of the last change applied. The lock makes one task apply them.
    followed: AsyncMutex<i64>,
    /// Domains whose keys were changed, here or elsewhere, since the last look.
    changed_keys: Mutex<BTreeSet<String>>,
}

/// Revocations that still matter, by domain and subject.
#[derive(Default)]
struct Revoked {
    tokens: HashMap<(Box<str>, Box<str>), Timestamp>,
    /// Issued-up-to, and when to forget.
    clients: HashMap<(Box<str>, Box<str>), (Timestamp, Timestamp)>,
}

impl Revoked {
    fn add(&mut self, row: Revocation) {
        let key = (row.domain.into_boxed_str(), row.subject.into_boxed_str());
        match row.kind {
            RevocationKind::Token => drop(self.tokens.insert(key, row.expires_at)),
            RevocationKind::Client => {
                let entry = self.clients.entry(key).or_insert((row.issued_before, row.expires_at));
                *entry = (entry.0.max(row.issued_before), entry.1.max(row.expires_at));
            }
        }
    }
}

/// All domains, by name and by where they answer.
#[derive(Debug, Default)]
pub struct Domains {
    by_name: HashMap<String, Arc<Domain>>,
    /// By host and port, then by path; longest path first.
    by_authority: HashMap<String, Vec<(String, Arc<Domain>)>>,
    server_authority: String,
}

impl Domains {
    fn new(server_issuer: &str, domains: impl IntoIterator<Item = Arc<Domain>>) -> Self {
        let mut all = Self { server_authority: split_issuer(server_issuer).0, ..Self::default() };
        for domain in domains {
            for base in std::iter::once(&domain.issuer).chain(&domain.mtls_base) {
                let (authority, path) = split_issuer(base);
                all.by_authority.entry(authority).or_default().push((path, domain.clone()));
            }
            all.by_name.insert(domain.name.clone(), domain);
        }
        for paths in all.by_authority.values_mut() {
            // By name where paths are the same, which is possible below `mtls.url` only: the same one each time.
            paths.sort_by(|(a, one), (b, other)| b.len().cmp(&a.len()).then_with(|| one.name.cmp(&other.name)));
        }
        all
    }

    pub fn by_name(&self, name: &str) -> Option<&Arc<Domain>> {
        self.by_name.get(name)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Domain>> {
        self.by_name.values()
    }

    /// The domains that may answer at this host and path, each with the rest of the path, the closest first: the path
    /// of an issuer may be the beginning of another's endpoint. Where client certificates are asked for is as good as the
    /// issuer. A host that is nobody's (an address, a name inside the cluster) means the server's own.
    pub fn route<'d, 'p: 'd>(
        &'d self,
        authority: &str,
        path: &'p str,
    ) -> impl Iterator<Item = (&'d Arc<Domain>, &'p str)> {
        let issuers = self
            .by_authority
            .get(authority)
            .or_else(|| self.by_authority.get(without_default_port(authority)))
            .or_else(|| self.by_authority.get(&self.server_authority));
        issuers.into_iter().flatten().filter_map(move |(prefix, domain)| {
            let rest = path.strip_prefix(prefix.as_str())?;
            (rest.is_empty() || rest.starts_with('/')).then_some((domain, rest))
        })
    }
}

/// Issuers are canonical URLs, without the port that their scheme implies; a Host header may name it.
fn without_default_port(authority: &str) -> &str {
    authority.strip_suffix(":443").or_else(|| authority.strip_suffix(":80")).unwrap_or(authority)
}

/// Authority (lower case, as URLs are canonical) and path without a trailing slash.
fn split_issuer(issuer: &str) -> (String, String) {
    let rest = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
    match rest.split_once('/') {
        Some((authority, path)) => (authority.to_owned(), format!("/{path}")),
        None => (rest.to_owned(), String::new()),
    }
}

impl Directory {
    /// Reads what must be known from the start: all domains and revocations.
    pub async fn load(
        store: Store,
        master: MasterKey,
        settings: DirectorySettings,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let directory = Self {
            clients: Cache::new(settings.clients_max),
            unknown: Cache::new(settings.unknown_clients_max),
            epoch: AtomicU64::new(0),
            domains: ArcSwap::default(),
            revoked: RwLock::default(),
            followed: AsyncMutex::new(store.last_change().await?),
            changed_keys: Mutex::default(),
            store,
            master,
            settings,
        };
        directory.load_domains().await?;
        directory.load_revocations(now).await?;
        Ok(directory)
    }

    /// The issuer of the default domain, from the configuration.
    pub fn server_issuer(&self) -> &str {
        &self.settings.issuer
    }

    pub fn domains(&self) -> arc_swap::Guard<Arc<Domains>> {
        self.domains.load()
    }

    /// The client that a request names. A second reading of its name counts only for a client that allows it.
    pub async fn client_of(&self, domain: &Domain, auth: &ClientAuth) -> Result<Option<Arc<Client>>, StoreError> {
        if let Some(client) = self.client(&domain.name, auth.client_id()).await? {
            return Ok(Some(client));
        }
        match auth.unencoded_client_id() {
            Some(id) => Ok(self.client(&domain.name, id).await?.filter(|client| client.metadata.allow_unencoded_basic)),
            None => Ok(None),
        }
    }

    pub async fn client(&self, domain: &str, client_id: &str) -> Result<Option<Arc<Client>>, StoreError> {
        let key: ClientKey = (domain.into(), client_id.into());
        if let Some(client) = self.clients.get(&key).await {
            return Ok(Some(client));
        }
        if self.unknown.get(&key).await.is_some() {
            return Ok(None);
        }
        let epoch = self.epoch.load(Ordering::Acquire);
        let client = self.read_client(domain, client_id).await?.map(Arc::new);
        match &client {
            Some(client) => self.clients.insert(key.clone(), client.clone()).await,
            None => self.unknown.insert(key.clone(), ()).await,
        }
        if self.epoch.load(Ordering::Acquire) != epoch {
            self.clients.invalidate(&key).await;
            self.unknown.invalidate(&key).await;
        }
        Ok(client)
    }

    async fn read_client(&self, domain: &str, client_id: &str) -> Result<Option<Client>, StoreError> {
        let Some(stored) = self.store.get::<ClientMetadata>(domain, client_id).await? else {
            return Ok(None);
        };
        let credentials = self.store.credentials(domain, client_id).await?;
        let client = Client::new(domain.to_owned(), client_id.to_owned(), stored.body, credentials);
        Ok(Some(client.unseal(|credential, sealed| {
            let opened = self.master.open_secret(domain, client_id, &credential.id, sealed);
            if opened.is_none() {
                tracing::error!(
                    domain,
                    client_id,
                    credential = credential.id,
                    "a sealed secret does not open; the master key is another one"
                );
            }
            opened
        })))
    }

    /// Whether a genuine token was ended early.
    pub fn is_revoked(&self, domain: &str, token: &AccessToken) -> bool {
        let revoked = self.revoked.read().expect("no panic while holding the revocations");
        let key = |subject: &str| (Box::from(domain), Box::from(subject));
        revoked.tokens.contains_key(&key(&token.jti))
            || revoked.clients.get(&key(&token.client_id)).is_some_and(|(issued_before, _)| token.iat <= *issued_before)
    }

    /// Up to when all tokens of a client are ended, if they are.
    pub fn tokens_ended_at(&self, domain: &str, client_id: &str) -> Option<Timestamp> {
        let revoked = self.revoked.read().expect("no panic while holding the revocations");
        if revoked.clients.is_empty() {
            return None;
        }
        revoked.clients.get(&(domain.into(), client_id.into())).map(|(issued_before, _)| *issued_before)
    }

    /// A domain whose keys were changed or deleted and have not been looked at since.
    pub fn next_changed_keys(&self) -> Option<String> {
        self.changed_keys.lock().expect("no panic while holding the names").pop_first()
    }

    pub fn note_changed_keys(&self, domain: String) {
        self.changed_keys.lock().expect("no panic while holding the names").insert(domain);
    }

    /// Follows the log of changes to its end.
    pub async fn catch_up(&self, now: Timestamp) -> Result<(), StoreError> {
        const PAGE: i64 = 500;
        let mut followed = self.followed.lock().await;
        loop {
            let changes = self.store.changes_after(*followed, PAGE).await?;
            let whole = (changes.len() as i64) < PAGE;
            self.apply(&changes, now).await?;
            if let Some(last) = changes.last() {
                *followed = last.seq;
            }
            if whole {
                return Ok(());
            }
        }
    }

    async fn apply(&self, changes: &[Change], now: Timestamp) -> Result<(), StoreError> {
        let mut domains = BTreeSet::new();
        for change in changes {
            match change.kind() {
                Some(ChangeKind::Domain | ChangeKind::Resource) => {
                    domains.insert(change.domain.as_str());
                }
                Some(ChangeKind::Client | ChangeKind::Credential) => {
                    self.refresh_client(&change.domain, &change.subject).await
                }
                Some(ChangeKind::Revocation) => self.revoke(change, now),
                Some(ChangeKind::Key) => self.note_changed_keys(change.domain.clone()),
                None => {}
            }
            // Its clients and keys went with it, without a change of their own.
            if change.kind() == Some(ChangeKind::Domain) && change.op == Op::Delete.as_str() {
                self.note_changed_keys(change.domain.clone());
                self.epoch.fetch_add(1, Ordering::AcqRel);
                self.clients.invalidate_all();
            }
        }
        if !domains.is_empty() {
            self.reload_domains(&domains).await?;
        }
        Ok(())
    }

    /// Reads the client anew at once, rather than dropping it, so that it stays known should the database go away next.
    /// One that cannot be read is dropped: what it was before must not be served.
    async fn refresh_client(&self, domain: &str, client_id: &str) {
        let key: ClientKey = (domain.into(), client_id.into());
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.unknown.invalidate(&key).await;
        if !self.clients.contains_key(&key) {
            return;
        }
        match self.read_client(domain, client_id).await {
            Ok(Some(client)) => self.clients.insert(key, Arc::new(client)).await,
            Ok(None) | Err(_) => self.clients.invalidate(&key).await,
        }
    }

    fn revoke(&self, change: &Change, now: Timestamp) {
        let Some(row) = change.revocation().filter(|row| row.expires_at > now) else {
            return;
        };
        self.revoked.write().expect("no panic while holding the revocations").add(row);
    }

    async fn load_domains(&self) -> Result<(), StoreError> {
        let all = self.store.all::<DomainSettings>(DEFAULT_DOMAIN).await?;
        let names: Vec<String> = all.into_iter().map(|stored| stored.name).collect();
        self.reload_domains(&names.iter().map(String::as_str).collect()).await
    }

    /// Reads these domains anew; the others stay.
    async fn reload_domains(&self, names: &BTreeSet<&str>) -> Result<(), StoreError> {
        let mut fresh = Vec::new();
        for name in names {
            let Some(stored) = self.store.get::<DomainSettings>(name, name).await? else {
                continue;
            };
            let resources = self.store.all::<Resource>(name).await?;
            fresh.push(Arc::new(self.compile(name, &stored.body, resources.into_iter().map(|stored| stored.body))));
        }
        let before = self.domains.load_full();
        let kept = before.iter().filter(|domain| !names.contains(domain.name.as_str())).cloned();
        self.domains.store(Arc::new(Domains::new(&self.settings.issuer, kept.chain(fresh))));
        Ok(())
    }

    fn compile(&self, name: &str, settings: &DomainSettings, resources: impl Iterator<Item = Resource>) -> Domain {
        let lifetime_s = settings.access_token_lifetime_s.unwrap_or(self.settings.lifetime_s);
        let issuer = issuer_of(&self.settings.issuer, name, settings);
        Domain {
            mtls_base: self.settings.mtls.as_ref().and_then(|at| at.base(&self.settings.issuer, name, &issuer)),
            issuer,
            name: name.to_owned(),
            sandbox: settings.sandbox,
            access_token_lifetime_s: lifetime_s,
            access_token_lifetime_max_s: self.settings.lifetime_max_s,
            resources: resources.map(|resource| (resource.identifier.clone(), Arc::new(resource))).collect(),
            trust_anchors: settings.trust_anchors.clone(),
            crls: settings.crls.clone(),
        }
    }

    async fn load_revocations(&self, now: Timestamp) -> Result<(), StoreError> {
        let rows = self.store.revocations(now).await?;
        let mut revoked = self.revoked.write().expect("no panic while holding the revocations");
        rows.into_iter().for_each(|row| revoked.add(row));
        Ok(())
    }

    /// Drops revocations of tokens that have expired, here and in the database.
    pub async fn forget_expired(&self, now: Timestamp) -> Result<(), StoreError> {
        {
            let mut revoked = self.revoked.write().expect("no panic while holding the revocations");
            revoked.tokens.retain(|_, expires_at| *expires_at > now);
            revoked.clients.retain(|_, (_, expires_at)| *expires_at > now);
        }
        self.store.forget_expired_revocations(now).await.map(drop)
    }
}

/// The issuer of a domain: its own, or the server's followed by the name.
pub fn issuer_of(server_issuer: &str, name: &str, settings: &DomainSettings) -> String {
    match &settings.issuer {
        Some(issuer) => issuer.clone(),
        None if name == DEFAULT_DOMAIN => server_issuer.to_owned(),
        None => format!("{server_issuer}/{name}"),
    }
}

impl MtlsAt {
    /// What stands in place of a domain's issuer (RFC 8705 §5), below `mtls.url` as below the server's issuer.
    fn base(&self, server_issuer: &str, name: &str, issuer: &str) -> Option<String> {
        match self {
            Self::Url(url) => match issuer.strip_prefix(server_issuer) {
                Some(path) if path.is_empty() || path.starts_with('/') => Some(format!("{url}{path}")),
                _ => Some(format!("{url}/{name}")),
            },
            Self::Port(port) => {
                let mut url = Url::parse(issuer).ok()?;
                url.set_scheme("https").ok()?;
                url.set_port(Some(*port)).ok()?;
                Some(url.as_str().trim_end_matches('/').to_owned())
            }
        }
    }
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory").field("clients", &self.clients.entry_count()).finish_non_exhaustive()
    }
}
