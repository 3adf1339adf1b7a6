//! `grantor serve`.

use crate::App;
use crate::config::{Config, ConfigFile, Listen, Sources};
use crate::data_dir::{DataDir, DataLock, IfMissing};
use crate::http::admin::AdminApi;
use crate::http::limits::FrontLimits;
use crate::http::listener;
use crate::http::public::Public;
use crate::http::tls::TlsConfig;
use crate::server::{self, Reloaded};
use crate::telemetry;
use crate::watch::WatchedFiles;
use anyhow::Result;
use clap::Args;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use url::Url;

/// Run the server.
///
/// Everything has a default except the issuer. The first start makes the data folder, the database and the keys.
#[derive(Debug, Args)]
#[command(after_help = "\
SIGTERM and Ctrl-C finish what is in flight, then stop.

Examples:
  GRANTOR_ISSUER=https://auth.example.com grantor serve
  grantor serve --config /etc/grantor/grantor.toml")]
pub struct Serve {
    /// Configuration file; without it `grantor.toml` is read, if there is one
    #[arg(long, env = "GRANTOR_CONFIG", hide_env_values = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Serve {
    pub async fn run(self) -> Result<()> {
        let file = self.config.map_or(ConfigFile::Default, ConfigFile::At);
        let mut config = Config::load(&Sources::of_process(file))?;
        telemetry::start_log(&config.log).map_err(anyhow::Error::msg)?;
        config.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
        let lock = DataDir::open(&config.data, IfMissing::Create)?.lock()?;
        let Listen { public, mtls, admin, .. } = config.listen;
        let listeners = Listeners::bind(public, mtls, admin).await?;
        // Clients are told the port, which may have been left open.
        config.listen.mtls = listeners.mtls_addr;
        let app = App::open(config, &lock).await?;
        run_until_stopped(app, listeners, lock, || ()).await
    }
}

/// All listeners, bound before anything else is said.
#[derive(Debug)]
pub struct Listeners {
    public: TcpListener,
    pub public_addr: SocketAddr,
    mtls: Option<TcpListener>,
    pub mtls_addr: Option<SocketAddr>,
    admin: TcpListener,
    pub admin_addr: SocketAddr,
}

impl Listeners {
    pub async fn bind(public: SocketAddr, mtls: Option<SocketAddr>, admin: SocketAddr) -> Result<Self> {
        let public = bind(public, "listen.public").await?;
        let mtls = match mtls {
            Some(addr) => Some(bind(addr, "listen.mtls").await?),
            None => None,
        };
        let admin = bind(admin, "listen.admin").await?;
        Ok(Self {
            public_addr: public.local_addr()?,
            mtls_addr: mtls.as_ref().map(TcpListener::local_addr).transpose()?,
            admin_addr: admin.local_addr()?,
            public,
            mtls,
            admin,
        })
    }
}

/// Where a proxy ends TLS, and `tls.reload_interval_s` says nothing.
const TRUST_RELOAD_INTERVAL_S: u64 = 10;

async fn bind(addr: SocketAddr, setting: &str) -> Result<TcpListener> {
    TcpListener::bind(addr).await.map_err(|error| {
        anyhow::anyhow!(match error.kind() {
            std::io::ErrorKind::AddrInUse =>
                format!("{addr} is in use by another program; stop that one, or choose another address for {setting}"),
            std::io::ErrorKind::AddrNotAvailable => format!("{addr} is no address of this machine; correct {setting}"),
            std::io::ErrorKind::PermissionDenied =>
                format!("this user may not listen on {addr}; choose a port above 1023 for {setting}"),
            _ => format!("cannot listen on {addr} ({setting}): {error}"),
        })
    })
}

/// Serves until SIGTERM or SIGINT, finishes what is in flight, and closes everything. `announce` is called once the command
/// line finds the server and signals stop it.
pub async fn run_until_stopped(
    app: Arc<App>,
    listeners: Listeners,
    lock: DataLock,
    announce: impl FnOnce(),
) -> Result<()> {
    let signalled = stop_signal()?;
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(server::follow_changes(app.clone(), stopped.clone()));
    tokio::spawn(server::tidy(app.clone(), stopped.clone()));
    tokio::spawn(server::keep_spent_ids(app.clone(), stopped.clone()));
    let every = app.config.tls.as_ref().map_or(Some(TRUST_RELOAD_INTERVAL_S), |tls| tls.reload_interval_s);
    let hangup = signal(SignalKind::hangup())?;
    tokio::spawn(server::follow_trust(app.clone(), every.map(Duration::from_secs), hangup, stopped.clone()));
    let tls = tls(&app.config, stopped.clone())?;
    // Plain HTTP stays on this machine (config refuses otherwise), where the command line can use it without a CA.
    let admin_tls = tls.clone().filter(|_| !listeners.admin_addr.ip().is_loopback());
    lock.publish_admin_url(&admin_url(&app.config.issuer, listeners.admin_addr, admin_tls.is_some()))?;
    tracing::info!(
        issuer = app.config.issuer,
        public = %listeners.public_addr,
        mtls = listeners.mtls_addr.map(tracing::field::display),
        admin = %listeners.admin_addr,
        data = %app.config.data.display(),
        version = env!("CARGO_PKG_VERSION"),
        "serving"
    );
    let limits = FrontLimits::new(&app.config.limits, app.config.listen.drain_timeout_s, app.config.proxy.clone());
    let public = Public(app.clone());
    let serve_mtls = match (listeners.mtls, &tls) {
        (Some(listener), Some(tls)) => {
            let tls = tls.asking_for_client_certificates()?;
            Some(listener::serve(listener, Some(tls), limits.clone(), public.clone(), stopped.clone()))
        }
        _ => None,
    };
    let mut serving = JoinSet::new();
    serving.spawn(listener::serve(listeners.public, tls, limits.clone(), public, stopped.clone()));
    serving.spawn(listener::serve(listeners.admin, admin_tls, limits, AdminApi::new(app.clone()), stopped));
    serve_mtls.map(|future| serving.spawn(future));
    announce();
    signalled.await;
    tracing::info!("stopping; requests in flight are finished first");
    app.stop();
    tokio::time::sleep(Duration::from_secs(app.config.listen.shutdown_delay_s)).await;
    let _ = stop.send(true);
    while serving.join_next().await.is_some() {}
    app.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Where the command line on this machine finds the admin API: its URL and, where the certificate is for the issuer's
/// name, the address to go to, since that name may lead elsewhere.
fn admin_url(issuer: &str, listens_on: SocketAddr, tls: bool) -> String {
    let mut addr = listens_on;
    if addr.ip().is_unspecified() {
        addr.set_ip(if addr.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    match Url::parse(issuer).ok().as_ref().and_then(Url::host) {
        Some(host) if tls => format!("https://{host}:{} {addr}", addr.port()),
        _ => format!("http://{addr}"),
    }
}

/// The TLS of the configuration. Its files are read again when they change, and at SIGHUP.
fn tls(config: &Config, stop: watch::Receiver<bool>) -> Result<Option<TlsConfig>> {
    let Some(files) = &config.tls else { return Ok(None) };
    let watched = WatchedFiles::new([&files.certificate, &files.key]);
    let tls = TlsConfig::from_pem_files(files)?;
    let served = tls.clone();
    let reloaded = Reloaded {
        what: "the TLS certificate",
        files: watched,
        every: files.reload_interval_s.map(Duration::from_secs),
        asked: signal(SignalKind::hangup())?,
        read: move || served.reload(),
    };
    tokio::spawn(reloaded.follow(stop));
    Ok(Some(tls))
}

/// Listens for SIGTERM and SIGINT from now on; ends at the first.
fn stop_signal() -> Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_finds_the_admin_api_wherever_it_listens() {
        let url = |addr: &str, tls| admin_url("https://auth.example.com/x", addr.parse().unwrap(), tls);
        assert_eq!(url("127.0.0.1:81", false), "http://127.0.0.1:81");
        assert_eq!(url("0.0.0.0:81", false), "http://127.0.0.1:81");
        assert_eq!(url("[::]:81", false), "http://[::1]:81");
        assert_eq!(url("0.0.0.0:81", true), "https://auth.example.com:81 127.0.0.1:81");
        assert_eq!(url("192.0.2.1:81", true), "https://auth.example.com:81 192.0.2.1:81");
    }
}
