//! What stands between a socket and a request: reliability.md 2.4.

use std::time::Duration;

use hookswitch_server::app::COMPONENTS;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::engines::Engine;
use crate::harness::{spawn_server, spawn_with};

/// Sends bytes and reads until the server closes or `patience` is over.
async fn exchange(address: &str, request: &str, patience: Duration) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(patience, stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

const SHORT: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn ambiguous_requests_are_refused_and_the_connection_closed() {
    let engine = Engine::sqlite(COMPONENTS).await;
    let server = spawn_server(&engine).await;
    let long = format!("x-long: {}\r\n", "a".repeat(70_000));
    let many = "x-h: 1\r\n".repeat(120);
    for (lines, status) in [
        ("", "400"),
        ("host: a\r\nhost: b\r\n", "400"),
        ("host: a, b\r\n", "400"),
        ("host: a\r\ntransfer-encoding: gzip, chunked\r\n", "501"),
        ("host: a\r\ntransfer-encoding: identity, chunked\r\n", "501"),
        ("host: a\r\ntransfer-encoding: chunked, chunked\r\n", "501"),
        ("host: a\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n", "501"),
        ("host: a\r\ncontent-length: 99999999\r\n", "413"),
        ("host: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n", "400"),
        ("host: a\r\ncontent-length: -1\r\n", "400"),
        ("host: a\r\nbad header\r\n", "400"),
        (&format!("host: a\r\n{many}"), "431"),
        (&format!("host: a\r\n{long}"), "431"),
    ] {
        // The body is never sent: an announced one must be refused without waiting for it.
        let answer = exchange(&server.address, &format!("POST /api/v1/session HTTP/1.1\r\n{lines}\r\n"), SHORT).await;
        let first = answer.lines().next().unwrap_or_default();
        assert!(first.contains(status), "{:?}: {first}", lines.chars().take(60).collect::<String>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_chunked_body_is_fine_and_a_second_request_follows() {
    let engine = Engine::sqlite(COMPONENTS).await;
    let server = spawn_server(&engine).await;
    let chunked = "POST /api/v1/session HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
        transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answer = exchange(&server.address, chunked, SHORT).await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("HTTP/1.1 200"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_head_loses_its_connection() {
    let engine = Engine::sqlite(COMPONENTS).await;
    let server = spawn_server(&engine).await;
    let started = std::time::Instant::now();
    let answer = exchange(&server.address, "GET /healthz HTTP/1.1\r\nhost:", Duration::from_secs(14)).await;
    assert!(started.elapsed() < Duration::from_secs(13), "the connection is still open: {answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_has_so_many_connections_and_no_more() {
    let engine = Engine::sqlite(COMPONENTS).await;
    let server = spawn_with(&engine, &[("limits.connections_per_address", "3")]).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(&server.address).await.unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        held.push(stream);
    }
    let request = "GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    assert_eq!(exchange(&server.address, request, SHORT).await, "");
    drop(held);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(exchange(&server.address, request, SHORT).await.starts_with("HTTP/1.1 200"));
}
