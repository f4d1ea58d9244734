//! CONTRACT 3 on every operation of the OpenAPI document: bad input is a problem document that
//! names the field, nothing is a 500, every answer carries its request id and what browsers heed.

use hookswitch_server::app::COMPONENTS;
use http::Method;
use serde_json::{Value, json};

use crate::engines::Engine;
use crate::harness::{Answer, Client, spawn_server, spawn_with};
use crate::isolation::make;
use crate::on_both_engines;
use crate::surface::{Operation, operations};

const NOBODY: [&str; 2] = ["usr_01jd8r7c5tevzs9c1ghvzv3hkp", "ind_01jd8r7c5tevzs9c1ghvzv3hkp"];

/// Checks that an answer is a problem document with this status; returns it.
fn problem(what: &str, answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status.as_u16(), status, "{what}: {}", answer.text());
    assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
    let document = answer.json();
    assert_eq!(document["status"], status, "{what}");
    assert_eq!(document["request_id"], answer.header("x-request-id"), "{what}");
    for field in ["type", "title", "detail", "code"] {
        assert!(document[field].as_str().is_some_and(|text| !text.is_empty()), "{what} lacks {field}: {document}");
    }
    document
}

fn names_field(document: &Value, field: &str) -> bool {
    document["errors"].as_array().into_iter().flatten().any(|error| error["field"] == field)
}

async fn bad_bodies_are_refused_by_every_operation(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    let platform = server.token("platform", "platform_admin", None).await;
    for operation in operations().iter().filter(|operation| operation.managed() && operation.body.is_some()) {
        if operation.need.starts_with("tenant:") {
            let ids = vec![server.tenant("acme").await.to_string()];
            bad_bodies(&platform, operation, &ids).await;
        } else {
            let ids = if operation.parameters().is_empty() { Vec::new() } else { make(&server, &admin, "acme", operation).await };
            bad_bodies(&admin, operation, &ids).await;
        }
    }
}

async fn bad_bodies(caller: &Client, operation: &Operation, ids: &[String]) {
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let (name, path) = (operation.name(), operation.fill(&ids));
    let method = || operation.method.clone();
    let json = caller.with("content-type", "application/json");
    let mut body = operation.body.clone().unwrap_or_default();
    body["no_such_field"] = json!(1);
    let answer = json.raw(method(), &path, body.to_string()).await;
    assert!(names_field(&problem(&name, &answer, 400), "no_such_field"), "{name}: {}", answer.text());

    for text in ["", "{", "{} x", "nul", "\u{feff}{}"] {
        let answer = json.raw(method(), &path, text).await;
        let code = problem(&name, &answer, 400)["code"].clone();
        // What misses its fields is told so before what stands behind it.
        assert!(code == "invalid_json" || text == "{} x", "{name} {text}: {code}");
    }
    for text in ["[]", "1", "\"text\"", "null"] {
        problem(&format!("{name} {text}"), &json.raw(method(), &path, text).await, 400);
    }
    for media in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16"] {
        problem(&format!("{name} {media}"), &caller.with("content-type", media).raw(method(), &path, "{}").await, 415);
    }
    problem(&name, &caller.raw(method(), &path, "{}").await, 415);
    problem(&name, &json.with("content-encoding", "gzip").raw(method(), &path, "{}").await, 415);
    wrong_types(&json, operation, &path).await;
}

/// Each field of the example with a value of another type.
async fn wrong_types(json: &Client, operation: &Operation, path: &str) {
    let Some(fields) = operation.body.as_ref().and_then(Value::as_object) else { return };
    for (field, value) in fields {
        // What takes any JSON has no wrong type.
        let any_body = field == "body" && operation.path.starts_with("/api/v1/inbound-webhooks/");
        if field == "payload" || any_body {
            continue;
        }
        let mut body = operation.body.clone().unwrap_or_default();
        body[field] = if value.is_array() { json!({"a": [1]}) } else { json!([[1]]) };
        let what = format!("{} with a wrong {field}", operation.name());
        let answer = json.raw(operation.method.clone(), path, body.to_string()).await;
        let document = problem(&what, &answer, 400);
        let named = document["errors"].as_array().into_iter().flatten().any(|error| {
            error["field"].as_str().is_some_and(|name| {
                name == field || name.starts_with(&format!("{field}.")) || name.starts_with(&format!("{field}["))
            })
        });
        assert!(named, "{what}: {document}");
    }
}

async fn bad_list_parameters_are_named(engine: &Engine) {
    let server = spawn_server(engine).await;
    let (admin, platform) = (server.admin("acme").await, server.token("platform", "platform_admin", None).await);
    for operation in operations().iter().filter(|operation| operation.query.iter().any(|name| name == "cursor")) {
        let caller = if operation.need.starts_with("tenant:") { &platform } else { &admin };
        let path = operation.fill(&NOBODY);
        for (query, field) in [
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=x", "limit"),
            ("limit=5&limit=6", "limit"),
            ("cursor=nonsense", "cursor"),
            ("cursor=", "cursor"),
            ("from=yesterday", "from"),
            ("to=1", "to"),
            ("no_such_filter=1", "no_such_filter"),
        ] {
            let what = format!("{}?{query}", operation.name());
            let answer = caller.get(&format!("{path}?{query}")).await;
            // The thing whose list it is may be looked for first.
            if answer.status == 404 && !operation.parameters().is_empty() {
                continue;
            }
            assert!(names_field(&problem(&what, &answer, 400), field), "{what}: {}", answer.text());
        }
        // A list of one group's things wants to know which.
        if operation.parameters().is_empty() && operation.need != "group:admin" {
            let answer = caller.get(&format!("{path}?limit=1&from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z")).await;
            let list = answer.expect(200).json();
            assert!(list["data"].is_array() && list.get("next_cursor").is_some(), "{}: {list}", operation.name());
        }
    }
}

async fn ids_of_another_kind_are_not_there(engine: &Engine) {
    let server = spawn_server(engine).await;
    let (admin, platform) = (server.admin("acme").await, server.token("platform", "platform_admin", None).await);
    for operation in operations().iter().filter(|operation| operation.managed() && !operation.parameters().is_empty()) {
        let caller = if operation.need.starts_with("tenant:") { &platform } else { &admin };
        for id in ["x", "evt_", "%00", "..%2f..%2fetc", "req_01jd8r7c5tevzs9c1ghvzv3hkp", "%ff", "a%20b", "%2527"] {
            let answer = caller.send(operation.method.clone(), &operation.fill(&[id, id]), operation.body.clone()).await;
            problem(&format!("{} {id}", operation.name()), &answer, 404);
        }
    }
}

async fn pages_follow_each_other_without_gap_or_repeat(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    for number in 0..7 {
        let body = json!({"name": format!("t{number}"), "role": "operator"});
        admin.post("/api/v1/tokens", body).await.expect(201);
    }
    let all = admin.get("/api/v1/tokens?limit=100").await.expect(200).json();
    for list in ["/api/v1/tokens", "/api/v1/audit"] {
        let whole = admin.get(&format!("{list}?limit=100")).await.expect(200).json();
        let (mut seen, mut path) = (Vec::new(), format!("{list}?limit=3"));
        loop {
            let page = admin.get(&path).await.expect(200).json();
            seen.extend(page["data"].as_array().unwrap().clone());
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("{list}?limit=3&cursor={cursor}");
        }
        assert_eq!(Value::from(seen), whole["data"], "{list}");
    }
    let newest = all["data"][0]["created_at"].as_str().unwrap();
    let before = admin.get(&format!("/api/v1/tokens?to={newest}")).await.expect(200).json();
    assert!(before["data"].as_array().unwrap().iter().all(|token| token["created_at"].as_str().unwrap() < newest));
}

async fn every_answer_carries_what_browsers_heed(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    for path in
        ["/api/v1/session", "/api/v1/users", "/nothing", "/healthz", "/api/openapi.json", "/api/docs/", "/console/", "/metrics"]
    {
        let answer = admin.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin", "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert!(!answer.header("content-security-policy").contains("script-src 'unsafe"), "{path}");
        assert!(!answer.header("x-request-id").is_empty(), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
        if path.starts_with("/api/v1") {
            assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        }
    }
}

async fn browsers_are_told_to_stay_with_tls(engine: &Engine) {
    let server = spawn_with(engine, &[("public_url", "https://hooks.example.com")]).await;
    let answer = server.stranger().get("/healthz").await;
    assert!(answer.header("strict-transport-security").starts_with("max-age=31536000"));
}

async fn request_ids_are_taken_over_or_made(engine: &Engine) {
    let server = spawn_server(engine).await;
    let stranger = server.stranger();
    assert_eq!(stranger.with("x-request-id", "abc-123").get("/healthz").await.header("x-request-id"), "abc-123");
    for bad in ["has space", "quote\"", "<b>", &"x".repeat(200)] {
        let id = stranger.with("x-request-id", bad).get("/healthz").await.header("x-request-id").to_owned();
        assert!(id.starts_with("req_"), "{bad} gave {id}");
    }
}

async fn unknown_paths_and_methods_are_problems(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    for path in ["/api/v1/nothing", "/api/v1", "/api/v1/users/", "/.env", "/api/inbound", "//"] {
        problem(path, &admin.get(path).await, 404);
    }
    let answer = admin.send(Method::DELETE, "/api/v1/users", None).await;
    problem("DELETE /users", &answer, 405);
    assert!(answer.header("allow").contains("POST"), "{}", answer.header("allow"));
    problem("TRACE", &admin.send(Method::TRACE, "/api/v1/users", None).await, 405);
    problem("made-up", &admin.send("BREW".parse().unwrap(), "/api/v1/users", None).await, 405);
}

async fn an_idempotency_key_creates_once(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    let keyed = admin.with("idempotency-key", "key-1");
    let body = json!({"name": "once", "role": "operator"});
    let first = keyed.post("/api/v1/tokens", body.clone()).await.expect(201).json();
    let again = keyed.post("/api/v1/tokens", body.clone()).await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), "true");
    let again = again.json();
    assert_eq!(again["id"], first["id"]);
    assert!(first["token"].as_str().unwrap().starts_with("hsk_"));
    assert_eq!(again.get("token"), None, "a one-time secret is shown once");
    let other = keyed.post("/api/v1/tokens", json!({"name": "other", "role": "operator"})).await;
    assert_eq!(problem("reuse", &other, 422)["code"], "idempotency_key_reused");
    // Another tenant's keys and another operation's are their own.
    let elsewhere = server.admin("globex").await.with("idempotency-key", "key-1");
    elsewhere.post("/api/v1/tokens", json!({"name": "theirs", "role": "operator"})).await.expect(201);
    // A refused request leaves its key free.
    let fresh = admin.with("idempotency-key", "key-2");
    fresh.post("/api/v1/tokens", json!({"name": "x", "role": "no_such_role"})).await.expect(400);
    fresh.post("/api/v1/tokens", json!({"name": "x", "role": "operator"})).await.expect(201);
    let bad = admin.with("idempotency-key", "has space").post("/api/v1/tokens", body).await;
    assert!(names_field(&problem("bad key", &bad, 400), "Idempotency-Key"));
}

async fn parallel_requests_with_one_key_create_one_thing(engine: &Engine) {
    let server = spawn_server(engine).await;
    let keyed = server.admin("acme").await.with("idempotency-key", "same");
    let calls = (0..20).map(|_| {
        let keyed = keyed.clone();
        tokio::spawn(
            async move { keyed.post("/api/v1/tokens", json!({"name": "one", "role": "operator"})).await.expect(201).id() },
        )
    });
    let mut ids = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        ids.push(call.await.unwrap());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
}

async fn a_caller_that_is_too_fast_is_told_when_to_come_again(engine: &Engine) {
    let server = spawn_with(engine, &[("limits.api_requests_per_minute", "5")]).await;
    let (one, two) = (server.admin("acme").await, server.admin("acme").await);
    for _ in 0..5 {
        one.get("/api/v1/features").await.expect(200);
    }
    let answer = one.get("/api/v1/features").await;
    problem("too fast", &answer, 429);
    assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
    two.get("/api/v1/features").await.expect(200);
    // Publishing has no such limit: overload answers 503.
    for _ in 0..10 {
        assert_ne!(two.post("/api/v1/events", json!({"event_type": "a.b", "payload": {}})).await.status, 429);
    }
}

on_both_engines!(
    bad_bodies_are_refused_by_every_operation,
    bad_list_parameters_are_named,
    ids_of_another_kind_are_not_there,
    pages_follow_each_other_without_gap_or_repeat,
    every_answer_carries_what_browsers_heed,
    browsers_are_told_to_stay_with_tls,
    request_ids_are_taken_over_or_made,
    unknown_paths_and_methods_are_problems,
    an_idempotency_key_creates_once,
    parallel_requests_with_one_key_create_one_thing,
    a_caller_that_is_too_fast_is_told_when_to_come_again,
);
