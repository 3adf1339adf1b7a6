//! A listener that asks for client certificates (RFC 8705 §2).

use super::tls::{TLS12, TLS13, client, config, connect, files, get};
use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use grantor::config::{Tls, TlsVersion};
use grantor::http::dev_certificate::DevCertificate;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, HandshakeKind};

/// The client's own certificate, as a handler sees it.
pub fn shown(peer: &Peer) -> String {
    match peer.tls.as_ref().and_then(|tls| tls.client_certificate.as_ref()) {
        Some(Ok(certificate)) => STANDARD.encode(certificate.leaf_der()),
        Some(Err(problem)) => problem.to_string(),
        None => "none".into(),
    }
}

struct Certificate {
    der: CertificateDer<'static>,
    key: KeyPair,
}

impl Certificate {
    /// Signed by itself, for any use.
    fn new(algorithm: &'static rcgen::SignatureAlgorithm) -> Self {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let der = CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap().der().clone();
        Self { der, key }
    }

    fn identity(&self) -> Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
        Some((vec![self.der.clone()], PrivateKeyDer::try_from(self.key.serialize_der()).unwrap()))
    }

    fn shown(&self) -> String {
        STANDARD.encode(&self.der)
    }
}

async fn asking(files: &DevCertificate) -> Server {
    let tls = Tls { min_version: TlsVersion::V1_2, ..files.tls() };
    let tls = TlsConfig::from_pem_files(&tls).unwrap().asking_for_client_certificates().unwrap();
    Server::start(limits(), Some(tls)).await
}

async fn certificate_seen(server: &Server, client: &Arc<ClientConfig>) -> (String, HandshakeKind) {
    let mut stream = connect(server, client).await.unwrap();
    let seen = get(&mut stream, "/certificate").await;
    (seen, stream.get_ref().1.handshake_kind().unwrap())
}

#[tokio::test]
async fn rfc8705_s2_any_certificate_is_taken_and_none_is_required() {
    let (_dir, files) = files();
    let server = asking(&files).await;
    for version in [TLS12, TLS13] {
        let none = client(&files.ca, &[], version, None);
        assert_eq!(certificate_seen(&server, &none).await.0, "none");
        for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519] {
            let certificate = Certificate::new(algorithm);
            let with = client(&files.ca, &[], version, certificate.identity());
            assert_eq!(certificate_seen(&server, &with).await.0, certificate.shown());
        }
    }
}

#[tokio::test]
async fn rfc8705_s5_the_ordinary_listener_does_not_ask() {
    let (_dir, files) = files();
    let server = Server::start(limits(), Some(config(&files))).await;
    let with = client(&files.ca, &[], TLS13, Certificate::new(&rcgen::PKCS_ED25519).identity());
    assert_eq!(certificate_seen(&server, &with).await.0, "none");
}

#[tokio::test]
async fn rfc8705_s3_a_resumed_session_still_has_its_certificate() {
    let (_dir, files) = files();
    let server = asking(&files).await;
    for version in [TLS12, TLS13] {
        let certificate = Certificate::new(&rcgen::PKCS_ECDSA_P256_SHA256);
        let client = client(&files.ca, &[], version, certificate.identity());
        assert_eq!(certificate_seen(&server, &client).await, (certificate.shown(), HandshakeKind::Full));
        for _ in 0..2 {
            assert_eq!(certificate_seen(&server, &client).await, (certificate.shown(), HandshakeKind::Resumed));
        }
    }
}

/// Clients keep sessions by host name, so they offer one listener's to the other.
#[tokio::test]
async fn a_session_without_a_certificate_is_not_resumed_where_one_is_asked_for() {
    let (_dir, files) = files();
    let tls = config(&files);
    let asking = Server::start(limits(), Some(tls.asking_for_client_certificates().unwrap())).await;
    let ordinary = Server::start(limits(), Some(tls)).await;
    let certificate = Certificate::new(&rcgen::PKCS_ECDSA_P256_SHA256);
    let client = client(&files.ca, &[], TLS13, certificate.identity());
    assert_eq!(certificate_seen(&ordinary, &client).await, ("none".into(), HandshakeKind::Full));
    assert_eq!(certificate_seen(&asking, &client).await, (certificate.shown(), HandshakeKind::Full));
    assert_eq!(certificate_seen(&ordinary, &client).await, ("none".into(), HandshakeKind::Full));
}

/// rustls would rather not present a certificate with another's key, so it is told to.
#[tokio::test]
async fn a_certificate_without_its_key_is_refused() {
    #[derive(Debug)]
    struct Presents(Arc<rustls::sign::CertifiedKey>);
    impl rustls::client::ResolvesClientCert for Presents {
        fn resolve(&self, _: &[&[u8]], _: &[rustls::SignatureScheme]) -> Option<Arc<rustls::sign::CertifiedKey>> {
            Some(self.0.clone())
        }
        fn has_certs(&self) -> bool {
            true
        }
    }
    let (_dir, files) = files();
    let server = asking(&files).await;
    let stolen = Certificate::new(&rcgen::PKCS_ECDSA_P256_SHA256);
    let own = KeyPair::generate().unwrap();
    for version in [TLS12, TLS13] {
        for (key, accepted) in [(&stolen.key, true), (&own, false)] {
            let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
            let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).unwrap();
            let presents = Presents(Arc::new(rustls::sign::CertifiedKey::new(vec![stolen.der.clone()], key)));
            let mut client = ClientConfig::clone(&client(&files.ca, &[], version, None));
            client.client_auth_cert_resolver = Arc::new(presents);
            let connected = async {
                let mut stream = connect(&server, &Arc::new(client)).await.ok()?;
                stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.ok()?;
                Some(rest(&mut stream).await).filter(|answer| !answer.is_empty())
            };
            assert_eq!(connected.await.is_some(), accepted, "{version:?}");
        }
    }
    assert_eq!(server.seen(), 2);
}

#[tokio::test]
async fn chains_are_bounded() {
    let (_dir, files) = files();
    let server = asking(&files).await;
    let certificate = Certificate::new(&rcgen::PKCS_ECDSA_P256_SHA256);
    let (chain, key) = certificate.identity().unwrap();
    let long = |bytes: usize| chain.iter().cycle().take(bytes / certificate.der.len()).cloned().collect();
    for (bytes, seen) in [(3_000, certificate.shown()), (30_000, "the chain has more than 10 certificates".into())] {
        let fits = client(&files.ca, &[], TLS13, Some((long(bytes), key.clone_key())));
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            assert_eq!(certificate_seen(&server, &fits).await, (seen.clone(), kind));
        }
    }
    for bytes in [34_000, 60_000, 70_000] {
        let too_long = client(&files.ca, &[], TLS13, Some((long(bytes), key.clone_key())));
        let mut stream = connect(&server, &too_long).await.unwrap();
        let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(rest(&mut stream).await, "", "{bytes}");
    }
    assert_eq!(server.seen(), 4);
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_is_a_problem_of_those_who_rely_on_it() {
    let (_dir, files) = files();
    let server = asking(&files).await;
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, "x".repeat(3000));
    let key = KeyPair::generate().unwrap();
    let certificate = Certificate { der: params.self_signed(&key).unwrap().der().clone(), key };
    let client = client(&files.ca, &[], TLS13, certificate.identity());
    let (seen, _) = certificate_seen(&server, &client).await;
    assert_eq!(seen, "a name in the certificate has more than 2048 bytes");
}

#[tokio::test]
async fn http2_has_the_certificate_too() {
    let (_dir, files) = files();
    let server = asking(&files).await;
    let certificate = Certificate::new(&rcgen::PKCS_ECDSA_P256_SHA256);
    let identity = format!(
        "{}-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        certificate.key.serialize_pem(),
        certificate.shown()
    );
    let ca = reqwest::Certificate::from_pem(&std::fs::read(&files.ca).unwrap()).unwrap();
    let client = reqwest::Client::builder()
        .tls_certs_only([ca])
        .identity(reqwest::Identity::from_pem(identity.as_bytes()).unwrap())
        .build()
        .unwrap();
    let url = format!("https://localhost:{}/certificate", server.addr.port());
    for _ in 0..2 {
        let answer = client.get(&url).send().await.unwrap();
        assert_eq!(answer.version(), http::Version::HTTP_2);
        assert_eq!(answer.text().await.unwrap(), certificate.shown());
    }
}
