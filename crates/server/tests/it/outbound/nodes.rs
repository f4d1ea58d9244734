//! Several processes on one database: what one accepts another sends, what one leaves behind the
//! next one finishes, and each judges by its own rules at the moment of sending.

use hookswitch_domain::id::DeliveryId;
use hookswitch_server::app::COMPONENTS;
use hookswitch_store::{Value as Param, params};
use serde_json::json;

use super::{Line, id_of};
use crate::engines::{Engine, sql};
use crate::harness::Server;
use crate::on_both_engines;

impl Line {
    /// Another server on this database that may reach the receiver.
    async fn node(&self, engine: &Engine, worker: bool) -> Server {
        self.server.another(engine, &[("egress.allow_cidrs", &self.receiver.allowed())], worker).await
    }
}

async fn what_a_node_without_workers_accepts_is_sent_by_one_that_has_them(engine: &Engine) {
    let line = Line::open(engine).await;
    let destination = line.destination(json!({})).await;
    let front = line.node(engine, false).await;
    let publisher = front.token("acme", "publisher", None).await;
    for number in 0..20 {
        publisher.post("/api/v1/events", json!({"event_type": "a.b", "payload": number})).await.expect(202);
    }
    line.all_settled(&destination, 20, "delivered").await;
    assert_eq!(line.receiver.count(), 20, "each once");
}

async fn two_workers_send_nothing_twice(engine: &Engine) {
    let line = Line::open(engine).await;
    let destination = line.destination(json!({})).await;
    let second = line.node(engine, true).await;
    let other = second.admin("acme").await;
    line.command(&destination, "pause").await;
    for number in 0..60 {
        let admin = if number % 2 == 0 { &line.admin } else { &other };
        admin.post("/api/v1/events", json!({"event_type": "a.b", "payload": number})).await.expect(202);
    }
    line.command(&destination, "resume").await;
    line.all_settled(&destination, 60, "delivered").await;
    assert_eq!(line.receiver.count(), 60);
}

async fn waiting_work_is_delivered_by_the_next_process(engine: &Engine) {
    let line = Line::start(engine, |place, _| if place == 0 { 500.into() } else { 200.into() }).await;
    line.schedule(&[0, 1]).await;
    let destination = line.destination(json!({})).await;
    let retried = line.publish("a.b", json!(0)).await;
    line.settled(&retried, "retry_scheduled").await;
    line.server.stop().await;
    // A process that only accepts: its events have no sender yet.
    let front = line.node(engine, false).await;
    let admin = front.admin("acme").await;
    for number in 1..10 {
        admin.post("/api/v1/events", json!({"event_type": "a.b", "payload": number})).await.expect(202);
    }
    assert_eq!(line.receiver.count(), 1);
    let server = line.node(engine, true).await;
    let line = Line { admin: server.admin("acme").await, server, ..line };
    line.all_settled(&destination, 10, "delivered").await;
    assert_eq!(line.receiver.count(), 11);
    assert_eq!(line.settled(&retried, "delivered").await["attempt_count"], 2, "it goes on counting");
}

/// A sender died in the middle: its lease runs out, the try is recorded and costs no attempt.
async fn a_dead_senders_delivery_is_taken_over(engine: &Engine) {
    let line = Line::open(engine).await;
    let destination = line.destination(json!({})).await;
    line.server.stop().await;
    let front = line.node(engine, false).await;
    let admin = front.admin("acme").await;
    admin.post("/api/v1/events", json!({"event_type": "a.b", "payload": 1})).await.expect(202);
    let tenant = front.tenant("acme").await;
    let held = "UPDATE due SET leased = TRUE, claim = claim + 1, next_at = now_ms() + $1";
    sql(&front.db, tenant, held, params![300_000_i64]).await;
    sql(&front.db, tenant, "UPDATE lane SET next_at = now_ms() + $1", params![300_000_i64]).await;
    let line = Line { admin, ..line };
    let delivering = line.all_settled(&destination, 1, "delivering").await.remove(0);
    let id: DeliveryId = id_of(&delivering).parse().unwrap();
    let worker = line.node(engine, true).await;
    assert_eq!(line.receiver.count(), 0, "whoever holds the lease may still be at it");
    for table in ["due", "lane"] {
        sql(&worker.db, tenant, &format!("UPDATE {table} SET next_at = now_ms() - $1"), params![1_i64]).await;
    }
    line.all_settled(&destination, 1, "delivered").await;
    let attempts = line.attempts(&delivering).await;
    let told: Vec<_> = attempts.iter().map(|each| (each["number"].as_u64(), each["outcome"].as_str().unwrap())).collect();
    assert_eq!(told, [(None, "interrupted"), (Some(1), "accepted")]);
    let rows = sql(&worker.db, tenant, "SELECT count(*) FROM due WHERE delivery = $1", &[Param::from(id)]).await;
    assert_eq!(rows.into_iter().next().unwrap().get::<i64>(0).unwrap(), 0, "nothing is left to do");
}

async fn an_address_is_judged_again_at_every_attempt(engine: &Engine) {
    let line = Line::open(engine).await;
    let destination = line.destination(json!({})).await;
    line.publish("a.b", json!(1)).await;
    line.all_settled(&destination, 1, "delivered").await;
    line.server.stop().await;
    // The installation no longer allows what it allowed when the destination was saved.
    let closed = line.server.another(engine, &[], true).await;
    let line = Line { admin: closed.admin("acme").await, server: closed, ..line };
    let event = line.publish("a.b", json!(2)).await;
    let dead = line.settled(&event, "dead_lettered").await;
    assert_eq!(dead["attempt_count"], 0, "a refusal costs no attempt");
    let attempts = line.attempts(&dead).await;
    assert_eq!(attempts.len(), 1);
    let told = ["number", "sent", "outcome", "status", "retryable"].map(|field| attempts[0][field].clone());
    assert_eq!(told, [json!(null), json!(false), json!("refused"), json!(null), json!(false)]);
    assert!(attempts[0]["reason"].as_str().unwrap().contains("private or reserved address"), "{}", attempts[0]);
    assert_eq!(line.receiver.count(), 1);
}

async fn a_missing_secret_parks_and_is_looked_for_again(engine: &Engine) {
    let line = Line::open(engine).await;
    let credential = json!({"name": "key", "type": "header", "value": "Bearer open sesame"});
    let credential = line.admin.post("/api/v1/integrations/credentials", credential).await.expect(201).id();
    let destination = line.destination(json!({"credential_id": credential})).await;
    let tenant = line.server.tenant("acme").await;
    let values = sql(&line.server.db, tenant, "SELECT sealed FROM secret WHERE purpose = 'credential'", &[]).await;
    let sealed: Vec<u8> = values.into_iter().next().unwrap().get(0).unwrap();
    sql(&line.server.db, tenant, "UPDATE secret SET sealed = $1 WHERE purpose = 'credential'", params![&b"damaged"[..]]).await;
    let event = line.publish("a.b", json!(1)).await;
    let parked = line.settled(&event, "parked").await;
    assert_eq!((&parked["parked_reason"], &parked["attempt_count"]), (&json!("secret_unavailable"), &json!(0)));
    assert!(parked["next_attempt_at"].is_string(), "it is looked at again by itself");
    let attempt = line.attempts(&parked).await.remove(0);
    assert_eq!((&attempt["number"], &attempt["sent"]), (&json!(null), &json!(false)));
    assert!(!attempt["reason"].as_str().unwrap().contains("sesame"));
    assert_eq!(line.receiver.count(), 0, "nothing is sent without it");
    sql(&line.server.db, tenant, "UPDATE secret SET sealed = $1 WHERE purpose = 'credential'", params![&sealed[..]]).await;
    for table in ["due", "lane"] {
        sql(&line.server.db, tenant, &format!("UPDATE {table} SET next_at = now_ms()"), &[]).await;
    }
    let delivered = line.all_settled(&destination, 1, "delivered").await.remove(0);
    assert_eq!((&delivered["attempt_count"], &delivered["parked_reason"]), (&json!(1), &json!(null)));
}

on_both_engines!(
    what_a_node_without_workers_accepts_is_sent_by_one_that_has_them,
    two_workers_send_nothing_twice,
    waiting_work_is_delivered_by_the_next_process,
    a_dead_senders_delivery_is_taken_over,
    an_address_is_judged_again_at_every_attempt,
    a_missing_secret_parks_and_is_looked_for_again,
);
