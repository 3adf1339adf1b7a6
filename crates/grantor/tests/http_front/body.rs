//! Bodies: limits, chunks, expectations, clients that go away.

use super::*;
use std::fmt::Write;
use tokio::time::{Instant, sleep};

const MAX: usize = 65_536;

fn post(fields: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n")
}

#[tokio::test]
async fn bodies_are_bounded() {
    let server = Server::plain().await;
    let with_length = |length: usize| post(&format!("Content-Length: {length}")) + &"x".repeat(length);
    let answer = server.raw(with_length(MAX).replace("Host", "Connection: close\r\nHost")).await;
    assert!(is_status(&answer, StatusCode::OK) && answer.len() > MAX, "the longest one passes");
    for request in [with_length(MAX + 1), with_length(500_000)] {
        let answer = server.raw(request).await;
        assert!(is_status(&answer, StatusCode::PAYLOAD_TOO_LARGE) && answer.contains("connection: close"), "{answer}");
    }
    let mut chunks = post("Transfer-Encoding: chunked");
    for _ in 0..70 {
        write!(chunks, "400\r\n{}\r\n", "x".repeat(1024)).unwrap();
    }
    let answer = server.raw(chunks + "0\r\n\r\n").await;
    assert!(is_status(&answer, StatusCode::PAYLOAD_TOO_LARGE), "{answer}");
    assert_eq!(server.seen(), 1);
}

/// Closing a socket with unread bytes in it would reset the connection, and the client would not learn why.
#[tokio::test]
async fn a_client_that_is_still_sending_learns_why() {
    let server = Server::plain().await;
    let mut stream = server.connect().await;
    stream.write_all(post("Content-Length: 800000").as_bytes()).await.unwrap();
    for _ in 0..8 {
        sleep(Duration::from_millis(10)).await;
        stream.write_all(&[b'x'; 100_000]).await.expect("the server still reads");
    }
    let answer = rest(&mut stream).await;
    assert!(is_status(&answer, StatusCode::PAYLOAD_TOO_LARGE), "{answer}");
}

/// A limit that is known from the head is answered without waiting for a body.
#[tokio::test]
async fn an_announced_body_is_refused_at_once() {
    let server = Server::plain().await;
    let start = Instant::now();
    let answer = server.raw(post("Content-Length: 1000000000000")).await;
    assert!(is_status(&answer, StatusCode::PAYLOAD_TOO_LARGE), "{answer}");
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn chunks_are_joined() {
    let server = Server::plain().await;
    let mut stream = server.connect().await;
    stream.write_all(post("Transfer-Encoding: chunked").as_bytes()).await.unwrap();
    for part in ["1\r\na\r\n", "02;x=y\r\nbc\r\n", "3\r\nd", "ef\r", "\n0\r\nTrailer: t\r\n", "\r\n"] {
        stream.write_all(part.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        sleep(Duration::from_millis(5)).await;
    }
    let answer = answer(&mut stream).await;
    assert!(is_status(&answer, StatusCode::OK) && answer.ends_with("abcdef"), "{answer}");
}

#[tokio::test]
async fn rfc9112_s7_1_malformed_chunks_are_refused() {
    let limits = FrontLimits { body_timeout: Some(Duration::from_millis(200)), ..limits() };
    let server = Server::start(limits, None).await;
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for chunks in [
        "x\r\nabc\r\n0\r\n\r\n",
        "-3\r\nabc\r\n0\r\n\r\n",
        "+3\r\nabc\r\n0\r\n\r\n",
        "0x3\r\nabc\r\n0\r\n\r\n",
        " 3\r\nabc\r\n0\r\n\r\n",
        "\r\nabc\r\n0\r\n\r\n",
        "10000000000000003\r\nabc\r\n0\r\n\r\n",
        "ffffffffffffffff0\r\nabc\r\n0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "3\nabc\r\n0\r\n\r\n",
        "3\rabc\r\n0\r\n\r\n",
        "3\r\nabc\n0\r\n\r\n",
        "3;a\nb\r\nabc\r\n0\r\n\r\n",
        "3\r\nabc0\r\n\r\n",
    ] {
        let answer = server.raw(post("Transfer-Encoding: chunked") + chunks + smuggled).await;
        assert!(is_status(&answer, StatusCode::BAD_REQUEST), "{chunks:?}: {answer:?}");
    }
    let huge = server.raw(post("Transfer-Encoding: chunked") + "fffffffffffffff\r\nabc\r\n" + smuggled).await;
    assert!(matches!(statuses(&huge)[..], [400 | 408 | 413]), "{huge}");
    assert_eq!(server.seen(), 0);
}

#[tokio::test]
async fn compressed_bodies_are_refused() {
    let server = Server::plain().await;
    for coding in ["gzip", "deflate, gzip", "br", "identity, gzip"] {
        let answer = server.raw(post(&format!("Content-Encoding: {coding}\r\nContent-Length: 3")) + "abc").await;
        assert!(is_status(&answer, StatusCode::UNSUPPORTED_MEDIA_TYPE), "{coding}: {answer}");
    }
    let fields = "Content-Encoding: Identity\r\nContent-Length: 3\r\nConnection: close";
    assert!(is_status(&server.raw(post(fields) + "abc").await, StatusCode::OK));
}

#[tokio::test]
async fn rfc9110_s10_1_1_expectations() {
    let server = Server::plain().await;
    let mut stream = server.connect().await;
    stream.write_all(post("Expect: 100-continue\r\nContent-Length: 3").as_bytes()).await.unwrap();
    let first = answer(&mut stream).await;
    assert!(first.starts_with("HTTP/1.1 100 Continue\r\n"), "{first}");
    stream.write_all(b"abc").await.unwrap();
    let second = answer(&mut stream).await;
    assert!(is_status(&second, StatusCode::OK) && second.ends_with("abc"), "{second}");

    let refused = server.raw(post("Expect: 100-continue\r\nContent-Length: 1000000")).await;
    assert!(is_status(&refused, StatusCode::PAYLOAD_TOO_LARGE), "no 100 before a refusal: {refused}");
    let unknown = server.raw(post("Expect: a-miracle\r\nContent-Length: 0")).await;
    assert!(is_status(&unknown, StatusCode::EXPECTATION_FAILED), "{unknown}");
}

#[tokio::test]
async fn clients_that_go_away_do_no_harm() {
    let server = Server::plain().await;
    for part in ["", "POST", "POST / HTTP/1.1\r\nHo", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc"] {
        for _ in 0..20 {
            let mut stream = server.connect().await;
            stream.write_all(part.as_bytes()).await.unwrap();
        }
    }
    assert_eq!(server.seen(), 0, "half a body is none");
    let mut stream = server.connect().await;
    stream.write_all(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    while server.seen() == 0 {
        sleep(Duration::from_millis(5)).await;
    }
    drop(stream);
    let dropped = async {
        while server.echo.dropped.load(Ordering::SeqCst) == 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, dropped).await.expect("the work for a client that left is given up");
    server.assert_alive().await;
}
