//! HTTP/2 in raw frames, over TLS: RFC 9113.

use super::tls::{config, files, handshake};
use super::*;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use tokio_rustls::client::TlsStream;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

struct Client {
    _dir: TempDir,
    stream: TlsStream<TcpStream>,
}

/// A header block of literals without indexing (RFC 7541 §6.2.2). Strings shorter than 127 bytes, or of up to 16 KiB.
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    fn string(out: &mut Vec<u8>, text: &str) {
        if text.len() < 127 {
            out.push(u8::try_from(text.len()).unwrap());
        } else {
            let mut rest = text.len() - 127;
            out.push(127);
            while rest >= 128 {
                out.push(u8::try_from(rest % 128).unwrap() | 128);
                rest /= 128;
            }
            out.push(u8::try_from(rest).unwrap());
        }
        out.extend_from_slice(text.as_bytes());
    }
    let mut out = Vec::new();
    for (name, value) in fields {
        out.push(0);
        string(&mut out, name);
        string(&mut out, value);
    }
    out
}

const ASK: [(&str, &str); 4] = [(":method", "POST"), (":scheme", "https"), (":authority", "localhost"), (":path", "/")];

fn ask(path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let mut fields = ASK.to_vec();
    fields[3].1 = path;
    fields.extend_from_slice(more);
    block(&fields)
}

impl Client {
    async fn connect(limits: FrontLimits) -> (Server, Self) {
        let (dir, files) = files();
        let server = Server::start(limits, Some(config(&files))).await;
        let stream = handshake(&server, &files.ca, &["h2"], &[&rustls::version::TLS13]).await.unwrap();
        let mut client = Self { _dir: dir, stream };
        client.stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        client.send(SETTINGS, 0, 0, &[]).await;
        (server, client)
    }

    async fn try_send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> std::io::Result<()> {
        let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
        frame.extend_from_slice(&[kind, flags]);
        frame.extend_from_slice(&stream.to_be_bytes());
        frame.extend_from_slice(payload);
        self.stream.write_all(&frame).await?;
        self.stream.flush().await
    }

    async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.try_send(kind, flags, stream, payload).await.unwrap();
    }

    /// `None` at the end of the connection.
    async fn frame(&mut self) -> Option<Frame> {
        let read = async {
            let mut head = [0; 9];
            self.stream.read_exact(&mut head).await.ok()?;
            let mut payload = vec![0; usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2])];
            self.stream.read_exact(&mut payload).await.ok()?;
            let stream = u32::from_be_bytes(head[5..].try_into().unwrap());
            Some(Frame { kind: head[3], flags: head[4], stream, payload })
        };
        timeout(SOON, read).await.expect("a frame, or the end")
    }

    /// The first frame of this kind; settings and pings are acknowledged on the way.
    async fn await_frame(&mut self, kind: u8) -> Frame {
        loop {
            let frame = self.frame().await.expect("the connection is open");
            if frame.kind == kind && frame.flags & ACK == 0 || frame.kind == kind && kind != SETTINGS && kind != PING {
                return frame;
            }
            if matches!(frame.kind, SETTINGS | PING) && frame.flags & ACK == 0 {
                let payload = if frame.kind == PING { frame.payload } else { Vec::new() };
                self.send(frame.kind, ACK, 0, &payload).await;
            }
        }
    }

    /// The first byte of the answer to a request without a body: which status of the static table (RFC 7541 A) it has.
    async fn status(&mut self, stream: u32, block: &[u8]) -> Vec<u8> {
        self.send(HEADERS, END_HEADERS | END_STREAM, stream, block).await;
        let answer = self.await_frame(HEADERS).await;
        assert_eq!(answer.stream, stream);
        answer.payload
    }

    /// Reads to the end; the error code of the GOAWAY on the way, if there was one.
    async fn end(&mut self) -> Option<u8> {
        let mut code = None;
        while let Some(frame) = self.frame().await {
            if frame.kind == GOAWAY {
                code = Some(frame.payload[7]);
            }
        }
        code
    }
}

const OK: u8 = 0x80 | 8;
const BAD_REQUEST: u8 = 0x80 | 12;

#[tokio::test]
async fn s8_3_requests_are_checked() {
    let (server, mut client) = Client::connect(limits()).await;
    assert_eq!(client.status(1, &ask("/", &[])).await[0], OK);
    assert_eq!(client.status(3, &ask("/", &[("host", "localhost")])).await[0], OK);
    assert_eq!(client.status(5, &ask("/", &[("host", "other")])).await[0], BAD_REQUEST);
    assert_eq!(client.status(7, &ask("/", &[("authorization", "a"), ("authorization", "a")])).await[0], BAD_REQUEST);
    assert_eq!(client.status(9, &block(&[ASK[0], ASK[1], ASK[3]])).await[0], BAD_REQUEST);
    assert_eq!(server.seen(), 2);
}

#[tokio::test]
async fn s8_2_malformed_requests_are_reset() {
    for more in [
        &[("transfer-encoding", "chunked")][..],
        &[("connection", "close")],
        &[("Upper", "case")],
        &[(":path", "/twice")],
        &[("x", "y"), (":late", "z")],
        &[("x", "a\r\nb: c")],
        &[("content-length", "5")],
        &[("content-length", "x")],
    ] {
        let (server, mut client) = Client::connect(limits()).await;
        client.send(HEADERS, END_HEADERS | END_STREAM, 1, &ask("/", more)).await;
        loop {
            match client.frame().await {
                None => break,
                Some(frame) if matches!(frame.kind, RST_STREAM | GOAWAY) => break,
                Some(frame) if frame.kind == HEADERS => {
                    assert_eq!(frame.payload[0], BAD_REQUEST, "{more:?}");
                    break;
                }
                Some(_) => {}
            }
        }
        assert_eq!(server.seen(), 0, "{more:?} reached the handler");
    }
}

#[tokio::test]
async fn heads_are_bounded() {
    let (server, mut client) = Client::connect(limits()).await;
    // Statuses that are not in the static table come as text.
    assert_ne!(client.status(1, &ask(&format!("/{}", "a".repeat(9000)), &[])).await[0], OK);
    let names: Vec<String> = (0..70).map(|number| format!("x-{number}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "y")).collect();
    assert_ne!(client.status(3, &ask("/", &many)).await[0], OK);
    let large = "y".repeat(7500);
    let large = [&many[..40], &[("large", &large), ("larger", &large)]].concat();
    assert_ne!(client.status(5, &ask("/", &large)).await[0], OK, "fields count 32 bytes more (s6.5.2)");
    assert_eq!(server.seen(), 0);
    assert_eq!(client.status(7, &ask("/", &[])).await[0], OK, "the connection goes on");
}

#[tokio::test]
async fn bodies_are_bounded_and_streams_do_not_cross() {
    let (server, mut client) = Client::connect(limits()).await;
    for stream in [1, 3, 5] {
        client.send(HEADERS, END_HEADERS, stream, &ask("/", &[])).await;
    }
    for (stream, body) in [(5, "five"), (1, "one"), (3, "three")] {
        client.send(DATA, END_STREAM, stream, body.as_bytes()).await;
        let answer = client.await_frame(DATA).await;
        assert_eq!((answer.stream, answer.payload), (stream, body.as_bytes().to_vec()));
    }
    client.send(HEADERS, END_HEADERS, 7, &ask("/", &[("content-length", "70000")])).await;
    assert_ne!(client.await_frame(HEADERS).await.payload[0], OK);
    client.send(HEADERS, END_HEADERS, 9, &ask("/", &[])).await;
    for _ in 0..5 {
        client.send(DATA, 0, 9, &[0; 16_384]).await;
    }
    assert_ne!(client.await_frame(HEADERS).await.payload[0], OK);
    assert_eq!(server.seen(), 3);
}

/// CVE-2023-44487, and CVE-2025-8671 where the client makes the server reset.
#[tokio::test]
async fn rapid_resets_end_the_connection() {
    for own in [true, false] {
        let (server, mut client) = Client::connect(FrontLimits { h2_streams_max: 10, ..limits() }).await;
        for number in 0..5000 {
            let stream = 2 * number + 1;
            let mut sent = client.try_send(HEADERS, END_HEADERS, stream, &ask("/wait", &[])).await;
            if own {
                sent = sent.and(client.try_send(RST_STREAM, 0, stream, &[0, 0, 0, 8]).await);
            } else {
                // A window that overflows is an error of its stream (RFC 9113 §6.9.1).
                sent = sent.and(client.try_send(WINDOW_UPDATE, 0, stream, &[0x7f, 0xff, 0xff, 0xff]).await);
            }
            if sent.is_err() {
                break;
            }
        }
        let code = client.end().await;
        assert!(matches!(code, None | Some(11)), "own {own}: {code:?} is not ENHANCE_YOUR_CALM");
        assert!(server.seen() < 200, "{} requests reached the handler", server.seen());
    }
}

#[tokio::test]
async fn concurrent_streams_are_bounded() {
    let (server, mut client) = Client::connect(FrontLimits { h2_streams_max: 4, ..limits() }).await;
    for number in 0..8 {
        client.send(HEADERS, END_HEADERS | END_STREAM, 2 * number + 1, &ask("/wait", &[])).await;
    }
    assert_eq!(client.await_frame(RST_STREAM).await.payload, [0, 0, 0, 7], "REFUSED_STREAM");
    assert_eq!(server.seen(), 4);
}

#[tokio::test]
async fn floods_end_the_connection() {
    // CONTINUATION frames without end (RUSTSEC-2024-0332).
    let (server, mut client) = Client::connect(limits()).await;
    client.send(HEADERS, 0, 1, &ask("/", &[])).await;
    let piece = block(&[("x", &"y".repeat(1000))]);
    let mut sent = 0;
    while sent < 5000 && client.try_send(CONTINUATION, 0, 1, &piece).await.is_ok() {
        sent += 1;
    }
    client.end().await;
    assert_eq!(server.seen(), 0);

    // DATA frames with nothing in them (RUSTSEC-2026-0258).
    let (server, mut client) = Client::connect(limits()).await;
    client.send(HEADERS, END_HEADERS, 1, &ask("/", &[])).await;
    let mut sent = 0;
    while sent < 100_000 && client.try_send(DATA, 0, 1, &[]).await.is_ok() {
        sent += 1;
    }
    client.end().await;
    assert_eq!(server.seen(), 0);
}

#[tokio::test]
async fn idle_and_silent_connections_are_closed() {
    let short = Duration::from_millis(200);
    let limits = FrontLimits { idle_timeout: Some(short), header_timeout: Some(short), ..limits() };
    let (_server, mut client) = Client::connect(limits.clone()).await;
    let start = Instant::now();
    client.end().await;
    assert!(start.elapsed() < short * 10, "a silent one");

    let (server, mut client) = Client::connect(limits.clone()).await;
    assert_eq!(client.status(1, &ask("/", &[])).await[0], OK);
    client.send(HEADERS, END_HEADERS | END_STREAM, 3, &ask("/wait", &[])).await;
    sleep(short * 2).await;
    server.echo.go.notify_one();
    assert_eq!(client.await_frame(HEADERS).await.payload[0], OK, "a slow answer is not idleness");
    let start = Instant::now();
    assert_eq!(client.end().await, Some(0), "it says goodbye");
    assert!(start.elapsed() < short * 10, "an idle one");
}

#[tokio::test]
async fn dripping_bodies_are_cut() {
    let short = Duration::from_millis(200);
    let (server, mut client) = Client::connect(FrontLimits { body_timeout: Some(short), ..limits() }).await;
    client.send(HEADERS, END_HEADERS, 1, &ask("/", &[])).await;
    client.send(DATA, 0, 1, b"x").await;
    assert_ne!(client.await_frame(HEADERS).await.payload[0], OK);
    assert_eq!(server.seen(), 0);
    assert_eq!(client.status(3, &ask("/", &[])).await[0], OK, "other streams go on");
}

#[tokio::test]
async fn a_stopping_server_finishes_its_streams() {
    let (server, mut client) = Client::connect(FrontLimits { drain_timeout: SOON, ..limits() }).await;
    client.send(HEADERS, END_HEADERS | END_STREAM, 1, &ask("/wait", &[])).await;
    while server.seen() == 0 {
        sleep(Duration::from_millis(5)).await;
    }
    server.stop();
    client.await_frame(GOAWAY).await;
    server.echo.go.notify_one();
    let answer = client.await_frame(DATA).await;
    assert_eq!(answer.payload, b"waited");
    client.end().await;
    server.ended().await;
}

/// One that is gone does not answer the ping with which HTTP/2 says goodbye.
#[tokio::test]
async fn a_stopping_server_does_not_wait_for_clients_that_are_gone() {
    for used in [false, true] {
        let (server, mut client) = Client::connect(FrontLimits { drain_timeout: SOON * 4, ..limits() }).await;
        if used {
            assert_eq!(client.status(1, &ask("/", &[])).await[0], OK);
        }
        sleep(Duration::from_millis(20)).await;
        server.stop();
        server.ended().await;
    }
}

#[tokio::test]
async fn a_panic_spoils_one_stream_only() {
    let (_server, mut client) = Client::connect(limits()).await;
    assert_eq!(client.status(1, &ask("/panic", &[])).await[0], 0x80 | 14);
    assert_eq!(client.status(3, &ask("/", &[])).await[0], OK);
}
