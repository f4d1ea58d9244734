//! The ownership challenge: who doesn't repeat it gets nothing.

use std::time::{Duration, Instant};

use hookswitch_server::app::COMPONENTS;
use http::Method;
use serde_json::{Value, json};

use super::{Destination, Line, standard_signature};
use crate::engines::Engine;
use crate::harness::Answer;
use crate::on_both_engines;
use crate::receiver::{Say, Taken};

fn says(body: String) -> Say {
    Say { body, ..200.into() }
}

fn token(taken: &Taken) -> String {
    taken.json()["challenge"].as_str().unwrap_or_default().to_owned()
}

/// Repeats challenges at each path in its own way, and takes everything else.
fn receiver(_: usize, taken: &Taken) -> Say {
    match taken.path.as_str() {
        _ if token(taken).is_empty() => 200.into(),
        "/json" => says(json!({"challenge": token(taken)}).to_string()),
        "/text" => says(format!("{}\n", token(taken))),
        "/silent" => 200.into(),
        "/wrong" => says(json!({"challenge": "x"}).to_string()),
        "/error" => Say { body: token(taken), ..500.into() },
        "/redirect" => Say { headers: vec![("location", "/json".to_owned())], ..302.into() },
        "/endless" => says(token(taken).repeat(100_000)),
        _ => Say { after: Duration::from_secs(30), ..says(token(taken)) },
    }
}

async fn challenging(engine: &Engine) -> Line {
    let line = Line::start(engine, receiver).await;
    line.admin.put("/api/v1/settings", json!({"require_ownership_challenge": true})).await.expect(200);
    line
}

async fn verify(line: &Line, destination: &Destination) -> Answer {
    line.admin.send(Method::POST, &destination.path("/verify"), None).await
}

async fn shown(line: &Line, destination: &Destination) -> Value {
    line.admin.get(&destination.path("")).await.expect(200).json()
}

async fn who_repeats_the_challenge_is_enabled_and_gets_what_waited(engine: &Engine) {
    let line = challenging(engine).await;
    for path in ["/json", "/text"] {
        let destination = line.destination_at(path, json!({"headers": [{"name": "X-Team", "value": "blue"}]})).await;
        let before = shown(&line, &destination).await;
        assert_eq!((&before["enabled"], &before["held_reason"]), (&json!(false), &json!("unverified")));
        let event = line.publish("a.b", json!(1)).await;
        let waiting = line.deliveries(&format!("event_id={event}&destination_id={}", destination.id)).await;
        assert_eq!((&waiting[0]["state"], &waiting[0]["parked_reason"]), (&json!("parked"), &json!("destination_unverified")));
        // A person can't step over it.
        line.admin.patch(&destination.path(""), json!({"enabled": true})).await.expect(200);
        assert_eq!(shown(&line, &destination).await["held_reason"], "unverified");
        line.admin.send(Method::POST, &destination.path("/resume"), None).await.expect(409);
        assert_eq!(line.receiver.at(path).len(), 0);

        let verified = verify(&line, &destination).await.expect(200).json();
        assert_eq!((&verified["enabled"], &verified["held_reason"]), (&json!(true), &json!(null)));
        assert!(verified["verified_at"].is_string());
        line.all_settled(&destination, 1, "delivered").await;
        let taken = line.receiver.at(path);
        assert_eq!((taken[0].header("x-team"), taken[0].json()["type"].as_str()), ("blue", Some("ownership_challenge")));
        assert_eq!(taken[0].header("webhook-signature"), standard_signature(&destination.secret, &taken[0]));
        line.admin.patch(&destination.path(""), json!({"enabled": false})).await.expect(200);
        let on = line.admin.patch(&destination.path(""), json!({"enabled": true})).await.expect(200).json();
        assert_eq!(on["enabled"], true, "once verified, it stays so");
        line.admin.delete(&destination.path("")).await.expect(204);
    }
    let trail = line.admin.get("/api/v1/audit?action=destination.verified").await.expect(200).json();
    assert_eq!(trail["data"].as_array().unwrap().len(), 2);
}

async fn who_does_not_repeat_it_stays_disabled(engine: &Engine) {
    let line = challenging(engine).await;
    for (path, why) in [
        ("/silent", "doesn't repeat"),
        ("/wrong", "doesn't repeat"),
        ("/error", "answered 500"),
        ("/redirect", "answered 302"),
        ("/endless", "doesn't repeat"),
    ] {
        let destination = line.destination_at(path, json!({})).await;
        let refused = verify(&line, &destination).await.expect(422);
        assert_eq!(refused.code(), "challenge_failed");
        assert!(refused.text().contains(why), "{path}: {}", refused.text());
        assert_eq!(shown(&line, &destination).await["held_reason"], "unverified");
        // Another token each time.
        verify(&line, &destination).await.expect(422);
        let taken = line.receiver.at(path);
        assert_ne!(token(&taken[0]), token(&taken[1]));
        assert!(token(&taken[0]).len() >= 40);
    }
    line.publish("a.b", json!(1)).await;
    assert!(line.receiver.taken().iter().all(|taken| !token(taken).is_empty()), "nothing but challenges was sent");
}

async fn a_slow_receiver_is_not_waited_for(engine: &Engine) {
    let line = challenging(engine).await;
    let destination = line.destination_at("/slow", json!({"policy": {"timeout_ms": 1000}})).await;
    let begun = Instant::now();
    verify(&line, &destination).await.expect(422);
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}

async fn a_new_url_is_a_new_receiver(engine: &Engine) {
    let line = challenging(engine).await;
    let destination = line.destination_at("/json", json!({})).await;
    verify(&line, &destination).await.expect(200);
    let moved = json!({"endpoint_url": line.receiver.url("/silent")});
    let moved = line.admin.patch(&destination.path(""), moved).await.expect(200).json();
    assert_eq!((&moved["held_reason"], &moved["verified_at"]), (&json!("unverified"), &json!(null)));
    verify(&line, &destination).await.expect(422);
    let back = json!({"endpoint_url": line.receiver.url("/text")});
    line.admin.patch(&destination.path(""), back).await.expect(200);
    assert_eq!(verify(&line, &destination).await.expect(200).json()["enabled"], true);
}

/// Off by default; a guard's refusal comes before anything is sent.
async fn who_does_not_want_it_sees_nothing_of_it(engine: &Engine) {
    let line = Line::start(engine, receiver).await;
    let destination = line.destination_at("/silent", json!({})).await;
    assert_eq!(shown(&line, &destination).await["enabled"], true);
    line.admin.put("/api/v1/settings", json!({"require_ownership_challenge": true})).await.expect(200);
    assert_eq!(shown(&line, &destination).await["enabled"], true, "what is enabled stays so");
    verify(&line, &destination).await.expect(422);
    assert_eq!(shown(&line, &destination).await["enabled"], true, "a failed challenge alone disables nothing");
    let off = line.destination_at("/json", json!({"enabled": false})).await;
    verify(&line, &off).await.expect(200);
    assert_eq!(shown(&line, &off).await["held_reason"], "disabled", "who was switched off by a person stays off");
}

on_both_engines!(
    who_repeats_the_challenge_is_enabled_and_gets_what_waited,
    who_does_not_repeat_it_stays_disabled,
    a_slow_receiver_is_not_waited_for,
    a_new_url_is_a_new_receiver,
    who_does_not_want_it_sees_nothing_of_it,
);
