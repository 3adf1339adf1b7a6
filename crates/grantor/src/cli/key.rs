//! `grantor key`.

use super::Common;
use super::api::path;
use super::entity::{Consent, confirm};
use super::output::{Column, Format, Listing, note};
use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

/// Manage signing keys.
///
/// They are made, published and rotated by themselves; this is for looking, and for haste.
#[derive(Debug, Args)]
pub struct Key {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the keys of a domain and where they are in their life
    #[command(after_help = "Example:\n  grantor key list")]
    List,
    /// Publish successors of the keys now; they sign once every cached key set has expired
    #[command(after_help = "\
Examples:
  grantor key rotate
  grantor key rotate --compromised --yes")]
    Rotate {
        /// For a leaked key: use the successors at once, and end all tokens of the keys before them
        #[arg(long)]
        compromised: bool,
        #[command(flatten)]
        consent: Consent,
    },
}

const COLUMNS: &[Column] = &[
    ("KEY", &["kid"]),
    ("ALG", &["alg"]),
    ("STATUS", &["status"]),
    ("CREATED", &["created_at"]),
    ("SIGNS FROM", &["activates_at"]),
    ("DELETED AFTER", &["expires_at"]),
];

impl Key {
    pub async fn run(self) -> Result<()> {
        let Self { common: Common { server, domain, format }, action } = self;
        let keys = path(&["domain", &domain, "key"]);
        server
            .with(async |api| match action {
                Action::List => show(api.get(&keys).await?.body, format),
                Action::Rotate { compromised, consent } => {
                    if compromised {
                        let question =
                            format!("Replace all keys of domain '{domain}' at once, and end all its tokens?");
                        confirm(&question, &consent)?;
                    }
                    let body = if compromised { json!({ "compromised": true }) } else { json!({}) };
                    let reply = api.post(&format!("{keys}/rotate"), body).await?;
                    note(if compromised {
                        "Replaced the keys. Tokens of the old ones are refused here; APIs refuse them when they next \
                         fetch the key set."
                    } else {
                        "Published the successors. Each signs from the time shown, and its predecessor stays until \
                         its last token has expired."
                    });
                    match reply.body {
                        Value::Null => show(api.get(&keys).await?.body, format),
                        body => show(body, format),
                    }
                }
            })
            .await
    }
}

fn show(mut body: Value, format: Format) -> Result<()> {
    let items = body.get_mut("items").map(Value::take).unwrap_or(body);
    let mut listing = Listing::new(format, COLUMNS);
    listing.page(items.as_array().map(Vec::as_slice).unwrap_or_default())?;
    listing.end()
}
