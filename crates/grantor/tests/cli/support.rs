//! Starts the binary in folders of its own, and reads what it says.

use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// What a command did.
#[derive(Debug)]
pub struct Done {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    /// The one JSON value on standard output.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    pub fn failed(self) -> Self {
        assert_eq!(self.code, 1, "{self:?}");
        assert!(self.stderr.starts_with("error: ") || self.stdout.starts_with('{'), "{self:?}");
        self
    }

    pub fn wrong_usage(self) -> Self {
        assert_eq!(self.code, 2, "{self:?}");
        self
    }
}

/// The binary in a folder, with no settings from outside.
pub fn grantor(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_grantor"));
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"GRANTOR_") {
            command.env_remove(name);
        }
    }
    command.current_dir(folder).stdin(Stdio::null());
    command
}

pub fn run(command: &mut Command) -> Done {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Done { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Runs `grantor` with these words between spaces.
pub fn words(folder: &Path, line: &str) -> Done {
    run(grantor(folder).args(line.split_whitespace()))
}

/// Runs with something on standard input.
pub fn run_with_input(command: &mut Command, input: &str) -> Done {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Done { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A running `grantor dev` with a folder of its own, `work`, whose data folder is the usual one.
pub struct Server {
    child: Child,
    pub announced: Value,
    pub folder: TempDir,
}

impl Server {
    pub fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap())
    }

    pub fn start_in(folder: TempDir) -> Self {
        Self::start_with(folder, &[])
    }

    pub fn start_with(folder: TempDir, more: &[&str]) -> Self {
        let mut child = grantor(folder.path())
            .args(["dev", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--format", "json"])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let announced = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Self { child, announced, folder }
    }

    /// Runs a command beside the server, which finds it by its folder.
    pub fn run(&self, line: &str) -> Done {
        words(self.folder.path(), line)
    }

    pub fn args(&self, args: &[&str]) -> Done {
        run(grantor(self.folder.path()).args(args))
    }

    pub fn text(&self, member: &str) -> &str {
        self.announced[member].as_str().unwrap()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Stops the server and gives back its folder.
    pub fn stop(mut self) -> TempDir {
        self.end();
        std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap())
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks for a token with HTTP Basic; status and body.
    pub fn token(&self, client_id: &str, secret: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let answer = self.request(client_id, secret, form);
        (answer.0, answer.2)
    }

    /// Status, request id and body of a token request.
    pub fn request(&self, client_id: &str, secret: &str, form: &[(&str, &str)]) -> (u16, String, Value) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let url = self.text("token_endpoint");
        let mut fields = vec![("grant_type", "client_credentials")];
        fields.extend(form);
        runtime.block_on(async {
            let http = reqwest::Client::builder().no_proxy().build().unwrap();
            let request = http.post(url).basic_auth(encode(client_id), Some(encode(secret))).form(&fields);
            let answer = request.send().await.unwrap();
            let id = answer.headers().get("x-request-id").unwrap().to_str().unwrap().to_owned();
            (answer.status().as_u16(), id, answer.json().await.unwrap())
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}
