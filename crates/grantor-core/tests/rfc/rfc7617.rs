//! HTTP Basic authentication, and the grammar of its header (RFC 9110 §11).

use crate::encoding::{base64, basic};
use crate::world::{ID, Request, SECRET, World};
use grantor_core::error::ErrorCode;

fn with(authorization: impl AsRef<[u8]>) -> Request {
    Request::form("grant_type=client_credentials").authorization(authorization)
}

#[test]
fn s2_the_scheme_has_no_case_and_spaces_may_follow() {
    let credentials = base64(format!("{ID}:{SECRET}"));
    for header in ["Basic ", "basic ", "BASIC ", "bAsIc ", "Basic    "] {
        assert!(World::new().token(&with(format!("{header}{credentials}"))).is_ok(), "{header:?}");
    }
}

#[test]
fn s2_what_is_not_the_grammar_is_refused_with_a_challenge() {
    let credentials = base64(format!("{ID}:{SECRET}"));
    let cut = &credentials[..credentials.len() - 1];
    for header in [
        String::new(),
        "Basic".into(),
        "Basic ".into(),
        credentials.clone(),
        format!("Basic\t{credentials}"),
        format!("Basic \t{credentials}"),
        format!("Basic{credentials}"),
        format!("Basic {credentials}="),
        format!("Basic {credentials} "),
        format!("Basic {credentials},"),
        format!("Basic {credentials}, Basic {credentials}"),
        format!("Basic !{credentials}"),
        format!("Basic {cut}*"),
        format!("Basic {} {}", &credentials[..4], &credentials[4..]),
        format!("Bearer {credentials}"),
        format!("Basic realm=\"x\" {credentials}"),
        format!("Basic {}", base64(ID)),
        format!("Basic {}", base64(b"\xff:\xfe")),
        format!("Basic {}", "QUFB".repeat(5000)),
    ] {
        let error = World::new().refusal(&with(&header));
        assert_eq!(error.code, ErrorCode::InvalidClient, "{header}");
        assert!(error.challenge, "{header}");
    }
}

#[test]
fn s2_padding_and_tail_bits_are_exact() {
    // Five bytes: one padding character, and two bits that count for nothing.
    let world = World::of("a", "bcd");
    assert!(world.token(&with("Basic YTpiY2Q=")).is_ok());
    for header in ["Basic YTpiY2Q", "Basic YTpiY2Q==", "Basic YTpiY2R=", "Basic YTpiY2S=", "Basic YTpiY2Q=A"] {
        assert_eq!(world.refusal(&with(header)).code, ErrorCode::InvalidClient, "{header}");
    }
    // The alphabet of base64url is another one.
    let world = World::of("a", "?>?");
    assert_eq!(base64("a:?>?"), "YTo/Pj8=");
    assert!(world.token(&with("Basic YTo/Pj8=")).is_ok());
    assert!(world.token(&with("Basic YTo_Pj8=")).is_err());
}

#[test]
fn s2_the_first_colon_divides() {
    let world = World::of("a", "b:c");
    assert!(world.token(&with(basic("a", "b:c"))).is_ok());
    assert!(World::of("a:b", "c").token(&with(basic("a:b", "c"))).is_err());
    assert!(World::of("a:b", "c").token(&with(basic("a%3Ab", "c"))).is_ok());
}

#[test]
fn rfc9110_s5_3_two_authorization_headers_are_refused() {
    let request = with(basic(ID, "correct+horse"));
    assert!(World::new().token(&request).is_ok());
    for second in [basic(ID, "correct+horse"), "Bearer x".into(), String::new()] {
        let error = World::new().refusal(&request.clone().authorization(second));
        assert_eq!(error.code, ErrorCode::InvalidRequest);
    }
}

#[test]
fn s2_nothing_in_a_header_makes_it_panic() {
    for byte in (0x20..=0xffu8).chain([b'\t']).filter(|byte| *byte != 0x7f) {
        for header in [vec![byte], [b"Basic ", &[byte][..]].concat(), [b"Basic", &[byte][..], b"YTpi"].concat()] {
            assert!(World::new().token(&with(&header)).is_err(), "{header:?}");
        }
    }
}
