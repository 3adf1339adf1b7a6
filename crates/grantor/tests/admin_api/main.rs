//! The admin API, in this process: each request goes through the whole router.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]

mod access;
mod allowances;
mod at_once;
mod certificates;
mod clients;
mod credentials;
mod described;
mod domains;
mod edges;
mod pki;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use grantor::App;
use grantor::config::{Config, Sources};
use grantor::data_dir::{DataDir, DataLock, IfMissing};
use serde_json::{Value, json};
use std::sync::Arc;
use tempfile::TempDir;
use tower::ServiceExt;

#[derive(Debug)]
pub struct Server {
    pub app: Arc<App>,
    router: Router,
    _lock: DataLock,
    _folder: TempDir,
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
    pub json: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The body, of an answer that must have this status.
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self.json
    }
}

impl Server {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sources = Sources::none().with_flag("--data", "data", folder.path().display().to_string()).with_flag(
            "--issuer",
            "issuer",
            "https://auth.example.com",
        );
        let lock = DataDir::open(folder.path(), IfMissing::Create).unwrap().lock().unwrap();
        let app = App::open(Config::load(&sources).unwrap(), &lock).await.unwrap();
        let router = grantor::http::admin::router(app.clone());
        Self { app, router, _lock: lock, _folder: folder }
    }

    /// With an API `https://api.example.com` that owns `read` and `write`.
    pub async fn with_api() -> Self {
        let server = Self::start().await;
        let body = json!({ "identifier": "https://api.example.com", "scope": "read write" });
        server.put("/v1/domain/default/resource/api", body).await.expect(201);
        server
    }

    /// And with a client `svc` of it.
    pub async fn with_client() -> Self {
        let server = Self::with_api().await;
        let body = json!({ "scope": "read", "resources": ["https://api.example.com"] });
        server.put("/v1/domain/default/client/svc", body).await.expect(201);
        server
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = answer.into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 24).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer {
            status: head.status,
            headers: head.headers,
            json: serde_json::from_str(&text).unwrap_or_default(),
            text,
        }
    }

    pub async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", self.app.admin_key.expose()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.send(request.body(body).unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &[], None).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.call("PUT", path, &[], Some(body)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, &[], Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, &[], None).await
    }

    pub async fn changes(&self) -> usize {
        self.get("/v1/domain/default/change?limit=1000").await.expect(200)["items"].as_array().unwrap().len()
    }
}
