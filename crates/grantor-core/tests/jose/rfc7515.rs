use crate::{key, with_header};
use grantor_core::jose::{Alg, JWS_MAX, UnverifiedJws, VerifyingKey, b64url_encode, typ_is};
use grantor_core::jwk::Jwk;
use proptest::prelude::*;
use serde_json::json;

/// Appendix A.3.1: an ES256 key and a JWS made with it.
const A3_TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

fn a3_key() -> VerifyingKey {
    let jwk = json!({ "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" });
    VerifyingKey::from_jwk(&Jwk::parse(&jwk).unwrap(), Alg::ES256).unwrap()
}

#[test]
fn appendix_a3_verifies() {
    let claims = UnverifiedJws::parse(A3_TOKEN).unwrap().verify(&a3_key()).unwrap();
    assert_eq!(claims.opt_str("iss").unwrap(), Some("joe"));
    assert_eq!(claims.opt_time("exp").unwrap(), Some(1_300_819_380));
}

#[test]
fn s5_2_every_algorithm_signs_and_verifies() {
    for alg in Alg::ALL {
        let (signing, verifying) = key(alg);
        let jwt = signing.sign_jwt("at+jwt", br#"{"sub":"svc"}"#).unwrap();
        let jws = UnverifiedJws::parse(&jwt).unwrap();
        assert_eq!((jws.header().alg, jws.header().kid.as_deref()), (alg, Some(signing.kid())));
        assert_eq!(jws.verify(&verifying).unwrap().opt_str("sub").unwrap(), Some("svc"), "{alg:?}");
    }
}

#[test]
fn s3_1_refuses_whatever_is_not_three_parts() {
    let dots = ".".repeat(100_000);
    for token in ["", ".", "..", "a.b", "a.b.c", "a.b.c.d", "a.b.c.d.e", &dots, &dots[..1000]] {
        assert!(UnverifiedJws::parse(token).is_err(), "{:?}", &token[..token.len().min(20)]);
    }
}

#[test]
fn s2_refuses_padding_white_space_and_stray_bits() {
    let (header, rest) = A3_TOKEN.split_once('.').unwrap();
    for token in [
        format!("{header}=.{rest}"),
        format!(" {A3_TOKEN}"),
        format!("{A3_TOKEN}\n"),
        format!("{A3_TOKEN}="),
        // The last character of a signature carries four bits; others with the same four are not canonical.
        A3_TOKEN.trim_end_matches('Q').to_owned() + "R",
    ] {
        assert!(UnverifiedJws::parse(&token).is_err(), "{token}");
    }
}

#[test]
fn a_token_is_bounded_in_length() {
    let long = format!("{A3_TOKEN}{}", "A".repeat(JWS_MAX));
    assert!(UnverifiedJws::parse(&long).unwrap_err().to_string().contains("longer"));
}

#[test]
fn s4_1_11_crit_is_refused_and_so_is_all_that_would_need_it() {
    let (signing, _) = key(Alg::ES256);
    for header in [
        r#"{"alg":"ES256","crit":["exp"]}"#,
        r#"{"alg":"ES256","crit":[]}"#,
        r#"{"alg":"ES256","b64":false}"#,
        r#"{"alg":"ES256","b64":true}"#,
        r#"{"alg":"ES256","zip":"DEF"}"#,
        r#"{"alg":"dir","enc":"A256GCM"}"#,
    ] {
        assert!(UnverifiedJws::parse(&with_header(header, &signing)).is_err(), "{header}");
    }
}

#[test]
fn s4_refuses_members_twice_and_wrong_types() {
    let (signing, _) = key(Alg::ES256);
    for header in [
        r#"{"alg":"ES256","alg":"ES256"}"#,
        r#"{"alg":"ES256","kid":1}"#,
        r#"{"alg":["ES256"]}"#,
        r#"{"kid":"x"}"#,
        r#"["ES256"]"#,
        r#"{"alg":"ES256"} "#,
    ] {
        let parsed = UnverifiedJws::parse(&with_header(header, &signing)).map(drop);
        // White space around JSON is allowed.
        assert_eq!(parsed.is_ok(), header.ends_with(' '), "{header}");
    }
}

#[test]
fn s4_1_9_typ_may_leave_out_application_and_ignores_case() {
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
        assert!(typ_is(typ, "at+jwt"), "{typ}");
    }
    for typ in ["", "jwt", "at+jwt ", "application/", "text/at+jwt", "application/application/at+jwt"] {
        assert!(!typ_is(typ, "at+jwt"), "{typ}");
    }
}

#[test]
fn s3_4_of_rfc7518_zero_and_short_signatures_are_refused() {
    let (head, _) = A3_TOKEN.rsplit_once('.').unwrap();
    for signature in [vec![0; 64], vec![0; 63], vec![1; 65], vec![], vec![0xff; 64]] {
        let token = format!("{head}.{}", b64url_encode(&signature));
        assert!(UnverifiedJws::parse(&token).is_ok_and(|jws| jws.verify(&a3_key()).is_err()) || signature.is_empty());
    }
}

proptest! {
    #[test]
    fn parsing_never_panics(text in "\\PC{0,200}") {
        let _ = UnverifiedJws::parse(&text);
    }

    #[test]
    fn parsing_dotted_text_never_panics(parts in prop::collection::vec("[A-Za-z0-9_-]{0,40}", 0..6)) {
        let _ = UnverifiedJws::parse(&parts.join("."));
    }

    #[test]
    fn no_other_character_in_its_place_verifies(at in 0..A3_TOKEN.len(), other in "[A-Za-z0-9_.-]") {
        let mut bent = A3_TOKEN.to_owned();
        bent.replace_range(at..=at, &other);
        prop_assume!(bent != A3_TOKEN);
        prop_assert!(UnverifiedJws::parse(&bent).and_then(|jws| jws.verify(&a3_key())).is_err());
    }
}
