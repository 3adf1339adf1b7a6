//! The OAuth 2.0 protocol rules of Grantor. Pure: no sockets, no SQL, no clock, no randomness of its own.
//!
//! Read in this order: [`incoming`] (a request), [`token_request`] (what it says), [`client_auth`] (who is
//! calling), [`grant`] (what they may have), [`token`] (what they get). [`client`], [`resource`] and [`domain`]
//! are what administrators register; [`binding`] is what tokens are bound to; [`jose`] and [`jwk`] are the only door to
//! JOSE, [`x509`] to certificates.

pub mod binding;
pub mod client;
pub mod client_auth;
pub mod domain;
pub mod error;
pub mod form;
pub mod grant;
pub mod incoming;
pub mod jose;
pub mod jwk;
pub mod metadata;
pub mod proxy;
pub mod resource;
pub mod scope;
pub mod secret;
pub mod token;
pub mod token_request;
pub mod x509;

/// Seconds since 1970-01-01T00:00:00Z, as in NumericDate (RFC 7519 §2).
pub type Timestamp = i64;
