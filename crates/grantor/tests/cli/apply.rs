//! `grantor apply`.

use super::pki::Ca;
use super::support::{Done, Server, grantor, run};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;

const FILE: &str = r#"
[domain.default.resource.invoices]
identifier = "https://invoices.example.com"
scope = "read write"

[domain.default.client.billing]
client_name = "Billing"
scope = "read"
resources = ["https://invoices.example.com"]

[domain.default.client.billing.credential.main]
secret = "env:BILLING_SECRET"

[domain.default.client.report.credential.first]
generate = true
"#;

fn apply(folder: &Path, file: &str, flags: &[&str]) -> Done {
    std::fs::write(folder.join("grantor-apply.toml"), file).unwrap();
    let mut command = grantor(folder);
    run(command.args(["apply", "-f", "grantor-apply.toml"]).args(flags).env("BILLING_SECRET", "correct horse"))
}

fn counts(done: &Value) -> (usize, u64) {
    (done["changes"].as_array().unwrap().len(), done["unchanged"].as_u64().unwrap())
}

#[test]
fn applied_twice_changes_nothing_the_second_time() {
    let server = Server::start();
    let folder = server.folder.path();
    let dry = apply(folder, FILE, &["--dry-run"]).ok();
    insta::assert_snapshot!(dry.stdout, @r#"
    + resource default/invoices
        identifier: "https://invoices.example.com"
        scope: "read write"
    + client default/billing
        client_name: "Billing"
        resources: ["https://invoices.example.com"]
        scope: "read"
    + credential default/billing/main
        secret: what the file refers to
    + client default/report
    + credential default/report/first
        secret: made by the server
    = 1 unchanged
    "#);
    assert!(dry.stderr.contains("Nothing was changed"), "{dry:?}");
    server.run("client show billing").failed();

    let first = apply(folder, FILE, &["--format", "json"]).ok().json();
    assert_eq!(counts(&first), (5, 1), "{first:#}");
    let secret = first["secrets"][0]["client_secret"].as_str().unwrap().to_owned();
    assert_eq!(server.token("billing", "correct horse", &[("scope", "read")]).0, 200);
    assert_eq!(first["secrets"][0]["client_id"], "report");
    assert!(
        server.token("report", &secret, &[]).1["error"] == "invalid_target",
        "it authenticates, but has no resource"
    );

    let second = apply(folder, FILE, &[]).ok();
    assert_eq!((second.stdout.as_str(), second.stderr.as_str()), ("= 6 unchanged\n", "Nothing to change.\n"));
}

#[test]
fn only_what_differs_is_changed_and_what_is_not_written_stays() {
    let server = Server::start();
    let folder = server.folder.path();
    apply(folder, FILE, &[]).ok();
    server.run("client update billing --lifetime-s 60").ok();
    let changed = FILE.replace("scope = \"read\"\nresources", "scope = \"read write\"\nresources");
    let done = apply(folder, &changed, &[]).ok();
    insta::assert_snapshot!(done.stdout, @r#"
    ~ client default/billing
        scope: "read" → "read write"
    = 5 unchanged
    "#);
    let client = server.run("client show billing --format json").ok().json();
    assert_eq!((&client["scope"], &client["access_token_lifetime_s"]), (&json!("read write"), &json!(60)));
}

#[test]
fn a_secret_that_changed_is_seen_and_replaced_if_that_is_wished() {
    let server = Server::start();
    let folder = server.folder.path();
    apply(folder, FILE, &[]).ok();
    let with = |secret: &str, flags: &[&str]| {
        let mut command = grantor(folder);
        run(command.args(["apply", "-f", "grantor-apply.toml"]).args(flags).env("BILLING_SECRET", secret))
    };
    let refused = with("battery staple", &[]).failed();
    assert!(
        refused.stderr.contains("grantor-apply.toml:12: domain.default.client.billing.credential.main.secret: the")
    );
    assert!(refused.stderr.contains("--replace-secrets") && !refused.stderr.contains("battery"), "{refused:?}");
    let dry = with("battery staple", &["--replace-secrets", "--dry-run"]).ok();
    insta::assert_snapshot!(dry.stdout, @r#"
    ~ credential default/billing/main
        secret: another, which ends at once → what the file refers to
    = 5 unchanged
    "#);
    assert_eq!(server.token("billing", "correct horse", &[]).0, 200);
    with("battery staple", &["--replace-secrets"]).ok();
    assert_eq!(server.token("billing", "correct horse", &[]).0, 401);
    assert_eq!(server.token("billing", "battery staple", &[]).0, 200);
    assert_eq!(with("battery staple", &[]).ok().stdout, "= 6 unchanged\n");
}

#[test]
fn pruning_deletes_what_the_file_does_not_name() {
    let server = Server::start();
    let folder = server.folder.path();
    server.run("domain create acme").ok();
    server.run("client create elsewhere --domain acme --no-secret").ok();
    server.run("client create mine --no-secret").ok();
    server.run("credential create mine --id kept").ok();
    apply(folder, FILE, &[]).ok();
    server.run("credential create billing --id extra").ok();
    let file = format!("{FILE}\n[domain.default.client.mine]\n");
    let dry = apply(folder, &file, &["--prune", "--dry-run"]).ok();
    insta::assert_snapshot!(dry.stdout, @r#"
    - client default/demo
    - resource default/demo-api
    - resource default/demo-opaque
    - credential default/billing/extra
    = 7 unchanged
    "#);
    apply(folder, &file, &["--prune"]).ok();
    let list = |what: &str| server.run(&format!("{what} list --format json")).ok().json();
    let ids: Vec<Value> = list("client").as_array().unwrap().iter().map(|one| one["client_id"].clone()).collect();
    assert_eq!(ids, ["billing", "mine", "report"]);
    assert!(list("resource").to_string().contains("urn:grantor:admin"), "what is built in stays");
    assert_eq!(server.run("client list --domain acme --format json").ok().json()[0]["client_id"], "elsewhere");
    assert!(
        server.run("credential list mine").ok().stdout.contains("kept"),
        "the file says nothing of its credentials"
    );
    assert!(!server.run("credential list billing").ok().stdout.contains("extra"));
    assert_eq!(apply(folder, &file, &["--prune"]).ok().stdout, "= 7 unchanged\n");
}

#[test]
fn a_file_with_a_fault_changes_nothing() {
    let server = Server::start();
    let folder = server.folder.path();
    let faulty = format!(
        "{FILE}\n[domain.default.client.other]\nscop = \"x\"\n[domain.default.client.third]\nresources = \
         [\"https://nowhere.example\"]\n[domain.default.resource.nameless]\nscope = \"x\"\n\
         [domain.default.resource.twin]\nidentifier = \"https://api.example.com\"\n\
         [domain.default.client.third.credential.none]\nlabel = \"x\"\n"
    );
    let done = apply(folder, &faulty, &[]).failed();
    insta::assert_snapshot!(done.stderr, @r#"
    error: nothing was changed, since the file has 5 problems:
      grantor-apply.toml:18: domain.default.client.other.scop: unknown key; did you mean `scope`?
      grantor-apply.toml:20: domain.default.client.third.resources: 'https://nowhere.example' is the identifier of no resource of domain 'default'; add the resource, or correct it
      grantor-apply.toml:21: domain.default.resource.nameless: a new resource needs one more line; write identifier = "https://…"
      grantor-apply.toml:24: domain.default.resource.twin.identifier: 'https://api.example.com' is that of resource 'demo-api'
      grantor-apply.toml:25: domain.default.client.third.credential.none: a new credential needs a source; write secret, phc, generate = true, a key or a certificate
    "#);
    assert_eq!(server.run("client list --format json").ok().json().as_array().unwrap().len(), 1);
    let done = apply(folder, &faulty, &["--format", "json"]).failed().json();
    assert_eq!((&done["ok"], done["problems"].as_array().unwrap().len()), (&json!(false), 5));
    let done = apply(folder, "[domain", &[]).failed();
    assert!(done.stderr.contains("grantor-apply.toml:1: this is not TOML"), "{done:?}");
}

#[test]
fn issuers_are_compared_before_anything_is_changed() {
    let server = Server::start();
    let folder = server.folder.path();
    server.run("domain create acme --issuer https://acme.example").ok();
    let twice = "[domain.a]\nissuer = \"https://x.example\"\n[domain.b]\nissuer = \"https://x.example\"\n\
                 [domain.c]\nissuer = \"https://acme.example\"\n";
    let done = apply(folder, twice, &[]).failed();
    assert!(done.stderr.contains("toml:4: domain.b.issuer: it is that of domain 'a'"), "{done:?}");
    assert!(done.stderr.contains("toml:6: domain.c.issuer: it is that of domain 'acme'"), "{done:?}");
    let swapped = "[domain.acme]\nissuer = \"https://new.example\"\n[domain.c]\nissuer = \"https://acme.example\"\n";
    apply(folder, swapped, &[]).ok();
}

#[test]
fn what_stopped_in_the_middle_is_continued() {
    let server = Server::start();
    let names: Vec<String> = (0..400).map(|i| format!("c{i:03}")).collect();
    let clients: Vec<String> = names.iter().map(|name| format!("[domain.default.client.{name}]")).collect();
    std::fs::write(server.path("many.toml"), clients.join("\n")).unwrap();
    let mut command = grantor(server.folder.path());
    let applying = command.args(["apply", "-f", "many.toml"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let applying = applying.spawn().unwrap();
    while server.run("client show c003").code != 0 {}
    let folder = server.stop();
    let output = applying.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    for part in ["stopped at client default/c", "done before (", " of 400): client default/c000,", "run this again"] {
        assert!(stderr.contains(part), "{part}: {stderr}");
    }
    let server = Server::start_in(folder);
    let rest = server.run("apply -f many.toml --format json").ok().json();
    let (created, unchanged) = counts(&rest);
    assert!(created < 400 && unchanged >= 4 && created as u64 + unchanged == 401, "{created} {unchanged}");
    assert_eq!(server.run("apply -f many.toml").ok().stderr, "Nothing to change.\n");
}

#[test]
fn resources_that_clients_need_are_not_taken_away() {
    let server = Server::start();
    let folder = server.folder.path();
    let demo = "[domain.default.client.demo]\nclient_name = \"D\"\n";
    let done = apply(folder, demo, &["--prune"]).failed();
    assert!(done.stderr.contains("'https://api.example.com' is the identifier of no resource"), "{done:?}");
    apply(folder, demo, &[]).ok();
    server.run("resource delete demo-opaque --yes").ok();
    apply(folder, &demo.replace('D', "E"), &[]).ok();
    let written = format!("{demo}resources = [\"https://api.example.com\", \"https://opaque.example.com\"]\n");
    apply(folder, &written, &[]).failed();
}

#[test]
fn the_example_is_right() {
    let server = Server::start();
    let folder = server.folder.path();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/grantor-apply.toml");
    let example = std::fs::read_to_string(file).unwrap();
    apply(folder, &example, &[]).ok();
    assert_eq!(server.token("billing-svc", "correct horse", &[]).0, 200);
    let (status, body) = server.token("billing-svc", "correct horse", &[("scope", "ledger:post")]);
    assert_eq!((status, body["expires_in"].as_u64()), (200, Some(60)), "{body}");
    assert!(apply(folder, &example, &["--prune"]).ok().stdout.contains("- client default/demo"));
    assert_eq!(apply(folder, &example, &["--prune"]).ok().stderr, "Nothing to change.\n");
}

#[test]
fn the_file_can_come_from_a_pipe_and_in_another_language() {
    use super::support::run_with_input;
    let server = Server::start();
    let mut command = grantor(server.folder.path());
    let yaml = "domain:\n  acme:\n    client:\n      a:\n        client_name: A\n";
    run_with_input(command.args(["apply", "-f", "-", "--input-format", "yaml"]), yaml).ok();
    assert_eq!(server.run("client show a --domain acme --format json").ok().json()["client_name"], "A");
    let json = json!({ "domain": { "acme": { "client": { "a": { "client_name": null } } } } }).to_string();
    let mut command = grantor(server.folder.path());
    let done = run_with_input(command.args(["apply", "-f", "-", "--input-format", "json"]), &json).ok();
    assert!(done.stdout.contains("client_name: \"A\" → none"), "{done:?}");
    run_with_input(grantor(server.folder.path()).args(["apply", "-f", "-"]), &json).wrong_usage();
    run(grantor(server.folder.path()).args(["apply", "-f", "nowhere.toml"])).failed();
}

const PROOFS: &str = r#"
[domain.default]
trust_anchors = ["""CA"""]

[domain.default.resource.vault]
identifier = "https://vault.example.com"
sender_constraint = "any"

[domain.default.client.batch]
token_endpoint_auth_methods = ["private_key_jwt", "self_signed_tls_client_auth"]
dpop_bound_access_tokens = true
credential.key.jwks = "file:key.pem"
credential.cert.certificate = "file:cert.pem"
credential.away.jwks_uri = "https://keys.example.com/jwks.json"

[domain.default.client.edge]
token_endpoint_auth_methods = ["tls_client_auth", "client_secret_jwt"]
tls_client_certificate_bound_access_tokens = true
credential.name.tls_client_auth_san_dns = "edge.example.com"
credential.hmac = { type = "hmac_secret", generate = true }
"#;

#[test]
fn keys_and_certificates_are_applied() {
    let (server, ca) = (Server::start(), Ca::new());
    let folder = server.folder.path();
    let (pem, key) = ca.issue_until("batch", 2090);
    std::fs::write(folder.join("cert.pem"), pem).unwrap();
    std::fs::write(folder.join("key.pem"), key).unwrap();
    let file = PROOFS.replace("CA", &ca.pem);
    let first = apply(folder, &file, &[]).ok();
    for part in ["certificate: what the file refers to", "sender_constraint: \"any\"", "client_secret  "] {
        assert!(first.stdout.contains(part), "{part}: {first:?}");
    }
    assert!(!first.stdout.contains("PRIVATE") && !first.stdout.contains("\"d\""), "{first:?}");
    let second = apply(folder, &file, &[]).ok();
    assert_eq!(second.stdout, "= 9 unchanged\n", "{second:?}");
    server.run("credential test-certificate cert.pem").ok();
    let types: Vec<Value> = server.run("credential list batch --format json").ok().json().as_array().unwrap().clone();
    let types: Vec<_> = types.iter().map(|one| one["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["jwks_uri", "certificate", "jwks"]);

    std::fs::write(folder.join("cert.pem"), ca.issue("batch")).unwrap();
    let refused = apply(folder, &file, &[]).failed();
    assert!(
        refused.stderr.contains("credential.cert.certificate") && refused.stderr.contains("another"),
        "{refused:?}"
    );
    apply(folder, &file, &["--replace-secrets"]).ok();
    server.run("credential test-certificate cert.pem").ok();

    for (line, named) in [
        ("credential.x.type = \"secret\"", "write hmac_secret"),
        ("credential.x.type = \"hmac_secret\"", "an hmac_secret takes secret"),
        ("credential.x.certificate = \"file:key.pem\"", "private key"),
        ("credential.x.jwks = \"file:none.json\"", "cannot be read"),
        ("credential.x.jwks = { kty = \"EC\", d = \"x\" }", "private member"),
        ("credential.x.tls_client_auth_san_ip = \"x\"", "not an IP address"),
        ("credential.x = { jwks_uri = \"https://a.example\", generate = true }", "one source"),
    ] {
        let wrong = apply(folder, &format!("[domain.default.client.edge]\n{line}\n"), &[]).failed();
        assert!(wrong.stderr.contains(named), "{line}: {wrong:?}");
    }
}
