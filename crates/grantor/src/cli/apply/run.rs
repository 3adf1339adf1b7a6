//! Shows a plan and carries it out, step by step.

use super::plan::{Change, Kind, Op, Plan, Step};
use crate::cli::Said;
use crate::cli::api::{Api, refused};
use crate::cli::output::{Format, note, plain, print, print_json};
use crate::cli::time;
use anyhow::Result;
use http::StatusCode;
use serde_json::{Value, json};

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Domain => "domain",
            Self::Resource => "resource",
            Self::Client => "client",
            Self::Credential => "credential",
        }
    }
}

impl Step {
    /// `client default/billing-svc`.
    fn what(&self) -> String {
        let kind = self.kind.as_str();
        let name = match (self.kind, &self.client_id) {
            (Kind::Domain, _) => self.name.clone(),
            (_, Some(client)) => format!("{}/{client}/{}", self.domain, self.name),
            (_, None) => format!("{}/{}", self.domain, self.name),
        };
        plain(&format!("{kind} {name}"))
    }

    fn json(&self, done: bool) -> Value {
        let mut json = json!({
            "op": self.op,
            "kind": self.kind,
            "domain": self.domain,
            "name": self.name,
            "fields": self.fields,
            "done": done,
        });
        if let Some(client_id) = &self.client_id {
            json["client_id"] = client_id.as_str().into();
        }
        json
    }
}

/// The difference, for people.
pub fn show(plan: &Plan, format: Format) -> Result<()> {
    if format == Format::Json {
        return Ok(());
    }
    for step in &plan.steps {
        let sign = match step.op {
            Op::Create => '+',
            Op::Update => '~',
            Op::Delete => '-',
        };
        print(&format!("{sign} {}", step.what()))?;
        for (field, Change { from, to }) in &step.fields {
            let line = match step.op {
                Op::Update => format!("    {field}: {} → {}", value(field, from), value(field, to)),
                _ => format!("    {field}: {}", value(field, to)),
            };
            print(&plain(&line))?;
        }
    }
    if plan.unchanged > 0 || plan.steps.is_empty() {
        print(&format!("= {} unchanged", plan.unchanged))?;
    }
    Ok(())
}

/// A value as it would be written in JSON; of a secret, what can be said about it.
fn value(field: &str, value: &Value) -> String {
    match value {
        Value::Null => "none".into(),
        Value::String(text) if ["secret", "phc", "certificate"].contains(&field) => text.clone(),
        Value::Number(at) if field == "not_before" || field == "expires_at" => {
            at.as_i64().map_or_else(|| at.to_string(), time::rfc3339)
        }
        value => value.to_string(),
    }
}

/// Takes every step, unless it is a dry run. If one fails, says what was done.
pub async fn run(api: &Api, plan: Plan, dry_run: bool, format: Format) -> Result<()> {
    let mut done = Vec::new();
    let mut secrets = Vec::new();
    let mut failed = None;
    if !dry_run {
        for step in &plan.steps {
            match take(api, step).await {
                Ok(secret) => {
                    done.push(step.what());
                    if let Some(secret) = secret {
                        // At once: the next step may fail, and nobody can see it again.
                        show_secret(step, &secret, format)?;
                        secrets.push(secret_json(step, &secret));
                    }
                }
                Err(error) => {
                    failed = Some(format!("{}: {error:#}", step.what()));
                    break;
                }
            }
        }
    }
    if format == Format::Json {
        let changes = plan.steps.iter().enumerate().map(|(i, step)| step.json(i < done.len()));
        print_json(&json!({
            "ok": failed.is_none(),
            "dry_run": dry_run,
            "changes": changes.collect::<Vec<_>>(),
            "unchanged": plan.unchanged,
            "secrets": secrets,
            "failed": failed,
        }))?;
        return if failed.is_none() { Ok(()) } else { Err(Said.into()) };
    }
    if let Some(failed) = failed {
        return Err(stopped(&failed, &done, plan.steps.len()));
    }
    note(&match (plan.steps.is_empty(), dry_run) {
        (true, _) => "Nothing to change.".to_owned(),
        (false, true) => format!("Nothing was changed; without --dry-run: {}.", counted(&plan.steps)),
        (false, false) => format!("Done: {}.", counted(&plan.steps)),
    });
    Ok(())
}

/// How many things that were done are named in an error.
const NAMED_MAX: usize = 20;

fn stopped(failed: &str, done: &[String], all: usize) -> anyhow::Error {
    let before = match done {
        [] => "nothing was changed before".to_owned(),
        done => {
            let named = done.iter().take(NAMED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = if done.len() > NAMED_MAX { ", …" } else { "" };
            format!("done before ({} of {all}): {named}{more}", done.len())
        }
    };
    anyhow::anyhow!(
        "stopped at {failed}\n  {before}\n  put right what is said above and run this again: it does the rest"
    )
}

fn counted(steps: &[Step]) -> String {
    let count = |op: Op| steps.iter().filter(|step| step.op == op).count();
    let counts = [(count(Op::Create), "created"), (count(Op::Update), "updated"), (count(Op::Delete), "deleted")];
    let counts: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    counts.join(", ")
}

/// The secret, if the server made one.
async fn take(api: &Api, step: &Step) -> Result<Option<String>> {
    if step.op == Op::Delete {
        return match api.delete(&step.path).await {
            // Gone already, perhaps with what it hung on.
            Err(error) if status(&error) == Some(StatusCode::NOT_FOUND) => Ok(None),
            other => other.map(|_| None),
        };
    }
    if step.anew {
        api.delete(&step.path).await?;
    }
    let reply = api.put(&step.path, step.body.clone(), step.when.clone()).await.map_err(|error| {
        if status(&error) == Some(StatusCode::PRECONDITION_FAILED) {
            anyhow::anyhow!("somebody else changed it since it was compared")
        } else {
            error
        }
    })?;
    Ok(reply.body.get("secret").and_then(Value::as_str).map(str::to_owned))
}

fn status(error: &anyhow::Error) -> Option<StatusCode> {
    refused(error).map(|refused| refused.status)
}

fn secret_json(step: &Step, secret: &str) -> Value {
    json!({ "domain": step.domain, "client_id": step.client_id, "credential": step.name, "client_secret": secret })
}

fn show_secret(step: &Step, secret: &str, format: Format) -> Result<()> {
    if format == Format::Json {
        return Ok(());
    }
    note(&format!("The secret of {} is shown this one time:", step.what()));
    print(&format!("client_id      {}\nclient_secret  {secret}", plain(step.client_id.as_deref().unwrap_or_default())))
}
