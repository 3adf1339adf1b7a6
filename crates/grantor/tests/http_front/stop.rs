//! Stopping, and running out of descriptors.

use super::*;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use tokio::time::{Instant, sleep};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const WAIT: &[u8] = b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n";

async fn until_seen(server: &Server, count: usize) {
    let seen = async {
        while server.seen() < count {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, seen).await.expect("requests arrive");
}

#[tokio::test]
async fn what_is_in_flight_is_finished_and_the_rest_closed() {
    let server = Server::start(FrontLimits { drain_timeout: SOON, ..limits() }, None).await;
    let (mut fresh, mut idle, mut busy) = (server.connect().await, server.connect().await, server.connect().await);
    idle.write_all(GET).await.unwrap();
    answer(&mut idle).await;
    busy.write_all(WAIT).await.unwrap();
    until_seen(&server, 2).await;

    server.stop();
    assert_eq!(rest(&mut fresh).await, "");
    assert_eq!(rest(&mut idle).await, "");
    let refused = async { while TcpStream::connect(server.addr).await.is_ok() {} };
    timeout(SOON, refused).await.expect("nothing is accepted any more");

    server.echo.go.notify_one();
    let answer = rest(&mut busy).await;
    assert!(answer.ends_with("waited") && answer.contains("connection: close"), "{answer}");
    server.ended().await;
}

#[tokio::test]
async fn what_does_not_end_is_cut() {
    let server = Server::start(FrontLimits { drain_timeout: Duration::from_millis(200), ..limits() }, None).await;
    let (mut busy, mut half) = (server.connect().await, server.connect().await);
    busy.write_all(WAIT).await.unwrap();
    half.write_all(b"GET / HTT").await.unwrap();
    until_seen(&server, 1).await;
    let start = Instant::now();
    server.stop();
    server.ended().await;
    assert!((200..2000).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    assert_eq!(rest(&mut busy).await, "");
    assert_eq!(rest(&mut half).await, "");
}

/// The server with room for few descriptors, in a process of its own.
#[tokio::test]
#[ignore = "started by `running_out_of_descriptors_passes`"]
async fn with_few_descriptors() {
    let server = Server::plain().await;
    println!("listens on {}", server.addr);
    sleep(Duration::from_secs(30)).await;
}

#[tokio::test]
async fn running_out_of_descriptors_passes() {
    let tests = std::env::current_exe().unwrap();
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -n 40; exec \"$0\" --ignored --exact --nocapture stop::with_few_descriptors"])
        .arg(tests)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let addr =
        lines.map_while(Result::ok).find_map(|line| line.split_once("listens on ").map(|(_, addr)| addr.to_owned()));
    let addr: SocketAddr = addr.expect("the server starts").parse().unwrap();

    let mut crowd = Vec::new();
    for _ in 0..80 {
        crowd.push(TcpStream::connect(addr).await.unwrap());
    }
    let mut served = 0;
    for stream in &mut crowd {
        stream.write_all(GET).await.unwrap();
        if timeout(Duration::from_millis(300), stream.read_u8()).await.is_err() {
            break;
        }
        served += 1;
    }
    drop(crowd);
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(GET).await.unwrap();
    assert!(is_status(&answer(&mut stream).await, StatusCode::OK), "it serves again");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!((1..80).contains(&served), "{served} of 80 were served");
}
