//! Hostile peers of every kind at once: each of them ends within its limit, and meanwhile good
//! requests are answered.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use hookswitch_server::app::COMPONENTS;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::engines::Engine;
use crate::harness::spawn_with;
use crate::inbound::{House, alert, alerts};

/// A good request is answered within this, whatever goes on.
const PATIENCE: Duration = Duration::from_secs(5);
const STEP: Duration = Duration::from_millis(400);

/// A connection from an address of the attacker's own: loopback has many.
async fn from(source: [u8; 4], server: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    // A peer that doesn't read has a small window.
    socket.set_recv_buffer_size(4_096)?;
    socket.bind((source, 0).into())?;
    socket.connect(server).await
}

/// Whether the server has closed the connection; what it said before is read.
async fn closed(stream: &mut TcpStream, within: Duration) -> bool {
    let mut sink = vec![0; 65_536];
    let reading = async { while matches!(stream.read(&mut sink).await, Ok(1..)) {} };
    tokio::time::timeout(within, reading).await.is_ok()
}

/// Writes the start, then a byte of the rest now and then, until the server has enough of it.
async fn drip(server: SocketAddr, source: [u8; 4], start: &str, rest: &[u8]) -> Duration {
    let started = Instant::now();
    let Ok(mut stream) = from(source, server).await else { return Duration::ZERO };
    let _ = stream.write_all(start.as_bytes()).await;
    for byte in rest.iter().cycle() {
        if stream.write_all(&[*byte]).await.is_err() || closed(&mut stream, STEP).await {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "it drips for ever: {start:?}");
    }
    started.elapsed()
}

/// Asks for much, reads nothing, and goes on asking until the server has closed.
async fn never_read(server: SocketAddr, source: [u8; 4]) -> Duration {
    let started = Instant::now();
    let Ok(mut stream) = from(source, server).await else { return Duration::ZERO };
    let request = b"GET /api/openapi.json HTTP/1.1\r\nhost: a\r\n\r\n".repeat(40);
    let asking = async {
        loop {
            if stream.write_all(&request).await.is_err() {
                return;
            }
            tokio::time::sleep(STEP).await;
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(60), asking).await;
    started.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_peers_end_within_their_limits_while_good_requests_are_answered() {
    let engine = Engine::sqlite(COMPONENTS).await;
    let settings = [("limits.connections", "160"), ("limits.connections_per_address", "30")];
    let house = House::of(spawn_with(&engine, &settings).await).await;
    let webhook = house.webhook(alerts(json!({"rate_limit_per_minute": 60_000}))).await;
    let server: SocketAddr = house.server.address.parse().unwrap();

    let mut slow = JoinSet::new();
    let body = format!(
        "POST {} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n",
        webhook.path()
    );
    for _ in 0..25 {
        let body = body.clone();
        slow.spawn(async move { ("says nothing", 13, drip(server, [127, 0, 1, 1], "", &[]).await) });
        slow.spawn(async move { ("a slow head", 13, drip(server, [127, 0, 1, 2], "GET / HTTP/1.1\r\nhost:", b"a").await) });
        slow.spawn(async move { ("a slow body", 34, drip(server, [127, 0, 1, 3], &body, b" ").await) });
        slow.spawn(async move { ("reads nothing", 40, never_read(server, [127, 0, 1, 4]).await) });
    }
    slow.spawn(async move {
        let endless = "x-a: b\r\n".repeat(8);
        ("endless headers", 13, drip(server, [127, 0, 1, 5], "GET / HTTP/1.1\r\nhost: a\r\n", endless.as_bytes()).await)
    });
    // A flood: far more connections than one address has, again and again.
    let flood = tokio::spawn(async move {
        let mut held = Vec::new();
        for _ in 0..600 {
            if let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_secs(1), from([127, 0, 1, 6], server)).await {
                held.push(stream);
            }
            held.drain(..held.len().saturating_sub(100));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });

    let started = Instant::now();
    let mut answered = 0;
    while started.elapsed() < Duration::from_secs(36) {
        let answer = tokio::time::timeout(PATIENCE, webhook.post(&answered.to_string(), &alert("x"))).await;
        answer.unwrap_or_else(|_| panic!("no answer in time, after {answered} good ones")).expect(200);
        answered += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(answered > 60, "only {answered} good requests were answered");
    while let Some(ended) = slow.join_next().await {
        let (what, seconds, lasted) = ended.unwrap();
        assert!(lasted <= Duration::from_secs(seconds), "{what}: held for {lasted:?}");
    }
    flood.await.unwrap();
    webhook.post("after", &alert("x")).await.expect(200);
}
