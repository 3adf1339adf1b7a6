//! `grantor credential`.

use super::api::{Api, When, path, refused};
use super::entity::{self, Body, Consent, flags_of};
use super::output::{self, Column, Format, Listing, note, print, print_json, shell};
use super::{Common, Usage, time};
use crate::secrets::{Secret, SecretRef};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use http::StatusCode;
use serde_json::{Value, json};
use std::io::Read;
use zeroize::Zeroizing;

/// Manage credentials: the secrets by which a client proves itself.
///
/// A client can have many, so that a new one can be in use before the old one ends.
#[derive(Debug, Args)]
pub struct Credential {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the credentials of a client; secrets and hashes are never shown
    #[command(after_help = "Example:\n  grantor credential list billing-svc")]
    List {
        #[command(flatten)]
        client: ClientId,
    },
    /// Make a secret, which is printed this one time, or take one that exists elsewhere
    #[command(after_help = "\
Examples:
  grantor credential create billing-svc --label \"key of 2027\" --expires-at 90d
  grantor credential create billing-svc --secret file:/run/secrets/billing
  grantor credential create billing-svc --phc - < hash.txt")]
    Create {
        #[command(flatten)]
        client: ClientId,
        /// Take the secret from here instead of making one: env:NAME, file:PATH, or - for standard input
        #[arg(long, value_name = "REF", conflicts_with = "phc")]
        secret: Option<String>,
        /// Take the hash of a secret from another server, a PHC string, from here: env:NAME, file:PATH, or - for
        /// standard input
        #[arg(long, value_name = "REF")]
        phc: Option<String>,
        /// Name of the credential within its client, instead of one that is made up
        #[arg(long, value_name = "ID")]
        id: Option<String>,
        #[command(flatten)]
        fields: Fields,
    },
    /// Show one credential
    #[command(after_help = "Example:\n  grantor credential show billing-svc cr1795400000a1B2c3D4")]
    Show {
        #[command(flatten)]
        of: OneOf,
    },
    /// Change the label, the beginning or the end of a credential
    #[command(after_help = "Example:\n  grantor credential update billing-svc cr1795400000a1B2c3D4 --expires-at 7d")]
    Update {
        #[command(flatten)]
        of: OneOf,
        #[command(flatten)]
        fields: Fields,
        /// Take back what was set; may be repeated
        #[arg(long, value_name = "FLAG", value_parser = flags_of(&FIELDS))]
        unset: Vec<String>,
    },
    /// Stop a credential at once; its record stays, so that attempts with it can be explained
    #[command(after_help = "Example:\n  grantor credential revoke billing-svc cr1795400000a1B2c3D4")]
    Revoke {
        #[command(flatten)]
        of: OneOf,
    },
    /// Delete a credential and its record
    #[command(after_help = "Example:\n  grantor credential delete billing-svc cr1795400000a1B2c3D4 --yes")]
    Delete {
        #[command(flatten)]
        of: OneOf,
        #[command(flatten)]
        consent: Consent,
    },
    /// Make a new secret, and let the ones before it end after an overlap
    #[command(after_help = "Example:\n  grantor credential rotate billing-svc --overlap 24h")]
    Rotate {
        #[command(flatten)]
        client: ClientId,
        /// How long the secrets before it go on working, such as 24h; 0s ends them at once [default: the server's]
        #[arg(long, value_name = "SPAN", value_parser = time::span_u32)]
        overlap: Option<u32>,
        /// A name for people
        #[arg(long)]
        label: Option<String>,
    },
}

#[derive(Debug, Args)]
struct ClientId {
    /// The client's client_id
    #[arg(value_name = "CLIENT")]
    client_id: String,
}

#[derive(Debug, Args)]
struct OneOf {
    #[command(flatten)]
    client: ClientId,
    /// Id of the credential, as listed
    #[arg(value_name = "CREDENTIAL")]
    id: String,
}

#[derive(Debug, Args)]
struct Fields {
    /// A name for people
    #[arg(long)]
    label: Option<String>,
    /// From when on it works: RFC 3339, or a span from now on such as 1h
    #[arg(long, value_name = "TIME", value_parser = time::moment)]
    not_before: Option<i64>,
    /// Until when it works: RFC 3339, or a span from now on such as 90d
    #[arg(long, value_name = "TIME", value_parser = time::moment)]
    expires_at: Option<i64>,
}

const FIELDS: [(&str, &str); 3] = [("label", "label"), ("not-before", "not_before"), ("expires-at", "expires_at")];

pub(super) const COLUMNS: &[Column] = &[
    ("CREDENTIAL", &["id"]),
    ("TYPE", &["type"]),
    ("SCHEME", &["scheme"]),
    ("LABEL", &["label"]),
    ("STATUS", &["status"]),
    ("CREATED", &["created_at"]),
    ("EXPIRES", &["expires_at"]),
];

impl Fields {
    fn body(self) -> Body {
        Body::default().set("label", self.label).set("not_before", self.not_before).set("expires_at", self.expires_at)
    }
}

impl Credential {
    pub async fn run(self) -> Result<()> {
        let Self { common: Common { server, domain, format }, action } = self;
        // What is wrong with a reference is said before anybody is asked.
        let given = action.given()?;
        server.with(async |api| run(api, &domain, format, action, given).await).await
    }
}

impl Action {
    /// The secret or hash that `create` takes from elsewhere, and the member that it is sent as.
    fn given(&self) -> Result<Option<(&'static str, Secret)>> {
        Ok(match self {
            Self::Create { secret: Some(secret), .. } => Some(("secret", resolve("--secret", secret)?)),
            Self::Create { phc: Some(phc), .. } => Some(("phc", resolve("--phc", phc)?)),
            _ => None,
        })
    }
}

fn resolve(flag: &str, written: &str) -> Result<Secret> {
    if written == "-" {
        let mut text = Zeroizing::new(String::new());
        let read = std::io::stdin().take(crate::secrets::SECRET_MAX_BYTES as u64).read_to_string(&mut text);
        read.with_context(|| format!("{flag}: standard input is no text"))?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        return Ok(Secret::new(text.strip_suffix('\r').unwrap_or(text).to_owned()));
    }
    let reference = SecretRef::parse(written).map_err(|wrong| {
        Usage(format!("{flag}: {wrong} (it is not taken from the command line itself, which shows in process lists)"))
    })?;
    reference.resolve().with_context(|| flag.to_owned())
}

async fn run(
    api: &Api,
    domain: &str,
    format: Format,
    action: Action,
    given: Option<(&'static str, Secret)>,
) -> Result<()> {
    let all = |client: &ClientId| path(&["domain", domain, "client", &client.client_id, "credential"]);
    let one = |of: &OneOf| path(&["domain", domain, "client", &of.client.client_id, "credential", &of.id]);
    let what = |of: &OneOf| format!("credential {} of client '{}'", of.id, of.client.client_id);
    match action {
        Action::List { client } => list(api, &all(&client), &client.client_id, format).await,
        Action::Show { of } => output::print_object(format, &api.get(&one(&of)).await?.body),
        Action::Create { client, id, fields, .. } => {
            let generated = given.is_none();
            let body = fields.body();
            let body = match &given {
                Some((member, secret)) => body.set(member, Some(secret.expose())),
                None => body,
            };
            let body = body.into_map().into();
            let made = match id {
                None => api.post(&all(&client), body).await?,
                Some(id) => {
                    let of = OneOf { client: ClientId { client_id: client.client_id.clone() }, id };
                    api.put(&one(&of), body, When::Absent).await.map_err(|error| match refused(&error) {
                        Some(refused) if refused.status == StatusCode::PRECONDITION_FAILED => {
                            anyhow::anyhow!("{} exists already; choose another --id", what(&of))
                        }
                        _ => error,
                    })?
                }
            };
            show_new(&made.body, generated, &client.client_id, format)
        }
        Action::Update { of, fields, unset } => {
            let body = fields.body().unset(&unset, &FIELDS).into_map();
            entity::show_done("Updated", &what(&of), &entity::update(api, &one(&of), body).await?, format)
        }
        Action::Revoke { of } => {
            let reply = api.post(&format!("{}/revoke", one(&of)), json!({})).await?;
            note(&format!("Revoked {}.", what(&of)));
            note(&format!(
                "Tokens got with it live on; end them with: grantor client revoke-tokens {}",
                shell(&of.client.client_id)
            ));
            match reply.body {
                Value::Null => output::print_object(format, &api.get(&one(&of)).await?.body),
                body => output::print_object(format, &body),
            }
        }
        Action::Delete { of, consent } => {
            entity::delete(api, &one(&of), &what(&of), ", which stops it at once", &consent, format).await
        }
        Action::Rotate { client, overlap, label } => {
            let body = Body::default().set("overlap_s", overlap).set("label", label).into_map();
            let rotate = path(&["domain", domain, "client", &client.client_id, "rotate"]);
            let made = api.post(&rotate, body.into()).await?;
            note("The secrets before it end after the overlap; give the service the new one until then.");
            show_new(&made.body, true, &client.client_id, format)
        }
    }
}

async fn list(api: &Api, path: &str, client_id: &str, format: Format) -> Result<()> {
    let credentials = entity::all(api, path).await?;
    let mut listing = Listing::new(format, COLUMNS);
    listing.page(&credentials)?;
    listing.end()?;
    if format == Format::Text {
        hint(&credentials, client_id);
    }
    Ok(())
}

/// What to do about a client's credentials. An imported secret may be weak, and costs a slow hash.
pub(super) fn hint(credentials: &[Value], client_id: &str) {
    if credentials.is_empty() {
        note(&format!("It has no credential yet; make one with: grantor credential create {}", shell(client_id)));
    }
    let imported = |credential: &&Value| {
        let member = |name: &str| credential.get(name).and_then(Value::as_str);
        member("type") == Some("imported_secret") && member("status").is_none_or(|status| status == "active")
    };
    if credentials.iter().any(|credential| imported(&credential)) {
        note(&format!(
            "\nIt carries an imported secret, which may be weak; replace it with: grantor credential rotate {}",
            shell(client_id)
        ));
    }
}

/// A credential just made. Its secret, if it was made by the server, is seen here and never again.
fn show_new(made: &Value, generated: bool, client_id: &str, format: Format) -> Result<()> {
    if format == Format::Json {
        return print_json(made);
    }
    let id = made.get("id").and_then(Value::as_str).unwrap_or_default();
    let secret = made.get("secret").and_then(Value::as_str).filter(|_| generated);
    note(&format!("Created credential {id} of client '{client_id}'."));
    match secret {
        Some(secret) => {
            note("Its secret is shown this one time:\n");
            print(&format!("client_id      {}\nclient_secret  {secret}", output::plain(client_id)))
        }
        None => {
            let mut listing = Listing::new(format, COLUMNS);
            listing.page(std::slice::from_ref(made))?;
            listing.end()?;
            hint(std::slice::from_ref(made), client_id);
            Ok(())
        }
    }
}
