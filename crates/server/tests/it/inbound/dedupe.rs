//! Once per key: duplicates name the original, and what failed is no duplicate.

use std::collections::HashSet;

use hookswitch_server::app::COMPONENTS;
use serde_json::{Value, json};

use super::{House, alert, alerts, delivery_id, mapping};
use crate::engines::Engine;
use crate::on_both_engines;
use crate::receiver::until;

async fn a_duplicate_is_answered_with_the_originals_id_and_logged(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = house.webhook(alerts(json!({}))).await;
    let first = webhook.post("k-1", &alert("disk full")).await.expect(200);
    let id = delivery_id(&first);
    assert_eq!(first.json(), json!({"delivery_id": id}));
    // The key counts, whatever the body says now.
    for body in [alert("disk full"), alert("disk fuller")] {
        let again = webhook.post("k-1", &body).await.expect(200);
        assert_eq!(again.json(), json!({"delivery_id": id, "duplicate": true}));
    }
    assert_ne!(delivery_id(&webhook.post("k-2", &alert("another")).await.expect(200)), id);
    assert_eq!(house.tickets().await.len(), 2);
    let log = house.log(&webhook).await;
    let statuses: Vec<_> = log.iter().map(|row| row["dispatch_status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["dispatched", "duplicate", "duplicate", "dispatched"]);
    for row in &log[1..3] {
        assert_eq!((&row["handler_outcome"]["duplicate_of"], &row["response_status"]), (&json!(id), &json!(200)));
    }
}

async fn thirty_requests_at_once_under_one_key_make_one_ticket(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = house.webhook(alerts(json!({}))).await;
    let posts = (0..30).map(|_| {
        let webhook = webhook.clone();
        tokio::spawn(async move { webhook.post("k-1", &alert("disk full")).await.expect(200).json() })
    });
    let (mut ids, mut fresh) = (HashSet::new(), 0);
    for post in posts.collect::<Vec<_>>() {
        let answer = post.await.unwrap();
        ids.insert(answer["delivery_id"].as_str().unwrap().to_owned());
        fresh += usize::from(answer["duplicate"] != true);
    }
    assert_eq!((ids.len(), fresh), (1, 1), "{ids:?}");
    assert_eq!(house.tickets().await.len(), 1);
    let log = house.log(&webhook).await;
    assert_eq!(log.len(), 30);
    assert_eq!(log.iter().filter(|row| row["dispatch_status"] == "duplicate").count(), 29);
}

async fn a_webhook_may_ask_for_409(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = house.webhook(alerts(json!({"duplicate_response": "conflict"}))).await;
    let id = delivery_id(&webhook.post("k-1", &alert("x")).await.expect(200));
    let again = webhook.post("k-1", &alert("x")).await.expect(409);
    assert_eq!(again.header("content-type"), "application/problem+json");
    assert_eq!((again.code(), delivery_id(&again)), ("duplicate".to_owned(), id));
    assert_eq!(house.log(&webhook).await[0]["response_status"], 409);
    assert_eq!(house.tickets().await.len(), 1);
}

async fn what_failed_runs_again_when_its_sender_tries_again(engine: &Engine) {
    let house = House::open(engine).await;
    let broken = alerts(json!({"handler_config": mapping(json!({"title": "alert.no_such_field"}))}));
    let webhook = house.webhook(broken).await;
    let failed = delivery_id(&webhook.post("k-1", &alert("disk full")).await.expect(400));
    assert_ne!(delivery_id(&webhook.post("k-1", &alert("disk full")).await.expect(400)), failed, "each try has its row");
    assert_eq!(house.tickets().await.len(), 0);
    house.admin.put(&webhook.api(""), alerts(json!({}))).await.expect(200);
    let done = webhook.post("k-1", &alert("disk full")).await.expect(200);
    assert_eq!(done.json()["duplicate"], json!(null), "not a duplicate of what failed");
    let again = webhook.post("k-1", &alert("disk full")).await.expect(200);
    assert_eq!(again.json(), json!({"delivery_id": delivery_id(&done), "duplicate": true}));
    assert_eq!(house.tickets().await.len(), 1);
    let log = house.log(&webhook).await;
    let statuses: Vec<_> = log.iter().map(|row| row["dispatch_status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["duplicate", "dispatched", "failed", "failed"]);
}

async fn a_key_counts_within_its_window_alone(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = house.webhook(alerts(json!({"idempotency_window_seconds": 1}))).await;
    let first = delivery_id(&webhook.post("k-1", &alert("x")).await.expect(200));
    let second = until("the window's end", || async {
        let answer = webhook.post("k-1", &alert("x")).await.expect(200).json();
        (answer["duplicate"] != true).then(|| answer["delivery_id"].as_str().unwrap().to_owned())
    });
    assert_ne!(second.await, first);
    assert_eq!(house.tickets().await.len(), 2);
}

/// Keys of one webhook are nobody else's, and odd ones are keys like others.
async fn a_key_is_what_its_source_says(engine: &Engine) {
    let house = House::open(engine).await;
    let by_body = json!({"type": "jsonata", "value": "alert.id"});
    let webhook = house.webhook(alerts(json!({"idempotency_source": by_body}))).await;
    let body = |id: Value| json!({"alert": {"message": "x", "id": id}}).to_string();
    let long = "k".repeat(300);
    for id in [json!("a"), json!(17), json!({"b": 1}), json!(long), json!("nul\u{0}inside"), json!("\u{1f4a9}")] {
        let first = webhook.post("", &body(id.clone())).await.expect(200);
        let again = webhook.post("", &body(id.clone())).await.expect(200);
        assert_eq!(again.json(), json!({"delivery_id": delivery_id(&first), "duplicate": true}), "{id}");
    }
    let longer = body(json!("k".repeat(301)));
    assert_eq!(webhook.post("", &longer).await.expect(200).json()["duplicate"], json!(null), "cut nowhere");
    for id in [json!(null), json!("")] {
        for _ in 0..2 {
            let answer = webhook.post("", &body(id.clone())).await.expect(200).json();
            assert_eq!(answer["duplicate"], json!(null), "{id}: without a key each one counts");
        }
    }
    assert_eq!(house.tickets().await.len(), 11);
    let other = house.webhook(alerts(json!({"slug": "other"}))).await;
    assert_eq!(other.post("a", &body(json!("a"))).await.expect(200).json()["duplicate"], json!(null));
    let list = other.post("a, b", &body(json!("a"))).await.expect(200).json();
    assert_eq!(list["duplicate"], true, "a list counts by its first entry");
    let fails = json!({"type": "jsonata", "value": "$toMillis(alert.message)"});
    let failing = house.webhook(alerts(json!({"slug": "failing", "idempotency_source": fails}))).await;
    assert_eq!(failing.post("", &body(json!(1))).await.expect(400).code(), "idempotency_failed");
    assert_eq!(house.log(&failing).await[0]["dispatch_status"], "failed");
}

on_both_engines!(
    a_duplicate_is_answered_with_the_originals_id_and_logged,
    thirty_requests_at_once_under_one_key_make_one_ticket,
    a_webhook_may_ask_for_409,
    what_failed_runs_again_when_its_sender_tries_again,
    a_key_counts_within_its_window_alone,
    a_key_is_what_its_source_says,
);
