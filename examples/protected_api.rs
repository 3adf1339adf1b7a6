//! A protected API in axum. Whoever has the scope `read` may list things, whoever has `write` may add one. Tokens that
//! are bound to a key are taken from its owner alone.
//!
//! ```sh
//! cargo run -p grantor-client --example protected_api
//! ```

mod tls;

use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use grantor_client::verifier::{Request, VerifyError};
use grantor_client::{VerifiedToken, Verifier};
use http::request::Parts;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tls::{ClientCertificate, Tls};

/// What the handlers share.
#[derive(Clone, Debug)]
pub struct Api {
    verifier: Verifier,
    /// How callers write the address of this API. A DPoP proof is for this, whatever the request's `Host` says.
    url: Arc<str>,
    things: Arc<Mutex<Vec<String>>>,
}

pub fn api(verifier: Verifier, url: &str) -> Router {
    let things = Arc::new(Mutex::new(vec!["a lamp".to_owned()]));
    Router::new().route("/things", get(list).post(add)).with_state(Api { verifier, url: url.into(), things })
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

impl FromRequestParts<Api> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Refused> {
        let url = format!("{}{}", api.url, parts.uri.path());
        let certificate = parts.extensions.get::<ConnectInfo<ClientCertificate>>();
        let request = Request::new(&parts.headers)
            .target(parts.method.as_str(), &url)
            .client_certificate(certificate.and_then(|connection| connection.0.der()));
        Ok(Self(api.verifier.verify_request(request).await?))
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
        (self.0.status(), self.0.headers()).into_response()
    }
}

#[tokio::main]
pub async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let optional = |name: &str| std::env::var(name).ok();
    let setting = |name: &str, default: &str| optional(name).unwrap_or_else(|| default.to_owned());
    let issuer = setting("GRANTOR_ISSUER", "http://127.0.0.1:8080");
    let audience = setting("AUDIENCE", "https://api.example.com");
    let mut builder = Verifier::builder(&issuer).audience(&audience);
    if let Some(file) = optional("ISSUER_CA") {
        builder = builder.root_certificate_pem(std::fs::read(file)?);
    }
    if optional("DPOP_NONCES").is_some() {
        builder = builder.dpop_nonces();
    }
    let verifier = builder.build()?;

    let listener = tokio::net::TcpListener::bind(setting("LISTEN", "127.0.0.1:3000")).await?;
    let certificate = optional("TLS_CERT");
    let url = optional("PUBLIC_URL").map_or_else(|| tls::url(&listener, certificate.is_some()), Ok)?;
    println!("{audience} listens on {url} for tokens from {issuer}");
    let api = api(verifier, &url).into_make_service_with_connect_info::<ClientCertificate>();
    match certificate {
        None => axum::serve(listener, api).await?,
        Some(certificate) => {
            let (key, client_ca) = (setting("TLS_KEY", "key.pem"), setting("CLIENT_CA", "client-ca.pem"));
            let tls = Tls::new(listener, Path::new(&certificate), Path::new(&key), Path::new(&client_ca))?;
            axum::serve(tls, api).await?;
        }
    }
    Ok(())
}
