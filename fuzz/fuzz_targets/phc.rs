#![no_main]
//! The hash of an imported secret: examined without a panic. It is not run: that would be slow, not wrong.

use grantor_core::secret::phc;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if phc::check(text).is_ok() {
        assert!(!phc::scheme(text).is_empty());
    }
});
