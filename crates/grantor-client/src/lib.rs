//! Get access tokens from an OAuth 2.0 server, and check them at a protected API.
//!
//! - A service that calls an API holds a [`TokenSource`] and asks it for a [`Token`] before each call.
//! - The API holds a [`Verifier`] and hands it the headers of each request.
//!
//! A client proves itself with a secret, an assertion or a certificate: see [`Authentication`]. Tokens that are bound to a
//! certificate (RFC 8705) or to a [`DpopKey`] (RFC 9449) are of no use to thieves; the verifier takes them from their owner
//! alone: see [`verifier::Request`].
//!
//! Both speak to any server that follows RFC 6749, 8414 and 9068, such as Grantor. Neither shows a secret or a token in
//! `Debug` or in an error.

mod bearer;
mod client_auth;
mod clock;
mod dpop_key;
mod endpoint;
mod error;
mod flight;
mod issuer;
mod keys;
mod metadata;
mod outgoing;
mod secret;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod testing_tls;
pub mod token_source;
pub mod verifier;

pub use bearer::bearer;
pub use client_auth::{Authentication, PrivateKey, TlsIdentity};
pub use dpop_key::DpopKey;
pub use error::{ConfigError, IssuerError};
pub use grantor_core::jose::RsaAlg;
pub use issuer::Issuer;
pub use keys::KeySet;
pub use secret::Secret;
pub use token_source::{Token, TokenError, TokenSource};
pub use verifier::{InvalidToken, VerifiedToken, Verifier, VerifyError};
