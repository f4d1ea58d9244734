//! Deleting a destination with a backlog: one small write, and a job that sweeps the rest.

use hookswitch_domain::id::DestinationId;
use hookswitch_store::params;

use super::*;
use crate::engines::sql;
use crate::on_both_engines;

impl Line {
    async fn due(&self, destination: &Destination) -> i64 {
        let tenant = self.server.tenant("acme").await;
        let id: DestinationId = destination.id.parse().unwrap();
        let count = "SELECT count(*) FROM due WHERE destination = $1 AND tenant = $2";
        sql(&self.server.db, tenant, count, params![id, tenant]).await.remove(0).get(0).unwrap()
    }
}

async fn a_deleted_destinations_backlog_is_gone_at_once_and_swept_by_a_job(engine: &Engine) {
    let line = Line::open(engine).await;
    let destination = line.destination(json!({})).await;
    let bystander = line.destination_at("/bystander", json!({})).await;
    line.command(&destination, "pause").await;
    let events: Vec<Value> = (0..300).map(|number| json!({"event_type": "a.b", "payload": number})).collect();
    line.admin.post("/api/v1/events/batch", json!({"events": events})).await.expect(202);
    // Without a worker the sweep can't start: what is seen now is what the delete itself did.
    line.server.stop().await;
    let rules = [("egress.allow_cidrs", line.receiver.allowed())];
    let rules = rules.each_ref().map(|(key, value)| (*key, value.as_str()));
    let front = line.server.another(engine, &rules, false).await;
    let line = Line { admin: front.admin("acme").await, server: front, ..line };
    line.admin.delete(&destination.path("")).await.expect(204);
    line.admin.get(&destination.path("")).await.expect(404);
    assert_eq!(line.due(&destination).await, 300, "the delete itself touched none of them");
    let shown = line.deliveries(&format!("destination_id={}", destination.id)).await;
    assert!(shown.len() == 100 && shown.iter().all(|row| row["state"] == "cancelled"), "and they read as cancelled");
    assert!(line.deliveries(&format!("state=parked&destination_id={}", destination.id)).await.is_empty());
    assert!(line.dead_letters("").await.is_empty());
    let jobs = line.admin.get(JOBS).await.expect(200).json();
    assert_eq!((&jobs["data"][0]["kind"], &jobs["data"][0]["state"]), (&json!("cancel_backlog"), &json!("running")));
    let id = jobs["data"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(line.tell_job(&id, "cancel").await.expect(409).code(), "job_needed");
    let worker = line.server.another(engine, &rules, true).await;
    assert_eq!(line.ended(&id).await["done"], 300);
    assert_eq!(line.due(&destination).await, 0);
    let cancelled = line.deliveries(&format!("state=cancelled&destination_id={}", destination.id)).await;
    assert_eq!(cancelled.len(), 100);
    until("the bystander's", || async { (line.receiver.at("/bystander").len() == 300).then_some(()) }).await;
    assert_eq!(line.receiver.at("/hook").len(), 0, "nothing of it was sent");
    // One without a backlog leaves no job behind.
    until("all of it to be settled", || async { (line.due(&bystander).await == 0).then_some(()) }).await;
    line.admin.delete(&bystander.path("")).await.expect(204);
    assert_eq!(line.admin.get(JOBS).await.expect(200).json()["data"].as_array().unwrap().len(), 1);
    worker.stop().await;
}

/// A letter of a deleted destination is seen and can be discarded, and no replay counts it.
async fn letters_of_a_deleted_destination_are_not_replayed(engine: &Engine) {
    let line = Line::deadly(engine, |_, _| 500.into()).await;
    let destination = line.destination(json!({})).await;
    let dead = line.letters_of(&destination, 2).await;
    line.admin.delete(&destination.path("")).await.expect(204);
    assert_eq!(line.dead_letters("").await.len(), 2);
    for body in [json!({"filter": {}}), json!({"ids": [dead[0]["id"]]})] {
        assert_eq!(line.count(&format!("{LETTERS}/replay"), &body).await, 0);
    }
    assert_eq!(line.act(&dead[0], "replay").await.expect(409).code(), "destination_deleted");
    line.whole(&format!("{LETTERS}/discard"), json!({"filter": {}})).await;
    assert!(line.dead_letters("").await.is_empty());
}

on_both_engines!(
    a_deleted_destinations_backlog_is_gone_at_once_and_swept_by_a_job,
    letters_of_a_deleted_destination_are_not_replayed,
);
