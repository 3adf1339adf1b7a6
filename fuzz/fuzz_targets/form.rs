#![no_main]
//! A form: what was read, written and read again, is the same.

use grantor_core::form::{Form, decode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let Ok(form) = Form::parse(body, 64) else { return };
    let text = std::str::from_utf8(body).expect("what is read is UTF-8");
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let name = decode(pair.split('=').next().unwrap_or_default()).expect("what is read decodes");
        let values: Vec<&str> = form.all(&name).collect();
        let encode = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
        let again: Vec<String> = values.iter().map(|value| format!("{}={}", encode(&name), encode(value))).collect();
        let again = again.join("&");
        let again = Form::parse(again.as_bytes(), 64).expect("what is written is read");
        assert_eq!(again.all(&name).collect::<Vec<_>>(), values);
        assert!(form.one(&name).is_ok_and(|one| one == values.first().copied()) || form.one(&name).is_err());
    }
});
