//! Reads the file, the environment and the flags into a `RawConfig`, the later ones over the earlier.

use super::problem::{Problem, nearest};
use super::settings::{RawConfig, SETTINGS};
use super::table::Setting;
use super::value::{Form, Value, Written};
use crate::secrets::{self, SecretRef, strip_newline};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// The file that is read when none is named and it exists.
pub const DEFAULT_FILE: &str = "grantor.toml";
const FILE_MAX_BYTES: usize = 1024 * 1024;
const PREFIX: &str = "GRANTOR_";

/// Variables of the command line, which are no settings.
pub const RESERVED: [&str; 6] = [
    "GRANTOR_CONFIG",
    "GRANTOR_LOG",
    "GRANTOR_ADMIN_URL",
    "GRANTOR_ADMIN_KEY",
    "GRANTOR_CLIENT_ID",
    "GRANTOR_CLIENT_SECRET",
];

/// Which file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigFile {
    /// The one `GRANTOR_CONFIG` names, else `grantor.toml` if there is one.
    Default,
    /// This one; it must exist.
    At(PathBuf),
    None,
}

/// A setting given on the command line.
#[derive(Clone)]
struct Flag {
    flag: String,
    key: String,
    value: String,
}

/// Where a configuration comes from. Flags go before the environment, the environment before the file.
#[derive(Clone)]
pub struct Sources {
    file: ConfigFile,
    environment: Vec<(OsString, OsString)>,
    flags: Vec<Flag>,
}

impl Sources {
    /// No file, no environment: the defaults, and the flags to come.
    pub fn none() -> Self {
        Self { file: ConfigFile::None, environment: Vec::new(), flags: Vec::new() }
    }

    /// The file and the environment of this process.
    pub fn of_process(file: ConfigFile) -> Self {
        let ours = |(name, _): &(OsString, OsString)| name.as_encoded_bytes().starts_with(PREFIX.as_bytes());
        Self { file, environment: std::env::vars_os().filter(ours).collect(), flags: Vec::new() }
    }

    pub fn with_file(mut self, file: ConfigFile) -> Self {
        self.file = file;
        self
    }

    pub fn with_variable(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// `flag` as the user knows it (`--listen`), `key` as in [`SETTINGS`] (`listen.public`).
    pub fn with_flag(mut self, flag: &str, key: &str, value: impl Into<String>) -> Self {
        self.flags.push(Flag { flag: flag.into(), key: key.into(), value: value.into() });
        self
    }
}

/// Names only: a variable or flag may hold a secret, if by mistake.
impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variables: Vec<_> = self.environment.iter().map(|(name, _)| name).collect();
        let flags: Vec<_> = self.flags.iter().map(|flag| &flag.flag).collect();
        f.debug_struct("Sources")
            .field("file", &self.file)
            .field("variables", &variables)
            .field("flags", &flags)
            .finish()
    }
}

/// What came out of reading, and what was wrong on the way.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub raw: RawConfig,
    /// Where each setting that is not left at its default was set.
    pub origins: BTreeMap<&'static str, String>,
    /// Settings that could not be read: nothing can be said about their values.
    pub bad: BTreeSet<&'static str>,
    pub problems: Vec<Problem>,
    /// Some of the file could not be read, so what seems missing may be there.
    pub incomplete: bool,
}

pub(super) fn read(sources: &Sources) -> Reading {
    let mut reading = Reading::default();
    reading.file(sources);
    reading.environment(&sources.environment);
    for flag in &sources.flags {
        match SETTINGS.iter().find(|setting| setting.key == flag.key) {
            Some(setting) => reading.set(setting, &flag.flag, Form::Text(&flag.value), Path::new("")),
            None => reading.problem(&flag.flag, Some(&flag.key), unknown_key(&flag.key)),
        }
    }
    reading
}

impl Reading {
    fn problem(&mut self, place: &str, key: Option<&str>, message: String) {
        self.problems.push(Problem { place: place.into(), key: key.map(str::to_owned), message });
    }

    fn set(&mut self, setting: &Setting, place: &str, form: Form<'_>, folder: &Path) {
        match self.raw.set(setting.key, &Written { form, folder }) {
            Ok(()) => {
                self.bad.remove(setting.key);
                self.origins.insert(setting.key, place.into());
            }
            Err(message) => {
                self.bad.insert(setting.key);
                self.problem(place, Some(setting.key), message);
            }
        }
    }

    fn file(&mut self, sources: &Sources) {
        let named = sources.environment.iter().find(|(name, _)| name == "GRANTOR_CONFIG");
        let (path, place) = match (&sources.file, named) {
            (ConfigFile::None, _) => return,
            (ConfigFile::At(path), _) => (path.clone(), path.display().to_string()),
            (ConfigFile::Default, Some((name, path))) => (path.into(), name.display().to_string()),
            (ConfigFile::Default, None) if !Path::new(DEFAULT_FILE).exists() => return,
            (ConfigFile::Default, None) => (DEFAULT_FILE.into(), DEFAULT_FILE.into()),
        };
        match secrets::read_text(&path, FILE_MAX_BYTES) {
            Ok(text) => self.toml(&path, &text),
            Err(wrong) => {
                self.incomplete = true;
                self.problem(&place, None, format!("the file {} cannot be read: {wrong}", path.display()));
            }
        }
    }

    fn toml(&mut self, path: &Path, text: &str) {
        let place = |at: usize| {
            let before = text.as_bytes().iter().take(at);
            format!("{}:{}", path.display(), 1 + before.filter(|byte| **byte == b'\n').count())
        };
        let (table, mut errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            self.incomplete = true;
            let start = |error: &toml::de::Error| error.span().map_or(0, |span| span.start);
            errors.sort_by_key(start);
            for error in errors {
                let at = place(start(&error));
                self.problem(&at, None, format!("this is not TOML ({}); see https://toml.io", error.message()));
            }
            return;
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut found = Vec::new();
        flatten("", table.get_ref(), &mut found);
        found.sort_by_key(|entry| entry.at);
        for Entry { at, key, value } in found {
            let place = place(at);
            match (SETTINGS.iter().find(|setting| setting.key == key), value) {
                (Some(setting), Some(value)) => self.set(setting, &place, Form::Toml(value), folder),
                (_, Some(_)) if is_section(&key) => {
                    self.problem(&place, Some(&key), format!("this is a section; write [{key}] on a line of its own"));
                }
                (_, Some(_)) => self.problem(&place, Some(&key), unknown_key(&key)),
                (_, None) => self.problem(&place, Some(&key), unknown_section(&key)),
            }
        }
    }

    fn environment(&mut self, environment: &[(OsString, OsString)]) {
        let ours = |(name, value): &(OsString, OsString)| {
            let name = name.to_str().filter(|name| name.starts_with(PREFIX))?;
            Some((name.to_owned(), value.to_str().map(str::to_owned)))
        };
        let ours: BTreeMap<String, Option<String>> = environment.iter().filter_map(ours).collect();
        let mut unknown = Vec::new();
        for (name, value) in &ours {
            let Some(value) = value else {
                self.problem(name, None, "its value is not UTF-8 text; set it anew".into());
                continue;
            };
            let plain = SETTINGS.iter().find(|setting| setting.env == *name);
            let by_file = name.strip_suffix("_FILE");
            let by_file = SETTINGS.iter().find(|setting| Some(&setting.env[..]) == by_file);
            match (plain, by_file) {
                (Some(setting), _) => self.set(setting, name, Form::Text(value), Path::new("")),
                (None, Some(setting)) if ours.contains_key(&setting.env) => {
                    self.bad.insert(setting.key);
                    let message = format!("both {} and {name} are set; unset one of them", setting.env);
                    self.problem(name, Some(setting.key), message);
                }
                (None, Some(setting)) => self.set_from_file(setting, name, value),
                (None, None) if RESERVED.contains(&&name[..]) || is_service_link(name, value) => {}
                (None, None) => unknown.push(name),
            }
        }
        // A variable may hold what a reference in the configuration points to.
        let top = &self.raw.top;
        let referred = [&top.master_key, &top.pepper].map(|reference| match reference {
            Some(SecretRef::Env(name)) => Some(name.clone()),
            _ => None,
        });
        for name in unknown {
            if !referred.contains(&Some(name.clone())) {
                self.problem(name, None, unknown_variable(name));
            }
        }
    }

    /// `NAME_FILE`, as Docker and Kubernetes hand over secrets.
    fn set_from_file(&mut self, setting: &Setting, name: &str, path: &str) {
        if setting.kind == SecretRef::KIND {
            // The file holds the secret itself, not a reference to it; it is read when it is needed.
            return self.set(setting, name, Form::Text(&format!("file:{path}")), Path::new(""));
        }
        match secrets::read_text(Path::new(path), secrets::SECRET_MAX_BYTES) {
            Ok(text) => self.set(setting, name, Form::Text(strip_newline(&text)), Path::new("")),
            Err(wrong) => {
                self.bad.insert(setting.key);
                self.problem(name, Some(setting.key), format!("the file {path} cannot be read: {wrong}"));
            }
        }
    }
}

struct Entry<'a> {
    /// Byte offset in the file.
    at: usize,
    key: String,
    /// `None` for a section that is not known, whose content then says nothing.
    value: Option<&'a DeValue<'a>>,
}

fn flatten<'a>(section: &str, table: &'a DeTable<'a>, found: &mut Vec<Entry<'a>>) {
    for (name, value) in table {
        let key = if section.is_empty() { name.get_ref().to_string() } else { format!("{section}.{}", name.get_ref()) };
        let at = name.span().start;
        match value.get_ref() {
            DeValue::Table(table) if section.is_empty() && is_section(&key) => flatten(&key, table, found),
            DeValue::Table(_) if !SETTINGS.iter().any(|setting| setting.key == key) => {
                found.push(Entry { at, key, value: None });
            }
            value => found.push(Entry { at, key, value: Some(value) }),
        }
    }
}

fn is_section(name: &str) -> bool {
    !name.is_empty() && SETTINGS.iter().any(|setting| setting.section == name)
}

fn unknown_key(key: &str) -> String {
    let name = key.rsplit('.').next().unwrap_or(key);
    let elsewhere = SETTINGS.iter().find(|setting| setting.name == name).map(|setting| setting.key);
    let meant = elsewhere.or_else(|| nearest(key, SETTINGS.iter().map(|setting| setting.key)));
    let meant = meant.map(|meant| format!("`{meant}`"));
    format!("unknown setting; {}", did_you_mean(meant))
}

fn unknown_section(key: &str) -> String {
    let sections = SETTINGS.iter().map(|setting| setting.section).filter(|section| !section.is_empty());
    format!("unknown section; {}", did_you_mean(nearest(key, sections).map(|meant| format!("[{meant}]"))))
}

fn unknown_variable(name: &str) -> String {
    let upper = name.to_ascii_uppercase();
    let known = SETTINGS.iter().flat_map(|setting| [setting.env.clone(), format!("{}_FILE", setting.env)]);
    let known: Vec<String> = known.chain(RESERVED.map(str::to_owned)).collect();
    let meant = nearest(&upper, known.iter().map(String::as_str)).map(str::to_owned);
    format!("unknown variable (names with GRANTOR_ are kept for settings); {}", did_you_mean(meant))
}

fn did_you_mean(meant: Option<String>) -> String {
    match meant {
        Some(meant) => format!("did you mean {meant}?"),
        None => "remove it; docs/reference/configuration.md lists what there is".into(),
    }
}

/// Kubernetes sets variables such as `GRANTOR_SERVICE_HOST` and `GRANTOR_PORT=tcp://…` in every pod beside a
/// Service named `grantor` or `grantor-…`. Nobody wrote them, so nobody can be told to remove them.
fn is_service_link(name: &str, value: &str) -> bool {
    let url = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    let of_port = |protocol: &str| name.contains("_PORT_") && name.contains(protocol);
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || (url && name.ends_with("_PORT"))
        || ["_TCP", "_UDP", "_SCTP"].into_iter().any(of_port)
}
