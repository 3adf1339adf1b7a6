//! `vault:MOUNT/PATH#FIELD`: HashiCorp Vault and OpenBao, key-value engines of version 1 and 2.
//!
//! Spoken to over HTTP: eight requests in all, and errors that say what the server said.

mod exchange;
mod key_value;
mod login;
mod settings;
#[cfg(test)]
mod tests;

pub use login::{Login, Source};
pub use settings::Settings;

use crate::error::Wrong;
use crate::secrets::Written;
use crate::{SECRET_MAX_BYTES, Secret};
use exchange::{Answer, Exchange};
use http::{Method, StatusCode};
use key_value::{Fields, Mount, Version};
use std::fmt;
use tokio::sync::Mutex;

/// A Vault, and what was logged in with. The login is shared by all readers, and made anew when it is no longer good.
pub struct Vault {
    exchange: Exchange,
    login: Login,
    token: Mutex<Option<Secret>>,
}

impl Vault {
    /// What is wrong with the settings, if something is. Nothing is sent yet.
    pub fn new(settings: Settings) -> Result<Self, String> {
        let exchange = Exchange::new(&settings)?;
        Ok(Self { exchange, login: settings.login, token: Mutex::new(None) })
    }

    /// With the variables of the environment: see [`Settings::from_environment`].
    pub fn from_environment() -> Result<Self, String> {
        Self::new(Settings::from_environment(|name| std::env::var(name).ok())?)
    }

    pub(crate) async fn read(&self, path: &str, field: &str) -> Result<Secret, Wrong> {
        let mount = self.mount(path).await?;
        let Some(fields) = self.fields(&mount).await?.fields else {
            return Err(format!("there is no secret at this path of the mount {}; check the path", mount.at).into());
        };
        fields.text(field)
    }

    /// Writes one field and keeps the others. In version 2 a change by somebody else in between is noticed.
    pub(crate) async fn write(&self, path: &str, field: &str, secret: &Secret) -> Result<Written, Wrong> {
        let mount = self.mount(path).await?;
        let found = self.fields(&mount).await?;
        let body = mount.body(&found, field, secret)?;
        let answer = self.call(Method::POST, &mount.data_path(), Some(&body)).await?;
        match answer.status {
            StatusCode::OK | StatusCode::NO_CONTENT => Ok(Written { version: answer.written_version() }),
            StatusCode::BAD_REQUEST if answer.says("check-and-set") => {
                Err(Wrong::changed("somebody else changed it at the same time; nothing was written, so try again"))
            }
            _ => Err(answer.refusal("writing", secret.expose())),
        }
    }

    /// Which engine the path is in. Tokens may ask this about every path they may use.
    async fn mount(&self, path: &str) -> Result<Mount, Wrong> {
        let asked = format!("sys/internal/ui/mounts/{path}");
        let answer = self.call(Method::GET, &asked, None).await?;
        match answer.status {
            StatusCode::OK => Mount::read(&answer, path),
            StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => self.guessed_mount(path).await,
            _ => Err(answer.refusal("asking which engine is mounted there", "")),
        }
    }

    /// For servers and policies that hide what is mounted: the first segment, and the version that has something there.
    async fn guessed_mount(&self, path: &str) -> Result<Mount, Wrong> {
        for version in [Version::Two, Version::One] {
            let mount = Mount::guess(path, version)?;
            let answer = self.call(Method::GET, &mount.data_path(), None).await?;
            match answer.status {
                StatusCode::OK => return Ok(mount),
                StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {}
                _ => return Err(answer.refusal("reading", "")),
            }
        }
        Err("the login may not read it, or nothing is there; check the path and the policy of the login".into())
    }

    /// What is there now.
    async fn fields(&self, mount: &Mount) -> Result<Found, Wrong> {
        let answer = self.call(Method::GET, &mount.data_path(), None).await?;
        match answer.status {
            StatusCode::OK | StatusCode::NOT_FOUND => mount.found(&answer),
            _ => Err(answer.refusal("reading", "")),
        }
    }

    /// One request as whoever is logged in. Refused, it logs in once more: the login may have ended.
    async fn call(&self, method: Method, path: &str, body: Option<&[u8]>) -> Result<Answer, Wrong> {
        let token = self.token(None).await?;
        let answer = self.exchange.send(method.clone(), path, Some(&token), body).await?;
        if answer.status != StatusCode::FORBIDDEN {
            return Ok(answer);
        }
        let renewed = self.token(Some(&token)).await?;
        match renewed == token {
            true => Ok(answer),
            false => self.exchange.send(method, path, Some(&renewed), body).await,
        }
    }

    /// The token to use; another one than `refused`, if one can be had. One login at a time serves all who wait.
    async fn token(&self, refused: Option<&Secret>) -> Result<Secret, Wrong> {
        let mut held = self.token.lock().await;
        if let Some(token) = held.as_ref().filter(|token| Some(*token) != refused) {
            return Ok(token.clone());
        }
        let token = self.login.token(&self.exchange).await?;
        *held = Some(token.clone());
        Ok(token)
    }
}

/// A secret with its fields, if it is there, and what a writer has to know of it.
struct Found {
    fields: Option<Fields>,
    /// The newest version, 0 if there is none. Version 1 has no versions.
    version: u64,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(…)")
    }
}
