//! Holds the settings against each other, and turns what is written into what is meant.

use super::problem::{ConfigErrors, Problem};
use super::settings::{AddressHeader, CertificateHeader, RawConfig, SETTINGS};
use super::sources::Reading;
use super::{Audit, Config, Database, Tls, WrittenSetting};
use std::path::{Path, PathBuf};

pub(super) fn config(reading: Reading) -> Result<Config, ConfigErrors> {
    let mut check = Check { reading };
    let (issuer, database) = (check.issuer(), check.database());
    let tls = check.tls();
    check.listen();
    check.proxy();
    check.mtls_url();
    check.jwks_fetch();
    check.lifetimes();
    let Reading { raw, origins, problems, .. } = check.reading;
    let (Some(issuer), Some(database), true) = (issuer, database, problems.is_empty()) else {
        return Err(ConfigErrors { problems });
    };
    let written = |setting: &super::Setting| {
        let place = origins.get(setting.key)?.clone();
        Some(WrittenSetting { key: setting.key, value: raw.show(setting.key).unwrap_or_default(), place })
    };
    let written = SETTINGS.iter().filter_map(written).collect();
    let RawConfig {
        top, listen, mtls, proxy, limits, jwks_fetch, dpop, metadata, token, keys, cache, audit, log, ..
    } = raw;
    Ok(Config {
        issuer,
        audit: Audit {
            enabled: audit.enabled,
            folder: top.data.join(audit.folder),
            file_max_bytes: audit.file_max_bytes,
            files_max: audit.files_max,
        },
        data: top.data,
        master_key: top.master_key,
        pepper: top.pepper,
        listen,
        tls,
        proxy,
        mtls,
        database,
        limits,
        jwks_fetch,
        dpop,
        metadata,
        token,
        keys,
        cache,
        log,
        written,
    })
}

struct Check {
    reading: Reading,
}

impl Check {
    /// Complains about `keys`, unless one of them could not be read, which has been said already.
    fn wrong(&mut self, keys: &[&'static str], message: String) {
        let reading = &mut self.reading;
        if keys.iter().any(|key| reading.bad.contains(key)) {
            return;
        }
        let place = keys.iter().find_map(|key| reading.origins.get(key));
        let place = place.map_or("defaults", |place| place);
        let key = keys.first().map(|key| (*key).to_owned());
        reading.problems.push(Problem { place: place.to_owned(), key, message });
    }

    fn issuer(&mut self) -> Option<String> {
        let Some(issuer) = self.reading.raw.top.issuer.clone() else {
            if !self.reading.incomplete {
                let message = "it is missing, and only you know it; write issuer = \"https://auth.example.com\" in \
                               grantor.toml, or set GRANTOR_ISSUER";
                self.wrong(&["issuer"], message.into());
            }
            return None;
        };
        match grantor_core::domain::check_issuer(&issuer) {
            Ok(_) => Some(issuer),
            Err(message) => {
                self.wrong(&["issuer"], message);
                None
            }
        }
    }

    /// The message never repeats the URL, which may hold a password.
    fn database(&mut self) -> Option<Database> {
        let raw = &self.reading.raw;
        match database(&raw.database.url, &raw.top.data) {
            Ok(database) => Some(database),
            Err(message) => {
                self.wrong(&["database.url"], message.into());
                None
            }
        }
    }

    fn tls(&mut self) -> Option<Tls> {
        let tls = self.reading.raw.tls.clone();
        for (key, path) in [("tls.certificate", &tls.certificate), ("tls.key", &tls.key)] {
            let Some(path) = path else { continue };
            if let Err(wrong) = crate::secrets::readable(path) {
                self.wrong(&[key], format!("the file {} cannot be read: {wrong}", path.display()));
            }
        }
        match (tls.certificate, tls.key) {
            (Some(certificate), Some(key)) => {
                let (min_version, reload_interval_s) = (tls.min_version, tls.reload_interval_s);
                return Some(Tls { certificate, key, min_version, reload_interval_s });
            }
            (Some(_), None) => {
                let message = "the certificate has no key; set tls.key too, or neither";
                self.wrong(&["tls.certificate", "tls.key"], message.into());
            }
            (None, Some(_)) => {
                let message = "the key has no certificate; set tls.certificate too, or neither";
                self.wrong(&["tls.key", "tls.certificate"], message.into());
            }
            (None, None) => {}
        }
        None
    }

    fn listen(&mut self) {
        let (listen, tls) = (self.reading.raw.listen.clone(), &self.reading.raw.tls);
        let plain = tls.certificate.is_none() && tls.key.is_none();
        if plain && !listen.admin.ip().is_loopback() && !listen.danger_admin_plaintext {
            let message = format!(
                "{} can be reached from other machines, and without TLS everybody on the way can take the \
                 administrator's key; write a loopback address such as 127.0.0.1:8081, or set tls.certificate and \
                 tls.key",
                listen.admin
            );
            let keys = ["listen.admin", "listen.danger_admin_plaintext", "tls.certificate", "tls.key"];
            self.wrong(&keys, message);
        }
        if listen.public == listen.admin && listen.public.port() != 0 {
            let message = format!("{} is the public address too; give the admin API its own", listen.admin);
            self.wrong(&["listen.admin", "listen.public"], message);
        }
        let Some(mtls) = listen.mtls else { return };
        if plain {
            let message = "client certificates come with TLS only; set tls.certificate and tls.key, or leave it out";
            self.wrong(&["listen.mtls", "tls.certificate", "tls.key"], message.into());
        }
        for (key, other) in [("listen.public", listen.public), ("listen.admin", listen.admin)] {
            if mtls == other && mtls.port() != 0 {
                let message = format!("{mtls} is the address of {key} too; give each its own");
                self.wrong(&["listen.mtls", key], message);
            }
        }
    }

    fn proxy(&mut self) {
        let proxy = self.reading.raw.proxy.clone();
        let headers = [
            ("proxy.certificate_header", proxy.certificate_header != CertificateHeader::None),
            ("proxy.address_header", proxy.address_header != AddressHeader::None),
        ];
        for (key, _) in headers.into_iter().filter(|(_, set)| *set && proxy.trusted.is_empty()) {
            let message = "no proxy is trusted, so this header is refused from everybody; write the proxies' addresses \
                           into proxy.trusted, or leave this out";
            self.wrong(&[key, "proxy.trusted"], message.into());
        }
    }

    fn mtls_url(&mut self) {
        let Some(url) = &self.reading.raw.mtls.url else { return };
        // It stands where an issuer stands, but never for plain HTTP.
        if !url.starts_with("https://") || grantor_core::domain::check_issuer(url).is_err() {
            let message = format!(
                "'{url}' cannot stand in front of the paths of endpoints; write an https URL without query, fragment, \
                 user name and trailing slash, such as https://mtls.example.com"
            );
            self.wrong(&["mtls.url"], message);
        }
    }

    fn jwks_fetch(&mut self) {
        let fetch = self.reading.raw.jwks_fetch.clone();
        for host in fetch.allowed_hosts.iter().filter(|host| !is_host(host)) {
            let message = format!(
                "'{host}' is no host; write its name or address alone, such as keys.internal or 10.0.0.7: no scheme, no \
                 port, no path, and no `*`"
            );
            self.wrong(&["jwks_fetch.allowed_hosts"], message);
        }
        if let Some(path) = &fetch.ca_certificates
            && let Err(wrong) = crate::secrets::readable(path)
        {
            self.wrong(&["jwks_fetch.ca_certificates"], format!("the file {} cannot be read: {wrong}", path.display()));
        }
        if fetch.max_age_min_s > fetch.max_age_max_s {
            let message = format!(
                "{} is longer than jwks_fetch.max_age_max_s; write at most {}, or raise that",
                fetch.max_age_min_s, fetch.max_age_max_s
            );
            self.wrong(&["jwks_fetch.max_age_min_s", "jwks_fetch.max_age_max_s"], message);
        }
    }

    fn lifetimes(&mut self) {
        let (token, keys) = (self.reading.raw.token.clone(), self.reading.raw.keys.clone());
        if token.lifetime_s > token.lifetime_max_s {
            let message = format!(
                "{} is longer than token.lifetime_max_s; write at most {}, or raise that",
                token.lifetime_s, token.lifetime_max_s
            );
            self.wrong(&["token.lifetime_s", "token.lifetime_max_s"], message);
        }
        if keys.publish_before_s > keys.rotate_after_s {
            let message = format!(
                "{} is longer than a key is used (keys.rotate_after_s); write at most {}",
                keys.publish_before_s, keys.rotate_after_s
            );
            self.wrong(&["keys.publish_before_s", "keys.rotate_after_s"], message);
        }
        if keys.jwks_max_age_s > keys.publish_before_s / 2 {
            let message = format!(
                "with {} a cached key set may lack a key that signs already; write at most half of \
                 keys.publish_before_s, which is {}",
                keys.jwks_max_age_s,
                keys.publish_before_s / 2
            );
            self.wrong(&["keys.jwks_max_age_s", "keys.publish_before_s"], message);
        }
    }
}

/// Whether it is a host as it stands in a URL, with or without the brackets of IPv6.
fn is_host(text: &str) -> bool {
    use url::Host;
    let named = Host::parse(text).is_ok_and(|host| match host {
        Host::Domain(name) => !name.contains('*'),
        Host::Ipv4(_) | Host::Ipv6(_) => true,
    });
    named || text.parse::<std::net::Ipv6Addr>().is_ok()
}

fn database(url: &str, data: &Path) -> Result<Database, &'static str> {
    let example = "it does not say where; write sqlite:FILE, such as sqlite:grantor.db";
    let (scheme, rest) = url.split_once(':').ok_or(example)?;
    match scheme {
        "sqlite" => {
            let file = rest.strip_prefix("//").unwrap_or(rest);
            if file.is_empty() || file.starts_with(':') || file.contains(['?', '#', '\0']) {
                return Err("after sqlite: comes the path of a file and nothing else; write sqlite:grantor.db");
            }
            Ok(Database::Sqlite { path: data.join(PathBuf::from(file)) })
        }
        "postgres" | "postgresql" => Err("PostgreSQL is not built into this version; write sqlite:FILE"),
        _ => Err("this kind of database is not known; write sqlite:FILE, such as sqlite:grantor.db"),
    }
}
