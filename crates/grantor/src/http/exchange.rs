//! One request and its answer: check the head, read the body, ask the handler.

use super::activity::Activity;
use super::limits::{
    BODY_TOO_LARGE, BODY_TOO_SLOW, FrontLimits, REFUSED_BODY_READ_MAX, REFUSED_BODY_READ_TIMEOUT, REQUEST_TOO_SLOW,
    in_time,
};
use super::listener::{Checked, Handler, Peer};
use super::proxy;
use super::strict::{self, Refusal};
use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, EXPECT, HeaderValue};
use http::request::Parts;
use http::{Request, Response, StatusCode, Version};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

const BODY_BROKEN: Refusal = Refusal::new(StatusCode::BAD_REQUEST, "body_broken", "the request body is malformed");
const PANICKED: Refusal = Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "panic", "the server made a mistake");

/// What all requests of a connection share.
#[derive(Debug)]
pub(super) struct Exchange<H> {
    pub(super) handler: H,
    pub(super) limits: Arc<FrontLimits>,
    pub(super) peer: Arc<Peer>,
    pub(super) activity: Activity,
}

impl<H: Handler> Exchange<H> {
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<H::Body> {
        let _busy = self.activity.busy();
        let (head, mut body) = request.into_parts();
        let version = head.version;
        let checked = strict::check(&head, &self.limits);
        let read = match checked.and_then(|()| proxy::origin(&head.headers, &self.peer, &self.limits.proxy)) {
            Ok(origin) => self.read(&mut body).await.map(|body| (body, origin)),
            Err(refusal) => Err(refusal),
        };
        let (body, origin) = match read {
            Ok(read) => read,
            Err(refusal) => {
                swallow(&head, body).await;
                return self.refuse(refusal, version, Some(&head));
            }
        };
        let request = Checked { head, body, peer: self.peer.clone(), origin };
        match in_time(self.limits.request_timeout, unless_panicking(self.handler.handle(request))).await {
            Some(Ok(answer)) => answer,
            Some(Err(refusal)) => self.refuse(refusal, version, None),
            None => self.refuse(REQUEST_TOO_SLOW, version, None),
        }
    }

    async fn read(&self, body: &mut Incoming) -> Result<Bytes, Refusal> {
        let max = self.limits.body_max_bytes;
        if body.size_hint().lower() > max as u64 {
            return Err(BODY_TOO_LARGE);
        }
        if body.is_end_stream() {
            return Ok(Bytes::new());
        }
        in_time(self.limits.body_timeout, whole(body, max)).await.unwrap_or(Err(BODY_TOO_SLOW))
    }

    fn refuse(&self, refusal: Refusal, version: Version, head: Option<&Parts>) -> Response<H::Body> {
        let mut answer = self.handler.refused(&refusal, head, &self.peer);
        // What was not read cannot be told from a next request. HTTP/2 has streams, and no such header.
        if version <= Version::HTTP_11 {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }
}

/// The whole body. Most come in one piece, which is then not copied.
async fn whole(body: &mut Incoming, max: usize) -> Result<Bytes, Refusal> {
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    while let Some(frame) = body.frame().await {
        // Trailers are nobody's business here.
        let Ok(data) = frame.map_err(|_| BODY_BROKEN)?.into_data() else { continue };
        if first.len() + joined.len() + data.len() > max {
            return Err(BODY_TOO_LARGE);
        }
        if joined.is_empty() && first.is_empty() {
            first = data;
        } else {
            joined.extend_from_slice(&std::mem::take(&mut first));
            joined.extend_from_slice(&data);
        }
    }
    Ok(if joined.is_empty() { first } else { joined.freeze() })
}

/// Reads what is on its way of a refused body, so that the refusal arrives.
async fn swallow(head: &Parts, mut body: Incoming) {
    if head.version > Version::HTTP_11 || body.is_end_stream() || head.headers.contains_key(EXPECT) {
        return;
    }
    let all = async {
        let mut read = 0;
        while let Some(Ok(frame)) = body.frame().await
            && read <= REFUSED_BODY_READ_MAX
        {
            read += frame.data_ref().map_or(0, Bytes::len);
        }
    };
    let _ = tokio::time::timeout(REFUSED_BODY_READ_TIMEOUT, all).await;
}

/// A handler that panics spoils its own request only. What it panicked with may be a secret, so it is not logged.
async fn unless_panicking<F: Future>(handling: F) -> Result<F::Output, Refusal> {
    let mut handling = pin!(handling);
    std::future::poll_fn(|cx| {
        catch_unwind(AssertUnwindSafe(|| handling.as_mut().poll(cx))).map_or_else(
            |_| {
                tracing::error!("the handler of a request panicked; this is a mistake in the program");
                Poll::Ready(Err(PANICKED))
            },
            |polled| polled.map(Ok),
        )
    })
    .await
}
