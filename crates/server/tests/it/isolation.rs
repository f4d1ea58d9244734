//! Another tenant's ids are 404, on every operation of the OpenAPI document that has an id in its
//! path. A new noun is covered by its own POST; one that can't be posted has a line in `make`.

use hookswitch_server::app::COMPONENTS;
use http::Method;
use serde_json::{Value, json};

use crate::engines::Engine;
use crate::harness::{Answer, Client, Server, spawn_server};
use crate::on_both_engines;
use crate::surface::{Operation, operations, sample};

/// Where the tests' destinations point: a name that never resolves.
const NOWHERE: &str = "https://hooks.invalid/hook";

/// Makes whatever the operation's path names in the owner's tenant, and returns the ids.
pub async fn make(server: &Server, owner: &Client, slug: &str, operation: &Operation) -> Vec<String> {
    let collection = operation.path.split("/{").next().unwrap_or_default();
    match collection {
        "/api/v1/events" => vec![publish(owner).await],
        "/api/v1/integrations/deliveries" => vec![delivery(owner).await],
        "/api/v1/integrations/dead-letters" => vec![parked(owner).await],
        "/api/v1/integrations/dead-letters/jobs" => vec![job(owner).await],
        "/api/v1/inbound-webhooks/jobs" => vec![inbound_job(owner).await],
        "/api/v1/integrations/destinations" => vec![destination(owner).await],
        "/api/v1/integrations/credentials" => vec![credential(owner).await],
        "/api/v1/inbound-webhooks" if operation.parameters().len() == 2 => inbound_delivery(server, owner, slug).await,
        "/api/v1/groups" => group(owner, operation.parameters().len()).await,
        "/api/v1/tasks" => vec![task(owner).await.1],
        "/api/v1/swaps" => vec![swap(owner).await],
        collection => match named_records(owner, collection).await {
            Some(body) => vec![owner.post(collection, body).await.expect(201).id()],
            None => vec![post(owner, collection).await],
        },
    }
}

/// A group, and where the path has two ids a member who isn't its owner.
async fn group(owner: &Client, ids: usize) -> Vec<String> {
    let body = named_records(owner, "/api/v1/groups").await.unwrap();
    let group = owner.post("/api/v1/groups", body).await.expect(201).id();
    if ids < 2 {
        return vec![group];
    }
    let user = post(owner, "/api/v1/users").await;
    owner.post(&format!("/api/v1/groups/{group}/members"), json!({"user_id": user})).await.expect(201);
    vec![group, user]
}

/// A group with a member, a task of theirs, and who that is.
async fn task(owner: &Client) -> (String, String, String) {
    let ids = group(owner, 2).await;
    let body = json!({"name": "Lock the door", "assigned_user_id": ids[1]});
    let task = owner.post(&format!("/api/v1/groups/{}/tasks", ids[0]), body).await.expect(201).id();
    (ids[0].clone(), task, ids[1].clone())
}

async fn swap(owner: &Client) -> String {
    let (group, mine, user) = task(owner).await;
    let other = post(owner, "/api/v1/users").await;
    owner.post(&format!("/api/v1/groups/{group}/members"), json!({"user_id": other})).await.expect(201);
    let body = json!({"name": "Open the door", "assigned_user_id": other});
    let theirs = owner.post(&format!("/api/v1/groups/{group}/tasks"), body).await.expect(201).id();
    let body = json!({"requester": {"user_id": user, "task_id": mine}, "target": {"user_id": other, "task_id": theirs}});
    owner.post("/api/v1/swaps", body).await.expect(201).id()
}

/// The example names a secret that the installation would have to grant first.
async fn credential(owner: &Client) -> String {
    let body = json!({"name": "theirs", "type": "secret", "value": "a secret of 16 or more"});
    owner.post("/api/v1/integrations/credentials", body).await.expect(201).id()
}

pub async fn post(owner: &Client, collection: &str) -> String {
    let mut body = sample(collection, "POST");
    unique(&mut body);
    owner.post(collection, body).await.expect(201).id()
}

/// Bodies that name other records, which have to be there.
pub async fn named_records(owner: &Client, collection: &str) -> Option<Value> {
    let made = async |noun: &str| post(owner, &format!("/api/v1/{noun}")).await;
    Some(match collection.trim_start_matches("/api/v1/") {
        "groups" => json!({"name": "Night shift", "owner_id": made("users").await}),
        "locations" => json!({"name": "Head office", "client_id": made("clients").await}),
        "statuses" => json!({"name": "Odd", "board_id": made("boards").await}),
        "project-phases" => json!({"phase_name": "Cabling", "project_id": made("projects").await}),
        "project-statuses" => json!({"name": "In review", "project_id": made("projects").await}),
        "project-tasks" => json!({"task_name": "Pull", "project_id": made("projects").await}),
        "time-periods" => {
            // Periods don't overlap.
            let year = 2100 + made_so_far();
            json!({"start_date": format!("{year}-01-01"), "end_date": format!("{year}-12-31")})
        }
        "time-sheets" => {
            let period = named_time_period(owner).await;
            json!({"user_id": made("users").await, "time_period_id": period})
        }
        "time-entries" => json!({
            "user_id": made("users").await, "service_id": made("services").await, "work_item_type": "ad_hoc",
            "start_time": now(), "duration_minutes": 30
        }),
        "asset-associations" => json!({"asset_id": made("assets").await, "ticket_id": made("tickets").await}),
        "record-tags" => {
            let tag = json!({"tag_text": format!("tag {}", made_so_far()), "tagged_type": "ticket"});
            let tag = owner.post("/api/v1/tags", tag).await.expect(201).id();
            json!({"tag_id": tag, "record_id": made("tickets").await})
        }
        "external-mappings" => json!({
            "integration_type": "monitoring", "alga_entity_type": "client", "alga_entity_id": made("clients").await,
            "external_entity_id": format!("customer-{}", made_so_far())
        }),
        _ => return None,
    })
}

async fn named_time_period(owner: &Client) -> String {
    let list = owner.get("/api/v1/time-periods").await.expect(200).json();
    list["data"][0]["id"].as_str().unwrap().to_owned()
}

fn now() -> String {
    crate::engines::ambient().now().to_string()
}

fn made_so_far() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    COUNT.fetch_add(1, Ordering::Relaxed)
}

/// Examples are the same every time; names that may exist once get a number.
fn unique(body: &mut Value) {
    let number = made_so_far();
    for field in ["slug", "name", "email", "external_id", "tag_text"] {
        if let Some(text) = body[field].as_str().map(str::to_owned) {
            body[field] = json!(format!("x{number}{}{text}", if field == "email" { "" } else { "-" }));
        }
    }
}

async fn publish(owner: &Client) -> String {
    let answer = owner.post("/api/v1/events", json!({"event_type": "isolation.test", "payload": {"secret": "mine"}})).await;
    answer.expect(202).json()["event_id"].as_str().unwrap().to_owned()
}

async fn destination(owner: &Client) -> String {
    let body = json!({"name": "theirs", "endpoint_url": NOWHERE, "event_types": ["isolation.*"]});
    owner.post("/api/v1/integrations/destinations", body).await.expect(201).id()
}

async fn delivery(owner: &Client) -> String {
    destination(owner).await;
    let event = publish(owner).await;
    let list = owner.get(&format!("/api/v1/integrations/deliveries?event_id={event}")).await.expect(200).json();
    list["data"][0]["id"].as_str().unwrap().to_owned()
}

async fn parked(owner: &Client) -> String {
    let destination = destination(owner).await;
    owner.send(Method::POST, &format!("/api/v1/integrations/destinations/{destination}/pause"), None).await.expect(200);
    let event = publish(owner).await;
    let filter = format!("event_id={event}&destination_id={destination}");
    let list = owner.get(&format!("/api/v1/integrations/deliveries?{filter}")).await.expect(200).json();
    list["data"][0]["id"].as_str().unwrap().to_owned()
}

/// A job with nothing to do is a job.
async fn inbound_job(owner: &Client) -> String {
    let webhook = post(owner, "/api/v1/inbound-webhooks").await;
    let answer = owner.post(&format!("/api/v1/inbound-webhooks/{webhook}/replay"), json!({"filter": {}})).await;
    answer.expect(202).json()["job_id"].as_str().unwrap().to_owned()
}

async fn job(owner: &Client) -> String {
    let answer = owner.post("/api/v1/integrations/dead-letters/replay", json!({"filter": {}})).await;
    answer.expect(202).json()["job_id"].as_str().unwrap().to_owned()
}

async fn inbound_delivery(server: &Server, owner: &Client, slug: &str) -> Vec<String> {
    owner.put("/api/v1/features", json!({"inbound_webhooks_enabled": true})).await.expect(200);
    let mut body = sample("/api/v1/inbound-webhooks", "POST");
    unique(&mut body);
    body["auth_type"] = json!("bearer");
    body["auth_config"] = json!({"type": "bearer"});
    let webhook = owner.post("/api/v1/inbound-webhooks", body).await.expect(201).json();
    let path = format!("/api/inbound/{slug}/{}", webhook["slug"].as_str().unwrap());
    let sender = server.stranger().with("authorization", format!("Bearer {}", webhook["secret"].as_str().unwrap()));
    // Whatever becomes of it, it was let in and is kept.
    sender.post(&path, json!({})).await;
    let id = webhook["id"].as_str().unwrap();
    let list = owner.get(&format!("/api/v1/inbound-webhooks/{id}/deliveries")).await.expect(200).json();
    let first = &list["data"][0];
    let delivery = first["delivery_id"].as_str().or(first["id"].as_str()).unwrap_or_else(|| panic!("no delivery: {list}"));
    vec![id.to_owned(), delivery.to_owned()]
}

async fn another_tenant_s_ids_are_not_there(engine: &Engine) {
    let server = spawn_server(engine).await;
    let (owner, other) = (server.admin("globex").await, server.admin("acme").await);
    let mut wrong = Vec::new();
    for operation in operations().iter().filter(|operation| operation.managed() && !operation.parameters().is_empty()) {
        if operation.need.starts_with("tenant:") {
            continue; // Platform only: the matrix has them.
        }
        let theirs = make(&server, &owner, "globex", operation).await;
        let mine = make(&server, &other, "acme", operation).await;
        let mut tries = vec![theirs.clone()];
        if theirs.len() == 2 {
            tries.push(vec![mine[0].clone(), theirs[1].clone()]);
        }
        for ids in &tries {
            let answer = call(&other, operation, ids).await;
            if answer.status != 404 {
                wrong.push(format!("{} with another tenant's id: {} {}", operation.name(), answer.status, answer.text()));
            }
        }
        // The same request by the owner finds it: it was the tenant that made the difference.
        let answer = call(&owner, operation, &theirs).await;
        // A field that can't be changed was compared with the row: it was found.
        let compared = answer.text().contains("\"immutable\"");
        if (!compared && [400, 404].contains(&answer.status.as_u16())) || answer.status.is_server_error() {
            wrong.push(format!("{} by the owner: {} {}", operation.name(), answer.status, answer.text()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn call(caller: &Client, operation: &Operation, ids: &[String]) -> Answer {
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let body = match operation.path.as_str() {
        path if path.starts_with("/api/v1/integrations/credentials") => {
            operation.body.as_ref().map(|_| json!({"name": "renamed"}))
        }
        // One of two fields is needed, which an example can't say.
        "/api/v1/integrations/destinations/{id}/preview" => Some(json!({"event": {"event_type": "a.b", "payload": 1}})),
        "/api/v1/inbound-webhooks/{id}/preview" => Some(json!({"body": {"alert": 1}})),
        "/api/v1/inbound-webhooks/{id}/replay" => Some(json!({"filter": {}, "dry_run": true})),
        _ => operation.body.clone(),
    };
    caller.send(operation.method.clone(), &operation.fill(&ids), body).await
}

async fn lists_show_one_tenant_s_rows(engine: &Engine) {
    let server = spawn_server(engine).await;
    let (owner, other) = (server.admin("globex").await, server.admin("acme").await);
    delivery(&owner).await;
    post(&owner, "/api/v1/users").await;
    for operation in
        operations().iter().filter(|operation| operation.managed() && operation.query.iter().any(|name| name == "cursor"))
    {
        if operation.need.starts_with("tenant:") || !operation.parameters().is_empty() {
            continue;
        }
        let theirs = owner.get(&operation.path).await.expect(200).json();
        let mine = other.get(&operation.path).await.expect(200).text();
        for row in theirs["data"].as_array().unwrap() {
            if let Some(id) = row["id"].as_str() {
                assert!(!mine.contains(id), "{} shows {id} to another tenant", operation.name());
            }
        }
    }
}

on_both_engines!(another_tenant_s_ids_are_not_there, lists_show_one_tenant_s_rows);
