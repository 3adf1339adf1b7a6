//! Get access tokens from an OAuth 2.0 server, and check them at a protected API.
//!
//! - A service that calls an API holds a [`TokenSource`] and asks it for a [`Token`] before each call.

mod client_auth;
mod clock;
mod endpoint;
mod error;
mod flight;
mod metadata;
mod outgoing;
mod secret;
#[cfg(test)]
mod testing;
pub mod token_source;

pub use client_auth::AuthMethod;
pub use error::ConfigError;
pub use secret::Secret;
pub use token_source::{Token, TokenError, TokenSource};
