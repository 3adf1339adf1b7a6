//! TLS of the real binary: its log, its signals, its addresses.

use super::support::*;
use grantor::http::dev_certificate::{DevCertificate, dev_certificate};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(10);

/// A `grantor serve` with a certificate, and what it logs.
struct Serving {
    child: Child,
    log: Receiver<Value>,
    folder: tempfile::TempDir,
    files: DevCertificate,
}

fn certificate(folder: &Path) -> DevCertificate {
    #[expect(clippy::disallowed_methods, reason = "clients that check the certificate read the same clock")]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().cast_signed();
    dev_certificate(folder, now).unwrap()
}

impl Serving {
    fn start(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = certificate(&folder.path().join("tls"));
        let text = format!(
            "issuer = \"https://localhost\"\n[log]\nformat = \"json\"\n[listen]\npublic = \"127.0.0.1:0\"\n\
             mtls = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n[tls]\ncertificate = {:?}\nkey = {:?}\n{settings}",
            files.certificate, files.key
        );
        fs::write(folder.path().join("grantor.toml"), text).unwrap();
        let mut child = grantor(folder.path()).arg("serve").stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (send, log) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = send.send(serde_json::from_str(&line).unwrap_or(Value::String(line)));
            }
        });
        Self { child, log, folder, files }
    }

    /// The next line of the log that holds this message.
    fn says(&self, message: &str) -> Value {
        loop {
            let line = self.log.recv_timeout(LONG).unwrap_or_else(|_| panic!("it does not say '{message}'"));
            if line.to_string().contains(message) {
                return line;
            }
        }
    }

    fn hang_up(&self) {
        let done = Command::new("kill").args(["-HUP", &self.child.id().to_string()]).status().unwrap();
        assert!(done.success());
    }

    /// Puts a new certificate into place, and only then its key.
    fn replace(&self, in_between: impl FnOnce()) {
        let other = certificate(&self.folder.path().join("other"));
        fs::rename(&other.certificate, &self.files.certificate).unwrap();
        in_between();
        fs::rename(&other.key, &self.files.key).unwrap();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_replaced_certificate_is_read_again_and_half_a_pair_is_reported_once() {
    let server = Serving::start("reload_interval_s = 1");
    server.says("serving");
    server.replace(|| {
        let line = server.says("the TLS certificate was not replaced; the old one stays in use");
        assert!(line.to_string().contains("is not the key of the first certificate in"), "{line}");
        assert_eq!(line["level"], "ERROR");
        std::thread::sleep(Duration::from_millis(2500));
        assert!(server.log.try_recv().is_err(), "it says so once");
    });
    server.says("the TLS certificate was read again");
}

#[test]
fn a_certificate_and_another_s_key_are_no_right_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other] = ["one", "other"].map(|name| certificate(&folder.path().join(name)));
    let check = |key: &Path| {
        let text = format!(
            "issuer = \"https://localhost\"\n[tls]\ncertificate = {:?}\nkey = {key:?}\n",
            one.certificate.display().to_string()
        );
        fs::write(folder.path().join("grantor.toml"), text).unwrap();
        words(folder.path(), "check")
    };
    check(&one.key).ok();
    let done = check(&other.key).failed();
    assert!(done.stderr.contains("grantor.toml:3: tls.certificate"), "{done:?}");
    assert!(done.stderr.contains("is not the key of the first certificate in"), "{done:?}");
}

#[test]
fn sighup_has_the_certificate_read_again() {
    let server = Serving::start("reload_interval_s = 0");
    server.says("serving");
    server.replace(|| {
        for _ in 0..2 {
            server.hang_up();
            server.says("the TLS certificate was not replaced");
        }
    });
    server.hang_up();
    server.says("the TLS certificate was read again");
}
