//! `grantor token` and `grantor inspect`, against a running server.

#![expect(clippy::unwrap_used, reason = "what cannot be unwrapped here is a failed test")]

mod dev_server;

use dev_server::{DevServer, grantor};
use grantor_core::jose::{Alg, SigningKey};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

struct Done {
    code: i32,
    out: String,
    err: String,
}

impl Done {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{} {}", self.out, self.err))
    }
}

fn run(command: &mut Command, input: &str) -> Done {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    // A command that does not read its input may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let done = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Done { code: done.status.code().unwrap(), out: text(done.stdout), err: text(done.stderr) }
}

/// A command of the demo client, named by environment.
fn demo(server: &DevServer, arguments: &[&str]) -> Command {
    let mut command = grantor();
    command
        .args(arguments)
        .env("GRANTOR_ISSUER", server.issuer())
        .env("GRANTOR_CLIENT_ID", server.get("client_id"))
        .env("GRANTOR_CLIENT_SECRET", server.get("client_secret"));
    command
}

fn token(server: &DevServer, arguments: &[&str]) -> String {
    let done = run(demo(server, &["token"]).args(arguments), "");
    assert_eq!(done.code, 0, "{}", done.err);
    done.out.trim_end().to_owned()
}

fn check<'r>(report: &'r Value, name: &str) -> (&'r str, &'r str) {
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("{name} in {report}"));
    (check["outcome"].as_str().unwrap(), check["says"].as_str().unwrap())
}

/// A token of the right form, signed by a key of nobody's.
fn forged(claims: &Value) -> String {
    let (key, _) = SigningKey::generate(Alg::ES256).unwrap();
    key.sign_jwt("at+jwt", claims.to_string().as_bytes()).unwrap()
}

#[test]
fn token_prints_the_token_alone_and_inspect_finds_it_good() {
    let server = DevServer::start();
    let done = run(&mut demo(&server, &["token"]), "");
    let token = done.out.strip_suffix('\n').unwrap();
    assert_eq!((done.code, token.split('.').count(), done.err.as_str()), (0, 3, ""));

    for input in [token.to_owned(), format!(" Bearer {token}\n"), json!({ "access_token": token }).to_string()] {
        let done =
            run(&mut demo(&server, &["inspect", "--format", "json", "--audience", server.get("resource")]), &input);
        let report = done.json();
        assert_eq!(
            (done.code, &report["valid"], &report["claims"]["sub"]),
            (0, &json!(true), &json!("demo")),
            "{report}"
        );
        for name in ["signature", "typ", "iss", "aud", "exp", "active"] {
            assert_eq!(check(&report, name).0, "ok", "{report}");
        }
    }
    let text = run(grantor().args(["inspect", token]), "").out;
    assert!(text.contains("whom it speaks for: the client itself") && text.contains("expires in"), "{text}");
}

#[test]
fn token_asks_for_what_it_is_told() {
    let server = DevServer::start();
    let done = run(&mut demo(&server, &["token", "--scope", "read", "--format", "json"]), "");
    let answer = done.json();
    assert_eq!((&answer["scope"], &answer["token_type"]), (&json!("read"), &json!("Bearer")));
    assert!(answer["expires_in"].as_u64().unwrap() > 60);
    assert!(token(&server, &["--resource", "https://opaque.example.com"]).starts_with("grat_"));

    let refused = run(&mut demo(&server, &["token", "--scope", "nope"]), "");
    assert_eq!((refused.code, refused.out.as_str()), (1, ""));
    for part in ["invalid_scope", "'nope' is not allowed", "[request ", "grantor explain "] {
        assert!(refused.err.contains(part), "{}", refused.err);
    }
}

#[test]
fn the_secret_is_found_where_it_is_said_to_be() {
    let server = DevServer::start();
    let secret = server.get("client_secret");
    let reference = format!("file:{}", server.folder().join("grantor-dev/demo.secret").display());
    let with = |arguments: &[&str], variable: Option<&str>| {
        let mut command = grantor();
        command
            .args(["token", "--issuer", server.issuer(), "--client-id", "demo"])
            .args(arguments)
            .env("ELSEWHERE", secret);
        if let Some(value) = variable {
            command.env("GRANTOR_CLIENT_SECRET", value);
        }
        run(&mut command, "")
    };
    for (arguments, variable) in [
        (&["--secret", "env:ELSEWHERE"][..], None),
        (&["--secret", &reference], None),
        (&["--secret", "env:ELSEWHERE"], Some("wrong")),
        (&[], Some(secret)),
        (&[], Some("env:ELSEWHERE")),
        (&[], Some(&reference)),
    ] {
        let done = with(arguments, variable);
        assert_eq!(done.code, 0, "{arguments:?}: {}", done.err);
    }

    let wrong = with(&[], Some("hunter2"));
    assert_eq!((wrong.code, wrong.err.contains("invalid_client")), (1, true), "{}", wrong.err);
    let cut = with(&[], Some(&secret[..secret.len() - 1]));
    assert_eq!((cut.code, cut.err.contains("cut or mistyped")), (1, true), "{}", cut.err);
    for done in [wrong, cut, with(&["--secret", secret], None), with(&["--secret", "hunter2"], None)] {
        assert!(!done.err.contains("hunter2") && !done.err.contains(&secret[5..20]), "{}", done.err);
        assert_eq!(done.out, "");
    }
    let bare = with(&["--secret", secret], None);
    assert_eq!((bare.code, bare.err.contains("env:NAME or file:PATH")), (2, true), "{}", bare.err);
}

#[test]
fn token_without_anything_explains_how() {
    let server = DevServer::start();
    let here = run(grantor().arg("token").current_dir(server.folder()), "");
    assert_eq!(here.code, 2);
    for part in ["--issuer", "is running here", "--client-id demo --secret file:grantor-dev/demo.secret"] {
        assert!(here.err.contains(part), "{}", here.err);
    }
    let elsewhere = tempfile::tempdir().unwrap();
    let nowhere = run(grantor().arg("token").current_dir(elsewhere.path()), "");
    assert_eq!((nowhere.code, nowhere.err.contains("`grantor dev`")), (2, true), "{}", nowhere.err);
    let missing = run(demo(&server, &["token"]).env("GRANTOR_CLIENT_SECRET", "").current_dir(elsewhere.path()), "");
    assert_eq!((missing.code, missing.err.contains("by what the client proves itself")), (2, true), "{}", missing.err);
}

#[test]
fn secrets_go_over_plain_http_to_this_machine_alone_and_past_any_proxy() {
    let server = DevServer::start();
    let refused = run(demo(&server, &["token"]).env("GRANTOR_ISSUER", "http://192.0.2.1"), "");
    assert_eq!((refused.code, refused.err.contains("must be https")), (2, true), "{}", refused.err);
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = format!("http://{}", proxy.local_addr().unwrap());
    let done = run(demo(&server, &["token"]).env("HTTP_PROXY", &at).env("http_proxy", &at).env("ALL_PROXY", &at), "");
    assert_eq!(done.code, 0, "{}", done.err);
    proxy.set_nonblocking(true).unwrap();
    assert!(proxy.accept().is_err(), "nobody came by");
}

#[test]
fn a_server_with_an_authority_of_its_own_is_trusted_when_told() {
    let server = DevServer::start_with(&["--tls"]);
    let refused = run(&mut demo(&server, &["token"]), "");
    assert_eq!(
        (refused.code, refused.err.contains("certificate") && refused.err.contains("--ca")),
        (1, true),
        "{}",
        refused.err
    );
    let good = token(&server, &["--ca", server.get("ca")]);
    let report = run(&mut demo(&server, &["inspect", "--format", "json", "--ca", server.get("ca")]), &good).json();
    assert_eq!(report["valid"], true, "{report}");
    let untrusted = run(&mut demo(&server, &["inspect", "--offline", "--ca", "/nowhere"]), &good);
    assert_eq!(untrusted.code, 0, "nobody is asked");
    let missing = run(&mut demo(&server, &["token", "--ca", "/nowhere"]), "");
    assert_eq!((missing.code, missing.err.contains("no such file")), (1, true), "{}", missing.err);
}

#[test]
fn inspect_names_everything_that_is_wrong() {
    let server = DevServer::start();
    let good = token(&server, &[]);
    let mut touched = good.clone().into_bytes();
    let at = touched.len() - 10;
    touched[at] = if touched[at] == b'A' { b'B' } else { b'A' };
    let done = run(&mut demo(&server, &["inspect", "--format", "json"]), std::str::from_utf8(&touched).unwrap());
    let report = done.json();
    assert_eq!((done.code, &report["valid"], check(&report, "signature").0), (1, &json!(false), "failed"));
    assert_eq!((check(&report, "exp").0, check(&report, "active").0), ("ok", "failed"));

    let old = forged(&json!({ "iss": server.issuer(), "exp": 1000, "nbf": 99_999_999_999_i64, "aud": "x" }));
    let done = run(grantor().args(["inspect", "--format", "json", "--audience", "y", &old]), "");
    let report = done.json();
    assert_eq!(done.code, 1);
    for (name, part) in [
        ("signature", "has no key"),
        ("exp", "expired"),
        ("nbf", "not valid yet"),
        ("aud", "for x, not for y"),
        ("claims", "sub, iat, jti, client_id missing"),
    ] {
        let (outcome, says) = check(&report, name);
        assert!(outcome == "failed" && says.contains(part), "{name}: {says}");
    }
    let elsewhere =
        run(grantor().args(["inspect", "--issuer", "http://127.0.0.1:1", "--format", "json", &good]), "").json();
    assert_eq!((check(&elsewhere, "signature").0, check(&elsewhere, "iss").0), ("failed", "failed"));
    for (input, part) in [("a.b.c", "base64url"), ("..", "not"), ("e30.e30.e30", "no alg")] {
        let done = run(grantor().args(["inspect", "-"]), input);
        assert!(done.code == 1 && done.out.contains(part), "{}", done.out);
    }
}

#[test]
fn inspect_says_what_it_could_not_check() {
    let server = DevServer::start();
    let good = token(&server, &[]);
    let own_word = run(grantor().args(["inspect", "--format", "json", &good]), "");
    let report = own_word.json();
    assert_eq!((own_word.code, &report["valid"]), (0, &Value::Null), "trust in the issuer is the user's");
    assert_eq!((check(&report, "signature").0, check(&report, "iss").0), ("ok", "skipped"));
    let offline = run(grantor().args(["inspect", "--offline", "--format", "json", &good]), "");
    let report = offline.json();
    assert_eq!((offline.code, check(&report, "signature").0, &report["valid"]), (0, "skipped", &Value::Null));
}

#[test]
fn an_opaque_token_is_asked_about() {
    let server = DevServer::start();
    let opaque = token(&server, &["--resource", "https://opaque.example.com"]);
    let alone = run(grantor().args(["inspect", &opaque]), "");
    assert!(
        alone.code == 0 && alone.out.contains("opaque token of a Grantor server") && alone.out.contains("--client-id")
    );
    let done = run(&mut demo(&server, &["inspect", "--format", "json", &opaque]), "");
    let report = done.json();
    assert_eq!((done.code, &report["kind"], &report["valid"]), (0, &json!("opaque"), &json!(true)));
    assert_eq!(report["claims"]["aud"], "https://opaque.example.com");
    let cut = run(&mut demo(&server, &["inspect", "--format", "json", &opaque[..opaque.len() - 1]]), "");
    assert_eq!((cut.code, check(&cut.json(), "active").0), (1, "failed"));
}

#[test]
fn credentials_go_to_no_issuer_that_only_a_token_names() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let issuer = format!("http://{at}");
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = vec![0; 4096];
        let read = stream.read(&mut request).unwrap();
        stream.write_all(b"HTTP/1.1 500 x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
        String::from_utf8(request[..read].to_vec()).unwrap()
    });
    let token = forged(&json!({ "iss": issuer, "aud": "x" }));
    let mut command = grantor();
    command.args(["inspect", &token]).env("GRANTOR_CLIENT_ID", "demo").env("GRANTOR_CLIENT_SECRET", "hunter2");
    assert_eq!(run(&mut command, "").code, 1);
    // Nobody waits for ever if nobody asked.
    drop(TcpStream::connect(at));
    let request = asked.join().unwrap();
    assert!(request.starts_with("GET /.well-known/") && !request.contains("\nauthorization:"), "{request}");
}

#[test]
fn a_token_cannot_write_to_the_terminal() {
    let token = forged(&json!({ "iss": "https://a.example/\u{1b}[2J", "x\u{1b}": "a\nok  signature\u{9b}\u{202e}" }));
    let done = run(grantor().args(["inspect", "--offline", &token]), "");
    let odd = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!done.out.contains(odd) && !done.out.contains("\nok  signature"), "{:?}", done.out);
}

#[test]
fn what_is_no_token_is_not_taken_for_one() {
    let server = DevServer::start();
    for (input, code, part) in [
        ("", 2, "there is no token"),
        ("   \n", 2, "there is no token"),
        ("{\"error\":\"invalid_client\"}", 1, "no access_token"),
        ("{", 1, "begins like JSON"),
        ("two words", 1, "white space"),
        (server.get("client_secret"), 1, "client secret"),
    ] {
        let done = run(grantor().arg("inspect"), input);
        assert!(done.code == code && done.err.contains(part), "{input}: {} {}", done.code, done.err);
    }
}
