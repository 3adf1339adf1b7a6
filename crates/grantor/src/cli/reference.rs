//! The reference page of the command line, from the commands themselves.

use clap::builder::StyledStr;
use clap::{Arg, ArgAction, Command};
use std::fmt::Write;

const INTRODUCTION: &str = "\
<!-- Made from crates/grantor/src/cli; change it there, then run: UPDATE_DOCS=1 cargo test -p grantor -->
# Command line

`grantor --help` and `grantor COMMAND --help` say what is here.

Results go to standard output, everything else to standard error, so results can be piped; secrets are on standard
output alone, and only when they are made. `--format json` prints one JSON value, with times in Unix seconds; `text`
shows them as RFC 3339.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | refused or failed; standard error says why, and what to do |
| 2 | wrong usage |

## Which server

Commands for administrators (`apply`, `domain`, `resource`, `client`, `credential`, `key`, `explain`) speak the admin
API of a server. The first of these names it:

1. `--admin-url` with `--admin-key`, or the variables `GRANTOR_ADMIN_URL` and `GRANTOR_ADMIN_KEY`;
2. the data folder `--data`, or `GRANTOR_DATA`;
3. the `data` of the configuration file `--config`, or `GRANTOR_CONFIG`, or `grantor.toml` in the working directory;
4. the folder `grantor-data` in the working directory, else `grantor-dev`.

On a data folder the command finds the address and the key of the server that runs there. If none runs, it opens the
folder itself and does the same with the same checks, so clients can be registered before the first start; that needs
the server's configuration (for the folder of `grantor dev` it needs none).

`--admin-key` takes a reference, `env:NAME` or `file:PATH`, since what stands on a command line shows in process lists.
`GRANTOR_ADMIN_KEY` takes a reference or the key itself. Either may be the bootstrap key (`admin.key` in the data
folder), or an access token for the resource `urn:grantor:admin`.
";

/// The text of `docs/reference/cli.md`.
pub fn reference_page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for command in super::command().get_subcommands() {
        section(&mut page, command, "grantor", 2);
    }
    page
}

fn section(page: &mut String, command: &Command, parent: &str, depth: usize) {
    let name = format!("{parent} {}", command.get_name());
    let mut out = |text: &str| writeln!(page, "{text}").expect("a String takes any text");
    out(&format!("\n{} `{name}`\n", "#".repeat(depth)));
    let about = command.get_long_about().or(command.get_about()).map(StyledStr::to_string).unwrap_or_default();
    out(&sentences(&about));
    if !command.has_subcommands() {
        let usage = command.clone().bin_name(&name).render_usage().to_string();
        out(&format!("\n```text\n{}\n```", usage.trim_start_matches("Usage: ")));
    }
    // The flags that name the server are in the introduction.
    let of_server = |arg: &&Arg| arg.get_help_heading() == Some(super::server::HEADING);
    let shown: Vec<&Arg> = command.get_arguments().filter(|arg| !arg.is_hide_set() && !of_server(arg)).collect();
    if !shown.is_empty() {
        let title = if command.has_subcommands() { "for all of these" } else { "argument" };
        out(&format!("\n| {title} | meaning |\n|---|---|"));
        shown.iter().for_each(|arg| out(&row(arg)));
    }
    if let Some(examples) = command.get_after_help() {
        out(&format!("\n```text\n{examples}\n```"));
    }
    for inner in command.get_subcommands() {
        section(page, inner, &name, depth + 1);
    }
}

fn row(arg: &Arg) -> String {
    let takes_value = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    let value = arg.get_value_names().and_then(|names| names.first()).map(|name| name.to_string());
    let value = value.unwrap_or_else(|| arg.get_id().as_str().to_uppercase());
    let name = match (arg.get_short(), arg.get_long()) {
        (_, None) => value.clone(),
        (None, Some(long)) => format!("--{long}"),
        (Some(short), Some(long)) => format!("-{short}, --{long}"),
    };
    let name = if takes_value && arg.get_long().is_some() { format!("{name} {value}") } else { name };
    let mut meaning = sentences(&arg.get_help().map(StyledStr::to_string).unwrap_or_default());
    let values: Vec<String> = arg.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
    if takes_value && !values.is_empty() && values != ["`true`", "`false`"] {
        let _ = write!(meaning, ": {}", values.join(", "));
    }
    let default: Vec<String> = arg.get_default_values().iter().map(|value| value.display().to_string()).collect();
    if takes_value && !arg.is_hide_default_value_set() && !default.is_empty() {
        let _ = write!(meaning, " (default: `{}`)", default.join(" "));
    }
    if let Some(variable) = arg.get_env() {
        let _ = write!(meaning, " (variable: `{}`)", variable.display());
    }
    if arg.is_required_set() && arg.get_long().is_some() {
        meaning.push_str("; required");
    }
    format!("| `{name}` | {} |", meaning.replace('|', "\\|"))
}

/// Without the line breaks of the source.
fn sentences(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|paragraph| paragraph.split('\n').collect::<Vec<_>>().join(" "));
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// `UPDATE_DOCS=1 cargo test -p grantor` writes the page anew.
    #[test]
    fn the_page_says_what_the_commands_do() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/cli.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, reference_page()).unwrap();
        }
        let page = std::fs::read_to_string(&path).unwrap();
        assert!(page == reference_page(), "the page is old; run: UPDATE_DOCS=1 cargo test -p grantor");
    }

    #[test]
    fn the_command_line_is_sound() {
        super::super::command().debug_assert();
    }

    #[test]
    fn every_command_teaches_by_an_example() {
        fn check(command: &Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            if command.has_subcommands() {
                command.get_subcommands().for_each(|inner| check(inner, &path));
                return;
            }
            let help = command.get_after_help().map(StyledStr::to_string).unwrap_or_default();
            assert!(help.contains("Example"), "{path} has no example in its after_help");
            assert!(help.contains(path.trim_start_matches("grantor ")), "{path}: {help}");
        }
        super::super::command().get_subcommands().for_each(|command| check(command, "grantor"));
    }
}
