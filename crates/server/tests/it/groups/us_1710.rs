//! US-1710: the whole way round. A task that another system brings is told to the group's webhook; the log
//! has it; a replay tells it again; and what people then do to it is told as well.

use hookswitch_server::app::COMPONENTS;
use http::Method;
use serde_json::json;

use super::{Team, id_of, told};
use crate::engines::Engine;
use crate::on_both_engines;
use crate::receiver::until;

async fn from_one_system_in_to_another_out(engine: &Engine) {
    let team = Team::open(engine).await;
    let webhook = team.webhook("/hook", json!({})).await;
    let key = team.key().await;
    let body = json!({"externalId": "crm-1", "name": "Call back", "assignedUserId": team.ann.id});
    let made = team.bring(&key, &body).await.expect(201).json();
    let first = team.line.receiver.wait(1).await.remove(0);
    assert!(webhook.signed(&first));
    assert_eq!((&first.json()["event"], &first.json()["data"]["id"]), (&json!("task.created"), &made["taskId"]));
    assert_eq!((&first.json()["actorId"], &first.json()["data"]["externalId"]), (&json!(null), &json!("crm-1")));
    let row =
        until("its row in the log", || async { team.log(&webhook).await.into_iter().find(|row| row["status"] == "delivered") });
    let row = row.await;
    assert_eq!((&row["event"], &row["attempts"]), (&json!("task.created"), &json!(1)));
    team.admin.client.send(Method::POST, &webhook.path(&format!("/replay/{}", id_of(&row))), None).await.expect(202);
    let second = team.line.receiver.wait(2).await.remove(1);
    assert_eq!((second.header("hookswitch-replay"), second.body == first.body), ("true", true));
    let task = team.look(&json!({"id": made["taskId"]})).await;
    team.act(&team.ann, &task, "complete", None).await.expect(200);
    assert_eq!(told(&team.line.receiver.wait(3).await)[2], "task.completed");
    // The audit trail has what people did, the record's history whoever did it.
    let trail = team.line.admin.get("/api/v1/audit?action=task.completed").await.expect(200).json();
    assert_eq!(trail["data"][0]["target"], made["taskId"]);
    let past = team.line.admin.get(&format!("/api/v1/record-history?record_id={}", id_of(&task))).await.expect(200).json();
    let actors: Vec<_> = past["data"].as_array().unwrap().iter().map(|row| row["actor"].as_str().unwrap()).collect();
    assert_eq!(actors, [format!("user:{}", team.ann.id), format!("webhook:{}", team.id)]);
}

on_both_engines!(from_one_system_in_to_another_out);
