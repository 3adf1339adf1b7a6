//! No secret and no token in logs, in the audit file, in the log of changes or in the database.

use crate::call::{Call, form};
use crate::common::{API, CLIENT, VAULT, metadata, test_app};
use grantor::admin::credential::{CredentialSource, NewCredential};
use grantor::store::Precondition;
use grantor_core::secret::phc;
use std::io::Write;
use std::sync::{Arc, Mutex};
use tracing_subscriber::fmt::MakeWriter;

/// What was logged.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn nothing_secret_is_written_anywhere() {
    let captured = Captured::default();
    // For the whole process, so whatever the other tests log meanwhile is in it too.
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(captured.clone())
        .init();

    let app = test_app().await;
    let (imported, wrong, posted) = ("imported-s3cret-1", "wr0ng-s3cret-22", "p0sted-s3cret-333");
    let hash = phc::hash(imported, &[1; 16]).unwrap();
    app.admin().put_client("default", "old", &metadata(&[API]), Precondition::None).await.unwrap();
    let new = NewCredential { source: CredentialSource::Phc(hash.clone()), ..NewCredential::default() };
    app.admin().create_credential("default", "old", new).await.unwrap();
    let given = "g1ven-s3cret-4444";
    let source = CredentialSource::Given(zeroize::Zeroizing::new(given.into()));
    app.admin().create_credential("default", "old", NewCredential { source, ..Default::default() }).await.unwrap();

    let (jwt, opaque) = (app.client_token(API).await, app.client_token(VAULT).await);
    app.call(Call::token("").basic("old", imported)).await.ok();
    app.call(Call::token("").basic("old", given)).await.ok();
    for call in [
        Call::token("").basic(CLIENT, wrong),
        Call::token("").basic("nobody", wrong),
        Call::token(&format!("&client_id={CLIENT}&client_secret={posted}")),
        Call::token(&format!("&client_id={CLIENT}&client_secret={posted}")).basic(CLIENT, wrong),
        Call::token(&format!("&client_assertion={posted}")),
        Call::token(&format!("&client_secret={posted}&client_secret={posted}")),
        Call::post(&format!("/connect/token?client_secret={posted}"), "x"),
        Call::token("").header("authorization", &format!("Bearer {jwt}")),
        Call::introspect(&jwt).basic(CLIENT, &app.secret),
        Call::introspect(&opaque).basic(CLIENT, &app.secret),
        Call::introspect(&format!("{jwt}x")).basic(CLIENT, &app.secret),
        Call::introspect(&opaque[..60]).basic(CLIENT, &app.secret),
        Call::introspect(&jwt).basic(CLIENT, wrong),
        Call::introspect(&jwt),
        Call::revoke(&opaque).basic(CLIENT, &app.secret),
        Call::revoke(&jwt).basic("old", imported),
        Call::revoke(&jwt).basic(CLIENT, &app.secret),
        Call::post(&format!("/connect/introspect?token={jwt}"), "").basic(CLIENT, &app.secret),
        Call::get(&format!("/nothing?access_token={jwt}")),
    ] {
        app.call(call).await;
    }
    app.admin().rotate_keys("default").await.unwrap();
    app.admin().rotate_secret("default", CLIENT, 60, None).await.unwrap();
    let debug = format!("{:?} {:?}", &**app, app.config);
    let changes = serde_json::to_string(&app.store.changes_after(0, 1000).await.unwrap()).unwrap();
    let keys = app.store.keys("default").await.unwrap();
    app.close().await;

    let log = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    let audit = std::fs::read_to_string(app.config.audit.folder.join("audit.jsonl")).unwrap();
    assert!(log.lines().filter(|line| line.contains("request_id")).count() > 20, "{log}");
    assert!(audit.lines().count() > 20);
    let database: Vec<u8> = std::fs::read_dir(app.folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("grantor.db"))
        .flat_map(|path| std::fs::read(path).unwrap())
        .collect();
    let database = String::from_utf8_lossy(&database);
    assert!(database.contains(CLIENT));

    let pieces = |token: &str| token.split('.').map(str::to_owned).filter(|piece| piece.len() > 20).collect::<Vec<_>>();
    let mut secrets = vec![imported.to_owned(), wrong.into(), posted.into(), given.into(), app.secret.clone()];
    secrets.extend([opaque[..60].to_owned(), app.admin_key.expose().to_owned()]);
    secrets.extend(pieces(&jwt));
    secrets.push(base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        format!("{CLIENT}:{}", form(&app.secret)),
    ));
    for secret in &secrets {
        for (place, text) in [("log", &log), ("audit", &audit), ("changes", &changes), ("Debug", &debug)] {
            assert!(!text.contains(secret.as_str()), "{secret} is in {place}");
        }
        assert!(!database.contains(secret.as_str()), "{secret} is in the database");
    }
    // What is at rest stays there.
    for key in &keys {
        for (place, text) in [("log", &log), ("audit", &audit), ("changes", &changes), ("Debug", &debug)] {
            assert!(!text.contains(&key.sealed), "a sealed key is in {place}");
            assert!(!text.contains("$argon2id$") && !text.contains("\"hmac\""), "a hash is in {place}");
        }
    }
    assert!(database.contains(&hash));
}
