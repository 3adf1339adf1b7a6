//! Secrets that live outside the configuration: the grammar of references and what follows them is the crate
//! `grantor-secrets`, which clients use too.

pub use grantor_secrets::{SECRET_MAX_BYTES, Secret, SecretError, SecretRef, Secrets};
pub(crate) use grantor_secrets::{bounded, read_text, readable, strip_newline};
