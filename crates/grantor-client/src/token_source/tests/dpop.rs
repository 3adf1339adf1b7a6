//! Tokens that are bound to a key (RFC 9449).

use super::*;
use crate::DpopKey;
use grantor_core::binding::{DpopExpected, DpopProof, VerifiedProof};
use grantor_core::jose::b64url_decode;
use http::HeaderMap;

const API: &str = "https://api.example.com/things";

/// Issues tokens of a type.
fn issue(seen: &Seen, token_type: &str) -> Reply {
    let token = format!("token-{}", seen.before);
    json(200, &value!({ "access_token": token, "token_type": token_type, "expires_in": 3600 }))
}

/// The proof of a request, which must be a good one.
fn proof(headers: &HeaderMap, method: &str, url: &str, access_token: Option<&str>) -> VerifiedProof {
    let now = Clock::default().now().unix_s();
    let proof = DpopProof::from_headers(headers).unwrap().expect("there is a proof");
    proof.verify(&DpopExpected { access_token, ..DpopExpected::new(method, &[url], now) }).unwrap()
}

fn nonce(headers: &HeaderMap) -> Option<String> {
    let payload = headers["dpop"].to_str().unwrap().split('.').nth(1).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&b64url_decode(payload).unwrap()).unwrap();
    claims.get("nonce").map(|nonce| nonce.as_str().unwrap().to_owned())
}

#[tokio::test]
async fn rfc9449_s5_a_token_is_asked_for_and_presented_with_proofs() {
    let server = server(|seen| issue(seen, "dpop")).await;
    let key = DpopKey::generate().unwrap();
    let token = source(&server).dpop(key.clone()).build().unwrap().token().await.unwrap();
    assert_eq!(token.token_type(), "DPoP");
    let asked = proof(&server.seen(TOKEN)[0].headers, "POST", &format!("{}{TOKEN}", server.url), None);
    assert_eq!(asked.jkt, key.jkt());

    let [one, two] = ["GET", "GET"].map(|method| token.headers(method, &format!("{API}?page=2")).unwrap());
    assert_eq!(one["authorization"], "DPoP token-0");
    assert!(one["authorization"].is_sensitive() && one["dpop"].is_sensitive());
    let shown = proof(&one, "GET", API, Some("token-0"));
    assert_eq!(shown.jkt, key.jkt());
    assert_ne!(shown.jti, proof(&two, "GET", API, Some("token-0")).jti, "each request has a proof of its own");
}

#[tokio::test]
async fn rfc9449_s5_a_token_that_is_not_bound_is_not_taken_for_one_that_is() {
    let bearer = server(|seen| issue(seen, "Bearer")).await;
    let error = source(&bearer).dpop(DpopKey::generate().unwrap()).build().unwrap().token().await.unwrap_err();
    assert!(error.to_string().contains("token_type is Bearer, not DPoP") && !error.is_transient(), "{error}");
    let dpop = server(|seen| issue(seen, "DPoP")).await;
    let error = source(&dpop).build().unwrap().token().await.unwrap_err();
    assert!(error.to_string().contains("token_type is DPoP, and only Bearer was asked for"), "{error}");
}

#[tokio::test]
async fn rfc9449_s8_a_nonce_is_sent_when_asked_for_and_from_then_on() {
    let server = server(|seen| match (nonce(&seen.headers).as_deref(), seen.before) {
        (None, _) => json(400, &value!({ "error": "use_dpop_nonce" })).header("dpop-nonce", "one"),
        // Each answer may bring a newer one.
        (Some(_), before) => issue(seen, "DPoP").header("dpop-nonce", format!("later-{before}")),
    })
    .await;
    let tokens = source(&server).dpop(DpopKey::generate().unwrap()).attempts_max(1).build().unwrap();
    let token = tokens.token().await.unwrap();
    tokens.forget(&token);
    tokens.token().await.unwrap();
    let sent: Vec<_> = server.seen(TOKEN).iter().map(|seen| nonce(&seen.headers)).collect();
    assert_eq!(sent, [None, Some("one".to_owned()), Some("later-1".to_owned())]);
    assert_eq!(nonce(&token.headers("GET", API).unwrap()), None, "an API has nonces of its own");
}

#[tokio::test]
async fn rfc9449_s8_a_server_that_is_never_content_is_asked_twice() {
    let never = server(|seen| {
        json(400, &value!({ "error": "use_dpop_nonce" })).header("dpop-nonce", format!("n-{}", seen.before))
    })
    .await;
    let error = source(&never).dpop(DpopKey::generate().unwrap()).build().unwrap().token().await.unwrap_err();
    assert_eq!((error.oauth_error(), never.count(TOKEN)), (Some("use_dpop_nonce"), 2));
    let gives_none = server(|_| json(400, &value!({ "error": "use_dpop_nonce" }))).await;
    let error = source(&gives_none).dpop(DpopKey::generate().unwrap()).build().unwrap().token().await.unwrap_err();
    assert_eq!((error.oauth_error(), gives_none.count(TOKEN)), (Some("use_dpop_nonce"), 1));
}

#[tokio::test]
async fn rfc9449_s9_an_api_may_ask_for_its_own_nonce() {
    let server = server(|seen| issue(seen, "DPoP")).await;
    let token = source(&server).dpop(DpopKey::generate().unwrap()).build().unwrap().token().await.unwrap();
    let mut answer = HeaderMap::new();
    answer.insert("dpop-nonce", "of-the-api".parse().unwrap());
    answer.insert("www-authenticate", "DPoP error=\"use_dpop_nonce\", algs=\"ES256\"".parse().unwrap());
    assert!(token.remember_nonce(API, &answer));
    assert_eq!(nonce(&token.headers("GET", API).unwrap()).as_deref(), Some("of-the-api"));
    assert!(token.headers("GET", "/things").is_err(), "a proof is for an absolute URL");
}

#[tokio::test]
async fn a_bearer_token_has_no_proof() {
    let server = server(|seen| issue(seen, "Bearer")).await;
    let token = source(&server).build().unwrap().token().await.unwrap();
    let headers = token.headers("GET", API).unwrap();
    assert_eq!((headers.len(), token.token_type()), (1, "Bearer"));
    assert_eq!(headers["authorization"], "Bearer token-0");
    assert!(!token.remember_nonce(API, &headers));
}
