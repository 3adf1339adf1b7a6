//! A server in this process, on a folder of its own: `test_app()`.

use grantor::App;
use grantor::admin::Admin;
use grantor::admin::credential::NewCredential;
use grantor::clock;
use grantor::config::{Config, Sources};
use grantor::data_dir::{DataDir, DataLock, IfMissing};
use grantor::store::Precondition;
use grantor_core::client::ClientMetadata;
use grantor_core::domain::DEFAULT_DOMAIN;
use grantor_core::resource::Resource;
use grantor_core::scope::Scope;
use grantor_core::token::TokenFormat;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

pub const ISSUER: &str = "https://auth.example.com";
/// Owns `read` and `write`, wants JWTs.
pub const API: &str = "https://api.example.com";
/// Owns `read` and `write`, wants opaque tokens.
pub const VAULT: &str = "https://vault.example.com";
/// May get tokens for both, and introspect them.
pub const CLIENT: &str = "svc";

pub struct TestApp {
    app: Arc<App>,
    /// Of [`CLIENT`].
    pub secret: String,
    settings: Vec<(String, String)>,
    lock: Option<DataLock>,
    folder: TempDir,
}

/// A server with two APIs and a client.
pub async fn test_app() -> TestApp {
    TestApp::start(&[]).await
}

impl Deref for TestApp {
    type Target = Arc<App>;

    fn deref(&self) -> &Arc<App> {
        &self.app
    }
}

impl TestApp {
    /// With settings of `grantor.toml`, by key and value.
    pub async fn start(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings: Vec<_> = settings.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        let (app, lock) = open(folder.path(), &settings).await.unwrap();
        let mut started = Self { app, secret: String::new(), settings, lock: Some(lock), folder };
        for (name, identifier, access_token_format) in
            [("api", API, TokenFormat::Jwt), ("vault", VAULT, TokenFormat::Opaque)]
        {
            let resource = Resource { access_token_format, ..resource(identifier, "read write") };
            started.admin().put_resource(DEFAULT_DOMAIN, name, &resource, Precondition::Absent).await.unwrap();
        }
        let metadata =
            ClientMetadata { introspect_resources: vec![API.into(), VAULT.into()], ..metadata(&[API, VAULT]) };
        started.secret = started.client(CLIENT, &metadata).await;
        started
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn admin(&self) -> Admin<'_> {
        self.admin_at(clock::now_s())
    }

    pub fn admin_at(&self, now: i64) -> Admin<'_> {
        Admin { app: &self.app, actor: "test", now }
    }

    /// Makes a client in the default domain; returns its secret.
    pub async fn client(&self, client_id: &str, metadata: &ClientMetadata) -> String {
        self.client_in(DEFAULT_DOMAIN, client_id, metadata).await
    }

    pub async fn client_in(&self, domain: &str, client_id: &str, metadata: &ClientMetadata) -> String {
        self.admin().put_client(domain, client_id, metadata, Precondition::None).await.unwrap();
        let made = self.admin().create_credential(domain, client_id, NewCredential::default()).await.unwrap();
        made.secret.unwrap().expose().to_owned()
    }

    /// Stops, and starts anew on the same folder: nothing in memory is left.
    pub async fn reopen(self) -> Self {
        let settings = self.settings.clone();
        self.reopen_with(settings).await.unwrap()
    }

    pub async fn reopen_with(mut self, settings: Vec<(String, String)>) -> Result<Self, String> {
        self.app.close().await;
        drop(self.lock.take());
        let (app, lock) = open(self.folder.path(), &settings).await?;
        Ok(Self { app, lock: Some(lock), settings, ..self })
    }
}

async fn open(folder: &Path, settings: &[(String, String)]) -> Result<(Arc<App>, DataLock), String> {
    let mut sources = Sources::none()
        .with_flag("--data", "data", folder.display().to_string())
        .with_flag("--issuer", "issuer", ISSUER);
    for (key, value) in settings {
        sources = sources.with_flag("--test", key, value);
    }
    let config = Config::load(&sources).map_err(|error| error.to_string())?;
    let lock =
        DataDir::open(folder, IfMissing::Create).and_then(|dir| dir.lock()).map_err(|error| error.to_string())?;
    let app = App::open(config, &lock).await.map_err(|error| error.to_string())?;
    Ok((app, lock))
}

pub fn resource(identifier: &str, scope: &str) -> Resource {
    Resource {
        identifier: identifier.into(),
        scope: Scope::from_tokens(scope.split(' ')),
        access_token_format: TokenFormat::default(),
        access_token_signing_alg: Default::default(),
        access_token_lifetime_s: None,
        sender_constraint: None,
    }
}

/// A client for these resources; the first is the default.
pub fn metadata(resources: &[&str]) -> ClientMetadata {
    ClientMetadata {
        token_endpoint_auth_methods: grantor_core::client_auth::Method::ALL.to_vec(),
        scope: Scope::from_tokens(["read", "write"]),
        resources: resources.iter().map(|&name| name.into()).collect(),
        default_resource: resources.first().map(|&name| name.into()),
        ..ClientMetadata::default()
    }
}
