#![no_main]
//! A key set: parsed without a panic, and every key in it can be tried for every algorithm.

use grantor_core::jose::{Alg, VerifyingKey};
use grantor_core::jwk::JwkSet;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|json: &[u8]| {
    if let Ok(set) = JwkSet::parse(json) {
        for key in &set.keys {
            assert_eq!(key.thumbprint().len(), 43);
            for alg in Alg::ALL {
                let _ = VerifyingKey::from_jwk(key, alg);
            }
        }
    }
});
