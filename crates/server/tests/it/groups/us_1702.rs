//! US-1702: an event of the group makes one delivery per webhook that is on and wants it; deliveries are
//! signed, time out, are tried again with a backoff, and are dead letters in the end. One webhook's
//! failures are no other's.

use std::time::Duration;

use hookswitch_server::app::COMPONENTS;
use serde_json::json;

use super::{Team, person, told};
use crate::engines::Engine;
use crate::on_both_engines;
use crate::receiver::{Say, until};

async fn one_delivery_for_each_webhook_that_wants_it(engine: &Engine) {
    let team = Team::open(engine).await;
    let all = team.webhook("/all", json!({})).await;
    let wanted = team.webhook("/wanted", json!({"events": ["task.created"]})).await;
    let unwanted = team.webhook("/unwanted", json!({"events": ["task.completed"]})).await;
    let off = team.webhook("/off", json!({"isActive": false})).await;
    let other = person(&team.line.server, "acme", "other").await;
    let second = team.line.admin.post("/api/v1/groups", json!({"name": "Night shift", "owner_id": other.id})).await;
    let second = second.expect(201).id();
    let body = json!({"url": team.line.receiver.url("/theirs")});
    other.client.post(super::WEBHOOKS, body).await.expect(201);
    team.task(json!({})).await;
    let taken = team.line.receiver.wait(2).await;
    assert!(taken.iter().all(|taken| all.signed(taken) || wanted.signed(taken)));
    // Whatever else was fanned out stands in the logs by now: they are written in the task's transaction.
    for (webhook, count) in [(&all, 1), (&wanted, 1), (&unwanted, 0), (&off, 1)] {
        assert_eq!(team.log(webhook).await.len(), count);
    }
    assert_eq!(team.log(&off).await[0]["status"], "queued", "what is switched off waits");
    let theirs = format!("/api/v1/groups/{second}/tasks");
    other.client.post(&theirs, json!({"name": "Lock the door"})).await.expect(201);
    let third = team.line.receiver.wait(3).await.remove(2);
    assert_eq!((third.path.as_str(), &third.json()["groupId"]), ("/theirs", &json!(second)));
    assert_eq!(team.line.receiver.count(), 3);
}

async fn a_receiver_that_fails_is_tried_again_and_is_a_dead_letter_in_the_end(engine: &Engine) {
    let team = Team::start(engine, |_, taken| if taken.path == "/bad" { 500.into() } else { 200.into() }).await;
    let policy = json!({"maxAttempts": 3, "backoffSeconds": [0, 0]});
    let bad = team.webhook("/bad", json!({"retryPolicy": policy})).await;
    let good = team.webhook("/good", json!({})).await;
    team.task(json!({})).await;
    let dead = until("a dead letter", || async {
        team.log(&bad).await.into_iter().find(|delivery| delivery["status"] == "dead-letter")
    });
    let dead = dead.await;
    assert_eq!((&dead["attempts"], &dead["errorMessage"]), (&json!(3), &json!("answered 500")));
    assert!(dead["lastAttemptAt"].is_string());
    let tries = team.line.receiver.at("/bad");
    assert_eq!(tries.len(), 3);
    assert!(tries.iter().all(|taken| taken.body == tries[0].body && bad.signed(taken)), "the same bytes, signed anew");
    until("the other webhook's delivery", || async {
        team.log(&good).await.into_iter().find(|delivery| delivery["status"] == "delivered")
    })
    .await;
}

async fn a_receiver_that_does_not_answer_in_time_has_failed(engine: &Engine) {
    let slow = |_: usize, _: &crate::receiver::Taken| Say { after: Duration::from_secs(600), ..Say::from(200) };
    let team = Team::start(engine, slow).await;
    let webhook = team.webhook("/slow", json!({"retryPolicy": {"maxAttempts": 1}})).await;
    let short = json!({"policy": {"timeout_ms": 1000, "max_attempts": 1}});
    team.line.admin.patch(&format!("/api/v1/integrations/destinations/{}", webhook.id), short).await.expect(200);
    team.task(json!({})).await;
    let dead = until("a dead letter", || async {
        team.log(&webhook).await.into_iter().find(|delivery| delivery["status"] == "dead-letter")
    });
    let message = dead.await["errorMessage"].as_str().unwrap().to_owned();
    assert!(message.starts_with("no answer within"), "{message}");
    assert_eq!(told(&team.line.receiver.taken()), ["task.created"]);
}

on_both_engines!(
    one_delivery_for_each_webhook_that_wants_it,
    a_receiver_that_fails_is_tried_again_and_is_a_dead_letter_in_the_end,
    a_receiver_that_does_not_answer_in_time_has_failed,
);
