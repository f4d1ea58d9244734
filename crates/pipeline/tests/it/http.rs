//! The client against receivers that lie, stall, flood, redirect and point inside.

use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use hookswitch_domain::egress::{Rules, parse_target};
use hookswitch_pipeline::http::{BODY_BYTES_MAX, Client, Exchange, Options, Request};
use http::Method;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::names;
use crate::receiver::{Receiver, Step, answer, say};

pub fn open_rules() -> Rules {
    Rules { allow: vec!["127.0.0.1/32".parse().unwrap()], require_https: false }
}

pub fn options() -> Options {
    Options { rules: open_rules(), ..Options::default() }
}

fn client() -> Client {
    Client::new(options()).unwrap()
}

/// Sends to a URL that is judged by lax rules, so that the client's own guard is what is tested.
async fn send_within(client: &Client, key: u128, url: &str, millis: u64) -> Exchange {
    let target =
        parse_target(url, &Rules { allow: vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()], require_https: false })
            .unwrap();
    let request = Request {
        pool_key: Uuid::from_u128(key),
        method: Method::POST,
        target: &target,
        headers: Vec::new(),
        body: Bytes::from_static(b"{}"),
        deadline: Instant::now() + Duration::from_millis(millis),
    };
    client.send(request).await
}

pub async fn send(client: &Client, url: &str) -> Exchange {
    send_within(client, 1, url, 5_000).await
}

pub fn failure(exchange: Exchange) -> String {
    exchange.result.unwrap_err().to_string()
}

#[tokio::test]
async fn a_request_carries_what_it_must_and_asks_for_nothing_else() {
    let receiver = Receiver::plain(answer("200 OK", "set-cookie: a=b\r\n", "hello")).await;
    let exchange = send(&client(), &receiver.url("/hook?key=1")).await;
    let got = exchange.result.unwrap();
    assert_eq!((got.status, &got.body_head[..], got.truncated), (200, &b"hello"[..], false));
    assert_eq!(exchange.remote_addr, Some(receiver.addr));
    assert!(exchange.timings.connect_us.is_some() && exchange.timings.first_byte_us.is_some());
    let expected = format!("POST /hook?key=1 HTTP/1.1\r\nhost: {}\r\ncontent-length: 2\r\n\r\n{{}}", receiver.addr);
    assert_eq!(receiver.saw(|ledger| ledger.requests.clone()), [expected]);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let canary = Receiver::plain(answer("200 OK", "", "")).await;
    let location = format!("location: {}\r\n", canary.url("/"));
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let receiver = Receiver::plain(answer(status, &location, "")).await;
        let got = send(&client(), &receiver.url("/")).await.result.unwrap();
        assert_eq!(got.status.to_string(), status[..3]);
    }
    assert_eq!(canary.saw(|ledger| ledger.connections), 0);
}

#[tokio::test]
async fn an_endless_body_is_cut_and_its_connection_closed() {
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    let flood = [Step::Take, say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"), Step::Flood(chunk.into_bytes())];
    let receiver = Receiver::plain(flood).await;
    let client = client();
    let got = send(&client, &receiver.url("/")).await.result.unwrap();
    assert!(got.truncated);
    assert_eq!(got.body_head.len(), BODY_BYTES_MAX);
    sleep(Duration::from_millis(100)).await;
    assert_eq!(receiver.saw(|ledger| ledger.closed), 1);
}

#[tokio::test]
async fn one_deadline_covers_silence_and_a_body_that_drips() {
    let silent = Receiver::plain([Step::Take]).await;
    let begun = Instant::now();
    let reason = failure(send_within(&client(), 1, &silent.url("/"), 300).await);
    assert!(reason.starts_with("no answer within "), "{reason}");
    let mut drip = answer("200 OK", "x: y\r\n", &"z".repeat(100)).to_vec();
    let Some(Step::Say(bytes)) = drip.pop() else { panic!() };
    drip.push(Step::Say(bytes[..bytes.len() - 90].to_vec()));
    drip.extend((0..50).flat_map(|_| [Step::Wait(Duration::from_millis(50)), say("z")]));
    let dripping = Receiver::plain(drip).await;
    let exchange = send_within(&client(), 1, &dripping.url("/"), 300).await;
    assert!(exchange.timings.first_byte_us.is_some());
    let reason = failure(exchange);
    assert!(reason.starts_with("the answer did not end within "), "{reason}");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn connections_are_kept_per_key_and_target() {
    let script: Vec<Step> = (0..5).flat_map(|_| answer("200 OK", "", "ok")).collect();
    let receiver = Receiver::plain(script).await;
    let client = client();
    for _ in 0..3 {
        assert!(send_within(&client, 1, &receiver.url("/"), 5_000).await.result.is_ok());
    }
    assert_eq!(receiver.saw(|ledger| ledger.connections), 1);
    let kept = send_within(&client, 1, &receiver.url("/other"), 5_000).await;
    assert_eq!((kept.timings.connect_us, kept.timings.dns_us), (None, None));
    assert!(send_within(&client, 2, &receiver.url("/"), 5_000).await.result.is_ok());
    assert_eq!(receiver.saw(|ledger| ledger.connections), 2);

    let elsewhere = Receiver::plain(answer("204 No Content", "", "")).await;
    assert_eq!(send_within(&client, 1, &elsewhere.url("/"), 5_000).await.result.unwrap().status, 204);
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_time() {
    let receiver = Receiver::plain(answer("200 OK", "", "ok")).await;
    let client = Client::new(Options { idle_for: Duration::from_millis(100), ..options() }).unwrap();
    assert!(send(&client, &receiver.url("/")).await.result.is_ok());
    sleep(Duration::from_millis(400)).await;
    assert_eq!(receiver.saw(|ledger| ledger.closed), 1);
}

#[tokio::test]
async fn idle_connections_are_capped() {
    let client = Client::new(Options { idle_per_key: 1, ..options() }).unwrap();
    let slow = [vec![Step::Take, Step::Wait(Duration::from_millis(100))], answer("200 OK", "", "ok")[1..].to_vec()].concat();
    let receiver = Receiver::plain(slow).await;
    let url = receiver.url("/");
    let (a, b, c) = tokio::join!(send(&client, &url), send(&client, &url), send(&client, &url));
    assert!(a.result.is_ok() && b.result.is_ok() && c.result.is_ok());
    sleep(Duration::from_millis(100)).await;
    assert_eq!(receiver.saw(|ledger| (ledger.connections, ledger.closed)), (3, 2));
}

/// Response-queue poisoning: what a receiver sends unasked is never the answer to a later request.
#[tokio::test]
async fn a_stray_second_answer_is_not_handed_to_the_next_request() {
    let good = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood";
    let stray = "HTTP/1.1 202 Accepted\r\ncontent-length: 6\r\n\r\npoison";
    let at_once = vec![Step::Take, say(format!("{good}{stray}"))];
    let later = vec![Step::Take, say(good), Step::Wait(Duration::from_millis(50)), say(stray)];
    for poisoned in [at_once, later] {
        let receiver = Receiver::in_turn(vec![poisoned, vec![Step::Take, say(good)]]).await;
        let client = client();
        for _ in 0..2 {
            assert_eq!(send(&client, &receiver.url("/")).await.result.unwrap().body_head, "good");
            sleep(Duration::from_millis(150)).await;
        }
        assert_eq!(receiver.saw(|ledger| ledger.connections), 2);
    }
}

#[tokio::test]
async fn a_kept_connection_that_died_costs_no_failure() {
    let good = answer("200 OK", "", "ok");
    // Closed while idle; and closed at the moment of the second request.
    let idle = [good.to_vec(), vec![Step::Close]].concat();
    let busy = [good.to_vec(), vec![Step::Take, Step::Close]].concat();
    for dying in [idle, busy] {
        let receiver = Receiver::in_turn(vec![dying, good.to_vec()]).await;
        let client = client();
        for _ in 0..2 {
            assert_eq!(send(&client, &receiver.url("/")).await.result.unwrap().status, 200);
            sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(receiver.saw(|ledger| ledger.connections), 2);
    }
}

#[tokio::test]
async fn a_fresh_connection_that_dies_is_not_tried_again() {
    let receiver = Receiver::plain([Step::Take, Step::Close]).await;
    let exchange = send(&client(), &receiver.url("/")).await;
    let error = exchange.result.unwrap_err();
    assert!(error.may_have_sent());
    assert_eq!(error.to_string(), "connection closed before an answer");
    assert_eq!(receiver.saw(|ledger| ledger.connections), 1);
}

#[tokio::test]
async fn hostile_answers_are_named_and_bounded() {
    let large = format!("HTTP/1.1 200 OK\r\nx: {}\r\n", "y".repeat(100_000));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(150));
    for (bytes, text) in [
        ("SSH-2.0-OpenSSH_9.2\r\n", "the answer is no valid HTTP/1.1"),
        ("HTTP/1.1 abc OK\r\n\r\n", "the answer is no valid HTTP/1.1"),
        (large.as_str(), "the answer has more than 100 headers or 64 KiB of them"),
        (many.as_str(), "the answer has more than 100 headers or 64 KiB of them"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", "connection lost in the middle of the answer"),
    ] {
        let receiver = Receiver::plain([Step::Take, say(bytes), Step::Close]).await;
        assert_eq!(failure(send(&client(), &receiver.url("/")).await), text);
    }
}

#[tokio::test]
async fn a_closed_literal_is_never_connected_to() {
    let receiver = Receiver::plain(answer("200 OK", "", "")).await;
    let strict = Client::new(Options::default()).unwrap();
    let exchange = send(&strict, &receiver.url("/")).await;
    assert!(!exchange.result.as_ref().unwrap_err().may_have_sent());
    assert_eq!(failure(exchange), "forbidden address 127.0.0.1");
    for (url, addr) in [
        ("http://[::1]/", "::1"),
        ("http://169.254.169.254/", "169.254.169.254"),
        ("http://[::ffff:127.0.0.1]/", "::ffff:127.0.0.1"),
    ] {
        assert_eq!(failure(send(&strict, url).await), format!("forbidden address {addr}"));
    }
    assert_eq!(receiver.saw(|ledger| ledger.connections), 0);
}

#[tokio::test]
async fn one_closed_address_among_the_answers_closes_the_name() {
    let inside = Ipv4Addr::LOCALHOST;
    let dns = names::serve(&[
        ("inside.example", &[inside]),
        ("mixed.example", &[Ipv4Addr::new(8, 8, 8, 8), inside]),
        ("good.example", &[inside]),
    ])
    .await;
    let receiver = Receiver::plain(answer("200 OK", "", "ok")).await;
    let port = receiver.addr.port();
    let strict = Client::new(Options { dns_servers: vec![dns], ..Options::default() }).unwrap();
    for name in ["inside.example", "mixed.example"] {
        let text = failure(send(&strict, &format!("http://{name}:{port}/")).await);
        assert_eq!(text, "forbidden address 127.0.0.1");
    }
    assert_eq!(receiver.saw(|ledger| ledger.connections), 0);

    let open = Client::new(Options { dns_servers: vec![dns], ..options() }).unwrap();
    let exchange = send(&open, &format!("http://good.example:{port}/")).await;
    assert!(exchange.timings.dns_us.is_some());
    assert_eq!(exchange.result.unwrap().status, 200);
    assert!(receiver.saw(|ledger| ledger.requests[0].contains(&format!("host: good.example:{port}\r\n"))));
    assert_eq!(failure(send(&open, "http://absent.example/").await), "name does not resolve: absent.example");
}

#[tokio::test]
async fn nobody_at_home_is_said_plainly() {
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert_eq!(failure(send(&client(), &format!("http://{gone}/")).await), "connection refused");
}
