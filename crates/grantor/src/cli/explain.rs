//! `grantor explain`.

use super::api::{Api, Reply, path};
use super::hints::hint;
use super::output::{Format, domain_flag, plain, print, print_json, shell};
use super::server::Server;
use super::time;
use crate::audit::Decision;
use anyhow::{Context, Result};
use clap::Args;
use std::fmt::Write as _;
use std::time::Duration;

/// Say why a request was refused, and what to change.
///
/// Shows who asked, for what, what they were told, and the true cause, or what was issued. The request id is in the X-Request-Id header of every answer, and in the log.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  grantor explain Zx81kq3Lb0TnVw2u")]
pub struct Explain {
    /// The request id, from the answer's X-Request-Id header
    request_id: String,
    #[command(flatten)]
    server: Server,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Explain {
    pub async fn run(self) -> Result<()> {
        let body = self.server.with(async |api| decision(api, &self.request_id).await).await?.body;
        if self.format == Format::Json {
            return print_json(&body);
        }
        let decision = serde_json::from_value(body).context("the server's answer is no decision")?;
        print(&plain(&text(&decision)))
    }
}

/// A request of this moment may not be written down yet.
async fn decision(api: &Api, request_id: &str) -> Result<Reply> {
    let path = path(&["decision", request_id]);
    for _ in 0..RETRIES {
        if let Some(reply) = api.find(&path).await? {
            return Ok(reply);
        }
        tokio::time::sleep(PAUSE).await;
    }
    api.get(&path).await
}

const RETRIES: usize = 4;
const PAUSE: Duration = Duration::from_millis(250);

/// The story of one request.
fn text(decision: &Decision) -> String {
    let mut text = format!("{}\n\n", headline(decision));
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            let _ = writeln!(text, "  {name:<8}  {value}");
        }
    };
    line("when", time::rfc3339(decision.at));
    line("where", format!("{} endpoint of domain '{}'", decision.endpoint, decision.domain));
    line("who", who(decision));
    line("wanted", wanted(decision));
    if let Some(error) = &decision.error {
        line("told", format!("{error}: {}", decision.error_description.as_deref().unwrap_or_default()));
    }
    line("issued", issued(decision));
    let reason = decision.reason.as_deref();
    if let Some(reason) = reason {
        let detail = decision.detail.as_deref().map(|detail| format!(": {detail}")).unwrap_or_default();
        line("cause", format!("{reason}{detail}"));
    } else if let Some(detail) = &decision.detail {
        line("detail", detail.clone());
    }
    if let Some(hint) = reason.and_then(hint) {
        let _ = write!(text, "\n{}", filled(hint, decision));
    }
    text.truncate(text.trim_end().len());
    text
}

fn headline(decision: &Decision) -> String {
    let id = &decision.request_id;
    match decision.outcome.as_str() {
        "issued" => format!("Request {id} was answered with an access token."),
        "active" => format!("Request {id} was told that the token is active."),
        "inactive" => format!("Request {id} was told that the token is not active."),
        "revoked" => format!("Request {id} revoked a token."),
        "ignored" => {
            format!("Request {id} named a token that is not known or not valid any more, so nothing was revoked.")
        }
        _ => format!("Request {id} was refused."),
    }
}

fn who(decision: &Decision) -> String {
    let mut who = match &decision.client_id {
        Some(client_id) => format!("client '{client_id}'"),
        None => "nobody that could be told".into(),
    };
    let _ = write!(who, " from {}", decision.source);
    if let Some(method) = &decision.auth_method {
        let _ = write!(who, ", by {method}");
    }
    if let Some(credential) = &decision.credential_id {
        let _ = write!(who, ", with credential {credential}");
    }
    who
}

/// What was asked for, which is noted where it was not granted.
fn wanted(decision: &Decision) -> String {
    let Some(mut wanted) = decision.grant_type.clone() else { return String::new() };
    if decision.outcome != "refused" {
        return wanted;
    }
    if !decision.audience.is_empty() {
        let _ = write!(wanted, " for {}", decision.audience.join(", "));
    }
    if let Some(scope) = &decision.scope {
        let _ = write!(wanted, ", scope \"{scope}\"");
    }
    wanted
}

fn issued(decision: &Decision) -> String {
    if decision.outcome != "issued" {
        return String::new();
    }
    let format = decision.token_format.as_deref().unwrap_or("access token");
    let mut issued = format!("{format} for {}", decision.audience.join(", "));
    match decision.scope.as_deref() {
        Some(scope) if !scope.is_empty() => {
            let _ = write!(issued, ", scope \"{scope}\"");
        }
        _ => issued.push_str(", no scope"),
    }
    if let Some(seconds) = decision.lifetime_s {
        let _ = write!(issued, ", for {seconds} s");
    }
    if let Some(jti) = &decision.jti {
        let _ = write!(issued, ", jti {jti}");
    }
    issued
}

/// A hint with this request's client and domain in its commands.
fn filled(hint: &str, decision: &Decision) -> String {
    let client = decision.client_id.as_deref().map_or_else(|| "CLIENT".into(), shell);
    hint.replace("{client}", &client).replace("{domain}", &domain_flag(&decision.domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_as_a_story() {
        let decision = Decision {
            at: 0,
            request_id: "r1".into(),
            endpoint: "token".into(),
            domain: "acme".into(),
            outcome: "refused".into(),
            client_id: Some("billing svc".into()),
            grant_type: Some("client_credentials".into()),
            scope: Some("read".into()),
            audience: vec!["https://api.example.com".into()],
            source: "127.0.0.1".into(),
            auth_method: Some("client_secret_basic".into()),
            error: Some("invalid_client".into()),
            error_description: Some("client authentication failed".into()),
            reason: Some("client_disabled".into()),
            detail: Some("the secret is right, but the client is disabled".into()),
            ..Decision::default()
        };
        insta::assert_snapshot!(text(&decision), @r#"
        Request r1 was refused.

          when      1970-01-01T00:00:00Z
          where     token endpoint of domain 'acme'
          who       client 'billing svc' from 127.0.0.1, by client_secret_basic
          wanted    client_credentials for https://api.example.com, scope "read"
          told      invalid_client: client authentication failed
          cause     client_disabled: the secret is right, but the client is disabled

        Enable it: grantor client update 'billing svc' --enable --domain acme
        "#);
    }
}
