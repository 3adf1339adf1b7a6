//! What domains, resources and clients have in common over HTTP: pages, entity tags, merging.

use super::problem::Problem;
use super::{Answer, Server};
use crate::admin::{self, AdminError};
use crate::store::{Entity, Precondition, Put, Stored};
use axum::body::Bytes;
use axum::http::header::{CONTENT_TYPE, ETAG, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use grantor_core::error::quote;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

const PAGE: i64 = 100;
const PAGE_MAX: i64 = 1000;

/// Which page of a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Names up to this one were on earlier pages.
    #[serde(default)]
    pub after: String,
    pub limit: Option<i64>,
}

impl Page {
    pub fn limit(&self) -> Result<i64, Problem> {
        match self.limit.unwrap_or(PAGE) {
            limit @ 1..=PAGE_MAX => Ok(limit),
            _ => Err(Problem::bad(format!("limit: 1 to {PAGE_MAX}"))),
        }
    }
}

/// A page of a list, and where the next one starts, if there is one.
pub async fn list<T: Entity>(server: &Server, domain: &str, page: &Page, show: impl Fn(Stored<T>) -> Value) -> Answer {
    let limit = page.limit()?;
    // One more than asked for tells whether there is a next page.
    let mut rows: Vec<Stored<T>> = server.store.list(domain, &page.after, limit + 1).await?;
    let more = rows.len() as i64 > limit;
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = rows.last().filter(|_| more).map(|row| row.name.clone());
    let mut answer = json!({ "items": rows.into_iter().map(show).collect::<Vec<_>>() });
    if let Some(next) = next {
        answer["next"] = next.into();
    }
    Ok(ok(&answer))
}

pub fn ok(body: &impl Serialize) -> Response {
    with_status(StatusCode::OK, body)
}

pub fn with_status(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(body) => (status, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response(),
        Err(error) => Problem::from(crate::admin::AdminError::Failed(error.to_string())).into_response(),
    }
}

/// One thing with its entity tag; 304 for who has it already.
pub fn show(version: i64, body: &Value, status: StatusCode, request: &HeaderMap) -> Response {
    let etag = format!("\"{version}\"");
    // Weak comparison (RFC 9110 §13.1.2): a proxy may have made the tag weak.
    let known = tags(request, &IF_NONE_MATCH).any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag);
    let mut answer = if known && status == StatusCode::OK {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        with_status(status, body)
    };
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        answer.headers_mut().insert(ETAG, etag);
    }
    answer
}

pub const fn status_of(put: Put) -> StatusCode {
    match put {
        Put::Created => StatusCode::CREATED,
        Put::Updated | Put::Unchanged => StatusCode::OK,
    }
}

fn tags<'h>(headers: &'h HeaderMap, name: &axum::http::HeaderName) -> impl Iterator<Item = &'h str> {
    headers
        .get_all(name)
        .iter()
        // One that cannot be read is still a condition, and nothing meets it.
        .map(|value| value.to_str().unwrap_or("unreadable"))
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

/// What the request demands of the stored version (RFC 9110 §13.1).
pub fn precondition(headers: &HeaderMap) -> Result<Precondition, Problem> {
    let (mut wanted, mut refused) = (tags(headers, &IF_MATCH), tags(headers, &IF_NONE_MATCH));
    match (wanted.next(), wanted.next(), refused.next()) {
        (None, _, None) => Ok(Precondition::None),
        (None, _, Some("*")) => Ok(Precondition::Absent),
        (Some("*"), None, None) => Ok(Precondition::Present),
        (Some(tag), None, None) => tag
            .strip_prefix('"')
            .and_then(|tag| tag.strip_suffix('"'))
            .and_then(|version| version.parse().ok())
            .map(Precondition::Version)
            .ok_or_else(|| {
                Problem::new(
                    StatusCode::PRECONDITION_FAILED,
                    "If-Match holds no entity tag of this API; send the ETag of an earlier answer",
                )
            }),
        _ => Err(Problem::bad("send one entity tag in If-Match, or * in If-None-Match")),
    }
}

/// Whether a thing without versions must be there (`If-Match: *`) or must not (`If-None-Match: *`).
pub fn existence(headers: &HeaderMap) -> Result<Option<bool>, Problem> {
    match (tags(headers, &IF_MATCH).next(), tags(headers, &IF_NONE_MATCH).next()) {
        (None, None) => Ok(None),
        (Some("*"), None) => Ok(Some(true)),
        (None, Some("*")) => Ok(Some(false)),
        _ => Err(Problem::bad("this has no entity tag; send * in If-Match or in If-None-Match")),
    }
}

/// A PUT: the written members merged into what is stored. A merge holds for the version that was read; should another
/// write come in between, a request that does not name the version itself is merged anew.
pub async fn merged<T: Entity, W: Future<Output = admin::Result<(Put, Stored<T>)>>>(
    server: &Server,
    (domain, name): (&str, &str),
    (headers, body): (&HeaderMap, &Bytes),
    known: &[&str],
    write: impl Fn(T, Precondition) -> W,
) -> Result<(Put, Stored<T>), Problem> {
    let (asked, written) = (precondition(headers)?, object(headers, body)?);
    loop {
        let stored = server.store.get::<T>(domain, name).await?;
        let version = stored.as_ref().map(|row| row.version);
        let merged = merge(stored.map(|row| row.body).as_ref(), written.clone(), known)?;
        let when = match (asked, version) {
            (Precondition::None | Precondition::Present, Some(version)) => Precondition::Version(version),
            (Precondition::None, None) => Precondition::Absent,
            (asked, _) => asked,
        };
        match write(merged, when).await {
            Err(AdminError::PreconditionFailed) if when != asked => {}
            done => return Ok(done?),
        }
    }
}

/// Reads a JSON object. An empty body is the empty object.
pub fn object(headers: &HeaderMap, body: &Bytes) -> Result<Map<String, Value>, Problem> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    let json = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|media| media.trim().eq_ignore_ascii_case("application/json"));
    if !json {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send the body as Content-Type: application/json",
        ));
    }
    serde_json::from_slice(body).map_err(|error| Problem::bad(format!("the body is not a JSON object: {error}")))
}

/// The stored body with the written members in place of its own. Those not written keep their value; null resets one to
/// its default.
pub fn merge<T: Entity>(stored: Option<&T>, written: Map<String, Value>, known: &[&str]) -> Result<T, Problem> {
    let mut members = match stored.map(serde_json::to_value) {
        Some(Ok(Value::Object(members))) => members,
        _ => Map::new(),
    };
    for (name, value) in written {
        if !known.contains(&name.as_str()) {
            return Err(unknown(&name, known));
        }
        match value {
            Value::Null => drop(members.remove(&name)),
            value => {
                fits::<T>(&name, &value, known)?;
                members.insert(name, value);
            }
        }
    }
    read(members)
}

/// Tries one member by itself, so that the message can name it.
fn fits<T: Entity>(name: &str, value: &Value, known: &[&str]) -> Result<(), Problem> {
    let mut alone = Map::new();
    if known.contains(&"identifier") {
        alone.insert("identifier".into(), "x".into());
    }
    alone.insert(name.to_owned(), value.clone());
    let read: Result<T, _> = serde_json::from_value(Value::Object(alone));
    read.map(drop).map_err(|error| Problem::bad(format!("{name}: {error}")))
}

/// Reads members that were checked to be known ones.
pub fn read<T: serde::de::DeserializeOwned>(members: Map<String, Value>) -> Result<T, Problem> {
    serde_json::from_value(Value::Object(members))
        .map_err(|error| Problem::bad(format!("the body does not fit: {error}")))
}

pub fn check_known(written: &Map<String, Value>, known: &[&str]) -> Result<(), Problem> {
    match written.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(unknown(name, known)),
        None => Ok(()),
    }
}

fn unknown(name: &str, known: &[&str]) -> Problem {
    let nearest = known.iter().min_by_key(|known| strsim::damerau_levenshtein(known, name));
    let hint = nearest.map(|nearest| format!("; did you mean {nearest}?")).unwrap_or_default();
    Problem::bad(format!("unknown member '{}'{hint} Known are: {}", quote(name), known.join(", ")))
}
