//! What differs between a file and a server, and what is wrong with the whole before anything is changed.

use super::wanted::{CLIENT, DOMAIN, Entity, Place, RESOURCE, Wanted, WantedClient, WantedDomain};
use crate::cli::api::{Api, Reply, When, path};
use crate::cli::entity::all;
use crate::config::Problem;
use anyhow::Result;
use grantor_core::client::ClientMetadata;
use grantor_core::domain::DomainSettings;
use grantor_core::error::quote;
use grantor_core::resource::{ADMIN_RESOURCE, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    Create,
    Update,
    Delete,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Domain,
    Resource,
    Client,
    Credential,
}

/// One request to come.
#[derive(Debug)]
pub struct Step {
    pub op: Op,
    pub kind: Kind,
    pub domain: String,
    /// Of a credential, the client's.
    pub client_id: Option<String>,
    pub name: String,
    pub fields: BTreeMap<String, Change>,
    pub path: String,
    pub body: Value,
    pub when: When,
    /// Of an update, that the thing is deleted and made anew.
    pub anew: bool,
}

/// What may be done beyond adding and changing.
#[derive(Clone, Copy, Debug)]
pub struct Allowed {
    pub prune: bool,
    pub replace_secrets: bool,
}

/// A field before and after; null is none.
#[derive(Debug, PartialEq, Serialize)]
pub struct Change {
    pub from: Value,
    pub to: Value,
}

#[derive(Debug, Default)]
pub struct Plan {
    /// In the order in which they are done.
    pub steps: Vec<Step>,
    pub unchanged: usize,
}

/// Compares with what the server has. Everything that is wrong goes to the problems; a step is then not to be taken.
pub async fn make(api: &Api, wanted: &Wanted, place: &Place, allowed: Allowed) -> Result<(Plan, Vec<Problem>)> {
    let (plan, problems, deletions) = Default::default();
    let mut planner = Planner { api, place, allowed, plan, problems, deletions };
    planner.issuers(wanted).await?;
    for domain in &wanted.domains {
        planner.domain(domain).await?;
    }
    let Planner { mut plan, problems, deletions, .. } = planner;
    // First what must make room, last what nobody refers to any more.
    plan.steps.extend(deletions);
    Ok((plan, problems))
}

pub(super) struct Planner<'a> {
    pub api: &'a Api,
    pub place: &'a Place,
    pub allowed: Allowed,
    pub plan: Plan,
    pub problems: Vec<Problem>,
    deletions: Vec<Step>,
}

/// What is registered under a name.
struct Have {
    body: Map<String, Value>,
    etag: Option<String>,
}

impl Planner<'_> {
    /// Issuers are unique among all domains, also those that the file does not name.
    async fn issuers(&mut self, wanted: &Wanted) -> Result<()> {
        let written = |domain: &WantedDomain| domain.entity.text("issuer").map(str::to_owned);
        if !wanted.domains.iter().any(|domain| written(domain).is_some()) {
            return Ok(());
        }
        let mut issuers: BTreeMap<String, String> = BTreeMap::new();
        for item in all(self.api, &path(&["domain"])).await? {
            let (Some(name), Some(issuer)) = (named(&item, &["name"]), named(&item, &["issuer"])) else { continue };
            if !wanted.domains.iter().any(|domain| domain.entity.name == name && written(domain).is_some()) {
                issuers.insert(issuer.to_owned(), name.to_owned());
            }
        }
        for domain in &wanted.domains {
            let Some(issuer) = written(domain) else { continue };
            if let Some(other) = issuers.insert(issuer, domain.entity.name.clone()) {
                let message = format!("issuer: it is that of domain '{other}'; issuers are unique");
                self.problems.push(domain.entity.problem(&message, self.place));
            }
        }
        Ok(())
    }

    async fn domain(&mut self, wanted: &WantedDomain) -> Result<()> {
        let name = wanted.entity.name.as_str();
        let at = |kind: &str, entity: &str| path(&["domain", name, kind, entity]);
        let have = self.have(&path(&["domain", name]), DOMAIN).await?;
        let is_new = have.is_none();
        self.put::<DomainSettings>(Kind::Domain, name, &wanted.entity, path(&["domain", name]), have, |settings| {
            settings.problems()
        });
        let registered = if is_new { Vec::new() } else { all(self.api, &path(&["domain", name, "resource"])).await? };
        let mut identifiers = Identifiers::new(&registered);
        let (mut front, gone) = (Vec::new(), self.gone(&registered, &wanted.resources, &["name"]));
        for resource in gone {
            let identifier = identifiers.remove(&resource);
            let makes_room = wanted.resources.iter().any(|wanted| wanted.text("identifier") == identifier.as_deref());
            let step = delete(Kind::Resource, name, None, &resource, at("resource", &resource));
            if makes_room { front.push(step) } else { self.deletions.push(step) }
        }
        self.plan.steps.extend(front);
        for resource in &wanted.resources {
            let have = registered.iter().find(|item| named(item, &["name"]) == Some(&resource.name));
            let have = have.map(|item| Have { body: known(item, RESOURCE), etag: etag_of(item) });
            self.resource(name, resource, have, &mut identifiers);
        }
        for client in &wanted.clients {
            self.client(name, is_new, client, &identifiers).await?;
        }
        if self.allowed.prune && !is_new {
            let clients = all(self.api, &path(&["domain", name, "client"])).await?;
            let wanted: Vec<&Entity> = wanted.clients.iter().map(|client| &client.entity).collect();
            let gone = self.gone(&clients, wanted, &["client_id"]);
            let gone = gone.into_iter().map(|id| delete(Kind::Client, name, None, &id, at("client", &id)));
            // Clients go before the resources that they refer to.
            self.deletions.splice(0..0, gone);
        }
        Ok(())
    }

    fn resource(&mut self, domain: &str, wanted: &Entity, have: Option<Have>, identifiers: &mut Identifiers) {
        let identifier = wanted.text("identifier").map(str::to_owned);
        let at = path(&["domain", domain, "resource", &wanted.name]);
        if identifiers.is_built_in(&wanted.name) || identifier.as_deref() == Some(ADMIN_RESOURCE) {
            self.wrong(
                wanted,
                format!("the resource {ADMIN_RESOURCE} is built in and cannot be changed; leave it out"),
            );
            return;
        }
        match identifier {
            None if have.is_none() && !wanted.unreadable => {
                self.wrong(wanted, "a new resource needs one more line; write identifier = \"https://…\"".into());
                return;
            }
            None => identifiers.uncertain |= have.is_none(),
            Some(identifier) => {
                if let Some(other) = identifiers.claim(&wanted.name, &identifier) {
                    let message = format!("identifier: '{}' is that of resource '{other}'", quote(&identifier));
                    self.problems.push(wanted.problem(&message, self.place));
                }
            }
        }
        self.put::<Resource>(Kind::Resource, domain, wanted, at, have, |resource| resource.problems());
    }

    async fn client(
        &mut self,
        domain: &str,
        domain_is_new: bool,
        wanted: &WantedClient,
        identifiers: &Identifiers,
    ) -> Result<()> {
        let id = wanted.entity.name.as_str();
        let at = path(&["domain", domain, "client", id]);
        let have = if domain_is_new { None } else { self.have(&at, CLIENT).await? };
        let is_new = have.is_none();
        self.put::<ClientMetadata>(Kind::Client, domain, &wanted.entity, at.clone(), have, |client| {
            let mut problems = client.problems();
            if !identifiers.uncertain {
                problems.extend(unknown_resources(client, &wanted.entity, identifiers, domain));
            }
            problems
        });
        let Some(credentials) = &wanted.credentials else { return Ok(()) };
        let registered = if is_new { Vec::new() } else { all(self.api, &format!("{at}/credential")).await? };
        for credential in credentials {
            let have = registered.iter().find(|item| named(item, &["id"]) == Some(&credential.entity.name));
            self.credential(domain, id, credential, have).await?;
        }
        let wanted: Vec<&Entity> = credentials.iter().map(|credential| &credential.entity).collect();
        for gone in self.gone(&registered, wanted, &["id"]) {
            let at = path(&["domain", domain, "client", id, "credential", &gone]);
            self.deletions.push(delete(Kind::Credential, domain, Some(id), &gone, at));
        }
        Ok(())
    }

    pub(super) fn wrong(&mut self, entity: &Entity, message: String) {
        let Entity { key, line, .. } = entity;
        self.problems.push(Problem { place: self.place.at(*line), key: Some(key.clone()), message });
    }

    async fn have(&self, path: &str, fields: &[(&str, &str)]) -> Result<Option<Have>> {
        let found = self.api.find(path).await?;
        Ok(found.map(|Reply { body, etag, .. }| Have { body: known(&body, fields), etag }))
    }

    /// What the server has and the file does not, except what is built in.
    fn gone<'w>(
        &self,
        registered: &[Value],
        wanted: impl IntoIterator<Item = &'w Entity>,
        names: &[&str],
    ) -> Vec<String> {
        if !self.allowed.prune {
            return Vec::new();
        }
        let wanted: BTreeSet<&str> = wanted.into_iter().map(|entity| entity.name.as_str()).collect();
        let built_in = |item: &&Value| item.get("identifier").and_then(Value::as_str) == Some(ADMIN_RESOURCE);
        let registered = registered.iter().filter(|item| !built_in(item)).filter_map(|item| named(item, names));
        registered.filter(|name| !wanted.contains(name)).map(str::to_owned).collect()
    }

    /// Plans a write where the merged whole differs from what is there.
    fn put<T: Serialize + DeserializeOwned>(
        &mut self,
        kind: Kind,
        domain: &str,
        wanted: &Entity,
        path: String,
        have: Option<Have>,
        check: impl FnOnce(&T) -> Vec<String>,
    ) {
        if wanted.unreadable {
            return;
        }
        let (body, when, op) = match have {
            Some(Have { body, etag }) => (body, etag.map_or(When::Any, When::Still), Op::Update),
            None => (Map::new(), When::Absent, Op::Create),
        };
        let mut merged = body.clone();
        for (field, value) in &wanted.fields {
            match value {
                Value::Null => drop(merged.remove(field)),
                value => drop(merged.insert(field.clone(), value.clone())),
            }
        }
        let merged: T = match serde_json::from_value(merged.into()) {
            Ok(merged) => merged,
            Err(error) => return self.wrong(wanted, error.to_string()),
        };
        let problems = check(&merged);
        if !problems.is_empty() {
            self.problems.extend(problems.iter().map(|problem| wanted.problem(problem, self.place)));
            return;
        }
        let before = if op == Op::Create { Map::new() } else { normal::<T>(&body) };
        let after = serde_json::to_value(&merged).unwrap_or_default();
        let mut fields = differences(&before, after.as_object().unwrap_or(&Map::new()));
        if op == Op::Create {
            fields.retain(|name, _| wanted.fields.contains_key(name));
        }
        if op == Op::Update && fields.is_empty() {
            self.plan.unchanged += 1;
            return;
        }
        let sent = wanted.fields.iter().filter(|(name, _)| op == Op::Create || fields.contains_key(*name));
        let body = Value::Object(sent.map(|(name, value)| (name.clone(), value.clone())).collect());
        let (domain, name) = (domain.to_owned(), wanted.name.clone());
        self.plan.steps.push(Step { op, kind, domain, client_id: None, name, fields, path, body, when, anew: false });
    }
}

/// Identifiers of the resources of a domain as they will be, and whose they are.
struct Identifiers {
    names: BTreeMap<String, String>,
    /// What this plan takes away.
    removed: BTreeSet<String>,
    built_in: Option<String>,
    /// One of them could not be read.
    uncertain: bool,
}

impl Identifiers {
    fn new(registered: &[Value]) -> Self {
        let pairs = registered.iter().filter_map(|item| {
            Some((item.get("identifier")?.as_str()?.to_owned(), named(item, &["name"])?.to_owned()))
        });
        let names: BTreeMap<String, String> = pairs.collect();
        Self { built_in: names.get(ADMIN_RESOURCE).cloned(), names, removed: BTreeSet::new(), uncertain: false }
    }

    fn is_built_in(&self, name: &str) -> bool {
        self.built_in.as_deref() == Some(name)
    }

    fn remove(&mut self, name: &str) -> Option<String> {
        let identifier =
            self.names.iter().find(|(_, owner)| *owner == name).map(|(identifier, _)| identifier.clone())?;
        self.names.remove(&identifier);
        self.removed.insert(identifier.clone());
        Some(identifier)
    }

    /// Gives `name` the identifier; or tells who has it.
    fn claim(&mut self, name: &str, identifier: &str) -> Option<String> {
        if let Some(other) = self.names.get(identifier).filter(|other| *other != name) {
            return Some(other.clone());
        }
        self.remove(name);
        self.names.insert(identifier.to_owned(), name.to_owned());
        None
    }
}

/// What a client refers to that is not there, or will not be. What was missing before and is not written is left alone, so
/// that such a client can still be changed.
fn unknown_resources(client: &ClientMetadata, wanted: &Entity, identifiers: &Identifiers, domain: &str) -> Vec<String> {
    let unknown = |field: &str, names: &[String]| -> Vec<String> {
        let ours = |name: &String| wanted.fields.contains_key(field) || identifiers.removed.contains(name);
        let missing = names.iter().filter(|name| !identifiers.names.contains_key(*name) && ours(name));
        missing
            .map(|name| {
                let name = quote(name);
                format!("{field}: '{name}' is the identifier of no resource of domain '{domain}'; add the resource, or correct it")
            })
            .collect()
    };
    [unknown("resources", &client.resources), unknown("introspect_resources", &client.introspect_resources)].concat()
}

fn delete(kind: Kind, domain: &str, client_id: Option<&str>, name: &str, path: String) -> Step {
    Step {
        op: Op::Delete,
        kind,
        domain: domain.to_owned(),
        client_id: client_id.map(str::to_owned),
        name: name.to_owned(),
        fields: BTreeMap::new(),
        path,
        body: Value::Null,
        when: When::Any,
        anew: false,
    }
}

fn named<'i>(item: &'i Value, names: &[&str]) -> Option<&'i str> {
    names.iter().find_map(|name| item.get(name)?.as_str())
}

/// Lists carry versions, of which entity tags are made.
fn etag_of(item: &Value) -> Option<String> {
    item.get("version").and_then(Value::as_i64).map(|version| format!("\"{version}\""))
}

/// The fields of an answer that can be written.
pub(super) fn known(body: &Value, fields: &[(&str, &str)]) -> Map<String, Value> {
    let members = body.as_object().into_iter().flatten();
    let known = members.filter(|(name, value)| !value.is_null() && fields.iter().any(|(field, _)| field == name));
    known.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// A body with every default in its place, as another body of its type would have.
fn normal<T: Serialize + DeserializeOwned>(body: &Map<String, Value>) -> Map<String, Value> {
    let read: Result<T, _> = serde_json::from_value(Value::Object(body.clone()));
    match read.ok().and_then(|body| serde_json::to_value(body).ok()) {
        Some(Value::Object(normal)) => normal,
        _ => body.clone(),
    }
}

pub(super) fn differences(before: &Map<String, Value>, after: &Map<String, Value>) -> BTreeMap<String, Change> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let value = |map: &Map<String, Value>, name: &String| map.get(name).cloned().unwrap_or_default();
    let changes = names.into_iter().map(|name| (name, Change { from: value(before, name), to: value(after, name) }));
    changes.filter(|(_, change)| change.from != change.to).map(|(name, change)| (name.clone(), change)).collect()
}
