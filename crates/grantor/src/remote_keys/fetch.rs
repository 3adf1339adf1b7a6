//! One request to a `jwks_uri`: no redirects, bounded in time and size.

use super::guard::{AddressRefused, Rules};
use crate::config::JwksFetch;
use grantor_core::client_auth::{FetchProblem, PublicKeys};
use grantor_core::jwk::{Jwk, JwkSet};
use reqwest::header::{ACCEPT, AGE, CACHE_CONTROL, HeaderMap};
use reqwest::{Certificate, Client, redirect};
use serde_json::Value;
use std::error::Error;
use std::ops::RangeInclusive;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::Semaphore;
use url::Url;

pub(super) struct Fetcher {
    rules: Arc<Rules>,
    roots: Vec<Certificate>,
    timeout: Duration,
    body_max_bytes: usize,
    places: Semaphore,
    max_age_s: RangeInclusive<i64>,
    /// Made when first needed: a container may have no roots, and a server no client that publishes keys.
    secure: OnceLock<Client>,
    plain: OnceLock<Client>,
}

type Result<T> = std::result::Result<T, FetchProblem>;

impl Fetcher {
    pub(super) fn new(settings: &JwksFetch) -> std::result::Result<Self, String> {
        let roots = match &settings.ca_certificates {
            None => Vec::new(),
            Some(path) => {
                let wrong = |why: String| format!("jwks_fetch.ca_certificates: {} {why}", path.display());
                let pem = std::fs::read(path).map_err(|error| wrong(format!("cannot be read ({error})")))?;
                Certificate::from_pem_bundle(&pem)
                    .ok()
                    .filter(|roots| !roots.is_empty())
                    .ok_or_else(|| wrong("holds no certificates in PEM".into()))?
            }
        };
        let longest = i64::from(settings.max_age_max_s);
        Ok(Self {
            rules: Arc::new(Rules::new(settings)),
            roots,
            timeout: Duration::from_secs(settings.timeout_s.into()),
            body_max_bytes: settings.body_max_bytes,
            places: Semaphore::new(PLACES),
            max_age_s: i64::from(settings.max_age_min_s).min(longest)..=longest,
            secure: OnceLock::new(),
            plain: OnceLock::new(),
        })
    }

    #[cfg(test)]
    pub(super) fn with_names(mut self, names: impl Fn(&str) -> Vec<std::net::IpAddr> + Send + Sync + 'static) -> Self {
        self.rules = Arc::new(Rules::clone(&self.rules).with_names(names));
        self
    }

    pub(super) fn check(&self, uri: &str) -> std::result::Result<(), String> {
        self.rules.check(uri).map(|_| ())
    }

    /// The keys, and for how many seconds they need not be asked for again.
    pub(super) async fn fetch(&self, uri: &str) -> Result<(PublicKeys, i64)> {
        let shown = without_query(uri);
        let refused = |why| problem("jwks_uri_refused", format!("jwks_uri {shown}: {why}"));
        let url = self.rules.check(uri).map_err(refused)?;
        let busy =
            || problem("jwks_uri_timeout", format!("{shown} was not asked in time: {PLACES} other sources are slow"));
        // The request's own limit begins with the request.
        let Ok(Ok(_place)) = tokio::time::timeout(self.timeout, self.places.acquire()).await else {
            return Err(busy());
        };
        let asked = self.client(&url)?.get(url).header(ACCEPT, "application/jwk-set+json, application/json");
        let response = asked.send().await.map_err(|error| unreachable(shown, error))?;
        let status = response.status();
        if status.is_redirection() {
            let detail =
                format!("{shown} answered {status}: redirects are not followed; register the URL that it leads to");
            return Err(problem("jwks_uri_redirected", detail));
        }
        if status != reqwest::StatusCode::OK {
            let detail = format!("{shown} answered {status}, not 200 with a JSON Web Key Set");
            return Err(problem("jwks_uri_status", detail));
        }
        let keep_s = self.keep_s(response.headers());
        let body = self.body(shown, response).await?;
        let malformed = |why| problem("jwks_uri_malformed", format!("{shown} answered with no key set: {why}"));
        Ok((read(&body).map_err(malformed)?, keep_s))
    }

    async fn body(&self, shown: &str, mut response: reqwest::Response) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(shown, error))? {
            if body.len() + chunk.len() > self.body_max_bytes {
                let most = self.body_max_bytes;
                return Err(problem("jwks_uri_too_long", format!("{shown} answered with more than {most} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// RFC 9111 §5.2.2.1, within the bounds of the settings.
    fn keep_s(&self, headers: &HeaderMap) -> i64 {
        let (shortest, longest) = (*self.max_age_s.start(), *self.max_age_s.end());
        let lines = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
        let directives: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
        let is = |name: &str| directives.iter().any(|directive| directive.eq_ignore_ascii_case(name));
        if is("no-store") || is("no-cache") {
            return shortest;
        }
        let max_age = directives.iter().find_map(|directive| {
            let (name, value) = directive.split_once('=')?;
            name.eq_ignore_ascii_case("max-age").then(|| value.trim_matches('"').parse::<i64>().ok())?
        });
        let age = headers.get(AGE).and_then(|age| age.to_str().ok()?.parse::<i64>().ok()).unwrap_or(0).max(0);
        max_age.map_or(DEFAULT_AGE_S, |max_age| max_age.saturating_sub(age)).clamp(shortest, longest)
    }

    fn client(&self, url: &Url) -> Result<&Client> {
        let plain = url.scheme() == "http";
        let slot = if plain { &self.plain } else { &self.secure };
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let builder = Client::builder()
            .user_agent(concat!("grantor/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .referer(false)
            // A proxy would look up the name by itself, past the rules for addresses.
            .no_proxy()
            .dns_resolver(self.rules.clone())
            .timeout(self.timeout)
            .connect_timeout(self.timeout)
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(Duration::from_secs(10));
        let builder = if plain {
            builder.tls_certs_only([])
        } else {
            builder.tls_certs_merge(self.roots.iter().cloned()).https_only(true)
        };
        let client = builder.build().map_err(|error| {
            problem(
                "jwks_uri_unreachable",
                format!("no TLS client can be made ({}); see jwks_fetch.ca_certificates", chain(&error)),
            )
        })?;
        Ok(slot.get_or_init(|| client))
    }
}

/// Where the source says nothing.
const DEFAULT_AGE_S: i64 = 300;
/// Most requests at once, to all sources.
const PLACES: usize = 64;
/// Most keys in a set.
const KEYS_MAX: usize = 100;

fn problem(reason: &'static str, detail: String) -> FetchProblem {
    FetchProblem { reason, detail }
}

/// RFC 7517 §5: keys that are not understood are passed over. A set without any key is one that was emptied on purpose; a
/// set of which no key can be used is a mistake.
fn read(body: &[u8]) -> std::result::Result<PublicKeys, String> {
    let json: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let Some(members) = json.get("keys").and_then(Value::as_array) else {
        return Err("it is no JSON object with a list `keys`".into());
    };
    if members.len() > KEYS_MAX {
        return Err(format!("a set has at most {KEYS_MAX} keys"));
    }
    let (mut set, mut wrong) = (JwkSet::default(), None);
    for member in members {
        match Jwk::parse(member) {
            Ok(key) => set.keys.push(key),
            Err(error) => wrong = Some(error.to_string()),
        }
    }
    let keys = PublicKeys::new(&set);
    if keys.is_empty() && !members.is_empty() {
        let why = wrong.unwrap_or_else(|| "they are not for signatures, or for none that is known here".into());
        return Err(format!("none of its {} keys can be used ({why})", members.len()));
    }
    Ok(keys)
}

/// As it may be shown: a query may hold what only the client's server should know.
pub(super) fn without_query(uri: &str) -> &str {
    uri.split(['?', '#']).next().unwrap_or_default()
}

/// What hindered a request, down to the address that was refused.
fn unreachable(shown: &str, error: reqwest::Error) -> FetchProblem {
    let error = error.without_url();
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(at) = cause {
        if let Some(refused) = at.downcast_ref::<AddressRefused>() {
            return refused.problem();
        }
        cause = at.source();
    }
    let why = chain(&error);
    if error.is_timeout() {
        return problem("jwks_uri_timeout", format!("{shown} did not answer in time: {why}"));
    }
    if why.contains("invalid peer certificate") {
        return problem("jwks_uri_untrusted", format!("the certificate of {shown} is not trusted: {why}"));
    }
    problem("jwks_uri_unreachable", format!("{shown} cannot be reached: {why}"))
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(at) = cause {
        let part = at.to_string();
        if !text.ends_with(&part) {
            text = format!("{text}: {part}");
        }
        cause = at.source();
    }
    text
}
