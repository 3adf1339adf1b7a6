//! The Grantor server and its command line: everything that waits. The protocol itself is in `grantor_core`.
//!
//! A request comes in at [`http`], is decided in [`token`], [`introspect`] or [`revoke`], which ask [`directory`] who the
//! client is and [`keys`] for a signature. Administrators work through [`admin`]. [`store`] holds all SQL.

pub mod admin;
pub mod allowances;
pub mod audit;
pub mod authenticate;
pub mod cli;
pub mod clock;
pub mod config;
pub mod data_dir;
pub mod directory;
pub mod dpop;
pub mod http;
pub mod imported;
pub mod introspect;
pub mod keys;
pub mod random;
pub mod remote_keys;
pub mod replay;
pub mod revoke;
pub mod secrets;
pub mod server;
pub mod store;
pub mod telemetry;
pub mod throttle;
pub mod token;
pub mod trust;
pub mod watch;

use crate::allowances::Allowances;
use crate::audit::{Audit, AuditSettings};
use crate::config::{Config, Database};
use crate::data_dir::{DataLock, IfMissing};
use crate::directory::{Directory, DirectorySettings, MtlsAt};
use crate::dpop::Dpop;
use crate::imported::Imported;
use crate::keys::{KeyError, KeyTimes, Keys, MasterKey};
use crate::remote_keys::RemoteKeys;
use crate::replay::Replay;
use crate::secrets::Secret;
use crate::store::Store;
use crate::telemetry::Metrics;
use crate::throttle::Throttle;
use crate::trust::Trust;
use grantor_core::Timestamp;
use grantor_core::incoming::ParseLimits;
use grantor_core::secret::Peppers;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// All that a running server is made of.
#[derive(Debug)]
pub struct App {
    pub config: Config,
    pub store: Store,
    pub directory: Directory,
    pub keys: Keys,
    pub peppers: Peppers,
    pub imported: Imported,
    pub throttle: Throttle,
    pub dpop: Dpop,
    pub remote_keys: RemoteKeys,
    pub replay: Replay,
    pub trust: Trust,
    pub allowances: Allowances,
    pub audit: Audit,
    pub metrics: Metrics,
    pub parse_limits: ParseLimits,
    pub jwks_max_age_s: u32,
    /// The bootstrap key of administrators.
    pub admin_key: Secret,
    stopping: AtomicBool,
}

impl App {
    /// Opens the database, the keys and the audit log. Each error is a sentence that says what to do.
    pub async fn open(config: Config, data: &DataLock) -> Result<Arc<Self>, StartError> {
        let now = clock::now_s();
        let failed = |error: &dyn std::fmt::Display| StartError(error.to_string());
        let Database::Sqlite { path } = &config.database;
        let store = Store::open_sqlite(path).await.map_err(|error| failed(&error))?;
        let made_before = store.has_keys().await.map_err(|error| failed(&error))?;
        let if_missing = if made_before { IfMissing::Refuse } else { IfMissing::Create };
        let master = data.master_key(config.master_key.as_ref(), if_missing).await.map_err(|error| failed(&error))?;
        let peppers = data.peppers(config.pepper.as_ref(), if_missing).await.map_err(|error| failed(&error))?;
        let peppers = Peppers::new(peppers).ok_or_else(|| failed(&"there is no pepper"))?;
        let admin_key = data.admin_key().map_err(|error| failed(&error))?;
        let dpop = Dpop::new(&master.0, &config.dpop);
        let master = MasterKey::new(&master.0);
        let directory = Directory::load(store.clone(), master.clone(), directory_settings(&config), now)
            .await
            .map_err(|error| failed(&error))?;
        let keys = Keys::new(store.clone(), master, key_times(&config));
        let audit = Audit::start(audit_settings(&config)).map_err(|error| {
            StartError(format!(
                "cannot write the audit log in {}: {error}; make the folder writable, or set audit.folder",
                config.audit.folder.display()
            ))
        })?;
        let limits = &config.limits;
        let spent = config.data.join("replay");
        let replay = Replay::open(&spent, limits.replay_ids_max, now).map_err(|error| {
            let spent = spent.display();
            StartError(format!(
                "the spent ids in {spent} cannot be read: {error}; make the folder writable for the server"
            ))
        })?;
        let metrics = Metrics::default();
        let app = Arc::new(Self {
            imported: Imported::new(limits.slow_hash_concurrency, limits.slow_hash_queue_max),
            throttle: Throttle::new(limits.failed_auth_per_minute.unwrap_or(0), limits.failed_auth_burst),
            trust: Trust::new(),
            allowances: Allowances::new(now),
            parse_limits: ParseLimits {
                form_parameters_max: limits.form_parameters_max.unwrap_or(usize::MAX),
                scope_tokens_max: limits.scope_tokens_max.unwrap_or(usize::MAX),
                resources_max: limits.resources_max.unwrap_or(usize::MAX),
            },
            dpop,
            remote_keys: RemoteKeys::new(&config.jwks_fetch, metrics.key_fetches.clone()).map_err(StartError)?,
            replay,
            jwks_max_age_s: u32::try_from(config.keys.jwks_max_age_s).unwrap_or(u32::MAX),
            metrics,
            stopping: AtomicBool::new(false),
            config,
            store,
            directory,
            keys,
            peppers,
            audit,
            admin_key,
        });
        let admin = admin::Admin { app: &app, actor: "grantor", now };
        admin.ensure_defaults().await.map_err(|error| failed(&error))?;
        admin.keys(grantor_core::domain::DEFAULT_DOMAIN).await.map_err(|error| failed(&error))?;
        Ok(app)
    }

    /// Reads the trust anchors and revocation lists of all domains, again where they were read before. Blocks.
    pub fn reload_trust(&self) {
        self.trust.reload(self.directory.domains().iter().map(|domain| &**domain));
    }

    /// Applies all changes made since the last time, here or by another node. Called after each write of ours, so that it
    /// is in force when it is acknowledged, and regularly for those of others.
    pub async fn catch_up(&self, now: Timestamp) -> Result<(), KeyError> {
        self.directory.catch_up(now).await?;
        while let Some(domain) = self.directory.next_changed_keys() {
            if self.directory.domains().by_name(&domain).is_none() {
                self.keys.forget(&domain);
            } else if let Err(error) = self.keys.reload(&domain, now).await {
                self.directory.note_changed_keys(domain);
                return Err(error);
            }
        }
        Ok(())
    }

    /// From now on `/readyz` says no.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Writes what waits to be written, and closes the database.
    pub async fn close(&self) {
        self.audit.close();
        if let Err(error) = self.replay.sync() {
            tracing::error!(%error, "spent ids may not be on the disk");
        }
        self.store.close().await;
    }
}

/// Why the server does not start, and what to do.
#[derive(Debug)]
pub struct StartError(pub String);

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}

fn directory_settings(config: &Config) -> DirectorySettings {
    let listens = config.listen.mtls.map(|addr| MtlsAt::Port(addr.port()));
    DirectorySettings {
        mtls: config.mtls.url.clone().map(MtlsAt::Url).or(listens),
        issuer: config.issuer.clone(),
        clients_max: config.cache.clients_max,
        unknown_clients_max: config.cache.unknown_clients_max,
        lifetime_s: config.token.lifetime_s,
        lifetime_max_s: config.token.lifetime_max_s,
    }
}

fn key_times(config: &Config) -> KeyTimes {
    let seconds = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    KeyTimes {
        rotate_after_s: seconds(config.keys.rotate_after_s),
        publish_before_s: seconds(config.keys.publish_before_s),
        lifetime_max_s: i64::from(config.token.lifetime_max_s),
    }
}

fn audit_settings(config: &Config) -> AuditSettings {
    AuditSettings {
        enabled: config.audit.enabled,
        folder: config.audit.folder.clone(),
        file_max_bytes: config.audit.file_max_bytes,
        files_max: config.audit.files_max as usize,
    }
}
