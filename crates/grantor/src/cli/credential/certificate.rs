//! `grantor credential test-certificate`.

use crate::cli::api::{Api, path};
use crate::cli::hints::hint;
use crate::cli::output::{Format, domain_flag, plain, print, print_json, shell};
use crate::cli::time;
use anyhow::Result;
use grantor_core::x509::ClientCertificate;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;

const FILE_MAX_BYTES: usize = 128 * 1024;

/// The text of a file with a certificate, looked at before it is sent: it may be a private key by mistake.
pub fn read(file: &Path) -> Result<String> {
    let wrong = |wrong: &dyn std::fmt::Display| anyhow::anyhow!("{}: {wrong}", file.display());
    let pem = crate::secrets::read_text(file, FILE_MAX_BYTES).map_err(|error| wrong(&error))?;
    ClientCertificate::from_pem(pem.as_bytes()).map_err(|error| wrong(&error))?;
    Ok(pem)
}

pub async fn test(api: &Api, domain: &str, client_id: Option<&str>, pem: &str, format: Format) -> Result<()> {
    let mut body = json!({ "certificate": pem });
    if let Some(client_id) = client_id {
        body["client_id"] = client_id.into();
    }
    let tested = api.post(&path(&["domain", domain, "test-certificate"]), body).await?.body;
    match format {
        Format::Json => print_json(&tested)?,
        Format::Text => print(&plain(&text(&tested, domain)))?,
    }
    let none = tested["matches"].as_array().is_none_or(Vec::is_empty);
    anyhow::ensure!(
        !none,
        match client_id {
            Some(client_id) => format!("client '{client_id}' is not let in with this certificate"),
            None => format!("no client of domain '{domain}' is let in with this certificate"),
        }
    );
    Ok(())
}

fn text(tested: &Value, domain: &str) -> String {
    let mut text = String::new();
    let member = |name: &str| tested[name].as_str().unwrap_or_default();
    let moment = |name: &str| tested[name].as_i64().map(time::rfc3339).unwrap_or_default();
    let names: Vec<&str> = strings(&tested["alternative_names"]).collect();
    let names = if names.is_empty() { "none".into() } else { names.join(", ") };
    for (name, value) in [
        ("subject", member("subject").to_owned()),
        ("issuer", member("issuer").to_owned()),
        ("names", names),
        ("valid", format!("{} to {}", moment("not_before"), moment("not_after"))),
        ("x5t#S256", member("x5t#S256").to_owned()),
        ("trust", trust(tested, domain)),
    ] {
        let _ = writeln!(text, "  {name:<8}  {value}");
    }
    let _ = writeln!(text);
    for found in entries(&tested["matches"]) {
        let of = |name: &str| found[name].as_str().unwrap_or_default();
        let _ = writeln!(
            text,
            "Is let in as client '{}', by {}, with credential {}.",
            of("client_id"),
            of("method"),
            of("credential")
        );
    }
    for miss in entries(&tested["near_misses"]) {
        let of = |name: &str| miss[name].as_str().unwrap_or_default();
        let _ = writeln!(text, "Not as client '{}': {}: {}", of("client_id"), of("reason"), of("detail"));
        // Which certificate is whose is what was asked for; advice is for those that come close.
        if let Some(hint) = hint(of("reason")).filter(|_| of("reason") != "certificate_no_match") {
            let hint = hint.replace("{client}", &shell(of("client_id"))).replace("{domain}", &domain_flag(domain));
            let _ = writeln!(text, "  {}", hint.replace('\n', "\n  "));
        }
    }
    if tested["clients"] == 0 {
        let _ = writeln!(
            text,
            "No client of this domain has a credential for certificates; make one with: grantor credential create CLIENT \
             --certificate FILE{}",
            domain_flag(domain)
        );
    }
    match tested["left_off"].as_u64() {
        None | Some(0) => {}
        Some(more) => {
            let _ = writeln!(text, "And {more} more; name one with --client.");
        }
    }
    text.truncate(text.trim_end().len());
    text
}

fn trust(tested: &Value, domain: &str) -> String {
    match tested["trusted"].as_bool() {
        Some(true) => format!("a path leads to a trust anchor of domain '{domain}'"),
        Some(false) => {
            let problem = |name: &str| tested["trust_problem"][name].as_str().unwrap_or_default();
            format!("no path: {}: {}", problem("reason"), problem("detail"))
        }
        None => format!("domain '{domain}' has no trust anchors"),
    }
}

fn entries(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn strings(list: &Value) -> impl Iterator<Item = &str> {
    entries(list).filter_map(Value::as_str)
}
