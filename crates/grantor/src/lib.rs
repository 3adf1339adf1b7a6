//! The Grantor server and its command line.

pub mod clock;
pub mod config;
pub mod data_dir;
pub mod random;
pub mod secrets;
