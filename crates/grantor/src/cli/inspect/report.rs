//! What was found out about a token, for people and for programs.

use super::checks::{Check, Outcome};
use super::claims::{meaning, ordered};
use crate::cli::Format;
use crate::cli::output::{plain, print, print_json};
use crate::cli::time;
use anyhow::Result;
use grantor_core::Timestamp;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Jwt,
    /// Three parts, but no JWT that any API would take.
    Unreadable,
    /// An opaque token of a Grantor server.
    GrantorHandle,
    /// Somebody else's opaque token.
    Opaque,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::Unreadable => "unreadable",
            Self::GrantorHandle | Self::Opaque => "opaque",
        }
    }

    const fn in_words(self) -> &'static str {
        match self {
            Self::Jwt => "A signed JWT. Anybody can read it.",
            Self::Unreadable => "It has the dots of a JWT, but is none that an API would take.",
            Self::GrantorHandle => "An opaque token of a Grantor server. Only its issuer can read it.",
            Self::Opaque => "An opaque token: it says nothing by itself. Only its issuer knows what it means.",
        }
    }
}

#[derive(Debug)]
pub struct Report {
    pub kind: Kind,
    pub header: Map<String, Value>,
    pub claims: Map<String, Value>,
    pub checks: Vec<Check>,
}

/// What the checks come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Good,
    Bad,
    /// Its issuer vouches for it, but that issuer is only whom the token itself names.
    UpToTheIssuer,
    Unknown,
}

impl Report {
    pub fn print(&self, format: Format, now: Timestamp) -> Result<()> {
        match format {
            Format::Text => print(&self.text(now)),
            Format::Json => print_json(&self.json(now)),
        }
    }

    fn verdict(&self) -> Verdict {
        let any = |outcome| self.checks.iter().any(|check| check.outcome == outcome);
        let vouched = |check: &Check| check.outcome == Outcome::Passed && matches!(check.name, "signature" | "active");
        let issuer_open = |check: &Check| check.outcome == Outcome::Skipped && check.name == "iss";
        match any(Outcome::Failed) {
            true => Verdict::Bad,
            false if !self.checks.iter().any(vouched) => Verdict::Unknown,
            false if self.checks.iter().any(issuer_open) => Verdict::UpToTheIssuer,
            false => Verdict::Good,
        }
    }

    fn json(&self, now: Timestamp) -> Value {
        let checks: Vec<_> = self
            .checks
            .iter()
            .map(|check| json!({ "name": check.name, "outcome": check.outcome.as_str(), "says": check.says }))
            .collect();
        let meanings: Map<String, Value> = ordered(&self.claims)
            .map(|(name, value)| (name.clone(), meaning(name, value, &self.claims, now).into()))
            .collect();
        json!({
            "kind": self.kind.as_str(),
            "valid": match self.verdict() {
                Verdict::Good => Value::Bool(true),
                Verdict::Bad => Value::Bool(false),
                Verdict::UpToTheIssuer | Verdict::Unknown => Value::Null,
            },
            "checks": checks,
            "header": self.header,
            "claims": self.claims,
            "meanings": meanings,
        })
    }

    fn text(&self, now: Timestamp) -> String {
        let mut out = format!("{}\n", self.kind.in_words());
        if !self.checks.is_empty() {
            out.push('\n');
        }
        let width = self.checks.iter().map(|check| check.name.len()).max().unwrap_or_default();
        for Check { name, outcome, says } in &self.checks {
            let _ = writeln!(out, "  {:<7}  {name:<width$}  {}", outcome.as_str(), one_line(says));
        }
        out.push_str(&members("Header", &self.header, |_, _| String::new()));
        out.push_str(&members("Claims", &self.claims, |name, value| meaning(name, value, &self.claims, now)));
        out.push('\n');
        out.push_str(match self.verdict() {
            Verdict::Good => "Good: what was checked is right.",
            Verdict::Bad => "Not good: see what failed above.",
            Verdict::UpToTheIssuer => {
                "Right in itself. Whether its issuer is the right one is for you to say: --issuer URL"
            }
            Verdict::Unknown => "Whether it is good was not checked.",
        });
        out
    }
}

/// One member a line: name, value, and what that means.
fn members(title: &str, members: &Map<String, Value>, meaning: impl Fn(&str, &Value) -> String) -> String {
    if members.is_empty() {
        return String::new();
    }
    const WIDEST: usize = 44;
    let shown: Vec<_> =
        ordered(members).map(|(name, value)| (one_line(name), shown(name, value), meaning(name, value))).collect();
    let longest = |of: fn(&(String, String, String)) -> &String| {
        shown.iter().map(|row| of(row).chars().count()).filter(|width| *width <= WIDEST).max().unwrap_or_default()
    };
    let (names, values) = (longest(|row| &row.0), longest(|row| &row.1));
    let mut out = format!("\n{title}\n");
    for (name, value, meaning) in &shown {
        let line = format!("  {name:<names$}  {value:<values$}  {meaning}");
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// A value as people read it.
fn shown(name: &str, value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if matches!(name, "exp" | "iat" | "nbf" | "auth_time") => {
            number.as_i64().map_or_else(|| number.to_string(), time::rfc3339)
        }
        Value::Array(items) if items.iter().all(Value::is_string) => {
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    };
    one_line(&text)
}

/// A token may be written by an enemy: nothing in it may steer the terminal or pass for a line of ours.
fn one_line(text: &str) -> String {
    let turning = |c: char| matches!(c, '\n' | '\r' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    plain(&text.replace(turning, " "))
}
