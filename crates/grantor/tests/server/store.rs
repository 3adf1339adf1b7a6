//! What every store must do. Each test gets one of its own; another database joins by another `open`.

use grantor::store::{Change, Entity, KeyRow, Precondition, Put, Revocation, RevocationKind, Store, StoreError, Write};
use grantor_core::client::{ClientMetadata, Credential, CredentialKind};
use grantor_core::domain::DomainSettings;
use grantor_core::resource::Resource;
use grantor_core::scope::Scope;
use grantor_core::secret::{Pepper, Peppers};
use std::convert::Infallible;
use std::future::Future;
use std::ops::Deref;
use tempfile::TempDir;
use zeroize::Zeroizing;

struct Opened {
    store: Store,
    folder: TempDir,
}

impl Deref for Opened {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

async fn open() -> Opened {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_sqlite(&folder.path().join("db")).await.unwrap();
    Opened { store, folder }
}

/// With the domains `default` and `acme`.
async fn with_domains() -> Opened {
    let store = open().await;
    for name in ["default", "acme"] {
        store.put(name, name, &DomainSettings::default(), Precondition::Absent, &by(1)).await.unwrap();
    }
    store
}

/// And a client `svc` in both.
async fn with_clients() -> Opened {
    let store = with_domains().await;
    for domain in ["default", "acme"] {
        store.put(domain, "svc", &ClientMetadata::default(), Precondition::Absent, &by(1)).await.unwrap();
    }
    store
}

impl Opened {
    async fn changes(&self) -> Vec<Change> {
        self.changes_after(0, 10_000).await.unwrap()
    }

    /// The changes that `doing` makes, and what it says.
    async fn logged<T>(&self, doing: impl Future<Output = T>) -> (T, Vec<Change>) {
        let before = self.last_change().await.unwrap();
        let done = doing.await;
        (done, self.changes_after(before, 100).await.unwrap())
    }

    /// Adds these credentials, or puts them in the place of those of the same ids.
    async fn put_credentials(
        &self,
        domain: &str,
        client_id: &str,
        new: &[Credential],
        by: &Write,
    ) -> Result<(), StoreError> {
        let put = |all: &mut Vec<Credential>| -> Result<(), Infallible> {
            for new in new {
                all.retain(|have| have.id != new.id);
                all.push(new.clone());
            }
            Ok(())
        };
        self.change_credentials(domain, client_id, put, by).await.map(|done| done.unwrap())
    }

    /// Runs SQL past the store.
    async fn sql(&self, sql: &'static str) {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(self.folder.path().join("db"));
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        sqlx::query(sql).execute(&pool).await.unwrap();
        pool.close().await;
    }
}

fn by(at: i64) -> Write {
    Write { actor: "ada".into(), at }
}

fn resource(identifier: &str) -> Resource {
    Resource {
        identifier: identifier.into(),
        scope: Scope::empty(),
        access_token_format: Default::default(),
        access_token_signing_alg: Default::default(),
        access_token_lifetime_s: None,
        sender_constraint: None,
    }
}

fn secret(id: &str, secret: &str) -> Credential {
    let pepper = Pepper { id: "p".into(), key: Zeroizing::new([1; 32]) };
    let kind = CredentialKind::Secret(Peppers::new(vec![pepper]).unwrap().hash("default", "svc", secret));
    Credential {
        id: id.into(),
        label: Some("a label".into()),
        kind,
        created_at: 1,
        not_before: None,
        expires_at: Some(9),
        revoked_at: None,
    }
}

fn key(kid: &str, generation: i64) -> KeyRow {
    KeyRow {
        kid: kid.into(),
        alg: "ES256".into(),
        generation,
        created_at: 1,
        activates_at: 2,
        expires_at: None,
        sealed: "v1.sealed".into(),
        public_jwk: Some("{}".into()),
    }
}

fn revocation(kind: RevocationKind, subject: &str, issued_before: i64, expires_at: i64) -> Revocation {
    Revocation { domain: "default".into(), kind, subject: subject.into(), issued_before, expires_at }
}

/// Create, read, update, preconditions, delete, for one kind.
async fn lives<T: Entity + std::fmt::Debug>(domain: &str, name: &str, first: T, second: T) {
    let store = with_domains().await;
    let none = store.get::<T>(domain, name).await.unwrap();
    assert!(none.is_none());
    for when in [Precondition::Version(1), Precondition::Version(0)] {
        let (done, logged) = store.logged(store.put(domain, name, &first, when, &by(5))).await;
        assert!(matches!(done, Err(StoreError::PreconditionFailed)) && logged.is_empty());
    }
    let (done, logged) = store.logged(store.put(domain, name, &first, Precondition::Absent, &by(10))).await;
    let (put, stored) = done.unwrap();
    assert_eq!((put, stored.version, stored.created_at, stored.updated_at), (Put::Created, 1, 10, 10));
    assert_eq!(store.get::<T>(domain, name).await.unwrap().unwrap(), stored);
    let [change] = &logged[..] else { panic!("{logged:?}") };
    assert_eq!((&*change.op, &*change.kind, &*change.subject), ("create", T::KIND.as_str(), name));
    assert_eq!((&*change.actor, change.at, &*change.domain), ("ada", 10, domain));
    assert!(change.before.is_none() && change.after == Some(serde_json::to_value(&first).unwrap()));

    // Writing what is there already is nothing, whatever the time and the precondition that holds.
    for when in [Precondition::None, Precondition::Version(1)] {
        let (done, logged) = store.logged(store.put(domain, name, &first, when, &by(20))).await;
        let (put, unchanged) = done.unwrap();
        assert_eq!((put, unchanged.updated_at, logged.len()), (Put::Unchanged, 10, 0));
    }
    for when in [Precondition::Absent, Precondition::Version(0), Precondition::Version(2)] {
        let (done, logged) = store.logged(store.put(domain, name, &second, when, &by(20))).await;
        assert!(matches!(done, Err(StoreError::PreconditionFailed)) && logged.is_empty(), "{when:?}");
    }
    let (done, logged) = store.logged(store.put(domain, name, &second, Precondition::Version(1), &by(30))).await;
    let (put, stored) = done.unwrap();
    assert_eq!((put, stored.version, stored.created_at, stored.updated_at), (Put::Updated, 2, 10, 30));
    assert_eq!(store.get::<T>(domain, name).await.unwrap().unwrap(), stored);
    assert_eq!((&*logged[0].op, logged.len()), ("update", 1));
    assert_eq!(logged[0].before, Some(serde_json::to_value(&first).unwrap()));
    assert_eq!(logged[0].after, Some(serde_json::to_value(&second).unwrap()));

    for when in [Precondition::Version(1), Precondition::Absent] {
        let (done, logged) = store.logged(store.delete::<T>(domain, name, when, &by(40))).await;
        assert!(matches!(done, Err(StoreError::PreconditionFailed)) && logged.is_empty(), "{when:?}");
    }
    let (done, logged) = store.logged(store.delete::<T>(domain, name, Precondition::Version(2), &by(40))).await;
    done.unwrap();
    assert_eq!((&*logged[0].op, logged.len(), &logged[0].after), ("delete", 1, &None));
    assert_eq!(logged[0].before, Some(serde_json::to_value(&second).unwrap()));
    assert!(store.get::<T>(domain, name).await.unwrap().is_none());
    let (done, logged) = store.logged(store.delete::<T>(domain, name, Precondition::None, &by(50))).await;
    assert!(matches!(done, Err(StoreError::NotFound)) && logged.is_empty());
    // One made anew begins at its first version.
    let (_, anew) = store.put(domain, name, &first, Precondition::Absent, &by(60)).await.unwrap();
    assert_eq!((anew.version, anew.created_at), (1, 60));
}

#[tokio::test]
async fn clients_resources_and_domains_live_alike() {
    let named = |name: &str| ClientMetadata { client_name: Some(name.into()), ..ClientMetadata::default() };
    lives("default", "a:b/c d %' \"", named("one"), named("two")).await;
    lives("default", "api", resource("https://a"), resource("https://b")).await;
    let sandbox = DomainSettings { sandbox: true, ..DomainSettings::default() };
    lives("third", "third", DomainSettings::default(), sandbox).await;
}

#[tokio::test]
async fn lists_are_in_order_and_by_domain() {
    let store = with_domains().await;
    for name in ["b", "a", "C", "a b", "ä"] {
        store.put("default", name, &ClientMetadata::default(), Precondition::None, &by(1)).await.unwrap();
    }
    store.put("acme", "x", &ClientMetadata::default(), Precondition::None, &by(1)).await.unwrap();
    let names = async |after: &str, limit| -> Vec<String> {
        let rows = store.list::<ClientMetadata>("default", after, limit).await.unwrap();
        rows.into_iter().map(|row| row.name).collect()
    };
    assert_eq!(names("", 10).await, ["C", "a", "a b", "b", "ä"]);
    assert_eq!(names("", 2).await, ["C", "a"]);
    assert_eq!(names("a", 2).await, ["a b", "b"]);
    assert_eq!(names("ä", 2).await, Vec::<String>::new());
    let domains = store.all::<DomainSettings>("default").await.unwrap();
    assert_eq!(domains.iter().map(|row| &*row.name).collect::<Vec<_>>(), ["acme", "default"]);
}

#[tokio::test]
async fn all_of_a_kind_are_read_in_pages() {
    let store = with_domains().await;
    let thousand_and_one = r#"WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
        INSERT INTO resource SELECT 'default', 'r' || i, 1, 1, 1, '{"identifier":"https://' || i || '"}' FROM n"#;
    store.sql(thousand_and_one).await;
    assert_eq!(store.all::<Resource>("default").await.unwrap().len(), 1_001);
    assert_eq!(store.all::<Resource>("acme").await.unwrap().len(), 0);
}

#[tokio::test]
async fn what_stands_in_the_way_is_named_and_nothing_is_written() {
    let store = with_domains().await;
    store.put("default", "one", &resource("https://a"), Precondition::None, &by(1)).await.unwrap();
    store.put("default", "two", &resource("https://b"), Precondition::None, &by(1)).await.unwrap();
    for name in ["two", "three"] {
        let (done, logged) =
            store.logged(store.put("default", name, &resource("https://a"), Precondition::None, &by(2))).await;
        assert!(matches!(&done, Err(StoreError::Conflict(what)) if what.contains("identifier")), "{done:?}");
        assert!(logged.is_empty());
    }
    assert_eq!(store.get::<Resource>("default", "two").await.unwrap().unwrap().version, 1);
    // The same identifier in another domain is another API.
    store.put("acme", "one", &resource("https://a"), Precondition::None, &by(2)).await.unwrap();
    let (done, logged) =
        store.logged(store.put("nowhere", "svc", &ClientMetadata::default(), Precondition::None, &by(2))).await;
    assert!(
        matches!(&done, Err(StoreError::Conflict(what)) if what.contains("domain")) && logged.is_empty(),
        "{done:?}"
    );
}

#[tokio::test]
async fn credentials_live_with_their_client() {
    let store = with_clients().await;
    let (one, two) = (secret("cr1", "first secret"), secret("cr2", "second secret"));
    let all = [one.clone(), two.clone()];
    let (done, logged) = store.logged(store.put_credentials("default", "svc", &all, &by(10))).await;
    done.unwrap();
    assert_eq!(store.credentials("default", "svc").await.unwrap(), all);
    assert_eq!(store.credentials("acme", "svc").await.unwrap(), []);
    assert_eq!(logged.len(), 2);
    let text = serde_json::to_string(&logged).unwrap();
    assert!(
        logged.iter().all(|change| (&*change.kind, &*change.subject, &*change.op) == ("credential", "svc", "create"))
    );
    let CredentialKind::Secret(hashed) = &one.kind else { unreachable!("made as one") };
    let hash = serde_json::to_value(hashed).unwrap()["hmac"].as_str().unwrap().to_owned();
    assert!(hash.len() > 40 && !text.contains(&hash) && text.contains("a label") && text.contains("cr1"), "{text}");
    // Twice is once; only what differs is logged.
    let revoked = Credential { revoked_at: Some(11), ..two.clone() };
    let (done, logged) =
        store.logged(store.put_credentials("default", "svc", &[one.clone(), revoked.clone()], &by(11))).await;
    done.unwrap();
    assert_eq!((logged.len(), &*logged[0].op), (1, "update"));
    assert_eq!(store.credentials("default", "svc").await.unwrap(), [one.clone(), revoked]);
    // All or none.
    let third = secret("cr3", "third secret");
    let clash = Credential { kind: third.kind.clone(), ..one.clone() };
    let (done, logged) = store.logged(store.put_credentials("default", "svc", &[third, clash], &by(12))).await;
    assert!(matches!(done, Err(StoreError::Conflict(_))) && logged.is_empty(), "{done:?}");
    assert_eq!(store.credentials("default", "svc").await.unwrap().len(), 2);
    let (done, logged) = store.logged(store.put_credentials("default", "nobody", &[one], &by(12))).await;
    assert!(matches!(done, Err(StoreError::NotFound)) && logged.is_empty());

    let (done, logged) = store.logged(store.delete_credential("default", "svc", "cr1", &by(13))).await;
    done.unwrap();
    assert_eq!((logged.len(), &*logged[0].op), (1, "delete"));
    assert!(!serde_json::to_string(&logged).unwrap().contains(&hash));
    let (done, logged) = store.logged(store.delete_credential("default", "svc", "cr1", &by(14))).await;
    assert!(matches!(done, Err(StoreError::NotFound)) && logged.is_empty());
}

#[tokio::test]
async fn what_is_deleted_takes_along_what_hangs_on_it() {
    let store = with_clients().await;
    let one = [secret("cr1", "x")];
    for domain in ["default", "acme"] {
        store.put_credentials(domain, "svc", &one, &by(2)).await.unwrap();
        store.put(domain, "api", &resource("https://a"), Precondition::None, &by(2)).await.unwrap();
        store.insert_key(domain, &key("k1", 1), &by(2)).await.unwrap();
    }
    store.delete::<DomainSettings>("acme", "acme", Precondition::None, &by(3)).await.unwrap();
    assert!(store.get::<ClientMetadata>("acme", "svc").await.unwrap().is_none());
    assert!(store.credentials("acme", "svc").await.unwrap().is_empty());
    assert!(store.get::<Resource>("acme", "api").await.unwrap().is_none());
    assert!(store.keys("acme").await.unwrap().is_empty());
    assert_eq!(store.credentials("default", "svc").await.unwrap().len(), 1);
    store.delete::<ClientMetadata>("default", "svc", Precondition::None, &by(4)).await.unwrap();
    store.put("default", "svc", &ClientMetadata::default(), Precondition::None, &by(5)).await.unwrap();
    assert!(store.credentials("default", "svc").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_client_goes_together_with_its_tokens_or_not_at_all() {
    let store = with_clients().await;
    let ended = revocation(RevocationKind::Client, "svc", 10, 20);
    for when in [Precondition::Version(2), Precondition::Absent] {
        let (done, logged) = store.logged(store.delete_client(&ended, when, &by(10))).await;
        assert!(matches!(done, Err(StoreError::PreconditionFailed)) && logged.is_empty());
        assert!(store.revocations(10).await.unwrap().is_empty());
    }
    let nobody = revocation(RevocationKind::Client, "nobody", 10, 20);
    let (done, logged) = store.logged(store.delete_client(&nobody, Precondition::None, &by(10))).await;
    assert!(matches!(done, Err(StoreError::NotFound)) && logged.is_empty());
    let (done, logged) = store.logged(store.delete_client(&ended, Precondition::Version(1), &by(10))).await;
    done.unwrap();
    let kinds: Vec<_> = logged.iter().map(|change| (&*change.kind, &*change.op)).collect();
    assert_eq!(kinds, [("client", "delete"), ("revocation", "create")]);
    assert_eq!(store.revocations(10).await.unwrap().len(), 1);
    assert!(store.get::<ClientMetadata>("acme", "svc").await.unwrap().is_some());
}

#[tokio::test]
async fn keys_have_one_of_each_generation() {
    let store = with_domains().await;
    assert!(!store.has_keys().await.unwrap());
    let (done, logged) = store.logged(store.insert_key("default", &key("k1", 1), &by(2))).await;
    assert!(done.unwrap() && logged.len() == 1 && store.has_keys().await.unwrap());
    let text = serde_json::to_string(&logged).unwrap();
    assert!(text.contains("k1") && !text.contains("sealed"), "{text}");
    // Another node was faster.
    let (done, logged) = store.logged(store.insert_key("default", &key("k2", 1), &by(2))).await;
    assert!(!done.unwrap() && logged.is_empty());
    assert!(store.insert_key("default", &key("k3", 2), &by(2)).await.unwrap());
    assert!(store.insert_key("acme", &key("k1", 1), &by(2)).await.unwrap(), "another domain");
    let kids =
        async || -> Vec<String> { store.keys("default").await.unwrap().into_iter().map(|row| row.kid).collect() };
    assert_eq!(kids().await, ["k1", "k3"]);
    let ends = KeyRow { expires_at: Some(7), activates_at: 3, sealed: "other".into(), ..key("k1", 9) };
    let (done, logged) = store.logged(store.set_key_times("default", &ends, &by(3))).await;
    done.unwrap();
    assert_eq!((logged.len(), &*logged[0].op), (1, "update"));
    let row = store.keys("default").await.unwrap().remove(0);
    assert_eq!((row.activates_at, row.expires_at, row.generation, &*row.sealed), (3, Some(7), 1, "v1.sealed"));
    let (done, logged) = store.logged(store.set_key_times("default", &key("gone", 1), &by(3))).await;
    assert!(matches!(done, Err(StoreError::NotFound)) && logged.is_empty());
    for expected in [1, 0] {
        let (done, logged) = store.logged(store.delete_key("default", "k1", &by(4))).await;
        done.unwrap();
        assert_eq!(logged.len(), expected, "twice is once");
    }
    assert_eq!(kids().await, ["k3"]);
}

#[tokio::test]
async fn revocations_cover_and_expire() {
    let store = with_domains().await;
    let token = revocation(RevocationKind::Token, "jti", 5, 50);
    for expected in [1, 0] {
        let (done, logged) = store.logged(store.insert_revocation(&token, &by(6))).await;
        done.unwrap();
        assert_eq!(logged.len(), expected, "twice is once");
        for change in &logged {
            assert_eq!(change.revocation().unwrap().subject, "jti");
        }
    }
    // A later one of a client covers the earlier, not the other way round.
    for (issued_before, expires_at, expected) in [(10, 60, 1), (20, 70, 1), (15, 99, 0), (20, 99, 0)] {
        let client = revocation(RevocationKind::Client, "svc", issued_before, expires_at);
        let (done, logged) = store.logged(store.insert_revocation(&client, &by(20))).await;
        done.unwrap();
        assert_eq!(logged.len(), expected);
    }
    let rows = store.revocations(0).await.unwrap();
    let client = rows.iter().find(|row| row.kind == RevocationKind::Client).unwrap();
    assert_eq!((rows.len(), client.issued_before, client.expires_at), (2, 20, 70));
    assert_eq!(store.revocations(50).await.unwrap().len(), 1);
    let (done, logged) = store.logged(store.forget_expired_revocations(50)).await;
    assert_eq!((done.unwrap(), logged.len()), (1, 0));
    assert_eq!(store.revocations(0).await.unwrap().len(), 1);
    let row = store.revocations(0).await.unwrap().remove(0);
    assert!(row.domain == "default" && store.forget_expired_revocations(69).await.unwrap() == 0);
}

#[tokio::test]
async fn the_log_is_in_order_and_survives() {
    let store = with_clients().await;
    let all = store.changes().await;
    assert!(all.windows(2).all(|pair| pair[0].seq < pair[1].seq));
    assert_eq!(store.last_change().await.unwrap(), all.last().unwrap().seq);
    let page = store.changes_after(all[0].seq, 2).await.unwrap();
    assert_eq!(page.iter().map(|change| change.seq).collect::<Vec<_>>(), [all[1].seq, all[2].seq]);
    let of_acme = store.changes_before("acme", i64::MAX, 10).await.unwrap();
    assert!(of_acme.windows(2).all(|pair| pair[0].seq > pair[1].seq) && of_acme.len() == 2);
    assert_eq!(store.changes_before("acme", of_acme[0].seq, 10).await.unwrap().len(), 1);
    let Opened { store, folder } = store;
    store.close().await;
    let again = Store::open_sqlite(&folder.path().join("db")).await.unwrap();
    assert_eq!(again.changes_after(0, 100).await.unwrap().len(), all.len());
    assert!(again.get::<ClientMetadata>("default", "svc").await.unwrap().is_some());
    again.ping().await.unwrap();
}

/// No write without its line in the log: each method is tried while the log cannot be written.
#[tokio::test]
async fn a_write_that_cannot_be_logged_does_not_happen() {
    let store = with_clients().await;
    store.put("default", "api", &resource("https://a"), Precondition::None, &by(2)).await.unwrap();
    store.put_credentials("default", "svc", &[secret("cr1", "x")], &by(2)).await.unwrap();
    store.insert_key("default", &key("k1", 1), &by(2)).await.unwrap();
    store.sql("ALTER TABLE changes RENAME TO hidden").await;

    let named = ClientMetadata { client_name: Some("x".into()), ..ClientMetadata::default() };
    let ended = revocation(RevocationKind::Client, "svc", 1, 99);
    let failures = [
        store.put("default", "svc", &named, Precondition::None, &by(3)).await.err(),
        store.put("default", "new", &named, Precondition::None, &by(3)).await.err(),
        store.delete::<ClientMetadata>("default", "svc", Precondition::None, &by(3)).await.err(),
        store.delete_client(&ended, Precondition::None, &by(3)).await.err(),
        store.put_credentials("default", "svc", &[secret("cr2", "y")], &by(3)).await.err(),
        store.delete_credential("default", "svc", "cr1", &by(3)).await.err(),
        store.insert_key("default", &key("k2", 2), &by(3)).await.err(),
        store.set_key_times("default", &KeyRow { expires_at: Some(9), ..key("k1", 1) }, &by(3)).await.err(),
        store.delete_key("default", "k1", &by(3)).await.err(),
        store.insert_revocation(&ended, &by(3)).await.err(),
    ];
    for (n, failure) in failures.iter().enumerate() {
        assert!(matches!(failure, Some(StoreError::Database(_))), "{n}: {failure:?}");
    }
    store.sql("ALTER TABLE hidden RENAME TO changes").await;
    assert_eq!(store.get::<ClientMetadata>("default", "svc").await.unwrap().unwrap().version, 1);
    assert!(store.get::<ClientMetadata>("default", "new").await.unwrap().is_none());
    let credentials = store.credentials("default", "svc").await.unwrap();
    assert!(credentials.len() == 1 && credentials[0].id == "cr1");
    let keys = store.keys("default").await.unwrap();
    assert!(keys.len() == 1 && keys[0].expires_at.is_none());
    assert!(store.revocations(0).await.unwrap().is_empty());
    // And then it goes on.
    store.put("default", "svc", &named, Precondition::Version(1), &by(4)).await.unwrap();
}

#[tokio::test]
async fn writers_at_once_wait_for_each_other() {
    let store = with_domains().await;
    let puts = (0..40).map(|n| {
        let store = store.store.clone();
        tokio::spawn(async move {
            let named = ClientMetadata { client_name: Some(n.to_string()), ..ClientMetadata::default() };
            store.put("default", "one", &named, Precondition::None, &by(n)).await
        })
    });
    for put in puts.collect::<Vec<_>>() {
        put.await.unwrap().unwrap();
    }
    assert_eq!(store.get::<ClientMetadata>("default", "one").await.unwrap().unwrap().version, 40);
    assert_eq!(store.changes().await.len(), 2 + 40);
    // Of many who want to be first, one is.
    let puts = (0..10).map(|n| {
        let store = store.store.clone();
        tokio::spawn(async move {
            store.put("default", "two", &ClientMetadata::default(), Precondition::Absent, &by(n)).await.is_ok()
        })
    });
    let mut first = 0;
    for put in puts.collect::<Vec<_>>() {
        first += usize::from(put.await.unwrap());
    }
    assert_eq!(first, 1);
}

#[tokio::test]
async fn a_store_that_is_gone_says_so() {
    let store = with_clients().await;
    store.close().await;
    assert!(matches!(store.get::<ClientMetadata>("default", "svc").await, Err(StoreError::Database(_))));
    assert!(store.ping().await.is_err());
    let error: grantor_core::error::OAuthError = store.last_change().await.unwrap_err().into();
    assert_eq!((error.code.status(), error.retry_after_s), (503, Some(1)));
}

#[tokio::test]
async fn a_database_of_another_version_is_not_touched() {
    let store = open().await;
    store.sql("INSERT INTO _sqlx_migrations VALUES (9999, 'from the future', 0, TRUE, x'00', 0)").await;
    store.close().await;
    let error = Store::open_sqlite(&store.folder.path().join("db")).await.unwrap_err().to_string();
    assert!(error.contains("newer Grantor"), "{error}");
    std::fs::write(store.folder.path().join("text"), "this is no database, but text".repeat(100)).unwrap();
    let error = Store::open_sqlite(&store.folder.path().join("text")).await.unwrap_err().to_string();
    assert!(error.contains("restore it from a backup"), "{error}");
}

#[tokio::test]
async fn keys_are_replaced_all_or_none() {
    let store = with_domains().await;
    for (kid, generation) in [("k1", 1), ("k2", 2)] {
        store.insert_key("default", &key(kid, generation), &by(2)).await.unwrap();
    }
    let kids = async || store.keys("default").await.unwrap().into_iter().map(|key| key.kid).collect::<Vec<_>>();
    let old = ["k1".to_owned(), "k2".to_owned()];
    // The third is free, but another node has made the second generation.
    let (done, logged) = store.logged(store.replace_keys("default", &old, &[key("k3", 3), key("k4", 2)], &by(3))).await;
    assert!(matches!(done, Err(StoreError::Conflict(_))) && logged.is_empty(), "{done:?}");
    assert_eq!(kids().await, ["k1", "k2"]);
    let (done, logged) = store.logged(store.replace_keys("default", &old, &[key("k3", 3)], &by(3))).await;
    done.unwrap();
    assert_eq!((logged.len(), kids().await), (3, vec!["k3".to_owned()]));
}
