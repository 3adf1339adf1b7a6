//! `grantor check`.

use super::Said;
use super::output::{Format, print, print_json};
use crate::config::{Config, ConfigFile, Sources};
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
        match (Config::load(&Sources::of_process(file)), self.format) {
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
