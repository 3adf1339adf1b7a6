use super::*;
use crate::clock;
use crate::telemetry::Metrics;
use grantor_core::jose::{Alg, SigningKey};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const NOW: Timestamp = 1_800_000_000;

/// A host of keys on this machine that answers each request with what it was told last.
struct Host {
    uri: String,
    answer: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
}

impl Host {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let (answer, asked) = (Arc::new(Mutex::new(String::new())), Arc::new(AtomicUsize::new(0)));
        let (told, count) = (answer.clone(), asked.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (told, count) = (told.clone(), count.clone());
                tokio::spawn(async move {
                    let mut request = [0; 2048];
                    let _ = stream.read(&mut request).await;
                    count.fetch_add(1, Ordering::SeqCst);
                    let text = told.lock().unwrap().clone();
                    match text.as_str() {
                        "silence" => std::future::pending().await,
                        "drip" => {
                            let mut sent = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                            while sent.is_ok() {
                                tokio::time::sleep(Duration::from_millis(50)).await;
                                sent = stream.write_all(b" ").await;
                            }
                            sent
                        }
                        text => stream.write_all(text.as_bytes()).await,
                    }
                });
            }
        });
        Self { uri, answer, asked }
    }

    fn says(&self, answer: impl Into<String>) {
        *self.answer.lock().unwrap() = answer.into();
    }

    fn serves(&self, keys: &[&SigningKey], headers: &str) {
        let keys: Vec<_> = keys.iter().map(|key| json!(key.public_jwk().unwrap())).collect();
        self.says(answer("200 OK", headers, &json!({ "keys": keys }).to_string()));
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}", body.len())
}

fn settings() -> JwksFetch {
    JwksFetch { danger_allow_http_loopback: true, timeout_s: 1, ..JwksFetch::default() }
}

fn key() -> SigningKey {
    SigningKey::generate(Alg::ES256).unwrap().0
}

fn has(keys: &PublicKeys, key: &SigningKey) -> bool {
    keys.candidates(Some(key.kid()), Alg::ES256).next().is_some()
}

struct World {
    host: Host,
    remote: RemoteKeys,
}

impl World {
    async fn start() -> Self {
        Self { host: Host::start().await, remote: RemoteKeys::new(&settings(), KeyFetches::default()).unwrap() }
    }

    /// The keys for a signature by `key`, `after_s` seconds later.
    async fn get(&self, key: &SigningKey, after_s: i64) -> Result<Arc<PublicKeys>, FetchProblem> {
        self.remote.get(&self.host.uri, NOW + after_s, |keys| has(keys, key)).await
    }

    async fn refused(&self, after_s: i64) -> &'static str {
        self.get(&key(), after_s).await.map(|_| ()).unwrap_err().reason
    }

    /// Waits for a request that nobody waits for.
    async fn quiet(&self) {
        let source = self.remote.sources.get(&self.host.uri).unwrap();
        let running = source.lock().running().cloned();
        if let Some(mut running) = running {
            running.changed().await.unwrap_err();
        }
    }
}

#[tokio::test]
async fn rfc7591_s2_keys_are_fetched_once_and_kept() {
    let (world, key) = (World::start().await, key());
    world.host.serves(&[&key], "Cache-Control: public, max-age=600\r\n");
    for after_s in [0, 1, 599] {
        assert!(has(&world.get(&key, after_s).await.unwrap(), &key));
    }
    assert_eq!(world.host.asked(), 1);
    world.get(&key, 600).await.unwrap();
    assert_eq!(world.host.asked(), 2);
}

#[tokio::test]
async fn rfc9111_s5_2_2_1_the_source_decides_within_bounds_how_long() {
    for (headers, kept_s) in [
        ("", 300),
        ("Cache-Control: max-age=120\r\n", 120),
        ("Cache-Control: MAX-AGE=\"120\"\r\n", 120),
        ("Cache-Control: max-age=1200\r\nAge: 1000\r\n", 200),
        ("Cache-Control: max-age=0\r\n", 60),
        ("Cache-Control: no-store, max-age=600\r\n", 60),
        ("Cache-Control: max-age=999999999999\r\n", 3600),
        ("Cache-Control: max-age=-1\r\n", 60),
        ("Cache-Control: max-age=x\r\n", 300),
    ] {
        let (world, key) = (World::start().await, key());
        world.host.serves(&[&key], headers);
        world.get(&key, 0).await.unwrap();
        world.get(&key, kept_s - 1).await.unwrap();
        assert_eq!(world.host.asked(), 1, "{headers}");
        world.get(&key, kept_s).await.unwrap();
        assert_eq!(world.host.asked(), 2, "{headers}");
    }
}

#[tokio::test]
async fn an_unknown_kid_asks_again_once_per_interval() {
    let (world, old, new) = (World::start().await, key(), key());
    world.host.serves(&[&old], "Cache-Control: max-age=3600\r\n");
    world.get(&old, 0).await.unwrap();
    world.host.serves(&[&new, &old], "");
    // Within the interval the answer is what is known, which does not hold that key.
    assert!(!has(&world.get(&new, 29).await.unwrap(), &new));
    assert_eq!(world.host.asked(), 1);
    assert!(has(&world.get(&new, 30).await.unwrap(), &new));
    assert_eq!(world.host.asked(), 2);
    for _ in 0..10 {
        let made_up = key();
        assert!(!has(&world.get(&made_up, 31).await.unwrap(), &made_up));
    }
    assert_eq!(world.host.asked(), 2);
}

#[tokio::test]
async fn keys_are_renewed_before_they_are_too_old_and_nobody_waits() {
    let (world, old, new) = (World::start().await, key(), key());
    world.host.serves(&[&old], "Cache-Control: max-age=600\r\n");
    world.get(&old, 0).await.unwrap();
    world.host.serves(&[&new], "Cache-Control: max-age=600\r\n");
    world.get(&old, 479).await.unwrap();
    world.quiet().await;
    assert_eq!(world.host.asked(), 1);
    world.get(&old, 480).await.unwrap();
    world.quiet().await;
    assert_eq!(world.host.asked(), 2);
    // What was taken back no longer counts, although it was fresh when it was fetched.
    assert!(!has(&world.get(&old, 481).await.unwrap(), &old));
    world.get(&new, 482 + 400).await.unwrap();
    assert_eq!(world.host.asked(), 2);
}

#[tokio::test]
async fn the_last_good_copy_is_used_while_the_source_is_away() {
    let (world, key) = (World::start().await, key());
    world.host.serves(&[&key], "");
    world.get(&key, 0).await.unwrap();
    for (asked, (after_s, away)) in [
        (400, answer("500 Internal Server Error", "", "")),
        (500, "silence".into()),
        (600, String::new()),
        (700, answer("200 OK", "", "<html>")),
        (800, answer("200 OK", "", "{}")),
        (900, answer("302 Found", "Location: /login\r\n", "")),
    ]
    .into_iter()
    .enumerate()
    {
        world.host.says(away);
        assert!(has(&world.get(&key, after_s).await.unwrap(), &key), "{after_s}");
        world.quiet().await;
        assert_eq!(world.host.asked(), asked + 2, "{after_s}");
    }
    // Not for ever: a key may have been taken back.
    assert!(world.get(&key, 86_400).await.is_err());
    world.host.serves(&[&key], "");
    world.get(&key, 86_430).await.unwrap();
}

#[tokio::test]
async fn a_source_known_to_be_away_is_asked_while_nobody_waits() {
    let (world, key) = (World::start().await, key());
    world.host.serves(&[&key], "");
    world.get(&key, 0).await.unwrap();
    world.host.says("silence");
    world.get(&key, 400).await.unwrap();
    let at_once = tokio::time::timeout(Duration::from_millis(500), world.get(&key, 430)).await;
    assert!(has(&at_once.unwrap().unwrap(), &key));
}

#[tokio::test]
async fn a_kid_that_nobody_can_look_up_is_no_wrong_proof() {
    let (world, known) = (World::start().await, key());
    world.host.serves(&[&known], "");
    world.get(&known, 0).await.unwrap();
    world.host.says(answer("503 Service Unavailable", "", ""));
    assert_eq!(world.refused(30).await, "jwks_uri_status");
    assert_eq!(world.refused(31).await, "jwks_uri_status");
    assert!(has(&world.get(&known, 31).await.unwrap(), &known));
    assert_eq!(world.host.asked(), 2);
}

#[tokio::test]
async fn several_sources_are_asked_at_once() {
    let (one, other) = (Host::start().await, Host::start().await);
    [&one, &other].into_iter().for_each(|host| host.says("silence"));
    let remote = RemoteKeys::new(&settings(), KeyFetches::default()).unwrap();
    let begun = clock::instant();
    let both = [&one, &other].map(|host| remote.get(&host.uri, NOW, |_| true));
    for answer in both {
        assert_eq!(answer.await.map(|_| ()).unwrap_err().reason, "jwks_uri_timeout");
    }
    assert!(begun.elapsed() < Duration::from_millis(1900), "one after the other");
}

#[tokio::test]
async fn rfc7517_s5_keys_that_are_not_understood_are_passed_over() {
    let (world, good) = (World::start().await, key());
    let foreign = [
        json!({ "kty": "OKP", "crv": "X448", "x": "AAAA", "use": "enc" }),
        json!({ "kty": "oct", "k": "AAAA", "kid": good.kid() }),
        json!({ "kty": "NEW" }),
        json!(7),
    ];
    let serves = |keys: &[Value]| world.host.says(answer("200 OK", "", &json!({ "keys": keys }).to_string()));
    serves(&[&foreign[..], &[json!(good.public_jwk().unwrap())]].concat());
    let keys = world.get(&good, 0).await.unwrap();
    assert!(has(&keys, &good) && keys.kids().count() == 1);
    serves(&foreign);
    assert_eq!(world.refused(30).await, "jwks_uri_malformed");
    assert!(has(&world.get(&good, 31).await.unwrap(), &good), "a mistake takes no key back");
    // An empty set does.
    serves(&[]);
    assert!(!has(&world.get(&key(), 60).await.unwrap(), &good));
    assert!(!has(&world.get(&good, 61).await.unwrap(), &good));
    serves(&vec![json!(good.public_jwk().unwrap()); 101]);
    assert_eq!(world.refused(90).await, "jwks_uri_malformed");
}

#[tokio::test]
async fn requests_are_counted_by_outcome_and_no_query_is_told() {
    let (mut world, metrics) = (World::start().await, Metrics::default());
    world.remote = RemoteKeys::new(&settings(), metrics.key_fetches.clone()).unwrap();
    world.host.uri.push_str("?token=hush");
    world.host.says(answer("404 Not Found", "", ""));
    let problem = world.get(&key(), 0).await.map(|_| ()).unwrap_err();
    assert!(problem.detail.contains("/jwks.json answered 404") && !problem.detail.contains("hush"), "{problem:?}");
    world.host.says("no HTTP");
    let problem = world.get(&key(), 30).await.map(|_| ()).unwrap_err();
    assert!(problem.detail.contains("/jwks.json cannot be reached") && !problem.detail.contains("hush"), "{problem:?}");
    let known = key();
    world.host.serves(&[&known], "");
    world.get(&known, 60).await.unwrap();
    for outcome in ["ok", "jwks_uri_status", "jwks_uri_unreachable"] {
        let line = format!("grantor_jwks_fetches_total{{outcome=\"{outcome}\"}} 1");
        assert!(metrics.render().contains(&line), "{}", metrics.render());
    }
}

#[tokio::test]
async fn a_source_that_is_away_is_not_asked_with_each_request() {
    let world = World::start().await;
    world.host.says(answer("503 Service Unavailable", "", ""));
    for _ in 0..5 {
        assert_eq!(world.refused(0).await, "jwks_uri_status");
    }
    assert_eq!(world.host.asked(), 1);
    world.refused(30).await;
    assert_eq!(world.host.asked(), 2);
}

#[tokio::test]
async fn requests_at_once_share_one() {
    let (world, key) = (Arc::new(World::start().await), Arc::new(key()));
    world.host.serves(&[&key], "");
    let all = (0..20).map(|_| {
        let (world, key) = (world.clone(), key.clone());
        tokio::spawn(async move { world.get(&key, 0).await.is_ok() })
    });
    for one in all.collect::<Vec<_>>() {
        assert!(one.await.unwrap());
    }
    assert_eq!(world.host.asked(), 1);
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_end_the_request() {
    let (world, key) = (World::start().await, key());
    world.host.serves(&[&key], "");
    drop(world.remote.get(&world.host.uri, NOW, |_| false));
    drop(tokio::time::timeout(Duration::ZERO, world.get(&key, 0)).await);
    world.get(&key, 1).await.unwrap();
    assert_eq!(world.host.asked(), 1);
}

#[tokio::test]
async fn each_failure_has_its_reason() {
    let endless = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}", "[".repeat(300 * 1024));
    let private = json!({ "keys": [{ "kty": "oct", "k": "AAAA" }] }).to_string();
    for (says, reason) in [
        (answer("301 Moved Permanently", "Location: http://127.0.0.1:1/\r\n", ""), "jwks_uri_redirected"),
        (answer("304 Not Modified", "", ""), "jwks_uri_redirected"),
        (answer("404 Not Found", "", ""), "jwks_uri_status"),
        (answer("204 No Content", "", ""), "jwks_uri_status"),
        (endless, "jwks_uri_too_long"),
        (answer("200 OK", "", ""), "jwks_uri_malformed"),
        (answer("200 OK", "", "{\"keys\":1}"), "jwks_uri_malformed"),
        (answer("200 OK", "", &private), "jwks_uri_malformed"),
        ("silence".into(), "jwks_uri_timeout"),
        ("drip".into(), "jwks_uri_timeout"),
        ("no HTTP".into(), "jwks_uri_unreachable"),
    ] {
        let world = World::start().await;
        world.host.says(says.clone());
        assert_eq!(world.refused(0).await, reason, "{}", &says[..says.len().min(80)]);
        assert_eq!(world.host.asked(), 1, "redirects are not followed");
    }
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_not_connected_to() {
    for (ip, reason) in [("10.0.0.1", "jwks_uri_address_refused"), ("169.254.169.254", "jwks_uri_address_refused")] {
        let mut remote = RemoteKeys::new(&JwksFetch::default(), KeyFetches::default()).unwrap();
        let ip: std::net::IpAddr = ip.parse().unwrap();
        remote.fetcher = Arc::new(Fetcher::new(&JwksFetch::default()).unwrap().with_names(move |_| vec![ip]));
        let problem = remote.get("https://client.example.com/", NOW, |_| true).await.map(|_| ()).unwrap_err();
        assert_eq!(problem.reason, reason, "{}", problem.detail);
        assert!(problem.detail.contains(&ip.to_string()), "{}", problem.detail);
    }
    let problem = RemoteKeys::new(&JwksFetch::default(), KeyFetches::default()).unwrap();
    let problem = problem.get("http://client.example.com/", NOW, |_| true).await.map(|_| ()).unwrap_err();
    assert_eq!(problem.reason, "jwks_uri_refused");
}
