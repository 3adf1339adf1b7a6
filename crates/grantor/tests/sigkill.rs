//! The real binary, killed while it works.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]

use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

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
