//! The receiver's say: an answer's headers may end retries, delay them or pause the destination,
//! within bounds, and what they ask is told.

use hookswitch_server::app::COMPONENTS;
use serde_json::json;

use super::Line;
use crate::engines::Engine;
use crate::on_both_engines;
use crate::receiver::Say;

fn saying(status: u16, headers: &[(&'static str, &str)]) -> Say {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Say { status, headers, ..Say::default() }
}

async fn a_receiver_ends_retries(engine: &Engine) {
    let line = Line::start(engine, |_, _| saying(422, &[("hookswitch-retry", "stop")])).await;
    line.schedule(&[0, 0, 0]).await;
    line.destination(json!({})).await;
    let event = line.publish("a.b", json!(1)).await;
    let dead = line.settled(&event, "dead_lettered").await;
    assert_eq!((line.receiver.count(), &dead["attempt_count"]), (1, &json!(1)));
    let reason = line.attempts(&dead).await[0]["reason"].as_str().unwrap().to_owned();
    assert!(reason.starts_with("answered 422") && reason.contains("hookswitch-retry: stop"), "{reason}");
}

async fn a_receiver_asks_for_a_delay_and_gets_it_within_bounds(engine: &Engine) {
    let answers =
        [("hookswitch-retry-after", "120"), ("hookswitch-retry-after", "999999999"), ("hookswitch-retry-after", "1e308")];
    let line = Line::start(engine, move |place, _| saying(503, &answers[place..=place])).await;
    line.schedule(&[0, 60]).await;
    line.destination(json!({})).await;
    for (wait_s, told) in [(120, Some("asks to wait 120 s")), (3_600, Some("asks to wait 999999999 s")), (60, None)] {
        let event = line.publish("a.b", json!(wait_s)).await;
        let waiting = line.settled(&event, "retry_scheduled").await;
        let ahead = super::retry::ahead_ms(&waiting["next_attempt_at"]);
        assert!((wait_s * 1_000 - 20_000..=wait_s * 1_000 + 1_000).contains(&ahead), "{wait_s} s: {ahead} ms");
        let reason = line.attempts(&waiting).await[0]["reason"].as_str().unwrap().to_owned();
        match told {
            Some(told) => assert!(reason.contains(told), "{reason}"),
            None => assert_eq!(reason, "answered 503", "nonsense is no wish"),
        }
    }
}

async fn a_receiver_pauses_its_destination_and_a_person_resumes_it(engine: &Engine) {
    let line = Line::start(engine, |place, _| match place {
        0 => saying(200, &[("hookswitch-destination", "pause")]),
        _ => 200.into(),
    })
    .await;
    let destination = line.destination(json!({})).await;
    let first = line.publish("a.b", json!(1)).await;
    let delivered = line.settled(&first, "delivered").await;
    let reason = line.attempts(&delivered).await[0]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("paused the destination"), "{reason}");
    let shown = line.admin.get(&destination.path("")).await.expect(200).json();
    assert_eq!((&shown["state"], &shown["held_reason"]), (&json!("paused"), &json!("paused")));
    let second = line.publish("a.b", json!(2)).await;
    let parked = line.settled(&second, "parked").await;
    assert_eq!((&parked["parked_reason"], line.receiver.count()), (&json!("destination_paused"), 1));
    let trail = line.admin.get("/api/v1/audit?action=destination.paused").await.expect(200).json();
    let entry = &trail["data"][0];
    assert_eq!(entry["target"], json!(destination.id));
    assert!(entry["detail"]["reason"].as_str().unwrap().contains("hookswitch-destination: pause"), "{entry}");
    line.command(&destination, "resume").await;
    line.settled(&second, "delivered").await;
}

/// Another word, or the header twice, is no wish.
async fn hostile_wishes_change_nothing(engine: &Engine) {
    let line = Line::start(engine, |place, _| match place {
        0 => saying(500, &[("hookswitch-retry", "stop"), ("hookswitch-retry", "go")]),
        1 => saying(500, &[("hookswitch-destination", "delete"), ("hookswitch-retry-after", "0")]),
        _ => saying(200, &[("hookswitch-destination", "pause, pause")]),
    })
    .await;
    line.schedule(&[0, 0, 0]).await;
    let destination = line.destination(json!({})).await;
    let event = line.publish("a.b", json!(1)).await;
    line.settled(&event, "delivered").await;
    assert_eq!(line.receiver.count(), 3);
    let shown = line.admin.get(&destination.path("")).await.expect(200).json();
    assert_eq!(shown["state"], "active");
}

on_both_engines!(
    a_receiver_ends_retries,
    a_receiver_asks_for_a_delay_and_gets_it_within_bounds,
    a_receiver_pauses_its_destination_and_a_person_resumes_it,
    hostile_wishes_change_nothing,
);
