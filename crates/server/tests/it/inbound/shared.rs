//! A webhook's rate in Redis: nodes share it, each keeps its own bound while Redis is away, and they
//! share again once it is back. Against real servers: the one of the tests, and one that is killed.

use std::process::{Child, Command, Stdio};

use hookswitch_server::app::COMPONENTS;
use serde_json::json;
use tokio::time::Instant;

use super::{House, Webhook, alert, alerts};
use crate::engines::Engine;
use crate::harness::{Client, Server, spawn_with};
use crate::on_both_engines;
use crate::receiver::until;

/// A Redis of this test's own; it ends with this value.
struct Redis {
    process: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Redis {
    fn start() -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let process = Self::run(port, &folder);
        Self { process, port, folder }
    }

    fn run(port: u16, folder: &tempfile::TempDir) -> Child {
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"]);
        command.arg(folder.path()).stdout(Stdio::null());
        command.spawn().expect("redis-server; scripts/services.sh redis installs it")
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    fn start_again(&mut self) {
        self.process = Self::run(self.port, &self.folder);
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn redis_is(server: &Server, state: &str) {
    until(&format!("redis {state}"), || async {
        let ready = server.stranger().get("/readyz").await.expect(200).json();
        (ready["redis"] == state).then_some(())
    })
    .await;
}

/// How many of so many requests were let in, alternating between nodes, and how many more than the limit a
/// minute's rate may have let in meanwhile.
async fn let_in(webhook: &Webhook, nodes: &[&Server], requests: usize, per_minute: f64) -> (usize, usize) {
    let (begun, body) = (Instant::now(), alert("x"));
    let mut taken = 0;
    for number in 0..requests {
        let sender: Client = webhook.signed(body.as_bytes()).at(&nodes[number % nodes.len()].address);
        let answer = sender.raw(http::Method::POST, &webhook.path(), body.clone()).await;
        match answer.status.as_u16() {
            200 => taken += 1,
            429 => assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1),
            other => panic!("{other}: {}", answer.text()),
        }
    }
    (taken, (begun.elapsed().as_secs_f64() * per_minute / 60.0).ceil() as usize)
}

async fn limited(house: &House, slug: &str) -> Webhook {
    house.webhook(alerts(json!({"slug": slug, "idempotency_source": null, "rate_limit_per_minute": 6}))).await
}

async fn nodes_share_a_webhooks_rate(engine: &Engine) {
    let url = std::env::var("HOOKSWITCH_TEST_REDIS").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned());
    let settings = [("redis.url", url.as_str())];
    let house = House::of(spawn_with(engine, &settings).await).await;
    let other = house.server.another(engine, &settings, true).await;
    let alone = house.server.another(engine, &[], true).await;
    let webhook = limited(&house, "shared").await;
    for node in [&house.server, &other] {
        redis_is(node, "up").await;
    }
    let (taken, more) = let_in(&webhook, &[&house.server, &other], 16, 6.0).await;
    assert!((6..=6 + more).contains(&taken), "{taken} of 16, {more} more at most");
    // A node that shares nothing has a bucket of its own, and says nothing of Redis.
    let ready = alone.stranger().get("/readyz").await.expect(200).json();
    assert!(ready.get("redis").is_none(), "{ready}");
    let (taken, _) = let_in(&webhook, &[&alone], 1, 6.0).await;
    assert_eq!(taken, 1);
    // Each webhook has its own.
    let second = limited(&house, "second").await;
    assert_eq!(let_in(&second, &[&house.server, &other], 4, 6.0).await.0, 4);
}

async fn while_redis_is_away_each_node_keeps_its_own_bound(engine: &Engine) {
    let mut redis = Redis::start();
    let url = redis.url();
    let settings = [("redis.url", url.as_str())];
    let house = House::of(spawn_with(engine, &settings).await).await;
    let other = house.server.another(engine, &settings, true).await;
    let nodes = [&house.server, &other];
    for node in nodes {
        redis_is(node, "up").await;
    }
    redis.kill();
    // Nobody waits for what isn't there, and nobody is let in without a bound.
    let webhook = limited(&house, "away").await;
    let (taken, more) = let_in(&webhook, &nodes, 20, 6.0).await;
    assert!((12..=12 + 2 * more).contains(&taken), "{taken} of 20, {more} more at most");
    for node in nodes {
        redis_is(node, "away").await;
    }
    let metrics = house.admin.get("/metrics").await.expect(200).text();
    assert!(metrics.contains("hookswitch_rate_local_total") && metrics.contains("hookswitch_redis_up"), "{metrics}");
    redis.start_again();
    for node in nodes {
        redis_is(node, "up").await;
    }
    let webhook = limited(&house, "back").await;
    let (taken, more) = let_in(&webhook, &nodes, 16, 6.0).await;
    assert!((6..=6 + more).contains(&taken), "{taken} of 16, {more} more at most");
}

/// Redis isn't needed to begin with.
async fn a_server_starts_without_its_redis(engine: &Engine) {
    let house = House::of(spawn_with(engine, &[("redis.url", "redis://127.0.0.1:1/0")]).await).await;
    redis_is(&house.server, "away").await;
    let webhook = limited(&house, "without").await;
    let (taken, more) = let_in(&webhook, &[&house.server], 9, 6.0).await;
    assert!((6..=6 + more).contains(&taken), "{taken} of 9");
}

on_both_engines!(
    nodes_share_a_webhooks_rate,
    while_redis_is_away_each_node_keeps_its_own_bound,
    a_server_starts_without_its_redis,
);
