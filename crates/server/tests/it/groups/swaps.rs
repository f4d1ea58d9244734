//! Swaps: what may be asked for, who decides, and what happens to requests that nobody decides.

use hookswitch_server::app::COMPONENTS;
use http::Method;
use serde_json::{Value, json};

use super::{Team, hours, id_of};
use crate::accounts::upkeep_after;
use crate::engines::Engine;
use crate::harness::Answer;
use crate::on_both_engines;
use crate::outbound::merged;

fn side(user: &str, task: &Value) -> Value {
    json!({"user_id": user, "task_id": task["id"]})
}

/// Ann asks for one of Ben's tasks.
async fn ask(team: &Team, mine: &Value, theirs: &Value, more: Value) -> Answer {
    let body = json!({"requester": side(&team.ann.id, mine), "target": side(&team.ben.id, theirs)});
    team.ann.client.post("/api/v1/swaps", merged(body, more)).await
}

async fn of_ben(team: &Team, more: Value) -> Value {
    team.task(merged(json!({"name": "Sweep the stairs", "assigned_user_id": team.ben.id}), more)).await
}

async fn decide(team: &Team, swap: &Value, what: &str) -> Answer {
    team.admin.client.send(Method::POST, &format!("/api/v1/swaps/{}/{what}", id_of(swap)), None).await
}

async fn an_approved_swap_exchanges_both_assignees_at_once(engine: &Engine) {
    let team = Team::open(engine).await;
    let (mine, theirs) = (team.task(json!({})).await, of_ben(&team, json!({})).await);
    let swap = ask(&team, &mine, &theirs, json!({"reason": "a doctor's appointment"})).await.expect(201).json();
    assert_eq!((&swap["status"], &swap["reason"]), (&json!("Pending"), &json!("a doctor's appointment")));
    assert_eq!(team.look(&mine).await["assigned_user_id"], team.ann.id.as_str(), "nothing moves before somebody agrees");
    let path = format!("/api/v1/swaps/{}/approve", id_of(&swap));
    team.ben.client.send(Method::POST, &path, None).await.expect(403);
    let approved = decide(&team, &swap, "approve").await.expect(200).json();
    assert_eq!((&approved["status"], &approved["decided_by"]), (&json!("Approved"), &json!(team.admin.id)));
    assert_eq!(team.look(&mine).await["assigned_user_id"], team.ben.id.as_str());
    assert_eq!(team.look(&theirs).await["assigned_user_id"], team.ann.id.as_str());
    for task in [&mine, &theirs] {
        let path = format!("/api/v1/tasks/{}/history", id_of(task));
        let newest = team.ann.client.get(&path).await.expect(200).json()["data"][0].clone();
        assert_eq!(newest["action"], "Reassigned");
        assert!(newest["changes"]["assigned_user_id"]["previous"].is_string());
    }
    assert_eq!(decide(&team, &swap, "approve").await.expect(409).code(), "not_pending");
    let waiting = team.ann.client.get(&format!("/api/v1/swaps?group_id={}&status=Pending", team.id)).await.expect(200).json();
    assert_eq!(waiting["data"], json!([]));
}

async fn what_breaks_a_rule_is_refused_by_its_name(engine: &Engine) {
    let team = Team::open(engine).await;
    let mine = team.task(json!({"difficulty": 5})).await;
    let refuse = async |theirs: &Value, status: u16, code: &str| {
        let refused = ask(&team, &mine, theirs, json!({})).await.expect(status);
        assert_eq!(refused.code(), code, "{}", refused.text());
    };
    let hard = of_ben(&team, json!({"difficulty": 8})).await;
    refuse(&hard, 422, "difficulty_gap").await;
    ask(&team, &mine, &hard, json!({"allow_difficulty_override": true})).await.expect(201);
    refuse(&hard, 409, "duplicate_swap").await;
    let mirrored = json!({"requester": side(&team.ben.id, &hard), "target": side(&team.ann.id, &mine),
        "allow_difficulty_override": true});
    let mirrored = team.ben.client.post("/api/v1/swaps", mirrored).await.expect(409);
    assert_eq!(mirrored.code(), "duplicate_swap", "in either direction");
    refuse(&of_ben(&team, json!({"difficulty": 5, "due_at": hours(1)})).await, 422, "too_late").await;
    let done = of_ben(&team, json!({"difficulty": 5})).await;
    team.act(&team.ben, &done, "complete", None).await.expect(200);
    refuse(&done, 422, "not_open").await;
    refuse(&team.task(json!({"difficulty": 5})).await, 422, "not_assigned").await;
    let second = json!({"name": "Night shift", "owner_id": team.ben.id});
    let second = team.line.admin.post("/api/v1/groups", second).await.expect(201).id();
    let foreign = json!({"name": "x", "difficulty": 5, "assigned_user_id": team.ben.id});
    let foreign = team.line.admin.post(&format!("/api/v1/groups/{second}/tasks"), foreign).await.expect(201).json();
    refuse(&foreign, 422, "different_groups").await;
    // For oneself, or as an admin for others.
    let other = of_ben(&team, json!({"difficulty": 5, "due_at": hours(30)})).await;
    let body = json!({"requester": side(&team.ann.id, &mine), "target": side(&team.ben.id, &other)});
    team.ben.client.post("/api/v1/swaps", body.clone()).await.expect(403);
    team.admin.client.post("/api/v1/swaps", body).await.expect(201);
}

async fn nobody_has_more_than_three_requests_at_a_time(engine: &Engine) {
    let team = Team::open(engine).await;
    let mine = team.task(json!({})).await;
    let mut asked = Vec::new();
    for _ in 0..3 {
        asked.push(ask(&team, &mine, &of_ben(&team, json!({})).await, json!({})).await.expect(201).json());
    }
    let fourth = of_ben(&team, json!({})).await;
    assert_eq!(ask(&team, &mine, &fourth, json!({})).await.expect(422).code(), "too_many_swaps");
    let path = format!("/api/v1/swaps/{}/reject", id_of(&asked[0]));
    let refused = team.admin.client.post(&path, json!({"reason": "not this week"})).await.expect(200).json();
    assert_eq!((&refused["status"], &refused["decision_reason"]), (&json!("Rejected"), &json!("not this week")));
    ask(&team, &mine, &fourth, json!({})).await.expect(201);
}

async fn what_nobody_decides_within_48_hours_expires(engine: &Engine) {
    let team = Team::open(engine).await;
    let (mine, theirs) = (team.task(json!({})).await, of_ben(&team, json!({})).await);
    let swap = ask(&team, &mine, &theirs, json!({})).await.expect(201).json();
    let path = format!("/api/v1/swaps/{}", id_of(&swap));
    upkeep_after(&team.line.server, 48 * 3_600 - 60).await;
    assert_eq!(team.ann.client.get(&path).await.json()["status"], "Pending");
    upkeep_after(&team.line.server, 48 * 3_600 + 60).await;
    upkeep_after(&team.line.server, 48 * 3_600 + 60).await;
    let expired = team.ann.client.get(&path).await.expect(200).json();
    assert_eq!((&expired["status"], &expired["decided_by"]), (&json!("Expired"), &Value::Null));
    assert_eq!(expired["version"], 2, "it expires once");
    assert_eq!(decide(&team, &swap, "approve").await.expect(409).code(), "swap_expired");
    ask(&team, &mine, &theirs, json!({})).await.expect(201);
    let events = team.line.admin.get("/api/v1/events?event_type=task.swap.expired").await.expect(200).json();
    assert_eq!(events["data"].as_array().unwrap().len(), 1);
}

async fn what_changed_meanwhile_is_looked_at_again(engine: &Engine) {
    let team = Team::open(engine).await;
    let (mine, theirs) = (team.task(json!({})).await, of_ben(&team, json!({})).await);
    let swap = ask(&team, &mine, &theirs, json!({})).await.expect(201).json();
    team.act(&team.ben, &theirs, "complete", None).await.expect(200);
    assert_eq!(decide(&team, &swap, "approve").await.expect(422).code(), "not_open");
    assert_eq!(team.look(&mine).await["assigned_user_id"], team.ann.id.as_str(), "neither task has moved");
    let other = of_ben(&team, json!({})).await;
    let swap = ask(&team, &mine, &other, json!({})).await.expect(201).json();
    let own = format!("/api/v1/tasks/{}", id_of(&other));
    team.admin.client.patch(&own, json!({"assigned_user_id": team.admin.id})).await.expect(200);
    assert_eq!(decide(&team, &swap, "approve").await.expect(422).code(), "not_assigned");
}

on_both_engines!(
    an_approved_swap_exchanges_both_assignees_at_once,
    what_breaks_a_rule_is_refused_by_its_name,
    nobody_has_more_than_three_requests_at_a_time,
    what_nobody_decides_within_48_hours_expires,
    what_changed_meanwhile_is_looked_at_again,
);
