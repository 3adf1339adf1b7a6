//! The admin API: the operations of [`crate::admin`] over HTTP. `routes` is the whole table.

mod allowance;
mod auth;
mod certificate;
mod client;
mod credential;
mod describe;
mod domain;
mod entity;
mod key;
mod log;
mod problem;
mod routes;
mod service;

use super::listener::{Checked, Handler, Peer};
use super::response::{REQUEST_ID, front_refusal};
use super::strict::Refusal;
use crate::App;
use crate::random;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use axum::http::{Method, Request, StatusCode, request};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use problem::Problem;
use std::sync::Arc;
use tower::ServiceExt;

pub use describe::{members_of, openapi, reference_page};

/// The admin API of a server: for its admin listener, and for a command line that opens the data folder itself.
pub fn router(app: Arc<App>) -> Router {
    let guarded = routes::guarded().layer(middleware::from_fn_with_state(app.clone(), auth::guard));
    guarded
        .merge(routes::open())
        .merge(describe::page())
        .fallback(|| async {
            Problem::new(StatusCode::NOT_FOUND, "there is nothing at this path; the paths are in /v1/openapi.json")
        })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path does not take this method; see the Allow header")
        })
        .layer(middleware::from_fn(finish))
        .with_state(app)
}

/// What every answer gets, and one log line for each.
async fn finish(request: Request<Body>, next: Next) -> Response {
    let request_id = random::request_id();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut answer = as_problem(next.run(request).await).await;
    let headers = answer.headers_mut();
    if let Ok(id) = HeaderValue::from_str(request_id.as_str()) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    let status = answer.status().as_u16();
    // Reading is what scrapers and probes do all day.
    if method == Method::GET && answer.status().is_success() {
        tracing::debug!(request_id = request_id.as_str(), %method, path = ?path, status, "admin request");
    } else {
        tracing::info!(request_id = request_id.as_str(), %method, path = ?path, status, "admin request");
    }
    answer
}

/// The framework refuses what does not fit a path, a query or a body by itself, in plain text.
async fn as_problem(answer: Response) -> Response {
    let status = answer.status();
    let plain = answer.headers().get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/plain"));
    if !plain || !status.is_client_error() {
        return answer;
    }
    let text = axum::body::to_bytes(answer.into_body(), 4096).await.unwrap_or_default();
    Problem::new(status, String::from_utf8_lossy(&text).into_owned()).into_response()
}

/// The handler of the admin listener.
#[derive(Clone, Debug)]
pub struct AdminApi(Router);

impl AdminApi {
    pub fn new(app: Arc<App>) -> Self {
        Self(router(app))
    }
}

impl Handler for AdminApi {
    type Body = Body;

    async fn handle(&self, request: Checked) -> Response {
        let request = Request::from_parts(request.head, Body::from(request.body));
        self.0.clone().oneshot(request).await.unwrap_or_else(|never| match never {})
    }

    fn refused(&self, refusal: &Refusal, _head: Option<&request::Parts>, peer: &Peer) -> Response {
        let (status, reason) = (refusal.status.as_u16(), refusal.reason);
        let detail = &*refusal.public;
        tracing::info!(source = %peer.addr.ip(), status, reason, detail, "admin request refused");
        let mut headers = front_refusal(refusal).into_parts().0.headers;
        headers.remove(CONTENT_TYPE);
        let mut answer = Problem::new(refusal.status, refusal.public.clone()).into_response();
        for (name, value) in headers.iter().filter(|(name, _)| *name != CONTENT_TYPE) {
            answer.headers_mut().insert(name, value.clone());
        }
        answer
    }
}

/// What a handler answers: something, or a problem.
type Answer = Result<Response, Problem>;
type Server = State<Arc<App>>;
