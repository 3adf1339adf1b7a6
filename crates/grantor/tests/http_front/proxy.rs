//! What proxies say, and who may say it.

use super::*;
use grantor::config::{AddressHeader, CertificateHeader, Proxy};

const CERTIFICATES: [CertificateHeader; 5] = [
    CertificateHeader::None,
    CertificateHeader::ClientCert,
    CertificateHeader::XForwardedClientCert,
    CertificateHeader::XSslClientCert,
    CertificateHeader::XForwardedTlsClientCert,
];

/// A header that passes on the certificate 30 00, for each form.
const SAMPLES: [(CertificateHeader, &str); 5] = [
    (CertificateHeader::ClientCert, "Client-Cert: :MAA=:"),
    (
        CertificateHeader::XForwardedClientCert,
        "X-Forwarded-Client-Cert: Cert=\"-----BEGIN%20CERTIFICATE-----%0AMAA%3D%0A-----END%20CERTIFICATE-----%0A\"",
    ),
    (
        CertificateHeader::XSslClientCert,
        "X-SSL-Client-Cert: -----BEGIN%20CERTIFICATE-----%0AMAA%3D%0A-----END%20CERTIFICATE-----%0A",
    ),
    (CertificateHeader::XSslClientCert, "x-ssl-client-cert: MAA="),
    (CertificateHeader::XForwardedTlsClientCert, "X-Forwarded-Tls-Client-Cert: MAA="),
];

async fn behind(trusted: &str, certificate_header: CertificateHeader, address_header: AddressHeader) -> Server {
    let trusted = if trusted.is_empty() { Vec::new() } else { vec![trusted.parse().unwrap()] };
    let proxy = Proxy { trusted, certificate_header, address_header };
    Server::start(FrontLimits { proxy, ..limits() }, None).await
}

async fn ask(server: &Server, headers: &str) -> String {
    let end = if headers.is_empty() { "" } else { "\r\n" };
    server.raw(format!("GET /origin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}{end}\r\n")).await
}

async fn refused(server: &Server, headers: &str, says: &[&str]) {
    let before = server.seen();
    let answer = ask(server, headers).await;
    assert!(is_status(&answer, StatusCode::BAD_REQUEST), "{headers}: {answer}");
    for part in says {
        assert!(answer.contains(part), "{headers}: {part} is not in {answer}");
    }
    assert_eq!(server.seen(), before, "{headers} reached the handler");
}

#[tokio::test]
async fn from_strangers_headers_of_proxies_are_refused_by_name() {
    for trusted in ["", "192.0.2.0/24", "::1/128"] {
        let header = if trusted.is_empty() { CertificateHeader::None } else { CertificateHeader::ClientCert };
        let server = behind(trusted, header, AddressHeader::None).await;
        for (name, value) in [
            ("Client-Cert", ":MAA=:"),
            ("Client-Cert-Chain", ":MAA=:"),
            ("X-Forwarded-Client-Cert", "Hash=a"),
            ("X-SSL-Client-Cert", ""),
            ("X-Forwarded-Tls-Client-Cert", "MAA="),
            ("X-Forwarded-Tls-Client-Cert-Info", "Subject"),
            ("Forwarded", "for=192.0.2.1"),
            ("X-Forwarded-For", "192.0.2.1"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Host", "a"),
            ("X-Forwarded-Anything", ""),
        ] {
            let says = ["proxy_header_untrusted: ", &format!("{name} is for proxies"), "127.0.0.1", "proxy.trusted"];
            refused(&server, &format!("{}: {value}", name.to_lowercase()), &says).await;
        }
        let answer = ask(&server, "X-Forward: a\r\nVia: 1.1 a\r\nX-Real-IP: 192.0.2.1").await;
        assert!(answer.contains("source: 127.0.0.1, certificate: None"), "{answer}");
        server.assert_alive().await;
    }
}

#[tokio::test]
async fn of_each_kind_only_the_configured_header_counts() {
    for configured in CERTIFICATES {
        let server = behind("127.0.0.0/8", configured, AddressHeader::None).await;
        for (header, line) in SAMPLES {
            if header == configured {
                let answer = ask(&server, line).await;
                assert!(answer.contains("source: 127.0.0.1, certificate: Some([[48, 0]])"), "{line}: {answer}");
                refused(&server, &format!("{line}\r\n{line}"), &["proxy_certificate_repeated"]).await;
                let empty = line.split_once(':').unwrap().0;
                assert!(ask(&server, &format!("{empty}:")).await.contains("certificate: None"), "{empty}");
                refused(&server, &format!("{empty}: %"), &["proxy_certificate_malformed", " "]).await;
            } else {
                let says = ["proxy_header_unexpected", configured.as_str(), "let the proxy drop it"];
                refused(&server, line, &says).await;
            }
        }
        assert!(ask(&server, "").await.contains("certificate: None"));
    }
}

#[tokio::test]
async fn rfc9440_s2_3_the_chain_follows_the_leaf() {
    let server = behind("127.0.0.1/32", CertificateHeader::ClientCert, AddressHeader::None).await;
    let answer = ask(&server, "Client-Cert: :MAA=:\r\nClient-Cert-Chain: :MAE=:\r\nClient-Cert-Chain: :MAI=:").await;
    assert!(answer.contains("Some([[48, 0], [48, 1], [48, 2]])"), "{answer}");
    refused(&server, "Client-Cert-Chain: :MAE=:", &["proxy_certificate_malformed", "no Client-Cert beside it"]).await;
}

#[tokio::test]
async fn notes_of_a_trusted_proxy_are_taken_and_not_used() {
    let server = behind("127.0.0.1/32", CertificateHeader::None, AddressHeader::None).await;
    let notes = "X-Forwarded-Host: b\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: nonsense\r\nForwarded: for=";
    let answer = ask(&server, notes).await;
    assert!(answer.contains("source: 127.0.0.1, "), "{answer}");
}

#[tokio::test]
async fn the_source_is_what_the_configured_header_says() {
    for (header, line, other) in [
        (AddressHeader::Forwarded, "Forwarded: for=198.51.100.1, for=192.0.2.1", "X-Forwarded-For: 192.0.2.9"),
        (AddressHeader::XForwardedFor, "X-Forwarded-For: 198.51.100.1, 192.0.2.1", "Forwarded: for=192.0.2.9"),
    ] {
        let server = behind("127.0.0.1/32", CertificateHeader::None, header).await;
        assert!(ask(&server, line).await.contains("source: 192.0.2.1,"));
        assert!(ask(&server, &format!("{line}\r\n{other}")).await.contains("source: 192.0.2.1,"));
        assert!(ask(&server, other).await.contains("source: 127.0.0.1,"));
        assert!(ask(&server, "").await.contains("source: 127.0.0.1,"));
        let name = line.split_once(':').unwrap().0;
        let says = ["proxy_address_malformed", &format!("{name} holds something that is no address")];
        refused(&server, &format!("{name}: for=x"), &says[..usize::from(header == AddressHeader::Forwarded) + 1]).await;
    }
}
