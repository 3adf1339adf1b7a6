//! `grantor check`.

use super::Said;
use super::output::{Format, print, print_json};
use crate::config::{Config, ConfigErrors, ConfigFile, Problem, Sources};
use crate::http::tls::TlsConfig;
use anyhow::Result;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// Check the configuration.
///
/// Reads the file and the environment, and looks for the files that they name. Says everything that is wrong at once, each with its place and what to write instead; or what is set, and where.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit code 0 means that `grantor serve` would accept the configuration.

Examples:
  grantor check
  grantor check --config /etc/grantor/grantor.toml --format json")]
pub struct Check {
    /// Configuration file; without it `grantor.toml` is read, if there is one
    #[arg(long, env = "GRANTOR_CONFIG", hide_env_values = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Check {
    pub fn run(self) -> Result<()> {
        let file = self.config.map_or(ConfigFile::Default, ConfigFile::At);
        let config = Config::load(&Sources::of_process(file)).and_then(with_tls);
        match (config, self.format) {
            (Ok(config), Format::Text) => print(config.report().trim_end()),
            (Ok(config), Format::Json) => {
                print_json(&json!({ "ok": true, "settings": config.written, "warnings": config.warnings() }))
            }
            (Err(errors), Format::Text) => Err(errors.into()),
            (Err(errors), Format::Json) => {
                print_json(&json!({ "ok": false, "problems": errors.problems }))?;
                Err(Said.into())
            }
        }
    }
}

/// Certificate and key as the server would take them.
fn with_tls(config: Config) -> Result<Config, ConfigErrors> {
    let Some(Err(error)) = config.tls.as_ref().map(TlsConfig::from_pem_files) else { return Ok(config) };
    let key = "tls.certificate";
    let place = config.written.iter().find(|setting| setting.key == key).map(|setting| setting.place.clone());
    let problem = Problem { place: place.unwrap_or_default(), key: Some(key.into()), message: error.to_string() };
    Err(ConfigErrors { problems: vec![problem] })
}
