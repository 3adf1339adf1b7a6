use super::source::Source;
use super::tree::{Language, Malformed, parse};
use super::wanted::{Place, Wanted, read};
use crate::config::Problem;
use serde_json::json;

fn wanted(text: &str, language: Language) -> (Wanted, Vec<String>) {
    let place = Place { file: "f".into(), ..Place::default() };
    let root = parse(text, language).unwrap();
    let (wanted, problems) = read(&root, place);
    (wanted, problems.iter().map(Problem::to_string).collect())
}

const TOML: &str = r#"
[domain.default.client."a b"]
scope = ["r", "w"]
claims = { level = 5, at = 2027-01-01T00:00:00Z }

[domain.default.resource.x]
identifier = "https://x"
"#;

const YAML: &str = r#"
domain:
  default:
    client:
      "a b":
        scope: [r, w]
        claims: {level: 5, at: "2027-01-01T00:00:00Z"}
    resource:
      x:
        identifier: https://x
"#;

const JSON: &str = r#"{"domain": {"default": {
  "client": {"a b": {
    "scope": ["r", "w"],
    "claims": {"level": 5, "at": "2027-01-01T00:00:00Z"}}},
  "resource": {"x": {"identifier": "https://x"}}}}}"#;

#[test]
fn three_languages_say_the_same() {
    let toml = parse(TOML, Language::Toml).unwrap().json();
    assert_eq!(toml["domain"]["default"]["client"]["a b"]["claims"]["level"], json!(5));
    assert_eq!(toml, parse(YAML, Language::Yaml).unwrap().json());
    assert_eq!(toml, parse(JSON, Language::Json).unwrap().json());
    for (text, language) in [(TOML, Language::Toml), (YAML, Language::Yaml), (JSON, Language::Json)] {
        let (wanted, problems) = wanted(text, language);
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(wanted.domains[0].clients[0].entity.name, "a b");
        assert_eq!(wanted.domains[0].resources[0].text("identifier"), Some("https://x"));
    }
}

#[test]
fn every_language_knows_its_lines() {
    for (text, language, line) in [
        ("[domain.d]\n\n[domain.d.client.c]\nscop = 1\n", Language::Toml, 4),
        ("domain:\n  d:\n    client:\n      c:\n        scop: 1\n", Language::Yaml, 5),
        ("{\"domain\": {\"d\": {\n\"client\": {\"c\": {\n\t\"scop\": 1}}}}}", Language::Json, 3),
    ] {
        let (_, problems) = wanted(text, language);
        assert_eq!(problems, [format!("f:{line}: domain.d.client.c.scop: unknown key; did you mean `scope`?")]);
    }
}

#[test]
fn what_is_no_file_of_its_language_says_where() {
    let lines = |text: &str, language| -> Vec<usize> {
        parse(text, language).unwrap_err().iter().map(|Malformed { line, .. }| *line).collect()
    };
    assert_eq!(lines("x = 1\n\n[domain\n", Language::Toml), [3]);
    assert_eq!(lines("a = 1\na = 2\n", Language::Toml), [2]);
    assert_eq!(lines("a: 1\nb: [\n", Language::Yaml).len(), 1);
    assert_eq!(lines("a: 1\na: 2\n", Language::Yaml), [2]);
    assert_eq!(lines("{\"a\": 1,\n}", Language::Json), [2]);
    assert_eq!(lines("{\"a\": 1,\n\"a\": 2}", Language::Json), [2]);
    assert!(parse("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", Language::Yaml).is_ok());
}

#[test]
fn a_bomb_of_aliases_is_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..12 {
        let items = vec![format!("*a{}", i - 1); 10].join(", ");
        bomb.push_str(&format!("a{i}: &a{i} [{items}]\n"));
    }
    assert!(parse(&bomb, Language::Yaml).is_err());
    let deep = "[".repeat(100_000);
    assert!(parse(&deep, Language::Yaml).is_err());
    assert!(parse(&deep, Language::Json).is_err());
    assert!(parse(&format!("a = {deep}"), Language::Toml).is_err());
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let (_, problems) = wanted(
        r#"
title = "x"
[domain.Bad]
[domain.default]
access_token_lifetime_s = "5"
resources = 1
[domain.default.resource.api]
identifer = "https://x"
access_token_format = "jtw"
[domain.default.client.a]
enabled = "yes"
scope = ["a b\"", "c"]
access_token_lifetime_s = -1
[domain.default.client.a.credential.one]
secret = "hunter2"
phc = "$1$abc"
[domain.default.client.a.credential.two]
secret = "env:GRANTOR_SURELY_NOT_SET"
expires_at = "90d"
labl = "x"
[domain.default.client.a.credential.three]
generate = true
phc = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
"#,
        Language::Toml,
    );
    insta::assert_snapshot!(problems.join("\n"), @r"
    f:2: title: unknown key; everything stands below [domain.NAME]
    f:3: domain.Bad: this cannot name a domain; write 1 to 63 characters of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit
    f:5: domain.default.access_token_lifetime_s: it is text; write whole seconds, such as 300
    f:6: domain.default.resources: unknown key; did you mean `resource`?
    f:8: domain.default.resource.api.identifer: unknown key; did you mean `identifier`?
    f:9: domain.default.resource.api.access_token_format: unknown variant `jtw`, expected `jwt` or `opaque`; write jwt or opaque
    f:11: domain.default.client.a.enabled: it is text; write true or false
    f:12: domain.default.client.a.scope: scope value 'b?' is malformed (RFC 6749 section 3.3); write scopes between spaces, or a list of them
    f:13: domain.default.client.a.access_token_lifetime_s: it is the number -1; write whole seconds, such as 300
    f:15: domain.default.client.a.credential.one.secret: a secret is not written here but referred to; write env:NAME or file:PATH
    f:16: domain.default.client.a.credential.one.phc: not a PHC string known here; use $argon2id$…, $2b$… (bcrypt), $pbkdf2-sha256$… or $pbkdf2-sha512$…
    f:18: domain.default.client.a.credential.two.secret: the secret env:GRANTOR_SURELY_NOT_SET cannot be read: the variable is not set; set it where this is started
    f:19: domain.default.client.a.credential.two.expires_at: '90d' means another time whenever the file is applied; write a time such as 2027-01-31T12:00:00Z
    f:20: domain.default.client.a.credential.two.labl: unknown key; did you mean `label`?
    f:21: domain.default.client.a.credential.three: a credential has one source; write secret, phc or generate, or one key, certificate or name
    ");
    assert!(!problems.concat().contains("hunter2"));
}

#[test]
fn times_may_be_written_in_each_language_s_own_way() {
    let (wanted, problems) = wanted(
        "[domain.d.client.c.credential.k]\ngenerate = true\nnot_before = 1970-01-02T00:00:00Z\nexpires_at = \"1970-01-03\"\n",
        Language::Toml,
    );
    assert!(problems.is_empty(), "{problems:?}");
    let credential = &wanted.domains[0].clients[0].credentials.as_ref().unwrap()[0];
    assert!(matches!(credential.source, Some(Source::Generate)));
    assert_eq!(credential.entity.fields["not_before"], json!(86_400));
    assert_eq!(credential.entity.fields["expires_at"], json!(172_800));
}

/// The tables of fields name every field that there is.
#[test]
fn the_tables_of_fields_are_complete() {
    use super::wanted::{CLIENT, DOMAIN, Field, RESOURCE};
    use grantor_core::client::ClientMetadata;
    use grantor_core::domain::DomainSettings;
    use grantor_core::resource::Resource;
    fn expected<T: serde::de::DeserializeOwned>() -> Vec<String> {
        let error = serde_json::from_value::<T>(json!({ "no such field": 1 })).err().unwrap().to_string();
        error.split('`').skip(3).step_by(2).map(str::to_owned).collect()
    }
    fn names(fields: &[Field]) -> Vec<String> {
        fields.iter().map(|(name, _)| (*name).to_owned()).collect()
    }
    assert_eq!(names(DOMAIN), expected::<DomainSettings>());
    assert_eq!(names(RESOURCE), expected::<Resource>());
    assert_eq!(names(CLIENT), expected::<ClientMetadata>());
}
