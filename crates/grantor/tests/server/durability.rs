//! What is acknowledged is on disk, and issuing tokens puts nothing there.

use crate::call::Call;
use crate::common::{API, CLIENT, VAULT, test_app};
use std::path::Path;

fn sizes(folder: &Path) -> Vec<(String, u64)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut sizes: Vec<_> = entries
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len()))
        .filter(|(name, _)| name.starts_with("grantor.db"))
        .collect();
    sizes.sort();
    sizes
}

#[tokio::test]
async fn ten_thousand_tokens_leave_the_database_as_it_was() {
    let app = test_app().await;
    app.client_token(VAULT).await;
    let (before, changes) = (sizes(app.folder()), app.store.last_change().await.unwrap());
    assert!(before.len() >= 2, "the file and its log: {before:?}");
    for n in 0..10_000 {
        let resource = if n % 2 == 0 { API } else { VAULT };
        app.call_as_client(Call::token(&format!("&resource={resource}"))).await.ok();
    }
    // Nor do wrong guesses.
    for n in 0..100 {
        app.call(Call::token("").basic(&format!("nobody{n}"), "x")).await.refused(401, "invalid_client");
    }
    assert_eq!(sizes(app.folder()), before);
    assert_eq!(app.store.last_change().await.unwrap(), changes);
}

#[tokio::test]
async fn another_master_key_is_told_by_its_consequence() {
    let app = test_app().await;
    let path = app.folder().join("master.key");
    let key = std::fs::read_to_string(&path).unwrap();
    let other = grantor_core::jose::b64url_encode(&[7; 32]);
    std::fs::write(&path, key.replace(key.trim(), &other)).unwrap();
    let error = app.reopen_with(Vec::new()).await.err().unwrap();
    assert!(error.contains("the master key does not open it") && error.contains("master.key"), "{error}");
    assert!(!error.contains(&other) && !error.contains(key.trim()), "{error}");
}

#[tokio::test]
async fn a_lost_key_file_is_never_made_anew() {
    for name in ["master.key", "pepper.key"] {
        let app = test_app().await;
        std::fs::remove_file(app.folder().join(name)).unwrap();
        let error = app.reopen_with(Vec::new()).await.err().unwrap();
        assert!(error.contains(name) && error.contains("restore it from a backup"), "{error}");
    }
}

#[tokio::test]
async fn everything_works_after_a_restart() {
    let app = test_app().await;
    let (jwt, opaque) = (app.client_token(API).await, app.client_token(VAULT).await);
    let jwks = app.call(Call::get("/.well-known/jwks.json")).await.body;
    let app = app.reopen().await;
    assert_eq!(app.call(Call::get("/.well-known/jwks.json")).await.body, jwks);
    assert!(app.introspects_as_active(&jwt).await && app.introspects_as_active(&opaque).await);
    app.call(Call::token("").basic(CLIENT, &app.secret)).await.ok();
}

#[tokio::test]
async fn the_database_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let app = test_app().await;
    for (name, _) in sizes(app.folder()) {
        let mode = std::fs::metadata(app.folder().join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}
