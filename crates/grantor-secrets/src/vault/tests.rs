//! Against a small server that answers as Vault does. What a real one answers is shown in `e2e/`.

use super::*;
use crate::{SecretRef, Secrets, Trouble};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex as Lock, MutexGuard};

const SECRET: &str = "hunter2";

#[derive(Default)]
struct Fake {
    version: u64,
    /// Versions that are not the newest are not kept.
    two: Option<Value>,
    one: BTreeMap<String, Value>,
    /// The one token that is let in.
    token: String,
    logins: u32,
    requests: u32,
    /// Somebody else writes after each read.
    raced: bool,
    mounts_hidden: bool,
    namespace: Option<String>,
    asked: Vec<Value>,
}

type Shared = Arc<Lock<Fake>>;

async fn answer(State(fake): State<Shared>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let mut fake = fake.lock().unwrap();
    fake.requests += 1;
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    fake.namespace = header("x-vault-namespace");
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    if uri.path().starts_with("/v1/auth/") {
        return log_in(&mut fake, uri.path(), body);
    }
    if header("x-vault-token").as_deref() != Some(fake.token.as_str()) {
        return refuse(403, "permission denied");
    }
    match (method.as_str(), uri.path()) {
        ("GET", path) if path.starts_with("/v1/sys/internal/ui/mounts/") => mounted(&fake, path),
        ("GET", "/v1/team/kv/data/app") => {
            let said = match &fake.two {
                Some(data) => (StatusCode::OK, json!({"data": {"data": data, "metadata": {"version": fake.version}}})),
                None if fake.version == 0 => (StatusCode::NOT_FOUND, json!({"errors": []})),
                None => (StatusCode::NOT_FOUND, json!({"data": {"data": null, "metadata": {"version": fake.version}}})),
            };
            fake.version += u64::from(fake.raced);
            (said.0, said.1.to_string()).into_response()
        }
        ("POST", "/v1/team/kv/data/app") => {
            if body["options"]["cas"] != json!(fake.version) {
                return refuse(400, "check-and-set parameter did not match the current version");
            }
            fake.version += 1;
            fake.two = Some(body["data"].clone());
            json!({"data": {"version": fake.version}}).to_string().into_response()
        }
        ("GET", path) if fake.one.contains_key(path) => json!({"data": fake.one[path]}).to_string().into_response(),
        ("POST", path) if path.starts_with("/v1/old/") => {
            fake.one.insert(path.to_owned(), body);
            StatusCode::NO_CONTENT.into_response()
        }
        _ => refuse(404, ""),
    }
}

fn log_in(fake: &mut Fake, path: &str, body: Value) -> Response {
    fake.logins += 1;
    if body["secret_id"] == "wrong-secret-id" {
        return refuse(400, "invalid secret id wrong-secret-id");
    }
    fake.asked.push(json!([path, body]));
    fake.token = format!("token-{}", fake.logins);
    json!({"auth": {"client_token": fake.token, "lease_duration": 60}}).to_string().into_response()
}

fn mounted(fake: &Fake, path: &str) -> Response {
    let (at, version) = if path.contains("mounts/team/kv") { ("team/kv/", "2") } else { ("old/", "1") };
    match fake.mounts_hidden {
        true => refuse(403, "preflight capability check returned 403"),
        false => {
            json!({"data": {"path": at, "type": "kv", "options": {"version": version}}}).to_string().into_response()
        }
    }
}

fn refuse(status: u16, why: &str) -> Response {
    (StatusCode::from_u16(status).unwrap(), json!({"errors": [why]}).to_string()).into_response()
}

struct Running {
    fake: Shared,
    address: String,
}

impl Running {
    async fn start() -> Self {
        let fake = Shared::new(Lock::new(Fake { token: "root".to_owned(), ..Fake::default() }));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let app = axum::Router::new().fallback(answer).with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { fake, address }
    }

    fn fake(&self) -> MutexGuard<'_, Fake> {
        self.fake.lock().unwrap()
    }

    fn secrets(&self, variables: &[(&str, &str)]) -> Secrets {
        let variable = |name: &str| match name {
            "VAULT_ADDR" => Some(self.address.clone()),
            _ => variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned()),
        };
        Secrets::with_vault(Vault::new(Settings::from_environment(variable).unwrap()).unwrap())
    }

    fn as_root(&self) -> Secrets {
        self.secrets(&[("VAULT_TOKEN", "root")])
    }
}

fn reference(text: &str) -> SecretRef {
    SecretRef::parse(text).unwrap()
}

fn secret(value: &str) -> Secret {
    Secret::new(value.to_owned())
}

#[tokio::test]
async fn version_two_is_written_read_back_and_numbered() {
    let vault = Running::start().await;
    let (secrets, place) = (vault.as_root(), reference("vault:team/kv/app#secret"));
    let missing = secrets.read(&place).await.unwrap_err();
    assert!(missing.to_string().contains("no secret at this path of the mount team/kv"), "{missing}");
    for (value, version) in [(SECRET, "1"), ("with \"quotes\" and ü", "2")] {
        assert_eq!(secrets.write(&place, &secret(value)).await.unwrap().version.as_deref(), Some(version));
        assert_eq!(secrets.read(&place).await.unwrap().expose(), value);
    }
    let field = secrets.read(&reference("vault:team/kv/app#other")).await.unwrap_err();
    assert!(field.to_string().contains("no such field"), "{field}");
}

#[tokio::test]
async fn other_fields_stay_as_they_are() {
    let vault = Running::start().await;
    vault.fake().version = 7;
    vault.fake().two = Some(json!({"port": 5432, "user": "app", "secret": "old"}));
    vault.as_root().write(&reference("vault:team/kv/app#secret"), &secret(SECRET)).await.unwrap();
    assert_eq!(vault.fake().two, Some(json!({"port": 5432, "user": "app", "secret": SECRET})));
    let number = vault.as_root().read(&reference("vault:team/kv/app#port")).await.unwrap_err();
    assert!(number.to_string().contains("not text"), "{number}");
}

#[tokio::test]
async fn a_deleted_version_can_be_written_over() {
    let vault = Running::start().await;
    vault.fake().version = 3;
    let place = reference("vault:team/kv/app#secret");
    assert!(vault.as_root().read(&place).await.is_err());
    assert_eq!(vault.as_root().write(&place, &secret(SECRET)).await.unwrap().version.as_deref(), Some("4"));
}

#[tokio::test]
async fn a_change_by_somebody_else_is_noticed() {
    let vault = Running::start().await;
    vault.fake().raced = true;
    let wrong = vault.as_root().write(&reference("vault:team/kv/app#secret"), &secret(SECRET)).await.unwrap_err();
    assert_eq!(wrong.trouble, Trouble::Changed);
    assert!(!wrong.to_string().contains(SECRET) && vault.fake().two.is_none());
}

#[tokio::test]
async fn version_one_is_spoken_too_and_found_where_mounts_are_hidden() {
    let vault = Running::start().await;
    let place = reference("vault:old/a b/app#secret");
    vault.fake().one.insert("/v1/old/a%20b/app".to_owned(), json!({"user": "app"}));
    assert_eq!(vault.as_root().write(&place, &secret(SECRET)).await.unwrap().version, None);
    assert_eq!(vault.fake().one["/v1/old/a%20b/app"], json!({"user": "app", "secret": SECRET}));
    vault.fake().mounts_hidden = true;
    assert_eq!(vault.as_root().read(&place).await.unwrap().expose(), SECRET);
    let nothing = vault.as_root().read(&reference("vault:old/none#secret")).await.unwrap_err();
    assert!(nothing.to_string().contains("check the path and the policy"), "{nothing}");
}

#[tokio::test]
async fn each_way_to_log_in_sends_what_it_should() {
    let vault = Running::start().await;
    vault.fake().one.insert("/v1/old/app".to_owned(), json!({"secret": SECRET}));
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, value: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, value).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (jwt, secret_id) = (file("jwt", "a.b.c\n"), file("secret_id", "sid\n"));
    let by_jwt = [("VAULT_AUTH_METHOD", "kubernetes"), ("VAULT_ROLE", "r"), ("VAULT_JWT_FILE", &*jwt)];
    let other_mount = [("VAULT_ROLE", "r"), ("VAULT_JWT_FILE", &*jwt), ("VAULT_AUTH_MOUNT", "ci/jwt")];
    let by_role = [("VAULT_ROLE_ID", "rid"), ("VAULT_SECRET_ID_FILE", &*secret_id), ("VAULT_NAMESPACE", "shop")];
    for variables in [by_jwt, other_mount, by_role] {
        let read = vault.secrets(&variables).read(&reference("vault:old/app#secret")).await.unwrap();
        assert_eq!(read.expose(), SECRET);
    }
    let jwt = json!({"role": "r", "jwt": "a.b.c"});
    assert_eq!(
        vault.fake().asked,
        [
            json!(["/v1/auth/kubernetes/login", jwt]),
            json!(["/v1/auth/ci/jwt/login", jwt]),
            json!(["/v1/auth/approle/login", {"role_id": "rid", "secret_id": "sid"}]),
        ]
    );
    assert_eq!(vault.fake().namespace.as_deref(), Some("shop"));
}

#[tokio::test]
async fn an_ended_login_is_made_again_once_for_all_who_wait() {
    let vault = Running::start().await;
    vault.fake().one.insert("/v1/old/app".to_owned(), json!({"secret": SECRET}));
    let secrets = vault.secrets(&[("VAULT_ROLE_ID", "rid"), ("VAULT_SECRET_ID", "sid")]);
    let place = reference("vault:old/app#secret");
    secrets.read(&place).await.unwrap();
    secrets.clone().read(&place).await.unwrap();
    assert_eq!(vault.fake().logins, 1);
    vault.fake().token = "ended".to_owned();
    let (one, two) = tokio::join!(secrets.read(&place), secrets.read(&place));
    assert!(one.is_ok() && two.is_ok());
    assert_eq!(vault.fake().logins, 2);
}

#[tokio::test]
async fn refusals_say_the_step_and_never_a_value() {
    let vault = Running::start().await;
    let place = reference("vault:old/app#secret");
    let wrong = vault.secrets(&[("VAULT_ROLE_ID", "rid"), ("VAULT_SECRET_ID", "wrong-secret-id")]);
    let login = wrong.read(&place).await.unwrap_err().to_string();
    assert!(login.contains("logging in at auth/approle: the server answered 400"), "{login}");
    assert!(!login.contains("wrong-secret-id"), "{login}");
    let before = vault.fake().requests;
    let token = vault.secrets(&[("VAULT_TOKEN", "wrong-token")]).read(&place).await.unwrap_err().to_string();
    assert!(token.contains("check the path and the policy") && !token.contains("wrong-token"), "{token}");
    assert_eq!(vault.fake().requests - before, 3, "a token that stays the same is not tried again");
}

#[tokio::test]
async fn a_server_that_is_away_is_told_from_one_that_refuses() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let gone = Running { fake: Shared::default(), address };
    let wrong = gone.as_root().read(&reference("vault:old/app#secret")).await.unwrap_err();
    assert_eq!(wrong.trouble, Trouble::Away);
    assert!(wrong.to_string().contains("cannot be reached"), "{wrong}");
}

#[test]
fn settings_that_cannot_work_say_which() {
    let made = |variables: &[(&str, &str)]| {
        let variable =
            |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        Settings::from_environment(variable).and_then(Vault::new).unwrap_err()
    };
    let at = ("VAULT_ADDR", "https://vault.example:8200");
    let token = ("VAULT_TOKEN", SECRET);
    for (variables, named) in [
        (&[token][..], "VAULT_ADDR is not set"),
        (&[at], "VAULT_TOKEN, VAULT_ROLE_ID or VAULT_ROLE"),
        (&[at, ("VAULT_ROLE_ID", SECRET)], "VAULT_SECRET_ID"),
        (&[at, ("VAULT_AUTH_METHOD", "jwt"), ("VAULT_ROLE", "r")], "VAULT_JWT_FILE"),
        (&[at, ("VAULT_AUTH_METHOD", SECRET)], "VAULT_AUTH_METHOD"),
        (&[("VAULT_ADDR", "http://vault.example:8200"), token], "https://"),
        (&[("VAULT_ADDR", SECRET), token], "VAULT_ADDR"),
        (&[at, token, ("VAULT_CACERT", "/none/ca.pem")], "VAULT_CACERT: there is no such file"),
    ] {
        let wrong = made(variables);
        assert!(wrong.contains(named) && !wrong.contains(SECRET), "{wrong}");
    }
}
