//! `grantor dev`: zero configuration.

use super::output::{self, Format};
use super::serve::{Listeners, run_until_stopped};
use crate::App;
use crate::admin::Admin;
use crate::admin::credential::{CredentialSource, NewCredential};
use crate::clock;
use crate::config::{Config, Sources};
use crate::data_dir::{DataDir, IfMissing};
use crate::http::dev_certificate::{DevCertificate, DevClientCertificate, dev_certificate, dev_client_certificate};
use crate::secrets::Secret;
use crate::store::Precondition;
use crate::telemetry;
use anyhow::{Context, Result};
use clap::Args;
use grantor_core::client::{ClientMetadata, CredentialKind};
use grantor_core::client_auth::Method;
use grantor_core::domain::DEFAULT_DOMAIN;
use grantor_core::resource::Resource;
use grantor_core::scope::Scope;
use grantor_core::token::TokenFormat;
use serde_json::json;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Run a server to try things out.
///
/// It needs no configuration, comes with a demo API and a demo client, and prints a curl line that works. Everything
/// is kept in the data folder, so the demo client's secret stays the same until that folder is removed.
/// Not for production: use `grantor serve` there.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  grantor dev
  grantor dev --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 --data $(mktemp -d) --format json")]
pub struct Dev {
    /// Address for clients, a loopback one since the demo client's secret is printed; port 0 picks a free one
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR")]
    listen: SocketAddr,
    /// Address of the admin API, a loopback one too
    #[arg(long, default_value = "127.0.0.1:8081", value_name = "ADDR")]
    admin_listen: SocketAddr,
    /// Folder for the database and the keys
    #[arg(long, default_value = "grantor-dev", value_name = "DIR")]
    data: PathBuf,
    /// Speak TLS, with a certificate for localhost from a CA that is made in the data folder, and ask for client
    /// certificates at a second address; the demo client gets one
    #[arg(long)]
    tls: bool,
    /// Address where client certificates are asked for, with --tls [default: 127.0.0.1:8443, or a free port where
    /// --listen has one]
    #[arg(long, value_name = "ADDR", requires = "tls")]
    mtls_listen: Option<SocketAddr>,
    /// How the start is announced on standard output
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

const DEMO_CLIENT: &str = "demo";
const DEMO_RESOURCE: &str = "https://api.example.com";
const DEMO_OPAQUE: &str = "https://opaque.example.com";

impl Dev {
    pub async fn run(self) -> Result<()> {
        anyhow::ensure!(
            [Some(self.listen), Some(self.admin_listen), self.mtls_listen]
                .iter()
                .flatten()
                .all(|a| a.ip().is_loopback()),
            "`grantor dev` listens on loopback addresses only; use `grantor serve` for others"
        );
        let lock = DataDir::open(&self.data, IfMissing::Create)?.lock()?;
        let free = self.listen.port() == 0;
        let mtls = self.mtls_listen.unwrap_or((self.listen.ip(), if free { 0 } else { 8443 }).into());
        let listeners = Listeners::bind(self.listen, self.tls.then_some(mtls), self.admin_listen).await?;
        let (folder, now) = (lock.dir().path(), clock::now_s());
        let certificate = self.tls.then(|| dev_certificate(folder, now)).transpose()?;
        let own = self.tls.then(|| dev_client_certificate(folder, DEMO_CLIENT, now)).transpose()?;
        let config = self.config(&listeners, certificate.as_ref())?;
        telemetry::start_log(&config.log).map_err(anyhow::Error::msg)?;
        let app = App::open(config, &lock).await?;
        let secret = demo(&app, &folder.join("demo.secret")).await?;
        if let Some(own) = &own {
            demo_certificate(&app, own).await?;
        }
        let text = self.announcement(&app, &listeners, &secret, certificate.as_ref(), own.as_ref());
        // A server whose announcement nobody reads is still a server.
        run_until_stopped(app, listeners, lock, || drop(output::print(&text))).await
    }

    fn config(&self, listeners: &Listeners, certificate: Option<&DevCertificate>) -> Result<Config> {
        let port = listeners.public_addr.port();
        let issuer =
            certificate.map_or(format!("http://{}", listeners.public_addr), |_| format!("https://localhost:{port}"));
        let mut sources = Sources::none()
            .with_flag("--listen", "issuer", &issuer)
            .with_flag("--data", "data", self.data.display().to_string())
            // A client that is tried out on the same machine publishes its keys there.
            .with_flag("grantor dev", "jwks_fetch.danger_allow_http_loopback", "true");
        if let Some(files) = certificate {
            sources = sources.with_flag("--tls", "tls.certificate", files.certificate.display().to_string()).with_flag(
                "--tls",
                "tls.key",
                files.key.display().to_string(),
            );
        }
        if let Some(addr) = listeners.mtls_addr {
            sources = sources.with_flag("--mtls-listen", "listen.mtls", addr.to_string());
        }
        Ok(Config::load(&sources)?)
    }

    fn announcement(
        &self,
        app: &App,
        listeners: &Listeners,
        secret: &Secret,
        certificate: Option<&DevCertificate>,
        own: Option<&DevClientCertificate>,
    ) -> String {
        let issuer = &app.config.issuer;
        let whole = |path: &Path| path.canonicalize().unwrap_or(path.into()).display().to_string();
        let ca = certificate.map(|files| whole(&files.ca));
        let cacert = ca.as_ref().map(|ca| format!("--cacert '{ca}' ")).unwrap_or_default();
        let curl = format!(
            "curl -s {cacert}-u {DEMO_CLIENT}:{} -d grant_type=client_credentials {issuer}/connect/token",
            secret.expose()
        );
        let admin_url = format!("http://{}", listeners.admin_addr);
        let own = own.zip(listeners.mtls_addr).map(|(own, addr)| {
            let (certificate, key) = (whole(&own.certificate), whole(&own.key));
            let endpoint = format!("https://localhost:{}/connect/token", addr.port());
            let curl = format!(
                "curl -s {cacert}--cert '{certificate}' --key '{key}' -d grant_type=client_credentials -d \
                 client_id={DEMO_CLIENT} {endpoint}"
            );
            (certificate, key, endpoint, curl)
        });
        match self.format {
            Format::Json => json!({
                "issuer": issuer,
                "token_endpoint": format!("{issuer}/connect/token"),
                "admin_url": admin_url,
                "admin_key": app.admin_key.expose(),
                "client_id": DEMO_CLIENT,
                "client_secret": secret.expose(),
                "resource": DEMO_RESOURCE,
                "curl": curl,
                "ca": ca,
                "mtls": own.map(|(certificate, key, token_endpoint, curl)| json!({
                    "token_endpoint": token_endpoint,
                    "client_certificate": certificate,
                    "client_key": key,
                    "curl": curl,
                })),
            })
            .to_string(),
            Format::Text => format!(
                "Grantor is running, for trying out only.\n\n  issuer     {issuer}\n  admin API  {admin_url} (key in {})\n  data       {}\n\nGet a token:\n\n  {curl}\n\n{}Ctrl-C stops it.",
                self.data.join("admin.key").display(),
                self.data.display(),
                own.map(|(.., curl)| format!(
                    "Or with a client certificate, without any secret (RFC 8705):\n\n  {curl}\n\n"
                ))
                .unwrap_or_default(),
            ),
        }
    }
}

/// The demo API and client, made at the first start. The secret is kept beside the keys, so that it can be printed again.
async fn demo(app: &App, path: &std::path::Path) -> Result<Secret> {
    let admin = Admin { app, actor: "grantor dev", now: clock::now_s() };
    let resource = |identifier: &str, format| Resource {
        identifier: identifier.into(),
        scope: Scope::from_tokens(["read", "write"]),
        access_token_format: format,
        access_token_signing_alg: Default::default(),
        access_token_lifetime_s: None,
        sender_constraint: None,
    };
    for (name, identifier, format) in
        [("demo-api", DEMO_RESOURCE, TokenFormat::Jwt), ("demo-opaque", DEMO_OPAQUE, TokenFormat::Opaque)]
    {
        if app.store.get::<Resource>(DEFAULT_DOMAIN, name).await?.is_none() {
            admin.put_resource(DEFAULT_DOMAIN, name, &resource(identifier, format), Precondition::Absent).await?;
        }
    }
    let metadata = ClientMetadata {
        client_name: Some("Demo".into()),
        token_endpoint_auth_methods: Method::ALL.to_vec(),
        scope: Scope::from_tokens(["read", "write"]),
        resources: vec![DEMO_RESOURCE.into(), DEMO_OPAQUE.into()],
        default_resource: Some(DEMO_RESOURCE.into()),
        introspect_resources: vec![DEMO_RESOURCE.into(), DEMO_OPAQUE.into()],
        ..ClientMetadata::default()
    };
    admin.ensure_client(DEFAULT_DOMAIN, DEMO_CLIENT, &metadata).await?;
    if let Ok(text) = std::fs::read_to_string(path) {
        return Ok(Secret::new(text));
    }
    let secret = grantor_core::secret::generate(&crate::random::bytes());
    let new = NewCredential {
        label: Some("demo".into()),
        source: CredentialSource::Given(secret.clone()),
        ..NewCredential::default()
    };
    admin.create_credential(DEFAULT_DOMAIN, DEMO_CLIENT, new).await?;
    write_private(path, &secret).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Secret::new(secret))
}

/// Registers the demo client's certificate, unless it is.
async fn demo_certificate(app: &App, own: &DevClientCertificate) -> Result<()> {
    let x5t_s256 = own.parsed.x5t_s256().to_owned();
    let kind = CredentialKind::Certificate { x5t_s256 };
    let client = app.directory.client(DEFAULT_DOMAIN, DEMO_CLIENT).await?;
    if client.is_some_and(|client| client.credentials.iter().any(|have| have.kind == kind && have.revoked_at.is_none()))
    {
        return Ok(());
    }
    let admin = Admin { app, actor: "grantor dev", now: clock::now_s() };
    let new = NewCredential {
        label: Some("demo certificate".into()),
        source: CredentialSource::Public(kind),
        ..NewCredential::default()
    };
    admin.create_credential(DEFAULT_DOMAIN, DEMO_CLIENT, new).await?;
    Ok(())
}

fn write_private(path: &std::path::Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(text.as_bytes())
}
