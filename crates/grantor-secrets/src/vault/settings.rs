//! Where the server is and how to log in, from the variables that Vault's own tools read and a few more.

use super::login::{Login, Source};
use std::path::PathBuf;

/// How to reach a server.
pub struct Settings {
    /// Such as `https://vault.example:8200`. Plain http is for this machine only.
    pub address: String,
    /// The only authorities to trust, in PEM. Without it, those of the machine.
    pub ca: Option<PathBuf>,
    pub namespace: Option<String>,
    pub login: Login,
}

const SERVICE_ACCOUNT_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

impl Settings {
    /// | variable | what |
    /// |---|---|
    /// | `VAULT_ADDR`, `VAULT_CACERT`, `VAULT_NAMESPACE` | as Vault's tools read them |
    /// | `VAULT_AUTH_METHOD` | `token`, `approle`, `kubernetes` or `jwt`; by default the first that has what it needs |
    /// | `VAULT_AUTH_MOUNT` | where the method is mounted; by default its name |
    /// | `VAULT_TOKEN` or `VAULT_TOKEN_FILE` | for `token` |
    /// | `VAULT_ROLE_ID`, `VAULT_SECRET_ID`, each or with `_FILE` | for `approle` |
    /// | `VAULT_ROLE`, `VAULT_JWT_FILE` | for `kubernetes` and `jwt` |
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        Ok(Self {
            address: variable("VAULT_ADDR").ok_or("VAULT_ADDR is not set; set it to the address of the server")?,
            ca: variable("VAULT_CACERT").map(PathBuf::from),
            namespace: variable("VAULT_NAMESPACE"),
            login: login(&variable)?,
        })
    }
}

fn login(variable: &dyn Fn(&str) -> Option<String>) -> Result<Login, String> {
    let method = match variable("VAULT_AUTH_METHOD") {
        Some(method) => method,
        None if source(variable, "VAULT_TOKEN").is_some() => "token".to_owned(),
        None if source(variable, "VAULT_ROLE_ID").is_some() => "approle".to_owned(),
        None if variable("VAULT_ROLE").is_some() && variable("VAULT_JWT_FILE").is_some() => "jwt".to_owned(),
        None if variable("VAULT_ROLE").is_some() => "kubernetes".to_owned(),
        None => return Err("no login is set; set VAULT_TOKEN, VAULT_ROLE_ID or VAULT_ROLE".into()),
    };
    let mount = || variable("VAULT_AUTH_MOUNT").unwrap_or_else(|| method.clone());
    let wanted = |name: &str| {
        source(variable, name).ok_or_else(|| format!("the method {method} needs {name} or {name}_FILE; set one"))
    };
    let role = || variable("VAULT_ROLE").ok_or_else(|| format!("the method {method} needs VAULT_ROLE; set it"));
    match method.as_str() {
        "token" => Ok(Login::Token(wanted("VAULT_TOKEN")?)),
        "approle" => Ok(Login::AppRole {
            mount: mount(),
            role_id: wanted("VAULT_ROLE_ID")?,
            secret_id: wanted("VAULT_SECRET_ID")?,
        }),
        "kubernetes" => {
            let jwt = variable("VAULT_JWT_FILE").unwrap_or_else(|| SERVICE_ACCOUNT_TOKEN.to_owned());
            Ok(Login::Jwt { mount: mount(), role: role()?, jwt: Source::file(jwt) })
        }
        "jwt" => {
            let jwt = variable("VAULT_JWT_FILE").ok_or("the method jwt needs VAULT_JWT_FILE; set it")?;
            Ok(Login::Jwt { mount: mount(), role: role()?, jwt: Source::file(jwt) })
        }
        _ => Err("VAULT_AUTH_METHOD is none of token, approle, kubernetes and jwt".into()),
    }
}

/// A variable with the value, or the same with `_FILE` and a path.
fn source(variable: &dyn Fn(&str) -> Option<String>, name: &str) -> Option<Source> {
    match variable(&format!("{name}_FILE")) {
        Some(path) => Some(Source::file(path)),
        None => variable(name).map(Source::text),
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Settings(…)")
    }
}
