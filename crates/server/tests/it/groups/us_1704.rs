//! US-1704: another system brings a group tasks, signed; bringing one again changes it.

use hookswitch_server::app::COMPONENTS;
use serde_json::{Value, json};

use super::{Team, field, hours};
use crate::engines::Engine;
use crate::on_both_engines;

async fn the_same_external_id_twice_is_one_task(engine: &Engine) {
    let team = Team::open(engine).await;
    let key = team.key().await;
    let due = hours(24);
    let body = json!({"externalId": "crm-1", "name": "Call back", "description": "before noon",
        "assignedUserId": team.ann.id, "dueAt": due});
    let made = team.bring(&key, &body).await.expect(201).json();
    assert_eq!(team.bring(&key, &body).await.expect(200).json(), made);
    let path = format!("/api/v1/tasks/{}", made["taskId"].as_str().unwrap());
    let task = team.ann.client.get(&path).await.expect(200).json();
    assert_eq!((&task["name"], &task["version"]), (&json!("Call back"), &json!(1)), "the same again is no change");
    assert_eq!((&task["assigned_user_id"], &task["due_at"]), (&json!(team.ann.id), &json!(due)));
    assert_eq!((&task["external_id"], &task["created_by_user_id"]), (&json!("crm-1"), &Value::Null));
    let partial = json!({"externalId": "crm-1", "name": "Call back today", "description": null});
    team.bring(&key, &partial).await.expect(200);
    let task = team.ann.client.get(&path).await.expect(200).json();
    assert_eq!((&task["name"], &task["description"]), (&json!("Call back today"), &Value::Null));
    assert_eq!(task["assigned_user_id"], team.ann.id.as_str(), "what is left out stays");
    let list = team.ann.client.get(&team.path("/tasks")).await.expect(200).json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
}

async fn an_id_of_another_group_s_task_makes_one_of_this_group(engine: &Engine) {
    let team = Team::open(engine).await;
    let theirs = json!({"name": "Night shift", "owner_id": team.ben.id});
    let theirs = team.line.admin.post("/api/v1/groups", theirs).await.expect(201).id();
    let task = json!({"name": "Theirs", "external_id": "crm-1"});
    let theirs = team.line.admin.post(&format!("/api/v1/groups/{theirs}/tasks"), task).await.expect(201).json();
    let key = team.key().await;
    let made = team.bring(&key, &json!({"externalId": "crm-1", "name": "Ours"})).await.expect(201).json();
    assert_ne!(made["taskId"], theirs["id"]);
    let path = format!("/api/v1/tasks/{}", theirs["id"].as_str().unwrap());
    assert_eq!(team.line.admin.get(&path).await.json(), theirs, "the other group's task is as it was");
}

async fn what_can_not_be_a_task_is_refused_by_the_sender_s_names(engine: &Engine) {
    let team = Team::open(engine).await;
    let key = team.key().await;
    for (body, name) in [
        (json!({"name": "x"}), "externalId"),
        (json!({"externalId": "a"}), "name"),
        (json!({"externalId": "", "name": "x"}), "externalId"),
        (json!({"externalId": "a", "name": "x".repeat(201)}), "name"),
        (json!({"externalId": "a", "name": "x", "assignedUserId": "usr_01jd8r7c5tevzs9c1ghvzv3hkp"}), "assignedUserId"),
        (json!({"externalId": "a", "name": "x", "dueAt": "soon"}), "dueAt"),
        (json!({"externalId": "a", "name": "x", "points": 100}), "points"),
    ] {
        assert_eq!(field(&team.bring(&key, &body).await.expect(400)), name, "{body}");
    }
    assert_eq!(team.bring(&key, &json!([])).await.expect(400).code(), "validation_failed");
    let list = team.ann.client.get(&team.path("/tasks")).await.expect(200).json();
    assert_eq!(list["data"], json!([]));
}

async fn twenty_at_once_with_one_id_make_one_task(engine: &Engine) {
    let team = std::sync::Arc::new(Team::open(engine).await);
    let key = team.key().await;
    let calls = (0..20).map(|number| {
        let (team, key) = (team.clone(), key.clone());
        tokio::spawn(async move {
            let body = json!({"externalId": "crm-1", "name": format!("from call {number}")});
            let answer = team.bring(&key, &body).await;
            assert!(answer.status.is_success(), "{}", answer.text());
            (answer.status.as_u16(), answer.json()["taskId"].as_str().unwrap().to_owned())
        })
    });
    let mut answers = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        answers.push(call.await.unwrap());
    }
    assert!(answers.iter().all(|(_, id)| *id == answers[0].1), "{answers:?}");
    assert_eq!(answers.iter().filter(|(status, _)| *status == 201).count(), 1, "{answers:?}");
}

on_both_engines!(
    the_same_external_id_twice_is_one_task,
    an_id_of_another_group_s_task_makes_one_of_this_group,
    what_can_not_be_a_task_is_refused_by_the_sender_s_names,
    twenty_at_once_with_one_id_make_one_task,
);
