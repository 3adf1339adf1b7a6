//! TLS: certificates, protocols, handshakes.

use super::*;
use grantor::config::{Tls, TlsVersion};
use grantor::http::dev_certificate::{DevCertificate, dev_certificate};
use grantor::server::Reloaded;
use grantor::watch::WatchedFiles;
use rustls::crypto::aws_lc_rs as provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, NamedGroup, RootCertStore, SupportedProtocolVersion};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

#[expect(clippy::disallowed_methods, reason = "the verifier in the client reads the same clock")]
pub fn now_s() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().cast_signed()
}

pub fn files() -> (TempDir, DevCertificate) {
    let dir = tempfile::tempdir().unwrap();
    let files = dev_certificate(dir.path(), now_s()).unwrap();
    (dir, files)
}

pub fn config(files: &DevCertificate) -> TlsConfig {
    TlsConfig::from_pem_files(&files.tls()).unwrap()
}

/// The ordinary listener, and the one that asks for client certificates.
pub async fn both(tls: &Tls) -> [Server; 2] {
    let ordinary = TlsConfig::from_pem_files(tls).unwrap();
    let asking = ordinary.asking_for_client_certificates().unwrap();
    [Server::start(limits(), Some(ordinary)).await, Server::start(limits(), Some(asking)).await]
}

/// A client that trusts the authority, and has a certificate or none.
pub fn client(
    ca: &Path,
    alpn: &[&str],
    versions: &[&'static SupportedProtocolVersion],
    certificate: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(provider::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match certificate {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).unwrap(),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

pub async fn connect(server: &Server, client: &Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(client.clone()).connect(name, server.connect().await).await
}

pub async fn handshake(
    server: &Server,
    ca: &Path,
    alpn: &[&str],
    versions: &[&'static SupportedProtocolVersion],
) -> std::io::Result<TlsStream<TcpStream>> {
    connect(server, &client(ca, alpn, versions, None)).await
}

/// The answer to a GET.
pub async fn get(stream: &mut TlsStream<TcpStream>, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let answer = answer(stream).await;
    assert!(is_status(&answer, StatusCode::OK), "{answer}");
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

pub const TLS12: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
pub const TLS13: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

#[tokio::test]
async fn both_versions_are_spoken() {
    let (_dir, files) = files();
    for server in both(&Tls { min_version: TlsVersion::V1_2, ..files.tls() }).await {
        for (version, name) in [(TLS12, "TLSv1.2"), (TLS13, "TLSv1.3")] {
            for (alpn, chosen) in [(&[][..], "None"), (&["http/1.1"], "Some(\"http/1.1\")")] {
                let mut stream = handshake(&server, &files.ca, alpn, version).await.unwrap();
                assert_eq!(get(&mut stream, "/peer").await, format!("{name} {chosen}"));
            }
        }
    }
}

#[tokio::test]
async fn tls_1_2_is_refused_unless_it_is_asked_for() {
    let (_dir, files) = files();
    for server in both(&files.tls()).await {
        let refused = handshake(&server, &files.ca, &[], TLS12).await.unwrap_err().to_string();
        assert!(refused.contains("ProtocolVersion"), "{refused}");
        handshake(&server, &files.ca, &[], &[&rustls::version::TLS12, &rustls::version::TLS13]).await.unwrap();
    }
}

#[test]
fn tls_1_2_is_spoken_with_ephemeral_keys_and_authenticated_encryption_only() {
    let ciphers = provider::default_provider().cipher_suites;
    let names: Vec<String> = ciphers.iter().map(|suite| format!("{:?}", suite.suite())).collect();
    assert!(names.iter().any(|name| name.starts_with("TLS_ECDHE_")), "{names:?}");
    for name in names {
        let aead = name.contains("_GCM_") || name.contains("_CHACHA20_POLY1305_");
        assert!(aead && (name.starts_with("TLS13_") || name.starts_with("TLS_ECDHE_")), "{name}");
    }
}

#[tokio::test]
async fn the_key_exchange_withstands_quantum_computers() {
    let (_dir, files) = files();
    for server in both(&files.tls()).await {
        let stream = handshake(&server, &files.ca, &[], TLS13).await.unwrap();
        let group = stream.get_ref().1.negotiated_key_exchange_group().unwrap().name();
        assert_eq!(group, NamedGroup::X25519MLKEM768);
    }
}

#[tokio::test]
async fn rfc8446_s2_2_sessions_are_resumed() {
    let (_dir, files) = files();
    for server in both(&Tls { min_version: TlsVersion::V1_2, ..files.tls() }).await {
        for version in [TLS12, TLS13] {
            let client = client(&files.ca, &[], version, None);
            let mut kinds = Vec::new();
            for _ in 0..3 {
                let mut stream = connect(&server, &client).await.unwrap();
                // Tickets come with the first answer.
                get(&mut stream, "/peer").await;
                kinds.push(stream.get_ref().1.handshake_kind().unwrap());
            }
            assert_eq!(kinds, [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed]);
        }
    }
}

/// What is sent before the handshake ends can be sent again by anybody who saw it.
#[tokio::test]
async fn rfc8446_s8_no_early_data_is_taken() {
    let (_dir, files) = files();
    for server in both(&files.tls()).await {
        let mut client = ClientConfig::clone(&client(&files.ca, &[], TLS13, None));
        client.enable_early_data = true;
        let client = Arc::new(client);
        get(&mut connect(&server, &client).await.unwrap(), "/peer").await;
        let name = ServerName::try_from("localhost").unwrap();
        let mut again = rustls::ClientConnection::new(client.clone(), name).unwrap();
        assert!(again.early_data().is_none(), "the ticket does not offer it");
        let resumed = connect(&server, &client).await.unwrap();
        assert_eq!(resumed.get_ref().1.handshake_kind(), Some(HandshakeKind::Resumed), "there was a ticket");
    }
}

#[tokio::test]
async fn any_http_client_that_trusts_the_authority_is_served() {
    let (_dir, files) = files();
    let ca = reqwest::Certificate::from_pem(&fs::read(&files.ca).unwrap()).unwrap();
    for server in both(&files.tls()).await {
        for (builder, version) in [
            (reqwest::Client::builder(), http::Version::HTTP_2),
            (reqwest::Client::builder().http1_only(), http::Version::HTTP_11),
        ] {
            let client = builder.tls_certs_only([ca.clone()]).build().unwrap();
            for host in ["localhost", "127.0.0.1"] {
                let url = format!("https://{host}:{}/", server.addr.port());
                let answer = client.post(url).body("abc").send().await.unwrap();
                assert_eq!((answer.status(), answer.version()), (StatusCode::OK, version));
                assert_eq!(answer.text().await.unwrap(), "abc");
            }
        }
    }
}

#[tokio::test]
async fn stalled_handshakes_are_cut() {
    let (_dir, files) = files();
    let limits = FrontLimits { handshake_timeout: Some(Duration::from_millis(200)), ..limits() };
    let server = Server::start(limits, Some(config(&files))).await;
    for part in [&b""[..], b"\x16\x03\x01\x00", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"] {
        let start = Instant::now();
        assert_eq!(server.raw(part).await, "");
        assert!((150..2000).contains(&start.elapsed().as_millis()), "{part:?}: {:?}", start.elapsed());
    }
    // Plain text is no handshake at all.
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut alert = Vec::new();
    timeout(SOON, stream.read_to_end(&mut alert)).await.unwrap().unwrap();
    assert!(!alert.starts_with(b"HTTP"));
    handshake(&server, &files.ca, &[], TLS13).await.unwrap();
}

#[tokio::test]
async fn a_stopping_server_waits_for_no_handshake() {
    let (_dir, files) = files();
    let server = Server::start(FrontLimits { drain_timeout: SOON * 2, ..limits() }, Some(config(&files))).await;
    let mut stream = server.connect().await;
    stream.write_all(b"\x16\x03").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.stop();
    server.ended().await;
}

#[tokio::test]
async fn certificates_are_replaced_while_serving() {
    let ((dir, old), (_other, new)) = (files(), files());
    let tls = config(&old);
    let server = Server::start(limits(), Some(tls.clone())).await;
    let mut before = handshake(&server, &old.ca, &[], TLS13).await.unwrap();
    let old_ca = dir.path().join("old-ca.pem");
    fs::copy(&old.ca, &old_ca).unwrap();

    fs::copy(&new.certificate, &old.certificate).unwrap();
    let error = tls.reload().unwrap_err().to_string();
    assert!(error.contains("is not the key"), "{error}");
    handshake(&server, &old_ca, &[], TLS13).await.expect("the old certificate stays until the new one is whole");

    fs::copy(&new.key, &old.key).unwrap();
    tls.reload().unwrap();
    handshake(&server, &new.ca, &[], TLS13).await.expect("new connections get the new certificate");
    assert!(handshake(&server, &old_ca, &[], TLS13).await.is_err());
    before.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert!(is_status(&answer(&mut before).await, StatusCode::OK), "old connections go on");
}

/// As certbot and cert-manager do it: file by file, or a link to a folder that is swapped.
#[tokio::test]
async fn replaced_certificates_are_noticed_and_no_connection_is_dropped() {
    let ((_a, first), (_b, second), (_c, third)) = (files(), files(), files());
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let data = |name: &str, from: &DevCertificate| {
        fs::create_dir(at(name)).unwrap();
        fs::copy(&from.certificate, at(name).join("tls.crt")).unwrap();
        fs::copy(&from.key, at(name).join("tls.key")).unwrap();
    };
    data("..1", &first);
    symlink("..1", at("..data")).unwrap();
    let link = |name: &str| {
        symlink(Path::new("..data").join(name), at(name)).unwrap();
        at(name)
    };
    let tls = Tls { certificate: link("tls.crt"), key: link("tls.key"), ..first.tls() };
    let watched = WatchedFiles::new([&tls.certificate, &tls.key]);
    let tls = TlsConfig::from_pem_files(&tls).unwrap();
    let server = Server::start(limits(), Some(tls.clone())).await;
    let asking = Server::start(limits(), Some(tls.asking_for_client_certificates().unwrap())).await;
    let (_stop, stopped) = watch::channel(false);
    let reloaded = Reloaded {
        what: "the certificate",
        files: watched,
        every: Some(Duration::from_millis(20)),
        asked: signal(SignalKind::hangup()).unwrap(),
        read: move || tls.reload(),
    };
    tokio::spawn(reloaded.follow(stopped));
    let serves = async |files: &DevCertificate| {
        let served = handshake(&server, &files.ca, &[], TLS13).await.is_ok();
        assert_eq!(handshake(&asking, &files.ca, &[], TLS13).await.is_ok(), served);
        served
    };
    let comes = async |files: &DevCertificate| {
        let start = Instant::now();
        while !serves(files).await {
            assert!(start.elapsed() < SOON, "the new certificate is not served");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let mut before = handshake(&server, &first.ca, &[], TLS13).await.unwrap();
    let mut asked_before = handshake(&asking, &first.ca, &[], TLS13).await.unwrap();
    get(&mut before, "/").await;
    get(&mut asked_before, "/").await;

    fs::copy(&second.certificate, at("..data/tls.crt")).unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(serves(&first).await, "the pair is not whole");
    fs::copy(&second.key, at("..data/tls.key")).unwrap();
    comes(&second).await;
    data("..2", &third);
    symlink("..2", at("..new")).unwrap();
    fs::rename(at("..new"), at("..data")).unwrap();
    comes(&third).await;
    assert!(!serves(&second).await);
    get(&mut before, "/").await;
    get(&mut asked_before, "/").await;
}

#[test]
fn wrong_files_are_explained() {
    let (dir, good) = files();
    let (_other, other) = files();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let missing = dir.path().join("missing.pem");
    let empty = write("empty.pem", "");
    let damaged = write("damaged.pem", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n");
    let no_der = write("no-der.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let bad_key = write("bad-key.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    let encrypted =
        write("encrypted.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    let old_encrypted = write("old-encrypted.pem", old);
    let (certificate, key) = (&good.certificate, &good.key);
    for (certificate, key, says) in [
        (&missing, key, "missing.pem: there is no such file; write the path of the certificate"),
        (certificate, &missing, "missing.pem: there is no such file; write the path of the private key"),
        (&empty, key, "empty.pem: there is no certificate in it"),
        (key, certificate, "and the private key belongs into the other file"),
        (&damaged, key, "damaged.pem: the PEM text is damaged"),
        (&no_der, key, "no-der.pem: the first certificate is malformed"),
        (certificate, certificate, "dev-cert.pem: there is no private key in it"),
        (certificate, &bad_key, "bad-key.pem: this kind of private key cannot be used"),
        (certificate, &encrypted, "encrypted.pem: the private key is encrypted; decrypt it"),
        (certificate, &old_encrypted, "old-encrypted.pem: the private key is encrypted; decrypt it"),
        (certificate, &other.key, "is not the key of the first certificate in"),
    ] {
        let files = Tls { certificate: certificate.clone(), key: key.clone(), ..good.tls() };
        let error = TlsConfig::from_pem_files(&files).unwrap_err().to_string();
        assert!(error.contains(says), "{error}\ndoes not say\n{says}");
    }
}

#[test]
fn the_dev_certificate_lasts() {
    const DAY_S: i64 = 86_400;
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("made/on/demand");
    let now = now_s();
    let read = |files: &DevCertificate| [&files.ca, &files.certificate, &files.key].map(|path| fs::read(path).unwrap());
    let first = dev_certificate(&inner, now).unwrap();
    let made = read(&first);
    assert_eq!(fs::metadata(&first.key).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(&first.ca).unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(fs::read_dir(&inner).unwrap().count(), 3, "nothing else is left there");
    assert_eq!(read(&dev_certificate(&inner, now + 300 * DAY_S).unwrap()), made);
    let renewed = read(&dev_certificate(&inner, now + 360 * DAY_S).unwrap());
    assert_ne!(renewed, made);
    fs::write(&first.key, "damaged").unwrap();
    assert_ne!(read(&dev_certificate(&inner, now + 360 * DAY_S).unwrap()), renewed);
    assert_eq!(fs::metadata(&first.key).unwrap().permissions().mode() & 0o777, 0o600);
}
