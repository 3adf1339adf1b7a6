//! Authorization server metadata.

use grantor_core::client_auth::Method;
use grantor_core::domain::Domain;
use grantor_core::grant::GrantType;
use grantor_core::jose::Alg;
use grantor_core::metadata::ServerMetadata;
use serde_json::{Value, json};

fn document(issuer: &str, certificates: bool) -> Value {
    json!(ServerMetadata::new(&Domain { issuer: issuer.into(), ..Domain::default() }, certificates))
}

#[test]
fn s2_the_document() {
    let mtls_base = Some("https://mtls.example.com/acme".into());
    let domain = Domain { issuer: "https://auth.example.com/acme".into(), mtls_base, ..Domain::default() };
    insta::assert_json_snapshot!(ServerMetadata::new(&domain, true));
}

#[test]
fn rfc8705_no_method_is_named_that_no_certificate_can_reach() {
    let document = self::document("https://a", false).to_string();
    assert!(document.contains("private_key_jwt") && !document.contains("tls_client"), "{document}");
}

#[test]
fn s2_the_document_says_what_the_enums_say() {
    let document = self::document("https://a", true);
    let listed = |name: &str, values: &[&str]| assert_eq!(document[name], json!(values), "{name}");
    let methods = Method::ALL.map(Method::as_str);
    listed("token_endpoint_auth_methods_supported", &methods);
    listed("introspection_endpoint_auth_methods_supported", &methods);
    listed("revocation_endpoint_auth_methods_supported", &methods);
    listed("grant_types_supported", &GrantType::ALL.map(GrantType::as_str));
    listed("introspection_signing_alg_values_supported", &Alg::ALL.map(Alg::as_str));
    // The names in the documents are those in requests and registrations.
    for method in Method::ALL {
        assert_eq!(json!(method), method.as_str());
    }
    for grant in GrantType::ALL {
        assert_eq!(json!(grant), grant.as_str());
    }
    for alg in Alg::ALL {
        assert_eq!(json!(alg), alg.as_str());
        assert_eq!(alg.as_str().parse::<Alg>().unwrap(), alg);
    }
}

#[test]
fn s2_a_placeholder_for_those_who_insist_on_an_authorization_endpoint() {
    let domain = Domain { issuer: "https://a".into(), ..Domain::default() };
    let plain = json!(ServerMetadata::new(&domain, true));
    let mut with = json!(ServerMetadata::new(&domain, true).with_authorization_placeholder());
    let with = with.as_object_mut().unwrap();
    assert_eq!(with.remove("authorization_endpoint"), Some(json!("https://a/connect/authorize")));
    assert_eq!(with.remove("response_types_supported"), Some(json!([])));
    assert_eq!(plain.as_object(), Some(&*with), "and nothing else");
}

#[test]
fn s3_2_no_empty_lists_and_no_none() {
    let document = self::document("https://a", true);
    for (name, value) in document.as_object().unwrap() {
        assert_ne!(*value, json!([]), "{name}");
        assert_ne!(*value, Value::Null, "{name}");
        assert!(!value.to_string().to_lowercase().contains("\"none\""), "{name}");
        if name.ends_with("_endpoint") || name.ends_with("_uri") {
            assert!(value.as_str().unwrap().starts_with("https://a/"), "{name}");
        }
    }
    assert_eq!(document["issuer"], "https://a");
}
