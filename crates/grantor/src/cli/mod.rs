//! The command line: one file per command.
//!
//! Commands for administrators speak the admin API ([`api`]), to a running server or to one that they open themselves
//! on its data folder ([`server`] decides which). What they print goes through [`output`].

mod api;
mod apply;
mod caller;
mod check;
mod client;
mod completions;
mod credential;
mod dev;
mod domain;
mod entity;
mod explain;
mod hints;
mod inspect;
mod key;
mod local;
mod output;
mod reference;
mod resource;
mod serve;
mod server;
mod time;
mod token;

pub use output::Format;
pub use reference::reference_page;

use crate::config::ConfigErrors;
use clap::{Args, CommandFactory, Parser, Subcommand};
use grantor_core::domain::DEFAULT_DOMAIN;
use std::process::ExitCode;

/// An OAuth 2.0 authorization server for machines.
#[derive(Debug, Parser)]
#[command(
    name = "grantor",
    version,
    about,
    arg_required_else_help = true,
    after_help = "\
To begin:
  grantor dev                     a server to try out, with a client and a curl line that works

Exit codes: 0 done, 1 refused or failed, 2 wrong usage."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Dev(dev::Dev),
    Serve(serve::Serve),
    Check(check::Check),
    Apply(apply::Apply),
    Domain(domain::Domain),
    Resource(resource::Resource),
    Client(Box<client::Client>),
    Credential(credential::Credential),
    Key(key::Key),
    Token(token::Token),
    Inspect(inspect::Inspect),
    Explain(explain::Explain),
    Completions(completions::Completions),
}

/// Heading of the flags that many commands share.
const COMMON: &str = "Common";

/// What most commands for administrators take.
#[derive(Clone, Debug, Args)]
struct Common {
    /// The domain
    #[arg(long, default_value = DEFAULT_DOMAIN, global = true, value_name = "NAME", help_heading = COMMON)]
    domain: String,
    /// How results are printed
    #[arg(long, value_enum, default_value_t, global = true, help_heading = COMMON)]
    format: Format,
    #[command(flatten)]
    server: server::Server,
}

/// The whole command line, as clap sees it.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Exit codes: 0 done, 1 refused or failed, 2 wrong usage (clap's own, and [`Usage`]).
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit(&error.into()),
    };
    match runtime.block_on(cli.command.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit(&error),
    }
}

impl Command {
    async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Dev(command) => command.run().await,
            Self::Serve(command) => command.run().await,
            Self::Check(command) => command.run(),
            Self::Apply(command) => command.run().await,
            Self::Domain(command) => command.run().await,
            Self::Resource(command) => command.run().await,
            Self::Client(command) => command.run().await,
            Self::Credential(command) => command.run().await,
            Self::Key(command) => command.run().await,
            Self::Token(command) => command.run().await,
            Self::Inspect(command) => command.run().await,
            Self::Explain(command) => command.run().await,
            Self::Completions(command) => command.run(),
        }
    }
}

fn exit(error: &anyhow::Error) -> ExitCode {
    if error.is::<output::ReaderGone>() {
        return ExitCode::SUCCESS;
    }
    if !error.is::<Said>() {
        output::note(&format!("error: {}", output::plain(&sentence(error))));
    }
    if error.is::<Usage>() { ExitCode::from(2) } else { ExitCode::FAILURE }
}

/// What was being done and why it failed, the outer before the inner. A list of problems begins on a line of its own.
fn sentence(error: &anyhow::Error) -> String {
    let mut sentence = String::new();
    for part in error.chain() {
        if !sentence.is_empty() {
            sentence.push_str(if part.is::<ConfigErrors>() { ":\n" } else { ": " });
        }
        sentence.push_str(&part.to_string());
    }
    sentence
}

/// The command was given wrongly: exit code 2.
#[derive(Debug)]
struct Usage(String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// It failed, and the output says so already: exit code 1 and nothing more.
#[derive(Debug)]
struct Said;

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("it failed, as was said")
    }
}

impl std::error::Error for Said {}
