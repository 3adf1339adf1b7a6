//! A protected API in axum. Whoever has the scope `read` may list things, whoever has `write` may add one.
//!
//! ```sh
//! cargo run -p grantor-client --example protected_api
//! ```

use axum::extract::{FromRef, FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use grantor_client::{VerifiedToken, Verifier, VerifyError};
use http::header::WWW_AUTHENTICATE;
use http::request::Parts;
use std::sync::{Arc, Mutex};

/// What the handlers share.
#[derive(Clone, Debug)]
pub struct Api {
    verifier: Verifier,
    things: Arc<Mutex<Vec<String>>>,
}

pub fn api(verifier: Verifier) -> Router {
    let things = Arc::new(Mutex::new(vec!["a lamp".to_owned()]));
    Router::new().route("/things", get(list).post(add)).with_state(Api { verifier, things })
}

/// Lists all things.
async fn list(Caller(token): Caller, State(api): State<Api>) -> Result<Json<Vec<String>>, Refused> {
    token.require_scope("read")?;
    Ok(Json(api.things.lock().expect("nobody panics with it").clone()))
}

/// Adds a thing.
async fn add(Caller(token): Caller, State(api): State<Api>, Json(thing): Json<String>) -> Result<String, Refused> {
    token.require_scope("write")?;
    api.things.lock().expect("nobody panics with it").push(thing);
    Ok(format!("thank you, {}\n", token.client_id()))
}

/// Who calls. A handler that takes it is not even entered without a good token.
#[derive(Debug)]
pub struct Caller(pub VerifiedToken);

impl<S: Send + Sync> FromRequestParts<S> for Caller
where
    Verifier: FromRef<S>,
{
    type Rejection = Refused;

    async fn from_request_parts(request: &mut Parts, state: &S) -> Result<Self, Refused> {
        Ok(Self(Verifier::from_ref(state).verify_request(&request.headers).await?))
    }
}

impl FromRef<Api> for Verifier {
    fn from_ref(api: &Api) -> Self {
        api.verifier.clone()
    }
}

/// The answer to a caller who may not.
#[derive(Debug)]
pub struct Refused(VerifyError);

impl From<VerifyError> for Refused {
    fn from(error: VerifyError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        // The cause is for our own log. It holds no token.
        eprintln!("refused: {}", self.0);
        let mut response = self.0.status().into_response();
        if let Some(challenge) = self.0.www_authenticate() {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

#[tokio::main]
pub async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let setting = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let issuer = setting("GRANTOR_ISSUER", "http://127.0.0.1:8080");
    let audience = setting("AUDIENCE", "https://api.example.com");
    let verifier = Verifier::builder(&issuer).audience(&audience).build()?;

    let listener = tokio::net::TcpListener::bind(setting("LISTEN", "127.0.0.1:3000")).await?;
    println!("{audience} listens on http://{} for tokens from {issuer}", listener.local_addr()?);
    axum::serve(listener, api(verifier)).await?;
    Ok(())
}
