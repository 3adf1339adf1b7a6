//! Ways to log in. What they need is read again at each login: orchestrators replace it.

use super::exchange::Exchange;
use crate::error::Wrong;
use crate::{Secret, file};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Something a login needs: given, or in a file.
pub struct Source(Kept);

enum Kept {
    Text(Secret),
    File(PathBuf),
}

impl Source {
    pub fn text(value: String) -> Self {
        Self(Kept::Text(Secret::new(value)))
    }

    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Kept::File(path.into()))
    }

    fn read(&self) -> Result<Secret, Wrong> {
        match &self.0 {
            Kept::Text(value) => Ok(value.clone()),
            Kept::File(path) => file::resolve(path)
                .map_err(|wrong| format!("logging in needs the file {}, but {wrong}", path.display()).into()),
        }
    }
}

/// How a token is had.
pub enum Login {
    Token(Source),
    AppRole {
        mount: String,
        role_id: Source,
        secret_id: Source,
    },
    /// The methods `jwt` and `kubernetes`, which ask for the same.
    Jwt {
        mount: String,
        role: String,
        jwt: Source,
    },
}

#[derive(Serialize)]
#[serde(untagged)]
enum Proof<'a> {
    AppRole { role_id: &'a str, secret_id: &'a str },
    Jwt { role: &'a str, jwt: &'a str },
}

#[derive(Deserialize)]
struct LoggedIn {
    auth: Auth,
}

#[derive(Deserialize)]
struct Auth {
    client_token: Zeroizing<String>,
}

impl Login {
    pub(super) async fn token(&self, exchange: &Exchange) -> Result<Secret, Wrong> {
        match self {
            Self::Token(token) => token.read(),
            Self::AppRole { mount, role_id, secret_id } => {
                let (role_id, secret_id) = (role_id.read()?, secret_id.read()?);
                let proof = Proof::AppRole { role_id: role_id.expose(), secret_id: secret_id.expose() };
                log_in(exchange, mount, &proof, secret_id.expose()).await
            }
            Self::Jwt { mount, role, jwt } => {
                let jwt = jwt.read()?;
                log_in(exchange, mount, &Proof::Jwt { role, jwt: jwt.expose() }, jwt.expose()).await
            }
        }
    }
}

async fn log_in(exchange: &Exchange, mount: &str, proof: &Proof<'_>, hidden: &str) -> Result<Secret, Wrong> {
    let body = Zeroizing::new(serde_json::to_vec(proof).map_err(|_| "the login cannot be written as JSON")?);
    let answer = exchange.send(Method::POST, &format!("auth/{mount}/login"), None, Some(&body)).await?;
    if answer.status != StatusCode::OK {
        return Err(answer.refusal(&format!("logging in at auth/{mount}"), hidden));
    }
    let read: LoggedIn = answer.json("logging in")?;
    Ok(Secret::new(read.auth.client_token))
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(…)")
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source(…)")
    }
}
