use crate::key;
use grantor_core::jose::Alg;
use grantor_core::jwk::Jwk;
use serde_json::json;

#[test]
fn s3_1_the_example_has_its_thumbprint() {
    let jwk = json!({
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"
    });
    assert_eq!(Jwk::parse(&jwk).unwrap().thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

#[test]
fn s3_2_only_required_members_count() {
    let public = key(Alg::ES384).0.public_jwk().unwrap();
    let bare = Jwk { alg: None, kid: None, use_: None, ..public.clone() };
    assert_eq!(public.thumbprint(), bare.thumbprint());
    assert_eq!(public.kid, Some(bare.thumbprint()), "a generated key is named by its thumbprint");
}
