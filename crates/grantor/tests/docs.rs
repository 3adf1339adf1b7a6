//! Holds the documentation against the code: links lead somewhere, commands parse, tests, files and reasons exist.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]

use clap::error::ErrorKind;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold other people's pages, or none.
const NOT_OURS: [&str; 5] = ["target", "node_modules", ".venv", ".git", ".pytest_cache"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// Path below the root and text of each file of ours with one of these endings.
fn files(folder: &str, endings: &[&str]) -> Vec<(String, String)> {
    fn walk(folder: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if !NOT_OURS.iter().any(|name| path.ends_with(name)) {
                    walk(&path, endings, found);
                }
            } else if path.extension().is_some_and(|ending| endings.iter().any(|wanted| ending == *wanted)) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), endings, &mut found);
    let short = |path: &Path| path.strip_prefix(root()).unwrap().display().to_string();
    found.into_iter().map(|path| (short(&path), fs::read_to_string(&path).unwrap())).collect()
}

fn pages() -> Vec<(String, String)> {
    let pages = files("", &["md"]);
    assert!(pages.len() > 10, "the pages were not found");
    pages
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// A page in lines: those of prose, and those of code blocks with the language that these name.
fn split(text: &str) -> (Vec<&str>, Vec<(&str, &str)>) {
    let (mut prose, mut code, mut language) = (Vec::new(), Vec::new(), None);
    for line in text.lines() {
        let trimmed = line.trim_start();
        match (trimmed.strip_prefix("```"), language) {
            (Some(named), None) => language = Some(named),
            (Some(_), Some(_)) => language = None,
            (None, Some(language)) => code.push((language, trimmed)),
            (None, None) => prose.push(line),
        }
    }
    assert!(language.is_none(), "a code block has no end");
    (prose, code)
}

/// What stands between backticks in a line.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The anchor that a heading gets.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    heading.trim().to_lowercase().chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn anchors(text: &str) -> BTreeSet<String> {
    let headings = split(text).0.into_iter().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#'))).collect()
}

fn problem_with_link(from: &str, target: &str) -> Option<String> {
    if ["https://", "http://", "mailto:"].iter().any(|scheme| target.starts_with(scheme)) {
        return None;
    }
    let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
    let there = if path.is_empty() { root().join(from) } else { root().join(from).parent().unwrap().join(path) };
    if !there.exists() {
        return Some(format!("{from}: nothing is at {target}"));
    }
    let missing = !fragment.is_empty() && !anchors(&fs::read_to_string(there).unwrap()).contains(fragment);
    missing.then(|| format!("{from}: no heading has the anchor of {target}"))
}

#[test]
fn links_lead_somewhere() {
    let mut wrong = Vec::new();
    for (name, text) in pages() {
        let prose = split(&text).0.join("\n");
        let targets = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        wrong.extend(targets.filter_map(|target| problem_with_link(&name, target)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The words of a shell line up to what ends a command. Enough of a shell for what stands in the pages.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (c, quote) {
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, Some(open)) if c == open => quote = None,
            ('|' | '>' | '<' | ';' | '&' | ')' | '#', None) if word.is_none() || c == '|' || c == ')' => break,
            (' ', None) => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Where `grantor` is run in a shell line: at its beginning, behind a pipe, in `$(…)`, by another user, or by cargo.
fn commands(line: &str) -> Vec<Vec<String>> {
    let before = ["", "| ", "$(", "sudo -u grantor ", "&& "];
    let starts = line.match_indices("grantor ").filter(|(at, _)| {
        let head = &line[..*at];
        head.is_empty() || before.iter().skip(1).any(|before| head.ends_with(before)) && !head.ends_with("-u ")
    });
    let mut found: Vec<_> = starts.map(|(at, _)| words(&line[at..])).collect();
    if let Some(rest) = line.strip_prefix("cargo run --release -- ").or(line.strip_prefix("cargo run -- ")) {
        found.push(words(&format!("grantor {rest}")));
    }
    found
}

fn refusal(words: &[String]) -> Option<clap::Error> {
    let parsed = grantor::cli::command().try_get_matches_from(words).err();
    parsed.filter(|error| !matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion))
}

#[test]
fn commands_parse() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for (name, text) in pages() {
        for (_, line) in split(&text).1.into_iter().filter(|(language, _)| *language == "sh") {
            for words in commands(line) {
                seen += 1;
                if let Some(error) = refusal(&words) {
                    wrong.push(format!("{name}: {line}\n  {error}"));
                }
            }
        }
    }
    assert!(seen > 20, "only {seen} commands were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Commands in running text may leave out what is not the point, but name only what exists.
#[test]
fn commands_in_running_text_exist() {
    let unknown = [ErrorKind::UnknownArgument, ErrorKind::InvalidSubcommand];
    let mut wrong = Vec::new();
    for (name, text) in pages() {
        let command = |quoted: &&str| quoted.starts_with("grantor ") && !quoted.contains("COMMAND");
        for quoted in split(&text).0.into_iter().flat_map(quoted).filter(command) {
            for words in commands(&quoted.replace("\\|", "|")) {
                if let Some(error) = refusal(&words).filter(|error| unknown.contains(&error.kind())) {
                    wrong.push(format!("{name}: {quoted}\n  {error}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Names of all functions in the sources, and so of all tests.
fn functions() -> BTreeSet<String> {
    let name = |rest: &str| rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap().to_owned();
    let sources = files("crates", &["rs"]).into_iter().chain(files("e2e", &["py"]));
    sources
        .flat_map(|(_, text)| {
            let rust = text.split("fn ").skip(1).map(name);
            let python = text.split("def ").skip(1).map(name);
            rust.chain(python).collect::<Vec<_>>()
        })
        .collect()
}

/// The cells of each row of the tables whose last column has this heading.
fn rows<'p>(text: &'p str, last: &str) -> Vec<Vec<&'p str>> {
    let (mut rows, mut inside) = (Vec::new(), false);
    for line in text.lines() {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        if !line.starts_with('|') {
            inside = false;
        } else if cells.last() == Some(&last) {
            inside = true;
        } else if inside && !line.starts_with("|--") {
            rows.push(cells);
        }
    }
    rows
}

#[test]
fn tests_and_files_of_the_standards_page_exist() {
    let (text, functions) = (page("docs/standards.md"), functions());
    let rows = rows(&text, "test");
    assert!(rows.len() > 40, "the tables were not found");
    let mut wrong = Vec::new();
    for row in rows {
        let [.., file, tests] = row[..] else { panic!("a row without file and test: {row:?}") };
        wrong.extend(quoted(tests).filter(|test| !functions.contains(*test)).map(|test| format!("no test {test}")));
        let there = |file: &str| ["crates", "e2e"].iter().any(|folder| root().join(folder).join(file).is_file());
        wrong.extend(quoted(file).filter(|file| !there(file)).map(|file| format!("no file {file}")));
    }
    assert!(wrong.is_empty(), "docs/standards.md: {}", wrong.join(", "));
}

/// Tests have names that can be told: after an RFC, its section, or in Python's way.
#[test]
fn tests_named_in_running_text_exist() {
    let after =
        |name: &str, prefix: &str, c: fn(char) -> bool| name.strip_prefix(prefix).is_some_and(|n| n.starts_with(c));
    let is_test = |name: &&str| {
        let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let digit = |c: char| c.is_ascii_digit();
        plain
            && name.contains('_')
            && (after(name, "test_", char::is_alphabetic) || after(name, "rfc", digit) || after(name, "s", digit))
    };
    let functions = functions();
    for (name, text) in pages() {
        let named = split(&text).0.into_iter().flat_map(quoted).filter(is_test);
        let missing: Vec<_> = named.filter(|test| !functions.contains(*test)).collect();
        assert!(missing.is_empty(), "{name} names {missing:?}, which is no test");
    }
}

#[test]
fn what_shows_a_feature_exists() {
    let (text, functions) = (page("README.md"), functions());
    let rows = rows(&text, "shown by");
    assert!(rows.len() > 10, "the table was not found");
    for row in rows {
        let shown_by = row.last().unwrap();
        let mut tests = quoted(shown_by).filter(|name| !name.contains(' ')).peekable();
        assert!(tests.peek().is_some() || shown_by.contains("grantor ") || shown_by.contains("]("), "{row:?}");
        let missing: Vec<_> = tests.filter(|test| !functions.contains(*test)).collect();
        assert!(missing.is_empty(), "README.md names {missing:?}, which is no test");
    }
}

/// Reasons for a refusal, as the code names them.
fn reasons() -> BTreeSet<String> {
    const NAMING: [&str; 10] = [
        "because(",
        "internal(",
        "refused(",
        "inactive(",
        "bad(",
        "wrong(",
        "problem(",
        "invalid(",
        "reason: \"",
        "Refusal::new(StatusCode::",
    ];
    let is_name = |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let mut found = BTreeSet::new();
    for folder in ["crates/grantor-core/src", "crates/grantor/src"] {
        for (path, text) in files(folder, &["rs"]) {
            if path.starts_with("crates/grantor/src/cli/") || path.starts_with("crates/grantor/src/http/admin/") {
                continue;
            }
            let code =
                text.split("#[cfg(test)]\nmod tests").next().unwrap().replace("Refusal::new(\n", "Refusal::new(");
            let code = code.split_whitespace().collect::<Vec<_>>().join(" ").replace("new( ", "new(");
            for naming in NAMING {
                for rest in code.split(naming).skip(1) {
                    let name = match naming {
                        "reason: \"" => rest.split('"').next(),
                        "Refusal::new(StatusCode::" => rest.split('"').nth(1),
                        _ => rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next()),
                    };
                    found.extend(name.filter(is_name).map(str::to_owned));
                }
            }
        }
    }
    found
}

#[test]
fn every_reason_has_a_row() {
    let (text, reasons) = (page("docs/guides/troubleshooting.md"), reasons());
    assert!(reasons.len() > 45, "the reasons were not found: {reasons:?}");
    let rows = ["do", "means"].iter().flat_map(|last| rows(&text, last));
    let explained: BTreeSet<&str> = rows.flat_map(|row| quoted(row[0]).collect::<Vec<_>>()).collect();
    let missing: Vec<_> = reasons.iter().filter(|reason| !explained.contains(reason.as_str())).collect();
    assert!(missing.is_empty(), "docs/guides/troubleshooting.md does not explain {missing:?}");
    let is_reason = |name: &&&str| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let left: Vec<_> = explained.iter().filter(is_reason).filter(|name| !reasons.contains(**name)).collect();
    assert!(left.is_empty(), "docs/guides/troubleshooting.md explains {left:?}, the reason of nothing");
}

/// What stands between dots in a quoted message is a value.
#[test]
fn quoted_messages_are_said() {
    let text = page("docs/guides/troubleshooting.md");
    let part = text.split("## The server does not start").nth(1).unwrap();
    let unwrapped = |text: String| text.split("\\\n").map(str::trim_start).collect::<String>();
    let sources: String = files("crates", &["rs"]).into_iter().map(|(_, text)| unwrapped(text)).collect();
    let rows = rows(part.split("\n## ").next().unwrap(), "do");
    assert!(rows.len() > 5, "the table was not found");
    for message in rows.iter().flat_map(|row| quoted(row[0])) {
        for piece in message.split('…').map(str::trim) {
            assert!(sources.contains(piece), "no message says: {piece}");
        }
    }
}

/// Each whole `grantor.toml` in the pages would be accepted on a machine that has the files it names.
#[test]
fn configurations_are_accepted() {
    use grantor::config::{Config, ConfigFile, Sources};
    let folder = tempfile::tempdir().unwrap();
    let mut seen = 0;
    for (name, text) in pages() {
        for block in text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            if !block.lines().any(|line| line.starts_with("issuer = ")) {
                continue;
            }
            seen += 1;
            let file = folder.path().join("grantor.toml");
            fs::write(&file, block).unwrap();
            if let Err(errors) = Config::load(&Sources::none().with_file(ConfigFile::At(file))) {
                let wrong: Vec<_> = errors.to_string().lines().skip(1).map(str::to_owned).collect();
                let wrong: Vec<_> = wrong.into_iter().filter(|line| !line.contains("cannot be read")).collect();
                assert!(wrong.is_empty(), "{name}: {wrong:?}");
            }
        }
    }
    assert!(seen > 1, "no configuration was found");
}
