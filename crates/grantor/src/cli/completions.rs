//! `grantor completions`.

use super::output::print;
use anyhow::Result;
use clap::Args;
use clap_complete::Shell;

/// Print a script that completes commands and flags in a shell.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  grantor completions bash > ~/.local/share/bash-completion/completions/grantor
  grantor completions zsh > ~/.zfunc/_grantor
  grantor completions fish > ~/.config/fish/completions/grantor.fish")]
pub struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub fn run(self) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::command(), "grantor", &mut script);
        print(String::from_utf8_lossy(&script).trim_end())
    }
}
