//! What doesn't arrive at once: attempts, their schedule, their end, and replays.

use std::time::Duration;

use hookswitch_domain::time::Timestamp;
use hookswitch_server::app::COMPONENTS;
use serde_json::{Value, json};

use super::{Line, id_of};
use crate::engines::{Engine, ambient};
use crate::on_both_engines;
use crate::receiver::Say;

fn moment(value: &Value) -> Timestamp {
    value.as_str().unwrap_or_else(|| panic!("no moment: {value}")).parse().unwrap()
}

/// How far ahead of now this moment is.
pub(super) fn ahead_ms(value: &Value) -> i64 {
    moment(value).millis() - ambient().now().millis()
}

/// A stable view of attempts: number, outcome, status, reason, whether another follows.
fn told(attempts: &[Value]) -> Vec<(u64, &str, u64, &str, bool)> {
    let one = |attempt: &'_ Value| -> (u64, &'static str, u64, &'static str, bool) {
        let text = |name: &str| -> &'static str { attempt[name].as_str().unwrap().to_owned().leak() };
        let number = |name: &str| attempt[name].as_u64().unwrap_or(0);
        (number("number"), text("outcome"), number("status"), text("reason"), attempt["retryable"].as_bool().unwrap())
    };
    attempts.iter().map(one).collect()
}

async fn a_failed_attempt_is_scheduled_again_and_delivered_under_the_same_id(engine: &Engine) {
    let script = |place: usize, _: &_| match place {
        0 => Say { body: "try\r\nlater".to_owned(), ..500.into() },
        1 => 429.into(),
        _ => 204.into(),
    };
    let line = Line::start(engine, script).await;
    line.schedule(&[0, 0, 1, 60]).await;
    line.destination(json!({})).await;
    let event = line.publish("a.b", json!({"n": 1})).await;
    line.receiver.wait(2).await;
    let waiting = line.settled(&event, "retry_scheduled").await;
    let ahead = ahead_ms(&waiting["next_attempt_at"]);
    assert!((-500..=1_000).contains(&ahead), "about a second, as the schedule says: {ahead} ms");
    let delivery = line.settled(&event, "delivered").await;
    assert_eq!((&delivery["attempt_count"], &delivery["next_attempt_at"]), (&json!(3), &json!(null)));

    let taken = line.receiver.taken();
    assert_eq!(taken.len(), 3);
    assert!(taken.iter().all(|each| each.header("webhook-id") == taken[0].header("webhook-id")), "one id for all attempts");
    assert!(taken.iter().all(|each| each.body == taken[0].body), "the same bytes each time");
    let attempts = line.attempts(&delivery).await;
    let expected = [
        (1, "retryable", 500, "answered 500", true),
        (2, "retryable", 429, "answered 429", true),
        (3, "accepted", 204, "answered 204", false),
    ];
    assert_eq!(told(&attempts), expected);
    assert_eq!(attempts[0]["response_summary"], "try\\r\\nlater", "shown as harmless text");
    for attempt in &attempts {
        assert!(attempt["timings"]["total_us"].as_u64().unwrap() > 0 && attempt["sent"] == true, "{attempt}");
        assert_eq!(attempt["remote_address"], line.receiver.address.to_string());
    }
    assert!(attempts[0]["timings"]["connect_us"].as_u64().is_some(), "the first one connects: {}", attempts[0]);
    let gap = moment(&attempts[2]["started_at"]).since(moment(&attempts[1]["started_at"]));
    assert!(gap >= Duration::from_millis(990), "never before its time: {gap:?}");
}

async fn used_up_attempts_end_as_the_policy_says(engine: &Engine) {
    let line = Line::start(engine, |_, _| 503.into()).await;
    line.schedule(&[0, 0]).await;
    let mut ends = Vec::new();
    for (on_exhausted, state) in [("dead_letter", "dead_lettered"), ("park", "parked"), ("discard", "failed")] {
        let destination = line.destination(json!({"policy": {"on_exhausted": on_exhausted}})).await;
        ends.push((destination, state));
    }
    line.publish("a.b", json!(1)).await;
    for (destination, state) in &ends {
        let delivery = line.all_settled(destination, 1, state).await.remove(0);
        let reason = if *state == "parked" { json!("exhausted") } else { json!(null) };
        assert_eq!((&delivery["parked_reason"], &delivery["next_attempt_at"]), (&reason, &json!(null)));
        let attempts = line.attempts(&delivery).await;
        let expected = [(1, "retryable", 503, "answered 503", true), (2, "exhausted", 503, "answered 503", false)];
        assert_eq!(told(&attempts), expected);
        assert_eq!(delivery["last_reason"], "answered 503");
    }
    assert_eq!(line.receiver.count(), 6, "and nothing more is tried");
}

async fn a_replay_is_a_new_delivery_of_the_same_message(engine: &Engine) {
    let line = Line::start(engine, |place, _| if place == 0 { 500.into() } else { 200.into() }).await;
    line.schedule(&[0]).await;
    line.destination(json!({})).await;
    let event = line.publish("a.b", json!({"n": 1})).await;
    let dead = line.settled(&event, "dead_lettered").await;
    let keyed = Line { admin: line.admin.with("idempotency-key", "replay-1"), ..line };
    let fresh = keyed.act(&dead, "replay").await.expect(202).json();
    let same = keyed.act(&dead, "replay").await.expect(202).json();
    assert_eq!(fresh, same, "one key, one replay");
    let line = keyed;
    line.receiver.wait(2).await;
    let replayed = line.settled(&event, "delivered").await;
    assert_eq!((&replayed["id"], &replayed["replayed_from"]), (&fresh["delivery_id"], &dead["id"]));
    assert_eq!(replayed["attempt_count"], 1, "its attempts count from one");
    assert_ne!(replayed["id"], dead["id"]);
    assert_eq!(line.delivery(id_of(&dead)).await["state"], "dead_lettered", "the old one stays as it ended");
    let taken = line.receiver.taken();
    assert_eq!(taken.len(), 2);
    assert_eq!(taken[0].header("webhook-id"), taken[1].header("webhook-id"));
    assert_eq!(taken[0].body, taken[1].body);
    assert_eq!((taken[0].header("hookswitch-replay"), taken[1].header("hookswitch-replay")), ("", "true"));
    let trail = line.admin.get("/api/v1/audit?action=delivery.replayed").await.expect(200).json();
    assert_eq!(trail["data"].as_array().unwrap().len(), 1);
}

async fn a_delivery_that_is_still_tried_is_not_replayed(engine: &Engine) {
    let line = Line::start(engine, |_, _| 500.into()).await;
    line.schedule(&[0, 3_600]).await;
    line.destination(json!({})).await;
    let event = line.publish("a.b", json!(1)).await;
    let waiting = line.settled(&event, "retry_scheduled").await;
    assert_eq!(line.act(&waiting, "replay").await.expect(409).code(), "not_finished");
    assert_eq!(line.deliveries("").await.len(), 1);
}

async fn a_receiver_that_is_gone_is_left_alone_until_somebody_enables_it(engine: &Engine) {
    let line = Line::start(engine, |place, _| if place == 0 { 410.into() } else { 200.into() }).await;
    let destination = line.destination(json!({})).await;
    let event = line.publish("a.b", json!(1)).await;
    let shown = crate::receiver::until("the destination to be disabled", || async {
        let shown = line.admin.get(&destination.path("")).await.expect(200).json();
        (shown["enabled"] == false).then_some(shown)
    });
    let shown = shown.await;
    assert_eq!((&shown["state"], &shown["held_reason"]), (&json!("disabled"), &json!("receiver_gone")));
    let later = line.publish("a.b", json!(2)).await;
    for (event, attempts) in [(&event, 1), (&later, 0)] {
        let parked = line.settled(event, "parked").await;
        assert_eq!((&parked["parked_reason"], &parked["attempt_count"]), (&json!("receiver_gone"), &json!(attempts)));
    }
    assert_eq!(line.receiver.count(), 1, "it is asked once");
    let trail = line.admin.get("/api/v1/audit?action=destination.disabled").await.expect(200).json();
    assert_eq!(trail["data"][0]["target"], destination.id);
    line.admin.send(http::Method::POST, &destination.path("/resume"), None).await.expect(409);
    let enabled = line.admin.patch(&destination.path(""), json!({"enabled": true})).await.expect(200).json();
    assert_eq!((&enabled["state"], &enabled["held_reason"]), (&json!("active"), &json!(null)));
    let delivered = line.all_settled(&destination, 2, "delivered").await;
    assert!(delivered.iter().all(|delivery| delivery["parked_reason"].is_null()));
    let first = line.settled(&event, "delivered").await;
    assert_eq!(told(&line.attempts(&first).await)[0].1, "gone");
    assert_eq!(first["attempt_count"], 2);
    assert_eq!(line.receiver.count(), 3);
}

async fn a_redirect_is_an_answer_and_not_followed(engine: &Engine) {
    let script = |_: usize, _: &_| Say { headers: vec![("location", "/elsewhere".to_owned())], ..302.into() };
    let line = Line::start(engine, script).await;
    line.schedule(&[0]).await;
    line.destination(json!({})).await;
    let event = line.publish("a.b", json!(1)).await;
    let dead = line.settled(&event, "dead_lettered").await;
    assert_eq!(told(&line.attempts(&dead).await), [(1, "exhausted", 302, "answered 302: redirects are not followed", false)]);
    assert_eq!(line.receiver.taken().iter().map(|taken| taken.path.as_str()).collect::<Vec<_>>(), ["/hook"]);
}

async fn a_receivers_wish_for_later_is_honoured(engine: &Engine) {
    let script = |_: usize, _: &_| Say { headers: vec![("retry-after", "120".to_owned())], ..503.into() };
    let line = Line::start(engine, script).await;
    line.schedule(&[0, 0, 0]).await;
    line.destination(json!({})).await;
    let event = line.publish("a.b", json!(1)).await;
    let waiting = line.settled(&event, "retry_scheduled").await;
    let ahead = ahead_ms(&waiting["next_attempt_at"]);
    assert!((90_000..=120_000).contains(&ahead), "{ahead} ms");
}

async fn slow_and_absent_receivers_are_told_in_plain_words(engine: &Engine) {
    let line = Line::start(engine, |_, _| Say { after: Duration::from_secs(30), ..200.into() }).await;
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = silent.local_addr().unwrap();
    drop(silent);
    let rules = [("egress.allow_cidrs", "[\"127.0.0.1/32\"]")];
    let server = line.server.another(engine, &rules, true).await;
    line.server.stop().await;
    let admin = server.admin("acme").await;
    let line = Line { server, admin, ..line };
    line.schedule(&[0]).await;
    let slow = line.destination(json!({"policy": {"timeout_ms": 1000}})).await;
    let absent = line.destination(json!({"endpoint_url": format!("http://{closed}/")})).await;
    line.publish("a.b", json!(1)).await;
    for (destination, words) in [(&absent, "refused"), (&slow, "1")] {
        let dead = line.all_settled(destination, 1, "dead_lettered").await.remove(0);
        let attempt = line.attempts(&dead).await.remove(0);
        let reason = attempt["reason"].as_str().unwrap();
        assert!(reason.contains(words) && !reason.contains("Error") && !reason.contains("::"), "{reason}");
        assert_eq!((&attempt["number"], &attempt["sent"], &attempt["status"]), (&json!(1), &json!(true), &json!(null)));
    }
}

on_both_engines!(
    a_failed_attempt_is_scheduled_again_and_delivered_under_the_same_id,
    used_up_attempts_end_as_the_policy_says,
    a_replay_is_a_new_delivery_of_the_same_message,
    a_delivery_that_is_still_tried_is_not_replayed,
    a_receiver_that_is_gone_is_left_alone_until_somebody_enables_it,
    a_redirect_is_an_answer_and_not_followed,
    a_receivers_wish_for_later_is_honoured,
    slow_and_absent_receivers_are_told_in_plain_words,
);
