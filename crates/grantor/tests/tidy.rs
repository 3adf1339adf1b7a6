//! Holds the layout: which room may use which, who talks to which dependency, how long a file may grow.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// From the inside out. A room uses rooms of its own rank or below, and never in a circle.
const RANKS: [&[&str]; 7] = [
    &["clock", "random"],
    &["secrets", "watch"],
    &["store", "config", "data_dir"],
    &[
        "directory",
        "keys",
        "audit",
        "imported",
        "throttle",
        "allowances",
        "telemetry",
        "trust",
        "remote_keys",
        "replay",
    ],
    &["authenticate", "dpop", "token", "introspect", "revoke", "admin"],
    &["http", "server"],
    &["cli"],
];

/// Dependencies with one door each: the crate as code names it, and where it may be named.
const DOORS: [(&str, &[&str]); 11] = [
    ("sqlx", &["grantor/src/store/"]),
    ("aws_lc_rs", &["grantor-core/src/jose/", "grantor-core/src/jwk.rs", "grantor/src/random.rs"]),
    ("rustls", &["grantor/src/http/"]),
    ("rcgen", &["grantor/src/http/"]),
    ("x509_cert", &["grantor-core/src/x509/"]),
    ("webpki", &["grantor-core/src/x509/"]),
    ("der", &["grantor-core/src/x509/"]),
    ("clap", &["grantor/src/cli/"]),
    ("reqwest", &["grantor/src/cli/", "grantor/src/remote_keys/", "grantor-secrets/src/vault/"]),
    ("prometheus_client", &["grantor/src/telemetry.rs"]),
    ("grantor_secrets", &["grantor/src/secrets.rs"]),
];

/// What would make the protocol wait.
const NOT_IN_CORE: [&str; 8] = ["tokio", "sqlx", "axum", "hyper", "reqwest", "async-trait", "rand", "getrandom"];

const LINES_MAX: usize = 500;

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Path below `crates/` and text of each Rust file.
fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    for name in ["grantor-core/src", "grantor-secrets/src", "grantor/src", "grantor-client/src"] {
        walk(&crates().join(name), &mut found);
    }
    assert!(found.len() > 40, "the sources were not found");
    let short = |path: &Path| path.strip_prefix(crates()).unwrap().display().to_string();
    found.into_iter().map(|path| (short(&path), fs::read_to_string(&path).unwrap())).collect()
}

/// Rooms of the server that a text names as `crate::ROOM`.
fn uses(text: &str) -> BTreeSet<&str> {
    let name = |rest: &'_ str| rest.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(rest.len());
    text.split("crate::").skip(1).map(|rest| &rest[..name(rest)]).filter(|room| rank(room).is_some()).collect()
}

fn rank(room: &str) -> Option<usize> {
    RANKS.iter().position(|rooms| rooms.contains(&room))
}

fn room_of(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("grantor/src/")?;
    let room = rest.split('/').next().unwrap().trim_end_matches(".rs");
    (room != "lib" && room != "main").then_some(room)
}

#[test]
fn arrows_point_inwards() {
    let sources = sources();
    let mut graph = BTreeMap::<&str, BTreeSet<&str>>::new();
    let mut wrong = Vec::new();
    for (path, text) in &sources {
        let Some(room) = room_of(path) else { continue };
        let Some(own) = rank(room) else {
            wrong.push(format!("{path}: the room {room} has no rank; give it one in RANKS"));
            continue;
        };
        for used in uses(text).into_iter().filter(|used| *used != room) {
            if rank(used).unwrap() > own {
                wrong.push(format!("{path} uses crate::{used}, which is further out"));
            }
            graph.entry(room).or_default().insert(used);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(graph.len() > 10, "no arrows were read");
    for room in graph.keys() {
        let (mut seen, mut next) = (BTreeSet::new(), vec![*room]);
        while let Some(at) = next.pop() {
            for used in graph.get(at).into_iter().flatten() {
                assert_ne!(used, room, "{room} and {at} use each other");
                if seen.insert(*used) {
                    next.push(used);
                }
            }
        }
    }
}

/// Whether a text names a crate: `der::` and `x509_cert::der::`, but not `header::`.
fn names(text: &str, name: &str) -> bool {
    let path = format!("{name}::");
    text.match_indices(&path).any(|(at, _)| !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric()))
}

#[test]
fn dependencies_have_one_door() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        for (name, doors) in DOORS {
            let named = names(&text, name) && !path.starts_with("grantor-client/");
            if named && !doors.iter().any(|door| path.starts_with(door)) {
                wrong.push(format!("{path} names {name}, whose door is {doors:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_core_does_not_wait() {
    let manifest = fs::read_to_string(crates().join("grantor-core/Cargo.toml")).unwrap();
    let dependencies = manifest.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    for name in NOT_IN_CORE {
        let there = dependencies.lines().any(|line| line.split(['.', ' ', '=']).next() == Some(name));
        assert!(!there, "grantor-core depends on {name}");
    }
    for (path, text) in sources().into_iter().filter(|(path, _)| path.starts_with("grantor-core/")) {
        assert!(!text.contains("async fn") && !text.contains(".await"), "{path} waits");
    }
}

#[test]
fn files_hold_one_idea() {
    let long: Vec<String> = sources()
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(path, lines)| format!("{path} has {lines} lines; {LINES_MAX} are enough for one idea"))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}
