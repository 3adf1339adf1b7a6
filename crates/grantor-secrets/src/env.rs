//! `env:NAME`: an environment variable of this process.

use crate::secret::checked;
use crate::{SECRET_MAX_BYTES, Secret};
use std::env::VarError;
use zeroize::Zeroizing;

pub(super) fn parse(name: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.is_empty() || !name.bytes().all(plain) {
        return Err("after env: comes the name of an environment variable, such as env:GRANTOR_MASTER".into());
    }
    Ok(name.to_owned())
}

pub(super) fn resolve(name: &str) -> Result<Secret, String> {
    match std::env::var(name) {
        Ok(value) if value.len() > SECRET_MAX_BYTES => {
            Err(format!("it is longer than {SECRET_MAX_BYTES} bytes; check the name of the variable"))
        }
        Ok(value) => checked(&Zeroizing::new(value.into_bytes())),
        Err(VarError::NotPresent) => Err("the variable is not set; set it where this is started".into()),
        Err(VarError::NotUnicode(_)) => Err("it is not UTF-8 text; check that it is the right one".into()),
    }
}

#[cfg(test)]
mod tests {
    use crate::SecretRef;

    #[test]
    fn a_variable_is_read_and_a_missing_one_is_named() {
        let set = SecretRef::Env("CARGO_MANIFEST_DIR".into()).resolve().unwrap();
        assert_eq!(set.expose(), env!("CARGO_MANIFEST_DIR"));
        let unset = SecretRef::Env("GRANTOR_SURELY_NOT_SET".into()).resolve().unwrap_err();
        assert_eq!(
            unset.to_string(),
            "the secret env:GRANTOR_SURELY_NOT_SET cannot be read: the variable is not set; set it where this \
             is started"
        );
    }
}
