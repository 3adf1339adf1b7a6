#![no_main]
//! A certificate revocation list, as DER or PEM: read without a panic, and none but the CA's own lets a certificate pass
//! where revocation is checked.

use grantor_core::x509::{ClientCertificate, TrustStore};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

const NOW: i64 = 1_800_000_000;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../crates/grantor-core/tests/x509/fixtures/", $name, ".pem")).as_slice()
    };
}

static LEAF: LazyLock<ClientCertificate> = LazyLock::new(|| {
    ClientCertificate::from_pem(&[fixture!("payments"), fixture!("between")].concat()).expect("the fixtures are good")
});

/// Its CA never made a list.
static UNLISTED: LazyLock<ClientCertificate> =
    LazyLock::new(|| ClientCertificate::from_pem(fixture!("of-root-rsa")).expect("the fixture is good"));

fuzz_target!(|data: &[u8]| {
    if let Ok(store) = TrustStore::from_pem(&[fixture!("root"), fixture!("root-rsa")], &[data]) {
        let _ = store.verify(&LEAF, NOW);
        assert!(store.verify(&UNLISTED, NOW).is_err());
    }
});
