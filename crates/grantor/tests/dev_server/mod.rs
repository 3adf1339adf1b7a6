//! A `grantor dev` of a test's own: real binary, free ports, temporary folder.

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

#[derive(Debug)]
pub struct DevServer {
    child: Child,
    announced: Value,
    /// Holds the data folder, under the name it has by default.
    folder: tempfile::TempDir,
}

impl DevServer {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    pub fn start_with(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = grantor()
            .args(["dev", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--format", "json", "--data"])
            .arg(folder.path().join("grantor-dev"))
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let announced = serde_json::from_str(&line).expect("it announces itself in one line of JSON");
        Self { child, announced, folder }
    }

    /// A member of what it announced; of one in another, such as `mtls/token_endpoint`.
    pub fn get(&self, name: &str) -> &str {
        self.announced.pointer(&format!("/{name}")).and_then(Value::as_str).unwrap()
    }

    pub fn issuer(&self) -> &str {
        self.get("issuer")
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for DevServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The binary, without the settings of whoever runs the tests.
pub fn grantor() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_grantor"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"GRANTOR_")) {
        command.env_remove(name);
    }
    command
}
