//! The life of a task: who does what to it, what that makes of it, and what is kept of it.

use hookswitch_server::app::COMPONENTS;
use serde_json::{Value, json};

use super::{Team, field, hours, id_of};
use crate::accounts::upkeep_after;
use crate::engines::Engine;
use crate::on_both_engines;

async fn points(team: &Team) -> i64 {
    let members = team.ann.client.get(&team.path("/members")).await.expect(200).json();
    let found = members["data"].as_array().unwrap().iter().find(|member| member["user_id"] == team.ann.id.as_str());
    found.unwrap()["points"].as_i64().unwrap()
}

async fn history(team: &Team, task: &Value) -> Vec<String> {
    let path = format!("/api/v1/tasks/{}/history", id_of(task));
    let list = team.ann.client.get(&path).await.expect(200).json();
    list["data"].as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap().to_owned()).collect()
}

async fn a_task_waits_for_approval_where_it_is_needed(engine: &Engine) {
    let team = Team::open(engine).await;
    let task = team.task(json!({"difficulty": 4, "requires_approval": true, "due_at": hours(5)})).await;
    assert_eq!((&task["status"], &task["created_by_user_id"]), (&json!("Pending"), &json!(team.admin.id)));
    team.act(&team.ben, &task, "complete", None).await.expect(403);
    let waiting = team.act(&team.ann, &task, "complete", Some(json!({"notes": "all wet"}))).await.expect(200).json();
    assert_eq!((&waiting["status"], &waiting["points"]), (&json!("WaitingForApproval"), &json!(0)));
    assert_eq!(team.act(&team.ann, &task, "complete", None).await.expect(422).code(), "not_open");
    team.act(&team.ann, &task, "approve", None).await.expect(403);
    assert_eq!(field(&team.act(&team.admin, &task, "reject", Some(json!({}))).await.expect(400)), "reason");
    let again = team.act(&team.admin, &task, "reject", Some(json!({"reason": "one is dry"}))).await.expect(200).json();
    assert_eq!(again["status"], "Pending");
    assert_eq!((&again["completed_at"], &again["completion_notes"]), (&Value::Null, &Value::Null), "completion is cleared");
    assert_eq!(again["rejection_reason"], "one is dry");
    assert_eq!(team.act(&team.admin, &task, "approve", None).await.expect(422).code(), "not_waiting");
    team.act(&team.ann, &task, "complete", None).await.expect(200);
    let done = team.act(&team.admin, &task, "approve", None).await.expect(200).json();
    assert_eq!((&done["status"], &done["points"]), (&json!("Completed"), &json!(44)), "4 x 10 and a tenth, as it was in time");
    assert_eq!(done["approved_by"], team.admin.id.as_str());
    assert_eq!(points(&team).await, 44);
    let actions = ["CompletionApproved", "StatusChanged", "CompletionRejected", "StatusChanged", "Created"];
    assert_eq!(history(&team, &task).await, actions);
}

async fn an_assignee_says_how_far_it_is_and_admins_the_rest(engine: &Engine) {
    let team = Team::open(engine).await;
    let task = team.task(json!({})).await;
    let own = format!("/api/v1/tasks/{}", id_of(&task));
    let begun = team.ann.client.patch(&own, json!({"status": "InProgress"})).await.expect(200).json();
    assert_eq!((&begun["status"], &begun["version"]), (&json!("InProgress"), &json!(2)));
    team.ben.client.patch(&own, json!({"status": "Pending"})).await.expect(403);
    team.ann.client.patch(&own, json!({"name": "Mine now"})).await.expect(403);
    assert_eq!(field(&team.admin.client.patch(&own, json!({"status": "Completed"})).await.expect(400)), "status");
    for (name, value) in [
        ("assigned_user_id", json!("usr_01jd8r7c5tevzs9c1ghvzv3hkp")),
        ("difficulty", json!(11)),
        ("name", json!("x".repeat(201))),
        ("points", json!(1000)),
        ("group_id", json!("grp_01jd8r7c5tevzs9c1ghvzv3hkp")),
    ] {
        assert_eq!(field(&team.admin.client.patch(&own, json!({name: value})).await.expect(400)), name);
    }
    assert_eq!(team.look(&task).await, begun, "what is refused changes nothing");
    let stale = team.admin.client.with("if-match", "\"1\"").patch(&own, json!({"name": "Late"})).await.expect(412);
    assert_eq!(stale.code(), "stale_version");
    let changed = team.admin.client.with("if-match", "\"2\"").patch(&own, json!({"assigned_user_id": team.ben.id})).await;
    assert_eq!(changed.expect(200).json()["assigned_user_id"], team.ben.id.as_str());
    assert_eq!(history(&team, &task).await, ["Reassigned", "StatusChanged", "Created"]);
    team.admin.client.delete(&own).await.expect(204);
    team.ann.client.get(&own).await.expect(404);
}

async fn what_is_late_is_overdue_and_brings_no_bonus(engine: &Engine) {
    let team = Team::open(engine).await;
    let late = team.task(json!({"name": "Late", "difficulty": 2, "due_at": hours(1)})).await;
    let later = team.task(json!({"name": "Later", "due_at": hours(1)})).await;
    let early = team.task(json!({"name": "Early", "due_at": hours(50)})).await;
    upkeep_after(&team.line.server, 2 * 3_600).await;
    upkeep_after(&team.line.server, 2 * 3_600).await;
    assert_eq!(team.look(&late).await["status"], "Overdue");
    assert_eq!(team.look(&early).await["status"], "Pending");
    assert_eq!(team.look(&late).await["version"], 2, "it is marked once");
    let moved = format!("/api/v1/tasks/{}", id_of(&later));
    let moved = team.admin.client.patch(&moved, json!({"due_at": hours(9)})).await.expect(200).json();
    assert_eq!(moved["status"], "Pending", "it has got more time");
    let past = json!({"due_at": "2020-01-01T00:00:00Z", "name": "Long ago", "difficulty": 3});
    let past = team.task(past).await;
    let done = team.act(&team.ann, &past, "complete", None).await.expect(200).json();
    assert_eq!((&done["status"], &done["points"]), (&json!("Completed"), &json!(30)));
    team.act(&team.ann, &late, "complete", None).await.expect(200);
}

async fn a_task_that_comes_again_does_when_it_is_completed(engine: &Engine) {
    let team = Team::open(engine).await;
    let task = team.task(json!({"frequency": "Weekly", "due_at": "2030-01-31T08:00:00Z", "external_id": "w-1"})).await;
    team.act(&team.ann, &task, "complete", None).await.expect(200);
    let open = team.ann.client.get(&team.path("/tasks?status=Pending")).await.expect(200).json();
    let [next] = &open["data"].as_array().unwrap()[..] else { panic!("{open}") };
    assert_eq!(next["due_at"], "2030-02-07T08:00:00.000Z");
    assert_eq!((&next["points"], &next["external_id"]), (&json!(0), &Value::Null));
    assert_eq!((&next["name"], &next["assigned_user_id"]), (&task["name"], &task["assigned_user_id"]));
}

async fn tasks_are_found_by_what_people_ask_for(engine: &Engine) {
    let team = Team::open(engine).await;
    for (name, external, who) in [("Water", "a", &team.ann.id), ("Wax", "b", &team.ben.id), ("Sweep", "c", &team.ben.id)] {
        team.task(json!({"name": name, "external_id": external, "assigned_user_id": who})).await;
    }
    let names = async |query: &str| {
        let list = team.ann.client.get(&team.path(&format!("/tasks?{query}"))).await.expect(200).json();
        let names = list["data"].as_array().unwrap().iter().map(|task| task["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names("q=wa").await, ["Wax", "Water"]);
    assert_eq!(names(&format!("assigned_user_id={}", team.ben.id)).await, ["Sweep", "Wax"]);
    assert_eq!(names("external_id=a").await, ["Water"]);
    assert_eq!(names("status=Completed").await, Vec::<String>::new());
    let taken = json!({"name": "Twice", "external_id": "a"});
    let taken = team.admin.client.post(&team.path("/tasks"), taken).await.expect(409);
    assert_eq!(taken.code(), "external_id_taken");
    assert_eq!(field(&team.ann.client.get(&team.path("/tasks?status=Half")).await.expect(400)), "status");
}

on_both_engines!(
    a_task_waits_for_approval_where_it_is_needed,
    an_assignee_says_how_far_it_is_and_admins_the_rest,
    what_is_late_is_overdue_and_brings_no_bonus,
    a_task_that_comes_again_does_when_it_is_completed,
    tasks_are_found_by_what_people_ask_for,
);
