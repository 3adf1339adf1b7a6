//! What each claim means, in plain words.

use grantor_core::Timestamp;
use grantor_core::jose::b64url_decode;
use serde_json::{Map, Value};

type Members = Map<String, Value>;

/// Header and claims as they stand there, as far as they can be read at all: for showing, not for believing.
pub fn read(token: &str) -> (Members, Members) {
    let mut parts = token.split('.');
    let mut next = || {
        let bytes = b64url_decode(parts.next().unwrap_or_default()).unwrap_or_default();
        serde_json::from_slice::<Members>(&bytes).unwrap_or_default()
    };
    let header = next();
    (header, next())
}

/// The claims in the order in which people ask for them; the others follow.
const ORDER: [&str; 9] = ["iss", "sub", "client_id", "aud", "scope", "iat", "nbf", "exp", "jti"];

pub fn ordered(claims: &Members) -> impl Iterator<Item = (&String, &Value)> {
    let first = ORDER.iter().filter_map(|name| claims.get_key_value(*name));
    first.chain(claims.iter().filter(|(name, _)| !ORDER.contains(&name.as_str())))
}

/// What a claim of this name says.
pub fn meaning(name: &str, value: &Value, all: &Members, now: Timestamp) -> String {
    let relative = |past: &str, future: &str| match value.as_i64() {
        Some(at) if at <= now => format!("{past} {} ago", span(now - at)),
        Some(at) => format!("{future} in {}", span(at - now)),
        None => "not a time in seconds".into(),
    };
    match name {
        "iss" => "who issued it".into(),
        "sub" if all.get("client_id") == Some(value) => "whom it speaks for: the client itself, no person".into(),
        "sub" => "whom it speaks for".into(),
        "client_id" => "the client that got it".into(),
        "aud" => "the API it is for; every other one must refuse it".into(),
        "scope" => "what it allows".into(),
        "iat" => relative("issued", "issued"),
        "nbf" => relative("valid since", "valid"),
        "exp" => relative("expired", "expires"),
        "jti" => "its own name, in logs and for revocation".into(),
        "cnf" => bound_to(value),
        "act" => "who acts on behalf of sub".into(),
        "may_act" => "who may act on behalf of sub".into(),
        "auth_time" => relative("the person signed in", "the person signs in"),
        "acr" | "amr" => "how the person signed in".into(),
        "authorization_details" => "what it allows, in detail (RFC 9396)".into(),
        "token_type" => "how it is shown to an API".into(),
        "username" => "a name of whom it speaks for, for people".into(),
        "azp" => "the client it was issued to (OpenID Connect)".into(),
        "nonce" => "ties it to one sign-in (OpenID Connect): this looks like an ID token".into(),
        _ => "an extra claim: its meaning is between issuer and API".into(),
    }
}

/// RFC 7800 §3, RFC 8705 §3.1, RFC 9449 §6.1.
fn bound_to(cnf: &Value) -> String {
    let what = if cnf.get("x5t#S256").is_some() {
        "a client certificate (mutual TLS)"
    } else if cnf.get("jkt").is_some() {
        "a key, which the caller proves with DPoP"
    } else {
        "something of its owner's"
    };
    format!("bound to {what}: of no use to a thief, if the API checks it")
}

/// A span of seconds in the two largest units that count.
pub fn span(seconds: i64) -> String {
    const UNITS: [(i64, &str); 4] = [(86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
    let mut rest = seconds.max(0);
    let mut parts = Vec::new();
    for (length, unit) in UNITS {
        let count = rest / length;
        rest %= length;
        if count > 0 {
            parts.push(format!("{count} {unit}{}", if count == 1 { "" } else { "s" }));
        } else if !parts.is_empty() {
            break;
        }
        if parts.len() == 2 {
            break;
        }
    }
    if parts.is_empty() { "0 seconds".into() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn spans_read_well() {
        for (seconds, text) in [
            (0, "0 seconds"),
            (-5, "0 seconds"),
            (1, "1 second"),
            (61, "1 minute 1 second"),
            (3600, "1 hour"),
            (3601, "1 hour"),
            (3720, "1 hour 2 minutes"),
            (90_061, "1 day 1 hour"),
            (172_800, "2 days"),
        ] {
            assert_eq!(span(seconds), text);
        }
    }

    #[test]
    fn claims_are_read_from_whatever_is_there() {
        assert_eq!(read(""), Default::default());
        assert_eq!(read("a.b.c"), Default::default());
        assert_eq!(read("eyJhIjoxfQ.eyJiIjoyfQ").1, *json!({ "b": 2 }).as_object().unwrap());
    }

    #[test]
    fn every_reserved_claim_has_a_meaning() {
        let extra = meaning("team", &json!(1), &Map::new(), 0);
        for name in grantor_core::token::RESERVED_CLAIMS {
            if !["active", "events", "token_introspection"].contains(&name) {
                assert_ne!(meaning(name, &json!(1), &Map::new(), 0), extra, "{name}");
            }
        }
    }
}
