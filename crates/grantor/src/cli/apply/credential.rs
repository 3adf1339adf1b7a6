//! What differs between a credential in a file and on a server, which shows neither its secret nor a hash of it.

use super::plan::{Change, Kind, Op, Planner, Step, differences, known};
use super::wanted::{CREDENTIAL, Entity, Source, WantedCredential};
use crate::admin::credential::{CredentialSource, NewCredential, is_credential_id};
use crate::cli::api::{When, path, refused};
use crate::clock;
use anyhow::Result;
use http::StatusCode;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

impl Source {
    /// Member and value, as they are sent; nothing is sent for a secret that the server is to make.
    fn sent(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Secret(secret) => Some(("secret", secret.expose())),
            Self::Phc(phc) => Some(("phc", phc)),
            Self::Generate => None,
        }
    }
}

impl Planner<'_> {
    pub(super) async fn credential(
        &mut self,
        domain: &str,
        client_id: &str,
        wanted: &WantedCredential,
        have: Option<&Value>,
    ) -> Result<()> {
        let WantedCredential { entity, source } = wanted;
        if entity.unreadable {
            return Ok(());
        }
        let at = path(&["domain", domain, "client", client_id, "credential", &entity.name]);
        let before = have.map(|have| known(have, CREDENTIAL)).unwrap_or_default();
        let mut after = before.clone();
        after.extend(entity.fields.clone());
        after.retain(|_, value| !value.is_null());
        let mut fields = differences(&before, &after);
        let (mut op, mut anew) = (Op::Create, false);
        if have.is_some() {
            op = Op::Update;
            let given = source.as_ref().and_then(Source::sent);
            if let Some((name, value)) = given
                && !self.same(&at, name, value).await?
            {
                if !self.allowed.replace_secrets {
                    self.problems.push(entity.problem(&format!("{name}: {ANOTHER}"), self.place));
                    return Ok(());
                }
                anew = true;
            }
        }
        if op == Op::Create || anew {
            let to = source.as_ref().map_or(Value::Null, |source| match source {
                Source::Generate => "made by the server".into(),
                _ => "what the file refers to".into(),
            });
            let name = source.as_ref().and_then(Source::sent).map_or("secret", |(name, _)| name);
            let from = if anew { "another, which ends at once".into() } else { Value::Null };
            fields.insert(name.to_owned(), Change { from, to });
        }
        if fields.is_empty() {
            self.plan.unchanged += 1;
            return Ok(());
        }
        let problems = problems(entity, source.as_ref(), &after, op == Op::Create || anew, &fields);
        if !problems.is_empty() {
            self.problems.extend(problems.iter().map(|problem| entity.problem(problem, self.place)));
            return Ok(());
        }
        let body = if op == Op::Create || anew { whole(after, source.as_ref()) } else { changed(entity, &fields) };
        let when = if op == Op::Create || anew { When::Absent } else { When::There };
        let (domain, client_id) = (domain.to_owned(), Some(client_id.to_owned()));
        let (kind, name) = (Kind::Credential, entity.name.clone());
        self.plan.steps.push(Step { op, kind, domain, client_id, name, fields, path: at, body, when, anew });
        Ok(())
    }

    /// Whether a credential is made from this secret or hash, which only the server can tell. A write that names nothing
    /// else changes nothing: it is a conflict if that is another secret.
    async fn same(&self, path: &str, name: &str, value: &str) -> Result<bool> {
        match self.api.put(path, json!({ name: value }), When::There).await {
            Ok(_) => Ok(true),
            Err(error) if refused(&error).is_some_and(|refused| refused.status == StatusCode::CONFLICT) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

const ANOTHER: &str = "the credential has another secret; to change secrets without an interruption, write a new \
                       credential under another name and take this one out later, or end the old secret at once with \
                       --replace-secrets";

/// All that is wrong with a credential that is to be made or changed.
fn problems(
    entity: &Entity,
    source: Option<&Source>,
    after: &Map<String, Value>,
    made: bool,
    fields: &BTreeMap<String, Change>,
) -> Vec<String> {
    let time = |name: &str| after.get(name).and_then(Value::as_i64);
    let mut problems = Vec::new();
    if made && !is_credential_id(&entity.name) {
        problems.push("this cannot name a credential; write 1 to 64 of A-Z, a-z, 0-9, '-' and '_'".to_owned());
    }
    if made && source.is_none() {
        problems.push("a new credential needs a source; write secret, phc or generate = true".to_owned());
    }
    let credential = NewCredential {
        label: after.get("label").and_then(Value::as_str).map(str::to_owned),
        not_before: time("not_before"),
        // An end that is past already is no fault of who does not change it.
        expires_at: time("expires_at").filter(|_| made || fields.contains_key("expires_at")),
        source: match source {
            Some(Source::Secret(secret)) => CredentialSource::Given(Zeroizing::new(secret.expose().to_owned())),
            Some(Source::Phc(phc)) => CredentialSource::Phc(phc.clone()),
            Some(Source::Generate) | None => CredentialSource::Generate,
        },
    };
    problems.extend(credential.problems(clock::now_s()));
    problems
}

fn whole(mut after: Map<String, Value>, source: Option<&Source>) -> Value {
    if let Some((name, value)) = source.and_then(Source::sent) {
        after.insert(name.to_owned(), value.into());
    }
    after.into()
}

fn changed(entity: &Entity, fields: &BTreeMap<String, Change>) -> Value {
    let sent = entity.fields.iter().filter(|(name, _)| fields.contains_key(*name));
    Value::Object(sent.map(|(name, value)| (name.clone(), value.clone())).collect())
}
