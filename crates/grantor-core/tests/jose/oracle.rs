//! jsonwebtoken reads what we sign, and we read what it signs.

use crate::key;
use grantor_core::jose::{Alg, SigningKey, UnverifiedJws, VerifyingKey};
use jsonwebtoken::jwk::Jwk as OtherJwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde_json::{Value, json};

fn other(alg: Alg) -> Algorithm {
    alg.as_str().parse().unwrap()
}

#[test]
fn another_library_verifies_our_signatures() {
    for alg in Alg::ALL {
        let (signing, _) = key(alg);
        let jwt = signing.sign_jwt("at+jwt", br#"{"sub":"svc","exp":4102444800,"aud":"x"}"#).unwrap();
        let jwk: OtherJwk = serde_json::from_value(json!(signing.public_jwk().unwrap())).unwrap();
        let mut validation = Validation::new(other(alg));
        validation.set_audience(&["x"]);
        let read = decode::<Value>(&jwt, &DecodingKey::from_jwk(&jwk).unwrap(), &validation).unwrap();
        assert_eq!(read.claims["sub"], "svc", "{alg:?}");
        assert_eq!((read.header.typ.as_deref(), read.header.kid.as_deref()), (Some("at+jwt"), Some(signing.kid())));
    }
}

#[test]
fn another_library_reads_a_header_of_our_own_choice() {
    for alg in Alg::ALL {
        let (signing, _) = key(alg);
        let jwk = json!(signing.public_jwk().unwrap());
        let members = json!({ "typ": "x+jwt", "jwk": jwk, "alg": "none" });
        let jwt = signing.sign_with_header(members.as_object().unwrap(), br#"{"exp":4102444800}"#).unwrap();
        let header = decode_header(&jwt).unwrap();
        assert_eq!((header.alg, header.kid, header.typ.as_deref()), (other(alg), None, Some("x+jwt")));
        let read =
            decode::<Value>(&jwt, &DecodingKey::from_jwk(&header.jwk.unwrap()).unwrap(), &Validation::new(other(alg)));
        assert!(read.is_ok(), "{alg:?}");
        let (_, embedded) = UnverifiedJws::parse_with_jwk(&jwt).unwrap();
        assert_eq!(embedded, Some(jwk));
    }
}

#[test]
fn we_verify_the_signatures_of_another_library() {
    for alg in Alg::ALL {
        let (signing, pkcs8) = SigningKey::generate(alg).unwrap();
        let encoding = match alg {
            Alg::ES256 | Alg::ES384 => EncodingKey::from_ec_der(&pkcs8),
            Alg::EdDSA => EncodingKey::from_ed_der(&pkcs8),
            Alg::RS256 | Alg::PS256 => {
                use base64::Engine;
                let body = base64::engine::general_purpose::STANDARD.encode(&*pkcs8);
                let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
                EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap()
            }
        };
        let jwt = encode(&Header::new(other(alg)), &json!({ "sub": "svc" }), &encoding).unwrap();
        let public = VerifyingKey::from_jwk(&signing.public_jwk().unwrap(), alg).unwrap();
        let claims = UnverifiedJws::parse(&jwt).unwrap().verify(&public).unwrap();
        assert_eq!(claims.opt_str("sub").unwrap(), Some("svc"), "{alg:?}");
    }
}
