//! The configuration: as written (`RawConfig`), then as meant ([`Config`]).
//!
//! Flags go before environment variables, those before the file, the file before the defaults. All that is wrong
//! is reported at once, each with its place and what to write instead.

mod check;
mod problem;
mod reference;
mod settings;
mod sources;
mod table;
mod value;

pub(crate) use problem::nearest;
pub use problem::{ConfigErrors, Problem};
pub use reference::reference_page;
pub use settings::{
    AddressHeader, Cache, CertificateHeader, Dpop, JwksFetch, Keys, Limits, Listen, Log, LogFormat, LogLevel, Metadata,
    Mtls, Proxy, SETTINGS, TlsVersion, Token,
};
pub use sources::{ConfigFile, DEFAULT_FILE, RESERVED, Sources};
pub use table::Setting;

use crate::secrets::SecretRef;
use serde::Serialize;
use std::path::PathBuf;

/// A configuration in which every value is right by itself and they fit together.
#[derive(Debug, Clone)]
pub struct Config {
    /// A canonical URL without trailing slash.
    pub issuer: String,
    pub data: PathBuf,
    /// `None`: the file in the data folder.
    pub master_key: Option<SecretRef>,
    /// `None`: the file in the data folder.
    pub pepper: Option<SecretRef>,
    pub listen: Listen,
    pub tls: Option<Tls>,
    pub proxy: Proxy,
    pub mtls: Mtls,
    pub database: Database,
    pub limits: Limits,
    pub jwks_fetch: JwksFetch,
    pub dpop: Dpop,
    pub metadata: Metadata,
    pub token: Token,
    pub keys: Keys,
    pub cache: Cache,
    pub audit: Audit,
    pub log: Log,
    /// What is not left at its default, in the order of the reference page.
    pub written: Vec<WrittenSetting>,
}

/// PEM files, and how they are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub min_version: TlsVersion,
    /// `None`: only at SIGHUP.
    pub reload_interval_s: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    Sqlite { path: PathBuf },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    pub enabled: bool,
    pub folder: PathBuf,
    pub file_max_bytes: u64,
    pub files_max: u32,
}

/// A setting that somebody set, and where. Secrets show as the kind of their reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WrittenSetting {
    pub key: &'static str,
    pub value: String,
    pub place: String,
}

impl Config {
    /// Reads and checks everything.
    pub fn load(sources: &Sources) -> Result<Self, ConfigErrors> {
        check::config(sources::read(sources))
    }

    /// What is allowed but should be known; to be logged at every start.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.listen.danger_admin_plaintext && !self.listen.admin.ip().is_loopback() && self.tls.is_none() {
            warnings.push(format!(
                "listen.danger_admin_plaintext: the admin API on {} is reachable without TLS, and whoever listens \
                 can take the administrator's key",
                self.listen.admin
            ));
        }
        if self.jwks_fetch.danger_allow_http_loopback {
            warnings.push(
                "jwks_fetch.danger_allow_http_loopback: whoever can open a port on this machine can pass off its own keys \
                 as those of a client that publishes them here"
                    .into(),
            );
        }
        warnings
    }

    /// What `grantor check` prints when nothing is wrong.
    pub fn report(&self) -> String {
        let mut report = String::from("The configuration is right.\n");
        for WrittenSetting { key, value, place } in &self.written {
            report.push_str(&format!("  {key} = {value}  ({place})\n"));
        }
        for warning in self.warnings() {
            report.push_str(&format!("warning: {warning}\n"));
        }
        report
    }
}

#[cfg(test)]
mod tests;
