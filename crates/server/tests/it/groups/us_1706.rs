//! US-1706: create, update, complete, approve, reject and swap each tell one event, in the transaction of
//! the change, in SEED-4's form; and what the catalogue says of them holds.

use std::collections::BTreeMap;

use hookswitch_pipeline::outbound::catalogue::Compiled;
use hookswitch_server::app::COMPONENTS;
use http::Method;
use serde_json::{Value, json};

use super::{Team, id_of, told};
use crate::engines::Engine;
use crate::on_both_engines;

/// What a task and a swap go through.
async fn a_life(team: &Team) -> (Value, Value) {
    let task = team.task(json!({"requires_approval": true, "difficulty": 3})).await;
    let own = format!("/api/v1/tasks/{}", id_of(&task));
    team.admin.client.patch(&own, json!({"name": "Water all plants", "difficulty": 4})).await.expect(200);
    team.act(&team.ann, &task, "complete", Some(json!({"notes": "done"}))).await.expect(200);
    team.act(&team.admin, &task, "reject", Some(json!({"reason": "one is dry"}))).await.expect(200);
    team.act(&team.ann, &task, "complete", None).await.expect(200);
    team.act(&team.admin, &task, "approve", None).await.expect(200);
    let (mine, theirs) = (team.task(json!({})).await, team.task(json!({"assigned_user_id": team.ben.id})).await);
    let asked = json!({"requester": {"user_id": team.ann.id, "task_id": mine["id"]},
        "target": {"user_id": team.ben.id, "task_id": theirs["id"]}});
    let swap = team.ann.client.post("/api/v1/swaps", asked).await.expect(201).id();
    team.admin.client.send(Method::POST, &format!("/api/v1/swaps/{swap}/approve"), None).await.expect(200);
    (task, json!({"id": swap, "mine": mine, "theirs": theirs}))
}

async fn each_change_tells_one_event_in_the_form_of_the_design(engine: &Engine) {
    let team = Team::open(engine).await;
    // One after the other, so that their order can be compared.
    let webhook = team.webhook("/hook", json!({"events": ["task.*"]})).await;
    let ordered = json!({"ordered": true});
    team.line.admin.patch(&format!("/api/v1/integrations/destinations/{}", webhook.id), ordered).await.expect(200);
    let (task, swap) = a_life(&team).await;
    let names = [
        "task.created",
        "task.updated",
        "task.completed",
        "task.rejected",
        "task.completed",
        "task.approved",
        "task.created",
        "task.created",
        "task.swap.requested",
        "task.swapped",
    ];
    let taken = team.line.receiver.wait(names.len()).await;
    assert_eq!(told(&taken), names);
    assert!(taken.iter().all(|taken| webhook.signed(taken)));
    let bodies: Vec<Value> = taken.iter().map(super::Taken::json).collect();
    for body in &bodies {
        let keys: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["event", "groupId", "timestamp", "actorId", "data"]);
        assert_eq!(body["groupId"], team.id.as_str());
        assert!(body["data"]["id"].is_string() && body["data"]["updatedAt"].is_string(), "{body}");
    }
    for body in &bodies[..6] {
        assert_eq!(body["data"]["id"], task["id"], "{body}");
    }
    assert_eq!((&bodies[0]["actorId"], &bodies[2]["actorId"]), (&json!(team.admin.id), &json!(team.ann.id)));
    assert_eq!(bodies[0]["data"]["assignedUserId"], team.ann.id.as_str());
    assert_eq!(bodies[1]["data"]["changes"]["name"], json!({"previous": "Water the plants", "new": "Water all plants"}));
    assert_eq!(bodies[2]["data"]["changes"]["completionNotes"], json!({"previous": null, "new": "done"}));
    assert_eq!((&bodies[3]["data"]["reason"], &bodies[3]["data"]["status"]), (&json!("one is dry"), &json!("Pending")));
    assert_eq!((&bodies[5]["data"]["status"], &bodies[5]["data"]["points"]), (&json!("Completed"), &json!(40)));
    let swapped = &bodies[9]["data"];
    assert_eq!((&swapped["id"], &swapped["status"]), (&swap["id"], &json!("Approved")));
    assert_eq!(
        (&swapped["requester"]["id"], &swapped["requester"]["assignedUserId"]),
        (&swap["mine"]["id"], &json!(team.ben.id))
    );
    assert_eq!((&swapped["target"]["id"], &swapped["target"]["assignedUserId"]), (&swap["theirs"]["id"], &json!(team.ann.id)));
}

async fn every_event_is_of_its_group_and_fits_its_schema(engine: &Engine) {
    let team = Team::open(engine).await;
    let (task, _) = a_life(&team).await;
    team.admin.client.delete(&format!("/api/v1/tasks/{}", id_of(&task))).await.expect(204);
    team.admin.client.patch(&team.path(""), json!({"name": "Front desk"})).await.expect(200);
    let ben = team.path(&format!("/members/{}", team.ben.id));
    team.admin.client.patch(&ben, json!({"role": "admin"})).await.expect(200);
    team.admin.client.delete(&ben).await.expect(204);
    team.line.admin.delete(&team.path("")).await.expect(204);
    let mut schemas = BTreeMap::new();
    for kind in ["task.", "group."] {
        let mut cursor = String::new();
        loop {
            let page = team.line.admin.get(&format!("/api/v1/event-types?limit=100{cursor}")).await.expect(200).json();
            for known in page["data"].as_array().unwrap().iter().filter(|known| known["name"].as_str().unwrap().starts_with(kind))
            {
                schemas.insert(known["name"].as_str().unwrap().to_owned(), Compiled::new(&known["schema"]).unwrap());
            }
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
    }
    let mut seen = Vec::new();
    let events = team.line.admin.get("/api/v1/events?limit=100").await.expect(200).json();
    for event in events["data"].as_array().unwrap() {
        let name = event["event_type"].as_str().unwrap();
        let whole = team.line.admin.get(&format!("/api/v1/events/{}", id_of(event))).await.expect(200).json();
        let schema = schemas.get(name).unwrap_or_else(|| panic!("{name} is in no catalogue"));
        let wrong = schema.mismatches(&whole["payload"]);
        assert!(wrong.is_empty(), "{name}: {wrong:?}\n{}", whole["payload"]);
        assert_eq!(whole["group_id"], team.id.as_str(), "{name}");
        assert!(!whole.to_string().contains("invitation"), "{name}");
        seen.push(name.to_owned());
    }
    for name in [
        "group.created",
        "group.updated",
        "group.deleted",
        "group.member_added",
        "group.member_changed",
        "group.member_removed",
        "task.created",
        "task.updated",
        "task.completed",
        "task.approved",
        "task.rejected",
        "task.deleted",
        "task.swap.requested",
        "task.swapped",
    ] {
        assert!(seen.iter().any(|seen| seen == name), "{name} was not told: {seen:?}");
    }
}

async fn a_refused_change_tells_nothing(engine: &Engine) {
    let team = Team::open(engine).await;
    let task = team.task(json!({})).await;
    let count = async || {
        let events = team.line.admin.get("/api/v1/events?limit=100").await.expect(200).json();
        events["data"].as_array().unwrap().len()
    };
    let before = count().await;
    team.act(&team.ben, &task, "complete", None).await.expect(403);
    team.act(&team.admin, &task, "approve", None).await.expect(422);
    let own = format!("/api/v1/tasks/{}", id_of(&task));
    team.admin.client.patch(&own, json!({"difficulty": 11})).await.expect(400);
    team.admin.client.patch(&own, json!({"name": "Water the plants"})).await.expect(200);
    assert_eq!(count().await, before);
}

on_both_engines!(
    each_change_tells_one_event_in_the_form_of_the_design,
    every_event_is_of_its_group_and_fits_its_schema,
    a_refused_change_tells_nothing,
);
