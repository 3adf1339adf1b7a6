//! What a file asks for, checked as far as that is possible without a server.

use super::source::Source;
use super::tree::{Node, Tree};
use crate::cli::time;
use crate::config::{Problem, nearest};
use grantor_core::client::{ClientMetadata, is_client_id};
use grantor_core::domain::{DomainSettings, is_name};
use grantor_core::resource::Resource;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A file as meant.
#[derive(Debug, Default)]
pub struct Wanted {
    pub domains: Vec<WantedDomain>,
}

#[derive(Debug)]
pub struct WantedDomain {
    pub entity: Entity,
    pub resources: Vec<Entity>,
    pub clients: Vec<WantedClient>,
}

#[derive(Debug)]
pub struct WantedClient {
    pub entity: Entity,
    /// `None` where the file says nothing about credentials.
    pub credentials: Option<Vec<WantedCredential>>,
}

#[derive(Debug)]
pub struct WantedCredential {
    pub entity: Entity,
    pub source: Option<Source>,
}

/// A named thing and the fields that are written.
#[derive(Debug)]
pub struct Entity {
    pub name: String,
    /// As it would be written in the file: `domain.default.client.billing-svc`.
    pub key: String,
    pub line: usize,
    /// Null takes a value back.
    pub fields: Map<String, Value>,
    lines: BTreeMap<String, usize>,
    /// Some of it could not be read, so nothing more is said about it.
    pub unreadable: bool,
}

/// A field and what is written there.
pub type Field = (&'static str, &'static str);

const SECONDS: &str = "whole seconds, such as 300";
const SCOPES: &str = "scopes between spaces, or a list of them";
const URIS: &str = "a list of resource identifiers";
const YES_NO: &str = "true or false";
const TIME: &str = "a time such as 2027-01-31T12:00:00Z";

const PEMS: &str = "a list of file:/PATH on each server, or of PEM texts";

pub const DOMAIN: &[Field] = &[
    ("issuer", "an https URL without a slash at its end"),
    ("sandbox", YES_NO),
    ("access_token_lifetime_s", SECONDS),
    ("trust_anchors", PEMS),
    ("crls", PEMS),
];

pub const RESOURCE: &[Field] = &[
    ("identifier", "an absolute URI, such as https://api.example.com"),
    ("scope", SCOPES),
    ("access_token_format", "jwt or opaque"),
    ("access_token_signing_alg", "ES256, ES384, EdDSA, RS256 or PS256"),
    ("access_token_lifetime_s", SECONDS),
    ("sender_constraint", "dpop, mtls or any"),
];

pub const CLIENT: &[Field] = &[
    ("client_name", "a name for people"),
    ("enabled", YES_NO),
    ("token_endpoint_auth_methods", "a list of methods, such as [\"private_key_jwt\"]"),
    ("grant_types", "a list of grant types, such as [\"client_credentials\"]"),
    ("scope", SCOPES),
    ("default_scope", SCOPES),
    ("resources", URIS),
    ("default_resource", "the identifier of a resource"),
    ("access_token_lifetime_s", SECONDS),
    ("claims", "a table of claims"),
    ("introspect_resources", URIS),
    ("introspect_any", YES_NO),
    ("allow_unencoded_basic", YES_NO),
    ("allow_token_endpoint_audience", YES_NO),
    ("token_endpoint_auth_signing_alg", "ES256, ES384, EdDSA, RS256, PS256 or HS256"),
    ("tls_client_certificate_bound_access_tokens", YES_NO),
    ("dpop_bound_access_tokens", YES_NO),
];

pub const CREDENTIAL: &[Field] = &[
    ("secret", "where the secret is: env:NAME or file:PATH"),
    ("phc", "a hash such as $argon2id$…, or where it is: env:NAME or file:PATH"),
    ("generate", "true, for a secret that is made by the server and shown once"),
    ("type", "hmac_secret, for a secret that is for client_secret_jwt"),
    ("jwks", "a table of public keys, or file:PATH of such a set or of a key in PEM"),
    ("jwks_uri", "an https URL"),
    ("certificate", "PEM text or file:PATH"),
    ("x5t#S256", "the thumbprint of a certificate"),
    ("tls_client_auth_subject_dn", "the subject of certificates"),
    ("tls_client_auth_san_dns", "a DNS name"),
    ("tls_client_auth_san_uri", "a URI"),
    ("tls_client_auth_san_ip", "an IP address"),
    ("tls_client_auth_san_email", "an email address"),
    ("label", "a name for people"),
    ("not_before", TIME),
    ("expires_at", TIME),
];

/// Reads a tree. Everything that is wrong goes to `problems`.
pub fn read(root: &Node, place: Place) -> (Wanted, Vec<Problem>) {
    let mut reader = Reader { place, problems: Vec::new() };
    let mut wanted = Wanted::default();
    for (section, node) in reader.entries(root, "") {
        if section != "domain" {
            reader.wrong(node.line, section, "unknown key; everything stands below [domain.NAME]".into());
            continue;
        }
        for (name, node) in reader.entries(node, section) {
            let domain = reader.domain(name, node);
            wanted.domains.push(domain);
        }
    }
    (wanted, reader.problems)
}

/// Where a file is: its name for people, and the folder that its relative paths start from.
#[derive(Debug, Clone, Default)]
pub struct Place {
    pub file: String,
    pub folder: PathBuf,
}

impl Place {
    pub fn at(&self, line: usize) -> String {
        if line == 0 { self.file.clone() } else { format!("{}:{line}", self.file) }
    }
}

struct Reader {
    place: Place,
    problems: Vec<Problem>,
}

impl Reader {
    fn wrong(&mut self, line: usize, key: &str, message: String) {
        self.problems.push(Problem { place: self.place.at(line), key: Some(key.to_owned()), message });
    }

    /// The entries of a table; of anything else none, and a complaint.
    fn entries<'n>(&mut self, node: &'n Node, key: &str) -> Vec<(&'n str, &'n Node)> {
        match &node.tree {
            Tree::Table(entries) => entries.iter().map(|(name, node)| (name.as_str(), node)).collect(),
            Tree::Null => Vec::new(),
            _ if key.is_empty() => {
                self.problems.push(Problem {
                    place: self.place.at(node.line),
                    key: None,
                    message: format!("it is {}; write a table with the entry `domain`", node.kind()),
                });
                Vec::new()
            }
            _ => {
                self.wrong(node.line, key, format!("it is {}; write a table of names", node.kind()));
                Vec::new()
            }
        }
    }

    fn domain(&mut self, name: &str, node: &Node) -> WantedDomain {
        let key = join("domain", name);
        self.name(name, node.line, &key, "domain");
        let (mut entity, inner) = self.entity::<DomainSettings>(name, node, key, DOMAIN, &["resource", "client"]);
        if entity.fields.get("issuer").is_some_and(Value::is_null) {
            // The server shows the issuer in force, so nobody can tell whether there is anything to take back.
            let message = "it cannot be taken back here; use: grantor domain update NAME --unset issuer";
            self.problems.push(entity.problem(&format!("issuer: {message}"), &self.place));
            entity.unreadable = true;
        }
        let (mut resources, mut clients) = (Vec::new(), Vec::new());
        for (section, node) in inner {
            let section_key = join(&entity.key, section);
            for (name, node) in self.entries(node, &section_key) {
                let key = join(&section_key, name);
                if section == "resource" {
                    self.name(name, node.line, &key, "resource");
                    resources.push(self.entity::<Resource>(name, node, key, RESOURCE, &[]).0);
                } else {
                    clients.push(self.client(name, node, key));
                }
            }
        }
        WantedDomain { entity, resources, clients }
    }

    fn name(&mut self, name: &str, line: usize, key: &str, what: &str) {
        if !is_name(name) {
            let rule = "1 to 63 characters of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit";
            self.wrong(line, key, format!("this cannot name a {what}; write {rule}"));
        }
    }

    fn client(&mut self, name: &str, node: &Node, key: String) -> WantedClient {
        if !is_client_id(name) {
            let message =
                "this is no client_id; write 1 to 255 visible ASCII characters or spaces (RFC 6749 appendix A.1)";
            self.wrong(node.line, &key, message.into());
        }
        let (entity, inner) = self.entity::<ClientMetadata>(name, node, key, CLIENT, &["credential"]);
        let section_key = join(&entity.key, "credential");
        let credentials = inner.into_iter().next().map(|(_, node)| {
            let entries = self.entries(node, &section_key);
            entries.into_iter().map(|(id, node)| self.credential(id, node, join(&section_key, id))).collect()
        });
        WantedClient { entity, credentials }
    }

    /// The written fields of a thing, and the sections inside it.
    fn entity<'n, T: DeserializeOwned>(
        &mut self,
        name: &str,
        node: &'n Node,
        key: String,
        known: &[Field],
        sections: &[&str],
    ) -> (Entity, Vec<(&'n str, &'n Node)>) {
        let mut entity = Entity::new(name, key, node.line);
        let mut inner = Vec::new();
        for (field, value) in self.entries(node, &entity.key.clone()) {
            if sections.contains(&field) {
                inner.push((field, value));
                continue;
            }
            let written = value.json();
            match known.iter().find(|(name, _)| *name == field) {
                None => {
                    let names = known.iter().map(|(name, _)| *name).chain(sections.iter().copied());
                    self.unknown(&mut entity, field, value.line, names);
                    continue;
                }
                Some((_, takes)) => {
                    if let Err(message) = fits::<T>(field, value, &written, takes) {
                        self.wrong(value.line, &join(&entity.key, field), message);
                        entity.unreadable = true;
                    }
                }
            }
            entity.lines.insert(field.to_owned(), value.line);
            entity.fields.insert(field.to_owned(), written);
        }
        (entity, inner)
    }

    fn unknown<'k>(&mut self, entity: &mut Entity, field: &str, line: usize, known: impl Iterator<Item = &'k str>) {
        entity.unreadable = true;
        let known: Vec<&str> = known.collect();
        let meant = match nearest(field, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("known are {}", known.join(", ")),
        };
        self.wrong(line, &join(&entity.key, field), format!("unknown key; {meant}"));
    }

    fn credential(&mut self, id: &str, node: &Node, key: String) -> WantedCredential {
        let mut entity = Entity::new(id, key, node.line);
        let (mut sources, mut hmac) = (Vec::new(), false);
        for (field, value) in self.entries(node, &entity.key.clone()) {
            let field_key = join(&entity.key, field);
            let read = match field {
                "type" => match &value.tree {
                    Tree::Text(named) if named == "hmac_secret" => {
                        hmac = true;
                        Ok(())
                    }
                    _ => Err("write hmac_secret, or leave the line out: other types follow from the source".to_owned()),
                },
                "generate" => match value.tree {
                    Tree::Bool(yes) => {
                        sources.extend(yes.then_some(Source::Generate));
                        Ok(())
                    }
                    _ => Err(format!("it is {}; write true, or leave the line out", value.kind())),
                },
                "label" | "not_before" | "expires_at" => written_in_credential(field, value)
                    .map(|written| drop(entity.fields.insert(field.to_owned(), written))),
                _ => match Source::read(field, value, &self.place) {
                    Some(read) => read.map(|source| sources.push(source)),
                    None => {
                        self.unknown(&mut entity, field, value.line, CREDENTIAL.iter().map(|(name, _)| *name));
                        continue;
                    }
                },
            };
            entity.lines.insert(field.to_owned(), value.line);
            if let Err(message) = read {
                entity.unreadable = true;
                self.wrong(value.line, &field_key, message);
            }
        }
        if sources.len() > 1 {
            entity.unreadable = true;
            let message = "a credential has one source; write secret, phc or generate, or one key, certificate or name";
            self.wrong(node.line, &entity.key, message.into());
        }
        let mut source = sources.pop();
        if hmac {
            source = source.and_then(Source::into_hmac);
            if source.is_none() {
                entity.unreadable = true;
                self.wrong(node.line, &entity.key, "an hmac_secret takes secret, or generate = true".into());
            }
        }
        WantedCredential { entity, source }
    }
}

impl Entity {
    fn new(name: &str, key: String, line: usize) -> Self {
        Self { name: name.into(), key, line, fields: Map::new(), lines: BTreeMap::new(), unreadable: false }
    }

    /// Where a complaint belongs that begins with the name of a field, as those of the core do.
    pub fn problem(&self, complaint: &str, place: &Place) -> Problem {
        let (field, message) = complaint.split_once(": ").unwrap_or(("", complaint));
        match self.lines.get(field) {
            Some(line) => {
                Problem { place: place.at(*line), key: Some(join(&self.key, field)), message: message.to_owned() }
            }
            None => Problem { place: place.at(self.line), key: Some(self.key.clone()), message: complaint.to_owned() },
        }
    }

    pub fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field).and_then(Value::as_str)
    }
}

fn written_in_credential(field: &str, value: &Node) -> Result<Value, String> {
    match (&value.tree, field) {
        (Tree::Null, _) => Ok(Value::Null),
        (Tree::Text(text), "label") => Ok(text.as_str().into()),
        (Tree::Number(number), "not_before" | "expires_at") if number.is_i64() => Ok(number.clone().into()),
        (Tree::Text(text), "not_before" | "expires_at") => match time::absolute(text) {
            Some(at) => Ok(at.into()),
            None if time::span(text).is_ok() => {
                Err(format!("'{text}' means another time whenever the file is applied; write {TIME}"))
            }
            None => Err(format!("'{text}' is no time; write {TIME}")),
        },
        (_, "label") => Err(format!("it is {}; write a name for people", value.kind())),
        _ => Err(format!("it is {}; write {TIME}", value.kind())),
    }
}

/// Whether a value can stand in a field, by the type that will hold it.
fn fits<T: DeserializeOwned>(field: &str, value: &Node, written: &Value, takes: &str) -> Result<(), String> {
    if written.is_null() {
        return Ok(());
    }
    // Only resources have a field that must be there; the others refuse it as unknown.
    let alone = json!({ field: written });
    let beside = json!({ "identifier": "x", field: written });
    let read = serde_json::from_value::<T>(alone).or_else(|error| {
        let missing = error.to_string().contains("missing field");
        if missing { serde_json::from_value::<T>(beside) } else { Err(error) }
    });
    read.map(drop).map_err(|error| {
        let error = error.to_string();
        if error.starts_with("invalid type") || error.starts_with("invalid value") || error.contains("untagged") {
            return format!("it is {}; write {takes}", shown(value));
        }
        format!("{error}; write {takes}")
    })
}

fn shown(value: &Node) -> String {
    match &value.tree {
        Tree::Number(number) => format!("the number {number}"),
        Tree::Bool(yes) => yes.to_string(),
        _ => value.kind().to_owned(),
    }
}

/// `a.b` as in TOML: quoted where it must be.
pub fn join(key: &str, name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    let name = if bare { name.to_owned() } else { format!("{name:?}") };
    if key.is_empty() { name } else { format!("{key}.{name}") }
}
