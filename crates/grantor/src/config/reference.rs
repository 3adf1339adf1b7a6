//! The reference page of the configuration, from the table itself.

use super::RESERVED;
use super::settings::{SETTINGS, sections};
use super::table::Setting;
use std::fmt::Write;

const INTRODUCTION: &str = "\
<!-- Made from crates/grantor/src/config/settings.rs; change it there, then run: UPDATE_DOCS=1 cargo test -p grantor -->
# Configuration

Everything has a default except `issuer`. `grantor check` says all that is wrong at once.

Where a setting is written in several places, the first of these counts:

1. a flag of the command line;
2. an environment variable: `GRANTOR_SECTION__KEY`, or `GRANTOR_SECTION__KEY_FILE`, which names a file that holds the
   value (as Docker and Kubernetes hand over secrets; one trailing newline is left out). Setting both is an error;
3. the file: the one named by `--config` or `GRANTOR_CONFIG`, else `grantor.toml` in the working directory, if there
   is one;
4. the default.

```toml
issuer = \"https://auth.example.com\"

[listen]
public = \"0.0.0.0:8080\"
```

Names end with their unit: `_s` is seconds, `_ms` milliseconds, `_bytes` bytes. Unknown keys and unknown `GRANTOR_`
variables are refused. Relative paths are taken from the folder of the file that they are written in; in variables and
flags, from the working directory.

A *secret reference* says where a secret is, so that it need not stand in the configuration:

| reference | what |
|---|---|
| `env:NAME` | an environment variable |
| `file:PATH` | the content of a file, without one trailing newline; at most 64 KiB |
| `vault:MOUNT/PATH#FIELD` | a field of a secret in a key-value engine (version 1 or 2) of Vault, read once at the start |

For a setting of that kind, `…_FILE=PATH` means the same as `file:PATH`.

`vault:` takes the server and the login from the environment: `VAULT_ADDR` (https, or this machine), `VAULT_CACERT`,
`VAULT_NAMESPACE`, and one of

| login | variables |
|---|---|
| token | `VAULT_TOKEN` or `VAULT_TOKEN_FILE` |
| AppRole | `VAULT_ROLE_ID` and `VAULT_SECRET_ID`, or each with `_FILE` |
| Kubernetes | `VAULT_ROLE` |
| JWT | `VAULT_ROLE` and `VAULT_JWT_FILE` |

`VAULT_AUTH_METHOD` (`token`, `approle`, `kubernetes`, `jwt`) chooses where several are set, `VAULT_AUTH_MOUNT` names
a mount other than the method's name.
";

/// The text of `docs/reference/configuration.md`.
pub fn reference_page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for (section, about) in sections() {
        let title = if section.is_empty() { "Top level".to_owned() } else { format!("`[{section}]`") };
        section_start(&mut page, &title, &about);
        SETTINGS.iter().filter(|setting| setting.section == section).for_each(|setting| row(&mut page, setting));
    }
    line(&mut page, "\n## Variables that are no settings\n");
    line(&mut page, "The command line reads these in place of its flags:\n");
    RESERVED.iter().for_each(|name| line(&mut page, &format!("- `{name}`")));
    page
}

fn section_start(page: &mut String, title: &str, about: &str) {
    line(page, &format!("\n## {title}\n\n{about}\n"));
    line(page, "| key | environment | default | meaning |");
    line(page, "|---|---|---|---|");
}

fn row(page: &mut String, setting: &Setting) {
    let default = setting.default.as_ref().map_or_else(|| "none".into(), |default| format!("`{default}`"));
    let Setting { name, env, about, .. } = setting;
    line(page, &format!("| `{name}` | `{env}` | {default} | {about} *({})* |", takes(setting)));
}

/// What may be written: kind, unit and range.
fn takes(setting: &Setting) -> String {
    let kind = match setting.name.rsplit('_').next() {
        Some("s") => "seconds",
        Some("ms") => "milliseconds",
        Some("bytes") => "bytes",
        _ => setting.kind,
    };
    match &setting.range {
        Some(range) if setting.zero_is_off => format!("{kind}: 1 to {}, or 0 for no limit", range.end()),
        Some(range) => format!("{kind}: {} to {}", range.start(), range.end()),
        None => kind.to_owned(),
    }
}

fn line(page: &mut String, text: &str) {
    writeln!(page, "{text}").expect("a String takes any text");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// `UPDATE_DOCS=1 cargo test -p grantor` writes the page anew.
    #[test]
    fn the_page_says_what_the_code_does() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/configuration.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, reference_page()).unwrap();
        }
        let page = std::fs::read_to_string(&path).unwrap();
        assert!(page == reference_page(), "the page is old; run: UPDATE_DOCS=1 cargo test -p grantor");
    }
}
