//! HTTP: from sockets to the protocol and back. `public` holds the route table.

mod activity;
pub mod admin;
pub mod dev_certificate;
mod exchange;
pub mod limits;
pub mod listener;
mod mtls;
pub mod oauth;
pub mod proxy;
pub mod public;
pub mod response;
pub mod strict;
pub mod tls;
