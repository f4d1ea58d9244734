//! Who is in a group, what each role may, and that everybody else hears nothing of it.

use hookswitch_server::app::COMPONENTS;
use http::Method;
use serde_json::{Value, json};

use super::{Person, Team, WEBHOOKS, id_of, person};
use crate::engines::Engine;
use crate::on_both_engines;
use crate::surface::operations;

/// A role of the group on a route: what it answers at least means "you may" or "you may not".
async fn each_role_may_what_its_routes_say(engine: &Engine) {
    let team = Team::open(engine).await;
    let server = &team.line.server;
    let lead = person(server, "acme", "lead").await;
    let added = json!({"user_id": lead.id, "role": "admin"});
    team.admin.client.post(&team.path("/members"), added).await.expect(201);
    let outsider = person(server, "acme", "outsider").await;
    let stranger = person(server, "globex", "stranger").await;
    let operator = server.token("acme", "operator", None).await;
    let task = team.task(json!({})).await;
    let other = team.task(json!({"name": "Sweep the stairs", "assigned_user_id": team.ben.id})).await;
    let asked = json!({"requester": {"user_id": team.ann.id, "task_id": task["id"]},
        "target": {"user_id": team.ben.id, "task_id": other["id"]}});
    let swap = team.ann.client.post("/api/v1/swaps", asked).await.expect(201).id();
    let webhook = team.webhook("/hook", json!({})).await;
    let ids = |path: &str| match path {
        path if path.contains("/tasks/{id}") => vec![id_of(&task).to_owned()],
        path if path.contains("/swaps/{id}") => vec![swap.clone()],
        path if path.contains("/webhooks/{id}") => vec![webhook.id.clone(), "dlv_01jd8r7c5tevzs9c1ghvzv3hkp".to_owned()],
        _ => vec![team.id.clone(), team.ben.id.clone()],
    };
    let mut wrong = Vec::new();
    for operation in operations().iter().filter(|operation| operation.need.starts_with("group:")) {
        if operation.parameters().is_empty() || operation.method == Method::DELETE {
            continue; // What names no group is looked at elsewhere; removing comes last.
        }
        let needs = operation.need.as_str();
        let values = ids(&operation.path);
        let path = operation.fill(&values.iter().map(String::as_str).collect::<Vec<_>>());
        for (role, client, may) in [
            ("member", &team.ben.client, needs == "group:member"),
            ("admin", &lead.client, needs != "group:owner"),
            ("owner", &team.admin.client, true),
            ("operator", &operator, needs == "group:member" && operation.method == Method::GET),
            ("outsider", &outsider.client, false),
            ("stranger", &stranger.client, false),
        ] {
            let body = operation.body.clone().map(sound);
            let answer = client.send(operation.method.clone(), &path, body).await;
            let status = answer.status.as_u16();
            let right = match (role, may) {
                ("outsider" | "stranger", _) => status == 404,
                // Another member's task, and a user who isn't a member, are refused for what they are.
                (_, true) => status != 401 && status < 500 && (status != 403 || oneself(&operation.path)),
                (_, false) => status == 403,
            };
            if !right {
                wrong.push(format!("{role} {}: {status} {}", operation.name(), answer.text()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (client, status) in [(&team.ben.client, 403), (&lead.client, 403), (&outsider.client, 404)] {
        client.delete(&team.path("")).await.expect(status);
    }
    for (client, status) in [(&team.ben.client, 403), (&outsider.client, 404), (&stranger.client, 404)] {
        client.delete(&webhook.path("")).await.expect(status);
        client.delete(&format!("/api/v1/tasks/{}", id_of(&task))).await.expect(status);
        client.delete(&team.path(&format!("/members/{}", team.ann.id))).await.expect(status);
    }
}

/// Examples that name what isn't there would be refused as input before anybody looks at rights.
fn sound(mut body: Value) -> Value {
    for name in ["url"] {
        if body[name].is_string() {
            body[name] = json!("https://hooks.invalid/x");
        }
    }
    body
}

/// For the member whom it is about, beside the admins.
fn oneself(path: &str) -> bool {
    path.ends_with("/complete") || path == "/api/v1/tasks/{id}"
}

async fn a_group_keeps_an_owner_and_at_most_twenty_members(engine: &Engine) {
    let team = Team::open(engine).await;
    let owner = team.path(&format!("/members/{}", team.admin.id));
    let refused = team.admin.client.patch(&owner, json!({"role": "member"})).await.expect(409);
    assert_eq!(refused.code(), "last_owner");
    assert_eq!(team.admin.client.delete(&owner).await.expect(409).code(), "last_owner");
    let ann = team.path(&format!("/members/{}", team.ann.id));
    assert_eq!(team.admin.client.patch(&ann, json!({"role": "owner"})).await.expect(200).json()["role"], "owner");
    team.admin.client.delete(&owner).await.expect(204);
    // Who left sees the group no longer.
    team.admin.client.get(&team.path("")).await.expect(404);
    let add = async |user: &str| team.ann.client.post(&team.path("/members"), json!({"user_id": user})).await;
    assert_eq!(add(&team.ben.id).await.expect(409).code(), "already_member");
    assert_eq!(add("usr_01jd8r7c5tevzs9c1ghvzv3hkp").await.expect(422).code(), "unknown_user");
    let theirs = team.line.server.user("globex", "theirs@globex.example", "operator").await;
    assert_eq!(add(&theirs).await.expect(422).code(), "unknown_user", "another tenant's user is nobody here");
    for number in 0..18 {
        let body = json!({"email": format!("m{number}@acme.example"), "name": "A member", "role": "operator"});
        let user = team.line.admin.post("/api/v1/users", body).await.expect(201).id();
        add(&user).await.expect(201);
    }
    let body = json!({"email": "late@acme.example", "name": "Too late", "role": "operator"});
    let late = team.line.admin.post("/api/v1/users", body).await.expect(201).id();
    assert_eq!(add(&late).await.expect(422).code(), "group_full");
    let group = team.ann.client.get(&team.path("")).await.expect(200).json();
    assert_eq!((&group["member_count"], &group["max_members"], &group["my_role"]), (&json!(20), &json!(20), &json!("owner")));
}

async fn who_knows_the_code_joins_until_it_is_renewed(engine: &Engine) {
    let team = Team::open(engine).await;
    let code = team.admin.client.get(&team.path("")).await.expect(200).json()["invitation_code"].clone();
    assert_eq!(team.ann.client.get(&team.path("")).await.json()["invitation_code"], Value::Null, "for admins alone");
    let newcomer = person(&team.line.server, "acme", "newcomer").await;
    let join = async |who: &Person, code: &Value| who.client.post("/api/v1/groups/join", json!({"invitation_code": code})).await;
    assert_eq!(join(&newcomer, &code).await.expect(200).json()["my_role"], "member");
    assert_eq!(join(&newcomer, &code).await.expect(200).json()["member_count"], 4, "joining again changes nothing");
    let renewed = team.admin.client.send(Method::POST, &team.path("/invitation-code"), None).await.expect(200).json();
    assert_ne!(renewed["invitation_code"], code);
    let late = person(&team.line.server, "acme", "late").await;
    assert_eq!(join(&late, &code).await.expect(422).code(), "unknown_code");
    let abroad = person(&team.line.server, "globex", "abroad").await;
    let unknown = join(&abroad, &renewed["invitation_code"]).await.expect(422);
    assert_eq!(unknown.code(), "unknown_code", "a code is its tenant's own");
    assert_eq!(team.line.admin.post("/api/v1/groups/join", json!({"invitation_code": code})).await.expect(422).code(), "no_user");
}

async fn one_may_be_in_several_groups_and_then_says_which(engine: &Engine) {
    let team = Team::open(engine).await;
    let second = json!({"name": "Night shift", "owner_id": team.admin.id});
    let second = team.line.admin.post("/api/v1/groups", second).await.expect(201).id();
    let mine = team.admin.client.get("/api/v1/groups").await.expect(200).json();
    let names: Vec<_> = mine["data"].as_array().unwrap().iter().map(|group| group["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Night shift", "Front office"]);
    assert_eq!(team.ann.client.get("/api/v1/groups").await.json()["data"].as_array().unwrap().len(), 1);
    assert_eq!(super::field(&team.admin.client.get(WEBHOOKS).await.expect(400)), "groupId");
    team.admin.client.get(&format!("{WEBHOOKS}?groupId={second}")).await.expect(200);
    // A group with webhooks stays until they are gone.
    let body = json!({"url": "https://hooks.invalid/x"});
    let webhook = team.admin.client.post(&format!("{WEBHOOKS}?groupId={second}"), body).await.expect(201).id();
    let own = format!("/api/v1/groups/{second}");
    assert_eq!(team.admin.client.delete(&own).await.expect(409).code(), "in_use");
    team.admin.client.delete(&format!("{WEBHOOKS}/{webhook}")).await.expect(204);
    team.admin.client.delete(&own).await.expect(204);
    team.admin.client.get(&own).await.expect(404);
}

async fn who_leaves_has_no_tasks_and_no_requests_left(engine: &Engine) {
    let team = Team::open(engine).await;
    let (mine, done) = (team.task(json!({})).await, team.task(json!({"name": "Done"})).await);
    team.act(&team.ann, &done, "complete", None).await.expect(200);
    let theirs = team.task(json!({"assigned_user_id": team.ben.id})).await;
    let asked = json!({"requester": {"user_id": team.ann.id, "task_id": mine["id"]},
        "target": {"user_id": team.ben.id, "task_id": theirs["id"]}});
    let swap = team.ann.client.post("/api/v1/swaps", asked).await.expect(201).id();
    team.ann.client.delete(&team.path(&format!("/members/{}", team.ann.id))).await.expect(204);
    let see = async |path: String| team.admin.client.get(&path).await.expect(200).json();
    assert_eq!(see(format!("/api/v1/tasks/{}", id_of(&mine))).await["assigned_user_id"], Value::Null);
    assert_eq!(see(format!("/api/v1/tasks/{}", id_of(&done))).await["assigned_user_id"], json!(team.ann.id));
    assert_eq!(see(format!("/api/v1/swaps/{swap}")).await["status"], "Rejected");
}

on_both_engines!(
    each_role_may_what_its_routes_say,
    a_group_keeps_an_owner_and_at_most_twenty_members,
    who_knows_the_code_joins_until_it_is_renewed,
    one_may_be_in_several_groups_and_then_says_which,
    who_leaves_has_no_tasks_and_no_requests_left,
);
