//! Every answer of the OAuth endpoints is rendered here, and nowhere else.

use super::strict::Refusal;
use bytes::Bytes;
use grantor_core::error::OAuthError;
use http::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
    IF_NONE_MATCH, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;

pub type Answer = Response<Full<Bytes>>;

pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const NOSNIFF: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An answer that nobody may keep (RFC 6749 §5.1).
pub fn no_store(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(NOSNIFF.0, NOSNIFF.1);
    answer
}

pub fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    match serde_json::to_vec(body) {
        Ok(body) => no_store(status, JSON, body),
        Err(error) => refusal(&OAuthError::internal("render", error)),
    }
}

/// Only `invalid_client` is answered with 401. The code stands here too, since openid-client and oauth4webapi read the
/// challenge instead of the body where there is one; RFC 9110 §11.3 lets a challenge carry parameters of any name.
const CHALLENGE: HeaderValue =
    HeaderValue::from_static("Basic realm=\"grantor\", charset=\"UTF-8\", error=\"invalid_client\"");

/// A refusal: its code decides the status, and the cause stays here (RFC 6749 §5.2).
pub fn refusal(error: &OAuthError) -> Answer {
    #[derive(Serialize)]
    struct Body<'a> {
        error: &'static str,
        error_description: &'a str,
    }
    let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = Body { error: error.code.as_str(), error_description: &error.public };
    let mut answer = no_store(status, JSON, serde_json::to_vec(&body).unwrap_or_default());
    if status == StatusCode::UNAUTHORIZED && error.challenge {
        answer.headers_mut().insert(WWW_AUTHENTICATE, CHALLENGE);
    }
    if let Some(seconds) = error.retry_after_s.or((status == StatusCode::SERVICE_UNAVAILABLE).then_some(1)) {
        answer.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    answer
}

/// A refusal that is about HTTP alone: a status without an OAuth code of its own.
pub fn http_refusal(status: StatusCode, public: &str) -> Answer {
    #[derive(Serialize)]
    struct Body<'a> {
        error: &'static str,
        error_description: &'a str,
    }
    let error = match status {
        StatusCode::INTERNAL_SERVER_ERROR => "server_error",
        StatusCode::SERVICE_UNAVAILABLE => "temporarily_unavailable",
        _ => "invalid_request",
    };
    json(status, &Body { error, error_description: public })
}

/// What the front refuses before anyone looks at what the request asks for.
pub fn front_refusal(refusal: &Refusal) -> Answer {
    let mut answer = http_refusal(refusal.status, &refusal.public);
    match refusal.status {
        StatusCode::SERVICE_UNAVAILABLE => answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1")),
        // RFC 9110 §15.5.16
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            answer.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"))
        }
        _ => None,
    };
    answer
}

/// A public document that may be kept for a while, by anyone (RFC 8414 §3, RFC 9110 §13.1.2).
pub fn document(body: Bytes, etag: &str, max_age_s: u32, request: &HeaderMap) -> Answer {
    let same = request.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(|value| {
        value.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == etag || tag == "*")
    });
    let mut answer = if same { Response::new(Full::default()) } else { Response::new(Full::new(body)) };
    if same {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(NOSNIFF.0, NOSNIFF.1);
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    if let (Ok(cache), Ok(etag)) =
        (HeaderValue::from_str(&format!("public, max-age={max_age_s}")), HeaderValue::from_str(etag))
    {
        headers.insert(CACHE_CONTROL, cache);
        headers.insert(ETAG, etag);
    }
    answer
}
