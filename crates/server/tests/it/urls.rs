//! Every URL that the product may ever be told to fetch passes the guard. The OpenAPI document knows
//! them all: a field that is called a URL and isn't in the list below fails here, until somebody has
//! said what becomes of it.

use hookswitch_server::app::COMPONENTS;
use http::Method;
use serde_json::{Value, json};

use crate::engines::Engine;
use crate::harness::spawn_server;
use crate::on_both_engines;
use crate::surface::{document, operations};

/// Operation and field. All of them are called but a client's, which is the address of its web
/// site, and a portal's logo, which its visitor's browser loads from origins that the configuration names.
const KNOWN: &[(&str, &str)] = &[
    ("POST /api/v1/integrations/destinations", "endpoint_url"),
    ("PATCH /api/v1/integrations/destinations/{id}", "endpoint_url"),
    ("POST /api/v1/integrations/credentials", "token_url"),
    ("PATCH /api/v1/integrations/credentials/{id}", "token_url"),
    ("POST /api/v1/notifications", "url"),
    ("POST /api/v1/clients", "url"),
    ("PATCH /api/v1/clients/{id}", "url"),
    ("PATCH /api/v1/notifications/{id}", "url"),
    ("POST /api/integrations/webhooks", "url"),
    ("PUT /api/integrations/webhooks/{id}", "url"),
    ("POST /api/v1/portal-sessions", "logo_url"),
];

const INSIDE: [&str; 12] = [
    "http://127.0.0.1/",
    "https://localhost/",
    "http://169.254.169.254/latest/meta-data/",
    "https://10.0.0.5/",
    "https://192.168.1.1/",
    "https://[::1]/",
    "https://[::ffff:10.0.0.5]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[fd00::1]/",
    "https://0x7f.1/",
    "https://metadata.google.internal/",
];

/// Names of the fields, wherever in the schema, that are called a URL.
fn url_fields(document: &Value, schema: &Value, depth: usize, found: &mut Vec<String>) {
    if depth > 8 {
        return;
    }
    if let Some(target) = schema["$ref"].as_str().and_then(|reference| document.pointer(reference.trim_start_matches('#'))) {
        return url_fields(document, target, depth + 1, found);
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        if ["url", "uri", "endpoint"].iter().any(|end| name.ends_with(end)) {
            found.push(name.clone());
        }
        url_fields(document, property, depth + 1, found);
    }
    for list in ["oneOf", "anyOf", "allOf"] {
        schema[list].as_array().into_iter().flatten().for_each(|part| url_fields(document, part, depth + 1, found));
    }
    if schema["items"].is_object() {
        url_fields(document, &schema["items"], depth + 1, found);
    }
}

#[test]
fn every_field_that_takes_a_url_is_known() {
    let document = document();
    for operation in operations().iter().filter(|operation| operation.body.is_some()) {
        let method = operation.method.as_str().to_lowercase();
        let schema = &document["paths"][&operation.path][method]["requestBody"]["content"]["application/json"]["schema"];
        let mut fields = Vec::new();
        url_fields(&document, schema, 0, &mut fields);
        for field in fields {
            let known = KNOWN.iter().any(|(name, known)| *name == operation.name() && *known == field);
            assert!(
                known,
                "{} takes {field}: is it guarded? Add it to KNOWN, and its way in to the test below",
                operation.name()
            );
        }
    }
}

async fn nothing_inside_is_taken_anywhere(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    let outside = json!({"name": "out", "endpoint_url": "https://hooks.invalid/"});
    let destination = admin.post("/api/v1/integrations/destinations", outside).await.expect(201).id();
    let oauth = |url: &str| {
        json!({"name": "x", "type": "oauth2_client_credentials", "value": "a secret of 16 or more",
            "settings": {"client_id": "c", "token_url": url}})
    };
    let credential = admin.post("/api/v1/integrations/credentials", oauth("https://id.invalid/t")).await.expect(201).id();
    let watch = |url: &str| json!({"name": "x", "channel": {"type": "slack", "url": url}, "triggers": [{"type": "destination_disabled"}]});
    let rule = admin.post("/api/v1/notifications", watch("https://chat.invalid/x")).await.expect(201).id();
    let owner = server.user("acme", "ann@acme.example", "operator").await;
    let group = admin.post("/api/v1/groups", json!({"name": "Front office", "owner_id": owner})).await.expect(201).id();
    let webhooks = format!("/api/integrations/webhooks?groupId={group}");
    let webhook = admin.post(&webhooks, json!({"url": "https://hooks.invalid/"})).await.expect(201).id();
    for url in INSIDE {
        let channel = watch(url)["channel"].clone();
        let target = json!({"name": "x", "endpoint_url": url});
        let settings = oauth(url)["settings"].clone();
        for (method, path, body, field) in [
            (Method::POST, "/api/v1/integrations/destinations".to_owned(), target, "endpoint_url"),
            (
                Method::PATCH,
                format!("/api/v1/integrations/destinations/{destination}"),
                json!({"endpoint_url": url}),
                "endpoint_url",
            ),
            (Method::POST, "/api/v1/integrations/credentials".to_owned(), oauth(url), "settings.token_url"),
            (
                Method::PATCH,
                format!("/api/v1/integrations/credentials/{credential}"),
                json!({"settings": settings}),
                "settings.token_url",
            ),
            (Method::POST, "/api/v1/notifications".to_owned(), watch(url), "channel.url"),
            (Method::PATCH, format!("/api/v1/notifications/{rule}"), json!({"channel": channel}), "channel.url"),
            (Method::POST, webhooks.clone(), json!({"url": url}), "url"),
            (Method::PUT, format!("/api/integrations/webhooks/{webhook}"), json!({"url": url}), "url"),
        ] {
            let problem = admin.send(method.clone(), &path, Some(body)).await.expect(400).json();
            let named = problem["errors"].as_array().into_iter().flatten().any(|error| {
                let detail = error["detail"].as_str().unwrap_or_default();
                error["field"] == field && detail.contains("must not target a private or reserved address")
            });
            assert!(named, "{method} {path} {url}: {problem}");
        }
    }
}

on_both_engines!(nothing_inside_is_taken_anywhere);
