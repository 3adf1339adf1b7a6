mod assertion;
mod dpop;
mod mtls;

use super::*;
use crate::Authentication;
use crate::clock::Clock;
use crate::testing::{Reply, Seen, TestServer, json, raw, until};
use serde_json::json as value;

const SECRET: &str = "hunter2:+ %/é";
const TOKEN: &str = "/connect/token";
const METADATA: &str = "/.well-known/oauth-authorization-server";

/// Issues `token-0`, `token-1`, … good for `expires_in` seconds.
fn issue(seen: &Seen, expires_in: u64) -> Reply {
    let token = format!("token-{}", seen.before);
    json(200, &value!({ "access_token": token, "token_type": "Bearer", "expires_in": expires_in, "scope": "read" }))
}

fn metadata(seen: &Seen) -> Reply {
    json(200, &value!({ "issuer": seen.base, "token_endpoint": format!("{}{TOKEN}", seen.base) }))
}

async fn server(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> TestServer {
    TestServer::start(move |seen| if seen.path == METADATA { metadata(seen) } else { answer(seen) }).await
}

fn source(server: &TestServer) -> Builder {
    TokenSource::builder("my client", SECRET).issuer(&server.url)
}

async fn text(tokens: &TokenSource) -> String {
    tokens.token().await.unwrap().access_token().to_owned()
}

#[tokio::test]
async fn rfc6749_s4_4_2_asks_with_what_was_set() {
    let server = server(|seen| issue(seen, 3600)).await;
    let tokens = source(&server).scope("read write").resource("https://a.example/?x=1&y").resource("urn:b").build();
    let token = tokens.unwrap().token().await.unwrap();
    assert_eq!((token.access_token(), token.scope()), ("token-0", Some("read")));
    assert!(token.authorization().is_sensitive());
    assert_eq!(token.authorization(), "Bearer token-0");
    let seen = &server.seen(TOKEN)[0];
    let parameters: Vec<_> = url::form_urlencoded::parse(seen.body.as_bytes()).into_owned().collect();
    let expected = [
        ("grant_type", "client_credentials"),
        ("scope", "read write"),
        ("resource", "https://a.example/?x=1&y"),
        ("resource", "urn:b"),
    ];
    assert_eq!(parameters, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(seen.headers["content-type"], "application/x-www-form-urlencoded");
}

#[tokio::test]
async fn rfc6749_s2_3_1_encodes_both_halves_of_basic() {
    let server = server(|seen| issue(seen, 3600)).await;
    source(&server).build().unwrap().token().await.unwrap();
    let seen = &server.seen(TOKEN)[0];
    // "my+client:hunter2%3A%2B+%25%2F%C3%A9"
    assert_eq!(seen.headers["authorization"], "Basic bXkrY2xpZW50Omh1bnRlcjIlM0ElMkIrJTI1JTJGJUMzJUE5");
    assert!(!seen.body.contains("hunter2"));
}

#[tokio::test]
async fn rfc6749_s2_3_1_the_secret_may_travel_in_the_body() {
    let server = server(|seen| issue(seen, 3600)).await;
    let method = Authentication::client_secret_post(SECRET);
    TokenSource::with("my client", method).issuer(&server.url).build().unwrap().token().await.unwrap();
    let seen = &server.seen(TOKEN)[0];
    assert!(seen.body.ends_with("&client_id=my+client&client_secret=hunter2%3A%2B+%25%2F%C3%A9"), "{}", seen.body);
    assert!(!seen.headers.contains_key("authorization"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_callers_make_one_request() {
    let server = server(|seen| issue(seen, 3600).after(Duration::from_millis(50))).await;
    let tokens = source(&server).build().unwrap();
    let callers: Vec<_> = (0..100)
        .map(|_| {
            let tokens = tokens.clone();
            tokio::spawn(async move { text(&tokens).await })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), "token-0");
    }
    assert_eq!((server.count(TOKEN), server.count(METADATA)), (1, 1));
}

#[tokio::test]
async fn a_token_is_renewed_behind_the_callers_back_before_it_expires() {
    let server = server(|seen| issue(seen, 1000)).await;
    let clock = Clock::default();
    let tokens = source(&server).clock(clock.clone()).build().unwrap();
    assert_eq!(text(&tokens).await, "token-0");
    clock.skip(Duration::from_secs(790));
    assert_eq!(text(&tokens).await, "token-0");
    assert_eq!(server.count(TOKEN), 1);
    clock.skip(Duration::from_secs(120));
    assert_eq!(text(&tokens).await, "token-0");
    until(|| server.count(TOKEN) == 2 && tokens.flight.value().unwrap().access_token() == "token-1").await;
    assert_eq!(text(&tokens).await, "token-1");
    clock.skip(Duration::from_secs(1000));
    assert_eq!(text(&tokens).await, "token-2");
    assert_eq!(server.count(METADATA), 1);
}

#[tokio::test]
async fn an_old_token_serves_while_renewal_fails_and_not_longer() {
    let down = |seen: &Seen| if seen.before == 0 { issue(seen, 1000) } else { raw(503, "") };
    let server = server(down).await;
    let clock = Clock::default();
    let tokens = source(&server).clock(clock.clone()).attempts_max(1).build().unwrap();
    assert_eq!(text(&tokens).await, "token-0");
    clock.skip(Duration::from_secs(950));
    for _ in 0..20 {
        assert_eq!(text(&tokens).await, "token-0");
    }
    until(|| server.count(TOKEN) == 2).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    // The server rests after a failure, however many ask.
    for _ in 0..20 {
        assert_eq!(text(&tokens).await, "token-0");
    }
    assert_eq!(server.count(TOKEN), 2);
    clock.skip(Duration::from_secs(30));
    assert_eq!(text(&tokens).await, "token-0");
    until(|| server.count(TOKEN) == 3).await;
    clock.skip(Duration::from_secs(20));
    assert!(tokens.token().await.unwrap_err().is_transient());
}

#[tokio::test]
async fn passing_failures_are_tried_again() {
    let shaky = |seen: &Seen| match seen.before {
        0 => raw(502, "<html>"),
        1 => json(429, &value!({ "error": "temporarily_unavailable" })).header("retry-after", "1"),
        _ => issue(seen, 3600),
    };
    let server = server(shaky).await;
    let start = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    assert_eq!(text(&source(&server).build().unwrap()).await, "token-2");
    assert!(std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap() - start >= Duration::from_secs(1), "waited as told");
}

#[tokio::test]
async fn attempts_are_bounded_and_so_is_the_wait_that_a_server_may_ask_for() {
    let busy = server(|_| raw(500, "")).await;
    let error = source(&busy).attempts_max(3).build().unwrap().token().await.unwrap_err();
    assert_eq!((busy.count(TOKEN), error.is_transient()), (3, true));

    let away = server(|_| raw(503, "").header("retry-after", "86400")).await;
    let clock = Clock::default();
    let tokens = source(&away).clock(clock.clone()).build().unwrap();
    assert_eq!(tokens.token().await.unwrap_err().retry_after(), Some(Duration::from_secs(86_400)));
    clock.skip(Duration::from_secs(200));
    tokens.token().await.unwrap_err();
    assert_eq!(away.count(TOKEN), 1, "told to stay away");
    clock.skip(Duration::from_secs(101));
    tokens.token().await.unwrap_err();
    assert_eq!(away.count(TOKEN), 2, "but not for a day");
}

#[tokio::test]
async fn rfc6749_s5_2_a_refusal_is_told_at_once_and_holds_no_secret() {
    let body = value!({ "error": "invalid_client", "error_description": format!("no {SECRET}\u{1b}[31m") });
    let server = server(move |_| json(401, &body).header("x-request-id", "r-1")).await;
    let tokens = source(&server).build().unwrap();
    let error = tokens.token().await.unwrap_err();
    assert_eq!((server.count(TOKEN), error.is_transient()), (1, false));
    assert_eq!((error.oauth_error(), error.request_id()), (Some("invalid_client"), Some("r-1")));
    let shown = format!("{error} {error:?} {tokens:?}");
    assert!(shown.contains("401") && shown.contains("no [secret]?[31m") && shown.contains("[request r-1]"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
    // The same answer to everybody for a moment, without asking.
    assert_eq!(tokens.token().await.unwrap_err(), error);
    assert_eq!(server.count(TOKEN), 1);
}

#[tokio::test]
async fn a_token_shows_in_no_debug() {
    let server = server(|seen| issue(seen, 3600)).await;
    let tokens = source(&server).build().unwrap();
    let token = tokens.token().await.unwrap();
    assert!(!format!("{token:?} {tokens:?} {:?}", token.authorization()).contains("token-0"));
}

#[tokio::test]
async fn a_token_that_an_api_refused_can_be_forgotten() {
    let server = server(|seen| issue(seen, 3600)).await;
    let tokens = source(&server).build().unwrap();
    let old = tokens.token().await.unwrap();
    tokens.forget(&old);
    assert_eq!(text(&tokens).await, "token-1");
    tokens.forget(&old);
    assert_eq!(text(&tokens).await, "token-1");
}

#[tokio::test]
async fn rfc6749_s5_1_answers_that_cannot_be_used_are_refused_without_repeating_them() {
    for (body, why) in [
        ("gibberish tok", "not a JSON object"),
        (r#"{"token_type":"Bearer","access_token":5}"#, "not a JSON object"),
        (r#"{"access_token":"tok"}"#, "not a JSON object"),
        (r#"{"access_token":"tok","token_type":"DPoP"}"#, "token_type is DPoP"),
        (r#"{"access_token":"tok\n","token_type":"Bearer"}"#, "no text for a header"),
        (r#"{"access_token":"tok tok","token_type":"Bearer"}"#, "no text for a header"),
        (r#"{"access_token":"","token_type":"Bearer"}"#, "no text for a header"),
        (r#"{"access_token":"tok","token_type":"Bearer","expires_in":-1}"#, "expires_in"),
        (r#"{"access_token":"tok","token_type":"Bearer","expires_in":"soon"}"#, "expires_in"),
    ] {
        let server = server(move |_| raw(200, body)).await;
        let error = source(&server).build().unwrap().token().await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(why) && !shown.contains("tok\"") && !error.is_transient(), "{body}: {shown}");
        assert_eq!(server.count(TOKEN), 1, "{body}");
    }
    for (body, lifetime) in [
        (r#"{"access_token":"tok","token_type":"bearer"}"#, 60),
        (r#"{"access_token":"tok","token_type":"Bearer","expires_in":"300","x":{}}"#, 300),
    ] {
        let server = server(move |_| raw(200, body)).await;
        let token = source(&server).build().unwrap().token().await.unwrap();
        assert_eq!(token.lifetime(), Duration::from_secs(lifetime));
    }
}

#[tokio::test]
async fn redirects_and_endless_answers_are_refused() {
    let elsewhere = server(|seen| issue(seen, 60)).await;
    let target = format!("{}{TOKEN}", elsewhere.url);
    let redirecting = server(move |_| raw(307, "").header("location", target.clone())).await;
    let error = source(&redirecting).build().unwrap().token().await.unwrap_err();
    assert!(error.to_string().contains("redirects are not followed"), "{error}");
    assert_eq!((redirecting.count(TOKEN), elsewhere.count(TOKEN)), (1, 0));

    let endless = server(|_| raw(200, vec![b' '; 1 << 20])).await;
    let error = source(&endless).build().unwrap().token().await.unwrap_err();
    assert!(error.to_string().contains("longer than"), "{error}");
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up() {
    let server = server(|seen| issue(seen, 60).after(Duration::from_secs(60))).await;
    let tokens = source(&server).request_timeout(Duration::from_millis(200)).attempts_max(2).build().unwrap();
    let error = tokens.token().await.unwrap_err();
    assert!(error.to_string().contains("in time") && error.is_transient(), "{error}");
    assert_eq!(server.count(TOKEN), 2);
}

#[tokio::test]
async fn rfc8414_s3_3_metadata_of_another_issuer_is_refused() {
    let server = TestServer::start(|seen| {
        json(200, &value!({ "issuer": format!("{}/", seen.base), "token_endpoint": format!("{}/t", seen.base) }))
    })
    .await;
    let error = source(&server).build().unwrap().token().await.unwrap_err();
    assert!(error.to_string().contains("same to the letter"), "{error}");
    assert_eq!(server.count("/t"), 0);
}

#[tokio::test]
async fn metadata_cannot_send_the_secret_over_plain_http() {
    let server = TestServer::start(|seen| {
        json(200, &value!({ "issuer": seen.base, "token_endpoint": "http://as.example/token" }))
    })
    .await;
    let error = source(&server).build().unwrap().token().await.unwrap_err();
    assert!(error.to_string().contains("must be https"), "{error}");
}

#[tokio::test]
async fn openid_metadata_will_do_where_there_is_no_other() {
    let server = TestServer::start(|seen| match seen.path.as_str() {
        "/t/.well-known/openid-configuration" => json(
            200,
            &value!({ "issuer": format!("{}/t", seen.base), "token_endpoint": format!("{}{TOKEN}", seen.base) }),
        ),
        TOKEN => issue(seen, 60),
        _ => raw(404, ""),
    })
    .await;
    let tokens = TokenSource::builder("c", "s").issuer(format!("{}/t", server.url)).build().unwrap();
    assert_eq!(text(&tokens).await, "token-0");
    assert_eq!(server.count("/.well-known/oauth-authorization-server/t"), 1);
}

#[test]
fn wrong_settings_are_told_at_once() {
    let builder = || TokenSource::builder("c", "s").issuer("https://as.example");
    for (wrong, why) in [
        (TokenSource::builder("c", "s"), "set the issuer"),
        (TokenSource::builder("", "s").issuer("https://as.example"), "client_id is empty"),
        (TokenSource::builder("c", "").issuer("https://as.example"), "secret is empty"),
        (TokenSource::builder("c", "s").issuer("http://as.example"), "must be https"),
        (TokenSource::builder("c", "s").issuer("https://as.example?x"), "query"),
        (TokenSource::builder("c", "s").token_endpoint("http://as.example/token"), "must be https"),
        (builder().scope("a  b"), "single spaces"),
        (builder().scope(""), "single spaces"),
        (builder().resource("api"), "absolute URI"),
        (builder().resource("https://a.example#f"), "absolute URI"),
        (builder().root_certificate_pem("no certificate"), "PEM"),
    ] {
        let error = wrong.build().unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    assert!(TokenSource::builder("c", "s").issuer("http://as.example").danger_allow_http().build().is_ok());
}
