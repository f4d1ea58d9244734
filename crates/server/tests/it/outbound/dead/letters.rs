//! Looking at dead letters: why each is there, what lets it go on, and filters that say what they mean.

use super::*;
use crate::on_both_engines;

async fn a_dead_letter_says_why_and_shows_what_was_sent(engine: &Engine) {
    let line = Line::deadly(engine, |_, _| 500.into()).await;
    let destination = line.destination(json!({})).await;
    let dead = line.letters_of(&destination, 1).await.remove(0);
    let listed = line.dead_letters("").await;
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (&listed[0]["id"], &listed[0]["state"], &listed[0]["reason"]),
        (&dead["id"], &json!("dead_lettered"), &json!("exhausted"))
    );
    let path = format!("{LETTERS}/{}", id_of(&dead));
    let shown = line.admin.get(&path).await.expect(200).json();
    assert!(shown["explanation"].as_str().unwrap().contains("answered 500"), "{shown}");
    assert_eq!(shown["last_attempt"]["status"], 500);
    assert_eq!((&shown["payload_head"], &shown["payload_bytes"]), (&json!("{\"n\":0}"), &json!(7)));
    assert!(shown["dead_at"].is_string() && shown["replayed_as"].is_null());
    let auditor = line.server.token("acme", "auditor", None).await;
    let redacted = auditor.get(&path).await.expect(200).json();
    assert_eq!((&redacted["payload_head"], &redacted["payload_bytes"]), (&json!(null), &json!(7)));
    // One that was delivered is none.
    assert_eq!(line.admin.get(&format!("{LETTERS}/dlv_01jd8r7c5tevzs9c1ghvzv3hkp")).await.status, 404);
}

async fn what_waits_behind_a_pause_is_seen_until_it_goes_on(engine: &Engine) {
    let line = Line::deadly(engine, |_, _| 200.into()).await;
    let destination = line.destination(json!({})).await;
    let other = line.destination_at("/other", json!({"event_types": ["c.d"]})).await;
    for (hold, reason) in [("pause", "destination_paused"), ("disable", "destination_disabled")] {
        match hold {
            "pause" => drop(line.command(&destination, "pause").await),
            _ => drop(line.admin.patch(&destination.path(""), json!({"enabled": false})).await.expect(200)),
        }
        line.publish("a.b", json!(1)).await;
        let seen = line.dead_letters("").await;
        assert_eq!(seen.len(), 1, "{hold}");
        assert_eq!(
            (&seen[0]["state"], &seen[0]["reason"], &seen[0]["parked_reason"]),
            (&json!("parked"), &json!(reason), &json!(reason))
        );
        let path = format!("{LETTERS}/{}", id_of(&seen[0]));
        assert!(line.admin.get(&path).await.expect(200).json()["explanation"].as_str().unwrap().contains("goes on when"));
        assert_eq!(line.dead_letters(&format!("parked_reason={reason}")).await.len(), 1);
        for none in ["state=dead_lettered", "parked_reason=exhausted", &format!("destination_id={}", other.id), "event_type=c.d"]
        {
            assert!(line.dead_letters(none).await.is_empty(), "{none}");
        }
        match hold {
            "pause" => drop(line.command(&destination, "resume").await),
            _ => drop(line.admin.patch(&destination.path(""), json!({"enabled": true})).await.expect(200)),
        }
        until("all to be delivered", || async {
            line.deliveries("").await.iter().all(|delivery| delivery["state"] == "delivered").then_some(())
        })
        .await;
        assert!(line.dead_letters("").await.is_empty());
    }
}

async fn filters_narrow_and_bad_ones_are_named(engine: &Engine) {
    let line = Line::deadly(engine, |_, _| 500.into()).await;
    let one = line.destination_at("/one", json!({"event_types": ["a.*"]})).await;
    let two = line.destination_at("/two", json!({"event_types": ["a.b"]})).await;
    line.publish("a.b", json!(1)).await;
    line.publish("a.c", json!(2)).await;
    line.all_settled(&one, 2, "dead_lettered").await;
    line.all_settled(&two, 1, "dead_lettered").await;
    let third = line.dead_letters("").await.remove(0)["created_at"].as_str().unwrap().to_owned();
    for (filter, count) in [
        (String::new(), 3),
        ("state=dead_lettered".to_owned(), 3),
        ("state=parked".to_owned(), 0),
        ("reason=exhausted".to_owned(), 3),
        ("reason=refused".to_owned(), 0),
        ("event_type=a.b".to_owned(), 2),
        (format!("destination_id={}", one.id), 2),
        (format!("destination_id={}&event_type=a.b", one.id), 1),
        ("replayed=true".to_owned(), 0),
        (format!("from={third}"), 1),
        (format!("to={third}"), 2),
    ] {
        assert_eq!(line.dead_letters(&filter).await.len(), count, "{filter}");
    }
    for (query, field) in [
        ("state=pending", "state"),
        ("reason=bored", "reason"),
        ("parked_reason=tired", "parked_reason"),
        ("destination_id=x", "destination_id"),
        ("replayed=perhaps", "replayed"),
        ("colour=red", "colour"),
    ] {
        let problem = line.admin.get(&format!("{LETTERS}?{query}")).await.expect(400).json();
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = line.admin.get(&format!("{LETTERS}?limit=1{cursor}")).await.expect(200).json();
        seen.extend(page["data"].as_array().unwrap().iter().map(|row| row["id"].clone()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let all: Vec<_> = line.dead_letters("").await.iter().map(|row| row["id"].clone()).collect();
    assert_eq!(seen, all, "page by page without a gap or a repeat");
}

/// The list of deliveries finds every state where it lies.
async fn deliveries_are_found_by_their_states(engine: &Engine) {
    let script = |_: usize, taken: &Taken| match &*taken.path {
        "/dead" => 500.into(),
        "/slow" => Say { after: std::time::Duration::from_secs(3), ..200.into() },
        _ => 200.into(),
    };
    let line = Line::start(engine, script).await;
    let exhausted = json!({"policy": {"max_attempts": 1}});
    let dead = line.destination_at("/dead", exhausted.clone()).await;
    let parked = json!({"policy": {"max_attempts": 1, "on_exhausted": "park"}});
    let failed = json!({"policy": {"max_attempts": 1, "on_exhausted": "discard"}});
    let parked = line.destination_at("/dead", parked).await;
    let failed = line.destination_at("/dead", failed).await;
    let retried = line.destination_at("/dead", json!({"policy": {"max_attempts": 3, "schedule_seconds": [0, 3600, 3600]}})).await;
    let slow = line.destination_at("/slow", json!({})).await;
    let fine = line.destination_at("/fine", json!({})).await;
    let paused = line.destination_at("/paused", json!({})).await;
    line.command(&paused, "pause").await;
    let event = line.publish("a.b", json!(1)).await;
    for (destination, state) in [
        (&dead, "dead_lettered"),
        (&parked, "parked"),
        (&failed, "failed"),
        (&retried, "retry_scheduled"),
        (&slow, "delivering"),
        (&fine, "delivered"),
        (&paused, "parked"),
    ] {
        for filter in [format!("destination_id={}", destination.id), String::new(), format!("event_id={event}")] {
            let found = until(state, || async {
                let found = line.deliveries(&format!("state={state}&{filter}")).await;
                found.into_iter().find(|row| row["destination_id"] == destination.id.as_str())
            })
            .await;
            assert_eq!(found["state"], state, "{filter}");
        }
    }
    assert_eq!(line.deliveries("state=parked").await.len(), 2);
    assert!(line.deliveries(&format!("state=pending&event_id={event}")).await.is_empty());
    assert_eq!(line.deliveries(&format!("event_id={event}")).await.len(), 7);
}

on_both_engines!(
    a_dead_letter_says_why_and_shows_what_was_sent,
    what_waits_behind_a_pause_is_seen_until_it_goes_on,
    filters_narrow_and_bad_ones_are_named,
    deliveries_are_found_by_their_states,
);
