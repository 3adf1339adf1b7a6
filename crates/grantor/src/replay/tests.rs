use super::*;
use grantor_core::jose::sha256;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::{TempDir, tempdir};

const NOW: Timestamp = 1_800_000_000;

fn opened(ids_max: usize) -> (TempDir, Replay) {
    let folder = tempdir().unwrap();
    let replay = Replay::open(&folder.path().join("replay"), ids_max, NOW).unwrap();
    (folder, replay)
}

fn reopened(folder: &TempDir, now: Timestamp) -> Replay {
    Replay::open(&folder.path().join("replay"), 100, now).unwrap()
}

fn id(jti: &str) -> SpendId {
    SpendId::new("assertion", &["default", "svc", jti])
}

fn files(folder: &TempDir) -> Vec<PathBuf> {
    let mut found: Vec<_> =
        fs::read_dir(folder.path().join("replay")).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

async fn spend(replay: &Replay, jti: &str, until: Timestamp, now: Timestamp) -> bool {
    replay.spend(&id(jti), until, now).await.unwrap()
}

#[test]
fn an_id_is_that_of_its_kind_and_parts() {
    let all = [
        SpendId::new("assertion", &["a", "bc"]),
        SpendId::new("assertion", &["ab", "c"]),
        SpendId::new("assertion", &["abc"]),
        SpendId::new("assertion", &["abc", ""]),
        SpendId::new("dpop", &["abc"]),
        SpendId::new("dpop", &["a", "bc"]),
    ];
    let different: std::collections::HashSet<_> = all.iter().collect();
    assert_eq!(different.len(), all.len());
    assert_eq!(SpendId::new("dpop", &["x"]), SpendId::new("dpop", &["x"]));
    assert_eq!(SpendId::new("x", &[]).0, sha256(b"\x01\0\0\0\0\0\0\0x")[..16]);
}

#[tokio::test]
async fn rfc7523_s3_a_jti_is_spent_once_whatever_its_exp() {
    let (_folder, replay) = opened(100);
    assert!(spend(&replay, "a", NOW + 60, NOW).await);
    assert!(!spend(&replay, "a", NOW + 60, NOW).await);
    assert!(!spend(&replay, "a", NOW + 3600, NOW).await);
    assert!(spend(&replay, "b", NOW + 60, NOW).await);
    assert!(replay.spend(&SpendId::new("assertion", &["default", "other", "a"]), NOW + 60, NOW).await.unwrap());
    assert_eq!(replay.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_copies_at_once_one_is_accepted() {
    let (folder, replay) = opened(10_000);
    let replay = Arc::new(replay);
    for round in 0..50 {
        let accepted = Arc::new(AtomicUsize::new(0));
        let copies = (0..24).map(|_| {
            let (replay, accepted) = (replay.clone(), accepted.clone());
            tokio::spawn(async move {
                if spend(&replay, &format!("r{round}"), NOW + 60, NOW).await {
                    accepted.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        for copy in copies.collect::<Vec<_>>() {
            copy.await.unwrap();
        }
        assert_eq!(accepted.load(Ordering::Relaxed), 1);
    }
    drop(replay);
    assert_eq!(reopened(&folder, NOW).len(), 50);
}

#[tokio::test]
async fn a_restart_does_not_reopen_the_window() {
    let (folder, replay) = opened(100);
    for (jti, until) in [("a", NOW + 60), ("b", NOW + 900)] {
        assert!(spend(&replay, jti, until, NOW).await);
    }
    // Neither synced nor closed: as a killed process leaves it.
    std::mem::forget(replay);
    let replay = reopened(&folder, NOW + 30);
    assert_eq!(replay.len(), 2);
    assert!(!spend(&replay, "a", NOW + 60, NOW + 30).await);
    assert!(!spend(&replay, "b", NOW + 900, NOW + 30).await);
    assert!(spend(&replay, "c", NOW + 60, NOW + 30).await);
    drop(replay);
    assert!(!spend(&reopened(&folder, NOW + 31), "c", NOW + 60, NOW + 31).await);
}

#[tokio::test]
async fn a_torn_record_harms_no_other() {
    let (folder, replay) = opened(100);
    assert!(spend(&replay, "a", NOW + 60, NOW).await);
    drop(replay);
    let [file] = files(&folder).try_into().unwrap();
    let mut bytes = fs::read(&file).unwrap();
    assert_eq!(bytes.len(), 24);
    // Half a record, and one of zeros, as file systems leave them.
    bytes.extend_from_slice(&[0; 24]);
    bytes.extend_from_slice(&[7; 11]);
    fs::write(&file, bytes).unwrap();
    let replay = reopened(&folder, NOW);
    assert_eq!(replay.len(), 1);
    assert!(spend(&replay, "b", NOW + 60, NOW).await);
    drop(replay);
    let replay = reopened(&folder, NOW);
    assert_eq!(replay.len(), 2);
    assert!(!spend(&replay, "a", NOW + 60, NOW).await);
    assert!(!spend(&replay, "b", NOW + 60, NOW).await);
    fs::write(folder.path().join("replay/notes.txt"), "not ours").unwrap();
    assert_eq!(reopened(&folder, NOW).len(), 2);
}

#[tokio::test]
async fn at_the_limit_it_fails_closed_until_something_is_over() {
    let (_folder, replay) = opened(2);
    assert!(spend(&replay, "a", NOW + 60, NOW).await);
    assert!(spend(&replay, "b", NOW + 60, NOW).await);
    let full = replay.spend(&id("c"), NOW + 60, NOW).await.unwrap_err();
    assert!(full.to_string().contains("limits.replay_ids_max"), "{full}");
    let refused = OAuthError::from(full);
    assert_eq!((refused.code.status(), refused.reason()), (503, "replay_ids_full"));
    assert!(!spend(&replay, "a", NOW + 60, NOW).await, "what is known is refused for what it is");
    replay.forget_expired(NOW + 1000);
    assert_eq!(replay.len(), 0);
    assert!(spend(&replay, "c", NOW + 1060, NOW + 1000).await);
}

#[tokio::test]
async fn what_cannot_be_written_is_not_spent() {
    let (folder, replay) = opened(100);
    let path = folder.path().join("replay");
    let aside = folder.path().join("aside");
    fs::rename(&path, &aside).unwrap();
    fs::write(&path, "").unwrap();
    let failed = replay.spend(&id("a"), NOW + 60, NOW).await.unwrap_err();
    assert!(matches!(failed, ReplayError::Disk(_)), "{failed}");
    assert_eq!(OAuthError::from(failed).code.status(), 503);
    assert_eq!(replay.len(), 0);
    fs::remove_file(&path).unwrap();
    fs::rename(&aside, &path).unwrap();
    assert!(spend(&replay, "a", NOW + 60, NOW).await);
}

#[tokio::test]
async fn a_clock_put_back_does_not_reopen_the_window() {
    let (folder, replay) = opened(100);
    assert!(spend(&replay, "a", NOW + 60, NOW).await);
    // Half an hour ahead for a while: gone from memory, but not from the disk.
    let ahead = NOW + 1800;
    replay.forget_expired(ahead);
    assert_eq!((replay.len(), files(&folder).len()), (0, 1));
    assert!(!spend(&replay, "a", NOW + 60, NOW).await);
    assert_eq!(replay.len(), 1);
    replay.forget_expired(ahead);
    drop(replay);
    // Likewise when the server was started meanwhile.
    let replay = reopened(&folder, ahead);
    assert_eq!(replay.len(), 0);
    assert!(!spend(&replay, "a", NOW + 60, NOW).await);
    // A clock that was behind forgets later.
    replay.forget_expired(NOW - 86_400);
    assert!(!spend(&replay, "a", NOW + 60, NOW).await);
    replay.forget_expired(NOW + 2 * 3600);
    assert!(files(&folder).is_empty());
    assert!(replay.is_empty());
}

#[tokio::test]
async fn an_id_for_another_day_is_refused() {
    let (folder, replay) = opened(100);
    for until in [NOW - 3601, NOW + 172_801, i64::MIN, i64::MAX] {
        let failed = replay.spend(&id("a"), until, NOW).await.unwrap_err();
        assert!(matches!(failed, ReplayError::Time { .. }), "{failed}");
    }
    assert!(files(&folder).is_empty());
}

#[tokio::test]
async fn files_are_private_and_can_be_synced() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, replay) = opened(100);
    assert!(spend(&replay, "a", NOW + 60, NOW).await);
    replay.sync().unwrap();
    replay.sync().unwrap();
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder.path().join("replay")), 0o700);
    assert_eq!(mode(files(&folder).remove(0)), 0o600);
}
