//! What a connection is waiting for, and until when. hyper has one timer for all of it; a client that keeps a connection
//! for its next token may take longer than one that has begun to send a request.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing but, at most, a part of a request's head has arrived.
    Head,
    /// The next request may come, or not.
    Idle,
}

/// How long each phase may last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    pub(super) head: Option<Duration>,
    pub(super) idle: Option<Duration>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    since: Instant,
    in_flight: u32,
}

/// Shared by a connection and the requests on it.
#[derive(Clone, Debug)]
pub(super) struct Activity(Arc<Mutex<State>>);

/// One request in flight, until this is dropped.
#[derive(Debug)]
pub(super) struct Busy<'a>(&'a Activity);

impl Activity {
    pub(super) fn begin() -> Self {
        Self(Arc::new(Mutex::new(State { phase: Phase::Head, since: Instant::now(), in_flight: 0 })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn busy(&self) -> Busy<'_> {
        self.state().in_flight += 1;
        Busy(self)
    }

    /// Bytes came. Between two requests they are the head of the next.
    fn heard(&self) {
        let mut state = self.state();
        if state.in_flight == 0 && state.phase == Phase::Idle {
            state.phase = Phase::Head;
            state.since = Instant::now();
        }
    }

    /// What must end when; `None` while requests are in flight, which have limits of their own.
    pub(super) fn due(&self, waits: Waits) -> Option<(Instant, Phase)> {
        let state = self.state();
        let limit = match state.phase {
            Phase::Head => waits.head,
            Phase::Idle => waits.idle,
        };
        (state.in_flight == 0).then_some(())?;
        Some((state.since + limit?, state.phase))
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.in_flight -= 1;
        if state.in_flight == 0 {
            state.phase = Phase::Idle;
            state.since = Instant::now();
        }
    }
}

/// A socket that tells when it hears something.
#[derive(Debug)]
pub(super) struct Heard<T> {
    pub(super) io: T,
    pub(super) activity: Activity,
}

impl<T: AsyncRead + Unpin> AsyncRead for Heard<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.activity.heard();
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Heard<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
