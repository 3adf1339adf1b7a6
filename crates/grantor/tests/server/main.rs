//! The server in this process, from a checked request to its answer.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]

mod common;

mod assertions;
mod call;
mod certificates;
mod documents;
mod domains;
mod dpop;
mod durability;
mod imported_secrets;
mod introspection;
mod jwks_uri;
mod keys;
mod mtls_aliases;
mod revocation;
mod secrecy;
mod store;
mod throttle;
mod token_endpoint;
