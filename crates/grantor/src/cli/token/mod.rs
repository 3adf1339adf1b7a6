//! `grantor token`: what any OAuth client does, for trying out and for scripts.

mod proof;

use super::caller::{Caller, Trust};
use super::output::{print, print_json};
use super::{Format, Usage};
use crate::data_dir::{DataDir, IfMissing};
use anyhow::Result;
use clap::Args;
use grantor_client::{Token as Issued, TokenError};
use proof::Proof;
use serde_json::json;
use std::path::Path;

/// Get an access token with client credentials
///
/// Prints the token and nothing else, so that it fits into other commands.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  grantor token --issuer http://127.0.0.1:8080 --client-id demo --secret file:grantor-dev/demo.secret
  curl -H \"Authorization: Bearer $(grantor token --scope read)\" https://api.example.com
  grantor token --client-id batch --key key.pem
  grantor token --client-id batch --cert cert.pem --key key.pem
  grantor token --dpop --headers GET https://api.example.com | curl -H @- https://api.example.com")]
pub struct Token {
    /// The issuer, to the letter. Its token endpoint is looked up in its metadata
    #[arg(long, env = "GRANTOR_ISSUER", hide_env_values = true, value_name = "URL")]
    issuer: Option<String>,
    #[command(flatten)]
    trust: Trust,
    #[command(flatten)]
    caller: Caller,
    /// A scope value to ask for; may be repeated. Without it the server's default is granted
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,
    /// An API that the token is for (its identifier); may be repeated. Without it the client's default is meant
    #[arg(long, value_name = "URI")]
    resource: Vec<String>,
    /// How the token is printed: alone, or as the members of RFC 6749 section 5.1
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Print the headers of one request to an API instead: the token, and for a bound one a DPoP proof
    #[arg(long, num_args = 2, value_names = ["METHOD", "URL"], conflicts_with = "format")]
    headers: Vec<String>,
    #[command(flatten)]
    proof: Proof,
}

impl Token {
    pub async fn run(self) -> Result<()> {
        let issuer = self.issuer.as_deref().filter(|issuer| !issuer.is_empty());
        let authentication = self.proof.authentication(&self.caller).await?;
        let (Some(issuer), Some(client_id), Some(authentication)) = (issuer, self.caller.client_id(), authentication)
        else {
            return Err(Usage(incomplete(issuer.is_none(), self.caller.client_id().is_none())).into());
        };
        let mut builder = self.proof.source(client_id, authentication)?.issuer(issuer).attempts_max(2);
        let roots_pem = self.trust.roots_pem()?;
        if !roots_pem.is_empty() {
            builder = builder.root_certificate_pem(roots_pem);
        }
        if !self.scope.is_empty() {
            builder = builder.scope(self.scope.join(" "));
        }
        for resource in &self.resource {
            builder = builder.resource(resource);
        }
        let tokens = builder.build().map_err(|error| Usage(error.to_string()))?;
        let token = tokens.token().await.map_err(|error| anyhow::anyhow!("{error}\n{}", advice(&error)))?;
        self.show(&token)
    }

    fn show(&self, token: &Issued) -> Result<()> {
        if let [method, url] = self.headers.as_slice() {
            let headers = token.headers(&method.to_ascii_uppercase(), url).map_err(|error| Usage(error.to_string()))?;
            return headers
                .iter()
                .try_for_each(|(name, value)| print(&format!("{name}: {}", value.to_str().unwrap_or_default())));
        }
        self.proof.warn_of_lost_key();
        match self.format {
            Format::Text => print(token.access_token()),
            Format::Json => {
                let mut answer = json!({
                    "access_token": token.access_token(),
                    "token_type": token.token_type(),
                    "expires_in": token.lifetime().as_secs(),
                });
                if let Some(scope) = token.scope() {
                    answer["scope"] = scope.into();
                }
                print_json(&answer)
            }
        }
    }
}

/// What is missing, and how to ask the demo server if it is here.
fn incomplete(no_issuer: bool, no_client: bool) -> String {
    let missing = match (no_issuer, no_client) {
        (true, _) => "say who issues the token: --issuer URL (or GRANTOR_ISSUER)",
        (false, true) => "say which client asks: --client-id ID (or GRANTOR_CLIENT_ID)",
        (false, false) => {
            "say by what the client proves itself: --secret env:NAME or file:PATH (or GRANTOR_CLIENT_SECRET), --key FILE, or \
             --cert FILE and --key FILE"
        }
    };
    match demo() {
        None => format!("{missing}; `grantor dev` starts a server to try this out with"),
        Some(hint) => format!("{missing}\n{hint}"),
    }
}

fn demo() -> Option<String> {
    let folder = Path::new("grantor-dev");
    let secret = folder.join("demo.secret");
    secret.exists().then(|| {
        let running = DataDir::open(folder, IfMissing::Refuse).and_then(|dir| dir.admin_url());
        let first = match running {
            Ok(Some(_)) => "The demo server is running here. Put in the issuer that it printed:",
            _ => "There is a demo server here, which is not running. Start it with `grantor dev`, and then:",
        };
        format!(
            "{first}\n  grantor token --issuer http://127.0.0.1:8080 --client-id demo --secret file:{}",
            secret.display()
        )
    })
}

/// What to do about it.
fn advice(error: &TokenError) -> String {
    let next = match error.oauth_error() {
        Some("invalid_client") => "Check the client_id, the secret or key, and that both belong to this issuer.",
        Some("invalid_dpop_proof") => "Check the clock of this machine.",
        Some("invalid_request") if error.to_string().contains("DPoP proof is needed") => "Add --dpop.",
        Some("invalid_request") if error.to_string().contains("certificate is needed") => {
            "Add --cert FILE and --key FILE."
        }
        Some("invalid_scope") => "Ask for less with --scope, or let the client have more.",
        Some("invalid_target") => "Check --resource: it is the identifier of an API that the client may use.",
        Some("unauthorized_client") => "Let the client use this grant.",
        None if error.to_string().contains("certificate") => {
            "Name the authority that vouches for the server with --ca FILE."
        }
        _ if error.is_transient() => "Check that the server runs and can be reached.",
        _ => "Check the issuer.",
    };
    match error.request_id() {
        Some(id) => format!("{next} On the server, `grantor explain {id}` tells the cause."),
        None => next.into(),
    }
}
