//! Clients that show a certificate (RFC 8705).

use super::*;
use crate::TlsIdentity;
use crate::testing::form;
use crate::testing_tls::Authority;

const ALIAS: &str = "/mtls/token";

/// Names an alias of the token endpoint for clients with certificates.
async fn server(authority: &Authority) -> TestServer {
    authority
        .server(|seen| match seen.path.as_str() {
            METADATA => json(
                200,
                &value!({
                    "issuer": seen.base,
                    "token_endpoint": format!("{}{TOKEN}", seen.base),
                    "mtls_endpoint_aliases": { "token_endpoint": format!("{}{ALIAS}", seen.base) },
                }),
            ),
            _ => issue(seen, 3600),
        })
        .await
}

#[tokio::test]
async fn rfc8705_s2_a_certificate_proves_the_client_at_the_alias() {
    let authority = Authority::new();
    let (server, client) = (server(&authority).await, authority.client());
    let method = Authentication::mutual_tls(&client.certificate, &client.key).unwrap();
    let tokens = TokenSource::with("demo", method.clone()).issuer(&server.url).root_certificate_pem(authority.pem());
    assert_eq!(text(&tokens.build().unwrap()).await, "token-0");
    assert_eq!(server.count(TOKEN), 0, "RFC 8705 section 5: the alias is for clients with certificates");
    let seen = &server.seen(ALIAS)[0];
    assert_eq!(seen.x5t_s256, Some(client.x5t_s256()));
    let form = form(&seen.body);
    assert_eq!((form["client_id"].as_str(), form.len()), ("demo", 2), "client_id and grant_type alone");
    assert!(!seen.headers.contains_key("authorization"));
    let shown = format!("{method:?}");
    assert!(
        shown.contains(&client.x5t_s256()) && !shown.contains(&client.key.lines().nth(1).unwrap()[..20]),
        "{shown}"
    );
}

#[tokio::test]
async fn rfc8705_s3_a_certificate_may_stand_beside_another_proof() {
    let authority = Authority::new();
    let (server, client) = (server(&authority).await, authority.client());
    let both = client.certificate.clone() + &client.key;
    let identity = TlsIdentity::from_pem(&both, &both).unwrap();
    assert_eq!(identity.x5t_s256(), client.x5t_s256());
    let builder = || TokenSource::builder("demo", SECRET).issuer(&server.url).root_certificate_pem(authority.pem());
    text(&builder().client_certificate(identity).build().unwrap()).await;
    let seen = &server.seen(ALIAS)[0];
    assert_eq!(seen.x5t_s256, Some(client.x5t_s256()));
    assert!(seen.headers["authorization"].to_str().unwrap().starts_with("Basic "));

    // Without a certificate the ordinary endpoint is right.
    text(&builder().build().unwrap()).await;
    assert_eq!((server.count(TOKEN), &server.seen(TOKEN)[0].x5t_s256), (1, &None));
}

#[tokio::test]
async fn rfc8705_s5_an_endpoint_without_alias_is_where_it_is_for_all() {
    let authority = Authority::new();
    let client = authority.client();
    let server = authority.server(|seen| if seen.path == METADATA { metadata(seen) } else { issue(seen, 60) }).await;
    let method = Authentication::mutual_tls(&client.certificate, &client.key).unwrap();
    let builder = TokenSource::with("demo", method).root_certificate_pem(authority.pem());
    text(&builder.clone().issuer(&server.url).build().unwrap()).await;
    text(&builder.token_endpoint(format!("{}{TOKEN}", server.url)).build().unwrap()).await;
    assert!(server.seen(TOKEN).iter().all(|seen| seen.x5t_s256 == Some(client.x5t_s256())));
    assert_eq!(server.count(TOKEN), 2);
}

#[tokio::test]
async fn a_certificate_is_of_no_use_over_plain_http() {
    let authority = Authority::new();
    let client = authority.client();
    let server = super::server(|seen| issue(seen, 60)).await;
    let method = Authentication::mutual_tls(&client.certificate, &client.key).unwrap();
    let error = TokenSource::with("demo", method).issuer(&server.url).build().unwrap().token().await.unwrap_err();
    assert!(error.to_string().contains("over https only") && !error.is_transient(), "{error}");
    assert_eq!(server.count(TOKEN), 0);
}

#[test]
fn certificates_and_keys_that_do_not_fit_are_told_at_once() {
    let authority = Authority::new();
    let (one, other) = (authority.client(), authority.client());
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    for (certificate, key, why) in [
        ("", one.key.as_str(), "is not PEM"),
        (&one.key, &one.key, "is not PEM"),
        (&one.certificate, "", "key of the client certificate is not PEM"),
        (&one.certificate, &one.certificate, "key of the client certificate is not PEM"),
        (&one.certificate, encrypted, "passphrase"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &one.key, "cannot be used"),
    ] {
        let error = TlsIdentity::from_pem(certificate, key).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    let mixed = TlsIdentity::from_pem(&one.certificate, &other.key).unwrap();
    let error = TokenSource::builder("c", "s").issuer("https://as.example").client_certificate(mixed).build();
    assert!(error.unwrap_err().to_string().contains("certificate and its key cannot be used"));
    let twice = TokenSource::with("c", Authentication::mutual_tls(&one.certificate, &one.key).unwrap())
        .client_certificate(TlsIdentity::from_pem(&other.certificate, &other.key).unwrap());
    assert!(twice.issuer("https://as.example").build().unwrap_err().to_string().contains("already"));
}
