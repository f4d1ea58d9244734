//! What holds deliveries back, and what lets them go on.

use std::collections::HashMap;
use std::time::Duration;

use hookswitch_server::app::COMPONENTS;
use http::Method;
use serde_json::{Value, json};

use super::{Destination, Line, id_of};
use crate::engines::Engine;
use crate::on_both_engines;
use crate::receiver::{Say, until};

/// Once this has arrived elsewhere, whatever was sent before it has been looked at, too.
async fn something_else_passes(line: &Line, elsewhere: &Destination) {
    let sent = line.admin.send(Method::POST, &elsewhere.path("/test"), None).await.expect(202).json();
    until("the bystander's test", || async {
        (line.delivery(sent["delivery_id"].as_str().unwrap()).await["state"] == "delivered").then_some(())
    })
    .await;
}

async fn a_held_destinations_events_are_accepted_wait_and_go_on(engine: &Engine) {
    let line = Line::open(engine).await;
    let elsewhere = line.destination_at("/elsewhere", json!({"event_types": ["never.published"]})).await;
    let destination = line.destination(json!({})).await;
    let (mut sent, mut paused_shown) = (0, Vec::new());
    for (hold, reason) in [("pause", "destination_paused"), ("disable", "destination_disabled")] {
        let shown = match hold {
            "pause" => line.command(&destination, "pause").await,
            _ => line.admin.patch(&destination.path(""), json!({"enabled": false})).await.expect(200).json(),
        };
        paused_shown.push((shown["state"].clone(), shown["enabled"].clone()));
        let mut events = Vec::new();
        for number in 0..5 {
            events.push(line.publish("a.b", json!(number)).await);
        }
        something_else_passes(&line, &elsewhere).await;
        for event in &events {
            let parked = line.settled(event, "parked").await;
            assert_eq!((&parked["parked_reason"], &parked["attempt_count"]), (&json!(reason), &json!(0)));
        }
        assert_eq!(line.deliveries("state=parked").await.len(), 5, "found by what they are shown as");
        assert_eq!(line.deliveries("state=pending").await.len(), 0);
        assert_eq!(line.receiver.at("/hook").len(), sent, "nothing is sent meanwhile");
        match hold {
            "pause" => drop(line.command(&destination, "resume").await),
            _ => drop(line.admin.patch(&destination.path(""), json!({"enabled": true})).await.expect(200)),
        }
        sent += events.len();
        let delivered = line.all_settled(&destination, sent, "delivered").await;
        assert!(delivered.iter().all(|delivery| delivery["parked_reason"].is_null() && delivery["attempt_count"] == 1));
        assert_eq!(line.receiver.at("/hook").len(), sent, "and each arrives once");
    }
    assert_eq!(paused_shown, [(json!("paused"), json!(true)), (json!("disabled"), json!(false))]);
}

async fn a_cancelled_delivery_is_never_sent(engine: &Engine) {
    let line = Line::start(engine, |_, taken| if taken.path == "/fails" { 500.into() } else { 200.into() }).await;
    line.schedule(&[0, 3_600]).await;
    let paused = line.destination(json!({})).await;
    let failing = line.destination_at("/fails", json!({})).await;
    line.command(&paused, "pause").await;
    line.publish("a.b", json!(1)).await;
    let parked = line.all_settled(&paused, 1, "parked").await.remove(0);
    let waiting = line.all_settled(&failing, 1, "retry_scheduled").await.remove(0);
    for delivery in [&parked, &waiting] {
        let cancelled = line.act(delivery, "cancel").await.expect(200).json();
        assert_eq!((&cancelled["state"], &cancelled["next_attempt_at"]), (&json!("cancelled"), &json!(null)));
        assert_eq!(cancelled["parked_reason"], json!(null), "it isn't parked any more");
        assert_eq!(line.act(delivery, "cancel").await.expect(409).code(), "finished");
    }
    line.command(&paused, "resume").await;
    something_else_passes(&line, &paused).await;
    assert_eq!(line.receiver.at("/hook").len(), 1, "the test alone");
    assert_eq!(line.receiver.at("/fails").len(), 1);
    assert_eq!(line.delivery(id_of(&parked)).await["state"], "cancelled");
    let trail = line.admin.get("/api/v1/audit?action=delivery.cancelled").await.expect(200).json();
    assert_eq!(trail["data"].as_array().unwrap().len(), 2);
}

async fn a_paused_tenant_sends_nothing_and_everything_once_it_goes_on(engine: &Engine) {
    let line = Line::open(engine).await;
    let destinations = [line.destination_at("/one", json!({})).await, line.destination_at("/two", json!({})).await];
    let other = line.server.admin("globex").await;
    let theirs = json!({"name": "x", "endpoint_url": line.receiver.url("/theirs")});
    other.post(super::DESTINATIONS, theirs).await.expect(201);
    line.admin.send(Method::POST, "/api/v1/integrations/pause", None).await.expect(200);
    for number in 0..5 {
        line.publish("a.b", json!(number)).await;
        other.post("/api/v1/events", json!({"event_type": "a.b", "payload": number})).await.expect(202);
    }
    until("the other tenant's events", || async { (line.receiver.at("/theirs").len() == 5).then_some(()) }).await;
    for destination in &destinations {
        let parked = line.all_settled(destination, 5, "parked").await;
        assert!(parked.iter().all(|delivery| delivery["parked_reason"] == "tenant_paused"));
    }
    assert_eq!(line.receiver.count(), 5, "the other tenant's alone");
    line.admin.send(Method::POST, "/api/v1/integrations/resume", None).await.expect(200);
    for destination in &destinations {
        line.all_settled(destination, 5, "delivered").await;
    }
    assert_eq!(line.receiver.count(), 15);
}

/// What a node holds in memory behind a slow receiver is held, cancelled and deleted like the rest.
async fn what_waits_in_memory_heeds_a_pause_and_a_cancel(engine: &Engine) {
    let line =
        Line::start(engine, |place, _| Say { after: Duration::from_millis(if place == 0 { 700 } else { 0 }), ..200.into() })
            .await;
    let destination = line.destination(json!({"max_in_flight": 1})).await;
    let mut events = Vec::new();
    for number in 0..4 {
        events.push(line.publish("a.b", json!(number)).await);
        line.receiver.wait(1).await;
    }
    // The second one is claimed now and waits for the first one's end.
    line.settled(&events[1], "delivering").await;
    let waiting = line.deliveries(&format!("event_id={}", events[1])).await.remove(0);
    line.command(&destination, "pause").await;
    line.act(&waiting, "cancel").await.expect(200);
    line.settled(&events[0], "delivered").await;
    for event in &events[2..] {
        line.settled(event, "parked").await;
    }
    assert_eq!(line.receiver.count(), 1, "nothing is sent after the pause");
    line.command(&destination, "resume").await;
    for event in &events[2..] {
        line.settled(event, "delivered").await;
    }
    assert_eq!(line.receiver.count(), 3);
    assert_eq!(line.delivery(id_of(&waiting)).await["state"], "cancelled");
}

const BURST: usize = 300;

/// Publishes this many events in three batches and a few requests at once.
async fn burst(line: &Line, from: usize) {
    let event = |number: usize| json!({"event_type": "a.b", "payload": {"n": number}});
    for part in 0..3 {
        let events: Vec<Value> = (0..90).map(|place| event(from + part * 90 + place)).collect();
        line.admin.post("/api/v1/events/batch", json!({"events": events})).await.expect(202);
    }
    let single = (270..BURST).map(|number| {
        let admin = line.admin.clone();
        tokio::spawn(async move { admin.post("/api/v1/events", event(from + number)).await.expect(202) })
    });
    for each in single.collect::<Vec<_>>() {
        each.await.unwrap();
    }
}

/// How often each number arrived.
fn tally(line: &Line) -> HashMap<u64, usize> {
    let mut counts = HashMap::new();
    for taken in line.receiver.taken() {
        *counts.entry(taken.json()["payload"]["n"].as_u64().unwrap()).or_default() += 1;
    }
    counts
}

async fn a_burst_never_exceeds_max_in_flight_and_arrives_once_each(engine: &Engine) {
    let line = Line::start(engine, |_, _| Say { after: Duration::from_millis(4), ..200.into() }).await;
    line.destination(json!({"max_in_flight": 3})).await;
    burst(&line, 0).await;
    line.receiver.wait(BURST).await;
    until("all to be settled", || async { line.deliveries("state=delivering").await.is_empty().then_some(()) }).await;
    assert!(line.deliveries("state=pending").await.is_empty());
    let counts = tally(&line);
    assert_eq!(counts.len(), BURST);
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    assert_eq!(line.receiver.busiest(), 3, "as many as allowed, and no more");
}

async fn a_slow_destination_never_delays_another(engine: &Engine) {
    let slow = |_: usize, taken: &crate::receiver::Taken| Say {
        after: if taken.path == "/slow" { Duration::from_millis(400) } else { Duration::ZERO },
        ..200.into()
    };
    let line = Line::start(engine, slow).await;
    let stuck = line.destination_at("/slow", json!({"max_in_flight": 1})).await;
    let quick = line.destination_at("/quick", json!({})).await;
    for number in 0..40 {
        line.publish("a.b", json!(number)).await;
    }
    line.all_settled(&quick, 40, "delivered").await;
    assert!(line.receiver.at("/slow").len() < 40, "while the slow one is still at it");
    line.admin.delete(&stuck.path("")).await.expect(204);
}

/// The figure holds for whoever claims, also before it has ever seen the destination.
async fn max_in_flight_holds_from_the_first_moment_after_a_restart(engine: &Engine) {
    let line = Line::start(engine, |_, _| Say { after: Duration::from_millis(40), ..200.into() }).await;
    let destination = line.destination(json!({"max_in_flight": 2})).await;
    line.command(&destination, "pause").await;
    for number in 0..30 {
        line.publish("a.b", json!({"n": number})).await;
    }
    line.server.stop().await;
    let rules = [("egress.allow_cidrs", line.receiver.allowed())];
    let rules = rules.each_ref().map(|(key, value)| (*key, value.as_str()));
    let silent = line.server.another(engine, &rules, false).await;
    let admin = silent.admin("acme").await;
    admin.send(Method::POST, &destination.path("/resume"), None).await.expect(200);
    let server = line.server.another(engine, &rules, true).await;
    let admin = server.admin("acme").await;
    let line = Line { server, admin, ..line };
    line.all_settled(&destination, 30, "delivered").await;
    assert_eq!(tally(&line).len(), 30);
    assert!(line.receiver.busiest() <= 2, "{} at once", line.receiver.busiest());
}

on_both_engines!(
    a_held_destinations_events_are_accepted_wait_and_go_on,
    a_cancelled_delivery_is_never_sent,
    a_paused_tenant_sends_nothing_and_everything_once_it_goes_on,
    what_waits_in_memory_heeds_a_pause_and_a_cancel,
    a_burst_never_exceeds_max_in_flight_and_arrives_once_each,
    a_slow_destination_never_delays_another,
    max_in_flight_holds_from_the_first_moment_after_a_restart,
);
