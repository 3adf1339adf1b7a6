//! What administrators do, with a server and without one.

use super::support::{Server, grantor, run, run_with_input, words};
use serde_json::{Value, json};
use std::process::Stdio;

const API: &str = "https://api.example.com";

fn names(list: &Value, member: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|item| item[member].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_demo_server_announces_one_json_object() {
    let server = Server::start();
    for member in
        ["issuer", "token_endpoint", "admin_url", "admin_key", "client_id", "client_secret", "resource", "curl"]
    {
        assert!(!server.text(member).is_empty(), "{member}");
    }
    let (status, body) = server.token(server.text("client_id"), server.text("client_secret"), &[]);
    assert_eq!(status, 200, "{body}");
    let mut remote = grantor(server.folder.path());
    remote.args(["client", "list", "--format", "json", "--admin-url", server.text("admin_url")]);
    remote.env("GRANTOR_ADMIN_KEY", server.text("admin_key"));
    assert_eq!(names(&run(&mut remote).ok().json(), "client_id"), ["demo"]);
    let mut by_reference = grantor(server.folder.path());
    by_reference.args(["client", "list", "--admin-key", "file:grantor-dev/admin.key", "--admin-url"]);
    assert!(run(by_reference.arg(server.text("admin_url"))).ok().stdout.contains("demo"));
    let mut wrong = grantor(server.folder.path());
    wrong.args(["client", "list", "--admin-url", server.text("admin_url")]).env("GRANTOR_ADMIN_KEY", "gradmwrong");
    assert!(!run(&mut wrong).failed().stderr.contains("gradmwrong"));
}

#[test]
fn every_listing_is_one_json_value_and_plain_columns() {
    let server = Server::start();
    for (line, member, name, title) in [
        ("domain list", "name", "default", "NAME"),
        ("resource list", "identifier", API, "NAME"),
        ("client list", "client_id", "demo", "CLIENT_ID"),
        ("credential list demo", "type", "secret", "CREDENTIAL"),
        ("key list", "alg", "ES256", "KEY"),
    ] {
        let list = server.run(&format!("{line} --format json")).ok().json();
        assert!(names(&list, member).contains(&name.to_owned()), "{line}: {list}");
        let text = server.run(line).ok();
        assert!(text.stdout.starts_with(title) && text.stdout.contains(name), "{text:?}");
    }
    for line in ["domain show default", "resource show demo-api", "client show demo"] {
        assert!(server.run(&format!("{line} --format json")).ok().json().is_object(), "{line}");
    }
    let empty = server.run("client list --after zzz --format json").ok();
    assert_eq!(empty.json(), json!([]));
}

#[test]
fn long_lists_are_followed_page_by_page() {
    let folder = Server::start().stop();
    let clients: serde_json::Map<String, Value> =
        (0..250).map(|i| (format!("c{i:03}"), json!({ "client_name": format!("Client {i}") }))).collect();
    let file = json!({ "domain": { "default": { "client": clients } } }).to_string();
    run_with_input(grantor(folder.path()).args(["apply", "-f", "-", "--input-format", "json"]), &file).ok();
    let list = words(folder.path(), "client list --format json").ok().json();
    assert_eq!(list.as_array().unwrap().len(), 251);
    let list = words(folder.path(), "client list --format json --after c100 --limit 120").ok().json();
    assert_eq!((names(&list, "client_id").len(), names(&list, "client_id")[0].as_str()), (120, "c101"));
    assert_eq!(words(folder.path(), "client list --limit 3").ok().stdout.lines().count(), 4);
}

#[test]
fn a_client_made_here_gets_a_token() {
    let server = Server::start();
    let made =
        server.args(&["client", "create", "billing svc:7", "--scope", "read", "--resource", API, "--format", "json"]);
    let made = made.ok().json();
    let secret = made["client_secret"].as_str().unwrap();
    let (status, body) = server.token("billing svc:7", secret, &[("scope", "read")]);
    assert_eq!((status, body["token_type"].as_str()), (200, Some("Bearer")), "{body}");
    let curl = made["curl"].as_str().unwrap();
    assert!(curl.contains("-u billing+svc%3A7:") && curl.ends_with(server.text("token_endpoint")), "{curl}");

    let again = server.args(&["client", "create", "billing svc:7"]).failed();
    assert!(again.stderr.contains("exists already"), "{again:?}");
    let text = server.run("client create other --no-secret").ok();
    assert!(!text.stdout.contains("grsec"), "{text:?}");
    let text = server.run("client create third --auth-method client_secret_post").ok();
    assert!(text.stdout.contains("client_secret  grsec") && text.stdout.contains("-d client_id=third"), "{text:?}");
    assert!(!text.stderr.contains("grsec"), "secrets go to standard output alone");
}

#[test]
fn updates_change_what_they_name_and_nothing_else() {
    let server = Server::start();
    let show = |id: &str| server.run(&format!("client show {id} --format json")).ok().json();
    server
        .args(&["client", "create", "a", "--no-secret", "--client-name", "A", "--claim", "level=5", "--resource", API])
        .ok();
    server.args(&["client", "update", "a", "--scope", "read", "--lifetime-s", "60", "--disable"]).ok();
    let client = show("a");
    assert_eq!((&client["client_name"], &client["scope"]), (&json!("A"), &json!("read")));
    assert_eq!((&client["access_token_lifetime_s"], &client["enabled"]), (&json!(60), &json!(false)));
    assert_eq!(client["claims"], json!({ "level": 5 }));
    server.run("client update a --unset lifetime-s --unset claim --enable").ok();
    let client = show("a");
    assert!(client.get("access_token_lifetime_s").is_none_or(Value::is_null), "{client}");
    assert_eq!(client["enabled"], true);

    server.run("client update a").wrong_usage();
    let missing = server.run("client update nobody --scope read").failed();
    assert!(missing.stderr.contains("nobody"), "{missing:?}");
    let wrong = server.run("client update a --resource https://nowhere.example --default-scope write").failed();
    assert!(wrong.stderr.contains("https://nowhere.example") && wrong.stderr.contains("default_scope"), "{wrong:?}");

    server.run("domain create acme --sandbox --lifetime-s 60").ok();
    server.run("resource create api --identifier https://a.example --scope x --domain acme").ok();
    server.run("resource update api --token-format opaque --domain acme").ok();
    let resource = server.run("resource show api --domain acme --format json").ok().json();
    assert_eq!((&resource["access_token_format"], &resource["scope"]), (&json!("opaque"), &json!("x")));
    server.run("domain update acme --sandbox=false").ok();
    assert!(server.run("domain show acme").ok().stdout.contains("/acme"));
}

#[test]
fn nothing_is_deleted_without_consent() {
    let server = Server::start();
    for line in ["client delete demo", "resource delete demo-api", "domain delete default", "key rotate --compromised"]
    {
        let done = server.run(line).wrong_usage();
        assert!(done.stderr.contains("--yes"), "{done:?}");
    }
    server.run("client delete demo --yes").ok();
    assert_eq!(server.run("client list --format json").ok().json(), json!([]));
    assert_eq!(server.token("demo", server.text("client_secret"), &[]).0, 401);
    let default = server.run("domain delete default --yes").failed();
    assert!(default.stderr.contains("cannot be deleted"), "{default:?}");
    server.run("domain create acme").ok();
    server.run("domain delete acme --yes").ok();
    server.run("domain show acme").failed();
}

#[test]
fn secrets_are_rotated_revoked_and_brought_along() {
    let server = Server::start();
    let works = |secret: &str| server.token("demo", secret, &[]).0 == 200;
    let first = server.text("client_secret");
    let rotated = server.run("credential rotate demo --overlap 1h --label next --format json").ok().json();
    let second = rotated["secret"].as_str().unwrap();
    assert!(works(first) && works(second));
    let list = server.run("credential list demo --format json").ok().json();
    let old = list.as_array().unwrap().iter().find(|one| one["label"] == "demo").unwrap();
    assert!(old["expires_at"].is_i64(), "{list}");
    let old = old["id"].as_str().unwrap();
    server.run(&format!("credential revoke demo {old}")).ok();
    assert!(!works(first) && works(second));
    assert!(server.run(&format!("credential show demo {old}")).ok().stdout.contains("revoked"));
    server.run(&format!("credential delete demo {old} --yes")).ok();
    assert!(!server.run("credential list demo").ok().stdout.contains(old));

    std::fs::write(server.path("secret"), "correct horse\n").unwrap();
    let made = server.args(&["credential", "create", "demo", "--secret", "file:secret", "--expires-at", "90d"]).ok();
    assert!(made.stderr.contains("grantor credential rotate demo"), "{made:?}");
    assert!(works("correct horse"));
    let mut phc = grantor(server.folder.path());
    let phc = run_with_input(
        phc.args(["credential", "create", "demo", "--phc", "-", "--id", "old", "--label", "U"]),
        "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n",
    );
    phc.ok();
    assert!(works("U*U"));
    let shown = server.run("credential show demo old --format json").ok().json();
    assert_eq!(shown["type"], "imported_secret");
    server.args(&["credential", "update", "demo", "old", "--label", "V", "--not-before", "2099-01-01"]).ok();
    assert!(!works("U*U"));
    let list = server.run("client show demo").ok();
    assert!(list.stdout.contains("imported_secret") && list.stderr.contains("credential rotate demo"), "{list:?}");
    let wrong = server.run("credential update demo old --expires-at soon").wrong_usage();
    assert!(wrong.stderr.contains("90d"), "{wrong:?}");
}

#[test]
fn keys_are_listed_and_rotated() {
    let server = Server::start();
    let status = |list: &Value| names(list, "status");
    assert!(status(&server.run("key list --format json").ok().json()).contains(&"active".into()));
    let rotated = server.run("key rotate --format json").ok().json();
    assert!(status(&rotated).contains(&"pending".into()), "{rotated}");
    let (_, token) = server.token("demo", server.text("client_secret"), &[]);
    assert!(token["access_token"].is_string());
    server.run("key rotate --compromised --yes").ok();
    server.run("client revoke-tokens demo").ok();
    assert_eq!(server.token("demo", server.text("client_secret"), &[]).0, 200);
}

#[test]
fn a_refused_request_is_explained() {
    let server = Server::start();
    let (status, id, _) = server.request("demo", "wrong", &[]);
    assert_eq!(status, 401);
    let told = server.run(&format!("explain {id}")).ok();
    for part in
        ["was refused", "client 'demo' from 127.0.0.1", "invalid_client", "wrong_secret", "credential rotate demo"]
    {
        assert!(told.stdout.contains(part), "{part}: {told:?}");
    }
    let decision = server.run(&format!("explain {id} --format json")).ok().json();
    assert_eq!((&decision["outcome"], &decision["reason"]), (&json!("refused"), &json!("wrong_secret")));
    let asked = [("scope", "admin"), ("resource", API)];
    let (status, id, _) = server.request("demo", server.text("client_secret"), &asked);
    assert_eq!(status, 400);
    let told = server.run(&format!("explain {id}")).ok();
    assert!(told.stdout.contains(&format!("client_credentials for {API}, scope \"admin\"")), "{told:?}");
    let (status, id, _) = server.request("demo", server.text("client_secret"), &[("scope", "read")]);
    assert_eq!(status, 200);
    let told = server.run(&format!("explain {id}")).ok();
    assert!(told.stdout.contains("scope \"read\"") && told.stdout.contains(API), "{told:?}");
    let folder = server.stop();
    assert!(
        words(folder.path(), &format!("explain {id}")).ok().stdout.contains(API),
        "it works without the server too"
    );
    words(folder.path(), "explain nosuchrequest").failed();
}

#[test]
fn without_the_server_everything_is_the_same() {
    let server = Server::start();
    server.run("client create online --scope read --format json").ok();
    let lines =
        ["domain list", "resource list", "client list", "credential list demo", "key list", "client show online"];
    let all = |run: &dyn Fn(&str) -> Value| lines.map(|line| run(&format!("{line} --format json")));
    let online = all(&|line| server.run(line).ok().json());
    let folder = server.stop();
    let offline = all(&|line| words(folder.path(), line).ok().json());
    // The issuer holds the port, which is another one when the server does not run.
    assert_eq!(online[1..], offline[1..]);

    let made = words(folder.path(), &format!("client create offline --scope read --resource {API} --format json"));
    let made = made.ok().json();
    let wrong = words(folder.path(), "client update offline --resource https://nowhere.example").failed();
    assert!(wrong.stderr.contains("https://nowhere.example"), "{wrong:?}");
    let server = Server::start_in(folder);
    let (status, body) = server.token("offline", made["client_secret"].as_str().unwrap(), &[]);
    assert_eq!(status, 200, "{body}");
}

#[test]
fn commands_may_run_side_by_side() {
    let folder = Server::start().stop();
    let commands: Vec<_> = (0..6)
        .map(|i| {
            let mut command = grantor(folder.path());
            command.args(["client", "create", &format!("c{i}"), "--no-secret"]);
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for command in commands {
        let done = command.wait_with_output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
    assert_eq!(words(folder.path(), "client list --format json").ok().json().as_array().unwrap().len(), 7);
}

#[test]
fn a_configured_server_is_administered_before_its_first_start() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    let config = "issuer = \"https://auth.example.com\"\ndata = \"data\"\n";
    std::fs::write(folder.path().join("grantor.toml"), config).unwrap();
    let domain = words(folder.path(), "domain show default --format json").ok().json();
    assert_eq!(domain["issuer"], "https://auth.example.com", "{domain}");

    let other = tempfile::tempdir().unwrap();
    std::fs::create_dir(other.path().join("grantor-data")).unwrap();
    let done = words(other.path(), "client list").failed();
    assert!(done.stderr.contains("no server runs on the data folder grantor-data"), "{done:?}");
    assert!(done.stderr.contains("--config"), "{done:?}");
}
