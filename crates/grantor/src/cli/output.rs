//! What goes to standard output: one JSON value, or text in plain columns. Never panics when the reader goes away.

use super::time;
use anyhow::Result;
use clap::ValueEnum;
use grantor_core::domain::DEFAULT_DOMAIN;
use serde_json::{Map, Value};
use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write};

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    // For people: columns, and times as RFC 3339.
    #[default]
    Text,
    // For programs: one JSON value, and times in Unix seconds.
    Json,
}

/// Writes `text` and a newline to standard output, now: a secret must not wait in a buffer.
pub fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(ReaderGone.into()),
        Err(error) => Err(anyhow::anyhow!("cannot write to standard output: {error}")),
        Ok(()) => Ok(()),
    }
}

pub fn print_json(value: &Value) -> Result<()> {
    print(&format!("{value:#}"))
}

/// What is said beside the result, to standard error. Nobody may be listening.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Whoever read our output has seen enough, as `head` does. No failure.
#[derive(Debug)]
pub struct ReaderGone;

impl std::fmt::Display for ReaderGone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("nobody reads the output any more")
    }
}

impl std::error::Error for ReaderGone {}

/// A column: its title, and the members of an item where its value may be; the first that is there counts.
pub type Column = (&'static str, &'static [&'static str]);

/// A list that is printed page by page, so that a million entries need no memory.
#[derive(Debug)]
pub struct Listing {
    format: Format,
    columns: &'static [Column],
    widths: Vec<usize>,
    count: usize,
}

impl Listing {
    pub fn new(format: Format, columns: &'static [Column]) -> Self {
        Self { format, columns, widths: columns.iter().map(|(title, _)| title.len()).collect(), count: 0 }
    }

    pub fn count(&self) -> usize {
        self.count
    }

    pub fn page(&mut self, items: &[Value]) -> Result<()> {
        match self.format {
            Format::Text => self.rows(items)?,
            Format::Json => {
                for item in items {
                    let before = if self.count == 0 { "[\n" } else { ",\n" };
                    self.count += 1;
                    let mut out = io::stdout().lock();
                    write!(out, "{before}{item}").map_err(|error| match error.kind() {
                        ErrorKind::BrokenPipe => ReaderGone.into(),
                        _ => anyhow::Error::from(error),
                    })?;
                }
            }
        }
        Ok(())
    }

    pub fn end(self) -> Result<()> {
        match self.format {
            Format::Text => Ok(()),
            Format::Json if self.count == 0 => print("[]"),
            Format::Json => print("\n]"),
        }
    }

    fn rows(&mut self, items: &[Value]) -> Result<()> {
        let rows: Vec<Vec<String>> = items
            .iter()
            .map(|item| {
                self.columns
                    .iter()
                    .map(|(_, members)| {
                        let value = members.iter().find_map(|name| Some((name, item.get(name)?)));
                        value.map(|(name, value)| text_of(name, value)).filter(|text| !text.is_empty())
                    })
                    .map(|cell| cell.unwrap_or_else(|| "-".into()))
                    .collect()
            })
            .collect();
        for row in &rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        if self.count == 0 && !rows.is_empty() {
            let titles: Vec<String> = self.columns.iter().map(|(title, _)| (*title).to_owned()).collect();
            print(&aligned(&titles, &self.widths))?;
        }
        self.count += rows.len();
        rows.iter().try_for_each(|row| print(&aligned(row, &self.widths)))
    }
}

fn aligned(cells: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        let _ = write!(line, "{cell:<width$}  ");
    }
    line.truncate(line.trim_end().len());
    line
}

/// One thing: a member a line.
pub fn print_object(format: Format, object: &Value) -> Result<()> {
    match (format, object) {
        (Format::Text, Value::Object(members)) => print(&lines(members, "")),
        _ => print_json(object),
    }
}

/// The members of an object that have a value, one a line, values in one column.
pub fn lines(members: &Map<String, Value>, indent: &str) -> String {
    let shown: Vec<(&String, String)> =
        members.iter().map(|(name, value)| (name, text_of(name, value))).filter(|(_, text)| !text.is_empty()).collect();
    let width = shown.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let lines: Vec<String> = shown.iter().map(|(name, text)| format!("{indent}{name:<width$}  {text}")).collect();
    lines.join("\n")
}

/// A value as people read it. Nothing in it can steer the terminal.
pub fn text_of(name: &str, value: &Value) -> String {
    let is_time = name.ends_with("_at") || matches!(name, "at" | "since" | "not_before");
    let text = match value {
        Value::Null => String::new(),
        Value::Number(number) if is_time => number.as_i64().map_or_else(|| number.to_string(), time::rfc3339),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            items.join(", ")
        }
        Value::Object(members) if members.is_empty() => String::new(),
        other => other.to_string(),
    };
    plain(&text)
}

/// `text` without characters that steer a terminal.
pub fn plain(text: &str) -> String {
    if !text.chars().any(|c| c.is_control() && c != '\n') {
        return text.to_owned();
    }
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// The flag that names a domain in a command to be repeated; none for the default one.
pub fn domain_flag(domain: &str) -> String {
    match domain {
        "" | DEFAULT_DOMAIN => String::new(),
        other => format!(" --domain {}", shell(other)),
    }
}

/// `text` as one word of a POSIX shell.
pub fn shell(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/' | b':' | b'%' | b'@' | b'+');
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_shown_as_people_read_them() {
        assert_eq!(text_of("created_at", &json!(0)), "1970-01-01T00:00:00Z");
        assert_eq!(text_of("version", &json!(3)), "3");
        assert_eq!(text_of("resources", &json!(["a", "b"])), "a, b");
        assert_eq!(text_of("claims", &json!({"a": 1})), r#"{"a":1}"#);
        assert_eq!(text_of("x", &json!("\u{1b}[31mred")), "\u{fffd}[31mred");
    }

    #[test]
    fn words_for_a_shell_cannot_break_out() {
        assert_eq!(shell("billing-svc:abc"), "billing-svc:abc");
        assert_eq!(shell("a b"), "'a b'");
        assert_eq!(shell("a'; rm -rf"), r"'a'\''; rm -rf'");
        assert_eq!(shell(""), "''");
    }
}
