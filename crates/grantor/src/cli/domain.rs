//! `grantor domain`.

use super::api::path;
use super::entity::{self, Body, Consent, Page, flags_of};
use super::output::{self, Column, Format, note};
use super::server::Server;
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use grantor_core::domain::FILE;

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
  grantor domain create try-out --sandbox --lifetime-s 60
  grantor domain create acme --trust-anchors acme-ca.pem --crls file:/etc/grantor/acme.crl")]
    Create {
        /// Name: a-z, 0-9, '-', '_' and '.', at most 63; part of the issuer URL
        name: String,
        #[command(flatten)]
        fields: Fields,
    },
    /// Change a domain; what is not named keeps its value
    #[command(after_help = "\
Examples:
  grantor domain update acme --lifetime-s 600
  grantor domain update acme --trust-anchors acme-ca.pem --trust-anchors acme-ca-2027.pem")]
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
    /// Certificates of the authorities that vouch for clients with tls_client_auth (RFC 8705 section 2.1): a PEM file here,
    /// which is copied, or file:/PATH of one on each server, which is read again when it changes; may be repeated, and
    /// replaces the ones before
    #[arg(long, value_name = "FILE")]
    trust_anchors: Vec<String>,
    /// Their revocation lists (RFC 5280 section 5), likewise; with any, a certificate that no list covers is refused
    #[arg(long, value_name = "FILE")]
    crls: Vec<String>,
}

const FIELDS: [(&str, &str); 5] = [
    ("issuer", "issuer"),
    ("sandbox", "sandbox"),
    ("lifetime-s", "access_token_lifetime_s"),
    ("trust-anchors", "trust_anchors"),
    ("crls", "crls"),
];

const COLUMNS: &[Column] = &[
    ("NAME", &["name", "domain"]),
    ("ISSUER", &["issuer"]),
    ("SANDBOX", &["sandbox"]),
    ("LIFETIME_S", &["access_token_lifetime_s"]),
    ("UPDATED", &["updated_at"]),
];

impl Fields {
    fn body(self) -> Result<Body> {
        Ok(Body::default()
            .set("issuer", self.issuer)
            .set("sandbox", self.sandbox)
            .set("access_token_lifetime_s", self.lifetime_s)
            .list("trust_anchors", &copied("--trust-anchors", &self.trust_anchors)?)
            .list("crls", &copied("--crls", &self.crls)?))
    }
}

/// The text of files here; files on the servers by their names.
fn copied(flag: &str, files: &[String]) -> Result<Vec<String>> {
    let text = |file: &String| match file.starts_with(FILE) {
        true => Ok(file.clone()),
        false => std::fs::read_to_string(file)
            .with_context(|| format!("{flag}: {file} cannot be read as PEM; write file:/PATH for one on the servers")),
    };
    files.iter().map(text).collect()
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
                    let reply = entity::create(api, &of(&name), &what(&name), fields.body()?.into_map()).await?;
                    entity::show_done("Created", &what(&name), &reply, format)?;
                    note(&format!("Next: grantor resource create NAME --identifier URI --domain {name}"));
                    Ok(())
                }
                Action::Update { name, fields, unset } => {
                    let body = fields.body()?.unset(&unset, &FIELDS).into_map();
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
