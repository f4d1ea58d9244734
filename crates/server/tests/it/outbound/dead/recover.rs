//! After an outage: everything that failed since a time, and everything that was never sent.

use super::*;
use crate::on_both_engines;

async fn recover_replays_what_failed_since_and_was_not_delivered_meanwhile(engine: &Engine) {
    let line = Line::start(engine, only_replays).await;
    let policies = [json!({}), json!({"on_exhausted": "park"}), json!({"on_exhausted": "discard"})];
    let destination = line.destination(json!({"policy": {"max_attempts": 1}})).await;
    let bystander = line.destination_at("/bystander", json!({"policy": {"max_attempts": 1}})).await;
    let old = line.publish("a.b", json!("old")).await;
    line.all_settled(&destination, 1, "dead_lettered").await;
    line.all_settled(&bystander, 1, "dead_lettered").await;
    let before = line.dead_letters(&format!("destination_id={}", destination.id)).await.remove(0)["dead_at"].clone();
    // Until the clock of the database shows another millisecond.
    let mut events = Vec::new();
    for policy in policies {
        let policy = super::super::merged(json!({"max_attempts": 1}), policy);
        line.admin.patch(&destination.path(""), json!({"policy": policy})).await.expect(200);
        let event = line.publish("a.b", json!("new")).await;
        let filter = format!("event_id={event}&destination_id={}", destination.id);
        let state =
            policy["on_exhausted"].as_str().map_or("dead_lettered", |what| if what == "park" { "parked" } else { "failed" });
        until(state, || async { line.deliveries(&filter).await.into_iter().find(|row| row["state"] == state) }).await;
        events.push(event);
    }
    let since = json!({"since": before, "rate_per_second": 1000});
    assert_eq!(line.count(&destination.path("/recover"), &since).await, 4, "failed, dead-lettered and parked, with the old one");
    // The old one is dealt with by hand, and so not again.
    let first = line.deliveries(&format!("event_id={old}&destination_id={}", destination.id)).await.remove(0);
    line.act(&first, "replay").await.expect(202);
    let job = line.whole(&destination.path("/recover"), since.clone()).await;
    assert_eq!((&job["kind"], &job["done"]), (&json!("recover"), &json!(3)));
    for event in events.iter().chain([&old]) {
        let filter = format!("event_id={event}&destination_id={}&state=delivered", destination.id);
        let found = until("its replay", || async { line.deliveries(&filter).await.into_iter().next() }).await;
        assert!(found["replayed_from"].is_string());
    }
    assert_eq!(line.count(&destination.path("/recover"), &since).await, 0);
    assert_eq!(line.dead_letters(&format!("destination_id={}", bystander.id)).await.len(), 4, "another destination's stay");
    let future = json!({"since": "2020-01-01T00:00:00Z", "until": "2020-01-02T00:00:00Z"});
    assert_eq!(line.count(&bystander.path("/recover"), &future).await, 0);
}

async fn a_destination_gets_what_it_never_got_once(engine: &Engine) {
    let line = Line::open(engine).await;
    let first = line.destination_at("/first", json!({})).await;
    for number in 0..12 {
        line.publish(if number % 2 == 0 { "order.paid" } else { "order.sent" }, json!(number)).await;
    }
    line.publish("other.thing", json!(0)).await;
    // A test is for the destination that it was sent to.
    line.admin.send(Method::POST, &first.path("/test"), None).await.expect(202);
    line.all_settled(&first, 14, "delivered").await;
    let late = line.destination_at("/late", json!({"event_types": ["order.*", "webhook.*"]})).await;
    line.publish("order.paid", json!("it gets this by itself")).await;
    line.all_settled(&late, 1, "delivered").await;
    let since = json!({"since": "2020-01-01T00:00:00Z", "rate_per_second": 1000});
    let some = super::super::merged(since.clone(), json!({"event_types": ["order.sent"]}));
    let job = line.whole(&late.path("/replay-missing"), some).await;
    assert_eq!((&job["kind"], &job["done"]), (&json!("replay_missing"), &json!(6)));
    let jobs = [line.begin(&late.path("/replay-missing"), &since).await, line.begin(&late.path("/replay-missing"), &since).await];
    let mut done = 0;
    for id in &jobs {
        done += line.ended(id).await["done"].as_i64().unwrap();
    }
    assert_eq!(done, 6, "two at once send nothing twice");
    let deliveries = line.all_settled(&late, 13, "delivered").await;
    assert!(deliveries.iter().all(|delivery| delivery["replayed_from"].is_null()));
    let taken = line.receiver.at("/late");
    assert_eq!(taken.len(), 13);
    assert!(taken.iter().all(|taken| taken.header("hookswitch-replay").is_empty()), "the first time is no replay");
    let mut ids: Vec<_> = taken.iter().map(|taken| taken.header("webhook-id").to_owned()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 13);
    assert_eq!(line.count(&late.path("/replay-missing"), &since).await, 0);
    assert_eq!(line.count(&first.path("/replay-missing"), &since).await, 0);
}

on_both_engines!(recover_replays_what_failed_since_and_was_not_delivered_meanwhile, a_destination_gets_what_it_never_got_once,);
