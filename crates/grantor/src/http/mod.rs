//! HTTP: from sockets to the protocol and back. `public` holds the route table.

pub mod listener;
pub mod oauth;
pub mod public;
pub mod response;
