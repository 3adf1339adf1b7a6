//! `grantor credential`.

mod certificate;
mod source;

use super::api::{Api, When, path, refused};
use super::entity::{self, Body, Consent, flags_of};
use super::output::{self, Column, Format, Listing, note, print, print_json, shell};
use super::{Common, time};
use anyhow::Result;
use clap::{Args, Subcommand};
use http::StatusCode;
use serde_json::{Value, json};
use source::{Given, Source, next_step};
pub(super) use source::{keys as keys_of, without_secret};
use std::path::PathBuf;

/// Manage credentials: the secrets, keys and certificates by which a client proves itself.
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
    /// Make a secret, which is printed this one time, or register one, a key or a certificate that exists elsewhere
    #[command(after_help = "\
Examples:
  grantor credential create billing-svc --label \"key of 2027\" --expires-at 90d
  grantor credential create billing-svc --secret file:/run/secrets/billing
  grantor credential create billing-svc --phc - < hash.txt
  grantor credential create billing-svc --hmac-secret           # client_secret_jwt
  grantor credential create billing-svc --jwks billing.pub.pem  # private_key_jwt
  grantor credential create billing-svc --certificate cert.pem  # self_signed_tls_client_auth
  grantor credential create billing-svc --san-dns bill.example  # tls_client_auth

The client must be registered for the method, too: grantor client update billing-svc --auth-method METHOD. For
tls_client_auth the domain says whose certificates count: grantor domain update default --trust-anchors ca.pem.")]
    Create {
        #[command(flatten)]
        client: ClientId,
        /// Name of the credential within its client, instead of one that is made up
        #[arg(long, value_name = "ID")]
        id: Option<String>,
        #[command(flatten)]
        fields: Fields,
        #[command(flatten)]
        source: Box<Source>,
        /// A secret for client_secret_jwt, which the client signs with and never sends; with --secret, that one
        #[arg(long, conflicts_with_all = NO_SECRET)]
        hmac_secret: bool,
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
    /// Say which client a certificate would be let in as, or why not
    ///
    /// Holds it against all clients of the domain that may authenticate by a certificate, as the token endpoint would.
    /// Exits with 1 if none takes it.
    #[command(after_help = "\
Examples:
  grantor credential test-certificate cert.pem
  grantor credential test-certificate chain.pem --client billing-svc --domain acme")]
    TestCertificate {
        /// The certificate in PEM, and the intermediates that the client would send behind it
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Only against this client. Then keys at its jwks_uri are fetched, too
        #[arg(long, value_name = "CLIENT")]
        client: Option<String>,
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

/// The flags of [`Source`] that have nothing to do with secrets.
const NO_SECRET: [&str; 10] =
    ["phc", "jwks", "jwks_uri", "certificate", "thumbprint", "subject_dn", "san_dns", "san_uri", "san_ip", "san_email"];

/// Members that tell keys and certificates apart.
const FOR: [&str; 8] = [
    "kids",
    "jwks_uri",
    "x5t#S256",
    "tls_client_auth_subject_dn",
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
];

/// Credentials as they are listed: of key sets the names.
pub(super) fn print_list(credentials: &[Value], format: Format) -> Result<()> {
    let mut listing = Listing::new(format, COLUMNS);
    let named = |credential: &Value| {
        let mut credential = credential.clone();
        if let Some(keys) = credential["jwks"]["keys"].as_array().filter(|_| format == Format::Text) {
            let kids: Vec<Value> =
                keys.iter().map(|key| key.get("kid").cloned().unwrap_or_else(|| "?".into())).collect();
            credential["kids"] = kids.into();
        }
        credential
    };
    listing.page(&credentials.iter().map(named).collect::<Vec<_>>())?;
    listing.end()
}

const COLUMNS: &[Column] = &[
    ("CREDENTIAL", &["id"]),
    ("TYPE", &["type"]),
    ("SCHEME", &["scheme"]),
    ("FOR", &FOR),
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
    /// What `create` takes from elsewhere.
    fn given(&self) -> Result<Option<Given>> {
        match self {
            Self::Create { source, .. } => source.given(),
            _ => Ok(None),
        }
    }
}

async fn run(api: &Api, domain: &str, format: Format, action: Action, given: Option<Given>) -> Result<()> {
    let all = |client: &ClientId| path(&["domain", domain, "client", &client.client_id, "credential"]);
    let one = |of: &OneOf| path(&["domain", domain, "client", &of.client.client_id, "credential", &of.id]);
    let what = |of: &OneOf| format!("credential {} of client '{}'", of.id, of.client.client_id);
    match action {
        Action::List { client } => list(api, &all(&client), &client.client_id, format).await,
        Action::Show { of } => output::print_object(format, &api.get(&one(&of)).await?.body),
        Action::TestCertificate { file, client } => {
            certificate::test(api, domain, client.as_deref(), &certificate::read(&file)?, format).await
        }
        Action::Create { client, id, fields, hmac_secret, .. } => {
            let generated = given.is_none();
            let body = fields.body().set("type", hmac_secret.then_some("hmac_secret"));
            let body = match given.as_ref().map(Given::member) {
                Some((member, value)) => body.set(member, Some(value)),
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
            show_new(&made.body, generated, &client.client_id, format)?;
            lacking(api, domain, &client.client_id, &made.body).await;
            Ok(())
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

/// What is still to be done before the client can use a new credential, as far as that can be told.
async fn lacking(api: &Api, domain: &str, client_id: &str, credential: &Value) {
    let Ok(client) = api.get(&path(&["domain", domain, "client", client_id])).await else { return };
    if let Some(step) = next_step(credential, &client.body, client_id, domain) {
        note(&step);
    }
    if credential["type"] == "tls_client_auth"
        && let Ok(settings) = api.get(&path(&["domain", domain])).await
        && settings.body["trust_anchors"].as_array().is_none_or(Vec::is_empty)
    {
        note(&format!(
            "The domain has no trust anchors yet; name the CA of its clients: grantor domain update {} --trust-anchors FILE",
            shell(domain)
        ));
    }
}

async fn list(api: &Api, path: &str, client_id: &str, format: Format) -> Result<()> {
    let credentials = entity::all(api, path).await?;
    print_list(&credentials, format)?;
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
            print_list(std::slice::from_ref(made), format)?;
            hint(std::slice::from_ref(made), client_id);
            Ok(())
        }
    }
}
