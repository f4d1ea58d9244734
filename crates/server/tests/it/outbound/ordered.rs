//! Ordered destinations: one after the other per ordering key, whoever fails, pauses, replays or takes
//! over, and what people can do about the one that holds up its key.

use hookswitch_server::app::COMPONENTS;
use http::Method;
use serde_json::{Value, json};

use super::{Destination, Line, id_of};
use crate::engines::{Engine, sql};
use crate::harness::Client;
use crate::on_both_engines;
use crate::receiver::{Say, Taken, until};

/// Payloads are texts such as `a1`: the key, and its number under that key.
fn text(taken: &Taken) -> String {
    taken.json()["payload"].as_str().unwrap().to_owned()
}

/// What came of a key, in the order of arrival.
fn came(line: &Line, key: &str) -> Vec<String> {
    line.receiver.taken().iter().map(text).filter(|text| text.starts_with(key)).collect()
}

fn numbered(key: &str, numbers: std::ops::RangeInclusive<u32>) -> Vec<String> {
    numbers.map(|number| format!("{key}{number}")).collect()
}

impl Line {
    async fn ordered(&self, more: Value) -> Destination {
        self.destination(super::merged(json!({"ordered": true}), more)).await
    }

    /// All in one request, each under the key that it begins with; returns the events.
    async fn publish_all<const N: usize>(&self, by: &Client, texts: [&str; N]) -> [String; N] {
        let events = texts.map(|text| json!({"event_type": "a.b", "payload": text, "ordering_key": &text[..1]}));
        let made = by.post("/api/v1/events/batch", json!({"events": events.to_vec()})).await.expect(202).json();
        std::array::from_fn(|place| made["events"][place]["event_id"].as_str().unwrap().to_owned())
    }

    async fn keys(&self, destination: &Destination, query: &str) -> Value {
        self.admin.get(&destination.path(&format!("/ordering-keys?{query}"))).await.expect(200).json()
    }
}

async fn a_failing_head_holds_up_its_key_and_no_other(engine: &Engine) {
    let failures = std::sync::atomic::AtomicUsize::new(0);
    let fails = move |text: &str| text == "a1" && failures.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 2;
    let line = Line::start(engine, move |_, taken| if fails(&text(taken)) { 500.into() } else { 200.into() }).await;
    line.schedule(&[0, 1, 1, 1]).await;
    let destination = line.ordered(json!({})).await;
    let all = ["a1", "b1", "a2", "b2", "a3", "b3"];
    line.publish_all(&line.admin, all).await;
    line.all_settled(&destination, all.len(), "delivered").await;
    let came: Vec<String> = line.receiver.taken().iter().map(text).collect();
    let of = |key: &str| came.iter().filter(|text| text.starts_with(key)).cloned().collect::<Vec<_>>();
    assert_eq!(of("a"), ["a1", "a1", "a1", "a2", "a3"]);
    assert_eq!(of("b"), numbered("b", 1..=3));
    let place = |text: &str| came.iter().position(|each| each == text).unwrap();
    assert!(place("b3") < place("a2"), "b does not wait for a: {came:?}");
    assert_eq!(line.keys(&destination, "").await["data"], json!([]), "nothing waits any more");
}

/// Without a key they stand in one line of their own.
async fn events_without_a_key_come_one_after_the_other_too(engine: &Engine) {
    let line = Line::start(engine, |place, _| if place % 5 == 1 { 500.into() } else { 200.into() }).await;
    line.schedule(&[0, 0, 0, 0]).await;
    let destination = line.ordered(json!({})).await;
    for number in 1..=20 {
        line.publish("a.b", json!(format!("x{number}"))).await;
    }
    line.all_settled(&destination, 20, "delivered").await;
    let mut came: Vec<String> = line.receiver.taken().iter().map(text).collect();
    came.dedup();
    assert_eq!(came, numbered("x", 1..=20));
    assert_eq!(line.receiver.busiest(), 1);
}

async fn people_see_what_waits_and_act_on_the_heads(engine: &Engine) {
    let refused = |taken: &Taken| text(taken).ends_with('1') && taken.header("hookswitch-replay") != "true";
    let line = Line::start(engine, move |_, taken| if refused(taken) { 500.into() } else { 200.into() }).await;
    line.schedule(&[0, 3_600]).await;
    let destination = line.ordered(json!({})).await;
    let events = ["a1", "a2", "a3", "b1", "b2", "c2"];
    let [a1, a2, a3, b1, b2, c2] = line.publish_all(&line.admin, events).await;
    let (a1, b1) = (line.settled(&a1, "retry_scheduled").await, line.settled(&b1, "retry_scheduled").await);
    line.settled(&c2, "delivered").await;
    // Page by page, each key with its head.
    let first = line.keys(&destination, "limit=1").await;
    let key = &first["data"][0];
    assert_eq!((&key["ordering_key"], &key["depth"], &key["head"]["id"]), (&json!("a"), &json!(3), &a1["id"]), "{first}");
    let rest = line.keys(&destination, &format!("failing=true&cursor={}", first["next_cursor"].as_str().unwrap())).await;
    assert_eq!((&rest["data"][0]["ordering_key"], &rest["data"][0]["depth"]), (&json!("b"), &json!(2)));
    assert_eq!((rest["data"].as_array().unwrap().len(), &rest["next_cursor"]), (1, &json!(null)));
    assert_eq!(line.keys(&destination, "to=2020-01-01T00:00:00Z").await["data"], json!([]));
    // Those behind wait like any other, and are no heads.
    let a2 = line.settled(&a2, "pending").await;
    let refused = line.act(&a2, "skip").await.expect(409);
    assert_eq!(refused.code(), "not_the_head");
    assert!(refused.text().contains(id_of(&a1)));
    assert_eq!(line.act(&a1, "skip").await.expect(200).json()["state"], "discarded");
    line.settled(&a3, "delivered").await;
    assert_eq!(line.act(&a1, "skip").await.expect(409).code(), "finished");
    // Set aside, it is among the dead letters, and a replay of it goes last.
    assert_eq!(line.act(&b1, "dead-letter").await.expect(200).json()["state"], "dead_lettered");
    line.settled(&b2, "delivered").await;
    let letters = line.admin.get("/api/v1/integrations/dead-letters?reason=set_aside").await.expect(200).json();
    assert_eq!(letters["data"].as_array().unwrap().len(), 1);
    assert_eq!((&letters["data"][0]["id"], &letters["data"][0]["reason"]), (&b1["id"], &json!("set_aside")));
    line.act(&b1, "replay").await.expect(202);
    line.settled(b1["event_id"].as_str().unwrap(), "delivered").await;
    assert_eq!(came(&line, "b"), ["b1", "b2", "b1"]);
    // What was done is on record.
    for action in ["delivery.skipped", "delivery.set_aside"] {
        let trail = line.admin.get(&format!("/api/v1/audit?action={action}")).await.expect(200).json();
        assert_eq!(trail["data"].as_array().unwrap().len(), 1, "{action}");
    }
}

async fn what_has_no_order_is_not_skipped(engine: &Engine) {
    let line = Line::start(engine, |_, _| 500.into()).await;
    line.schedule(&[0, 3_600]).await;
    line.destination(json!({})).await;
    let event = line.publish("a.b", json!("a1")).await;
    let waits = line.settled(&event, "retry_scheduled").await;
    for what in ["skip", "retry", "dead-letter"] {
        assert_eq!(line.act(&waits, what).await.expect(409).code(), "not_ordered", "{what}");
    }
}

async fn a_head_is_tried_again_at_once_and_a_used_up_one_in_its_place(engine: &Engine) {
    let line = Line::start(engine, |place, _| if place < 2 { 500.into() } else { 200.into() }).await;
    let policy = json!({"schedule_seconds": [0, 3_600], "max_attempts": 2, "jitter": 0.0, "on_exhausted": "park"});
    line.admin.put("/api/v1/integrations/delivery-policy", policy).await.expect(200);
    line.ordered(json!({})).await;
    let [event] = line.publish_all(&line.admin, ["a1"]).await;
    let a1 = line.settled(&event, "retry_scheduled").await;
    let [next] = line.publish_all(&line.admin, ["a2"]).await;
    let again = line.act(&a1, "retry").await.expect(202).json();
    assert_eq!(again["delivery_id"], a1["id"]);
    let parked = line.settled(&event, "parked").await;
    assert_eq!((&parked["parked_reason"], &parked["attempt_count"]), (&json!("exhausted"), &json!(2)));
    assert_eq!(line.receiver.count(), 2, "a2 waits for a person");
    // The same key of the caller's is the same retry.
    let caller = line.admin.with("idempotency-key", "once");
    let path = format!("{}/{}/retry", super::DELIVERIES, id_of(&a1));
    let retry = || async { caller.send(Method::POST, &path, None).await.expect(202).json()["delivery_id"].clone() };
    let (fresh, repeated): (Value, Value) = (retry().await, retry().await);
    assert_eq!(fresh, repeated);
    assert_ne!(fresh, a1["id"], "attempts of a delivery are never more than its policy has");
    let fresh = line.settled(&event, "delivered").await;
    assert_eq!(fresh["replayed_from"], a1["id"]);
    line.settled(&next, "delivered").await;
    assert_eq!(line.receiver.taken().iter().map(text).collect::<Vec<_>>(), ["a1", "a1", "a1", "a2"]);
    assert_eq!(line.delivery(id_of(&a1)).await["state"], "discarded");
}

/// By its policy: nobody has to do anything.
async fn a_head_that_dies_lets_its_key_go_on(engine: &Engine) {
    let line = Line::start(engine, |_, taken| if text(taken) == "a1" { 500.into() } else { 200.into() }).await;
    line.schedule(&[0, 0]).await;
    line.ordered(json!({})).await;
    let [first, second] = line.publish_all(&line.admin, ["a1", "a2"]).await;
    line.settled(&first, "dead_lettered").await;
    line.settled(&second, "delivered").await;
    assert_eq!(line.receiver.taken().iter().map(text).collect::<Vec<_>>(), ["a1", "a1", "a2"]);
}

/// How a delivery was accepted decides, whatever is switched afterwards.
async fn what_stands_in_line_stays_in_order_when_that_is_switched_off(engine: &Engine) {
    let slow = |_: usize, _: &Taken| Say { after: std::time::Duration::from_millis(20), ..200.into() };
    let line = Line::start(engine, slow).await;
    let destination = line.ordered(json!({})).await;
    assert_eq!(line.command(&destination, "pause").await["ordered"], true);
    for number in 1..=6 {
        line.publish_all(&line.admin, [&format!("a{number}")]).await;
    }
    let waiting = line.deliveries(&format!("destination_id={}&state=parked", destination.id)).await;
    assert_eq!(waiting.len(), 6, "those in line are parked with their head");
    assert_eq!(line.admin.patch(&destination.path(""), json!({"ordered": false})).await.expect(200).json()["ordered"], false);
    line.publish_all(&line.admin, ["b1", "b2", "b3"]).await;
    line.command(&destination, "resume").await;
    line.all_settled(&destination, 9, "delivered").await;
    assert_eq!(came(&line, "a"), numbered("a", 1..=6));
    assert!(line.receiver.busiest() > 1, "the others go side by side");
}

async fn deleting_a_destination_leaves_nobody_in_line(engine: &Engine) {
    let line = Line::open(engine).await;
    let destination = line.ordered(json!({})).await;
    line.command(&destination, "pause").await;
    line.publish_all(&line.admin, ["a1", "a2", "b1", "a3", "b2"]).await;
    let cancelled = line.deliveries(&format!("destination_id={}", destination.id)).await.remove(0);
    line.act(&cancelled, "cancel").await.expect(200);
    line.admin.delete(&destination.path("")).await.expect(204);
    line.all_settled(&destination, 5, "cancelled").await;
    let tenant = line.server.tenant("acme").await;
    until("an empty queue", || async {
        let rows = sql(&line.server.db, tenant, "SELECT (SELECT count(*) FROM due) + (SELECT count(*) FROM line)", &[]).await;
        (rows.into_iter().next().unwrap().get::<i64>(0).unwrap() == 0).then_some(())
    })
    .await;
    assert_eq!(line.receiver.count(), 0);
}

async fn two_nodes_keep_every_key_in_order(engine: &Engine) {
    // Every fourth request fails, whatever it is.
    let line = Line::start(engine, |place, _| if place % 4 == 3 { 500.into() } else { 200.into() }).await;
    line.schedule(&[0; 10]).await;
    let destination = line.ordered(json!({"policy": {"max_attempts": 10}})).await;
    let second = line.server.another(engine, &[("egress.allow_cidrs", &line.receiver.allowed())], true).await;
    let other = second.admin("acme").await;
    let keys = ["a", "b", "c"];
    for number in 1..=20 {
        let texts = keys.map(|key| format!("{key}{number}"));
        let by = if number % 2 == 0 { &line.admin } else { &other };
        line.publish_all(by, texts.each_ref().map(String::as_str)).await;
    }
    line.all_settled(&destination, 60, "delivered").await;
    for key in keys {
        let mut taken = came(&line, key);
        taken.dedup();
        assert_eq!(taken, numbered(key, 1..=20), "each until it was taken, and none before its time");
    }
}

on_both_engines!(
    a_failing_head_holds_up_its_key_and_no_other,
    events_without_a_key_come_one_after_the_other_too,
    people_see_what_waits_and_act_on_the_heads,
    what_has_no_order_is_not_skipped,
    a_head_is_tried_again_at_once_and_a_used_up_one_in_its_place,
    a_head_that_dies_lets_its_key_go_on,
    what_stands_in_line_stays_in_order_when_that_is_switched_off,
    deleting_a_destination_leaves_nobody_in_line,
    two_nodes_keep_every_key_in_order,
);
