//! What monitors ask: open to whoever reaches the admin listener.

use super::entity::ok;
use super::problem::Problem;
use super::{Answer, Server};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::json;

pub async fn metrics(server: Server) -> Response {
    const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, OPENMETRICS)], server.metrics.render()).into_response()
}

pub async fn livez() -> Response {
    ok(&json!({ "status": "alive" }))
}

pub async fn readyz(server: Server) -> Answer {
    if server.is_stopping() {
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping"));
    }
    server.store.ping().await?;
    Ok(ok(&json!({ "status": "ready" })))
}
