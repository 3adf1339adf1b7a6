//! What is acknowledged is on disk, and issuing tokens puts nothing there.

use crate::call::Call;
use crate::common::{API, CLIENT, VAULT, test_app};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

fn sizes(folder: &Path) -> Vec<(String, u64)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut sizes: Vec<_> = entries
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len()))
        .filter(|(name, _)| name.starts_with("grantor.db"))
        .collect();
    sizes.sort();
    sizes
}

#[tokio::test]
async fn ten_thousand_tokens_leave_the_database_as_it_was() {
    let app = test_app().await;
    app.client_token(VAULT).await;
    let (before, changes) = (sizes(app.folder()), app.store.last_change().await.unwrap());
    assert!(before.len() >= 2, "the file and its log: {before:?}");
    for n in 0..10_000 {
        let resource = if n % 2 == 0 { API } else { VAULT };
        app.call_as_client(Call::token(&format!("&resource={resource}"))).await.ok();
    }
    // Nor do wrong guesses.
    for n in 0..100 {
        app.call(Call::token("").basic(&format!("nobody{n}"), "x")).await.refused(401, "invalid_client");
    }
    assert_eq!(sizes(app.folder()), before);
    assert_eq!(app.store.last_change().await.unwrap(), changes);
}

#[tokio::test]
async fn another_master_key_is_told_by_its_consequence() {
    let app = test_app().await;
    let path = app.folder().join("master.key");
    let key = std::fs::read_to_string(&path).unwrap();
    let other = grantor_core::jose::b64url_encode(&[7; 32]);
    std::fs::write(&path, key.replace(key.trim(), &other)).unwrap();
    let error = app.reopen_with(Vec::new()).await.err().unwrap();
    assert!(error.contains("the master key does not open it") && error.contains("master.key"), "{error}");
    assert!(!error.contains(&other) && !error.contains(key.trim()), "{error}");
}

#[tokio::test]
async fn a_lost_key_file_is_never_made_anew() {
    for name in ["master.key", "pepper.key"] {
        let app = test_app().await;
        std::fs::remove_file(app.folder().join(name)).unwrap();
        let error = app.reopen_with(Vec::new()).await.err().unwrap();
        assert!(error.contains(name) && error.contains("restore it from a backup"), "{error}");
    }
}

#[tokio::test]
async fn everything_works_after_a_restart() {
    let app = test_app().await;
    let (jwt, opaque) = (app.client_token(API).await, app.client_token(VAULT).await);
    let jwks = app.call(Call::get("/.well-known/jwks.json")).await.body;
    let app = app.reopen().await;
    assert_eq!(app.call(Call::get("/.well-known/jwks.json")).await.body, jwks);
    assert!(app.introspects_as_active(&jwt).await && app.introspects_as_active(&opaque).await);
    app.call(Call::token("").basic(CLIENT, &app.secret)).await.ok();
}

#[tokio::test]
async fn the_database_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let app = test_app().await;
    for (name, _) in sizes(app.folder()) {
        let mode = std::fs::metadata(app.folder().join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

/// The real binary on a folder.
struct Server {
    child: Mutex<Child>,
    announced: Value,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_grantor"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"GRANTOR_")) {
            command.env_remove(name);
        }
        command.args(["dev", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--format", "json", "--data"]);
        let mut child = command.arg(folder).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self {
            child: Mutex::new(child),
            announced: serde_json::from_str(&line).expect("it starts and announces itself"),
        }
    }

    fn get(&self, name: &str) -> &str {
        self.announced[name].as_str().unwrap()
    }

    /// Makes a client with a secret. `None` once the server does not answer.
    async fn create(&self, http: &reqwest::Client, id: &str) -> Option<String> {
        let client = format!("{}/v1/domain/default/client/{id}", self.get("admin_url"));
        let body = json!({ "scope": "read", "resources": [self.get("resource")] });
        let send = |request: reqwest::RequestBuilder| request.bearer_auth(self.get("admin_key")).send();
        let put = send(http.put(&client).json(&body)).await.ok()?;
        assert_eq!(put.status(), 201);
        let made = send(http.post(format!("{client}/credential")).json(&json!({}))).await.ok()?;
        assert_eq!(made.status(), 201);
        let made: Value = made.json().await.ok()?;
        Some(made["secret"].as_str().unwrap().to_owned())
    }

    /// SIGKILL: nothing is finished, nothing is written any more.
    fn kill(&self) {
        let mut child = self.child.lock().unwrap();
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigkill_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let http = reqwest::Client::new();
    let mut acknowledged: Vec<(String, String)> = Vec::new();
    for round in 0..3 {
        let server = Server::start(&data);
        let stop = AtomicBool::new(false);
        let create = async |lane: usize| {
            let mut made = Vec::new();
            for n in 0.. {
                let id = format!("svc-{round}-{lane}-{n}");
                match server.create(&http, &id).await {
                    Some(secret) => made.push((id, secret)),
                    None => break,
                }
            }
            assert!(stop.load(Ordering::Relaxed), "it answered until it was killed");
            made
        };
        let kill = async {
            tokio::time::sleep(Duration::from_millis(300 + 100 * round)).await;
            stop.store(true, Ordering::Relaxed);
            server.kill();
        };
        let (one, two, three, ()) = tokio::join!(create(1), create(2), create(3), kill);
        let made = [one, two, three].concat();
        assert!(made.len() > 5, "{} clients in round {round}", made.len());
        acknowledged.extend(made);
    }
    let server = Server::start(&data);
    for (id, secret) in &acknowledged {
        let form = [("grant_type", "client_credentials")];
        let request = http.post(server.get("token_endpoint")).basic_auth(id, Some(secret)).form(&form);
        let answered = request.send().await.unwrap();
        assert_eq!(answered.status(), 200, "{id} of {}", acknowledged.len());
        let token: Value = answered.json().await.unwrap();
        assert!(token["access_token"].as_str().unwrap().len() > 100);
    }
}
