//! The key-value engines: two versions, which put the same fields into different wrappings.

use super::exchange::Answer;
use super::{Found, SECRET_MAX_BYTES};
use crate::Secret;
use crate::error::Wrong;
use crate::secret::checked;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    One,
    Two,
}

/// An engine and a path in it.
pub(super) struct Mount {
    /// Without a slash at the end.
    pub(super) at: String,
    rest: String,
    version: Version,
}

#[derive(Deserialize)]
struct Mounted {
    data: MountedAt,
}

#[derive(Deserialize)]
struct MountedAt {
    path: String,
    #[serde(rename = "type")]
    kind: String,
    options: Option<BTreeMap<String, String>>,
}

/// Fields of a secret, as JSON: those that are not asked for are handed back as they came.
pub(super) struct Fields(BTreeMap<String, Zeroizing<String>>);

#[derive(Deserialize)]
struct One<'a> {
    #[serde(borrow)]
    data: Option<BTreeMap<String, &'a RawValue>>,
}

#[derive(Deserialize)]
struct Two<'a> {
    #[serde(borrow)]
    data: Option<TwoData<'a>>,
}

#[derive(Deserialize)]
struct TwoData<'a> {
    #[serde(borrow)]
    data: Option<BTreeMap<String, &'a RawValue>>,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    version: u64,
}

#[derive(Serialize)]
struct WriteTwo<'a> {
    options: Cas,
    data: BTreeMap<&'a str, &'a RawValue>,
}

#[derive(Serialize)]
struct Cas {
    cas: u64,
}

impl Mount {
    /// From what the server says of a path.
    pub(super) fn read(answer: &Answer, path: &str) -> Result<Self, Wrong> {
        let mounted: Mounted = answer.json("asking which engine is mounted there")?;
        let mounted = mounted.data;
        if !matches!(mounted.kind.as_str(), "kv" | "generic") {
            return Err("the engine that is mounted there is not a key-value engine; check the path".into());
        }
        let at = mounted.path.trim_end_matches('/');
        let rest = path.strip_prefix(at).and_then(|rest| rest.strip_prefix('/'));
        let rest = rest.filter(|rest| !rest.is_empty()).ok_or("the path ends at the mount; name a secret in it")?;
        let two = mounted.options.is_some_and(|options| options.get("version").is_some_and(|version| version == "2"));
        let version = if two { Version::Two } else { Version::One };
        Ok(Self { at: at.to_owned(), rest: rest.to_owned(), version })
    }

    pub(super) fn guess(path: &str, version: Version) -> Result<Self, Wrong> {
        let (at, rest) = path.split_once('/').ok_or("the path ends at the mount; name a secret in it")?;
        Ok(Self { at: at.to_owned(), rest: rest.to_owned(), version })
    }

    pub(super) fn data_path(&self) -> String {
        match self.version {
            Version::One => format!("{}/{}", self.at, self.rest),
            Version::Two => format!("{}/data/{}", self.at, self.rest),
        }
    }

    /// What an answer 200 or 404 says. A deleted version answers 404 with its number, which the next writer has to name.
    pub(super) fn found(&self, answer: &Answer) -> Result<Found, Wrong> {
        let strange = || Wrong::from("reading: the server's answer is not that of a key-value engine; check the path");
        let (fields, version) = match self.version {
            Version::One => (serde_json::from_slice::<One>(answer.body()).map_err(|_| strange())?.data, 0),
            Version::Two => match serde_json::from_slice::<Two>(answer.body()).map_err(|_| strange())?.data {
                Some(found) => (found.data, found.metadata.map_or(0, |metadata| metadata.version)),
                None => (None, 0),
            },
        };
        let owned = |raw: &RawValue| Zeroizing::new(raw.get().to_owned());
        let fields = fields.map(|fields| Fields(fields.into_iter().map(|(name, raw)| (name, owned(raw))).collect()));
        Ok(Found { fields, version })
    }

    /// The request that sets one field.
    pub(super) fn body(&self, found: &Found, field: &str, secret: &Secret) -> Result<Zeroizing<Vec<u8>>, Wrong> {
        let strange = |_| Wrong::from("the secret cannot be written as JSON");
        let value = Zeroizing::new(serde_json::to_string(secret.expose()).map_err(strange)?);
        let mut data = BTreeMap::<&str, &RawValue>::new();
        for (name, raw) in found.fields.iter().flat_map(|fields| &fields.0) {
            data.insert(name, serde_json::from_str(raw).map_err(strange)?);
        }
        data.insert(field, serde_json::from_str(&value).map_err(strange)?);
        let bytes = match self.version {
            Version::One => serde_json::to_vec(&data),
            Version::Two => serde_json::to_vec(&WriteTwo { options: Cas { cas: found.version }, data }),
        };
        bytes.map(Zeroizing::new).map_err(strange)
    }
}

impl Fields {
    pub(super) fn text(&self, field: &str) -> Result<Secret, Wrong> {
        let Some(raw) = self.0.get(field) else {
            return Err("the secret is there, but has no such field; check what stands after #".into());
        };
        let value: Zeroizing<String> =
            serde_json::from_str(raw).map_err(|_| "the field is not text; put the secret there as a string")?;
        if value.len() > SECRET_MAX_BYTES {
            return Err(format!("the field is longer than {SECRET_MAX_BYTES} bytes; check its name").into());
        }
        Ok(checked(value.as_bytes())?)
    }
}
