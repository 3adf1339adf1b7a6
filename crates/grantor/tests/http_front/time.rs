//! Nobody holds a connection by being slow.

use super::*;
use tokio::time::{Instant, interval, sleep};

const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(60);

fn patient() -> FrontLimits {
    FrontLimits {
        header_timeout: Some(LONG),
        body_timeout: Some(LONG),
        idle_timeout: Some(LONG),
        request_timeout: Some(LONG),
        ..limits()
    }
}

/// Sends a byte again and again, and tells how long it could, and what was answered.
async fn drip(stream: TcpStream, byte: &[u8]) -> (Duration, String) {
    let start = Instant::now();
    let (mut reader, mut writer) = stream.into_split();
    let byte = byte.to_vec();
    let writing = tokio::spawn(async move {
        let mut ticks = interval(Duration::from_millis(20));
        while writer.write_all(&byte).await.is_ok() {
            ticks.tick().await;
        }
    });
    let answer = rest(&mut reader).await;
    writing.abort();
    (start.elapsed(), answer)
}

fn assert_short(lasted: Duration) {
    assert!(lasted >= SHORT - Duration::from_millis(50), "it was cut too early, after {lasted:?}");
    assert!(lasted < SHORT * 8, "it was cut too late, after {lasted:?}");
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed() {
    let server = Server::start(FrontLimits { header_timeout: Some(SHORT), ..patient() }, None).await;
    let start = Instant::now();
    assert_eq!(rest(&mut server.connect().await).await, "");
    assert_short(start.elapsed());
}

#[tokio::test]
async fn dripping_headers_are_cut() {
    let server = Server::start(FrontLimits { header_timeout: Some(SHORT), ..patient() }, None).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nX: ").await.unwrap();
    assert_short(drip(stream, b"y").await.0);
    // Those of a second request as well, and empty lines before one (RFC 9112 §2.2).
    for part in [&b"y"[..], b"\r\n"] {
        let mut stream = server.connect().await;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        answer(&mut stream).await;
        assert_short(drip(stream, part).await.0);
    }
}

#[tokio::test]
async fn dripping_bodies_are_cut() {
    let server = Server::start(FrontLimits { body_timeout: Some(SHORT), ..patient() }, None).await;
    for (head, drop) in [
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n", &b"x"[..]),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    ] {
        let mut stream = server.connect().await;
        stream.write_all(head.as_bytes()).await.unwrap();
        let (lasted, answer) = drip(stream, drop).await;
        assert_short(lasted);
        assert!(is_status(&answer, StatusCode::REQUEST_TIMEOUT) && answer.contains("connection: close"), "{answer}");
    }
    assert_eq!(server.seen(), 0);
}

#[tokio::test]
async fn idle_connections_are_closed() {
    let server = Server::start(FrontLimits { idle_timeout: Some(SHORT), ..patient() }, None).await;
    let mut stream = server.connect().await;
    for _ in 0..3 {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        answer(&mut stream).await;
        sleep(SHORT / 2).await;
    }
    let start = Instant::now();
    assert_eq!(rest(&mut stream).await, "");
    assert!(start.elapsed() < SHORT * 8);
}

#[tokio::test]
async fn a_slow_answer_is_not_idleness() {
    let limits = FrontLimits { idle_timeout: Some(SHORT), header_timeout: Some(SHORT), ..patient() };
    let server = Server::start(limits, None).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    sleep(SHORT * 2).await;
    server.echo.go.notify_one();
    assert!(answer(&mut stream).await.ends_with("waited"));
}

#[tokio::test]
async fn work_that_takes_too_long_is_given_up() {
    let server = Server::start(FrontLimits { request_timeout: Some(SHORT), ..patient() }, None).await;
    let answer = server.raw("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(is_status(&answer, StatusCode::SERVICE_UNAVAILABLE) && answer.contains("request_timeout: "), "{answer}");
    assert_eq!(server.echo.dropped.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_answer_nobody_reads_is_given_up() {
    let server = Server::start(FrontLimits { idle_timeout: Some(SHORT), ..patient() }, None).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    sleep(Duration::from_millis(1600)).await;
    let mut read = 0;
    let mut buffer = vec![0; 65_536];
    while let Ok(n @ 1..) = timeout(SOON, stream.read(&mut buffer)).await.expect("the connection is closed") {
        read += n;
    }
    assert!(read < 32 * 1024 * 1024, "the whole answer was written");
}

#[tokio::test]
async fn limits_can_be_switched_off() {
    let off = FrontLimits {
        header_timeout: None,
        body_timeout: None,
        idle_timeout: None,
        request_timeout: None,
        connections_max: None,
        ..limits()
    };
    let server = Server::start(off, None).await;
    let mut stream = server.connect().await;
    for part in ["POST / HTTP/1.1\r\nHost: a\r\nContent-", "Length: 3\r\n\r\na", "bc"] {
        stream.write_all(part.as_bytes()).await.unwrap();
        sleep(Duration::from_millis(50)).await;
    }
    assert!(answer(&mut stream).await.ends_with("abc"));
}

#[tokio::test]
async fn connections_above_the_cap_wait_their_turn() {
    let server = Server::start(FrontLimits { connections_max: Some(2), ..patient() }, None).await;
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    for stream in [&mut first, &mut second] {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        answer(stream).await;
    }
    let mut third = server.connect().await;
    third.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert!(timeout(SHORT, third.read_u8()).await.is_err(), "a third one was served");
    assert_eq!(server.seen(), 2);
    drop(first);
    assert!(is_status(&answer(&mut third).await, StatusCode::OK));
}
