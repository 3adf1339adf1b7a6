//! What a credential is made from, as flags.

use crate::cli::Usage;
use crate::cli::output::{domain_flag, shell};
use crate::secrets::{self, Secret, SecretRef};
use anyhow::{Context, Result};
use clap::Args;
use grantor_client::PrivateKey;
use grantor_core::jose::b64url_encode;
use grantor_core::jwk::{Jwk, JwkSet};
use grantor_core::x509::{ClientCertificate, public_key_from_pem};
use serde_json::{Value, json};
use std::io::Read;
use zeroize::Zeroizing;

const FILE_MAX_BYTES: usize = 256 * 1024;
const HEADING: &str = "What it is made from (a new secret, or one of these)";

#[derive(Debug, Args)]
#[group(multiple = false)]
#[command(next_help_heading = HEADING)]
pub struct Source {
    /// A secret from here instead of a new one: env:NAME, file:PATH, or - for standard input
    #[arg(long, value_name = "REF")]
    secret: Option<String>,
    /// The hash of a secret from another server, a PHC string, from here: env:NAME, file:PATH, or - for standard input
    #[arg(long, value_name = "REF")]
    phc: Option<String>,
    /// Public keys for private_key_jwt: a JWK set or one JWK (RFC 7517), or one key in PEM, of which only the public half is
    /// sent
    #[arg(long, value_name = "FILE")]
    jwks: Option<String>,
    /// Where the client publishes its keys, as a JWK set
    #[arg(long, value_name = "URL")]
    jwks_uri: Option<String>,
    /// The client's own certificate (PEM), for self_signed_tls_client_auth
    #[arg(long, value_name = "FILE")]
    certificate: Option<String>,
    /// Or its SHA-256: in base64url as x5t#S256, or in hexadecimal as openssl shows it
    #[arg(long, value_name = "SHA256")]
    thumbprint: Option<String>,
    /// The subject of its certificates (RFC 4514), such as "CN=billing,O=Example", for tls_client_auth
    #[arg(long, value_name = "NAME")]
    subject_dn: Option<String>,
    /// Or a DNS name in them
    #[arg(long, value_name = "NAME")]
    san_dns: Option<String>,
    /// Or a URI in them, such as spiffe://example.org/billing
    #[arg(long, value_name = "URI")]
    san_uri: Option<String>,
    /// Or an IP address in them
    #[arg(long, value_name = "IP")]
    san_ip: Option<String>,
    /// Or an email address in them
    #[arg(long, value_name = "ADDRESS")]
    san_email: Option<String>,
}

/// What is sent of it: a member of the body.
#[derive(Debug)]
pub enum Given {
    Secret(&'static str, Secret),
    Public(&'static str, Value),
}

impl Given {
    pub fn member(&self) -> (&'static str, Value) {
        match self {
            Self::Secret(name, secret) => (name, secret.expose().into()),
            Self::Public(name, value) => (name, value.clone()),
        }
    }
}

impl Source {
    /// Reads what it refers to. `None`: the server is to make a secret.
    pub fn given(&self) -> Result<Option<Given>> {
        if let Some(written) = &self.secret {
            return Ok(Some(Given::Secret("secret", resolve("--secret", written)?)));
        }
        if let Some(written) = &self.phc {
            return Ok(Some(Given::Secret("phc", resolve("--phc", written)?)));
        }
        if let Some(file) = &self.jwks {
            let keys = keys(&text("--jwks", file)?).map_err(|wrong| anyhow::anyhow!("--jwks: {file}: {wrong}"))?;
            return Ok(Some(Given::Public("jwks", keys)));
        }
        if let Some(file) = &self.certificate {
            let pem = text("--certificate", file)?;
            ClientCertificate::from_pem(pem.as_bytes()).with_context(|| format!("--certificate: {file}"))?;
            return Ok(Some(Given::Public("certificate", pem.as_str().into())));
        }
        if let Some(written) = &self.thumbprint {
            return Ok(Some(Given::Public("x5t#S256", thumbprint(written).into())));
        }
        let as_written = [
            ("jwks_uri", &self.jwks_uri),
            ("tls_client_auth_subject_dn", &self.subject_dn),
            ("tls_client_auth_san_dns", &self.san_dns),
            ("tls_client_auth_san_uri", &self.san_uri),
            ("tls_client_auth_san_ip", &self.san_ip),
            ("tls_client_auth_san_email", &self.san_email),
        ];
        let written = as_written.into_iter().find_map(|(name, value)| Some((name, value.as_deref()?)));
        Ok(written.map(|(name, value)| Given::Public(name, value.into())))
    }
}

fn text(flag: &str, file: &str) -> Result<Zeroizing<String>> {
    let text = secrets::read_text(std::path::Path::new(file), FILE_MAX_BYTES);
    text.map(Zeroizing::new).map_err(|wrong| anyhow::anyhow!("{flag}: {file} cannot be read: {wrong}"))
}

/// A set of public keys from JSON or PEM. Nothing private leaves this machine.
pub fn keys(text: &str) -> Result<Value, String> {
    let set = if !text.contains("-----BEGIN ") {
        let json: Value = serde_json::from_str(text).map_err(|_| "it is neither JSON nor PEM".to_owned())?;
        JwkSet::read(&json).map_err(|error| error.to_string())?
    } else if text.contains("PRIVATE KEY-----") {
        let key = PrivateKey::from_pem(text).and_then(|key| key.public_jwk()).map_err(|error| error.to_string())?;
        // It may sign with any algorithm that it suits.
        JwkSet { keys: vec![Jwk { alg: None, ..key }] }
    } else {
        let key = public_key_from_pem(text.as_bytes()).map_err(|error| error.to_string())?;
        JwkSet { keys: vec![Jwk { kid: Some(key.thumbprint()), ..key }] }
    };
    Ok(json!(set))
}

/// `AB:CD:…` and `abcd…` as base64url. Anything else is for the server to judge.
fn thumbprint(written: &str) -> String {
    let digits: String = written.rsplit('=').next().unwrap_or(written).chars().filter(|c| *c != ':').collect();
    let bytes: Option<Vec<u8>> =
        (0..32).map(|at| u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok()).collect();
    match bytes {
        Some(bytes) if digits.len() == 64 => b64url_encode(&bytes),
        _ => written.to_owned(),
    }
}

pub fn resolve(flag: &str, written: &str) -> Result<Secret> {
    if written == "-" {
        let mut text = Zeroizing::new(String::new());
        let read = std::io::stdin().take(secrets::SECRET_MAX_BYTES as u64).read_to_string(&mut text);
        read.with_context(|| format!("{flag}: standard input is no text"))?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        return Ok(Secret::new(text.strip_suffix('\r').unwrap_or(text).to_owned()));
    }
    let reference = SecretRef::parse(written).map_err(|wrong| {
        Usage(format!("{flag}: {wrong} (it is not taken from the command line itself, which shows in process lists)"))
    })?;
    reference.resolve().with_context(|| flag.to_owned())
}

/// For a client that sends no secret: the flag that registers what it proves itself by instead.
pub fn without_secret(client: &Value) -> Option<&'static str> {
    let flag = |method: &Value| match method.as_str()? {
        "client_secret_jwt" => Some("--hmac-secret"),
        "private_key_jwt" => Some("--jwks FILE"),
        "tls_client_auth" => Some("--subject-dn NAME"),
        "self_signed_tls_client_auth" => Some("--certificate FILE"),
        _ => None,
    };
    let methods = client["token_endpoint_auth_methods"].as_array()?;
    methods.iter().map(flag).collect::<Option<Vec<_>>>()?.first().copied()
}

/// What the client still lacks to make use of a credential.
pub fn next_step(credential: &Value, client: &Value, client_id: &str, domain: &str) -> Option<String> {
    let with_certificates = || credential["jwks"]["keys"].as_array()?.iter().find(|key| key.get("x5c").is_some());
    let methods: &[&str] = match credential["type"].as_str()? {
        "hmac_secret" => &["client_secret_jwt"],
        "jwks" if with_certificates().is_none() => &["private_key_jwt"],
        "jwks" | "jwks_uri" => &["private_key_jwt", "self_signed_tls_client_auth"],
        "certificate" => &["self_signed_tls_client_auth"],
        "tls_client_auth" => &["tls_client_auth"],
        _ => &["client_secret_basic", "client_secret_post"],
    };
    let registered = client["token_endpoint_auth_methods"].as_array()?;
    if registered.iter().filter_map(Value::as_str).any(|method| methods.contains(&method)) {
        return None;
    }
    let mut flags: Vec<String> =
        registered.iter().filter_map(Value::as_str).map(|method| format!("--auth-method {method}")).collect();
    flags.push(format!("--auth-method {}", methods[0]));
    let (client_id, flags, domain) = (shell(client_id), flags.join(" "), domain_flag(domain));
    Some(format!("The client may not use it yet; let it: grantor client update {client_id} {flags}{domain}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use grantor_core::jose::{Alg, SigningKey};

    #[test]
    fn thumbprints_are_taken_as_openssl_shows_them() {
        let hex = "sha256 Fingerprint=".to_owned() + &"AB:".repeat(31) + "AB";
        assert_eq!(thumbprint(&hex), b64url_encode(&[0xab; 32]));
        assert_eq!(thumbprint(&"ab".repeat(32)), b64url_encode(&[0xab; 32]));
        for as_written in ["bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2", "AB:CD", "é"] {
            assert_eq!(thumbprint(as_written), as_written);
        }
    }

    #[test]
    fn only_the_public_half_of_a_key_is_sent() {
        let (_, pkcs8) = SigningKey::generate(Alg::ES256).unwrap();
        let body = STANDARD.encode(&*pkcs8);
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
        let set = keys(&pem).unwrap();
        let key = set["keys"][0].as_object().unwrap();
        assert!(key.contains_key("x") && key.contains_key("kid") && !key.contains_key("d"), "{set}");
        assert_eq!(keys(&set.to_string()).unwrap(), set);
        assert!(keys(r#"{"kty":"EC","d":"x"}"#).unwrap_err().contains("private member d"));
        assert!(keys("hello").unwrap_err().contains("neither JSON nor PEM"));
    }

    #[test]
    fn what_a_client_lacks_is_said() {
        let client = json!({ "token_endpoint_auth_methods": ["client_secret_basic"] });
        let step = next_step(&json!({ "type": "jwks" }), &client, "a b", "acme").unwrap();
        assert!(
            step.ends_with("grantor client update 'a b' --auth-method client_secret_basic --auth-method private_key_jwt --domain acme"),
            "{step}"
        );
        assert_eq!(next_step(&json!({ "type": "secret" }), &client, "a", "default"), None);
    }
}
