//! The event-type catalogue: what is registered, and what publishing makes of it.

use hookswitch_server::app::COMPONENTS;
use serde_json::{Value, json};

use super::Line;
use crate::engines::Engine;
use crate::on_both_engines;

const TYPES: &str = "/api/v1/event-types";
const SETTINGS: &str = "/api/v1/settings";
const EVENTS: &str = "/api/v1/events";

fn invoice() -> Value {
    json!({"type": "object", "required": ["id", "lines"], "properties": {
        "id": {"type": "string"}, "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}}},
        "$defs": {"line": {"type": "object", "properties": {"amount": {"type": "integer"}}}}})
}

fn event(payload: Value) -> Value {
    json!({"event_type": "invoice.paid", "payload": payload})
}

async fn a_payload_that_does_not_match_is_refused_with_its_places(engine: &Engine) {
    let line = Line::open(engine).await;
    let second = line.server.another(engine, &[], false).await;
    let destination = line.destination(json!({})).await;
    let good = json!({"id": "1", "lines": [{"amount": 1}]});
    let bad = json!({"lines": [{"amount": 1}, {"amount": "s3cret"}]});
    line.admin.post(EVENTS, event(bad.clone())).await.expect(202);
    let made = line.admin.post(TYPES, json!({"name": "invoice.paid", "schema": invoice()})).await.expect(201).json();
    let mut elsewhere = line.admin.clone();
    elsewhere.address.clone_from(&second.address);
    for node in [&line.admin, &elsewhere] {
        let refused = node.post(EVENTS, event(bad.clone())).await.expect(400);
        assert_eq!(refused.code(), "schema_mismatch");
        assert!(!refused.text().contains("s3cret"), "{}", refused.text());
        let mut places: Vec<_> = refused.json()["errors"].as_array().unwrap().iter().map(|e| e["pointer"].clone()).collect();
        places.sort_by_key(ToString::to_string);
        assert_eq!(places, ["", "/lines/1/amount"]);
        node.post(EVENTS, event(good.clone())).await.expect(202);
        // What isn't registered passes; what is archived is no longer compared.
        node.post(EVENTS, json!({"event_type": "invoice.paid.late", "payload": 1})).await.expect(202);
    }
    let many: Vec<Value> = (0..50).map(|_| json!({"amount": "x"})).collect();
    let refused = line.admin.post(EVENTS, event(json!({"id": "1", "lines": many}))).await.expect(400).json();
    assert_eq!(refused["errors"].as_array().unwrap().len(), 10);
    let path = format!("{TYPES}/{}", made["id"].as_str().unwrap());
    line.admin.patch(&path, json!({"archived": true})).await.expect(200);
    elsewhere.post(EVENTS, event(bad.clone())).await.expect(202);
    line.admin.patch(&path, json!({"archived": false, "schema": null})).await.expect(200);
    elsewhere.post(EVENTS, event(bad.clone())).await.expect(202);
    // Another tenant's catalogue is its own.
    line.server.admin("globex").await.post(EVENTS, event(bad)).await.expect(202);
    line.all_settled(&destination, 7, "delivered").await;
}

async fn a_batch_is_checked_whole_and_names_the_places(engine: &Engine) {
    let line = Line::open(engine).await;
    line.admin.post(TYPES, json!({"name": "invoice.paid", "schema": invoice()})).await.expect(201);
    let good = event(json!({"id": "1", "lines": []}));
    let batch = |more: Value| json!({"events": [good.clone(), more, good.clone()]});
    let refused = line.admin.post("/api/v1/events/batch", batch(event(json!({"id": 1, "lines": []})))).await.expect(400).json();
    assert_eq!((&refused["errors"][0]["field"], &refused["errors"][0]["pointer"]), (&json!("events[1].payload"), &json!("/id")));
    assert_eq!(line.admin.get(EVENTS).await.expect(200).json()["data"], json!([]), "all or none");
    line.admin.post("/api/v1/events/batch", batch(good.clone())).await.expect(202);
}

/// The answer of then is the answer of now.
async fn a_repeat_under_its_key_is_answered_as_before(engine: &Engine) {
    let line = Line::open(engine).await;
    let keyed = line.admin.with("idempotency-key", "one");
    let first = keyed.post(EVENTS, event(json!(1))).await.expect(202);
    line.admin.post(TYPES, json!({"name": "invoice.paid", "schema": invoice()})).await.expect(201);
    assert_eq!(keyed.post(EVENTS, event(json!(1))).await.expect(202).bytes, first.bytes);
    keyed.post(EVENTS, event(json!(2))).await.expect(400);
    line.admin.post(EVENTS, event(json!(1))).await.expect(400);
}

async fn a_strict_catalogue_takes_registered_types_alone(engine: &Engine) {
    let line = Line::open(engine).await;
    let off = json!({"strict_event_types": false, "require_ownership_challenge": false});
    assert_eq!(line.admin.get(SETTINGS).await.expect(200).json(), off);
    line.admin.put(SETTINGS, json!({"strict_event_types": true})).await.expect(200);
    let refused = line.admin.post(EVENTS, event(json!(1))).await.expect(400);
    assert_eq!((refused.code().as_str(), &refused.json()["errors"][0]["field"]), ("unknown_event_type", &json!("event_type")));
    let batch = json!({"events": [event(json!(1))]});
    let refused = line.admin.post("/api/v1/events/batch", batch).await.expect(400).json();
    assert_eq!(refused["errors"][0]["field"], "events[0].event_type");
    line.admin.post(TYPES, json!({"name": "invoice.paid"})).await.expect(201);
    line.admin.post(EVENTS, event(json!(1))).await.expect(202);
    line.admin.patch(&format!("{TYPES}/invoice.paid"), json!({"archived": true})).await.expect(200);
    line.admin.post(EVENTS, event(json!(1))).await.expect(400);
    // What the product emits itself is known, and is published whatever the catalogue says.
    line.admin.post(EVENTS, json!({"event_type": "ticket.created", "payload": 1})).await.expect(202);
    line.admin.post("/api/v1/tickets", json!({"title": "printer"})).await.expect(201);
    line.server.admin("globex").await.post(EVENTS, event(json!(1))).await.expect(202);
    line.admin.put(SETTINGS, json!({"strict_event_types": false})).await.expect(200);
    line.admin.post(EVENTS, event(json!(1))).await.expect(202);
}

async fn types_are_registered_changed_and_listed_with_what_is_built_in(engine: &Engine) {
    let line = Line::open(engine).await;
    let body = json!({"name": "invoice.paid", "description": "Paid.", "group_name": "Billing", "schema": invoice(),
        "example": {"id": "1", "lines": []}});
    let made = line.admin.post(TYPES, body.clone()).await.expect(201).json();
    assert_eq!((&made["version"], &made["built_in"], &made["schema"]), (&json!(1), &json!(false), &invoice()));
    line.admin.post(TYPES, body).await.expect(409);
    let path = format!("{TYPES}/invoice.paid");
    let same = line.admin.patch(&path, json!({"description": "Somebody paid.", "schema": invoice()})).await.expect(200).json();
    assert_eq!((&same["version"], &same["description"]), (&json!(1), &json!("Somebody paid.")));
    let changed = line.admin.patch(&path, json!({"schema": {"type": "object"}, "version": 1})).await.expect(200).json();
    assert_eq!(changed["version"], 2);
    line.admin.patch(&path, json!({"schema": true, "version": 1})).await.expect(409);
    line.admin.patch(&path, json!({"example": 5})).await.expect(400);

    let mut names = Vec::new();
    let mut next = format!("{TYPES}?limit=3");
    loop {
        let page = line.admin.get(&next).await.expect(200).json();
        names.extend(page["data"].as_array().unwrap().iter().map(|each| (each["name"].clone(), each["built_in"].clone())));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        next = format!("{TYPES}?limit=3&cursor={cursor}");
    }
    assert_eq!(names[0], (json!("invoice.paid"), json!(false)));
    for known in ["ticket.created", "integration.delivery.dead_lettered", "webhook.test"] {
        assert_eq!(names.iter().filter(|(name, built_in)| name == known && *built_in == true).count(), 1, "{known}");
        let shown = line.admin.get(&format!("{TYPES}/{known}")).await.expect(200).json();
        assert_eq!((&shown["schema"]["type"], &shown["id"]), (&json!("object"), &json!(null)));
        line.admin.post(TYPES, json!({"name": known})).await.expect(409);
        line.admin.patch(&format!("{TYPES}/{known}"), json!({"description": "mine"})).await.expect(409);
        line.admin.delete(&format!("{TYPES}/{known}")).await.expect(409);
    }
    line.server.admin("globex").await.get(&path).await.expect(404);
    line.admin.delete(&path).await.expect(204);
    line.admin.get(&path).await.expect(404);
    let trail = line.admin.get("/api/v1/audit?limit=100").await.expect(200).text();
    for action in ["event_type.created", "event_type.changed", "event_type.deleted"] {
        assert!(trail.contains(action), "{action}");
    }
}

async fn a_schema_that_can_not_be_used_is_not_saved(engine: &Engine) {
    let line = Line::open(engine).await;
    let deep = (0..100).fold(json!({}), |inner, _| json!({"items": inner}));
    for (more, field) in [
        (json!({"schema": {"$ref": "https://example.com/schema.json"}}), "schema"),
        (json!({"schema": {"$ref": "file:///etc/passwd"}}), "schema"),
        (json!({"schema": {"items": {"$ref": "#"}}}), "schema"),
        (json!({"schema": {"type": "text"}}), "schema"),
        (json!({"schema": {"pattern": "(a+)+$(?=b)"}}), "schema"),
        (json!({"schema": {"$schema": "http://json-schema.org/draft-04/schema#"}}), "schema"),
        (json!({"schema": 5}), "schema"),
        (json!({"schema": {"description": "x".repeat(40_000)}}), "schema"),
        (json!({"schema": deep}), "schema"),
        (json!({"schema": {"type": "object"}, "example": 1}), "example"),
        (json!({"example": "x".repeat(40_000)}), "example"),
        (json!({"group_name": ""}), "group_name"),
        (json!({"description": "x".repeat(2_001)}), "description"),
        (json!({"version": 0}), "version"),
        (json!({"name": "Not A Type"}), "name"),
    ] {
        let body = super::merged(json!({"name": "a.b"}), more);
        let problem = line.admin.post(TYPES, body.clone()).await.expect(400).json();
        assert_eq!(problem["errors"][0]["field"], field, "{body}");
    }
    line.admin.get(&format!("{TYPES}/a.b")).await.expect(404);
    // A pattern that takes other engines for ever.
    line.admin.post(TYPES, json!({"name": "a.b", "schema": {"pattern": "^(a+)+$"}})).await.expect(201);
    let slow = json!({"event_type": "a.b", "payload": format!("{}b", "a".repeat(50_000))});
    line.admin.post(EVENTS, slow).await.expect(400);
}

on_both_engines!(
    a_payload_that_does_not_match_is_refused_with_its_places,
    a_batch_is_checked_whole_and_names_the_places,
    a_repeat_under_its_key_is_answered_as_before,
    a_strict_catalogue_takes_registered_types_alone,
    types_are_registered_changed_and_listed_with_what_is_built_in,
    a_schema_that_can_not_be_used_is_not_saved,
);
