//! A process died between logging a request and acting on it: another one finishes it, once.

use hookswitch_domain::id::InboundDeliveryId;
use hookswitch_domain::inbound::AuthStatus;
use hookswitch_server::app::COMPONENTS;
use hookswitch_store::inbound::{self, Claim, Origin, Received};
use hookswitch_store::{StoreError, params};
use serde_json::json;

use super::{House, Webhook, alert, alerts, delivery_id};
use crate::engines::{Engine, ambient, sql};
use crate::on_both_engines;
use crate::receiver::until;

/// Logs a request as the receiver does, and then nothing: its process is gone.
async fn abandoned(house: &House, webhook: &Webhook, key: &str, body: &str, lease_ms: i64) -> String {
    let id: InboundDeliveryId = ambient().fresh();
    let received = Received {
        id,
        webhook: Some(webhook.id.parse().unwrap()),
        origin: Origin::Sender,
        idempotency_key: Some(key.to_owned()),
        received_at: ambient().now(),
        method: "POST".to_owned(),
        path: webhook.path(),
        headers: json!({}),
        body: Some(body.as_bytes().to_vec()),
        source_ip: "127.0.0.1".to_owned(),
        user_agent: None,
        auth_status: AuthStatus::Verified,
        revision: Some(1),
    };
    let store = house.server.db.for_tenant(house.server.tenant("acme").await);
    let begun: Result<_, StoreError> =
        store.write(move |tx| Box::pin(async move { inbound::begin(tx, &received, 86_400, lease_ms).await })).await;
    assert_eq!(begun.unwrap(), Claim::Fresh);
    id.to_string()
}

async fn a_dead_process_request_is_finished_once_by_whoever_is_first(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = house.webhook(alerts(json!({}))).await;
    house.server.stop().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let key = format!("k-{number}");
        ids.push(abandoned(&house, &webhook, &key, &alert(&key), -1).await);
    }
    let (one, two) = tokio::join!(house.server.another(engine, &[], true), house.server.another(engine, &[], true));
    let house = House { admin: one.admin("acme").await, server: one };
    until("all to be finished", || async {
        let log = house.log(&webhook).await;
        log.iter().all(|row| row["dispatch_status"] == "dispatched").then_some(())
    })
    .await;
    let mut titles: Vec<_> = house.tickets().await.iter().map(|ticket| ticket["title"].as_str().unwrap().to_owned()).collect();
    titles.sort();
    assert_eq!(titles, ["k-0", "k-1", "k-2", "k-3", "k-4"], "one ticket each");
    for (number, id) in ids.iter().enumerate() {
        let again = webhook_at(&webhook, &house).post(&format!("k-{number}"), &alert("x")).await.expect(200);
        assert_eq!(again.json(), json!({"delivery_id": id, "duplicate": true}));
    }
    two.stop().await;
}

/// The webhook as a sender of this house's server sees it.
fn webhook_at(webhook: &Webhook, house: &House) -> Webhook {
    Webhook { sender: house.server.stranger(), ..webhook.clone() }
}

async fn while_one_is_in_hand_its_duplicates_name_it_and_nobody_takes_it(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = house.webhook(alerts(json!({}))).await;
    let id = abandoned(&house, &webhook, "k-1", &alert("x"), 60_000).await;
    let again = webhook.post("k-1", &alert("x")).await.expect(200);
    assert_eq!(again.json(), json!({"delivery_id": id, "duplicate": true}));
    let other = house.server.another(engine, &[], true).await;
    webhook.post("k-2", &alert("y")).await.expect(200);
    assert_eq!(house.logged(&webhook, &id).await["dispatch_status"], "pending");
    assert_eq!(house.tickets().await.len(), 1, "the other one alone");
    other.stop().await;
}

/// The action was done, and its outcome isn't written: a repeat finds what it did.
async fn a_repeat_of_a_step_that_was_done_does_it_no_second_time(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = house.webhook(alerts(json!({}))).await;
    let id = delivery_id(&webhook.post("k-1", &alert("x")).await.expect(200));
    let ticket = house.tickets().await.remove(0);
    house.server.stop().await;
    let tenant = house.server.tenant("acme").await;
    let typed: InboundDeliveryId = id.parse().unwrap();
    let due = "INSERT INTO inbound_due (delivery, tenant, next_at, tries) VALUES ($1, $2, now_ms() - 1, 1)";
    sql(&house.server.db, tenant, due, params![typed, tenant]).await;
    let pending =
        "UPDATE inbound_webhook_deliveries SET dispatch_status = 'pending', handler_outcome = NULL WHERE delivery_id = $1";
    sql(&house.server.db, tenant, pending, params![typed]).await;
    let next = house.server.another(engine, &[], true).await;
    let house = House { admin: next.admin("acme").await, server: next };
    let row = until("it to be finished", || async {
        let row = house.logged(&webhook, &id).await;
        (row["dispatch_status"] == "dispatched").then_some(row)
    });
    assert_eq!(row.await["handler_outcome"]["entity_id"], ticket["id"]);
    assert_eq!(house.tickets().await.len(), 1);
}

async fn what_was_abandoned_with_its_webhook_is_given_up(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = house.webhook(alerts(json!({}))).await;
    house.server.stop().await;
    abandoned(&house, &webhook, "k-1", &alert("x"), -1).await;
    let front = house.server.another(engine, &[], false).await;
    front.admin("acme").await.delete(&webhook.api("")).await.expect(204);
    let _worker = front.another(engine, &[], true).await;
    let tenant = front.tenant("acme").await;
    until("it to be given up", || async {
        sql(&front.db, tenant, "SELECT delivery FROM inbound_due", &[]).await.is_empty().then_some(())
    })
    .await;
    assert!(House { admin: front.admin("acme").await, server: front }.tickets().await.is_empty());
}

on_both_engines!(
    a_dead_process_request_is_finished_once_by_whoever_is_first,
    while_one_is_in_hand_its_duplicates_name_it_and_nobody_takes_it,
    a_repeat_of_a_step_that_was_done_does_it_no_second_time,
    what_was_abandoned_with_its_webhook_is_given_up,
);
