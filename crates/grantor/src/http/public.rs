//! The public listener: which path is what, for every domain.

use super::listener::{Checked, Handler, Peer};
use super::oauth;
use super::response::{Answer, front_refusal, http_refusal, refusal};
use super::strict::Refusal;
use crate::App;
use crate::audit::Endpoint;
use crate::clock;
use crate::random;
use bytes::Bytes;
use grantor_core::domain::Domain;
use grantor_core::error::{OAuthError, quote};
use grantor_core::metadata::{
    INTROSPECTION_PATH, JWKS_PATH, OAUTH_METADATA_PATH, OPENID_METADATA_PATH, REVOCATION_PATH, TOKEN_PATH,
};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, HOST, HeaderValue,
};
use http::{Method, StatusCode, request};
use http_body_util::Full;
use std::sync::Arc;
use std::time::Instant;

/// What the public listener serves. The whole table is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route {
    /// An endpoint that authenticates a client and decides.
    Protocol(Endpoint),
    Metadata,
    Jwks,
    Livez,
    Readyz,
}

impl Route {
    /// The route of a path behind an issuer.
    fn of(path: &str) -> Option<Self> {
        Some(match path {
            TOKEN_PATH => Self::Protocol(Endpoint::Token),
            INTROSPECTION_PATH => Self::Protocol(Endpoint::Introspection),
            REVOCATION_PATH => Self::Protocol(Endpoint::Revocation),
            OAUTH_METADATA_PATH | OPENID_METADATA_PATH => Self::Metadata,
            JWKS_PATH => Self::Jwks,
            "/livez" => Self::Livez,
            "/readyz" => Self::Readyz,
            _ => return None,
        })
    }

    const fn allow(self) -> &'static str {
        match self {
            Self::Protocol(_) => "POST",
            Self::Metadata | Self::Jwks => "GET, HEAD, OPTIONS",
            Self::Livez | Self::Readyz => "GET, HEAD",
        }
    }

    /// Browsers may read these three from anywhere: they are public documents (RFC 8414 §3).
    const fn open_to_browsers(self) -> bool {
        matches!(self, Self::Metadata | Self::Jwks)
    }
}

/// The handler of the public listener.
#[derive(Clone, Debug)]
pub struct Public(pub Arc<App>);

impl Handler for Public {
    type Body = Full<Bytes>;

    fn handle(&self, request: Checked) -> impl Future<Output = Answer> + Send {
        answer(&self.0, request)
    }

    fn refused(&self, refusal: &Refusal, _head: Option<&request::Parts>, peer: &Peer) -> Answer {
        let request_id = random::request_id();
        let (request, source) = (request_id.as_str(), peer.addr.ip());
        let (status, reason, detail) = (refusal.status.as_u16(), refusal.reason, &*refusal.public);
        tracing::info!(request_id = request, %source, status, reason, detail, "request refused");
        with_id(front_refusal(refusal), request_id.as_str())
    }
}

/// Answers one request.
async fn answer(app: &App, request: Checked) -> Answer {
    let request_id = random::request_id();
    let start = clock::instant();
    let found = find(app, &request.head);
    let route = found.as_ref().map(|(_, route)| *route);
    let answer = match found {
        Some((domain, route)) => dispatch(app, &domain, route, &request, request_id.as_str(), start).await,
        None => http_refusal(
            StatusCode::NOT_FOUND,
            "there is nothing at this path; the endpoints are in /.well-known/oauth-authorization-server",
        ),
    };
    log(route, &request, request_id.as_str(), answer.status(), start);
    with_id(answer, request_id.as_str())
}

fn with_id(mut answer: Answer, request_id: &str) -> Answer {
    if let Ok(id) = HeaderValue::from_str(request_id) {
        answer.headers_mut().insert(super::response::REQUEST_ID, id);
    }
    answer
}

/// One line for each request about which nothing was decided; decisions have their own. Probes come all the time.
fn log(route: Option<Route>, request: &Checked, request_id: &str, status: StatusCode, start: Instant) {
    if matches!(route, Some(Route::Protocol(_))) && request.head.method == Method::POST {
        return;
    }
    let (method, path) = (request.head.method.as_str(), quote(request.head.uri.path()));
    let (status, duration_us) = (status.as_u16(), start.elapsed().as_micros());
    if matches!(route, Some(Route::Livez | Route::Readyz)) {
        tracing::debug!(request_id, method, path, status, duration_us, "request");
    } else {
        tracing::info!(request_id, method, path, status, duration_us, "request");
    }
}

/// The domain and route that host and path name. RFC 8414 §3.1 puts the well-known part before an issuer's path, OpenID
/// Connect Discovery §4 behind it: both places serve both documents.
fn find(app: &App, head: &request::Parts) -> Option<(Arc<Domain>, Route)> {
    let domains = app.directory.domains();
    let authority = head
        .uri
        .authority()
        .map(http::uri::Authority::as_str)
        .or_else(|| head.headers.get(HOST)?.to_str().ok())
        .unwrap_or_default();
    let authority = authority.to_ascii_lowercase();
    let path = head.uri.path();
    for well_known in [OAUTH_METADATA_PATH, OPENID_METADATA_PATH] {
        if let Some(issuer_path) = path.strip_prefix(well_known)
            && let Some((domain, _)) = domains.route(&authority, issuer_path).find(|(_, rest)| rest.is_empty())
        {
            return Some((domain.clone(), Route::Metadata));
        }
    }
    domains.route(&authority, path).find_map(|(domain, rest)| Some((domain.clone(), Route::of(rest)?)))
}

async fn dispatch(
    app: &App,
    domain: &Arc<Domain>,
    route: Route,
    request: &Checked,
    request_id: &str,
    start: Instant,
) -> Answer {
    let method = &request.head.method;
    match route {
        Route::Protocol(endpoint) if *method == Method::POST => {
            oauth::answer(app, domain, endpoint, request, request_id, start).await
        }
        Route::Metadata | Route::Jwks | Route::Livez | Route::Readyz
            if *method == Method::GET || *method == Method::HEAD =>
        {
            let shown = match route {
                Route::Metadata => Ok(oauth::metadata(app, domain, &request.head.headers)),
                Route::Jwks => oauth::jwks(app, domain, &request.head.headers).await,
                Route::Readyz => oauth::ready(app).await,
                _ => Ok(oauth::alive()),
            };
            shown.unwrap_or_else(|error: OAuthError| refusal(&error))
        }
        _ if route.open_to_browsers() && *method == Method::OPTIONS => preflight(route),
        _ => {
            let mut answer = http_refusal(
                StatusCode::METHOD_NOT_ALLOWED,
                "this endpoint does not take this method; see the Allow header",
            );
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static(route.allow()));
            answer
        }
    }
}

fn preflight(route: Route) -> Answer {
    let mut answer = Answer::default();
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let headers = answer.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static(route.allow()));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD"));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*"));
    answer
}
