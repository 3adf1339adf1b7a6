//! `grantor client`.

use super::Common;
use super::api::{Api, path};
use super::credential;
use super::entity::{self, Body, Consent, Page, flags_of};
use super::output::{self, Column, Format, domain_flag, note, print, print_json, shell};
use anyhow::{Context, Result};
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use grantor_core::client::assertion_algs;
use grantor_core::client_auth::Method;
use grantor_core::grant::GrantType;
use serde_json::{Map, Value, json};

/// Manage clients: the services that get tokens.
#[derive(Debug, Args)]
pub struct Client {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the clients of a domain
    #[command(after_help = "Example:\n  grantor client list --format json | jq -r '.[].client_id'")]
    List(#[command(flatten)] Page),
    /// Show one client and its credentials
    #[command(after_help = "Example:\n  grantor client show billing-svc")]
    Show {
        /// Its client_id
        client_id: String,
    },
    /// List the clients that used an allowance since the server was started
    #[command(after_help = "\
An allowance lets one client off from a rule. Withdraw it when the client has stopped using it.

Example:
  grantor client allowances")]
    Allowances(#[command(flatten)] Page),
    /// Register a client, with a first secret, which is printed this one time, if it is to send one
    #[command(after_help = "\
Examples:
  grantor client create billing-svc --scope invoices:read --resource https://invoices.example.com
  grantor client create batch --auth-method private_key_jwt --dpop-bound-tokens
  grantor client create 'legacy:app 7' --auth-method client_secret_post --no-secret")]
    Create {
        /// Its client_id: 1 to 255 visible ASCII characters or spaces
        client_id: String,
        #[command(flatten)]
        fields: Box<Fields>,
        /// Make no secret; give it one with `grantor credential create`
        #[arg(long)]
        no_secret: bool,
    },
    /// Change a client; what is not named keeps its value, and a list is replaced whole
    #[command(after_help = "\
Examples:
  grantor client update billing-svc --scope \"invoices:read invoices:write\"
  grantor client update billing-svc --disable
  grantor client update billing-svc --unset lifetime-s")]
    Update {
        /// Its client_id
        client_id: String,
        #[command(flatten)]
        fields: Box<Fields>,
        /// Take back what was set, so that the default applies again; may be repeated
        #[arg(long, value_name = "FLAG", value_parser = flags_of(&FIELDS))]
        unset: Vec<String>,
    },
    /// Delete a client and its credentials, and end its tokens
    #[command(after_help = "Example:\n  grantor client delete billing-svc --yes")]
    Delete {
        /// Its client_id
        client_id: String,
        #[command(flatten)]
        consent: Consent,
    },
    /// End all tokens that a client has got until now
    #[command(after_help = "\
Opaque tokens, and JWTs that are introspected, end at once. An API that checks JWTs offline goes on accepting them
until they expire.

Example:
  grantor client revoke-tokens billing-svc")]
    RevokeTokens {
        /// Its client_id
        client_id: String,
    },
}

#[derive(Debug, Args)]
struct Fields {
    /// A name for people
    #[arg(long, value_name = "NAME")]
    client_name: Option<String>,
    /// Let it get tokens, as is the case from the start
    #[arg(long, conflicts_with = "disable")]
    enable: bool,
    /// Let it get no token; the tokens that it has are inactive at introspection
    #[arg(long)]
    disable: bool,
    /// How it may authenticate; may be repeated [default: client_secret_basic]
    #[arg(long, value_parser = PossibleValuesParser::new(Method::ALL.map(Method::as_str)))]
    auth_method: Vec<String>,
    /// Grant type that it may use; may be repeated [default: client_credentials]
    #[arg(long, value_parser = PossibleValuesParser::new(GrantType::ALL.map(GrantType::as_str)))]
    grant_type: Vec<String>,
    /// All scopes that it may ever ask for, between spaces
    #[arg(long, value_name = "SCOPES")]
    scope: Option<String>,
    /// What it gets when a request names no scope; else all of its scope that the resource owns
    #[arg(long, value_name = "SCOPES")]
    default_scope: Option<String>,
    /// Identifier of a resource that it may get tokens for; may be repeated
    #[arg(long, value_name = "URI")]
    resource: Vec<String>,
    /// The resource that is meant when a request names none
    #[arg(long, value_name = "URI")]
    default_resource: Option<String>,
    /// Lifetime of its access tokens
    #[arg(long, value_name = "SECONDS")]
    lifetime_s: Option<u32>,
    /// A claim for its access tokens: JSON, or plain text; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = claim)]
    claim: Vec<(String, Value)>,
    /// Identifier of a resource whose tokens it may introspect; may be repeated
    #[arg(long, value_name = "URI")]
    introspect_resource: Vec<String>,
    /// Let it introspect tokens for any resource
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    introspect_any: Option<bool>,
    /// Accept its HTTP Basic credentials without form-encoding, against RFC 6749 section 2.3.1
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    allow_unencoded_basic: Option<bool>,
    /// Accept its assertions also if their audience is the token endpoint instead of the issuer
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    allow_token_endpoint_audience: Option<bool>,
    /// The one algorithm of its assertions [default: any that its keys are for]
    #[arg(long, value_name = "ALG", value_parser = PossibleValuesParser::new(assertion_algs()))]
    auth_signing_alg: Option<String>,
    /// Bind all its tokens to the certificate of its connection (RFC 8705 section 3.4)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    certificate_bound_tokens: Option<bool>,
    /// Bind all its tokens to a DPoP key (RFC 9449 section 5.2)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    dpop_bound_tokens: Option<bool>,
}

const FIELDS: [(&str, &str); 16] = [
    ("client-name", "client_name"),
    ("auth-method", "token_endpoint_auth_methods"),
    ("grant-type", "grant_types"),
    ("scope", "scope"),
    ("default-scope", "default_scope"),
    ("resource", "resources"),
    ("default-resource", "default_resource"),
    ("lifetime-s", "access_token_lifetime_s"),
    ("claim", "claims"),
    ("introspect-resource", "introspect_resources"),
    ("introspect-any", "introspect_any"),
    ("allow-unencoded-basic", "allow_unencoded_basic"),
    ("allow-token-endpoint-audience", "allow_token_endpoint_audience"),
    ("auth-signing-alg", "token_endpoint_auth_signing_alg"),
    ("certificate-bound-tokens", "tls_client_certificate_bound_access_tokens"),
    ("dpop-bound-tokens", "dpop_bound_access_tokens"),
];

const COLUMNS: &[Column] = &[
    ("CLIENT_ID", &["client_id", "name"]),
    ("NAME", &["client_name"]),
    ("ENABLED", &["enabled"]),
    ("SCOPE", &["scope"]),
    ("RESOURCES", &["resources"]),
    ("UPDATED", &["updated_at"]),
];

const ALLOWANCE_COLUMNS: &[Column] = &[
    ("CLIENT_ID", &["client_id"]),
    ("ALLOWANCE", &["allowance"]),
    ("COUNT", &["count"]),
    ("LAST_USED", &["last_used_at"]),
    ("SINCE", &["since"]),
];

impl Fields {
    fn body(self) -> Body {
        let enabled = (self.enable || self.disable).then_some(self.enable);
        let claims = (!self.claim.is_empty()).then(|| Map::from_iter(self.claim));
        Body::default()
            .set("client_name", self.client_name)
            .set("enabled", enabled)
            .list("token_endpoint_auth_methods", &self.auth_method)
            .list("grant_types", &self.grant_type)
            .set("scope", self.scope)
            .set("default_scope", self.default_scope)
            .list("resources", &self.resource)
            .set("default_resource", self.default_resource)
            .set("access_token_lifetime_s", self.lifetime_s)
            .set("claims", claims)
            .list("introspect_resources", &self.introspect_resource)
            .set("introspect_any", self.introspect_any)
            .set("allow_unencoded_basic", self.allow_unencoded_basic)
            .set("allow_token_endpoint_audience", self.allow_token_endpoint_audience)
            .set("token_endpoint_auth_signing_alg", self.auth_signing_alg)
            .set("tls_client_certificate_bound_access_tokens", self.certificate_bound_tokens)
            .set("dpop_bound_access_tokens", self.dpop_bound_tokens)
    }
}

/// `level=5` and `roles=["a"]` are JSON; `tenant=acme` is text.
fn claim(written: &str) -> Result<(String, Value), String> {
    let (name, value) = written
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or("write a name, an equals sign and a value, such as tenant=acme or level=5")?;
    let value = match serde_json::from_str(value) {
        Ok(json) => json,
        Err(error) if value.starts_with(['{', '[', '"']) => return Err(format!("its value is not JSON: {error}")),
        Err(_) => Value::from(value),
    };
    Ok((name.to_owned(), value))
}

impl Client {
    pub async fn run(self) -> Result<()> {
        let Self { common: Common { server, domain, format }, action } = self;
        server.with(async |api| run(api, &domain, format, action).await).await
    }
}

async fn run(api: &Api, domain: &str, format: Format, action: Action) -> Result<()> {
    let of = |id: &str| path(&["domain", domain, "client", id]);
    let what = |id: &str| format!("client '{id}' of domain '{domain}'");
    match action {
        Action::List(page) => entity::list(api, &path(&["domain", domain, "client"]), COLUMNS, &page, format).await,
        Action::Allowances(page) => {
            entity::list(api, &path(&["domain", domain, "allowance"]), ALLOWANCE_COLUMNS, &page, format).await
        }
        Action::Show { client_id } => show(api, domain, &client_id, format).await,
        Action::Create { client_id, fields, no_secret } => {
            let body = fields.body().into_map();
            let reply = entity::create(api, &of(&client_id), &what(&client_id), body).await?;
            let without = credential::without_secret(&reply.body);
            if no_secret || without.is_some() {
                entity::show_done("Created", &what(&client_id), &reply, format)?;
                if let Some(flag) = without {
                    let (id, domain) = (shell(&client_id), domain_flag(domain));
                    note(&format!("Next: grantor credential create {id} {flag}{domain}"));
                }
                return Ok(());
            }
            note(&format!("Created {}.", what(&client_id)));
            first_secret(api, domain, &client_id, reply.body, format).await
        }
        Action::Update { client_id, fields, unset } => {
            let body = fields.body().unset(&unset, &FIELDS).into_map();
            let reply = entity::update(api, &of(&client_id), body).await?;
            entity::show_done("Updated", &what(&client_id), &reply, format)
        }
        Action::Delete { client_id, consent } => {
            let loss = " with its credentials, and end its tokens";
            entity::delete(api, &of(&client_id), &what(&client_id), loss, &consent, format).await
        }
        Action::RevokeTokens { client_id } => {
            api.post(&path(&["domain", domain, "client", &client_id, "revoke-tokens"]), json!({})).await?;
            note(&format!("Ended all tokens of {} that were issued until now.", what(&client_id)));
            match format {
                Format::Text => Ok(()),
                Format::Json => print_json(&json!({ "revoked": true })),
            }
        }
    }
}

async fn show(api: &Api, domain: &str, client_id: &str, format: Format) -> Result<()> {
    let mut client = api.get(&path(&["domain", domain, "client", client_id])).await?.body;
    let credentials = entity::all(api, &path(&["domain", domain, "client", client_id, "credential"])).await?;
    if format == Format::Json {
        client["credentials"] = credentials.into();
        return print_json(&client);
    }
    if let Some(members) = client.as_object_mut() {
        // The list of credentials shows it.
        members.retain(|name, _| name != "has_imported_secret" && name != "hint");
        if let Some(Value::Array(allowances)) = members.remove("allowances") {
            let uses: Vec<String> = allowances.iter().map(use_of).collect();
            members.insert("allowances".into(), uses.into());
        }
    }
    output::print_object(format, &client)?;
    print("")?;
    credential::print_list(&credentials, format)?;
    credential::hint(&credentials, client_id);
    Ok(())
}

/// Whether an allowance is still needed.
fn use_of(allowance: &Value) -> String {
    let text = |member: &str| allowance.get(member).map(|value| output::text_of(member, value)).unwrap_or_default();
    let (name, count, since) = (text("allowance"), text("count"), text("since"));
    match &*text("last_used_at") {
        "" => format!("{name} not used since {since}"),
        last => format!("{name} used {count} times since {since}, last {last}"),
    }
}

async fn first_secret(api: &Api, domain: &str, client_id: &str, client: Value, format: Format) -> Result<()> {
    let retry = format!("grantor credential create {}{}", shell(client_id), domain_flag(domain));
    let credentials = path(&["domain", domain, "client", client_id, "credential"]);
    let mut credential = api
        .post(&credentials, json!({}))
        .await
        .with_context(|| format!("the client was created, but has no secret yet (make one with: {retry})"))?
        .body;
    let secret = match credential.get_mut("secret").map(Value::take) {
        Some(Value::String(secret)) => zeroize::Zeroizing::new(secret),
        _ => anyhow::bail!("the server made a credential but told no secret; is it of another version?"),
    };
    if let Some(members) = credential.as_object_mut() {
        members.remove("secret");
    }
    let curl = curl(api, domain, client_id, &secret, &client).await;
    match format {
        Format::Json => print_json(&json!({
            "client_id": client_id,
            "client_secret": *secret,
            "client": client,
            "credential": credential,
            "curl": curl,
        })),
        Format::Text => {
            note("Its secret is shown this one time:\n");
            print(&format!("client_id      {}\nclient_secret  {}", output::plain(client_id), *secret))?;
            if let Some(curl) = curl {
                note("\nGet a token:\n");
                print(&curl)?;
            }
            if client.get("resources").and_then(Value::as_array).is_none_or(Vec::is_empty) {
                note(&format!(
                    "\nIt has no resource to get tokens for yet; give it one with: grantor client update {} --resource \
                     URI --scope SCOPES",
                    shell(client_id)
                ));
            }
            Ok(())
        }
    }
}

/// A line that gets a token in the way that the client is registered for; `None` where the issuer is not known.
async fn curl(api: &Api, domain: &str, client_id: &str, secret: &str, client: &Value) -> Option<String> {
    let domain = api.get(&path(&["domain", domain])).await.ok()?.body;
    let issuer = domain.get("issuer").and_then(Value::as_str)?;
    let endpoint = shell(&format!("{issuer}{}", grantor_core::metadata::TOKEN_PATH));
    // RFC 6749 §2.3.1: both halves are form-encoded before they are joined.
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let methods = client.get("token_endpoint_auth_methods").and_then(Value::as_array);
    let basic = methods.is_none_or(|methods| methods.iter().any(|m| m == Method::ClientSecretBasic.as_str()));
    Some(if basic {
        let user = shell(&format!("{}:{}", encode(client_id), encode(secret)));
        format!("curl -s -u {user} -d grant_type=client_credentials {endpoint}")
    } else {
        let (id, secret) = (encode(client_id), encode(secret));
        format!("curl -s -d grant_type=client_credentials -d client_id={id} -d client_secret={secret} {endpoint}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_json_or_plain_text() {
        let value = |written: &str| claim(written).map(|(_, value)| value);
        assert_eq!(value("tenant=acme"), Ok("acme".into()));
        assert_eq!(value("level=5"), Ok(5.into()));
        assert_eq!(value("text=\"5\""), Ok("5".into()));
        assert_eq!(value("number=00123"), Ok("00123".into()));
        assert_eq!(value("roles=[\"a=b\"]"), Ok(json!(["a=b"])));
        for wrong in ["tenant", "=x", "a={\"b\":", "a=\"b"] {
            assert!(claim(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_can_be_unset_are_members_of_a_client() {
        for (_, field) in FIELDS {
            let body = json!({ field: null });
            let unknown = serde_json::from_value::<grantor_core::client::ClientMetadata>(body)
                .is_err_and(|error| error.to_string().contains("unknown field"));
            assert!(!unknown, "{field}");
        }
    }
}
