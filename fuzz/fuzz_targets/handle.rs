#![no_main]
//! An opaque access token: parsed without a panic.

use grantor_core::token::opaque::Handle;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Some(handle) = Handle::parse(text) {
        let _ = handle.key_id();
    }
});
