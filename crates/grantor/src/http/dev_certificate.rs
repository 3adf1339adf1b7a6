//! A certificate for trying out TLS on this machine, from an authority of its own: some clients refuse a certificate
//! that signed itself.

use super::tls::{TlsConfig, TlsError, chain};
use crate::config::{Tls, TlsVersion};
use grantor_core::x509::ClientCertificate;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::aws_lc_rs as provider;
use rustls_pki_types::{ServerName, UnixTime};
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevCertificate {
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// What clients must be told to trust.
    pub ca: PathBuf,
}

impl DevCertificate {
    /// As the server serves it.
    pub fn tls(&self) -> Tls {
        Tls {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            min_version: TlsVersion::V1_3,
            reload_interval_s: None,
        }
    }
}

const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
const DAY_S: i64 = 86_400;
/// The longest that Apple's clients accept is 398 days.
const LIFETIME_S: i64 = 365 * DAY_S;
/// One that ends sooner is made anew.
const LEFT_MIN_S: i64 = 7 * DAY_S;

/// The certificate in `dir`, made anew if there is none that lasts a week.
pub fn dev_certificate(dir: &Path, now_s: i64) -> Result<DevCertificate, TlsError> {
    let files = DevCertificate {
        certificate: dir.join("dev-cert.pem"),
        key: dir.join("dev-key.pem"),
        ca: dir.join("dev-ca.pem"),
    };
    if !is_good(&files, now_s + LEFT_MIN_S) {
        let made = make(now_s).map_err(|error| TlsError::new(format!("no certificate could be made: {error}")))?;
        fs::create_dir_all(dir)
            .and_then(|()| write(&files.ca, &made.ca, 0o644))
            .and_then(|()| write(&files.certificate, &made.certificate, 0o644))
            .and_then(|()| write(&files.key, &made.key, 0o600))
            .map_err(|error| {
                TlsError::new(format!("{}: the certificate cannot be written there: {error}", dir.display()))
            })?;
    }
    Ok(files)
}

/// A certificate for a client, signed by itself: the server is told which one it is, and trusts no authority for it.
#[derive(Clone, Debug)]
pub struct DevClientCertificate {
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// What was read back from the file.
    pub parsed: ClientCertificate,
}

/// The client certificate in `dir`, made anew if there is none that lasts a week.
pub fn dev_client_certificate(dir: &Path, client_id: &str, now_s: i64) -> Result<DevClientCertificate, TlsError> {
    let (certificate, key) = (dir.join("dev-client-cert.pem"), dir.join("dev-client-key.pem"));
    let read = || fs::read(&certificate).ok().and_then(|pem| ClientCertificate::from_pem(&pem).ok());
    let lasting = |parsed: &ClientCertificate| key.is_file() && parsed.not_after() > now_s + LEFT_MIN_S;
    if let Some(parsed) = read().filter(lasting) {
        return Ok(DevClientCertificate { certificate, key, parsed });
    }
    let failed = |error: &dyn std::fmt::Display| TlsError::new(format!("no client certificate could be made: {error}"));
    let made = (|| -> Result<_, rcgen::Error> {
        let mut params = valid_at(now_s, CertificateParams::new(Vec::new())?);
        params.distinguished_name.push(DnType::CommonName, client_id);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate()?;
        Ok((params.self_signed(&key)?.pem(), Zeroizing::new(key.serialize_pem())))
    })();
    let (certificate_pem, key_pem) = made.map_err(|error| failed(&error))?;
    write(&key, &key_pem, 0o600)
        .and_then(|()| write(&certificate, &certificate_pem, 0o644))
        .map_err(|error| failed(&error))?;
    let parsed = read().ok_or_else(|| failed(&"it cannot be read back"))?;
    Ok(DevClientCertificate { certificate, key, parsed })
}

/// Would a client that trusts the authority accept this certificate at that time?
fn is_good(files: &DevCertificate, at_s: i64) -> bool {
    let accepted = || -> Option<()> {
        TlsConfig::from_pem_files(&files.tls()).ok()?;
        let mut roots = RootCertStore::empty();
        roots.add(chain(&files.ca).ok()?.into_iter().next()?).ok()?;
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::new(provider::default_provider()));
        let verifier = verifier.build().ok()?;
        let certificates = chain(&files.certificate).ok()?;
        let at = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at_s).ok()?));
        for name in NAMES {
            let name = ServerName::try_from(name).ok()?;
            verifier.verify_server_cert(certificates.first()?, &[], &name, &[], at).ok()?;
        }
        Some(())
    };
    accepted().is_some()
}

struct Made {
    ca: String,
    certificate: String,
    key: Zeroizing<String>,
}

/// The authority's key is thrown away: whoever trusts it trusts this one certificate.
fn make(now_s: i64) -> Result<Made, rcgen::Error> {
    let mut ca = valid_at(now_s, CertificateParams::new(Vec::new())?);
    ca.distinguished_name.push(DnType::CommonName, "Grantor development CA");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_key = KeyPair::generate()?;
    let ca_pem = ca.self_signed(&ca_key)?.pem();

    let mut leaf = valid_at(now_s, CertificateParams::new(NAMES.map(String::from))?);
    leaf.distinguished_name.push(DnType::CommonName, NAMES[0]);
    leaf.is_ca = IsCa::ExplicitNoCa;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    let leaf_key = KeyPair::generate()?;
    let leaf_pem = leaf.signed_by(&leaf_key, &Issuer::new(ca, ca_key))?.pem();
    Ok(Made { ca: ca_pem, certificate: leaf_pem, key: Zeroizing::new(leaf_key.serialize_pem()) })
}

/// From the day before, since clocks differ.
fn valid_at(now_s: i64, mut params: CertificateParams) -> CertificateParams {
    let midnight = |at_s: i64| {
        let at = jiff::Timestamp::from_second(at_s).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let date = at.to_zoned(jiff::tz::TimeZone::UTC).date();
        let part = |value: i8| u8::try_from(value).unwrap_or(1);
        date_time_ymd(date.year().into(), part(date.month()), part(date.day()))
    };
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.not_before = midnight(now_s - DAY_S);
    params.not_after = midnight(now_s + LIFETIME_S);
    params
}

/// Private from the start, whatever was there before.
fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&draft)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)
}
