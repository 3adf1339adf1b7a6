//! Who may administer: the holder of the bootstrap key, or of an access token for the built-in resource
//! `urn:grantor:admin` of the default domain. `admin:read` reads, `admin:write` does everything.

use super::problem::Problem;
use crate::App;
use crate::admin::AdminError;
use crate::admin::domain::{ADMIN_READ, ADMIN_WRITE};
use crate::clock;
use crate::introspect::active;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use grantor_core::domain::DEFAULT_DOMAIN;
use grantor_core::jose::{constant_time_eq, sha256};
use grantor_core::resource::ADMIN_RESOURCE;
use grantor_core::token::AccessToken;
use std::sync::Arc;

/// Under which name an administrator's changes are logged.
#[derive(Clone, Debug)]
pub struct Actor(pub String);

/// Lets administrators through.
pub async fn guard(State(app): State<Arc<App>>, mut request: Request<Body>, next: Next) -> Response {
    let writes = !matches!(*request.method(), Method::GET | Method::HEAD);
    match administrator(&app, request.headers(), writes).await {
        Ok(actor) => {
            request.extensions_mut().insert(actor);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn administrator(app: &App, headers: &HeaderMap, writes: bool) -> Result<Actor, Problem> {
    let unauthorized = || {
        Problem::challenged(
            StatusCode::UNAUTHORIZED,
            "send the bootstrap key (admin.key in the data folder) or an access token for urn:grantor:admin as Authorization: Bearer",
            "Bearer realm=\"grantor-admin\", error=\"invalid_token\"",
        )
    };
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or_else(|| {
        Problem::challenged(
            StatusCode::UNAUTHORIZED,
            "the admin API needs Authorization: Bearer with the bootstrap key (admin.key in the data folder) or an access token for urn:grantor:admin",
            "Bearer realm=\"grantor-admin\"",
        )
    })?;
    let (scheme, token) = header.split_once(' ').ok_or_else(unauthorized)?;
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Err(unauthorized());
    }
    let token = token.trim_start_matches(' ');
    if constant_time_eq(&sha256(token.as_bytes()), &sha256(app.admin_key.expose().as_bytes())) {
        return Ok(Actor("bootstrap-key".into()));
    }
    let token = token_of_admin(app, token).await?.ok_or_else(unauthorized)?;
    if !token.confirmation.is_empty() {
        return Err(bound());
    }
    let scope = token.claims.get("scope").and_then(|scope| scope.as_str()).unwrap_or_default();
    let has = |wanted: &str| scope.split(' ').any(|token| token == wanted);
    if has(ADMIN_WRITE) || (!writes && has(ADMIN_READ)) {
        return Ok(Actor(format!("client:{}", token.client_id)));
    }
    Err(Problem::challenged(
        StatusCode::FORBIDDEN,
        "the access token lacks the scope admin:write (admin:read is enough for reading)",
        "Bearer realm=\"grantor-admin\", error=\"insufficient_scope\", scope=\"admin:write\"",
    ))
}

/// A bound token is useless without its key (RFC 9449 §7.2, RFC 8705 §3), and here nobody asks for that key.
fn bound() -> Problem {
    Problem::challenged(
        StatusCode::UNAUTHORIZED,
        "this access token is bound to a key, which the admin API cannot check; send a token request without DPoP proof, \
         by a client without tls_client_certificate_bound_access_tokens",
        "Bearer realm=\"grantor-admin\", error=\"invalid_token\"",
    )
}

/// A valid access token for the admin API alone.
async fn token_of_admin(app: &App, token: &str) -> Result<Option<AccessToken>, Problem> {
    let now = clock::now_s();
    let domain = app.directory.domains().by_name(DEFAULT_DOMAIN).cloned();
    let Some(domain) = domain else { return Ok(None) };
    let found = active(app, &domain, token, now).await;
    let found = found.map_err(|error| Problem::from(AdminError::Failed(error.to_string())))?;
    // A token that another API accepts too is known to that API: it is not an administrator's.
    Ok(found.ok().filter(|token| token.audience == [ADMIN_RESOURCE]))
}
