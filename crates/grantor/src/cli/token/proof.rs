//! By what the client proves itself, and what its tokens are bound to.

use crate::cli::Usage;
use crate::cli::caller::Caller;
use crate::cli::output::note;
use crate::secrets;
use anyhow::{Context, Result};
use clap::Args;
use clap::builder::PossibleValuesParser;
use grantor_client::token_source::Builder;
use grantor_client::{Authentication, DpopKey, PrivateKey, RsaAlg, TlsIdentity, TokenSource};
use grantor_core::client_auth::Method;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const FILE_MAX_BYTES: usize = 256 * 1024;

#[derive(Debug, Args)]
#[command(next_help_heading = "Instead of a secret, and beside it")]
pub struct Proof {
    /// The client's private key (PEM): signs an assertion (private_key_jwt), or with --cert, the TLS handshake
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The name that the server knows the key by [default: its RFC 7638 thumbprint]
    #[arg(long, value_name = "KID", requires = "key")]
    key_id: Option<String>,
    /// The client's certificate, with its chain (PEM): asks where the server asks for certificates (RFC 8705). With
    /// --secret, it is shown beside the secret
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// How it authenticates [default: what the other flags are for; with a secret client_secret_basic]
    #[arg(long, value_parser = PossibleValuesParser::new(Method::ALL.map(Method::as_str)))]
    auth_method: Option<String>,
    /// Bind the token to a DPoP key (RFC 9449): one made for this token alone
    #[arg(long)]
    dpop: bool,
    /// Or to this one (PEM)
    #[arg(long, value_name = "FILE", conflicts_with = "dpop")]
    dpop_key: Option<PathBuf>,
}

impl Proof {
    /// `None` where nothing is said of what the client proves itself by.
    pub async fn authentication(&self, caller: &Caller) -> Result<Option<Authentication>> {
        let method = match self.auth_method.as_deref() {
            Some(method) => method,
            None if self.cert.is_some() && !caller.names_secret() => Method::TlsClientAuth.as_str(),
            None if self.key.is_some() && self.cert.is_none() => Method::PrivateKeyJwt.as_str(),
            None => Method::ClientSecretBasic.as_str(),
        };
        let method =
            Method::ALL.into_iter().find(|known| known.as_str() == method).unwrap_or(Method::ClientSecretBasic);
        let lacks = |flags: &str| Usage(format!("{} takes {flags}", method.as_str()));
        Ok(Some(match method {
            Method::PrivateKeyJwt => {
                Authentication::PrivateKeyJwt(self.signing_key()?.ok_or_else(|| lacks("--key FILE"))?)
            }
            Method::TlsClientAuth | Method::SelfSignedTlsClientAuth => {
                Authentication::MutualTls(self.identity()?.ok_or_else(|| lacks("--cert FILE and --key FILE"))?)
            }
            Method::ClientSecretBasic | Method::ClientSecretPost | Method::ClientSecretJwt => {
                let Some(secret) = caller.secret().await? else { return Ok(None) };
                match method {
                    Method::ClientSecretPost => Authentication::client_secret_post(secret.expose()),
                    Method::ClientSecretJwt => Authentication::client_secret_jwt(secret.expose()),
                    _ => Authentication::client_secret_basic(secret.expose()),
                }
            }
        }))
    }

    /// A client that asks with all of this.
    pub fn source(&self, client_id: &str, authentication: Authentication) -> Result<Builder> {
        let shown_beside = !matches!(authentication, Authentication::MutualTls(_));
        let mut builder = TokenSource::with(client_id, authentication);
        if shown_beside && let Some(identity) = self.identity()? {
            builder = builder.client_certificate(identity);
        }
        if let Some(file) = &self.dpop_key {
            builder = builder.dpop(DpopKey::from_pem(read(file)?.as_bytes()).with_context(|| shown(file))?);
        } else if self.dpop {
            builder = builder.dpop(DpopKey::generate()?);
        }
        Ok(builder)
    }

    /// Said where nothing but the token is printed: its key is gone then.
    pub fn warn_of_lost_key(&self) {
        if self.dpop {
            note(
                "The key of this token is gone now. To call an API with one, add --headers METHOD URL or keep the key: --dpop-key FILE",
            );
        }
    }

    fn signing_key(&self) -> Result<Option<PrivateKey>> {
        let Some(file) = &self.key else { return Ok(None) };
        let key = PrivateKey::with(read(file)?.as_bytes(), self.key_id.as_deref(), RsaAlg::default());
        key.map(Some).with_context(|| shown(file))
    }

    fn identity(&self) -> Result<Option<TlsIdentity>> {
        let (Some(certificate), Some(key)) = (&self.cert, &self.key) else { return Ok(None) };
        let identity = TlsIdentity::from_pem(read(certificate)?.as_bytes(), read(key)?.as_bytes());
        identity.map(Some).with_context(|| format!("{} with {}", shown(certificate), shown(key)))
    }
}

fn shown(file: &Path) -> String {
    file.display().to_string()
}

fn read(file: &Path) -> Result<Zeroizing<String>> {
    let text = secrets::read_text(file, FILE_MAX_BYTES).map(Zeroizing::new);
    text.map_err(|wrong| anyhow::anyhow!("{} cannot be read: {wrong}", file.display()))
}
