use crate::key;
use grantor_core::jose::{Alg, VerifyingKey, b64url_encode};
use grantor_core::jwk::{Jwk, JwkSet};
use serde_json::{Value, json};

fn p256() -> Value {
    json!({ "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" })
}

fn changed(mut jwk: Value, name: &str, value: impl Into<Value>) -> Value {
    jwk[name] = value.into();
    jwk
}

#[test]
fn s4_unknown_members_are_ignored_and_private_ones_refused() {
    assert!(Jwk::parse(&changed(p256(), "x5c", json!(["abc"]))).is_ok());
    for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        let error = Jwk::parse(&changed(p256(), private, "AQAB")).unwrap_err().to_string();
        assert!(error.contains("private"), "{error}");
    }
}

#[test]
fn s4_what_is_published_has_public_members_only() {
    for alg in Alg::ALL {
        let json = serde_json::to_value(key(alg).0.public_jwk().unwrap()).unwrap();
        let allowed = ["kty", "use", "alg", "kid", "crv", "x", "y", "n", "e"];
        assert!(json.as_object().unwrap().keys().all(|name| allowed.contains(&name.as_str())), "{json}");
        assert_eq!((&json["alg"], &json["use"]), (&json!(alg), &json!("sig")));
        assert_eq!(Jwk::parse(&json).unwrap(), key_of(&json));
    }
}

fn key_of(json: &Value) -> Jwk {
    serde_json::from_value(json.clone()).unwrap()
}

#[test]
fn rfc7518_s6_2_points_must_be_whole_and_on_the_curve() {
    for bad in [
        changed(p256(), "x", "AAAA"),
        changed(p256(), "crv", "P-384"),
        changed(p256(), "crv", "secp256k1"),
        changed(p256(), "y", Value::Null),
        changed(p256(), "kty", "oct"),
    ] {
        assert!(Jwk::parse(&bad).is_err(), "{bad}");
    }
    let off_curve = Jwk::parse(&changed(p256(), "x", "A".repeat(43))).unwrap();
    assert!(VerifyingKey::from_jwk(&off_curve, Alg::ES256).is_err());
}

#[test]
fn rfc7518_s6_3_weak_rsa_keys_are_refused() {
    let good = serde_json::to_value(key(Alg::RS256).0.public_jwk().unwrap()).unwrap();
    assert!(Jwk::parse(&good).is_ok());
    for exponent in ["AQ", "Ag", "AAAAAAAAAAE", "AAEAAQ", ""] {
        assert!(Jwk::parse(&changed(good.clone(), "e", exponent)).is_err(), "e = {exponent}");
    }
    // 1024 bits, 2047 bits, 16384 bits, 1024 bits behind zeros, 2048 bits behind a zero (RFC 7518 §6.3.1.1).
    let behind_zeros = |zeros: usize, rest: usize| b64url_encode(&[vec![0; zeros], vec![0xff; rest]].concat());
    for modulus in [
        "_".repeat(171),
        format!("f{}", "_".repeat(341)),
        "_".repeat(2731),
        behind_zeros(129, 128),
        behind_zeros(1, 256),
    ] {
        assert!(Jwk::parse(&changed(good.clone(), "n", modulus)).is_err());
    }
}

#[test]
fn s4_4_a_key_is_used_for_its_own_algorithm_alone() {
    let rsa = key(Alg::RS256).0.public_jwk().unwrap();
    assert!(VerifyingKey::from_jwk(&rsa, Alg::PS256).is_err());
    assert!(VerifyingKey::from_jwk(&rsa, Alg::ES256).is_err());
    let encryption = Jwk::parse(&changed(p256(), "use", "enc")).unwrap();
    assert!(VerifyingKey::from_jwk(&encryption, Alg::ES256).is_err());
}

#[test]
fn s5_odd_keys_in_a_set_are_skipped_and_their_number_is_bounded() {
    let set = json!({ "keys": [{ "kty": "oct", "k": "AQ" }, p256(), 7, { "kty": "future" }] });
    assert_eq!(JwkSet::parse(set.to_string().as_bytes()).unwrap().keys.len(), 1);
    let many = json!({ "keys": vec![p256(); 1000] });
    assert_eq!(JwkSet::parse(many.to_string().as_bytes()).unwrap().keys.len(), 100);
    for bad in ["", "[]", "{}", r#"{"keys":{}}"#] {
        assert!(JwkSet::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}
