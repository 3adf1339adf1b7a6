//! Which server a command administers: one named by its address, or the one of a data folder, running or not.

use super::Usage;
use super::api::{Api, is_loopback};
use super::local::Local;
use super::output::note;
use crate::config::{Config, ConfigFile, DEFAULT_FILE, Sources};
use crate::data_dir::{DataDir, IfMissing};
use crate::secrets::{Secret, SecretRef, Secrets};
use anyhow::{Context, Result};
use clap::Args;
use reqwest::Url;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the server is. Without any of these: the server of the folder ./grantor-data, else of ./grantor-dev.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = HEADING)]
pub struct Server {
    /// Address of the admin API, such as https://auth.example.com:8081 [env: GRANTOR_ADMIN_URL]
    #[arg(long, value_name = "URL", global = true, conflicts_with_all = ["data", "config"])]
    admin_url: Option<String>,
    /// Where the administrator's key or access token is: env:NAME or file:PATH [env: GRANTOR_ADMIN_KEY]
    #[arg(long, value_name = "REF", global = true, conflicts_with_all = ["data", "config"])]
    admin_key: Option<String>,
    /// Data folder of the server, on this machine; the server need not run [env: GRANTOR_DATA]
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    /// Configuration file of the server, which names its data folder [env: GRANTOR_CONFIG]
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
}

/// Of the flags that name the server.
pub(super) const HEADING: &str = "Server";

const URL_VARIABLE: &str = "GRANTOR_ADMIN_URL";
const KEY_VARIABLE: &str = "GRANTOR_ADMIN_KEY";
const DATA_VARIABLE: &str = "GRANTOR_DATA";
const CONFIG_VARIABLE: &str = "GRANTOR_CONFIG";

/// Folders that are looked for when none is named.
const USUAL_FOLDERS: [&str; 2] = ["grantor-data", DEV_FOLDER];
const DEV_FOLDER: &str = "grantor-dev";
/// `grantor dev` needs no configuration, so there is none to read the issuer from.
const DEV_MARK: &str = "demo.secret";
const DEV_ISSUER: &str = "http://127.0.0.1:8080";

/// How long another command may hold the folder, or a server take to start.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);

impl Server {
    /// Does `work` with the server's admin API.
    pub async fn with<T>(&self, work: impl AsyncFnOnce(&Api) -> Result<T>) -> Result<T> {
        let api = self.open().await?;
        let done = work(&api).await;
        api.close().await;
        done
    }

    async fn open(&self) -> Result<Api> {
        if let Some(url) = &self.admin_url {
            return remote(url, self.key("--admin-url").await?, "--admin-url");
        }
        if self.data.is_none()
            && self.config.is_none()
            && let Some(url) = variable(URL_VARIABLE)?
        {
            return remote(&url, self.key(URL_VARIABLE).await?, URL_VARIABLE);
        }
        if self.admin_key.is_some() {
            return Err(Usage(format!("--admin-key needs a server; add --admin-url URL, or set {URL_VARIABLE}")).into());
        }
        self.of_folder().await
    }

    /// The administrator's key. On the command line it is always a reference: arguments show in process lists.
    async fn key(&self, for_url: &str) -> Result<Secret> {
        if let Some(written) = &self.admin_key {
            let reference = SecretRef::parse(written).map_err(|wrong| {
                Usage(format!(
                    "--admin-key: {wrong} (a key on the command line would show in process lists and shell histories)"
                ))
            })?;
            return Ok(Secrets::new().read(&reference).await?);
        }
        let Some(value) = variable(KEY_VARIABLE)? else {
            return Err(Usage(format!(
                "{for_url} names a server, but not its key; give --admin-key env:NAME or file:PATH, or set {KEY_VARIABLE}"
            ))
            .into());
        };
        match SecretRef::parse(&value) {
            Ok(reference) => Ok(Secrets::new()
                .read(&reference)
                .await
                .with_context(|| format!("{KEY_VARIABLE} refers to a secret"))?),
            Err(_) => Ok(Secret::new(value)),
        }
    }

    async fn of_folder(&self) -> Result<Api> {
        let (path, config) = self.folder()?;
        let dir = DataDir::open(&path, IfMissing::Refuse)
            .with_context(|| "no server was found (name one with --data, --config or --admin-url)")?;
        let usable = same_owner(&path);
        let mut waited = Duration::ZERO;
        loop {
            let free = if usable.is_ok() { dir.try_lock()? } else { None };
            if let Some(lock) = free {
                let config = match config {
                    Some(config) => config,
                    None => self.config_of(&path)?,
                };
                return Local::open(config, lock).await;
            }
            if let Some(url) = dir.admin_url()?
                && answers(&url).await
            {
                return running(&dir, &url);
            }
            usable.as_ref().map_err(|wrong| anyhow::anyhow!("{wrong}"))?;
            if waited >= PATIENCE {
                anyhow::bail!(
                    "a process uses the data folder {} but serves no admin API: it is starting or stopping, or is \
                     another command; try again in a moment",
                    path.display()
                );
            }
            tokio::time::sleep(PAUSE).await;
            waited += PAUSE;
        }
    }

    /// The data folder, and the configuration if that was needed to find it.
    fn folder(&self) -> Result<(PathBuf, Option<Config>)> {
        if let Some(path) = &self.data {
            return Ok((path.clone(), None));
        }
        if self.config.is_none()
            && let Some(path) = variable(DATA_VARIABLE)?
        {
            return Ok((path.into(), None));
        }
        if self.config.is_some() || variable(CONFIG_VARIABLE)?.is_some() || Path::new(DEFAULT_FILE).exists() {
            let config = Config::load(&Sources::of_process(self.file()))?;
            return Ok((config.data.clone(), Some(config)));
        }
        match USUAL_FOLDERS.iter().find(|name| Path::new(name).is_dir()) {
            Some(name) => Ok((name.into(), None)),
            None => Err(anyhow::anyhow!(
                "no server was named, and neither {DEFAULT_FILE} nor a folder {} is here; name the server with \
                 --data DIR, --config FILE or --admin-url URL, or start one with: grantor dev",
                USUAL_FOLDERS.join(" or ")
            )),
        }
    }

    fn file(&self) -> ConfigFile {
        self.config.clone().map_or(ConfigFile::Default, ConfigFile::At)
    }

    /// What a server on this folder would be configured with.
    fn config_of(&self, data: &Path) -> Result<Config> {
        let mut sources = Sources::of_process(self.file());
        sources = sources.with_flag("--data", "data", data.display().to_string());
        let named = self.config.is_some() || variable(CONFIG_VARIABLE)?.is_some() || Path::new(DEFAULT_FILE).exists();
        let dev = data.file_name().is_some_and(|name| name == DEV_FOLDER) || data.join(DEV_MARK).exists();
        if dev && !named && variable("GRANTOR_ISSUER")?.is_none() {
            sources = sources.with_flag("grantor dev", "issuer", DEV_ISSUER);
        }
        Config::load(&sources).with_context(|| {
            format!(
                "no server runs on the data folder {}, and to work on it without one its configuration is needed; name \
                 it with --config FILE, or start the server",
                data.display()
            )
        })
    }
}

fn remote(url: &str, key: Secret, from: &str) -> Result<Api> {
    let base = Url::parse(url)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some())
        .filter(|url| url.query().is_none() && url.fragment().is_none() && url.password().is_none())
        .ok_or_else(|| {
            Usage(format!("{from}: this is no address of an admin API; write one such as http://127.0.0.1:8081"))
        })?;
    if base.scheme() == "http" && !is_loopback(&base) {
        note("warning: the administrator's key travels to this server without TLS, for everybody on the way to see");
    }
    Api::remote(base, key, format!("from {from}"), None)
}

/// The server that says it runs on this folder.
/// Whether somebody listens there. A killed server leaves its address behind, until the next owner of the folder clears it.
async fn answers(announced: &str) -> bool {
    let (url, addr) = announced.split_once(' ').map_or((announced, None), |(url, addr)| (url, Some(addr)));
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest).trim_end_matches('/');
    let connected = tokio::net::TcpStream::connect(addr.unwrap_or(authority));
    tokio::time::timeout(Duration::from_secs(1), connected).await.is_ok_and(|connected| connected.is_ok())
}

fn running(dir: &DataDir, url: &str) -> Result<Api> {
    let place = dir.path().join("admin.url");
    let (url, addr) = url.split_once(' ').map_or((url, None), |(url, addr)| (url, addr.parse().ok()));
    let base = Url::parse(url).with_context(|| format!("{} holds no address", place.display()))?;
    Api::remote(base, dir.admin_key()?, format!("from {}", place.display()), addr)
}

/// A file made by another user, root above all, would be one that the server cannot use.
fn same_owner(folder: &Path) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;
    let (Ok(folder_is), Ok(we_are)) = (std::fs::metadata(folder), std::fs::metadata("/proc/self")) else {
        return Ok(());
    };
    let (owner, we) = (folder_is.uid(), we_are.uid());
    if owner == we {
        return Ok(());
    }
    Err(format!(
        "the data folder {} belongs to user {owner}, no server runs on it, and files that user {we} makes in it could \
         not be used by one; run this as that user (sudo -u '#{owner}' grantor …), or start the server",
        folder.display()
    ))
}

/// A variable that is set to something.
fn variable(name: &str) -> Result<Option<String>> {
    match std::env::var(name) {
        Ok(value) if value.is_empty() => Ok(None),
        Ok(value) => Ok(Some(value)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(Usage(format!("{name} is not UTF-8 text; set it anew")).into()),
    }
}
