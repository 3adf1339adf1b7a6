//! Request lines, header fields and framing: RFC 9112 §3, §5, §6.

use super::*;

/// A request that must be answered with one of these statuses and never reach the handler, after which the connection
/// is closed, so that what follows is never read as a request.
async fn refused(server: &Server, request: &str, expected: &[u16]) {
    let before = server.seen();
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let answer = server.raw(format!("{request}{smuggled}")).await;
    let got = statuses(&answer);
    assert!(got.len() == 1 && expected.contains(&got[0]), "{request:?}: expected {expected:?}, got {answer:?}");
    assert_eq!(server.seen(), before, "{request:?} reached the handler");
}

#[tokio::test]
async fn rfc9112_s3_2_host_is_there_once_and_valid() {
    let server = Server::plain().await;
    for headers in [
        "",
        "Host: a\r\nHost: a\r\n",
        "Host: a\r\nhost: b\r\n",
        "Host:\r\n",
        "Host: a b\r\n",
        "Host: a, b\r\n",
        "Host: a/b\r\n",
        "Host: user@a\r\n",
        "Host: a:99999\r\n",
        "Host: a:http\r\n",
        "Host: [::1\r\n",
        "Host: http://a\r\n",
        "Host: a%00\r\n",
        "Host: \u{e9}\r\n",
    ] {
        refused(&server, &format!("GET / HTTP/1.1\r\n{headers}\r\n"), &[400]).await;
    }
    for good in ["a", "a:80", "127.0.0.1:8080", "[::1]", "[::1]:8080", "a_b"] {
        let answer = server.raw(format!("GET / HTTP/1.1\r\nHost: {good}\r\nConnection: close\r\n\r\n")).await;
        assert!(is_status(&answer, StatusCode::OK), "{good}: {answer}");
    }
    let answer = server.raw("GET / HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 200 "), "HTTP/1.0 knows no Host: {answer}");
}

#[tokio::test]
async fn rfc9112_s3_2_forms_of_targets() {
    let server = Server::plain().await;
    let answer = server.raw("GET http://b:81/host HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(answer.ends_with("Some(b:81)"), "the authority of the target wins: {answer}");
    let answer = server.raw("OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(is_status(&answer, StatusCode::OK), "{answer}");
    for (line, expected) in [
        ("GET http://u@b/ HTTP/1.1", 400),
        ("GET http://b:x/ HTTP/1.1", 400),
        ("GET ftp://b/ HTTP/1.1", 400),
        ("GET b:80 HTTP/1.1", 400),
        ("GET * HTTP/1.1", 400),
        ("GET /a b HTTP/1.1", 400),
        ("GET /\u{7f} HTTP/1.1", 400),
        ("GET  / HTTP/1.1", 400),
        ("GET / HTTP/2.0", 400),
        ("GET / HTTP/1.2", 400),
        ("GET /", 400),
        ("G(T / HTTP/1.1", 400),
        ("CONNECT b:443 HTTP/1.1", 501),
    ] {
        refused(&server, &format!("{line}\r\nHost: a\r\n\r\n"), &[expected]).await;
    }
}

#[tokio::test]
async fn rfc9112_s6_1_only_plain_chunked_once() {
    let server = Server::plain().await;
    let body = "3\r\nabc\r\n0\r\n\r\n";
    for (fields, expected) in [
        ("Transfer-Encoding: chunked, chunked", 400),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400),
        ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", 400),
        ("Transfer-Encoding: gzip, chunked", 501),
        ("Transfer-Encoding: identity, chunked", 501),
        ("Transfer-Encoding: foo, chunked", 501),
        ("Transfer-Encoding: , chunked", 501),
        ("Transfer-Encoding: identity", 400),
        ("Transfer-Encoding: gzip", 400),
        ("Transfer-Encoding: chunked, gzip", 400),
        ("Transfer-Encoding: xchunked", 400),
        ("Transfer-Encoding: \"chunked\"", 400),
        ("Transfer-Encoding: chunked;q=1", 400),
        ("Transfer-Encoding:", 400),
        ("Transfer-Encoding: \u{b}chunked", 400),
        ("Transfer-Encoding: chunked\u{e9}", 400),
        ("Transfer-Encoding : chunked", 400),
        (" Transfer-Encoding: chunked", 400),
        ("X: y\r\n Transfer-Encoding: chunked", 400),
        ("Transfer-Encoding:\r\n chunked", 400),
    ] {
        refused(&server, &format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n{body}"), &[expected]).await;
    }
    refused(&server, &format!("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}"), &[400]).await;
    for good in ["chunked", "Chunked", "chunked \t"] {
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {good}\r\nConnection: close\r\n\r\n");
        let answer = server.raw(format!("{head}{body}")).await;
        assert!(is_status(&answer, StatusCode::OK) && answer.ends_with("abc"), "{good}: {answer}");
    }
}

#[tokio::test]
async fn rfc9112_s6_3_content_length_is_one_number() {
    let server = Server::plain().await;
    for length in [
        "Content-Length: 3\r\nContent-Length: 4",
        "Content-Length: 3, 3",
        "Content-Length: 3, 4",
        "Content-Length: +3",
        "Content-Length: -3",
        "Content-Length: 0x3",
        "Content-Length: 3 3",
        "Content-Length: 3.0",
        "Content-Length: \"3\"",
        "Content-Length:",
        "Content-Length: 18446744073709551616",
        "Content-Length: 18446744073709551619",
        "Content-Length: 99999999999999999999999999999999999999",
        "Content-Length : 3",
        "Content-Length\t: 3",
        "Content-Length: 3\u{0}",
    ] {
        refused(&server, &format!("POST / HTTP/1.1\r\nHost: a\r\n{length}\r\n\r\nabc"), &[400]).await;
    }
    // hyper keeps the largest numbers for itself, and says 431.
    let largest = "Content-Length: 18446744073709551614";
    refused(&server, &format!("POST / HTTP/1.1\r\nHost: a\r\n{largest}\r\n\r\nabc"), &[400, 413, 431]).await;
}

/// Of both lengths the chunks count, and the connection ends with the answer: whoever believed the other length can
/// smuggle nothing through it.
#[tokio::test]
async fn rfc9112_s6_1_both_lengths_end_the_connection() {
    let server = Server::plain().await;
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for fields in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "Content-Length: 60\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive",
        "Transfer-Encoding: chunked\r\nContent-Length: 3\r\nContent-Length: 8",
    ] {
        let request = format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n3\r\nabc\r\n0\r\n\r\n{smuggled}");
        let answer = server.raw(request).await;
        assert_eq!(statuses(&answer).len(), 1, "{fields}: {answer}");
        assert!(answer.contains("connection: close") && answer.ends_with("abc"), "{fields}: {answer}");
    }
}

#[tokio::test]
async fn rfc9112_s5_field_lines_are_well_formed() {
    let server = Server::plain().await;
    for line in [
        "X : y",
        "X y",
        ": y",
        "X\u{0}: y",
        "X: y\u{0}z",
        "X: y\rz",
        "(X): y",
        " folded",
        "X: y\r\n\tfolded",
        "X\u{e9}: y",
    ] {
        refused(&server, &format!("GET / HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n"), &[400]).await;
    }
    // RFC 9112 §2.2 lets a bare LF end a line. What counts is that both ends of a pipe agree on where the head ends.
    let answer = server.raw("POST / HTTP/1.1\nHost: a\nContent-Length: 3\nConnection: close\n\nabc").await;
    assert!(is_status(&answer, StatusCode::OK) && answer.ends_with("abc"), "{answer}");
}

#[tokio::test]
async fn what_may_be_there_once_is() {
    let server = Server::plain().await;
    for name in ["Authorization", "DPoP", "Content-Type", "content-encoding", "Expect"] {
        let twice = format!("POST / HTTP/1.1\r\nHost: a\r\n{name}: a\r\n{name}: a\r\nContent-Length: 0\r\n\r\n");
        refused(&server, &twice, &[400]).await;
    }
    let answer = server.raw("GET / HTTP/1.1\r\nHost: a\r\nAccept: a\r\nAccept: b\r\nConnection: close\r\n\r\n").await;
    assert!(is_status(&answer, StatusCode::OK), "lists may be spread over lines: {answer}");
}

#[tokio::test]
async fn heads_are_bounded() {
    let server = Server::plain().await;
    let head = |line: &str, fields: &str| format!("GET /{line} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    refused(&server, &head(&"a".repeat(9000), ""), &[414]).await;
    refused(&server, &head("", &"X: y\r\n".repeat(64)), &[431]).await;
    refused(&server, &head("", &format!("X: {}\r\n", "y".repeat(17_000))), &[431]).await;
    refused(&server, &format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "y".repeat(40_000)), &[431]).await;
    refused(&server, &"y".repeat(40_000), &[400, 431]).await;
    let answer = server.raw(head("", &format!("X: {}\r\nConnection: close\r\n", "y".repeat(12_000)))).await;
    assert!(is_status(&answer, StatusCode::OK), "{answer}");
}

#[tokio::test]
async fn pipelined_requests_get_their_own_answers() {
    let server = Server::plain().await;
    let mut requests = String::new();
    for number in 0..50 {
        let body = format!("<{number}>");
        let last = if number == 49 { "Connection: close\r\n" } else { "" };
        let length = body.len();
        requests += &format!("POST / HTTP/1.1\r\nHost: a\r\n{last}Content-Length: {length}\r\n\r\n{body}");
    }
    let answers = server.raw(requests).await;
    let bodies: Vec<&str> = answers.split("<").skip(1).map(|text| text.split('>').next().unwrap()).collect();
    assert_eq!(bodies, (0..50).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_panic_spoils_one_request_only() {
    let server = Server::plain().await;
    let answer = server.raw("GET /panic HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(is_status(&answer, StatusCode::INTERNAL_SERVER_ERROR) && answer.contains("panic: "), "{answer}");
    server.assert_alive().await;
}
