//! What goes wrong is said in a sentence that names the next step.

use super::support::{Done, Server, grantor, run, words};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// `grantor serve` in a folder, which must refuse to start.
fn serve(folder: &Path, settings: &[(&str, &str)]) -> Done {
    let mut command = grantor(folder);
    command.arg("serve").env("GRANTOR_ISSUER", "http://127.0.0.1:8080").env("GRANTOR_LISTEN__PUBLIC", "127.0.0.1:0");
    run(command.env("GRANTOR_LISTEN__ADMIN", "127.0.0.1:0").envs(settings.iter().copied())).failed()
}

#[test]
fn a_second_server_on_the_same_folder_is_refused() {
    let server = Server::start();
    let done = server.run("dev --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0").failed();
    assert!(done.stderr.contains(&format!("process {}", server.pid())), "{done:?}");
    assert!(done.stderr.contains("stop it, or give this one a folder of its own"), "{done:?}");
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let done = serve(folder.path(), &[("GRANTOR_LISTEN__PUBLIC", &address)]);
    assert!(done.stderr.contains(&address) && done.stderr.contains("listen.public"), "{done:?}");
    let done = words(folder.path(), &format!("dev --listen 127.0.0.1:0 --admin-listen {address}")).failed();
    assert!(done.stderr.contains("in use by another program"), "{done:?}");
}

#[test]
fn the_demo_server_does_not_listen_for_other_machines() {
    let folder = tempfile::tempdir().unwrap();
    let done = words(folder.path(), "dev --listen 0.0.0.0:0").failed();
    assert!(done.stderr.contains("grantor serve"), "{done:?}");
}

#[test]
fn keys_that_do_not_fit_are_refused() {
    let folder = Server::start().stop();
    let data = folder.path().join("grantor-dev");
    let settings = [("GRANTOR_DATA", "grantor-dev")];
    let master = data.join("master.key");
    let right = std::fs::read(&master).unwrap();

    std::fs::set_permissions(&master, std::fs::Permissions::from_mode(0o644)).unwrap();
    let done = serve(folder.path(), &settings);
    assert!(done.stderr.contains("chmod 600"), "{done:?}");

    std::fs::remove_file(&master).unwrap();
    let done = serve(folder.path(), &settings);
    assert!(done.stderr.contains("restore it from a backup"), "{done:?}");

    let other = format!("{}\n", "A".repeat(43));
    std::fs::write(&master, &other).unwrap();
    std::fs::set_permissions(&master, std::fs::Permissions::from_mode(0o600)).unwrap();
    let done = serve(folder.path(), &settings);
    assert!(done.stderr.contains("master key"), "{done:?}");
    assert!(!done.stderr.contains("AAAA"), "{done:?}");

    std::fs::write(&master, right).unwrap();
    std::fs::write(data.join("grantor.db"), "this is no database, and long enough to be read as one").unwrap();
    for wal in ["grantor.db-wal", "grantor.db-shm"] {
        let _ = std::fs::remove_file(data.join(wal));
    }
    let done = serve(folder.path(), &settings);
    assert!(done.stderr.contains("cannot open the database") && done.stderr.contains("from a backup"), "{done:?}");
}

#[test]
fn a_wrong_configuration_is_told_whole() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("grantor.toml"), "isuer = \"x\"\n[limits]\nbody_max_bytes = \"many\"\n").unwrap();
    for command in ["check", "serve", "client list"] {
        let done = words(folder.path(), command).failed();
        assert!(done.stderr.contains("grantor.toml:1: isuer"), "{done:?}");
        assert!(done.stderr.contains("grantor.toml:3: limits.body_max_bytes"), "{done:?}");
    }
    let done = words(folder.path(), "check --format json").failed();
    assert_eq!(done.json()["problems"][0]["place"], "grantor.toml:1");
    assert!(done.stderr.is_empty(), "{done:?}");

    std::fs::write(folder.path().join("grantor.toml"), "issuer = \"https://auth.example.com\"\n").unwrap();
    let done = words(folder.path(), "check").ok();
    assert!(done.stdout.contains("issuer = \"https://auth.example.com\"  (grantor.toml:1)"), "{done:?}");
    assert_eq!(words(folder.path(), "check --format json").ok().json()["ok"], true);
}

#[test]
fn a_log_filter_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let done = serve(folder.path(), &[("GRANTOR_LOG", "grantor=loud=x")]);
    assert!(done.stderr.contains("GRANTOR_LOG"), "{done:?}");
}

#[test]
fn secrets_are_not_taken_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    for line in [
        "client list --admin-url http://127.0.0.1:1 --admin-key hunter2",
        "credential create billing --secret hunter2",
        "credential create billing --phc $2b$hunter2",
    ] {
        let done = words(folder.path(), line).wrong_usage();
        assert!(done.stderr.contains("env:NAME or file:PATH") && done.stderr.contains("process lists"), "{done:?}");
        assert!(!done.stderr.contains("hunter2"), "{done:?}");
    }
    let done = words(folder.path(), "client list --admin-url http://127.0.0.1:1").wrong_usage();
    assert!(done.stderr.contains("--admin-key"), "{done:?}");
    let done = words(folder.path(), "client list --admin-key env:HOME").wrong_usage();
    assert!(done.stderr.contains("--admin-url"), "{done:?}");
    words(folder.path(), "client list --admin-url http://127.0.0.1:1 --data x").wrong_usage();
}

#[test]
fn a_server_that_cannot_be_found_or_reached_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let done = words(folder.path(), "client list").failed();
    assert!(done.stderr.contains("grantor-data or grantor-dev") && done.stderr.contains("grantor dev"), "{done:?}");

    let done = words(folder.path(), "client list --data nowhere").failed();
    assert!(done.stderr.contains("no data folder nowhere"), "{done:?}");

    let mut command = grantor(folder.path());
    command.args(["client", "list", "--admin-url", "http://127.0.0.1:1"]).env("GRANTOR_ADMIN_KEY", "gradmX");
    let done = run(&mut command).failed();
    assert!(done.stderr.contains("127.0.0.1:1") && done.stderr.contains("start the server"), "{done:?}");
    assert!(!done.stderr.contains("gradmX"), "{done:?}");

    let server = Server::start();
    let mut command = grantor(folder.path());
    command.args(["client", "list", "--admin-url", server.text("issuer")]).env("GRANTOR_ADMIN_KEY", "gradmX");
    let done = run(&mut command).failed();
    assert!(done.stderr.contains("not an admin API") || done.stderr.contains("no admin API"), "{done:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = grantor(folder.path());
    command.args(["completions", "zsh"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap()), (Some(0), String::new()));

    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let done = run_to(grantor(folder.path()).args(["completions", "zsh"]), full).failed();
    assert!(done.stderr.contains("cannot write to standard output"), "{done:?}");
}

fn run_to(command: &mut Command, out: std::fs::File) -> Done {
    let output = command.stdout(out).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    Done { code: output.status.code().unwrap(), stdout: String::new(), stderr }
}
