#![no_main]
//! A compact JWS: parsed without a panic, and never verified, since nobody holds the key.

use grantor_core::jose::{Alg, SigningKey, UnverifiedJws, VerifyingKey};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static KEY: LazyLock<VerifyingKey> = LazyLock::new(|| {
    let (key, _) = SigningKey::generate(Alg::ES256).expect("a key");
    VerifyingKey::from_jwk(&key.public_jwk().expect("a public key"), Alg::ES256).expect("its own key")
});

fuzz_target!(|text: &str| {
    if let Ok(jws) = UnverifiedJws::parse(text) {
        assert!(jws.verify(&KEY).is_err());
        let _ = jws.unverified_claims();
    }
});
