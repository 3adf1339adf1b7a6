//! Runs the shell blocks of the pages as written, each page in one shell, against a demo server of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]

mod dev_server;

use dev_server::{DevServer, grantor};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Blocks with one of these are for another machine, or build something.
const ELSEWHERE: [&str; 6] = ["cargo ", "/etc/", "/var/lib/", "sudo ", "https://auth.example.com", "grantor-data/"];

const INVOICES: &str = "grantor resource create invoices --identifier https://invoices.example.com --scope 'invoices:read invoices:write'\n";

fn blocks(page: &str, language: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let text = fs::read_to_string(root.join(page)).unwrap();
    let (mut blocks, mut open) = (Vec::new(), None::<String>);
    for line in text.lines().map(str::trim_start) {
        match (line.strip_prefix("```"), &mut open) {
            (Some(named), None) => open = (named == language).then(String::new),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => *block += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    blocks
}

/// Ids in the pages are examples; these are real ones.
fn with_real_names(script: &str, server: &DevServer) -> String {
    let last_request = r#"$(sed -n '$s/.*"request_id":"\([^"]*\)".*/\1/p' grantor-dev/audit/audit.jsonl)"#;
    let a_credential = r#"$(grantor credential list billing-svc | sed -n '2s/ .*//p')"#;
    let tls = server.issuer().starts_with("https:");
    let mtls = if tls { server.get("mtls/token_endpoint") } else { "" };
    script
        .replace("https://localhost:8443/connect/token", mtls)
        .replace("http://127.0.0.1:8080", server.issuer())
        .replace("localhost:8080", server.issuer().split("//").last().unwrap())
        .replace("http://127.0.0.1:8081", server.get("admin_url"))
        .replace("275tyas5w68wmk9g", last_request)
        .replace("cr1795400000a1B2c3D4", a_credential)
}

/// Runs what a page says. Its script stops at the first command that fails.
fn run(page: &str, before: &str, commands_min: usize) {
    run_on(&DevServer::start(), page, before, commands_min);
}

fn run_on(server: &DevServer, page: &str, before: &str, commands_min: usize) {
    let script: Vec<_> =
        blocks(page, "sh").into_iter().filter(|block| !ELSEWHERE.iter().any(|not| block.contains(not))).collect();
    let script = with_real_names(&script.concat(), server);
    let commands = script.matches("grantor ").count();
    assert!(commands >= commands_min, "{page} has only {commands} commands:\n{script}");
    for toml in blocks(page, "toml") {
        fs::write(server.folder().join("clients.toml"), toml).unwrap();
    }
    fs::write(server.folder().join("hash.txt"), HASH).unwrap();
    let grantor = grantor();
    let binaries = Path::new(grantor.get_program()).parent().unwrap().display().to_string();
    let path = format!("{binaries}:{}", std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"GRANTOR_")) {
        shell.env_remove(name);
    }
    let done = shell
        .args(["-eux", "-c", &format!("{before}{script}")])
        .env("PATH", path)
        .current_dir(server.folder())
        .output()
        .unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(done.status.success(), "{page}:\n{}\n{}", said(&done.stdout), said(&done.stderr));
}

/// A hash from elsewhere: the vector of RFC 7914 §11.
const HASH: &str = "$pbkdf2-sha256$i=80000$TmFDbA$TdzY9guYviGDDO5e8icB+WQaRBjQTAQUrv8Ih2s0q1ah1CWhIlgzVJrbhBtRybMXaicr3ruh0HhHj2Kzl/M8jQ\n";

#[test]
fn start() {
    run("docs/start.md", "", 7);
}

#[test]
fn protect_an_api() {
    run("docs/guides/protect-an-api.md", "", 2);
}

#[test]
fn rotate_a_secret() {
    let client = "grantor client create billing-svc --resource https://invoices.example.com --scope invoices:read\n";
    run("docs/guides/rotate-a-secret.md", &format!("{INVOICES}{client}"), 6);
}

#[test]
fn client_authentication() {
    let server = DevServer::start_with(&["--tls"]);
    run_on(&server, "docs/guides/client-authentication.md", "", 30);
}

#[test]
fn migrate_secrets() {
    let client = "grantor client create legacy-app --resource https://invoices.example.com\n";
    run("docs/guides/migrate-secrets.md", &format!("{INVOICES}{client}"), 8);
}

#[test]
fn tls() {
    let server = DevServer::start_with(&["--tls"]);
    run_on(&server, "docs/guides/tls.md", "", 5);
    // Where the page ends, a certificate has been revoked and its list replaced.
    let refused = || {
        let test = ["credential", "test-certificate", "billing.pem"];
        let done = grantor().args(test).current_dir(server.folder()).output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
        (!done.status.success()).then_some(said)
    };
    let said = (0..60).find_map(|_| {
        std::thread::sleep(Duration::from_millis(500));
        refused()
    });
    let said = said.expect("the revoked certificate is refused once the list was read again");
    assert!(said.contains("revoked"), "{said}");
}
