//! The real binary, run as people and scripts run it.

#![expect(clippy::unwrap_used, reason = "what cannot be unwrapped here is a failed test")]

mod apply;
mod certificates;
mod commands;
mod help;
#[path = "../admin_api/pki.rs"]
mod pki;
mod proof;
mod refusals;
mod support;
