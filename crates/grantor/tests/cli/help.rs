//! What `--help` says is a contract: `INSTA_UPDATE=always cargo test -p grantor --test cli` accepts a change.

use super::support::{grantor, run};
use std::collections::VecDeque;

/// Names under `Commands:`.
fn subcommands(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn every_command_has_help_that_teaches() {
    let folder = tempfile::tempdir().unwrap();
    let mut todo = VecDeque::from([Vec::<String>::new()]);
    let mut count = 0;
    while let Some(path) = todo.pop_front() {
        let done = run(grantor(folder.path()).args(&path).arg("--help")).ok();
        let inner = subcommands(&done.stdout);
        if inner.is_empty() {
            assert!(done.stdout.contains("Example"), "{path:?}: {}", done.stdout);
        }
        for name in inner {
            todo.push_back([path.clone(), vec![name]].concat());
        }
        let name = if path.is_empty() { "grantor".to_owned() } else { path.join("_") };
        insta::assert_snapshot!(name, done.stdout);
        count += 1;
    }
    assert!(count > 35, "only {count} commands were found");
}

#[test]
fn a_word_that_is_no_command_is_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    for args in [&["clinet"][..], &["client", "lits"], &["client", "list", "--domian", "x"], &[], &["client"]] {
        let done = run(grantor(folder.path()).args(args)).wrong_usage();
        assert!(done.stdout.is_empty() && done.stderr.contains("Usage"), "{done:?}");
    }
}

#[test]
fn completions_are_made_for_every_shell() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let done = run(grantor(folder.path()).args(["completions", shell])).ok();
        assert!(done.stdout.contains("revoke-tokens"), "{shell}");
    }
}
