//! `grantor inspect`: what a token says, and whether that is true.

mod checks;
mod claims;
mod report;

use super::caller::{Caller, Trust};
use super::{Format, Said, Usage};
use crate::clock;
use crate::secrets::Secret;
use anyhow::{Context, Result};
use checks::{Check, Outcome};
use clap::Args;
use grantor_client::Issuer;
use grantor_core::jose::UnverifiedJws;
use grantor_core::secret::{SecretFormat, examine};
use grantor_core::token::opaque;
use report::{Kind, Report};
use std::io::{IsTerminal, Read};
use zeroize::Zeroizing;

/// Say what a token means, and check it against its issuer's keys
///
/// Reads the token from the argument or, without one, from standard input: alone, as `Bearer TOKEN`, or as the JSON that a
/// token endpoint answers. Exits with 1 if a check fails.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  grantor token | grantor inspect
  grantor inspect --issuer https://auth.example.com --audience https://api.example.com < token.txt")]
pub struct Inspect {
    /// The token. Others on this machine can read it there while the command runs; standard input is more discreet
    token: Option<Pasted>,
    /// The issuer that must have issued it. Without this the keys are those of whoever the token names
    #[arg(long, env = "GRANTOR_ISSUER", hide_env_values = true, value_name = "URL")]
    issuer: Option<String>,
    #[command(flatten)]
    trust: Trust,
    /// The API that it must be for
    #[arg(long, value_name = "URI")]
    audience: Option<String>,
    /// Ask nobody: the signature is not checked
    #[arg(long)]
    offline: bool,
    /// With a client's credentials the issuer is asked about the token (RFC 7662). An opaque token can be read in no other
    /// way, and only so is it known whether a token was revoked
    #[command(flatten)]
    caller: Caller,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// A token as given. It shows nowhere.
#[derive(Clone)]
struct Pasted(Zeroizing<String>);

impl From<String> for Pasted {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl std::fmt::Debug for Pasted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pasted(…)")
    }
}

const INPUT_MAX: u64 = 256 * 1024;

impl Inspect {
    pub async fn run(self) -> Result<()> {
        let text = match &self.token {
            Some(Pasted(text)) if **text != "-" => text.clone(),
            _ => read_input()?,
        };
        let token = token_in(&text)?;
        anyhow::ensure!(
            examine(&token) == SecretFormat::Other,
            "this is a client secret, not a token: keep it to yourself, and replace it if others saw it"
        );
        let report = if token.bytes().filter(|byte| *byte == b'.').count() >= 2 {
            self.jwt(&token).await
        } else {
            self.opaque(&token).await
        }?;
        report.print(self.format, clock::now_s())?;
        if report.checks.iter().any(|check| check.outcome == Outcome::Failed) { Err(Said.into()) } else { Ok(()) }
    }

    async fn jwt(&self, token: &str) -> Result<Report> {
        let (header, claims) = claims::read(token);
        let mut report = Report { kind: Kind::Jwt, header, claims, checks: Vec::new() };
        let jws = match UnverifiedJws::parse(token) {
            Ok(jws) => jws,
            Err(error) => {
                report.kind = Kind::Unreadable;
                report.checks.push(Check::failed("form", error.to_string()));
                return Ok(report);
            }
        };
        let named = report.claims.get("iss").and_then(|iss| iss.as_str()).map(str::to_owned);
        report.checks.push(self.signature(&jws, self.trusted().or(named.as_deref())).await);
        report.checks.push(checks::header(jws.header()));
        report.checks.extend(checks::claims(&jws, self.trusted(), self.audience.as_deref(), clock::now_s()));
        if let Some((issuer, client_id, secret)) = self.questioner().await? {
            report.checks.push(match issuer.introspect(client_id, secret.expose(), token).await {
                Ok(answer) => checks::active(&answer),
                Err(error) => Check::failed("active", error.to_string()),
            });
        }
        Ok(report)
    }

    async fn signature(&self, jws: &UnverifiedJws<'_>, issuer: Option<&str>) -> Check {
        if self.offline {
            return Check::skipped("signature", "not checked, as --offline says: anybody may have written this".into());
        }
        let Some(issuer) = issuer else {
            return Check::failed(
                "signature",
                "the token does not say who issued it; name the issuer with --issuer".into(),
            );
        };
        let keys = match self.ask(issuer) {
            Ok(asked) => asked.keys().await.map_err(|error| format!("cannot be checked: {error}")),
            Err(error) => Err(format!("cannot be checked: {error}")),
        };
        match keys {
            Ok(keys) => checks::signature(jws, &keys, issuer),
            Err(why) => Check::failed("signature", why),
        }
    }

    async fn opaque(&self, token: &str) -> Result<Report> {
        let kind = if token.starts_with(opaque::PREFIX) { Kind::GrantorHandle } else { Kind::Opaque };
        let mut report = Report { kind, header: Default::default(), claims: Default::default(), checks: Vec::new() };
        match self.questioner().await? {
            Some((issuer, client_id, secret)) => {
                let answer = issuer.introspect(client_id, secret.expose(), token).await?;
                report.checks.push(checks::active(&answer));
                report.claims = answer;
                report.claims.remove("active");
            }
            None => report.checks.push(Check::skipped(
                "active",
                "not asked; give --issuer, and --client-id and --secret of a client that may introspect".into(),
            )),
        }
        Ok(report)
    }

    /// The issuer that the user trusts, if they named one.
    fn trusted(&self) -> Option<&str> {
        self.issuer.as_deref().filter(|issuer| !issuer.is_empty())
    }

    /// Whom to ask about the token, and as whom. Credentials go to the issuer that the user names, never to one that only
    /// the token names.
    async fn questioner(&self) -> Result<Option<(Issuer, &str, Secret)>> {
        let (Some(issuer), Some(client_id), false) = (self.trusted(), self.caller.client_id(), self.offline) else {
            return Ok(None);
        };
        let Some(secret) = self.caller.secret().await? else { return Ok(None) };
        Ok(Some((self.ask(issuer)?, client_id, secret)))
    }

    fn ask(&self, issuer: &str) -> Result<Issuer> {
        Ok(Issuer::trusting(issuer, &self.trust.roots_pem()?).map_err(|error| Usage(error.to_string()))?)
    }
}

fn read_input() -> Result<Zeroizing<String>> {
    let input = std::io::stdin();
    if input.is_terminal() {
        super::output::note("Paste a token, then Enter and Ctrl-D:");
    }
    let mut text = Zeroizing::new(String::new());
    input.lock().take(INPUT_MAX).read_to_string(&mut text).context("cannot read a token from standard input")?;
    Ok(text)
}

/// The token in what was given.
fn token_in(text: &str) -> Result<Zeroizing<String>> {
    let text = text.trim();
    if text.starts_with('{') {
        let answer: serde_json::Value =
            serde_json::from_str(text).map_err(|_| anyhow::anyhow!("this begins like JSON, but is none"))?;
        let token = answer.get("access_token").and_then(|token| token.as_str());
        let token = token.context("this JSON has no access_token; is it the answer of a token endpoint?")?;
        return Ok(Zeroizing::new(token.to_owned()));
    }
    let token = match text.split_once(char::is_whitespace) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("Bearer") => rest.trim(),
        _ => text,
    };
    if token.is_empty() {
        return Err(Usage("there is no token; give one as argument or on standard input".into()).into());
    }
    anyhow::ensure!(!token.contains(char::is_whitespace), "this is no token: there is white space in it");
    Ok(Zeroizing::new(token.to_owned()))
}
