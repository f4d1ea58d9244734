//! Replaying and discarding: the count first, then exactly that.

use super::*;
use crate::on_both_engines;

async fn a_bulk_replay_does_what_it_counted_and_links_each(engine: &Engine) {
    let line = Line::deadly(engine, only_replays).await;
    let destination = line.destination(json!({})).await;
    let dead = line.letters_of(&destination, 7).await;
    let body = json!({"filter": {"destination_id": destination.id}, "rate_per_second": 1000});
    let job = line.whole(&format!("{LETTERS}/replay"), body.clone()).await;
    assert_eq!((&job["kind"], &job["done"], &job["destination_id"]), (&json!("replay"), &json!(7), &json!(destination.id)));
    let sent = line.receiver.wait(14).await;
    assert!(line.dead_letters("").await.is_empty(), "dealt with");
    for letter in &dead {
        let replayed = line.dead_letters("replayed=true").await;
        let shown = replayed.iter().find(|row| row["id"] == letter["id"]).unwrap();
        assert_eq!(shown["state"], "dead_lettered", "the original stays what it is");
        let fresh = line.delivery(shown["replayed_as"].as_str().unwrap()).await;
        assert_eq!((&fresh["replayed_from"], &fresh["event_id"]), (&letter["id"], &letter["event_id"]));
    }
    let mut ids: Vec<_> = sent[..7].iter().map(|taken| taken.header("webhook-id").to_owned()).collect();
    let mut again: Vec<_> = sent[7..].iter().map(|taken| taken.header("webhook-id").to_owned()).collect();
    ids.sort();
    again.sort();
    assert_eq!(ids, again, "the same ids");
    assert!(sent[..7].iter().all(|taken| taken.header("hookswitch-replay").is_empty()));
    assert_eq!(line.count(&format!("{LETTERS}/replay"), &body).await, 0, "nothing is replayed twice");
}

async fn a_replay_that_fails_again_is_a_letter_of_its_own(engine: &Engine) {
    let line = Line::deadly(engine, |_, _| 500.into()).await;
    let destination = line.destination(json!({})).await;
    let dead = line.letters_of(&destination, 1).await.remove(0);
    line.whole(&format!("{LETTERS}/replay"), json!({"ids": [dead["id"]]})).await;
    let again = until("the replay's own end", || async { line.dead_letters("").await.into_iter().next() }).await;
    assert_eq!((&again["replayed_from"], line.dead_letters("").await.len()), (&dead["id"], 1));
    // A single replay marks its original too.
    line.act(&again, "replay").await.expect(202);
    let third = until("the second replay's end", || async {
        line.dead_letters("").await.into_iter().find(|row| row["id"] != again["id"])
    })
    .await;
    assert_eq!((&third["replayed_from"], line.dead_letters("").await.len()), (&again["id"], 1));
}

async fn ids_that_are_no_dead_letters_are_skipped_and_said_so(engine: &Engine) {
    let line = Line::deadly(engine, |place, _| if place < 2 { 500.into() } else { 200.into() }).await;
    let destination = line.destination(json!({})).await;
    let dead = line.letters_of(&destination, 2).await;
    let event = line.publish("a.b", json!("fine")).await;
    let fine = line.settled(&event, "delivered").await;
    let nobody = "dlv_01jd8r7c5tevzs9c1ghvzv3hkp";
    let body = json!({"ids": [dead[0]["id"], dead[0]["id"], fine["id"], nobody]});
    for path in ["replay", "discard"] {
        assert_eq!(line.count(&format!("{LETTERS}/{path}"), &body).await, 1, "{path}");
    }
    let job = line.begin(&format!("{LETTERS}/discard"), &body).await;
    let job = line.ended(&job).await;
    assert_eq!((&job["done"], &job["skipped"]), (&json!(1), &json!(2)));
    let states = [&dead[0], &dead[1], &fine].map(|delivery| id_of(delivery).to_owned());
    let mut now = Vec::new();
    for id in &states {
        now.push(line.delivery(id).await["state"].clone());
    }
    assert_eq!(now, ["discarded", "dead_lettered", "delivered"]);
}

async fn what_is_discarded_is_never_sent(engine: &Engine) {
    let line = Line::deadly(engine, only_replays).await;
    let destination = line.destination(json!({})).await;
    let mut letters = line.letters_of(&destination, 2).await;
    line.command(&destination, "pause").await;
    for number in 0..3 {
        line.publish("c.d", json!(number)).await;
    }
    let parked = json!({"filter": {"state": "parked", "event_type": "c.d"}, "rate_per_second": 1000});
    line.whole(&format!("{LETTERS}/discard"), parked).await;
    assert_eq!(line.deliveries("state=discarded").await.len(), 3);
    line.command(&destination, "resume").await;
    let everything = json!({"filter": {}});
    line.whole(&format!("{LETTERS}/discard"), everything.clone()).await;
    letters.truncate(0);
    assert_eq!(line.dead_letters("").await, letters);
    assert_eq!(line.deliveries("state=discarded").await.len(), 5);
    assert_eq!(line.count(&format!("{LETTERS}/replay"), &everything).await, 0);
    // Whatever would have been sent has been looked at once this has arrived.
    let event = line.publish("e.f", json!(0)).await;
    line.settled(&event, "dead_lettered").await;
    assert_eq!(line.receiver.count(), 3);
}

/// Parked because its attempts are used up: the replay takes its place, pause or no pause.
async fn what_is_parked_exhausted_is_replayed_in_its_place(engine: &Engine) {
    let line = Line::start(engine, only_replays).await;
    let destination = line.destination(json!({"policy": {"max_attempts": 1, "on_exhausted": "park"}})).await;
    let event = line.publish("a.b", json!(1)).await;
    let parked = line.settled(&event, "parked").await;
    line.command(&destination, "pause").await;
    assert_eq!(line.delivery(id_of(&parked)).await["parked_reason"], "exhausted", "no resume lets it go on");
    line.command(&destination, "resume").await;
    line.whole(&format!("{LETTERS}/replay"), json!({"filter": {"parked_reason": "exhausted"}})).await;
    let fresh = line.settled(&event, "delivered").await;
    assert_eq!(fresh["replayed_from"], parked["id"]);
    assert_eq!(line.delivery(id_of(&parked)).await["state"], "discarded");
    assert!(line.dead_letters("").await.is_empty());
}

async fn bad_requests_are_told_by_field_and_start_nothing(engine: &Engine) {
    let line = Line::open(engine).await;
    let destination = line.destination(json!({})).await;
    let id = "dlv_01jd8r7c5tevzs9c1ghvzv3hkp";
    let letters = |what: &str| format!("{LETTERS}/{what}");
    let cases = [
        (letters("replay"), json!({}), "filter"),
        (letters("replay"), json!({"ids": []}), "ids"),
        (letters("replay"), json!({"ids": ["evt_01jd8r7c5tevzs9c1ghvzv3hkp"]}), "ids[0]"),
        (letters("discard"), json!({"ids": vec![id; 1001]}), "ids"),
        (letters("discard"), json!({"ids": [id], "filter": {}}), "filter"),
        (letters("replay"), json!({"filter": {"colour": "red"}}), "filter.colour"),
        (letters("replay"), json!({"filter": {"state": "delivered"}}), "filter.state"),
        (letters("replay"), json!({"filter": {"event_type": "not a type"}}), "filter.event_type"),
        (letters("replay"), json!({"filter": {"parked_reason": "destination_paused"}}), "filter.parked_reason"),
        (letters("discard"), json!({"filter": {"state": "parked", "reason": "terminal"}}), "filter.reason"),
        (letters("discard"), json!({"filter": {"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}}), "filter.to"),
        (letters("discard"), json!({"filter": {}, "rate_per_second": 0}), "rate_per_second"),
        (letters("discard"), json!({"filter": {}, "rate_per_second": 1001}), "rate_per_second"),
        (destination.path("/recover"), json!({}), "since"),
        (destination.path("/recover"), json!({"since": "yesterday"}), "since"),
        (destination.path("/recover"), json!({"since": "2999-01-01T00:00:00Z"}), "since"),
        (destination.path("/recover"), json!({"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}), "until"),
        (destination.path("/replay-missing"), json!({"since": "2026-01-01T00:00:00Z", "event_types": ["A b"]}), "event_types[0]"),
    ];
    for (path, body, field) in cases {
        let problem = line.admin.post(&path, body.clone()).await.expect(400).json();
        assert_eq!(problem["errors"][0]["field"], field, "{path} {body}: {problem}");
    }
    assert!(line.admin.get(JOBS).await.expect(200).json()["data"].as_array().unwrap().is_empty());
    let elsewhere = line.server.admin("globex").await;
    let since = json!({"since": "2026-01-01T00:00:00Z"});
    elsewhere.post(&destination.path("/recover"), since.clone()).await.expect(404);
    elsewhere.post(&destination.path("/replay-missing"), since).await.expect(404);
}

on_both_engines!(
    a_bulk_replay_does_what_it_counted_and_links_each,
    a_replay_that_fails_again_is_a_letter_of_its_own,
    ids_that_are_no_dead_letters_are_skipped_and_said_so,
    what_is_discarded_is_never_sent,
    what_is_parked_exhausted_is_replayed_in_its_place,
    bad_requests_are_told_by_field_and_start_nothing,
);
