//! What domains, resources, clients and credentials have in common on the command line.

use super::Usage;
use super::api::{Api, Reply, When, refused};
use super::output::{self, Column, Format, Listing, note};
use anyhow::Result;
use clap::Args;
use http::StatusCode;
use serde_json::{Map, Value, json};
use std::io::{BufRead, IsTerminal, Write};

/// How much of a list is printed.
#[derive(Clone, Debug, Args)]
pub struct Page {
    /// Print at most this many
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Print only what comes after this name
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    after: String,
}

/// Asked of what cannot be undone.
#[derive(Clone, Debug, Args)]
pub struct Consent {
    /// Do not ask
    #[arg(long, short = 'y')]
    yes: bool,
}

/// How many entries are fetched at once.
const PAGE: usize = 100;

/// Prints a list, page by page.
pub async fn list(api: &Api, path: &str, columns: &'static [Column], page: &Page, format: Format) -> Result<()> {
    let mut listing = Listing::new(format, columns);
    let mut after = page.after.clone();
    loop {
        let left = page.limit.map_or(PAGE, |limit| limit.saturating_sub(listing.count()).min(PAGE));
        if left == 0 {
            break;
        }
        let (mut items, next) = fetch(api, path, &after, left).await?;
        items.truncate(page.limit.map_or(usize::MAX, |limit| limit - listing.count()));
        listing.page(&items)?;
        match next {
            Some(next) if next != after => after = next,
            _ => break,
        }
    }
    listing.end()
}

/// All entries of a list of which there are few.
pub async fn all(api: &Api, path: &str) -> Result<Vec<Value>> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let (items, next) = fetch(api, path, &after, PAGE).await?;
        all.extend(items);
        match next {
            Some(next) if next != after => after = next,
            _ => return Ok(all),
        }
    }
}

async fn fetch(api: &Api, path: &str, after: &str, limit: usize) -> Result<(Vec<Value>, Option<String>)> {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if !after.is_empty() {
        query.append_pair("after", after);
    }
    query.append_pair("limit", &limit.to_string());
    let mut body = api.get(&format!("{path}?{}", query.finish())).await?.body;
    let next = body.get("next").and_then(Value::as_str).map(str::to_owned);
    match body.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => Ok((items, next)),
        _ => Err(anyhow::anyhow!("the server's answer holds no list; is it of another version?")),
    }
}

/// Creates what must not be there yet. `what` names it: `client 'billing-svc'`.
pub async fn create(api: &Api, path: &str, what: &str, body: Map<String, Value>) -> Result<Reply> {
    api.put(path, body.into(), When::Absent).await.map_err(|error| match refused(&error) {
        Some(refused) if refused.status == StatusCode::PRECONDITION_FAILED => {
            anyhow::anyhow!("{what} exists already; change it with `update`, or choose another name")
        }
        _ => error,
    })
}

/// Changes what must be there. Members that are not in `body` keep their values.
pub async fn update(api: &Api, path: &str, body: Map<String, Value>) -> Result<Reply> {
    if body.is_empty() {
        return Err(Usage("nothing to change; name a flag for each field that is to change (see --help)".into()).into());
    }
    let have = api.get(path).await?;
    let when = have.etag.map_or(When::Any, When::Still);
    api.put(path, body.into(), when).await.map_err(|error| match refused(&error) {
        Some(refused) if refused.status == StatusCode::PRECONDITION_FAILED => {
            anyhow::anyhow!("somebody else changed it in this moment; look at it again, and repeat")
        }
        _ => error,
    })
}

/// Deletes after asking. `loss` says what goes with it.
pub async fn delete(api: &Api, path: &str, what: &str, loss: &str, consent: &Consent, format: Format) -> Result<()> {
    confirm(&format!("Delete {what}{loss}?"), consent)?;
    api.delete(path).await?;
    note(&format!("Deleted {what}."));
    match format {
        Format::Text => Ok(()),
        Format::Json => output::print_json(&json!({ "deleted": true })),
    }
}

/// Goes on if somebody at the terminal agrees, or `--yes` was given.
pub fn confirm(question: &str, consent: &Consent) -> Result<()> {
    if consent.yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(Usage("this cannot be undone, and nobody is at the terminal to be asked; add --yes".into()).into());
    }
    let _ = write!(std::io::stderr(), "{question} [y/N] ");
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    anyhow::ensure!(matches!(answer.trim(), "y" | "Y" | "yes"), "nothing was changed");
    Ok(())
}

/// Says what was done, and shows the thing as it is now.
pub fn show_done(done: &str, what: &str, reply: &Reply, format: Format) -> Result<()> {
    note(&format!("{done} {what}."));
    output::print_object(format, &reply.body)
}

/// The members that flags wrote.
#[derive(Debug, Default)]
pub struct Body(Map<String, Value>);

impl Body {
    pub fn set(mut self, name: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.into());
        }
        self
    }

    /// A list, where the flag was given at all.
    pub fn list(self, name: &str, values: &[String]) -> Self {
        let values = (!values.is_empty()).then(|| values.to_vec());
        self.set(name, values)
    }

    /// Back to what it is when nobody sets it. `fields` pairs flags with members.
    pub fn unset(mut self, flags: &[String], fields: &[(&str, &str)]) -> Self {
        for (_, field) in fields.iter().filter(|(flag, _)| flags.iter().any(|unset| unset == flag)) {
            self.0.insert((*field).to_owned(), Value::Null);
        }
        self
    }

    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }
}

/// What `--unset` takes.
pub fn flags_of(fields: &[(&'static str, &'static str)]) -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(fields.iter().map(|(flag, _)| *flag))
}
