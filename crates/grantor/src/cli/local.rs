//! The admin API of a server that does not run: opened in this process, asked the same way, with the same validation.

use super::api::{ANSWER_MAX_BYTES, Api, Call, Raw, When};
use crate::App;
use crate::config::{Config, Log, LogFormat, LogLevel};
use crate::data_dir::DataLock;
use crate::telemetry;
use anyhow::{Context, Result};
use axum::Router;
use axum::body::Body;
use http::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, HOST, IF_MATCH, IF_NONE_MATCH};
use std::sync::Arc;
use tower::ServiceExt;

pub(super) struct Local {
    app: Arc<App>,
    router: Router,
    /// Nobody else touches the folder meanwhile.
    _lock: DataLock,
}

impl Local {
    pub async fn open(config: Config, lock: DataLock) -> Result<Api> {
        // Where the API says "the log says why", there is no other log than this.
        telemetry::start_log(&Log { format: LogFormat::Text, level: LogLevel::Error }).map_err(anyhow::Error::msg)?;
        let app = App::open(config, &lock).await?;
        let key = app.admin_key.clone();
        let router = crate::http::admin::router(app.clone());
        Ok(Api::local(Self { app, router, _lock: lock }, key))
    }

    pub async fn call(&self, call: Call) -> Result<Raw> {
        let mut request = http::Request::builder()
            .method(call.method)
            .uri(&call.path)
            .header(HOST, "localhost")
            .header(AUTHORIZATION, format!("Bearer {}", call.key.expose()));
        request = match &call.when {
            When::Any => request,
            When::Absent => request.header(IF_NONE_MATCH, "*"),
            When::Still(etag) => request.header(IF_MATCH, etag),
            When::There => request.header(IF_MATCH, "*"),
        };
        let body = match &call.body {
            Some(body) => {
                request = request.header(CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        let request = request.body(body).context("a request cannot be made of this")?;
        let answer = self.router.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
        let (head, body) = answer.into_parts();
        let etag = head.headers.get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        let body = axum::body::to_bytes(body, ANSWER_MAX_BYTES).await.context("the answer is too long")?;
        Ok(Raw { status: head.status, etag, body: body.to_vec() })
    }

    pub async fn close(self) {
        self.app.close().await;
    }
}

impl std::fmt::Debug for Local {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Local").finish_non_exhaustive()
    }
}
