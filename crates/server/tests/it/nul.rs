//! PostgreSQL keeps no U+0000 in a text, and SQLite does. Wherever one comes in, in any field, path
//! or parameter of any operation, it is bad input or harmless, and never a fault of ours.

use hookswitch_server::app::COMPONENTS;
use serde_json::{Value, json};

use crate::engines::Engine;
use crate::harness::spawn_server;
use crate::on_both_engines;
use crate::surface::{document, operations};

/// Names of all text fields that the operation's body may hold at its top.
fn text_fields(document: &Value, path: &str, method: &str) -> Vec<String> {
    let schema = &document["paths"][path][method.to_lowercase()]["requestBody"]["content"]["application/json"]["schema"];
    let schema = match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    let is_text = |property: &Value| {
        let kind = &property["type"];
        kind == "string" || kind.as_array().is_some_and(|kinds| kinds.contains(&json!("string")))
    };
    let fields = schema["properties"].as_object().into_iter().flatten();
    fields.filter(|(_, property)| is_text(property)).map(|(name, _)| name.clone()).collect()
}

/// Pointers to all texts inside.
fn texts(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(at.to_owned()),
        Value::Array(list) => list.iter().enumerate().for_each(|(place, each)| texts(each, &format!("{at}/{place}"), found)),
        Value::Object(fields) => fields.iter().for_each(|(name, each)| texts(each, &format!("{at}/{name}"), found)),
        _ => {}
    }
}

async fn a_nul_is_never_a_fault_of_ours(engine: &Engine) {
    let server = spawn_server(engine).await;
    let (admin, platform) = (server.admin("acme").await, server.token("platform", "platform_admin", None).await);
    let document = document();
    let mut faults = Vec::new();
    for operation in operations() {
        let caller = if operation.need.starts_with("tenant:") { &platform } else { &admin };
        let path = operation.fill(&["tkt_01jd8r7c5tevzs9c1ghvzv3hkp", "ind_01jd8r7c5tevzs9c1ghvzv3hkp"]);
        for parameter in &operation.query {
            let answer =
                caller.send(operation.method.clone(), &format!("{path}?{parameter}=a%00b"), operation.body.clone()).await;
            if answer.status.is_server_error() {
                faults.push(format!("{} ?{parameter}: {}", operation.name(), answer.status));
            }
        }
        let Some(body) = operation.body.clone().filter(Value::is_object) else { continue };
        let mut places = Vec::new();
        texts(&body, "", &mut places);
        let mut bodies: Vec<_> = places.into_iter().map(|place| (place.clone(), set(body.clone(), &place))).collect();
        for field in text_fields(&document, &operation.path, operation.method.as_str()) {
            let mut changed = body.clone();
            changed[&field] = json!("a\u{0}b");
            bodies.push((field, changed));
        }
        for (place, body) in bodies {
            let answer = caller.send(operation.method.clone(), &path, Some(body)).await;
            if answer.status.is_server_error() {
                faults.push(format!("{} {place}: {}", operation.name(), answer.status));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

fn set(mut body: Value, place: &str) -> Value {
    if let Some(text) = body.pointer_mut(place) {
        *text = json!("a\u{0}b");
    }
    body
}

on_both_engines!(a_nul_is_never_a_fault_of_ours);
