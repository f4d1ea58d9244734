//! Records of the desk over HTTP, walked for every noun that is one: made, read, changed, removed; found by
//! what a picker asks for; changed by nobody who has seen an older version; told to nobody more than may see it.

use std::collections::BTreeMap;

use hookswitch_pipeline::outbound::catalogue::Compiled;
use hookswitch_server::app::COMPONENTS;
use http::Method;
use serde_json::{Value, json};

use crate::engines::Engine;
use crate::harness::{Client, PASSWORD, Server, spawn_server};
use crate::isolation::{named_records, post};
use crate::on_both_engines;
use crate::surface::operations;

const NOUNS: [&str; 22] = [
    "clients",
    "locations",
    "contacts",
    "teams",
    "boards",
    "statuses",
    "priorities",
    "categories",
    "assets",
    "invoices",
    "services",
    "time-periods",
    "time-sheets",
    "time-entries",
    "projects",
    "project-phases",
    "project-statuses",
    "project-tasks",
    "tags",
    "alerts",
    "evidence",
    "tickets",
];

/// Makes a record of a noun, with whatever it has to name.
async fn make(admin: &Client, noun: &str) -> Value {
    let collection = format!("/api/v1/{noun}");
    let id = match named_records(admin, &collection).await {
        Some(body) => admin.post(&collection, body).await.expect(201).id(),
        None => post(admin, &collection).await,
    };
    admin.get(&format!("{collection}/{id}")).await.expect(200).json()
}

fn path(noun: &str, record: &Value) -> String {
    format!("/api/v1/{noun}/{}", record["id"].as_str().unwrap())
}

/// A change that this noun takes: the document's example, or another name.
fn change(noun: &str) -> Value {
    match noun {
        "time-periods" => json!({"end_date": "2999-12-31"}),
        "time-sheets" => json!({"notes": "changed"}),
        "time-entries" => json!({"notes": "changed"}),
        "evidence" | "locations" | "statuses" | "project-statuses" | "assets" => json!({"name": "changed"}),
        "clients" => json!({"client_name": "changed"}),
        "contacts" => json!({"full_name": "changed"}),
        "teams" => json!({"team_name": "changed"}),
        "boards" => json!({"board_name": "changed"}),
        "priorities" => json!({"priority_name": "changed"}),
        "categories" => json!({"category_name": "changed"}),
        "invoices" => json!({"po_number": "changed"}),
        "services" => json!({"service_name": "changed"}),
        "projects" => json!({"project_name": "changed"}),
        "project-phases" => json!({"phase_name": "changed"}),
        "project-tasks" => json!({"task_name": "changed"}),
        "tags" => json!({"tag_text": "changed"}),
        _ => json!({"title": "changed"}),
    }
}

async fn a_change_of_an_old_version_is_refused(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    for noun in NOUNS {
        let record = make(&admin, noun).await;
        let own = path(noun, &record);
        assert_eq!(admin.get(&own).await.header("etag"), "\"1\"", "{noun}");
        let first = admin.with("if-match", "\"1\"").patch(&own, change(noun)).await.expect(200);
        assert_eq!((first.header("etag"), &first.json()["version"]), ("\"2\"", &json!(2)), "{noun}");
        let changed = admin.get(&own).await.json();
        let stale = admin.with("if-match", "\"1\"").patch(&own, change(noun)).await.expect(412);
        assert_eq!(stale.code(), "stale_version", "{noun}");
        let mut named = change(noun);
        named["version"] = json!(1);
        assert_eq!(admin.patch(&own, named.clone()).await.expect(409).code(), "stale_version", "{noun}");
        assert_eq!(admin.with("if-match", "\"1\"").delete(&own).await.expect(412).code(), "stale_version");
        assert_eq!(admin.with("if-match", "x").delete(&own).await.expect(400).json()["errors"][0]["field"], "If-Match");
        assert_eq!(admin.get(&own).await.json(), changed, "{noun}: what is refused changes nothing");
        named["version"] = json!(2);
        let same = admin.patch(&own, named).await.expect(200).json();
        assert_eq!(same, changed, "{noun}: the same again is no change");
        admin.with("if-match", "\"2\"").delete(&own).await.expect(204);
        admin.get(&own).await.expect(404);
        admin.delete(&own).await.expect(404);
    }
}

async fn every_published_event_fits_its_schema(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    for noun in NOUNS {
        let record = make(&admin, noun).await;
        admin.patch(&path(noun, &record), change(noun)).await.expect(200);
        admin.delete(&path(noun, &record)).await.expect(204);
    }
    handled(&server, &admin).await;
    let mut schemas = BTreeMap::new();
    for known in pages(&admin, "/api/v1/event-types").await {
        let schema = Compiled::new(&known["schema"]).unwrap_or_else(|error| panic!("{}: {error}", known["name"]));
        schemas.insert(known["name"].as_str().unwrap().to_owned(), schema);
    }
    let mut told = BTreeMap::new();
    for event in pages(&admin, "/api/v1/events").await {
        let name = event["event_type"].as_str().unwrap().to_owned();
        let whole = admin.get(&format!("/api/v1/events/{}", event["id"].as_str().unwrap())).await.expect(200).json();
        let schema = schemas.get(&name).unwrap_or_else(|| panic!("{name} is in no catalogue"));
        let wrong = schema.mismatches(&whole["payload"]);
        assert!(wrong.is_empty(), "{name}: {wrong:?}\n{}", whole["payload"]);
        *told.entry(name).or_insert(0) += 1;
    }
    for (name, changes) in [("client.updated", "client_name"), ("ticket.updated", "title"), ("asset.updated", "name")] {
        let mut seen = Vec::new();
        for event in pages(&admin, &format!("/api/v1/events?event_type={name}")).await {
            let event = admin.get(&format!("/api/v1/events/{}", event["id"].as_str().unwrap())).await.expect(200).json();
            seen.push(event["payload"]["changes"][changes].clone());
        }
        let told = seen.iter().any(|change| change["new"] == "changed" && change["previous"].is_string());
        assert!(told, "{name}: {seen:?}");
    }
    for name in [
        "alert.acknowledged",
        "alert.resolved",
        "security.alert.created",
        "tag.added",
        "ticket.comment.added",
        "invoice.marked_paid",
    ] {
        assert!(told.contains_key(name), "{name} was not told: {told:?}");
    }
}

/// What is done to records beside changing their fields.
async fn handled(server: &Server, admin: &Client) {
    let alert = admin.post("/api/v1/alerts", json!({"title": "Odd sign-in", "is_security": true})).await.expect(201).id();
    let user = server.user("acme", "ann@acme.example", "operator").await;
    for (verb, body) in
        [("acknowledge", None), ("assign", Some(json!({"user_id": user}))), ("ticket", None), ("resolve", None), ("reopen", None)]
    {
        let answer = admin.send(Method::POST, &format!("/api/v1/alerts/{alert}/{verb}"), body).await;
        assert!(answer.status.is_success(), "{verb}: {}", answer.text());
    }
    let ticket = admin.post("/api/v1/tickets", json!({"title": "x"})).await.expect(201).id();
    admin.post(&format!("/api/v1/tickets/{ticket}/comments"), json!({"note": "seen"})).await.expect(201);
    let closed = pages(admin, "/api/v1/statuses").await.into_iter().find(|status| status["is_closed"] == true).unwrap();
    let board = json!({"status_id": closed["id"], "board_id": closed["board_id"], "assigned_to": user});
    admin.patch(&format!("/api/v1/tickets/{ticket}"), board).await.expect(200);
    for collection in ["/api/v1/record-tags", "/api/v1/asset-associations"] {
        let made = admin.post(collection, named_records(admin, collection).await.unwrap()).await.expect(201).id();
        admin.delete(&format!("{collection}/{made}")).await.expect(204);
    }
    let invoice = admin.post("/api/v1/invoices", json!({"total_amount": 5})).await.expect(201).id();
    admin.patch(&format!("/api/v1/invoices/{invoice}"), json!({"status": "paid"})).await.expect(200);
    let client = admin.post("/api/v1/clients", json!({"client_name": "x"})).await.expect(201).id();
    for inactive in [true, false] {
        admin.patch(&format!("/api/v1/clients/{client}"), json!({"is_inactive": inactive})).await.expect(200);
    }
}

async fn pages(client: &Client, list: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    let sign = if list.contains('?') { '&' } else { '?' };
    loop {
        let page = client.get(&format!("{list}{sign}limit=100{cursor}")).await.expect(200).json();
        all.extend(page["data"].as_array().unwrap().clone());
        let Some(next) = page["next_cursor"].as_str() else { return all };
        cursor = format!("&cursor={next}");
    }
}

async fn a_picker_finds_by_the_beginning_by_filters_and_by_the_senders_id(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    for name in ["Ärzte Nord", "Aerzte Süd", "ärzte West"] {
        admin.post("/api/v1/clients", json!({"client_name": name})).await.expect(201);
    }
    let names = async |query: &str| {
        let list = admin.get(&format!("/api/v1/clients?{query}")).await.expect(200).json();
        let names = list["data"].as_array().unwrap().iter().map(|client| client["client_name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names("q=%C3%84RZTE").await, ["ärzte West", "Ärzte Nord"]);
    assert_eq!(names("q=%C3%A4rzte%20w").await, ["ärzte West"]);
    assert_eq!(names("q=100%25").await, Vec::<String>::new());
    assert_eq!(names("client_type=individual").await, Vec::<String>::new());
    assert_eq!(names("is_inactive=false&limit=1").await, ["ärzte West"]);
    for (query, field) in [("is_inactive=perhaps", "is_inactive"), ("q=", "q"), ("name=x", "name")] {
        let problem = admin.get(&format!("/api/v1/clients?{query}")).await.expect(400).json();
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    // Every filter that the document offers is taken, and finds the record that it describes.
    for operation in operations().iter().filter(|operation| operation.method == Method::GET && operation.parameters().is_empty())
    {
        let Some(noun) = operation.path.strip_prefix("/api/v1/").filter(|noun| NOUNS.contains(noun)) else { continue };
        let record = make(&admin, noun).await;
        for filter in &operation.query {
            let value = match &record[filter] {
                Value::String(text) => text.clone(),
                Value::Bool(flag) => flag.to_string(),
                Value::Number(number) => number.to_string(),
                _ => continue,
            };
            let list = admin.get(&format!("/api/v1/{noun}?limit=100&{filter}={value}")).await.expect(200).json();
            let found = list["data"].as_array().unwrap();
            assert!(found.iter().any(|row| row["id"] == record["id"]), "{noun}?{filter}={value}");
            assert!(found.iter().all(|row| row[filter] == record[filter]), "{noun}?{filter}={value}");
        }
    }
}

async fn what_others_name_is_not_removed(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    let client = admin.post("/api/v1/clients", json!({"client_name": "Acme"})).await.expect(201).id();
    let ticket = admin.post("/api/v1/tickets", json!({"title": "x", "client_id": client})).await.expect(201).id();
    assert_eq!(admin.delete(&format!("/api/v1/clients/{client}")).await.expect(409).code(), "in_use");
    admin.delete(&format!("/api/v1/tickets/{ticket}")).await.expect(204);
    let link =
        json!({"integration_type": "crm", "alga_entity_type": "client", "alga_entity_id": client, "external_entity_id": "c-1"});
    admin.post("/api/v1/external-mappings", link).await.expect(201);
    admin.delete(&format!("/api/v1/clients/{client}")).await.expect(204);
    let left = admin.get("/api/v1/external-mappings").await.json();
    assert_eq!(left["data"], json!([]), "its names elsewhere go with it");
}

async fn the_default_is_one(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    for (noun, body) in [
        ("clients", json!({"client_name": "New", "is_default": true})),
        ("boards", json!({"board_name": "New", "is_default": true})),
        ("priorities", json!({"priority_name": "New", "is_default": true})),
    ] {
        let made = admin.post(&format!("/api/v1/{noun}"), body).await.expect(201).id();
        let all = pages(&admin, &format!("/api/v1/{noun}")).await;
        let defaults: Vec<_> = all.iter().filter(|record| record["is_default"] == true).map(|record| &record["id"]).collect();
        assert_eq!(defaults, [&json!(made)], "{noun}");
    }
    let ticket = admin.post("/api/v1/tickets", json!({"title": "x"})).await.expect(201).json();
    assert_eq!([&ticket["client_name"], &ticket["board_name"], &ticket["priority_name"]], ["New", "New", "New"]);
}

async fn an_auditor_sees_that_something_is_there_and_not_what_it_says(engine: &Engine) {
    let server = spawn_server(engine).await;
    let (admin, auditor) = (server.admin("acme").await, server.token("acme", "auditor", None).await);
    let secret = "only for the desk";
    let body = json!({"full_name": "Bob", "email": "bob@example.com", "notes": secret});
    let contact = admin.post("/api/v1/contacts", body).await.expect(201).id();
    let alert = json!({"title": "Odd", "description": secret, "attributes": {"from": secret}});
    let alert = admin.post("/api/v1/alerts", alert).await.expect(201).id();
    admin.patch(&format!("/api/v1/contacts/{contact}"), json!({"notes": format!("{secret} too")})).await.expect(200);
    for path in [
        format!("/api/v1/contacts/{contact}"),
        "/api/v1/contacts".to_owned(),
        format!("/api/v1/alerts/{alert}"),
        format!("/api/v1/record-history?record_id={contact}"),
    ] {
        let text = auditor.get(&path).await.expect(200).text();
        assert!(!text.contains(secret) && !text.contains("bob@example.com"), "{path}: {text}");
        assert!(text.contains("[redacted]"), "{path}: {text}");
    }
    auditor.post(&format!("/api/v1/alerts/{alert}/acknowledge"), json!({})).await.expect(403);
}

async fn an_operator_takes_an_alert_on_and_an_admin_ends_it(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    let me = server.user("acme", "ann@acme.example", "operator").await;
    let other = server.user("acme", "bob@acme.example", "operator").await;
    let signed_in = server.stranger().post("/api/v1/session", json!({"email": "ann@acme.example", "password": PASSWORD})).await;
    let cookie = signed_in.expect(204).header("set-cookie").split(';').next().unwrap().to_owned();
    let operator = server.stranger().with("cookie", cookie).with("x-requested-with", "hookswitch");
    let alert = admin.post("/api/v1/alerts", json!({"title": "Odd sign-in", "severity": "high"})).await.expect(201).json();
    let own = path("alerts", &alert);
    for _ in 0..2 {
        let seen = operator.send(Method::POST, &format!("{own}/acknowledge"), None).await.expect(200).json();
        assert_eq!((&seen["status"], &seen["version"]), (&json!("acknowledged"), &json!(2)));
    }
    assert_eq!(operator.post(&format!("{own}/assign"), json!({})).await.expect(200).json()["assigned_to"], json!(me));
    operator.post(&format!("{own}/assign"), json!({"user_id": other})).await.expect(403);
    operator.send(Method::POST, &format!("{own}/resolve"), None).await.expect(403);
    let made = admin.send(Method::POST, &format!("{own}/ticket"), None).await.expect(201).json();
    let again = admin.send(Method::POST, &format!("{own}/ticket"), None).await.expect(200).json();
    assert_eq!((&made["id"], &made["assigned_to"]), (&again["id"], &json!(me)));
    let linked = admin.send(Method::POST, &format!("{own}/resolve"), None).await.expect(200).json();
    assert_eq!((&linked["ticket_id"], &linked["status"]), (&made["id"], &json!("resolved")));
    assert!(linked["resolved_at"].is_string());
    let evidence = json!({"name": "auth.log", "hash": "a".repeat(64), "alert_id": alert["id"], "ticket_id": made["id"]});
    let evidence = admin.post("/api/v1/evidence", evidence).await.expect(201).json();
    let told = admin.get("/api/v1/events?event_type=evidence.created").await.json();
    let wanted = json!({"alert_id": alert["id"], "ticket_id": made["id"], "evidence_id": evidence["id"]});
    let event = admin.get(&format!("/api/v1/events/{}", told["data"][0]["id"].as_str().unwrap())).await.json();
    let sorted = |value: &Value| value.as_object().unwrap().clone().into_iter().collect::<BTreeMap<_, _>>();
    assert_eq!(sorted(&event["references"]), sorted(&wanted));
    // What is referred to is there.
    for (noun, name) in [("alerts", "alert_id"), ("tickets", "ticket_id"), ("evidence", "evidence_id")] {
        admin.get(&format!("/api/v1/{noun}/{}", event["references"][name].as_str().unwrap())).await.expect(200);
    }
    assert_eq!(admin.patch(&own, json!({"status": "open"})).await.expect(400).json()["errors"][0]["field"], "status");
    assert_eq!(admin.delete(&own).await.expect(409).code(), "in_use");
    let trail = admin.get("/api/v1/audit?action=alert.acknowledged").await.json();
    assert_eq!(trail["data"].as_array().unwrap().len(), 1, "what changed nothing is not in the trail");
}

on_both_engines!(
    a_change_of_an_old_version_is_refused,
    every_published_event_fits_its_schema,
    a_picker_finds_by_the_beginning_by_filters_and_by_the_senders_id,
    what_others_name_is_not_removed,
    the_default_is_one,
    an_auditor_sees_that_something_is_there_and_not_what_it_says,
    an_operator_takes_an_alert_on_and_an_admin_ends_it,
);
