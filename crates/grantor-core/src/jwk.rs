//! Public keys as JSON (RFC 7517), their thumbprints (RFC 7638), and sets of them.

use crate::jose::{JoseError, b64url_decode, b64url_encode, sha256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

/// A public key. Members that are not used here are dropped; a private member is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Jwk {
    pub kty: String,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub use_: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
    /// Certificate chain, DER in base64 (not base64url), the key's own certificate first (RFC 7517 §4.7).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub x5c: Vec<String>,
}

/// Members that hold private or symmetric keys (RFC 7518 §6.2.2, §6.3.2, §6.4.1).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
/// Bytes of the longest RSA modulus (8192 bits).
const MODULUS_MAX: usize = 1024;
const MODULUS_MIN: usize = 256;

/// The bytes of a public key, checked for form.
pub(crate) enum KeyMaterial {
    /// Uncompressed points.
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
}

impl Jwk {
    pub fn parse(json: &Value) -> Result<Self, JoseError> {
        let members = json.as_object().ok_or_else(|| JoseError::new("a JWK is a JSON object"))?;
        if let Some(name) = PRIVATE.into_iter().find(|name| members.contains_key(*name)) {
            return Err(JoseError::new(format!("the JWK has the private member {name}; give the public half only")));
        }
        let jwk = Self {
            kty: text(members, "kty")?.ok_or_else(|| JoseError::new("the JWK has no kty"))?,
            use_: text(members, "use")?,
            alg: text(members, "alg")?,
            kid: text(members, "kid")?,
            crv: text(members, "crv")?,
            x: text(members, "x")?,
            y: text(members, "y")?,
            n: text(members, "n")?,
            e: text(members, "e")?,
            x5c: x5c(members)?,
        };
        jwk.material().map(|_| jwk)
    }

    pub(crate) fn from_ec_point(point: &[u8]) -> Result<Self, JoseError> {
        let crv = match point.len() {
            65 => "P-256",
            97 => "P-384",
            _ => return Err(JoseError::new("not an uncompressed point")),
        };
        let (x, y) = point[1..].split_at((point.len() - 1) / 2);
        Ok(Self {
            kty: "EC".into(),
            crv: Some(crv.into()),
            x: Some(b64url_encode(x)),
            y: Some(b64url_encode(y)),
            ..Self::default()
        })
    }

    pub(crate) fn from_ed25519(key: &[u8]) -> Self {
        Self { kty: "OKP".into(), crv: Some("Ed25519".into()), x: Some(b64url_encode(key)), ..Self::default() }
    }

    pub(crate) fn from_rsa(n: &[u8], e: &[u8]) -> Self {
        Self { kty: "RSA".into(), n: Some(b64url_encode(n)), e: Some(b64url_encode(e)), ..Self::default() }
    }

    pub(crate) fn material(&self) -> Result<KeyMaterial, JoseError> {
        let bytes = |name: &str, member: &Option<String>| {
            let text = member.as_deref().ok_or_else(|| JoseError::new(format!("the JWK has no {name}")))?;
            b64url_decode(text)
        };
        let point = |length: usize| {
            let (x, y) = (bytes("x", &self.x)?, bytes("y", &self.y)?);
            if x.len() != length || y.len() != length {
                return Err(JoseError::new("a coordinate of the JWK has the wrong length"));
            }
            Ok([&[4][..], &x, &y].concat())
        };
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("EC", Some("P-256")) => point(32).map(KeyMaterial::P256),
            ("EC", Some("P-384")) => point(48).map(KeyMaterial::P384),
            ("OKP", Some("Ed25519")) => bytes("x", &self.x).map(KeyMaterial::Ed25519),
            ("RSA", _) => rsa(bytes("n", &self.n)?, bytes("e", &self.e)?),
            _ => Err(JoseError::new("this kind of key is not known here; use EC (P-256, P-384), OKP (Ed25519) or RSA")),
        }
    }

    /// The certificate of this very key, DER, if one is registered with it.
    pub fn certificate(&self) -> Option<Vec<u8>> {
        STANDARD.decode(self.x5c.first()?).ok()
    }

    /// base64url of the SHA-256 of the required members, in order and without white space (RFC 7638 §3).
    pub fn thumbprint(&self) -> String {
        let member = |value: &Option<String>| value.clone().unwrap_or_default();
        // serde_json keeps members in lexicographic order, which is the order that RFC 7638 asks for.
        let required = match self.kty.as_str() {
            "EC" => json!({ "crv": member(&self.crv), "kty": self.kty, "x": member(&self.x), "y": member(&self.y) }),
            "OKP" => json!({ "crv": member(&self.crv), "kty": self.kty, "x": member(&self.x) }),
            _ => json!({ "e": member(&self.e), "kty": self.kty, "n": member(&self.n) }),
        };
        b64url_encode(&sha256(required.to_string().as_bytes()))
    }
}

fn rsa(n: Vec<u8>, e: Vec<u8>) -> Result<KeyMaterial, JoseError> {
    // A leading zero would let short keys pass for long ones, and one key have two thumbprints (RFC 7518 §6.3.1.1).
    if n.first() == Some(&0) {
        return Err(JoseError::new("the RSA modulus must not begin with a zero octet"));
    }
    if !(MODULUS_MIN..=MODULUS_MAX).contains(&n.len())
        || n.first().is_none_or(|first| *first < 0x80 && n.len() == MODULUS_MIN)
    {
        return Err(JoseError::new("RSA keys have 2048 to 8192 bits here"));
    }
    let odd = e.last().is_some_and(|last| last & 1 == 1);
    if !odd || e.len() > 4 || e.first() == Some(&0) || e == [1] {
        return Err(JoseError::new("the RSA exponent must be odd, above 1 and of at most 32 bits"));
    }
    Ok(KeyMaterial::Rsa { n, e })
}

fn text(members: &Map<String, Value>, name: &str) -> Result<Option<String>, JoseError> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(JoseError::new(format!("{name} in the JWK is not a string"))),
    }
}

/// Longest chain and longest certificate (in base64) that are read.
const X5C_MAX: (usize, usize) = (10, 16 * 1024);

fn x5c(members: &Map<String, Value>) -> Result<Vec<String>, JoseError> {
    let wrong = || JoseError::new("x5c in the JWK is not a list of certificates in base64");
    let Some(value) = members.get("x5c") else { return Ok(Vec::new()) };
    let items = value.as_array().filter(|items| (1..=X5C_MAX.0).contains(&items.len())).ok_or_else(wrong)?;
    let text = |item: &Value| item.as_str().filter(|text| text.len() <= X5C_MAX.1).map(str::to_owned).ok_or_else(wrong);
    items.iter().map(text).collect()
}

impl<'de> Deserialize<'de> for Jwk {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Most keys read from a set.
const KEYS_MAX: usize = 100;

/// A set of public keys (RFC 7517 §5). Keys that cannot be used here are skipped when reading.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JwkSet {
    pub keys: Vec<Jwk>,
}

impl JwkSet {
    /// A set to register: it is read as a whole or not at all. One key by itself is a set too.
    pub fn read(json: &Value) -> Result<Self, JoseError> {
        let keys = match json.get("keys") {
            None => return Ok(Self { keys: vec![Jwk::parse(json)?] }),
            Some(keys) => keys.as_array().ok_or_else(|| JoseError::new("`keys` is not a list"))?,
        };
        if keys.len() > KEYS_MAX {
            return Err(JoseError::new(format!("a set has at most {KEYS_MAX} keys")));
        }
        keys.iter().map(Jwk::parse).collect::<Result<_, _>>().map(|keys| Self { keys })
    }

    pub fn parse(json: &[u8]) -> Result<Self, JoseError> {
        let set: Value = serde_json::from_slice(json).map_err(|_| JoseError::new("the key set is not valid JSON"))?;
        let keys = set
            .get("keys")
            .and_then(Value::as_array)
            .ok_or_else(|| JoseError::new("the key set has no list `keys`"))?;
        Ok(Self { keys: keys.iter().take(KEYS_MAX).filter_map(|key| Jwk::parse(key).ok()).collect() })
    }
}
