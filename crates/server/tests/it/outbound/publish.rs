//! Accepting: once per key, all or nothing, and bounded.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hookswitch_server::app::COMPONENTS;
use http::Method;
use serde_json::{Value, json};

use super::Line;
use crate::engines::Engine;
use crate::on_both_engines;

const EVENTS: &str = "/api/v1/events";

async fn events(line: &Line) -> usize {
    line.admin.get("/api/v1/events?limit=100").await.expect(200).json()["data"].as_array().unwrap().len()
}

async fn one_key_is_one_event_and_another_body_under_it_is_refused(engine: &Engine) {
    let line = Line::open(engine).await;
    line.destination(json!({})).await;
    let keyed = line.admin.with("idempotency-key", "order-4711");
    let body = json!({"event_type": "a.b", "payload": {"n": 1}});
    let first = keyed.post(EVENTS, body.clone()).await.expect(202);
    let again = keyed.post(EVENTS, body.clone()).await.expect(202);
    assert_eq!(again.bytes, first.bytes, "the same answer");
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
    let other = keyed.post(EVENTS, json!({"event_type": "a.b", "payload": {"n": 2}})).await.expect(422);
    assert_eq!(other.code(), "idempotency_key_reused");
    // The key belongs to the tenant: another one's is its own.
    let globex = line.server.admin("globex").await.with("idempotency-key", "order-4711");
    let theirs = globex.post(EVENTS, body.clone()).await.expect(202);
    assert_ne!(theirs.bytes, first.bytes);
    assert_eq!(events(&line).await, 1);
    let long = "k".repeat(256);
    for bad in ["", "two words", long.as_str()] {
        line.admin.with("idempotency-key", bad).post(EVENTS, body.clone()).await.expect(400);
    }
    assert_eq!(events(&line).await, 1);
    line.receiver.wait(1).await;
}

async fn thirty_requests_at_once_under_one_key_are_one_event(engine: &Engine) {
    let line = Line::open(engine).await;
    let destination = line.destination(json!({})).await;
    let posts = (0..30).map(|_| {
        let keyed = line.admin.with("idempotency-key", "once");
        tokio::spawn(async move { keyed.post(EVENTS, json!({"event_type": "a.b", "payload": 1})).await.expect(202).json() })
    });
    let mut ids = HashSet::new();
    for post in posts.collect::<Vec<_>>() {
        ids.insert(post.await.unwrap()["event_id"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(events(&line).await, 1);
    line.all_settled(&destination, 1, "delivered").await;
    assert_eq!(line.receiver.count(), 1);
}

async fn a_batch_is_stored_whole_or_not_at_all(engine: &Engine) {
    let line = Line::open(engine).await;
    let destination = line.destination(json!({"event_types": ["a.*"]})).await;
    let good = |n: usize| json!({"event_type": "a.b", "payload": n});
    let bad = [
        (json!({"event_type": "Not A Type", "payload": 1}), "events[2].event_type"),
        (json!({"event_type": "a.b"}), "events[2].payload"),
        (json!({"event_type": "a.b", "payload": 1, "extra": 1}), "events[2].extra"),
        (json!({"event_type": "a.b", "payload": 1, "correlation_id": ""}), "events[2].correlation_id"),
        (json!({"event_type": "a.b", "payload": 1, "group_id": "blue"}), "events[2].group_id"),
        (json!({"event_type": "a.b", "payload": 1, "ordering_key": "k".repeat(201)}), "events[2].ordering_key"),
        (json!({"event_type": "a.b", "payload": 1, "references": {"ticket_id": 7}}), "events[2].references.ticket_id"),
        (json!({"event_type": "a.b", "payload": 1, "references": {"": "x"}}), "events[2].references"),
        (json!({"event_type": "a.b", "payload": 1, "headers": [{"name": "X-A", "value": "1\r\nX-B: 2"}]}), "events[2].headers"),
    ];
    for (event, field) in bad {
        let refused = line.admin.post("/api/v1/events/batch", json!({"events": [good(0), good(1), event]})).await.expect(400);
        assert!(refused.json()["errors"][0]["field"].as_str().unwrap().ends_with(field), "{}", refused.text());
    }
    for count in [0, 501] {
        let events: Vec<Value> = (0..count).map(good).collect();
        line.admin.post("/api/v1/events/batch", json!({"events": events})).await.expect(400);
    }
    assert_eq!(events(&line).await, 0);
    assert_eq!(line.receiver.count(), 0);
    let batch = json!({"events": [good(0), {"event_type": "b.c", "payload": 1}, good(2)]});
    let keyed = line.admin.with("idempotency-key", "batch");
    let answer = keyed.post("/api/v1/events/batch", batch.clone()).await.expect(202);
    let matched: Vec<_> =
        answer.json()["events"].as_array().unwrap().iter().map(|each| each["matched_destinations"].clone()).collect();
    assert_eq!(matched, [json!(1), json!(0), json!(1)], "in their order");
    assert_eq!(keyed.post("/api/v1/events/batch", batch).await.expect(202).bytes, answer.bytes);
    assert_eq!(events(&line).await, 3);
    line.all_settled(&destination, 2, "delivered").await;
}

async fn an_oversize_event_is_refused_and_one_of_just_the_size_is_not(engine: &Engine) {
    let line = Line::open(engine).await;
    let destination = line.destination(json!({"body": "payload"})).await;
    let json = line.admin.with("content-type", "application/json");
    let body = |payload: usize| format!("{{\"event_type\":\"a.b\",\"payload\":\"{}\"}}", "x".repeat(payload - 2));
    let limit = 256 << 10;
    for size in [limit, limit + 1, 2 * limit, 30 * limit] {
        assert_eq!(json.raw(Method::POST, EVENTS, body(size)).await.expect(413).code(), "body_too_large", "{size}");
    }
    assert_eq!(events(&line).await, 0);
    let around = body(2).len() - 2;
    json.raw(Method::POST, EVENTS, body(limit - around)).await.expect(202);
    line.all_settled(&destination, 1, "delivered").await;
    assert_eq!(line.receiver.wait(1).await[0].body.len(), limit - around);
}

async fn broken_and_foreign_bodies_store_nothing(engine: &Engine) {
    let line = Line::open(engine).await;
    let json = line.admin.with("content-type", "application/json");
    for body in [
        "",
        "{",
        "[]",
        "{\"event_type\":\"a.b\",\"payload\":nul}",
        "{\"event_type\":\"a.b\",\"payload\":1}}",
        "{\"event_type\":\"a.b\",\"payload\":\"\\ud800\"",
        "{\"event_type\":\"a.b\",\"payload\":1,\"payload\":2}",
    ] {
        json.raw(Method::POST, EVENTS, body).await.expect(400);
    }
    json.raw(Method::POST, EVENTS, &b"{\"event_type\":\"a.b\",\"payload\":\"\xff\"}"[..]).await.expect(400);
    for media in ["text/plain", "application/x-www-form-urlencoded"] {
        line.admin.with("content-type", media).raw(Method::POST, EVENTS, "{}").await.expect(415);
    }
    json.with("content-encoding", "gzip").raw(Method::POST, EVENTS, "{}").await.expect(415);
    assert_eq!(events(&line).await, 0);
}

/// A console user who saves a destination must not cost a publisher its events.
async fn publishing_goes_on_while_the_configuration_changes(engine: &Engine) {
    let line = Line::open(engine).await;
    let destination = line.destination(json!({})).await;
    let (admin, path, over) = (line.admin.clone(), destination.path(""), Arc::new(AtomicBool::new(false)));
    let ended = over.clone();
    let changing = tokio::spawn(async move {
        for number in 0.. {
            if ended.load(Ordering::Relaxed) {
                return number;
            }
            admin.patch(&path, json!({"name": format!("name {number}")})).await.expect(200);
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        0
    });
    let publishers = (0..4).map(|lane| {
        let admin = line.admin.clone();
        tokio::spawn(async move {
            for number in 0..20 {
                let body = json!({"event_type": "a.b", "payload": lane * 100 + number});
                admin.post(EVENTS, body).await.expect(202);
            }
        })
    });
    let ends: Vec<_> = publishers.collect();
    let mut results = Vec::new();
    for end in ends {
        results.push(end.await);
    }
    over.store(true, Ordering::Relaxed);
    let changes = changing.await.unwrap();
    assert!(results.iter().all(Result::is_ok), "a publisher was turned away, after {changes} changes");
    line.all_settled(&destination, 80, "delivered").await;
    assert_eq!(line.receiver.count(), 80);
}

/// A node may remember who published a moment ago; what was revoked counts at once all the same.
async fn a_revoked_token_publishes_nothing_more_on_any_node(engine: &Engine) {
    let line = Line::open(engine).await;
    line.destination(json!({})).await;
    let second = line.server.another(engine, &[], false).await;
    let made = line.admin.post("/api/v1/tokens", json!({"name": "publisher", "role": "publisher"})).await.expect(201).json();
    let bearer = format!("Bearer {}", made["token"].as_str().unwrap());
    let nodes = [line.server.stranger().with("authorization", bearer.as_str()), second.stranger().with("authorization", bearer)];
    let body = json!({"event_type": "a.b", "payload": 1});
    for node in &nodes {
        node.post(EVENTS, body.clone()).await.expect(202);
        node.post(EVENTS, body.clone()).await.expect(202);
        node.get(EVENTS).await.expect(403);
    }
    line.admin.delete(&format!("/api/v1/tokens/{}", made["id"].as_str().unwrap())).await.expect(204);
    for node in &nodes {
        node.post(EVENTS, body.clone()).await.expect(401);
        node.with("idempotency-key", "k").post("/api/v1/events/batch", json!({"events": [body]})).await.expect(401);
    }
    assert_eq!(events(&line).await, 4);
}

async fn events_are_found_by_correlation_and_by_what_they_hold(engine: &Engine) {
    let line = Line::open(engine).await;
    let event =
        |n: u32| json!({"event_type": "a.b", "payload": {"city": format!("Köln {n}")}, "correlation_id": format!("c{}", n % 2)});
    for n in 0..5 {
        line.admin.post(EVENTS, event(n)).await.expect(202);
    }
    let found = async |query: &str| line.admin.get(&format!("{EVENTS}?{query}")).await.expect(200).json();
    let count = |page: &Value| page["data"].as_array().unwrap().len();
    assert_eq!(count(&found("correlation_id=c0").await), 3);
    assert_eq!(count(&found("correlation_id=c").await), 0, "the whole of it");
    assert_eq!(count(&found("text=k%C3%96LN%203&event_type=a.b").await), 1);
    assert_eq!(count(&found("text=k%C3%B6ln%203&correlation_id=c0").await), 0);
    let first = found("correlation_id=c0&limit=2").await;
    let rest = found(&format!("correlation_id=c0&limit=2&cursor={}", first["next_cursor"].as_str().unwrap())).await;
    assert_eq!((count(&first), count(&rest), &rest["next_cursor"]), (2, 1, &Value::Null));
    let auditor = line.server.token("acme", "auditor", None).await;
    assert_eq!(auditor.get(&format!("{EVENTS}?text=k")).await.expect(403).code(), "forbidden");
    auditor.get(&format!("{EVENTS}?correlation_id=c0")).await.expect(200);
}

on_both_engines!(
    a_revoked_token_publishes_nothing_more_on_any_node,
    one_key_is_one_event_and_another_body_under_it_is_refused,
    thirty_requests_at_once_under_one_key_are_one_event,
    a_batch_is_stored_whole_or_not_at_all,
    an_oversize_event_is_refused_and_one_of_just_the_size_is_not,
    broken_and_foreign_bodies_store_nothing,
    publishing_goes_on_while_the_configuration_changes,
    events_are_found_by_correlation_and_by_what_they_hold,
);
