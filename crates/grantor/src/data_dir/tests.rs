use super::*;
use std::fs::Permissions;
use tempfile::{TempDir, tempdir};

fn opened() -> (TempDir, DataDir) {
    let folder = tempdir().unwrap();
    let dir = DataDir::open(&folder.path().join("data"), IfMissing::Create).unwrap();
    (folder, dir)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_folder_is_made_private_or_refused() {
    let (folder, dir) = opened();
    assert_eq!(mode(dir.path()), 0o700);
    let open = |path: &Path, if_missing| DataDir::open(path, if_missing).unwrap_err().to_string();
    assert!(open(&folder.path().join("none"), IfMissing::Refuse).contains("there is no data folder"));
    fs::write(folder.path().join("file"), "").unwrap();
    assert!(open(&folder.path().join("file"), IfMissing::Create).contains("is a file"));
    assert!(open(&folder.path().join("file/x"), IfMissing::Create).contains("failed"));
    set_mode(dir.path(), 0o777);
    let wrong = open(dir.path(), IfMissing::Create);
    assert!(wrong.contains(&format!("chmod 700 {}", dir.path().display())), "{wrong}");
}

#[test]
fn a_second_server_is_told_who_has_the_folder() {
    let (_folder, dir) = opened();
    let held = dir.lock().unwrap();
    let wrong = dir.lock().unwrap_err().to_string();
    assert!(wrong.contains(&format!("(process {})", std::process::id())), "{wrong}");
    assert!(wrong.contains(&dir.path().display().to_string()), "{wrong}");
    drop(held);
    dir.lock().unwrap();
    assert_eq!(mode(&dir.path().join(LOCK)), 0o600);
}

#[tokio::test]
async fn keys_are_made_once_and_stay() {
    let (_folder, dir) = opened();
    assert!(dir.admin_key().unwrap_err().to_string().contains("no such file"));
    let make = async || {
        let lock = dir.lock().unwrap();
        let master = lock.master_key(None, IfMissing::Create).await.unwrap();
        (master, lock.peppers(None, IfMissing::Create).await.unwrap(), lock.admin_key().unwrap())
    };
    let first = make().await;
    assert_eq!(first, make().await);
    assert_eq!(dir.admin_key().unwrap(), first.2);
    for name in [MASTER_KEY, PEPPER_KEY, ADMIN_KEY] {
        assert_eq!(mode(&dir.path().join(name)), 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_lost_key_is_not_silently_made_anew() {
    let (_folder, dir) = opened();
    let lock = dir.lock().unwrap();
    let wrong = lock.master_key(None, IfMissing::Refuse).await.unwrap_err().to_string();
    assert!(wrong.contains("restore it from a backup"), "{wrong}");
    assert!(lock.peppers(None, IfMissing::Refuse).await.is_err());
    assert!(!dir.path().join(MASTER_KEY).exists());
}

#[tokio::test]
async fn a_key_that_others_can_read_is_refused() {
    let (_folder, dir) = opened();
    let lock = dir.lock().unwrap();
    lock.master_key(None, IfMissing::Create).await.unwrap();
    let path = dir.path().join(MASTER_KEY);
    for open in [0o640, 0o604, 0o620] {
        set_mode(&path, open);
        let wrong = lock.master_key(None, IfMissing::Create).await.unwrap_err().to_string();
        assert!(wrong.contains(&format!("chmod 600 {}", path.display())), "{wrong}");
    }
    set_mode(&path, 0o400);
    lock.master_key(None, IfMissing::Create).await.unwrap();
}

#[tokio::test]
async fn a_damaged_key_is_refused_and_left_alone() {
    let (_folder, dir) = opened();
    let lock = dir.lock().unwrap();
    for (name, content) in [(MASTER_KEY, "hunter2"), (PEPPER_KEY, "hunter2"), (ADMIN_KEY, "hunter2"), (MASTER_KEY, "")]
    {
        let path = dir.path().join(name);
        fs::write(&path, content).unwrap();
        set_mode(&path, 0o600);
        let wrong = match name {
            MASTER_KEY => lock.master_key(None, IfMissing::Create).await.unwrap_err(),
            PEPPER_KEY => lock.peppers(None, IfMissing::Create).await.unwrap_err(),
            _ => lock.admin_key().unwrap_err(),
        };
        assert!(wrong.to_string().contains(name) && !wrong.to_string().contains("hunter2"), "{wrong}");
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
}

#[tokio::test]
async fn a_reference_goes_before_the_folder_and_makes_nothing() {
    let (folder, dir) = opened();
    let lock = dir.lock().unwrap();
    let path = folder.path().join("elsewhere");
    let reference = SecretRef::File(path.clone());
    let wrong = lock.master_key(Some(&reference), IfMissing::Create).await.unwrap_err().to_string();
    assert!(wrong.contains(&format!("file:{}", path.display())) && wrong.contains("no such file"), "{wrong}");
    fs::write(&path, "hunter2").unwrap();
    let wrong = lock.master_key(Some(&reference), IfMissing::Create).await.unwrap_err().to_string();
    assert!(wrong.contains("openssl rand") && !wrong.contains("hunter2"), "{wrong}");
    fs::write(&path, "A".repeat(43) + "\n").unwrap();
    let key = lock.master_key(Some(&reference), IfMissing::Refuse).await.unwrap();
    assert_eq!(*key.0, [0; 32]);
    assert!(!dir.path().join(MASTER_KEY).exists());
}

#[test]
fn the_admin_url_lives_as_long_as_the_server() {
    let (_folder, dir) = opened();
    let lock = dir.lock().unwrap();
    assert_eq!(dir.admin_url().unwrap(), None);
    lock.publish_admin_url("http://127.0.0.1:8081").unwrap();
    lock.publish_admin_url("http://127.0.0.1:9000").unwrap();
    assert_eq!(dir.admin_url().unwrap().as_deref(), Some("http://127.0.0.1:9000"));
    assert_eq!(mode(&dir.path().join(ADMIN_URL)), 0o600);
    drop(lock);
    assert_eq!(dir.admin_url().unwrap(), None);
}

#[test]
fn the_admin_url_of_a_killed_server_is_removed_by_the_next() {
    let (_folder, dir) = opened();
    atomic::replace(&dir.path().join(ADMIN_URL), b"http://127.0.0.1:1\n").unwrap();
    let _lock = dir.lock().unwrap();
    assert_eq!(dir.admin_url().unwrap(), None);
}
