//! What a credential in a file is made from.

use super::tree::{Node, Tree};
use super::wanted::Place;
use crate::admin::credential::CredentialSource;
use crate::cli::credential::keys_of;
use crate::secrets::{self, Secret, SecretRef};
use grantor_core::client::CredentialKind;
use grantor_core::jwk::JwkSet;
use grantor_core::secret::phc;
use grantor_core::x509::{CertificateRule, ClientCertificate};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

/// Longest file with keys or a certificate.
const FILE_MAX_BYTES: usize = 256 * 1024;

/// Where a credential comes from.
#[derive(Debug)]
pub enum Source {
    Secret(Secret),
    Phc(String),
    /// Made by the server, and shown once.
    Generate,
    /// A secret for `client_secret_jwt`; `None` is made by the server.
    Hmac(Option<Secret>),
    /// Keys or a certificate: the member that is sent, and what is kept of it.
    Public(String, Value, CredentialKind),
}

impl Source {
    /// Reads a field that is one; `None` for other fields.
    pub fn read(field: &str, value: &Node, place: &Place) -> Option<Result<Self, String>> {
        let text = |takes: &str| public_text(value, place, takes);
        let public = |value: Value, kind| Self::Public(field.to_owned(), value, kind);
        Some(match field {
            "secret" => resolve(value, place, "env:NAME or file:PATH").map(Self::Secret),
            "phc" => read_phc(value, place).map(Self::Phc),
            "jwks" => jwks(value, place).map(|(json, kind)| public(json, kind)),
            "jwks_uri" => {
                text("an https URL").map(|uri| public(uri.as_str().into(), CredentialKind::JwksUri { jwks_uri: uri }))
            }
            "certificate" => text("PEM text or file:PATH").and_then(|pem| {
                let certificate = ClientCertificate::from_pem(pem.as_bytes()).map_err(|error| error.to_string())?;
                let x5t_s256 = certificate.x5t_s256().to_owned();
                Ok(public(pem.into(), CredentialKind::Certificate { x5t_s256 }))
            }),
            "x5t#S256" => text("a thumbprint")
                .map(|x5t_s256| public(x5t_s256.as_str().into(), CredentialKind::Certificate { x5t_s256 })),
            member if CertificateRule::MEMBERS.contains(&member) => text("a name as the certificates have it")
                .and_then(|name| {
                    let rule = CertificateRule::parse(member, &name).map_err(|error| {
                        error.strip_prefix(member).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(&error).to_owned()
                    })?;
                    Ok(public(name.into(), CredentialKind::TlsClientAuth(rule)))
                }),
            _ => return None,
        })
    }

    /// The same secret as one for HMAC. `None` for what is no secret.
    pub fn into_hmac(self) -> Option<Self> {
        match self {
            Self::Secret(secret) => Some(Self::Hmac(Some(secret))),
            Self::Generate => Some(Self::Hmac(None)),
            Self::Phc(_) | Self::Hmac(_) | Self::Public(..) => None,
        }
    }

    /// The field that it stands in, as it is sent.
    pub fn member(&self) -> &str {
        match self {
            Self::Secret(_) | Self::Generate | Self::Hmac(_) => "secret",
            Self::Phc(_) => "phc",
            Self::Public(member, ..) => member,
        }
    }

    /// What is sent; nothing for a secret that the server is to make.
    pub fn sent(&self) -> Map<String, Value> {
        let one = |name: &str, value: Value| Map::from_iter([(name.to_owned(), value)]);
        match self {
            Self::Generate => Map::new(),
            Self::Secret(secret) => one("secret", secret.expose().into()),
            Self::Phc(phc) => one("phc", phc.as_str().into()),
            Self::Hmac(secret) => {
                let mut sent = one("type", "hmac_secret".into());
                sent.extend(secret.iter().map(|secret| ("secret".to_owned(), secret.expose().into())));
                sent
            }
            Self::Public(member, value, _) => one(member, value.clone()),
        }
    }

    /// As it is shown in a plan.
    pub fn shown(&self) -> Value {
        match self {
            Self::Generate | Self::Hmac(None) => "made by the server".into(),
            Self::Public(member, value, _) if member != "certificate" => value.clone(),
            _ => "what the file refers to".into(),
        }
    }

    pub fn to_admin(&self) -> CredentialSource {
        let exposed = |secret: &Secret| Zeroizing::new(secret.expose().to_owned());
        match self {
            Self::Generate => CredentialSource::Generate,
            Self::Secret(secret) => CredentialSource::Given(exposed(secret)),
            Self::Phc(phc) => CredentialSource::Phc(phc.clone()),
            Self::Hmac(secret) => CredentialSource::Hmac(secret.as_ref().map(exposed)),
            Self::Public(_, _, kind) => CredentialSource::Public(kind.clone()),
        }
    }
}

fn resolve(value: &Node, place: &Place, takes: &str) -> Result<Secret, String> {
    let Tree::Text(text) = &value.tree else {
        return Err(format!("it is {}; write {takes}", value.kind()));
    };
    let reference = SecretRef::parse(text)?.relative_to(&place.folder);
    reference.resolve().map_err(|error| error.to_string())
}

fn read_phc(value: &Node, place: &Place) -> Result<String, String> {
    let phc = match &value.tree {
        Tree::Text(text) if text.starts_with('$') => text.clone(),
        _ => resolve(value, place, "a hash such as $argon2id$…, env:NAME or file:PATH")?.expose().to_owned(),
    };
    phc::check(&phc).map(|()| phc)
}

/// Text that is written here, or in the file that is named here.
fn public_text(value: &Node, place: &Place, takes: &str) -> Result<String, String> {
    let Tree::Text(text) = &value.tree else {
        return Err(format!("it is {}; write {takes}", value.kind()));
    };
    match text.strip_prefix("file:") {
        Some(path) => secrets::read_text(&place.folder.join(path), FILE_MAX_BYTES)
            .map_err(|wrong| format!("{path} cannot be read: {wrong}")),
        None => Ok(text.clone()),
    }
}

/// A table as in RFC 7517, or such a set or a key in PEM as text.
fn jwks(value: &Node, place: &Place) -> Result<(Value, CredentialKind), String> {
    let written = match &value.tree {
        Tree::Text(_) => keys_of(&public_text(value, place, "")?)?,
        Tree::Table(_) => value.json(),
        _ => return Err(format!("it is {}; write a table of keys (RFC 7517), or file:PATH", value.kind())),
    };
    let jwks = JwkSet::read(&written).map_err(|error| error.to_string())?;
    Ok((json!(jwks), CredentialKind::Jwks { jwks }))
}
