//! `grantor domain`.

use super::api::path;
use super::entity::{self, Body, Consent, Page, flags_of};
use super::output::{self, Column, Format, note};
use super::server::Server;
use anyhow::Result;
use clap::{Args, Subcommand};

/// Manage domains: isolated realms, each with its own issuer, keys, clients and resources.
#[derive(Debug, Args)]
pub struct Domain {
    #[command(flatten)]
    server: Server,
    /// How results are printed
    #[arg(long, value_enum, default_value_t, global = true, help_heading = super::COMMON)]
    format: Format,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List all domains
    #[command(after_help = "Example:\n  grantor domain list")]
    List(#[command(flatten)] Page),
    /// Show one domain
    #[command(after_help = "Example:\n  grantor domain show acme --format json")]
    Show {
        /// Name of the domain
        name: String,
    },
    /// Create a domain, and its signing keys with it
    #[command(after_help = "\
Examples:
  grantor domain create acme
  grantor domain create try-out --sandbox --lifetime-s 60")]
    Create {
        /// Name: a-z, 0-9, '-', '_' and '.', at most 63; part of the issuer URL
        name: String,
        #[command(flatten)]
        fields: Fields,
    },
    /// Change a domain; what is not named keeps its value
    #[command(after_help = "Example:\n  grantor domain update acme --lifetime-s 600")]
    Update {
        /// Name of the domain
        name: String,
        #[command(flatten)]
        fields: Fields,
        /// Take back what was set, so that the default applies again; may be repeated
        #[arg(long, value_name = "FLAG", value_parser = flags_of(&FIELDS))]
        unset: Vec<String>,
    },
    /// Delete a domain with all its clients, resources and keys
    #[command(after_help = "Example:\n  grantor domain delete try-out --yes")]
    Delete {
        /// Name of the domain
        name: String,
        /// Even if it is no sandbox and has clients
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        consent: Consent,
    },
}

#[derive(Debug, Args)]
struct Fields {
    /// Issuer URL; else the server's issuer followed by /NAME
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// Mark it as one that can be thrown away
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    sandbox: Option<bool>,
    /// Lifetime of access tokens, where neither client nor resource has one
    #[arg(long, value_name = "SECONDS")]
    lifetime_s: Option<u32>,
}

const FIELDS: [(&str, &str); 3] =
    [("issuer", "issuer"), ("sandbox", "sandbox"), ("lifetime-s", "access_token_lifetime_s")];

const COLUMNS: &[Column] = &[
    ("NAME", &["name", "domain"]),
    ("ISSUER", &["issuer"]),
    ("SANDBOX", &["sandbox"]),
    ("LIFETIME_S", &["access_token_lifetime_s"]),
    ("UPDATED", &["updated_at"]),
];

impl Fields {
    fn body(self) -> Body {
        Body::default()
            .set("issuer", self.issuer)
            .set("sandbox", self.sandbox)
            .set("access_token_lifetime_s", self.lifetime_s)
    }
}

impl Domain {
    pub async fn run(self) -> Result<()> {
        let Self { server, format, action } = self;
        let of = |name: &str| path(&["domain", name]);
        let what = |name: &str| format!("domain '{name}'");
        server
            .with(async |api| match action {
                Action::List(page) => entity::list(api, &path(&["domain"]), COLUMNS, &page, format).await,
                Action::Show { name } => output::print_object(format, &api.get(&of(&name)).await?.body),
                Action::Create { name, fields } => {
                    let reply = entity::create(api, &of(&name), &what(&name), fields.body().into_map()).await?;
                    entity::show_done("Created", &what(&name), &reply, format)?;
                    note(&format!("Next: grantor resource create NAME --identifier URI --domain {name}"));
                    Ok(())
                }
                Action::Update { name, fields, unset } => {
                    let body = fields.body().unset(&unset, &FIELDS).into_map();
                    entity::show_done("Updated", &what(&name), &entity::update(api, &of(&name), body).await?, format)
                }
                Action::Delete { name, force, consent } => {
                    let loss = " with all its clients, resources and keys";
                    let at = if force { format!("{}?force=true", of(&name)) } else { of(&name) };
                    entity::delete(api, &at, &what(&name), loss, &consent, format).await
                }
            })
            .await
    }
}
