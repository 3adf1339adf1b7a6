//! The life of keys, in simulated time.

use crate::call::{Call, form, verify};
use crate::common::{API, CLIENT, TestApp, VAULT};
use grantor::audit::Decision;
use grantor::authenticate::Asked;
use grantor::introspect::{Answer, introspect};
use grantor::keys::{KeyStatus, Keys, MasterKey};
use grantor::store::KeyRow;
use grantor::token::issue;
use grantor_core::domain::DEFAULT_DOMAIN;
use grantor_core::incoming::Incoming;
use grantor_core::jose::{UnverifiedJws, b64url_decode};
use http::HeaderMap;
use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr};

const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const SKEW: i64 = 60;

impl TestApp {
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let basic =
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{CLIENT}:{}", self.secret));
        headers.insert("authorization", format!("Basic {basic}").parse().unwrap());
        headers.insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
        headers
    }

    async fn token_at(&self, now: i64, resource: &str) -> String {
        let domain = self.directory.domains().by_name(DEFAULT_DOMAIN).unwrap().clone();
        let body = format!("grant_type=client_credentials&resource={}", form(resource));
        let (uri, headers) = ("/connect/token".parse().unwrap(), self.headers());
        let incoming = Incoming { uri: &uri, headers: &headers, body: body.as_bytes(), certificate: None };
        let asked = Asked { incoming, source: SOURCE, now };
        issue(self, &domain, &asked, &mut Decision::default()).await.unwrap().access_token
    }

    async fn active_at(&self, now: i64, token: &str) -> bool {
        let domain = self.directory.domains().by_name(DEFAULT_DOMAIN).unwrap().clone();
        let body = format!("token={}", form(token));
        let (uri, headers) = ("/connect/introspect".parse().unwrap(), self.headers());
        let incoming = Incoming { uri: &uri, headers: &headers, body: body.as_bytes(), certificate: None };
        let asked = Asked { incoming, source: SOURCE, now };
        match introspect(self, &domain, &asked, &mut Decision::default()).await.unwrap() {
            Answer::Json(told) => told["active"] == true,
            Answer::Jwt(_) => unreachable!("it was not asked for"),
        }
    }

    async fn kids(&self) -> BTreeSet<String> {
        self.jwks("/.well-known/jwks.json").await.into_iter().map(|(kid, _)| kid).collect()
    }

    async fn made_at(&self) -> i64 {
        // The key of opaque tokens may have been made a second later.
        self.signing_keys().await[0].created_at
    }

    async fn signing_keys(&self) -> Vec<KeyRow> {
        let rows = self.store.keys(DEFAULT_DOMAIN).await.unwrap();
        rows.into_iter().filter(|row| row.alg == "ES256").collect()
    }
}

fn kid(token: &str) -> String {
    UnverifiedJws::parse(token).unwrap().header().kid.clone().unwrap()
}

#[tokio::test]
async fn a_key_is_published_then_used_then_kept_then_deleted() {
    let app = TestApp::start(&[("token.lifetime_max_s", "86400")]).await;
    let (day, hour) = (86_400, 3_600);
    let made = app.made_at().await;
    let takes_over = made + 30 * day;
    let first = kid(&app.token_at(made, API).await);

    app.keys.tidy(DEFAULT_DOMAIN, takes_over - hour - 1).await.unwrap();
    assert_eq!(app.kids().await, BTreeSet::from([first.clone()]));
    app.keys.tidy(DEFAULT_DOMAIN, takes_over - hour).await.unwrap();
    let both = app.kids().await;
    assert_eq!(both.len(), 2, "the successor is published an hour before");
    let last = app.token_at(takes_over - 1, API).await;
    assert_eq!(kid(&last), first, "and not used yet");
    let states = app.keys.states(DEFAULT_DOMAIN, takes_over - 1).await.unwrap();
    let of_es256 = || states.iter().filter(|state| state.alg == "ES256");
    assert_eq!(of_es256().map(|state| state.status).collect::<Vec<_>>(), [KeyStatus::Active, KeyStatus::Pending]);
    let next = app.token_at(takes_over, API).await;
    assert_ne!(kid(&next), first);
    assert!(both.contains(&kid(&next)));

    let ends = takes_over + day + SKEW;
    app.keys.tidy(DEFAULT_DOMAIN, ends - 1).await.unwrap();
    assert!(app.kids().await.contains(&first), "kept while a token may need it");
    assert!(verify(&last, "at+jwt", &app.jwks("/.well-known/jwks.json").await).is_some());
    app.keys.tidy(DEFAULT_DOMAIN, ends).await.unwrap();
    assert!(!app.kids().await.contains(&first));
    assert!(app.signing_keys().await.iter().all(|row| row.kid != first));
}

/// A hundred rotations: whoever keeps the key set as long as it may be kept can verify every token while it lives.
#[tokio::test]
async fn no_token_ever_meets_a_verifier_without_its_key() {
    let settings = [
        ("token.lifetime_s", "300"),
        ("token.lifetime_max_s", "300"),
        ("keys.rotate_after_s", "1000"),
        ("keys.publish_before_s", "200"),
        ("keys.jwks_max_age_s", "100"),
    ];
    let mut app = TestApp::start(&settings).await;
    let start = app.made_at().await;
    let mut known = VecDeque::from([app.jwks("/.well-known/jwks.json").await]);
    let mut alive = VecDeque::new();
    let mut used = BTreeSet::new();
    for step in 0..1_000 {
        let now = start + step * 10;
        // Nobody tends the keys now and then: the server is down, or the database away.
        if step % 7 != 0 && !(300..450).contains(&step) && !(700..720).contains(&step) {
            app.keys.tidy(DEFAULT_DOMAIN, now).await.unwrap();
        }
        if step == 450 {
            app = app.reopen().await;
            app.keys.tidy(DEFAULT_DOMAIN, now).await.unwrap();
        }
        known.push_back(app.jwks("/.well-known/jwks.json").await);
        if known.len() > 10 {
            known.pop_front();
        }
        let token = app.token_at(now, API).await;
        used.insert(kid(&token));
        assert!(verify(&token, "at+jwt", &known[0]).is_some(), "step {step}: a verifier's copy is 100 s old");
        alive.push_back((now, token, app.token_at(now, VAULT).await));
        while alive.front().is_some_and(|(issued, ..)| issued + 300 <= now) {
            alive.pop_front();
        }
        for (issued, jwt, opaque) in [alive.front().unwrap(), alive.back().unwrap()] {
            assert!(app.active_at(now, jwt).await && app.active_at(now, opaque).await, "step {step}, issued {issued}");
            assert!(verify(jwt, "at+jwt", known.back().unwrap()).is_some(), "step {step}");
        }
    }
    assert!(used.len() >= 7, "{used:?}");
    assert!(app.signing_keys().await.len() <= 3, "ended keys are deleted");
}

#[tokio::test]
async fn a_kill_between_two_steps_heals() {
    let app = TestApp::start(&[]).await;
    let made = app.made_at().await;
    let first = kid(&app.token_at(made, API).await);
    let due = made + 30 * 86_400;
    app.keys.tidy(DEFAULT_DOMAIN, due).await.unwrap();
    // As if killed after the successor was made and before the end of the first was written.
    let row = app.signing_keys().await.into_iter().find(|row| row.kid == first).unwrap();
    let ends = row.expires_at.unwrap();
    let by = grantor::store::Write { actor: "test".into(), at: due };
    app.store.set_key_times(DEFAULT_DOMAIN, &KeyRow { expires_at: None, ..row }, &by).await.unwrap();
    let app = app.reopen().await;
    app.keys.tidy(DEFAULT_DOMAIN, due + 60).await.unwrap();
    let rows = app.signing_keys().await;
    assert_eq!(rows.len(), 2, "one successor, not two");
    assert_eq!(rows[0].expires_at, Some(ends));
    // Killed before an ended key was deleted: it is neither published nor accepted, and goes the next time.
    let app = app.reopen().await;
    app.keys.tidy(DEFAULT_DOMAIN, ends + 1).await.unwrap();
    assert_eq!(app.signing_keys().await.len(), 1);
}

#[tokio::test]
async fn rotation_by_hand_is_as_safe_and_happens_once() {
    let app = TestApp::start(&[]).await;
    let now = grantor::clock::now_s();
    let (before, opaque) = (app.token_at(now, API).await, app.token_at(now, VAULT).await);
    let states = app.admin_at(now).rotate_keys(DEFAULT_DOMAIN).await.unwrap();
    assert_eq!(states.len(), 4, "one successor for the signing key, one for that of opaque tokens");
    assert_eq!(app.admin_at(now + 5).rotate_keys(DEFAULT_DOMAIN).await.unwrap().len(), 4);
    assert_eq!(app.kids().await.len(), 2);
    assert_eq!(kid(&app.token_at(now + 3599, API).await), kid(&before));
    assert_ne!(kid(&app.token_at(now + 3600, API).await), kid(&before));
    for token in [before, opaque] {
        assert!(app.active_at(now + 10, &token).await);
    }
    // In the log, without anything private.
    let changes = app.store.changes_before(DEFAULT_DOMAIN, i64::MAX, 100).await.unwrap();
    let keys: Vec<_> = changes.iter().filter(|change| change.kind == "key").collect();
    assert!(keys.iter().any(|change| change.actor == "test"), "{keys:?}");
    let text = serde_json::to_string(&keys).unwrap();
    for row in app.store.keys(DEFAULT_DOMAIN).await.unwrap() {
        assert!(!text.contains(&row.sealed));
    }
}

#[tokio::test]
async fn a_compromised_key_ends_at_once_with_all_it_signed() {
    let app = TestApp::start(&[]).await;
    let now = grantor::clock::now_s();
    app.admin_at(now).rotate_keys(DEFAULT_DOMAIN).await.unwrap();
    let old = [app.token_at(now, API).await, app.token_at(now, VAULT).await];
    let before = app.kids().await;
    app.admin_at(now + 1).replace_compromised_keys(DEFAULT_DOMAIN).await.unwrap();
    for token in &old {
        assert!(!app.active_at(now + 1, token).await);
    }
    let after = app.kids().await;
    assert!(after.is_disjoint(&before) && after.len() == 1, "{after:?}");
    let new = [app.token_at(now + 1, API).await, app.token_at(now + 1, VAULT).await];
    let app = app.reopen().await;
    for token in &new {
        assert!(app.active_at(now + 1, token).await);
    }
    assert!(!app.active_at(now + 1, &old[0]).await);
    assert_eq!(app.kids().await, after);
}

#[tokio::test]
async fn two_nodes_make_one_successor() {
    let app = TestApp::start(&[]).await;
    let master = std::fs::read_to_string(app.folder().join("master.key")).unwrap();
    let master: [u8; 32] = b64url_decode(master.trim()).unwrap().try_into().unwrap();
    let other = Keys::new(app.store.clone(), MasterKey::new(&master), *app.keys.times());
    let domain = app.directory.domains().by_name(DEFAULT_DOMAIN).unwrap().clone();
    let now = app.made_at().await + 31 * 86_400;
    other.of(&domain, now).await.unwrap();
    let (one, two) = tokio::join!(app.keys.tidy(DEFAULT_DOMAIN, now), other.tidy(DEFAULT_DOMAIN, now));
    one.and(two).unwrap();
    assert_eq!(app.signing_keys().await.len(), 2);
    // The slower node's own key is nobody's: both publish and use the same.
    app.keys.tidy(DEFAULT_DOMAIN, now + 1).await.unwrap();
    other.tidy(DEFAULT_DOMAIN, now + 1).await.unwrap();
    let theirs = other.of(&domain, now).await.unwrap();
    assert_eq!(theirs.jwks, app.call(Call::get("/.well-known/jwks.json")).await.body);
    let token = app.token_at(now + 3601, API).await;
    assert!(theirs.check(&token, &domain, now + 3601).is_ok());
}
