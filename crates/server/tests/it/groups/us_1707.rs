//! US-1707: what a page of webhooks is written against. Every path is in the API document with its types,
//! and the log shows how a delivery goes on when it is asked again.

use hookswitch_server::app::COMPONENTS;
use serde_json::{Value, json};

use super::{Team, WEBHOOKS};
use crate::engines::Engine;
use crate::on_both_engines;
use crate::receiver::until;
use crate::surface::document;

/// The names of a schema's properties, through a reference.
fn properties(document: &Value, schema: &Value) -> Vec<String> {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    let own = schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone());
    let parts = schema["allOf"].as_array().into_iter().flatten().flat_map(|part| properties(document, part));
    own.chain(parts).collect()
}

#[test]
fn every_webhook_path_is_typed_in_the_document() {
    let document = document();
    for (path, method, status, fields) in [
        ("", "get", "200", &["data", "nextCursor"][..]),
        ("", "post", "201", &["id", "groupId", "url", "events", "headers", "isActive", "retryPolicy", "secret"]),
        ("/{id}", "get", "200", &["id", "groupId", "url", "events", "headers", "isActive", "retryPolicy"]),
        ("/{id}", "put", "200", &["id", "groupId", "url", "events", "headers", "isActive", "retryPolicy"]),
        ("/{id}", "delete", "204", &[]),
        ("/{id}/deliveries", "get", "200", &["data", "nextCursor"]),
        ("/{id}/rotate-secret", "post", "200", &["secret", "previousSecretUntil"]),
        ("/{id}/test", "post", "202", &["deliveryId"]),
        ("/{id}/replay/{delivery_id}", "post", "202", &["deliveryId"]),
    ] {
        let answer = &document["paths"][format!("{WEBHOOKS}{path}")][method]["responses"][status];
        assert!(answer.is_object(), "{method} {path} answers no {status}");
        let known = properties(&document, &answer["content"]["application/json"]["schema"]);
        assert!(fields.iter().all(|field| known.iter().any(|known| known == field)), "{method} {path}: {known:?}");
    }
    let rows = &document["components"]["schemas"]["WebhookDelivery"];
    let known = properties(&document, rows);
    for field in ["id", "payloadSummary", "status", "attempts", "lastAttemptAt", "errorMessage"] {
        assert!(known.iter().any(|known| known == field), "{field} of {known:?}");
    }
}

async fn asking_the_log_again_shows_how_a_delivery_goes_on(engine: &Engine) {
    let team = Team::open(engine).await;
    let webhook = team.webhook("/hook", json!({"isActive": false})).await;
    team.task(json!({})).await;
    let first = team.log(&webhook).await.remove(0);
    assert_eq!((&first["status"], &first["attempts"], &first["lastAttemptAt"]), (&json!("queued"), &json!(0), &Value::Null));
    team.admin.client.put(&webhook.path(""), json!({"isActive": true})).await.expect(200);
    let then =
        until("the delivery's end", || async { team.log(&webhook).await.into_iter().find(|row| row["status"] == "delivered") });
    let then = then.await;
    assert_eq!((&then["id"], &then["attempts"]), (&first["id"], &json!(1)));
}

on_both_engines!(asking_the_log_again_shows_how_a_delivery_goes_on);
