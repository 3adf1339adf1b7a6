//! The protocol by RFC section, and as properties. Test names carry the section.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]

mod encoding;
mod properties;
mod rfc6749_authentication;
mod rfc6749_grant;
mod rfc7009;
mod rfc7523;
mod rfc7617;
mod rfc7662;
mod rfc8414;
mod rfc8705;
mod rfc8707;
mod rfc9068;
mod rfc9449;
mod rfc9449_binding;
mod rfc9701;
mod world;
