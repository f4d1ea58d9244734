//! Retention: what is finished leaves when its time is over, nothing else does, and the trail can
//! tell it from tampering.

use hookswitch_server::app::COMPONENTS;
use hookswitch_store::params;
use serde_json::{Value, json};

use crate::accounts::upkeep_after;
use crate::engines::{Engine, sql};
use crate::on_both_engines;
use crate::outbound::{Line, id_of};

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
    rows_that_retention_did_not_take_are_missed,
);
