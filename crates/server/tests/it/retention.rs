//! Retention: what is finished leaves when its time is over, nothing else does, and the trail can
//! tell it from tampering.

use hookswitch_server::app::COMPONENTS;
use hookswitch_store::params;
use serde_json::{Value, json};

use crate::accounts::upkeep_after;
use crate::engines::{Engine, sql};
use crate::inbound::{House, alerts, delivery_id};
use crate::on_both_engines;
use crate::outbound::{Line, id_of};
use crate::receiver::until;

const DAY: u64 = 86_400;

/// A receiver that takes everything but what is published as `a.bad`.
async fn line(engine: &Engine) -> Line {
    Line::start(engine, |_, taken| if taken.json()["event_type"] == "a.bad" { 500.into() } else { 204.into() }).await
}

async fn verdict(line: &Line) -> Value {
    line.admin.get("/api/v1/audit/verify").await.expect(200).json()
}

async fn rows(line: &Line, table: &str) -> i64 {
    let tenant = line.server.tenant("acme").await;
    let text = format!("SELECT count(*) FROM {table} WHERE tenant = $1");
    sql(&line.server.db, tenant, &text, params![tenant]).await.remove(0).get(0).unwrap()
}

async fn each_kind_of_row_has_an_age_of_its_own(engine: &Engine) {
    let line = line(engine).await;
    line.schedule(&[0]).await;
    line.destination(json!({})).await;
    let good = line.publish("a.good", json!({"n": 1})).await;
    let delivered = line.settled(&good, "delivered").await;
    let bad = line.publish("a.bad", json!({"n": 2})).await;
    let dead = line.settled(&bad, "dead_lettered").await;
    upkeep_after(&line.server, 0).await;

    // Two days short of the first age nothing is gone.
    upkeep_after(&line.server, 28 * DAY).await;
    assert_eq!((rows(&line, "attempt").await, rows(&line, "delivery").await), (2, 2));
    let seen = line.admin.get(&format!("/api/v1/events/{good}")).await.expect(200).json();
    assert_eq!((&seen["payload"]["n"], &seen["payload_purged"]), (&json!(1), &json!(false)));

    upkeep_after(&line.server, 32 * DAY).await;
    let seen = line.admin.get(&format!("/api/v1/events/{good}")).await.expect(200).json();
    assert_eq!((&seen["payload"], &seen["payload_purged"]), (&json!(null), &json!(true)));
    assert_eq!(line.delivery(id_of(&delivered)).await["state"], "delivered", "the row is still told of");
    let refused = line.act(&delivered, "replay").await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (409, "payload_purged"));
    assert!(line.attempts(&delivered).await.is_empty());
    let kept = line.admin.get(&format!("/api/v1/events/{bad}")).await.expect(200).json();
    assert_eq!(kept["payload"]["n"], 2, "a dead letter keeps what it takes to replay it");
    assert_eq!(line.attempts(&dead).await.len(), 1);
    line.act(&dead, "replay").await.expect(202);

    let found = verdict(&line).await;
    assert_eq!((&found["intact"], &found["digests_gone"]), (&json!(true), &json!(1)), "{found}");
    upkeep_after(&line.server, 92 * DAY).await;
    line.admin.get(&format!("/api/v1/events/{good}")).await.expect(404);
    assert_eq!(verdict(&line).await["intact"], true);
}

async fn nothing_unfinished_is_ever_removed(engine: &Engine) {
    let line = line(engine).await;
    line.schedule(&[0, 3_600]).await;
    let destination = line.destination(json!({})).await;
    let retrying = line.publish("a.bad", json!({"n": 1})).await;
    line.settled(&retrying, "retry_scheduled").await;
    line.admin.send(http::Method::POST, &destination.path("/pause"), None).await.expect(200);
    let parked = line.publish("a.good", json!({"n": 2})).await;
    line.settled(&parked, "parked").await;
    upkeep_after(&line.server, 0).await;
    for days in [31, 100, 400] {
        upkeep_after(&line.server, days * DAY).await;
        for event in [&retrying, &parked] {
            let seen = line.admin.get(&format!("/api/v1/events/{event}")).await.expect(200).json();
            assert_eq!(seen["payload_purged"], false, "after {days} days");
            assert_eq!(line.deliveries(&format!("event_id={event}")).await.len(), 1);
        }
    }
    assert_eq!(rows(&line, "attempt").await, 1);
    assert_eq!(verdict(&line).await["digests_gone"], 0);
}

async fn inbound_bodies_are_cut_rejected_rows_leave_and_keys_live_as_long_as_their_window(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = house.webhook(alerts(json!({"idempotency_window_seconds": 2_592_000}))).await;
    let long = json!({"alert": {"id": 1, "message": "x", "more": "y".repeat(3_000)}}).to_string();
    let id = delivery_id(&webhook.post("k-1", &long).await.expect(200));
    house.server.stranger().post(&webhook.path(), json!({"secret": "of a stranger"})).await.expect(401);
    let rejected = async || {
        let list = house.admin.get("/api/v1/inbound-webhooks/rejected").await.expect(200).json();
        list["data"].as_array().unwrap().len()
    };
    until("the refusal in the log", || async { (rejected().await == 1).then_some(()) }).await;
    upkeep_after(&house.server, 6 * DAY).await;
    assert_eq!(rejected().await, 1);
    upkeep_after(&house.server, 9 * DAY).await;
    assert_eq!(rejected().await, 0, "gone after seven days");
    upkeep_after(&house.server, 29 * DAY).await;
    assert_eq!(house.logged(&webhook, &id).await["request_body"], json!(long));
    upkeep_after(&house.server, 32 * DAY).await;
    let row = house.logged(&webhook, &id).await;
    assert_eq!((row["request_body"].as_str().unwrap().len(), &row["request_body_bytes"]), (1_024, &json!(long.len())));
    assert_eq!((&row["dispatch_status"], &row["idempotency_key"]), (&json!("dispatched"), &json!("k-1")), "the rest stays");
    assert_eq!(row["response_body"], json!(json!({"delivery_id": id}).to_string()));
    let told = webhook.post("k-1", &long).await.expect(200).json();
    assert_eq!((&told["delivery_id"], &told["duplicate"]), (&json!(id), &json!(true)), "its key lives as long as its window");
    let tenant = house.server.tenant("acme").await;
    let keys = async || sql(&house.server.db, tenant, "SELECT 1 FROM inbound_key WHERE tenant = $1", params![tenant]).await.len();
    assert_eq!(keys().await, 1);
    sql(&house.server.db, tenant, "UPDATE inbound_key SET expires_at = now_ms() WHERE tenant = $1", params![tenant]).await;
    upkeep_after(&house.server, 33 * DAY).await;
    assert_eq!(keys().await, 0);
    assert!(webhook.post("k-1", &long).await.expect(200).json().get("duplicate").is_none());
}

async fn of_what_was_turned_away_the_newest_are_kept_however_many_knock(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = house.webhook(alerts(json!({}))).await;
    let log = async || house.log(&webhook).await;
    let done = delivery_id(&webhook.post("k-1", &crate::inbound::alert("x")).await.expect(200));
    for knocks in 1..=8 {
        house.server.stranger().post(&webhook.path(), json!({})).await.expect(401);
        until("the refusal in the log", || async { (log().await.len() == knocks + 1).then_some(()) }).await;
    }
    let before: Vec<Value> = log().await.iter().take(5).map(|row| row["id"].clone()).collect();
    let tenant = house.server.tenant("acme").await;
    let db = &house.server.db;
    assert_eq!(hookswitch_store::retention::trim_rejected(db, tenant, 5).await.unwrap(), 3);
    assert_eq!(hookswitch_store::retention::trim_rejected(db, tenant, 5).await.unwrap(), 0);
    let left: Vec<Value> = log().await.iter().map(|row| row["id"].clone()).collect();
    assert_eq!((&left[..5], &left[5], left.len()), (&before[..], &json!(done), 6), "what was let in is left alone");
}

/// Whoever removes attempts without the chain's knowledge is found out.
async fn rows_that_retention_did_not_take_are_missed(engine: &Engine) {
    let line = line(engine).await;
    line.destination(json!({})).await;
    for n in 0..3 {
        let event = line.publish("a.good", json!({"n": n})).await;
        line.settled(&event, "delivered").await;
    }
    upkeep_after(&line.server, 0).await;
    let tenant = line.server.tenant("acme").await;
    let forge = "UPDATE delivery_digest SET purged_before = 9000000000000 WHERE tenant = $1";
    sql(&line.server.db, tenant, forge, params![tenant]).await;
    sql(&line.server.db, tenant, "DELETE FROM attempt WHERE tenant = $1 AND seq = 2", params![tenant]).await;
    assert_eq!(verdict(&line).await["intact"], false);
}

on_both_engines!(
    each_kind_of_row_has_an_age_of_its_own,
    nothing_unfinished_is_ever_removed,
    inbound_bodies_are_cut_rejected_rows_leave_and_keys_live_as_long_as_their_window,
    of_what_was_turned_away_the_newest_are_kept_however_many_knock,
    rows_that_retention_did_not_take_are_missed,
);
