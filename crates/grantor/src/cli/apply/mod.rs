//! `grantor apply`: a file says what there should be; what differs is changed.

mod credential;
mod plan;
mod run;
mod source;
mod tree;
mod wanted;

use super::output::{Format, note};
use super::server::Server;
use super::{Said, Usage};
use crate::config::Problem;
use crate::secrets;
use anyhow::Result;
use clap::Args;
use plan::Allowed;
use std::io::Read;
use std::path::{Path, PathBuf};
use tree::Language;
use wanted::Place;

/// Make a server's domains, resources, clients and credentials as a file says.
///
/// Shows what differs, and changes only that. What the file does not write keeps its value, and what it does not
/// name stays, unless --prune is given. All that is wrong with the file is said before anything is changed. Running it
/// again changes nothing; after a failure in the middle, running it again does the rest.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  grantor apply -f grantor-apply.toml --dry-run
  grantor apply -f grantor-apply.toml
  render-template | grantor apply -f - --input-format yaml

A file (docs/reference/apply.md has all its keys):
  [domain.default.resource.invoices]
  identifier = \"https://invoices.example.com\"
  scope = \"invoices:read invoices:write\"

  [domain.default.client.billing-svc]
  scope = \"invoices:read\"
  resources = [\"https://invoices.example.com\"]

  [domain.default.client.billing-svc.credential.main]
  secret = \"env:BILLING_SECRET\"")]
pub struct Apply {
    /// The file: .toml, .yaml, .yml or .json; - is standard input
    #[arg(long, short, value_name = "FILE")]
    file: PathBuf,
    /// Language of the file, where its name does not tell
    #[arg(long, value_enum)]
    input_format: Option<Language>,
    /// Show what differs, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Also delete what the domains in the file have and the file does not name: resources, clients, and the
    /// credentials of clients that have a `credential` table there
    #[arg(long)]
    prune: bool,
    /// Also replace secrets that are others than the file refers to, which ends the old ones at once
    #[arg(long)]
    replace_secrets: bool,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    server: Server,
}

/// Longest file that is read.
const FILE_MAX_BYTES: usize = 16 * 1024 * 1024;

impl Apply {
    pub async fn run(self) -> Result<()> {
        let (text, language, place) = self.read()?;
        let root = match tree::parse(&text, language) {
            Ok(root) => root,
            Err(malformed) => {
                let problem =
                    |tree::Malformed { line, wrong }| Problem { place: place.at(line), key: None, message: wrong };
                return Err(refuse(malformed.into_iter().map(problem).collect(), self.format));
            }
        };
        let allowed = Allowed { prune: self.prune, replace_secrets: self.replace_secrets };
        let (wanted, mut problems) = wanted::read(&root, place.clone());
        let made = self
            .server
            .with(async |api| {
                let (plan, more) = plan::make(api, &wanted, &place, allowed).await?;
                problems.extend(more);
                if !problems.is_empty() {
                    return Ok(None);
                }
                run::show(&plan, self.format)?;
                run::run(api, plan, self.dry_run, self.format).await.map(Some)
            })
            .await;
        match made {
            Ok(Some(())) => Ok(()),
            // What is wrong with the file is worth saying even if the server cannot be asked.
            Ok(None) => Err(refuse(problems, self.format)),
            Err(error) if problems.is_empty() => Err(error),
            Err(error) => {
                note(&format!("the server could not be asked what it has: {error:#}"));
                Err(refuse(problems, self.format))
            }
        }
    }

    fn read(&self) -> Result<(String, Language, Place)> {
        let by_name = self.file.extension().and_then(|ending| ending.to_str()).and_then(Language::of_extension);
        let language = self.input_format.or(by_name).ok_or_else(|| {
            Usage(format!(
                "the name {} does not tell the language; add --input-format toml, yaml or json",
                self.file.display()
            ))
        })?;
        if self.file == Path::new("-") {
            let mut text = String::new();
            let limit = FILE_MAX_BYTES as u64 + 1;
            let read = std::io::stdin().take(limit).read_to_string(&mut text);
            read.map_err(|error| anyhow::anyhow!("standard input cannot be read: {error}"))?;
            anyhow::ensure!(text.len() <= FILE_MAX_BYTES, "standard input is longer than {FILE_MAX_BYTES} bytes");
            return Ok((text, language, Place { file: "standard input".into(), folder: PathBuf::new() }));
        }
        let text = secrets::read_text(&self.file, FILE_MAX_BYTES)
            .map_err(|wrong| anyhow::anyhow!("the file {} cannot be read: {wrong}", self.file.display()))?;
        let folder = self.file.parent().unwrap_or(Path::new("")).to_owned();
        Ok((text, language, Place { file: self.file.display().to_string(), folder }))
    }
}

/// Everything that is wrong, at once. Nothing was changed.
fn refuse(mut problems: Vec<Problem>, format: Format) -> anyhow::Error {
    let line = |problem: &Problem| problem.place.rsplit_once(':').and_then(|(_, line)| line.parse::<usize>().ok());
    problems.sort_by_key(line);
    if format == Format::Json {
        let printed = super::output::print_json(&serde_json::json!({ "ok": false, "problems": problems }));
        return printed.map_or_else(|error| error, |()| Said.into());
    }
    let mut text = match problems.len() {
        1 => "nothing was changed, since the file has a problem:".to_owned(),
        count => format!("nothing was changed, since the file has {count} problems:"),
    };
    for problem in problems {
        text.push_str(&format!("\n  {problem}"));
    }
    anyhow::anyhow!(text)
}

#[cfg(test)]
mod tests;
