//! What operators look at: deliveries in the audit trail and their digests in its chain, health and
//! statistics that equal the rows they count.

use std::sync::Arc;
use std::time::Duration;

use hookswitch_domain::time::{Ambient, Timestamp};
use hookswitch_pipeline::upkeep::Upkeep;
use hookswitch_server::app::COMPONENTS;
use hookswitch_store::params;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::engines::{Engine, ambient, sql};
use crate::harness::Server;
use crate::on_both_engines;
use crate::outbound::Line;
use crate::receiver::until;

const AUDIT: &str = "/api/v1/audit";

/// The machine's clock, so many seconds later.
struct Later(u64);

impl Ambient for Later {
    fn now(&self) -> Timestamp {
        ambient().now().plus(Duration::from_secs(self.0))
    }

    fn fill(&self, bytes: &mut [u8]) {
        ambient().fill(bytes);
    }
}

/// Does every duty of upkeep once, as if it were so many seconds later.
pub async fn upkeep_after(server: &Server, seconds: u64) {
    let upkeep = Upkeep { ambient: Arc::new(Later(seconds)), ..server.app.engine.upkeep() };
    for (duty, done) in upkeep.round(&CancellationToken::new()).await {
        done.unwrap_or_else(|error| panic!("{duty}: {error}"));
    }
}

/// Five events: the first three are taken, the next fails once and is taken, the last one never.
async fn traffic(engine: &Engine) -> Line {
    let script = |_: usize, taken: &crate::receiver::Taken| match taken.json()["payload"]["n"].as_i64() {
        Some(4) => 500.into(),
        Some(3) if !SEEN.before(taken) => 503.into(),
        _ => 204.into(),
    };
    let line = Line::start(engine, script).await;
    line.schedule(&[0, 0]).await;
    line.destination(json!({})).await;
    for n in 0..5 {
        let body = json!({"event_type": "a.b", "payload": {"n": n}, "correlation_id": format!("case-{n}")});
        let event = line.admin.post("/api/v1/events", body).await.expect(202).json()["event_id"].as_str().unwrap().to_owned();
        line.settled(&event, if n == 4 { "dead_lettered" } else { "delivered" }).await;
    }
    line
}

/// Which ids came before.
struct Seen(std::sync::Mutex<Vec<String>>);
static SEEN: Seen = Seen(std::sync::Mutex::new(Vec::new()));

impl Seen {
    fn before(&self, taken: &crate::receiver::Taken) -> bool {
        let (mut seen, id) = (self.0.lock().unwrap(), taken.header("webhook-id").to_owned());
        let known = seen.contains(&id);
        seen.push(id);
        known
    }
}

async fn list(line: &Line, query: &str) -> Vec<Value> {
    let found = line.admin.get(&format!("{AUDIT}?{query}")).await.expect(200).json();
    found["data"].as_array().unwrap().clone()
}

fn actions(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect()
}

async fn what_happens_to_deliveries_is_in_the_trail(engine: &Engine) {
    let line = traffic(engine).await;
    let told = list(&line, "correlation_id=case-3").await;
    assert_eq!(actions(&told), ["delivery.delivered", "delivery.retry", "delivery.scheduled"]);
    let told = list(&line, "correlation_id=case-4").await;
    assert_eq!(actions(&told), ["delivery.dead_lettered", "delivery.retry", "delivery.scheduled"]);
    let delivery = told[0]["target"].as_str().unwrap();
    assert!(delivery.starts_with("dlv_") && told[0]["correlation_id"] == "case-4" && told[0]["actor"] == "system");
    assert_eq!((&told[0]["detail"]["status"], &told[0]["hash"], &told[0]["seq"]), (&json!(500), &json!(null), &json!(null)));
    assert_eq!(actions(&list(&line, &format!("target={delivery}")).await).len(), 3);
    assert_eq!(list(&line, "action=delivery.delivered").await.len(), 4);
    let admin = format!("actor={}", list(&line, "action=destination.created").await[0]["actor"].as_str().unwrap());
    assert!(list(&line, &admin).await.iter().all(|entry| entry["seq"].is_number()), "people deliver nothing themselves");
    let elsewhere = line.server.admin("globex").await;
    assert!(!elsewhere.get(AUDIT).await.expect(200).text().contains("dlv_"), "another tenant's deliveries");
}

/// Pages of one: everything once, nothing twice, and an end.
async fn the_trail_is_paged_without_a_gap(engine: &Engine) {
    let line = traffic(engine).await;
    let whole = list(&line, "limit=100").await;
    assert!(whole.len() > 12 + 3, "5 scheduled, 7 tries, and the set-up: {}", whole.len());
    let (mut seen, mut query) = (Vec::new(), "limit=1".to_owned());
    loop {
        let page = line.admin.get(&format!("{AUDIT}?{query}")).await.expect(200).json();
        let data = page["data"].as_array().unwrap();
        assert!(data.len() <= 1);
        seen.extend(data.clone());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        query = format!("limit=1&cursor={cursor}");
        assert!(seen.len() <= whole.len(), "it never ends");
    }
    assert_eq!(seen, whole);
}

async fn verdict(line: &Line) -> Value {
    line.admin.get("/api/v1/audit/verify").await.expect(200).json()
}

/// PostgreSQL: an account waits for older transactions of the whole cluster, other tests' among them.
async fn first_digest(line: &Line) -> Value {
    until("a first digest", || async {
        upkeep_after(&line.server, 0).await;
        Some(verdict(line).await).filter(|verdict| verdict["digests"] != 0)
    })
    .await
}

async fn a_flipped_byte_in_an_attempt_is_found(engine: &Engine) {
    let line = traffic(engine).await;
    let before = first_digest(&line).await;
    assert_eq!((&before["intact"], &before["digests"]), (&json!(true), &json!(1)), "{before}");
    let anchor = list(&line, "action=delivery_digest").await;
    assert_eq!(anchor[0]["detail"]["rows"], 7);
    let tenant = line.server.tenant("acme").await;
    let tampers = [
        ("reason = reason || '.'", "reason = substr(reason, 1, length(reason) - 1)"),
        ("outcome = 'accepted'", "outcome = 'exhausted'"),
        ("status = 200", "status = 500"),
        ("started_at = started_at - 1", "started_at = started_at + 1"),
    ];
    for (change, back) in tampers {
        for (statement, intact) in [(change, false), (back, true)] {
            let text = format!("UPDATE attempt SET {statement} WHERE tenant = $1 AND seq = (SELECT max(seq) FROM attempt)");
            sql(&line.server.db, tenant, &text, params![tenant]).await;
            let found = verdict(&line).await;
            assert_eq!(found["intact"], intact, "{statement}: {found}");
            assert!(intact || found["broken"]["seq"] == anchor[0]["seq"], "{found}");
        }
    }
    sql(&line.server.db, tenant, "DELETE FROM attempt WHERE seq = 1", &[]).await;
    let missing = verdict(&line).await;
    assert!(missing["broken"]["why"].as_str().unwrap().contains("1 of its 7 attempts are missing"), "{missing}");
}

async fn a_quiet_minute_writes_nothing_and_a_busy_one_one_entry_per_tenant(engine: &Engine) {
    let line = traffic(engine).await;
    first_digest(&line).await;
    upkeep_after(&line.server, 60).await;
    upkeep_after(&line.server, 120).await;
    assert_eq!(list(&line, "action=delivery_digest").await.len(), 1);
    let globex = line.server.admin("globex").await.get(&format!("{AUDIT}?action=delivery_digest")).await.expect(200).json();
    assert_eq!(globex["data"], json!([]));
    let event = line.publish("a.b", json!({"n": 0})).await;
    line.settled(&event, "delivered").await;
    upkeep_after(&line.server, 180).await;
    assert_eq!(list(&line, "action=delivery_digest").await.len(), 2);
    assert_eq!(verdict(&line).await["intact"], true);
}

async fn health(line: &Line, query: &str) -> Value {
    line.admin.get(&format!("/api/v1/integrations/health{query}")).await.expect(200).json()
}

async fn health_equals_the_rows_before_and_after_they_are_counted(engine: &Engine) {
    let line = traffic(engine).await;
    let destination = line.deliveries("").await[0]["destination_id"].as_str().unwrap().to_owned();
    for round in 0..3 {
        for window in ["1h", "24h", "7d"] {
            let found = health(&line, &format!("?window={window}")).await;
            let counted = ["attempts", "delivered", "retries", "dead_lettered", "failed", "active_destinations"];
            let counted = counted.map(|name| found[name].as_i64().unwrap());
            assert_eq!(counted, [7, 4, 2, 1, 0, 1], "round {round}, {window}: {found}");
            assert_eq!(found["success_rate"], 0.8);
            let (half, tail) = (found["p50_ms"].as_f64().unwrap(), found["p95_ms"].as_f64().unwrap());
            assert!(half > 0.0 && half <= tail, "{found}");
            let total = |series: &Value| series.as_array().unwrap().iter().map(|each| each.as_i64().unwrap()).sum::<i64>();
            let per_bucket: Vec<_> =
                found["series"].as_array().unwrap().iter().map(|bucket| bucket["delivered"].clone()).collect();
            let own = &found["destinations"][0];
            assert_eq!((own["destination_id"].as_str(), &own["delivered"]), (Some(&*destination), &json!(per_bucket)));
            assert_eq!((total(&own["delivered"]), total(&own["troubled"])), (4, 3), "{found}");
            let path = format!("/api/v1/integrations/destinations/{destination}/stats?window={window}");
            let stats = line.admin.get(&path).await.expect(200).json();
            let series = stats["series"].as_array().unwrap();
            assert_eq!(series.len(), [60, 24, 168][["1h", "24h", "7d"].iter().position(|each| *each == window).unwrap()]);
            let sum: i64 = series.iter().map(|bucket| bucket["delivered"].as_i64().unwrap()).sum();
            assert_eq!((sum, stats["dead_lettered"].as_i64()), (4, Some(1)), "{stats}");
        }
        // Several nodes at once count each row once.
        let nodes = (0..3).map(|_| upkeep_after(&line.server, 60 * round));
        futures_util::future::join_all(nodes).await;
    }
    assert_eq!(health(&line, "").await["window"], "24h");
    line.admin.get("/api/v1/integrations/health?window=2h").await.expect(400);
    let theirs = line.server.admin("globex").await.get("/api/v1/integrations/health").await.expect(200).json();
    assert_eq!((&theirs["delivered"], &theirs["success_rate"]), (&json!(0), &json!(null)));
}

async fn health_says_what_waits_and_how_long(engine: &Engine) {
    let line = Line::start(engine, |_, _| 500.into()).await;
    line.schedule(&[0, 600]).await;
    let destination = line.destination(json!({})).await;
    let event = line.publish("a.b", json!({})).await;
    line.settled(&event, "retry_scheduled").await;
    let found = health(&line, "").await;
    assert_eq!((&found["retrying"], &found["parked"], &found["oldest_due_age_seconds"]), (&json!(1), &json!(0), &json!(null)));
    line.admin.send(http::Method::POST, &destination.path("/pause"), None).await.expect(200);
    let found = health(&line, "").await;
    assert_eq!((&found["retrying"], &found["parked"], &found["held_destinations"]), (&json!(0), &json!(1), &json!(1)), "{found}");
    assert_eq!(found["sending_paused"], false);
    line.admin.send(http::Method::POST, "/api/v1/integrations/pause", None).await.expect(200);
    assert_eq!(health(&line, "").await["sending_paused"], true);
}

on_both_engines!(
    what_happens_to_deliveries_is_in_the_trail,
    the_trail_is_paged_without_a_gap,
    a_flipped_byte_in_an_attempt_is_found,
    a_quiet_minute_writes_nothing_and_a_busy_one_one_entry_per_tenant,
    health_equals_the_rows_before_and_after_they_are_counted,
    health_says_what_waits_and_how_long,
);
