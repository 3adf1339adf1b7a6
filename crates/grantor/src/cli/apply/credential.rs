//! What differs between a credential in a file and on a server, which shows neither its secret nor a hash of it.

use super::plan::{Change, Kind, Op, Planner, Step, differences, known};
use super::source::Source;
use super::wanted::{Entity, Field, WantedCredential};
use crate::admin::credential::{CredentialSource, NewCredential, is_credential_id};
use crate::cli::api::{When, path, refused};
use crate::clock;
use anyhow::Result;
use http::StatusCode;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

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
        let before = have.map(|have| known(have, &KEPT)).unwrap_or_default();
        let mut after = before.clone();
        after.extend(entity.fields.clone());
        after.retain(|_, value| !value.is_null());
        let mut fields = differences(&before, &after);
        let (mut op, mut anew) = (Op::Create, false);
        if have.is_some() {
            op = Op::Update;
            if let Some(source) = source
                && !self.same(&at, source.sent()).await?
            {
                if !self.allowed.replace_secrets {
                    let name = source.member();
                    self.problems.push(entity.problem(&format!("{name}: {ANOTHER}"), self.place));
                    return Ok(());
                }
                anew = true;
                if matches!(source, Source::Public(..)) {
                    // Label and end are those of the certificate before, unless the file has them.
                    after.retain(|name, _| entity.fields.contains_key(name));
                }
            }
        }
        if op == Op::Create || anew {
            let to = source.as_ref().map_or(Value::Null, Source::shown);
            let name = source.as_ref().map_or("secret", Source::member);
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
    async fn same(&self, path: &str, sent: Map<String, Value>) -> Result<bool> {
        if sent.is_empty() {
            return Ok(true);
        }
        match self.api.put(path, sent.into(), When::There).await {
            Ok(_) => Ok(true),
            Err(error) if refused(&error).is_some_and(|refused| refused.status == StatusCode::CONFLICT) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// What of a credential can be changed.
const KEPT: [Field; 3] = [("label", ""), ("not_before", ""), ("expires_at", "")];

const ANOTHER: &str = "the credential has another secret, key or certificate; to change it without an interruption, write a new \
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
        problems.push(
            "a new credential needs a source; write secret, phc, generate = true, a key or a certificate".to_owned(),
        );
    }
    let credential = NewCredential {
        label: after.get("label").and_then(Value::as_str).map(str::to_owned),
        not_before: time("not_before"),
        // An end that is past already is no fault of who does not change it.
        expires_at: time("expires_at").filter(|_| made || fields.contains_key("expires_at")),
        source: source.map_or(CredentialSource::Generate, Source::to_admin),
    };
    problems.extend(credential.problems(clock::now_s()));
    problems
}

fn whole(mut after: Map<String, Value>, source: Option<&Source>) -> Value {
    after.extend(source.map(Source::sent).unwrap_or_default());
    after.into()
}

fn changed(entity: &Entity, fields: &BTreeMap<String, Change>) -> Value {
    let sent = entity.fields.iter().filter(|(name, _)| fields.contains_key(*name));
    Value::Object(sent.map(|(name, value)| (name.clone(), value.clone())).collect())
}
