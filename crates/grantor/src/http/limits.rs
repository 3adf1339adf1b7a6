//! What one connection may use up. Every limit of the front is here.

use super::strict::Refusal;
use crate::config::{Limits, Proxy};
use http::StatusCode;
use std::time::Duration;

/// RFC 9112 §3 asks for at least 8,000 bytes.
pub const URI_MAX_BYTES: usize = 8192;
/// HTTP/2 streams that a client may open and reset before it is thought an attack (CVE-2023-44487).
pub const H2_PENDING_RESETS_MAX: usize = 20;
/// HTTP/2 streams that may be reset for the client's own errors (CVE-2025-8671).
pub const H2_ERROR_RESETS_MAX: usize = 64;
/// How often a quiet HTTP/2 connection is asked whether it is still there, and how long it may take to say so.
pub const H2_PING_INTERVAL: Duration = Duration::from_secs(20);
pub const H2_PING_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a closing connection may take to be closed.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// What is read of a refused body before the refusal is sent. Closing a socket with unread bytes in it resets the
/// connection, and then the client never sees why.
pub const REFUSED_BODY_READ_MAX: usize = 1024 * 1024;
pub const REFUSED_BODY_READ_TIMEOUT: Duration = Duration::from_millis(300);

/// `None` switches a limit off.
#[derive(Clone, Debug)]
pub struct FrontLimits {
    pub body_max_bytes: usize,
    /// Request line and headers together.
    pub header_max_bytes: usize,
    pub headers_max: usize,
    /// From the first byte of a request (or, for the first one, from the start of the connection) to the end of its
    /// headers.
    pub header_timeout: Option<Duration>,
    /// From the end of the headers to the end of the body, however it drips.
    pub body_timeout: Option<Duration>,
    pub handshake_timeout: Option<Duration>,
    /// Between two requests.
    pub idle_timeout: Option<Duration>,
    /// For the work on one request.
    pub request_timeout: Option<Duration>,
    /// Connections open at once. Further ones wait in the system's queue: that costs nothing, and a client whose turn
    /// comes is served instead of turned away.
    pub connections_max: Option<usize>,
    pub h2_streams_max: u32,
    /// How long requests in flight may go on once the server is told to stop.
    pub drain_timeout: Duration,
    /// Not how much, but from whom.
    pub proxy: Proxy,
}

impl FrontLimits {
    pub fn new(limits: &Limits, drain_timeout_s: u64, proxy: Proxy) -> Self {
        let seconds = |value: Option<u64>| value.map(Duration::from_secs);
        Self {
            body_max_bytes: limits.body_max_bytes,
            header_max_bytes: limits.header_max_bytes,
            headers_max: limits.headers_max,
            header_timeout: seconds(limits.header_timeout_s),
            body_timeout: seconds(limits.body_timeout_s),
            handshake_timeout: seconds(limits.handshake_timeout_s),
            idle_timeout: seconds(limits.idle_timeout_s),
            request_timeout: seconds(limits.request_timeout_s),
            connections_max: limits.connections_max,
            h2_streams_max: limits.h2_streams_max,
            drain_timeout: Duration::from_secs(drain_timeout_s),
            proxy,
        }
    }
}

impl Default for FrontLimits {
    fn default() -> Self {
        Self::new(&Limits::default(), 30, Proxy::default())
    }
}

/// A future that ends in time. `None` waits for ever.
pub(super) async fn in_time<F: Future>(limit: Option<Duration>, future: F) -> Option<F::Output> {
    match limit {
        Some(limit) => tokio::time::timeout(limit, future).await.ok(),
        None => Some(future.await),
    }
}

pub(super) const BODY_TOO_LARGE: Refusal =
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "the request body is too large");
pub(super) const BODY_TOO_SLOW: Refusal =
    Refusal::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", "the request body took too long to arrive");
pub(super) const REQUEST_TOO_SLOW: Refusal =
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "request_timeout", "the server could not answer in time; try again");
