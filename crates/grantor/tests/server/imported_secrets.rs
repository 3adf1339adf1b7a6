//! Secrets brought from other servers: slow the first time, quick from then on, and bounded. Hash runs are counted, not timed.

use crate::call::Call;
use crate::common::{API, CLIENT, TestApp, metadata, test_app};
use grantor::admin::credential::{CredentialSource, NewCredential};
use grantor::store::Precondition;
use grantor_core::client::CredentialKind;
use grantor_core::secret::phc;
use std::time::Duration;

/// 400,000 rounds: long enough for something else to happen meanwhile.
const SLOW: &str = "$pbkdf2-sha512$i=1000000$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

async fn import(app: &TestApp, id: &str, hash: &str) {
    app.admin().put_client("default", id, &metadata(&[API]), Precondition::None).await.unwrap();
    let new = NewCredential { source: CredentialSource::Phc(hash.into()), ..NewCredential::default() };
    app.admin().create_credential("default", id, new).await.unwrap();
    // Known in memory: requests made at once meet at the slow hash, not one after the other at the database.
    app.directory.client("default", id).await.unwrap().unwrap();
}

#[tokio::test]
async fn only_the_first_request_pays() {
    let mut app = test_app().await;
    // bcrypt: of the crypt_blowfish test suite; PBKDF2: RFC 7914 §11.
    let argon2id = phc::hash("Correct Horse", &[1; 16]).unwrap();
    let all = [
        ("argon", argon2id.as_str(), "Correct Horse"),
        ("bcrypt", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
        (
            "pbkdf2",
            "$pbkdf2-sha256$i=80000$TmFDbA$TdzY9guYviGDDO5e8icB+WQaRBjQTAQUrv8Ih2s0q1ah1CWhIlgzVJrbhBtRybMXaicr3ruh0HhHj2Kzl/M8jQ",
            "Password",
        ),
    ];
    for (id, hash, _) in all {
        import(&app, id, hash).await;
    }
    for (start, (id, hash, secret)) in all.into_iter().enumerate() {
        let start = start as u64 * 3;
        for call in [
            Call::token("").basic(id, secret),
            Call::token("").basic(id, secret),
            Call::token(&format!("&client_id={id}&client_secret={}", crate::call::form(secret))),
        ] {
            app.call(call).await.ok();
            assert_eq!(app.imported.runs(), start + 1, "{id}");
        }
        // A wrong one pays each time: nothing about it is remembered.
        for run in 2..4 {
            app.call(Call::token("").basic(id, "wrong")).await.refused(401, "invalid_client");
            assert_eq!(app.imported.runs(), start + run);
        }
        // At rest the slow hash stays.
        let stored = app.store.credentials("default", id).await.unwrap();
        assert_eq!(stored[0].kind, CredentialKind::ImportedSecret { phc: hash.into() });
    }
    // The memory is this process's alone.
    app = app.reopen().await;
    app.call(Call::token("").basic("bcrypt", "U*U")).await.ok();
    assert_eq!(app.imported.runs(), 1);
}

#[tokio::test]
async fn what_is_remembered_ends_with_the_credential() {
    let app = test_app().await;
    import(&app, "old", &phc::hash("s", &[1; 16]).unwrap()).await;
    app.call(Call::token("").basic("old", "s")).await.ok();
    let id = app.store.credentials("default", "old").await.unwrap()[0].id.clone();
    app.admin().revoke_credential("default", "old", &id).await.unwrap();
    app.call(Call::token("").basic("old", "s")).await.refused(401, "invalid_client");
    // A namesake with another hash is another.
    app.admin().delete_client("default", "old", Precondition::None).await.unwrap();
    import(&app, "old", &phc::hash("t", &[1; 16]).unwrap()).await;
    app.call(Call::token("").basic("old", "s")).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn a_generated_secret_beside_it_never_pays() {
    let app = test_app().await;
    import(&app, "both", &phc::hash("s", &[1; 16]).unwrap()).await;
    let made = app.admin().create_credential("default", "both", NewCredential::default()).await.unwrap();
    let secret = made.secret.unwrap();
    for _ in 0..3 {
        app.call(Call::token("").basic("both", secret.expose())).await.ok();
    }
    app.call(Call::token("").basic(CLIENT, "wrong")).await.refused(401, "invalid_client");
    app.call(Call::token("").basic("nobody", "wrong")).await.refused(401, "invalid_client");
    assert_eq!(app.imported.runs(), 0);
}

#[tokio::test]
async fn many_at_once_run_one_hash() {
    let app = TestApp::start(&[("limits.slow_hash_concurrency", "1")]).await;
    import(&app, "busy", &phc::hash("s", &[1; 16]).unwrap()).await;
    let call = || app.call(Call::token("").basic("busy", "s"));
    let answers = tokio::join!(call(), call(), call(), call(), call(), call());
    for answered in [answers.0, answers.1, answers.2, answers.3, answers.4, answers.5] {
        answered.ok();
    }
    assert_eq!(app.imported.runs(), 1);
}

#[tokio::test]
async fn beyond_the_queue_there_is_503() {
    let app = TestApp::start(&[("limits.slow_hash_concurrency", "1"), ("limits.slow_hash_queue_max", "1")]).await;
    import(&app, "busy", SLOW).await;
    let call = || app.call(Call::token("").basic("busy", "guess"));
    let (one, two, three, four) = tokio::join!(call(), call(), call(), call());
    let mut statuses = [one.status, two.status, three.status, four.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [401, 401, 503, 503]);
    let refused = if three.status == 503 { three } else { four };
    refused.refused(503, "temporarily_unavailable");
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(app.imported.runs(), 2);
    // Others are not held up.
    app.call_as_client(Call::token("")).await.ok();
}

#[tokio::test]
async fn hanging_up_frees_no_place() {
    let app = TestApp::start(&[("limits.slow_hash_concurrency", "1"), ("limits.slow_hash_queue_max", "0")]).await;
    assert_eq!(app.config.limits.slow_hash_queue_max, None, "0 is no bound");
    let app = TestApp::start(&[("limits.slow_hash_concurrency", "1"), ("limits.slow_hash_queue_max", "1")]).await;
    import(&app, "busy", SLOW).await;
    let app = std::sync::Arc::new(app);
    for _ in 0..2 {
        let theirs = app.clone();
        let hung_up = tokio::spawn(async move { theirs.call(Call::token("").basic("busy", "guess")).await });
        while app.imported.runs() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        hung_up.abort();
        assert!(hung_up.await.unwrap_err().is_cancelled());
    }
    let call = || app.call(Call::token("").basic("busy", "guess"));
    let (waits, refused) = tokio::join!(call(), call());
    assert_eq!((waits.status, refused.status), (401, 503));
    assert_eq!(app.imported.runs(), 2, "the one that was hung up on, and the one that waited for it");
}

#[tokio::test]
async fn a_hash_that_would_stop_the_server_is_not_taken() {
    let app = test_app().await;
    for hash in ["$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "$1$x$y", "plain", ""] {
        let new = NewCredential { source: CredentialSource::Phc(hash.into()), ..NewCredential::default() };
        let error = app.admin().create_credential("default", CLIENT, new).await.unwrap_err();
        assert!(error.to_string().starts_with("phc: "), "{error}");
    }
}
