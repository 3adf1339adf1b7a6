//! `grantor resource`.

use super::Common;
use super::api::path;
use super::entity::{self, Body, Consent, Page, flags_of};
use super::output::{self, Column, note};
use anyhow::Result;
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use grantor_core::jose::Alg;
use grantor_core::resource::SenderConstraint;
use grantor_core::token::TokenFormat;

/// Manage resources: the protected APIs that tokens are for.
#[derive(Debug, Args)]
pub struct Resource {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the resources of a domain
    #[command(after_help = "Example:\n  grantor resource list")]
    List(#[command(flatten)] Page),
    /// Show one resource
    #[command(after_help = "Example:\n  grantor resource show invoices --format json")]
    Show {
        /// Name of the resource
        name: String,
    },
    /// Register a resource
    #[command(after_help = "\
Examples:
  grantor resource create invoices --identifier https://invoices.example.com --scope \"invoices:read invoices:write\"
  grantor resource create ledger --identifier https://ledger.example.com --token-format opaque --lifetime-s 60
  grantor resource create vault --identifier https://vault.example.com --sender-constraint any")]
    Create {
        /// Name: a-z, 0-9, '-', '_' and '.', at most 63
        name: String,
        /// What stands in `aud` and clients send as `resource` (RFC 8707): an absolute URI
        #[arg(long, value_name = "URI")]
        identifier: String,
        #[command(flatten)]
        fields: Fields,
    },
    /// Change a resource; what is not named keeps its value
    #[command(after_help = "Example:\n  grantor resource update invoices --signing-alg RS256")]
    Update {
        /// Name of the resource
        name: String,
        /// What stands in `aud`: an absolute URI
        #[arg(long, value_name = "URI")]
        identifier: Option<String>,
        #[command(flatten)]
        fields: Fields,
        /// Take back what was set, so that the default applies again; may be repeated
        #[arg(long, value_name = "FLAG", value_parser = flags_of(&FIELDS))]
        unset: Vec<String>,
    },
    /// Delete a resource; nobody gets tokens for it any more
    #[command(after_help = "Example:\n  grantor resource delete invoices --yes")]
    Delete {
        /// Name of the resource
        name: String,
        #[command(flatten)]
        consent: Consent,
    },
}

#[derive(Debug, Args)]
struct Fields {
    /// The scopes it owns, between spaces
    #[arg(long, value_name = "SCOPES")]
    scope: Option<String>,
    /// How its access tokens look
    #[arg(long, value_parser = PossibleValuesParser::new(TokenFormat::ALL.map(TokenFormat::as_str)))]
    token_format: Option<String>,
    /// Signature algorithm of its JWTs
    #[arg(long, value_parser = PossibleValuesParser::new(Alg::ALL.map(Alg::as_str)))]
    signing_alg: Option<String>,
    /// Lifetime of its access tokens, where the client has none
    #[arg(long, value_name = "SECONDS")]
    lifetime_s: Option<u32>,
    /// Issue only tokens that are bound to a key of the client, so that a stolen one is useless: dpop (RFC 9449), mtls
    /// (RFC 8705) or any of the two
    #[arg(long, value_parser = PossibleValuesParser::new(SenderConstraint::ALL.map(SenderConstraint::as_str)))]
    sender_constraint: Option<String>,
}

const FIELDS: [(&str, &str); 5] = [
    ("scope", "scope"),
    ("token-format", "access_token_format"),
    ("signing-alg", "access_token_signing_alg"),
    ("lifetime-s", "access_token_lifetime_s"),
    ("sender-constraint", "sender_constraint"),
];

const COLUMNS: &[Column] = &[
    ("NAME", &["name"]),
    ("IDENTIFIER", &["identifier"]),
    ("FORMAT", &["access_token_format"]),
    ("ALG", &["access_token_signing_alg"]),
    ("SCOPE", &["scope"]),
];

impl Fields {
    fn body(self) -> Body {
        Body::default()
            .set("scope", self.scope)
            .set("access_token_format", self.token_format)
            .set("access_token_signing_alg", self.signing_alg)
            .set("access_token_lifetime_s", self.lifetime_s)
            .set("sender_constraint", self.sender_constraint)
    }
}

impl Resource {
    pub async fn run(self) -> Result<()> {
        let Self { common: Common { server, domain, format }, action } = self;
        let of = |name: &str| path(&["domain", &domain, "resource", name]);
        let what = |name: &str| format!("resource '{name}' of domain '{domain}'");
        server
            .with(async |api| match action {
                Action::List(page) => {
                    let path = path(&["domain", &domain, "resource"]);
                    entity::list(api, &path, COLUMNS, &page, format).await
                }
                Action::Show { name } => output::print_object(format, &api.get(&of(&name)).await?.body),
                Action::Create { name, identifier, fields } => {
                    let body = fields.body().set("identifier", Some(identifier.clone())).into_map();
                    let reply = entity::create(api, &of(&name), &what(&name), body).await?;
                    entity::show_done("Created", &what(&name), &reply, format)?;
                    note(&format!("Next: grantor client create ID --resource {}", output::shell(&identifier)));
                    Ok(())
                }
                Action::Update { name, identifier, fields, unset } => {
                    let body = fields.body().set("identifier", identifier).unset(&unset, &FIELDS).into_map();
                    entity::show_done("Updated", &what(&name), &entity::update(api, &of(&name), body).await?, format)
                }
                Action::Delete { name, consent } => {
                    let loss = ", so that nobody gets tokens for it any more";
                    entity::delete(api, &of(&name), &what(&name), loss, &consent, format).await
                }
            })
            .await
    }
}
