#![no_main]
//! A DPoP proof. Where there is a first line, it is the header, to which the key is added unless it has one, and the rest
//! the claims: what is accepted then keeps the rules of RFC 9449 §4.3. Without one, it is the whole compact JWS.

use grantor_core::binding::{DpopExpected, DpopProof, IAT_AHEAD_S, IAT_WINDOW_S, Nonces};
use grantor_core::jose::{Alg, SigningKey};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

const NOW: i64 = 1_800_000_000;
const URI: &str = "https://auth.example.com/connect/token";

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(Alg::ES256).expect("a key").0);
static NONCES: LazyLock<Nonces> = LazyLock::new(|| Nonces::new(&[7; 32], 300));

fn proof(data: &str) -> Option<String> {
    let Some((header, claims)) = data.split_once('\n') else { return Some(data.to_owned()) };
    let mut header: Map<String, Value> = serde_json::from_str(header).ok()?;
    let jwk = KEY.public_jwk().expect("a public key");
    header.entry("jwk").or_insert(json!({ "kty": jwk.kty, "crv": jwk.crv, "x": jwk.x, "y": jwk.y }));
    Some(KEY.sign_with_header(&header, claims.as_bytes()).expect("a signature"))
}

fuzz_target!(|data: &str| {
    let Some(Ok(proof)) = proof(data).map(|proof| DpopProof::parse(&proof)) else { return };
    let usual = DpopExpected::new("POST", &[URI], NOW);
    for expected in [
        usual,
        DpopExpected { nonces: Some(&NONCES), nonce_required: true, ..usual },
        DpopExpected { access_token: Some("token"), jkt: Some("another key"), ..usual },
    ] {
        let Ok(verified) = proof.verify(&expected) else { continue };
        assert!(expected.jkt.is_none() && !expected.nonce_required, "neither the nonce nor the other key is known");
        let claims = data.split_once('\n').expect("nobody else has the key").1;
        let claims: Value = serde_json::from_str(claims).expect("what is accepted is JSON");
        assert_eq!(claims["htm"], "POST");
        assert!(claims["htu"].as_str().is_some_and(|htu| htu.len() >= "//auth.example.com/connect/token".len()));
        assert!((NOW - IAT_WINDOW_S..=NOW + IAT_AHEAD_S).contains(&verified.iat));
        assert!((1..=256).contains(&verified.jti.len()));
        assert!(verified.spend_until > verified.iat + IAT_WINDOW_S, "it is remembered for as long as it is accepted");
    }
});
