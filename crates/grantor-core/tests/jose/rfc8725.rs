use crate::{key, with_header};
use grantor_core::jose::{Alg, UnverifiedJws, b64url_encode};

#[test]
fn s3_1_none_and_symmetric_algorithms_have_no_spelling() {
    let (signing, _) = key(Alg::ES256);
    for alg in
        ["none", "None", "NONE", "nOnE", "", "HS256", "HS512", "ES256 ", "es256", "RS1", "ES256K", "PBES2-HS256+A128KW"]
    {
        let header = serde_json::json!({ "alg": alg }).to_string();
        assert!(UnverifiedJws::parse(&with_header(&header, &signing)).is_err(), "{alg}");
    }
}

#[test]
fn s3_1_the_key_decides_the_algorithm() {
    let (rs, _) = key(Alg::RS256);
    let (_, ps_public) = key(Alg::PS256);
    let jwt = rs.sign_jwt("at+jwt", b"{}").unwrap();
    let error = UnverifiedJws::parse(&jwt).unwrap().verify(&ps_public).unwrap_err().to_string();
    assert!(error.contains("RS256") && error.contains("PS256"), "{error}");
}

#[test]
fn s3_10_keys_in_the_header_are_not_even_read() {
    let (signing, verifying) = key(Alg::ES256);
    let header = serde_json::json!({
        "alg": "ES256", "jwk": signing.public_jwk().unwrap(), "jku": "https://evil.example/jwks", "x5u": 7, "x5c": {}
    });
    let token = with_header(&header.to_string(), &signing);
    let jws = UnverifiedJws::parse(&token).unwrap();
    assert!(jws.verify(&verifying).is_err(), "the signature is for another header");
}

#[test]
fn s2_4_claims_of_many_shapes_never_panic() {
    let (signing, verifying) = key(Alg::EdDSA);
    for claims in ["[]", "1", "null", "{", "", r#"{"a":1,"a":2}"#, &format!("{}{}", "[".repeat(5000), "]".repeat(5000))]
    {
        let jwt = signing.sign_jwt("at+jwt", claims.as_bytes()).unwrap();
        assert!(UnverifiedJws::parse(&jwt).unwrap().verify(&verifying).is_err(), "{}", b64url_encode(b"x"));
    }
}
