//! US-1703: the management paths by their names: list, create, change, delete, the delivery log, and a
//! replay that sends the same event again and says so.

use hookswitch_server::app::COMPONENTS;
use http::Method;
use serde_json::json;

use super::{Team, WEBHOOKS, id_of};
use crate::engines::Engine;
use crate::on_both_engines;
use crate::receiver::until;

async fn a_replay_sends_the_same_event_and_is_a_row_of_its_own(engine: &Engine) {
    let team = Team::start(engine, |place, _| if place == 0 { 500.into() } else { 200.into() }).await;
    let webhook = team.webhook("/hook", json!({"retryPolicy": {"maxAttempts": 1}})).await;
    let foreign = team.webhook("/foreign", json!({"events": ["task.deleted"]})).await;
    team.task(json!({})).await;
    let dead = until("a dead letter", || async {
        team.log(&webhook).await.into_iter().find(|delivery| delivery["status"] == "dead-letter")
    });
    let dead = dead.await;
    let replay = |id: &str| webhook.path(&format!("/replay/{id}"));
    let again = team.admin.client.send(Method::POST, &replay(id_of(&dead)), None).await.expect(202).json();
    let again = again["deliveryId"].as_str().unwrap().to_owned();
    let taken = team.line.receiver.wait(2).await;
    assert_eq!(taken[0].body, taken[1].body);
    assert_eq!(taken[1].header("hookswitch-replay"), "true");
    let delivered = until("the replay's end", || async {
        team.log(&webhook)
            .await
            .into_iter()
            .find(|delivery| delivery["id"] == again.as_str() && delivery["status"] == "delivered")
    });
    let delivered = delivered.await;
    assert_eq!((&delivered["replayedFrom"], &delivered["eventId"]), (&dead["id"], &dead["eventId"]));
    // What was delivered may be sent again too, as the document says; by its own webhook's path alone.
    team.admin.client.send(Method::POST, &replay(&again), None).await.expect(202);
    let elsewhere = foreign.path(&format!("/replay/{again}"));
    team.admin.client.send(Method::POST, &elsewhere, None).await.expect(404);
    team.ann.client.send(Method::POST, &replay(&again), None).await.expect(403);
}

async fn the_log_says_what_each_event_was_about_and_nothing_of_what_it_says(engine: &Engine) {
    let team = Team::open(engine).await;
    let webhook = team.webhook("/hook", json!({})).await;
    let task = team.task(json!({"name": "Call Mrs Miller", "description": "0170 1234567"})).await;
    let row = until("a delivery", || async { team.log(&webhook).await.into_iter().find(|row| row["status"] == "delivered") });
    let row = row.await;
    assert_eq!(row["payloadSummary"], format!("task.created of {}", id_of(&task)));
    assert_eq!((&row["event"], &row["attempts"]), (&json!("task.created"), &json!(1)));
    assert_eq!(row["errorMessage"], json!(null));
    assert!(!row.to_string().contains("Miller") && !row.to_string().contains("0170"), "{row}");
}

async fn pages_of_webhooks_and_of_their_log_follow_each_other(engine: &Engine) {
    let team = Team::open(engine).await;
    let mut made = Vec::new();
    for number in 0..3 {
        made.push(team.webhook(&format!("/{number}"), json!({"events": ["task.created"]})).await.id);
    }
    for number in 0..3 {
        team.task(json!({"name": format!("task {number}")})).await;
    }
    made.reverse();
    for (path, count) in [(WEBHOOKS.to_owned(), 3), (format!("{WEBHOOKS}/{}/deliveries", made[0]), 3)] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = team.admin.client.get(&format!("{path}?limit=2{cursor}")).await.expect(200).json();
            seen.extend(page["data"].as_array().unwrap().iter().map(|row| id_of(row).to_owned()));
            let Some(next) = page["nextCursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen.len(), count, "{path}: {seen:?}");
        if path == WEBHOOKS {
            assert_eq!(seen, made);
        }
    }
    assert_eq!(super::field(&team.admin.client.get(&format!("{WEBHOOKS}?limit=0")).await.expect(400)), "limit");
    assert_eq!(super::field(&team.admin.client.get(&format!("{WEBHOOKS}?group=1")).await.expect(400)), "group");
}

on_both_engines!(
    a_replay_sends_the_same_event_and_is_a_row_of_its_own,
    the_log_says_what_each_event_was_about_and_nothing_of_what_it_says,
    pages_of_webhooks_and_of_their_log_follow_each_other,
);
