use super::*;
use std::fs;
use std::path::Path;
use tempfile::{TempDir, tempdir};

const ISSUER: &str = "https://auth.example.com";

/// Sources with an issuer, so that nothing else is missing.
fn sources() -> Sources {
    Sources::none().with_flag("--issuer", "issuer", ISSUER)
}

fn file(text: &str) -> (TempDir, Sources) {
    let folder = tempdir().unwrap();
    let path = folder.path().join("grantor.toml");
    fs::write(&path, text).unwrap();
    (folder, sources().with_file(ConfigFile::At(path)))
}

/// The problems of a file, without the folder it is in.
fn problems_of(text: &str) -> Vec<String> {
    let (folder, sources) = file(text);
    problems(&sources).iter().map(|problem| problem.replace(&format!("{}/", folder.path().display()), "")).collect()
}

fn problems(sources: &Sources) -> Vec<String> {
    let problems = Config::load(sources).unwrap_err().problems;
    assert!(!problems.is_empty());
    for problem in &problems {
        assert!(problem.message.contains("; "), "{problem} does not say what to write instead");
    }
    problems.iter().map(ToString::to_string).collect()
}

/// The only problem, which holds all of `parts`.
fn assert_problem(sources: &Sources, parts: &[&str]) {
    let problems = problems(sources);
    let [problem] = &problems[..] else { panic!("{problems:#?}") };
    for part in parts {
        assert!(problem.contains(part), "{problem} lacks {part}");
    }
}

#[test]
fn everything_but_the_issuer_has_a_default() {
    let config = Config::load(&sources()).unwrap();
    assert_eq!(config.issuer, ISSUER);
    assert_eq!(config.database, Database::Sqlite { path: "grantor-data/grantor.db".into() });
    assert_eq!(config.audit.folder, Path::new("grantor-data/audit"));
    assert_eq!((config.tls, config.master_key, config.pepper), (None, None, None));
    assert_eq!(config.limits, Limits::default());
    assert_problem(&Sources::none(), &["issuer: it is missing", "GRANTOR_ISSUER"]);
}

#[test]
fn flags_go_before_variables_before_the_file_before_defaults() {
    let (_folder, sources) = file("[limits]\nheaders_max = 20\nbody_max_bytes = 2000\nheader_max_bytes = 10_000");
    let config = Config::load(
        &sources
            .with_variable("GRANTOR_LIMITS__HEADERS_MAX", "30")
            .with_variable("GRANTOR_LIMITS__BODY_MAX_BYTES", "3000")
            .with_flag("--headers-max", "limits.headers_max", "40"),
    )
    .unwrap();
    assert_eq!(config.limits.headers_max, 40);
    assert_eq!(config.limits.body_max_bytes, 3000);
    assert_eq!(config.limits.header_max_bytes, 10_000);
    assert_eq!(config.limits.scope_tokens_max, Some(64));
    let written: Vec<(&str, &str)> = config.written.iter().map(|w| (w.key, &w.value[..])).collect();
    assert_eq!(
        written,
        [
            ("issuer", "\"https://auth.example.com\""),
            ("limits.body_max_bytes", "3000"),
            ("limits.header_max_bytes", "10000"),
            ("limits.headers_max", "40"),
        ]
    );
    assert_eq!(config.written[1].place, "GRANTOR_LIMITS__BODY_MAX_BYTES");
    assert!(config.written[2].place.ends_with("grantor.toml:4"), "{:?}", config.written[2]);
    assert!(config.report().contains("limits.headers_max = 40  (--headers-max)"), "{}", config.report());
}

#[test]
fn text_that_looks_like_a_number_stays_text() {
    for text in ["00123", "1e5", "TRUE", "1.50", "+7", "0x10", "1_000", "true", "[a]"] {
        let config = Config::load(&sources().with_variable("GRANTOR_DATA", text)).unwrap();
        assert_eq!(config.data, Path::new(text));
        let folder = tempdir().unwrap();
        let path = folder.path().join("value");
        fs::write(&path, format!("{text}\n")).unwrap();
        let config = Config::load(&sources().with_variable("GRANTOR_AUDIT__FOLDER_FILE", path)).unwrap();
        assert_eq!(config.audit.folder, Path::new("grantor-data").join(text));
    }
}

#[test]
fn a_variable_can_name_a_file() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("value");
    fs::write(&path, "9000\n").unwrap();
    let by_file = || sources().with_variable("GRANTOR_LIMITS__BODY_MAX_BYTES_FILE", &path);
    assert_eq!(Config::load(&by_file()).unwrap().limits.body_max_bytes, 9000);
    let both = by_file().with_variable("GRANTOR_LIMITS__BODY_MAX_BYTES", "5000");
    assert_problem(&both, &["GRANTOR_LIMITS__BODY_MAX_BYTES_FILE", "limits.body_max_bytes", "unset one"]);
    let missing = sources().with_variable("GRANTOR_LIMITS__BODY_MAX_BYTES_FILE", "/no/such");
    assert_problem(&missing, &["GRANTOR_LIMITS__BODY_MAX_BYTES_FILE", "/no/such", "no such file"]);
}

#[test]
fn a_secret_in_a_file_is_referred_to_and_not_read() {
    let config = Config::load(&sources().with_variable("GRANTOR_MASTER_KEY_FILE", "/run/secrets/no-such")).unwrap();
    assert_eq!(config.master_key, Some(SecretRef::File("/run/secrets/no-such".into())));
    let shown = format!("{config:?} {}", config.report());
    assert!(!shown.contains("no-such"), "{shown}");
}

#[test]
fn a_secret_itself_is_refused_and_not_repeated() {
    let (_folder, in_file) =
        file("master_key = \"hunter2\"\npepper = \"hunter2:x\"\n[database]\nurl = \"pg://u:hunter2@h/d\"");
    let sources = in_file.with_variable("GRANTOR_MASTER_KEY", "hunter2").with_flag("--pepper", "pepper", "hunter2");
    assert!(!format!("{sources:?}").contains("hunter2"), "{sources:?}");
    let problems = problems(&sources);
    assert_eq!(problems.len(), 5, "{problems:#?}");
    assert!(!problems.concat().contains("hunter2"), "{problems:#?}");
}

#[test]
fn all_problems_are_told_at_once_in_order() {
    let (folder, _) = file(
        "issuer = \"http://auth.example.com/\"\nmaster_kye = \"env:X\"\n\n[limit]\na = 1\nb = 2\n\n[limits]\n\
         headers_max = \"64\"\nbody_max = 1\n\n[log]\nlevel = \"loud\"\n",
    );
    let sources = Sources::none()
        .with_file(ConfigFile::At(folder.path().join("grantor.toml")))
        .with_variable("GRANTOR_LISTEN_PUBLIC", "0.0.0.0:80")
        .with_variable("GRANTOR_TOKEN__LIFETIME_S", "90000")
        .with_flag("--listen", "listen.public", "localhost:8080");
    let problems = problems(&sources).join("\n").replace(&format!("{}/", folder.path().display()), "");
    insta::assert_snapshot!(problems, @"
    grantor.toml:2: master_kye: unknown setting; did you mean `master_key`?
    grantor.toml:4: limit: unknown section; did you mean [limits]?
    grantor.toml:9: limits.headers_max: it is text; write a whole number from 16 to 4096, without quotes
    grantor.toml:10: limits.body_max: unknown setting; did you mean `limits.body_max_bytes`?
    grantor.toml:13: log.level: 'loud' is not a choice; write one of error, warn, info, debug, trace
    GRANTOR_LISTEN_PUBLIC: unknown variable (names with GRANTOR_ are kept for settings); did you mean GRANTOR_LISTEN__PUBLIC?
    --listen: listen.public: 'localhost:8080' is not an IP address with a port; write 127.0.0.1:8080, [::1]:8080, or 0.0.0.0:8080 for all addresses
    grantor.toml:1: issuer: 'http://auth.example.com/' is plain http, which is for loopback only; write https://…
    GRANTOR_TOKEN__LIFETIME_S: token.lifetime_s: 90000 is longer than token.lifetime_max_s; write at most 86400, or raise that
    ");
}

#[test]
fn unknown_names_bring_the_nearest_known_one() {
    for (text, meant) in [
        ("isuer = 1", "did you mean `issuer`?"),
        ("[limits]\nbody_max_byte = 1", "did you mean `limits.body_max_bytes`?"),
        ("[keys]\nlifetime_s = 1", "did you mean `token.lifetime_s`?"),
        ("[listn]\npublic = 1", "did you mean [listen]?"),
        ("body_max_bytes = 1", "did you mean `limits.body_max_bytes`?"),
        ("[listen.public]\na = 1", "it is a section"),
        ("listen = 1", "write [listen] on a line of its own"),
        ("[qqqqqqqqqqqq]", "docs/reference/configuration.md"),
    ] {
        let problems = problems_of(text);
        assert!(problems.len() == 1 && problems[0].contains(meant), "{text}: {problems:?}");
    }
    for (name, meant) in [
        ("GRANTOR_LIMITS_HEADERS_MAX", "GRANTOR_LIMITS__HEADERS_MAX?"),
        ("GRANTOR_limits__headers_max", "GRANTOR_LIMITS__HEADERS_MAX?"),
        ("GRANTOR_MASTERKEY_FILE", "GRANTOR_MASTER_KEY_FILE?"),
        ("GRANTOR_CLIENTID", "GRANTOR_CLIENT_ID?"),
        ("GRANTOR_CLIENT_SECRET_FILE", "GRANTOR_CLIENT_SECRET?"),
        ("GRANTOR_PORT", "did you mean"),
    ] {
        assert_problem(&sources().with_variable(name, "1"), &[name, meant]);
    }
}

#[test]
fn variables_that_are_no_settings_are_left_alone() {
    let mut sources = sources().with_variable("PATH", "/bin").with_variable("grantor_x", "1");
    for name in RESERVED.into_iter().filter(|name| *name != "GRANTOR_CONFIG") {
        sources = sources.with_variable(name, "anything");
    }
    // Set by Kubernetes beside Services named grantor and grantor-admin.
    for (name, value) in [
        ("GRANTOR_SERVICE_HOST", "10.0.0.1"),
        ("GRANTOR_SERVICE_PORT", "8080"),
        ("GRANTOR_SERVICE_PORT_HTTP", "8080"),
        ("GRANTOR_PORT", "tcp://10.0.0.1:8080"),
        ("GRANTOR_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("GRANTOR_PORT_8080_TCP_PROTO", "tcp"),
        ("GRANTOR_PORT_8080_TCP_PORT", "8080"),
        ("GRANTOR_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ("GRANTOR_ADMIN_SERVICE_HOST", "10.0.0.1"),
    ] {
        sources = sources.with_variable(name, value);
    }
    Config::load(&sources).unwrap();
}

#[test]
fn a_variable_may_hold_what_a_reference_points_to() {
    let sources = sources().with_variable("GRANTOR_KEK", "x");
    assert_problem(&sources, &["GRANTOR_KEK", "unknown variable"]);
    Config::load(&sources.with_variable("GRANTOR_MASTER_KEY", "env:GRANTOR_KEK")).unwrap();
}

#[test]
fn the_file_is_found_or_missed() {
    assert_problem(&sources().with_file(ConfigFile::At("/no/such.toml".into())), &["/no/such.toml", "no such file"]);
    let (folder, _) = file("data = \"d\"\n[tls]\n");
    let default = || sources().with_file(ConfigFile::Default);
    let by_variable = default().with_variable("GRANTOR_CONFIG", folder.path().join("grantor.toml"));
    assert_eq!(Config::load(&by_variable).unwrap().data, folder.path().join("d"), "relative to the file");
    let missing = default().with_variable("GRANTOR_CONFIG", "/no/such.toml");
    assert_problem(&missing, &["GRANTOR_CONFIG", "/no/such.toml", "no such file"]);
}

#[test]
fn what_is_not_toml_is_told_with_its_line_and_without_its_text() {
    let problems = problems_of("issuer = \"a\"\n\nmaster_key = hunter2\n[limits\n");
    assert!(problems[0].starts_with("grantor.toml:3: this is not TOML"), "{problems:?}");
    assert!(!problems.concat().contains("hunter2"), "{problems:?}");
    let twice = problems_of("data = \"a\"\ndata = \"b\"");
    assert!(twice[0].starts_with("grantor.toml:2: "), "{twice:?}");
}

#[test]
fn a_file_that_cannot_be_read_hides_no_other_problem() {
    let sources =
        Sources::none().with_file(ConfigFile::At("/no/such.toml".into())).with_variable("GRANTOR_LOG__FORMAT", "xml");
    let problems = problems(&sources);
    assert_eq!(problems.len(), 2, "the issuer may stand in the file: {problems:?}");
}

#[test]
fn values_of_the_wrong_kind_or_size() {
    for (key, value, parts) in [
        ("limits.headers_max", "many", "'many' is not a whole number; write one from 16 to 4096"),
        ("limits.headers_max", "-1", "-1 is out of range"),
        ("limits.headers_max", "+20", "'+20' is not a whole number"),
        ("limits.headers_max", "4097", "from 16 to 4096"),
        ("limits.headers_max", "99999999999999999999999999999999999999999", "not a whole number"),
        ("limits.headers_max", "", "'' is not a whole number"),
        ("audit.enabled", "yes", "neither true nor false"),
        ("audit.enabled", "TRUE", "neither true nor false"),
        ("log.format", "xml", "write one of text, json"),
        ("listen.public", ":8080", "0.0.0.0:8080 for all addresses"),
        ("data", "", "it is empty"),
        ("data", "a\0b", "NUL"),
        ("master_key", "vault:x", "write vault:MOUNT/PATH#FIELD"),
        ("master_key", "azure-keyvault:x/y", "not built into this version"),
        ("database.url", "postgres://h/d", "PostgreSQL is not built into this version"),
        ("database.url", "sqlite::memory:", "path of a file"),
        ("database.url", "mysql:x", "not known"),
        ("database.url", "grantor.db", "write sqlite:FILE"),
        ("issuer", "http://auth.example.com", "plain http"),
        ("issuer", "https://auth.example.com/", "slash"),
        ("issuer", "https://auth.example.com?a=b", "query"),
        ("listen.admin", "0.0.0.0:8081", "loopback"),
        ("listen.admin", "127.0.0.1:8080", "public address too"),
        ("token.lifetime_s", "86401", "token.lifetime_max_s"),
        ("keys.publish_before_s", "2592001", "longer than a key is used"),
        ("keys.jwks_max_age_s", "1801", "at most half"),
        ("tls.certificate", "/no/such", "no such file"),
        ("no.such", "1", "unknown setting"),
    ] {
        let all = problems(&sources().with_flag("--flag", key, value));
        assert!(all[0].starts_with(&format!("--flag: {key}: ")) && all[0].contains(parts), "{key} = {value}: {all:?}");
    }
    for text in ["headers_max = 1.5", "headers_max = true", "headers_max = [1]", "headers_max = 1979-05-27"] {
        assert!(problems_of(&format!("[limits]\n{text}"))[0].contains("grantor.toml:2: limits.headers_max: it is "));
    }
    assert!(problems_of("data = 123")[0].contains("it is a whole number; write it in quotes"));
    assert!(problems_of("[audit]\nenabled = \"true\"")[0].contains("without quotes"));
}

#[test]
fn numbers_can_be_written_as_toml_allows() {
    let (_folder, sources) = file("[limits]\nbody_max_bytes = 0x10_000\nheaders_max = 1_00");
    let limits = Config::load(&sources).unwrap().limits;
    assert_eq!((limits.body_max_bytes, limits.headers_max), (65_536, 100));
}

#[test]
fn zero_switches_a_limit_off() {
    let config = Config::load(&sources().with_variable("GRANTOR_LIMITS__FAILED_AUTH_PER_MINUTE", "0")).unwrap();
    assert_eq!(config.limits.failed_auth_per_minute, None);
    assert_eq!(config.limits.failed_auth_burst, 20);
}

#[test]
fn the_admin_api_leaves_the_machine_only_with_tls_or_danger() {
    let (folder, _) = file("");
    let pem = folder.path().join("grantor.toml").display().to_string();
    let open = || sources().with_flag("--admin", "listen.admin", "0.0.0.0:8081");
    let tls = open().with_flag("--cert", "tls.certificate", &pem).with_flag("--key", "tls.key", &pem);
    let config = Config::load(&tls).unwrap();
    assert_eq!(config.tls.as_ref().unwrap().key, Path::new(&pem));
    assert!(config.warnings().is_empty());
    let config = Config::load(&open().with_flag("--danger", "listen.danger_admin_plaintext", "true")).unwrap();
    assert!(config.warnings()[0].contains("danger_admin_plaintext") && config.report().contains("warning: "));
    assert_problem(&sources().with_flag("--cert", "tls.certificate", &pem), &["--cert", "no key"]);
    assert_problem(&sources().with_flag("--key", "tls.key", &pem), &["--key", "no certificate"]);
}

#[test]
fn client_certificates_are_asked_for_with_tls_at_an_address_of_its_own() {
    let (folder, _) = file("");
    let pem = folder.path().join("grantor.toml").display().to_string();
    let asks = |addr| sources().with_flag("--mtls", "listen.mtls", addr);
    assert_problem(&asks("127.0.0.1:8443"), &["--mtls", "client certificates come with TLS only"]);
    let tls = |addr| asks(addr).with_flag("--cert", "tls.certificate", &pem).with_flag("--key", "tls.key", &pem);
    let config = Config::load(&tls("127.0.0.1:8443")).unwrap();
    assert_eq!(config.listen.mtls, Some("127.0.0.1:8443".parse().unwrap()));
    assert_problem(&tls("127.0.0.1:8080"), &["--mtls", "the address of listen.public too"]);
    assert_problem(&tls("127.0.0.1:8081"), &["--mtls", "the address of listen.admin too"]);
}

#[test]
fn the_url_for_clients_with_certificates_can_stand_before_paths() {
    let with = |url| sources().with_flag("--url", "mtls.url", url);
    for good in ["https://mtls.example.com", "https://a:8443/x"] {
        assert_eq!(Config::load(&with(good)).unwrap().mtls.url.as_deref(), Some(good));
    }
    for bad in ["http://127.0.0.1", "mtls.example.com", "https://a/", "https://a?b", "https://u@a", "https://A"] {
        assert_problem(&with(bad), &["--url", "cannot stand in front of the paths"]);
    }
}

#[test]
fn tls_1_2_must_be_asked_for() {
    let (folder, _) = file("");
    let pem = folder.path().join("grantor.toml").display().to_string();
    let with = |text: &str| file(&format!("[tls]\ncertificate = {pem:?}\nkey = {pem:?}\n{text}"));
    for (text, version) in [
        ("", TlsVersion::V1_3),
        ("min_version = \"1.3\"", TlsVersion::V1_3),
        ("min_version = \"1.2\"", TlsVersion::V1_2),
    ] {
        assert_eq!(Config::load(&with(text).1).unwrap().tls.unwrap().min_version, version);
    }
    assert_problem(&with("min_version = \"1.1\"").1, &["tls.min_version", "write one of 1.3, 1.2"]);
    assert_problem(&with("min_version = 1.2").1, &["tls.min_version", "in quotes"]);
}

#[test]
fn proxies_are_networks_or_addresses() {
    let trusted = |toml: &str| {
        let (_folder, sources) = file(&format!("issuer = \"https://a.example\"\n[proxy]\ntrusted = {toml}"));
        Config::load(&sources).unwrap().proxy.trusted.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(trusted("[\"10.0.0.0/24\", \"192.0.2.1\"]"), "10.0.0.0/24 192.0.2.1/32");
    assert_eq!(trusted("[\"2001:db8::/64\", \"::1\", \"::ffff:10.0.0.1\"]"), "2001:db8::/64 ::1/128 10.0.0.1/32");
    assert_eq!(trusted("[]"), "");
    let from_variable = sources().with_variable("GRANTOR_PROXY__TRUSTED", "10.0.0.0/24, ::1");
    let config = Config::load(&from_variable).unwrap();
    assert_eq!(config.proxy.trusted.len(), 2);
    assert_eq!(config.written.last().unwrap().value, "[\"10.0.0.0/24\", \"::1\"]");
    for (written, says) in [
        ("10.0.0.7/24", "write 10.0.0.0/24, or 10.0.0.7 alone"),
        ("0.0.0.0/0", "every address there is"),
        ("::/0", "every address there is"),
        ("::ffff:10.0.0.0/104", "write it as IPv4"),
        ("proxy.example", "is no network; write 10.0.0.0/24"),
        ("10.0.0.0/33", "is no network"),
        ("10.0.0.1,", "it is empty"),
    ] {
        let sources = sources().with_variable("GRANTOR_PROXY__TRUSTED", written);
        assert_problem(&sources, &["GRANTOR_PROXY__TRUSTED: proxy.trusted: ", says]);
    }
    assert_problem(&sources().with_variable("GRANTOR_PROXY__TRUSTED", ""), &["proxy.trusted: it is empty"]);
}

#[test]
fn a_header_of_proxies_needs_a_proxy() {
    for (key, value) in [("certificate_header", "client-cert"), ("address_header", "forwarded")] {
        let (_folder, sources) = file(&format!("issuer = \"https://a.example\"\n[proxy]\n{key} = \"{value}\"\n"));
        assert_problem(&sources, &[&format!("proxy.{key}: no proxy is trusted"), "proxy.trusted"]);
        assert!(Config::load(&sources.with_variable("GRANTOR_PROXY__TRUSTED", "::1")).is_ok());
    }
    assert_problem(
        &sources().with_variable("GRANTOR_PROXY__CERTIFICATE_HEADER", "Client-Cert"),
        &["write one of none, client-cert, x-forwarded-client-cert, x-ssl-client-cert, x-forwarded-tls-client-cert"],
    );
}

#[test]
fn paths_are_taken_from_where_they_are_written() {
    let (folder, sources) =
        file("data = \"d\"\nmaster_key = \"file:k\"\n[database]\nurl = \"sqlite:x.db\"\n[audit]\nfolder = \"/a\"");
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.database, Database::Sqlite { path: folder.path().join("d/x.db") });
    assert_eq!(config.master_key, Some(SecretRef::File(folder.path().join("k"))));
    assert_eq!(config.audit.folder, Path::new("/a"));
    let absolute = super::tests::sources().with_flag("--db", "database.url", "sqlite:///var/x.db");
    assert_eq!(Config::load(&absolute).unwrap().database, Database::Sqlite { path: "/var/x.db".into() });
}

#[test]
fn every_setting_is_documented_and_its_default_can_be_written() {
    for setting in SETTINGS.iter() {
        assert!(setting.about.len() > 10 && setting.about.ends_with('.'), "{}", setting.key);
        // `…_FILE` of one setting must never be the plain name of another.
        assert!(!setting.name.ends_with("_file"), "{}", setting.key);
        let Some(default) = &setting.default else { continue };
        let section = if setting.section.is_empty() { String::new() } else { format!("[{}]", setting.section) };
        let (_folder, sources) = file(&format!("{section}\n{} = {default}\n", setting.name));
        Config::load(&sources).unwrap_or_else(|errors| panic!("{errors}"));
    }
}

#[test]
fn key_sources_are_named_by_host() {
    for good in ["keys.internal", "KEYS.internal.", "10.0.0.7", "::1", "localhost"] {
        let config = Config::load(&sources().with_flag("--host", "jwks_fetch.allowed_hosts", good)).unwrap();
        assert_eq!(config.jwks_fetch.allowed_hosts, [good]);
    }
    for bad in ["https://keys.internal", "keys.internal:8443", "keys.internal/jwks", "*.internal", "10.0.0.0/8", "a b"]
    {
        let written = sources().with_flag("--host", "jwks_fetch.allowed_hosts", bad);
        assert_problem(&written, &["--host", "is no host", "keys.internal"]);
    }
    let ages = sources().with_flag("--min", "jwks_fetch.max_age_min_s", "7200");
    assert_problem(&ages, &["--min", "longer than jwks_fetch.max_age_max_s", "at most 3600"]);
    let nowhere = sources().with_flag("--ca", "jwks_fetch.ca_certificates", "/nowhere/ca.pem");
    assert_problem(&nowhere, &["--ca", "cannot be read"]);
    let danger = sources().with_flag("--danger", "jwks_fetch.danger_allow_http_loopback", "true");
    assert!(Config::load(&danger).unwrap().warnings()[0].contains("danger_allow_http_loopback"));
}
