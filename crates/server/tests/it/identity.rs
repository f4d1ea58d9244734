//! Accounts, roles, tokens and tenants: who may make whom, and that taking away works at once.

use hookswitch_server::app::COMPONENTS;
use serde_json::json;

use crate::engines::Engine;
use crate::harness::{PASSWORD, spawn_server};
use crate::on_both_engines;

async fn nobody_grants_what_they_don_t_hold(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    let role = json!({"name": "helpdesk", "permissions": ["user:read", "user:write", "token:write", "role:write"]});
    admin.post("/api/v1/roles", role).await.expect(201);
    let helpdesk = server.token("acme", "helpdesk", None).await;
    let new = |role: &str| json!({"email": format!("{role}@example.com"), "name": "N", "role": role});
    for role in ["tenant_admin", "operator", "publisher"] {
        helpdesk.post("/api/v1/users", new(role)).await.expect(403);
        helpdesk.post("/api/v1/tokens", json!({"name": "t", "role": role})).await.expect(403);
    }
    helpdesk.post("/api/v1/users", new("helpdesk")).await.expect(201);
    helpdesk.post("/api/v1/roles", json!({"name": "more", "permissions": ["event:publish"]})).await.expect(403);
    // Nor by taking over an account that holds more.
    let boss = server.user("acme", "boss@example.com", "tenant_admin").await;
    helpdesk.patch(&format!("/api/v1/users/{boss}"), json!({"password": PASSWORD})).await.expect(403);
    helpdesk.delete(&format!("/api/v1/users/{boss}")).await.expect(403);
    // The platform's role can't be had in a tenant, by whomever.
    for caller in [&admin, &server.platform("acme").await] {
        caller.post("/api/v1/users", new("platform_admin")).await.expect(400);
    }
    let narrow = server.token("acme", "tenant_admin", Some(&["users:write"])).await;
    narrow.post("/api/v1/users", new("operator")).await.expect(403);
}

async fn a_tenant_keeps_an_administrator(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    let one = server.user("acme", "one@example.com", "tenant_admin").await;
    let path = format!("/api/v1/users/{one}");
    for change in [json!({"role": "operator"}), json!({"disabled": true})] {
        assert_eq!(admin.patch(&path, change).await.expect(409).code(), "last_administrator");
    }
    assert_eq!(admin.delete(&path).await.expect(409).code(), "last_administrator");
    admin.patch(&path, json!({"name": "Still here"})).await.expect(200);
    server.user("acme", "two@example.com", "tenant_admin").await;
    // Another tenant's administrators don't count, a second one of this tenant does.
    admin.delete(&path).await.expect(204);
    admin.get(&path).await.expect(404);
}

async fn a_revoked_token_opens_nothing(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    let made = admin.post("/api/v1/tokens", json!({"name": "t", "role": "publisher"})).await.expect(201).json();
    let publisher = server.stranger().with("authorization", format!("Bearer {}", made["token"].as_str().unwrap()));
    let event = json!({"event_type": "a.b", "payload": {}});
    publisher.post("/api/v1/events", event.clone()).await.expect(202);
    admin.delete(&format!("/api/v1/tokens/{}", made["id"].as_str().unwrap())).await.expect(204);
    publisher.get("/api/v1/session").await.expect(401);
    publisher.post("/api/v1/events", event).await.expect(401);
    let shown = admin.get(&format!("/api/v1/tokens/{}", made["id"].as_str().unwrap())).await.expect(200).text();
    assert!(!shown.contains("hsk_") && shown.contains("revoked_at\":\"2"), "{shown}");
}

async fn tokens_expire_and_their_input_is_checked(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    for (body, field) in [
        (json!({"name": "t", "role": "operator", "scopes": ["no:such"]}), "scopes[0]"),
        (json!({"name": "t", "role": "operator", "expires_at": "2020-01-01T00:00:00Z"}), "expires_at"),
        (json!({"name": "t", "role": "operator", "expires_at": "tomorrow"}), "expires_at"),
        (json!({"name": "", "role": "operator"}), "name"),
        (json!({"name": "a\u{202e}b", "role": "operator"}), "name"),
        (json!({"name": "t", "role": "nobody"}), "role"),
    ] {
        let answer = admin.post("/api/v1/tokens", body.clone()).await.expect(400).json();
        assert_eq!(answer["errors"][0]["field"], field, "{body}: {answer}");
    }
    let mut bad = json!({"email": "nope", "name": " ", "role": "operator", "password": "short"});
    let answer = admin.post("/api/v1/users", bad.clone()).await.expect(400).json();
    let fields: Vec<_> = answer["errors"].as_array().unwrap().iter().map(|error| error["field"].clone()).collect();
    assert_eq!(fields, ["email", "name", "password"], "everything is said at once");
    bad = json!({"email": "ann@example.com", "name": "Ann", "role": "operator"});
    admin.post("/api/v1/users", bad.clone()).await.expect(201);
    // One email, one account, also across tenants.
    let elsewhere = server.admin("globex").await;
    assert_eq!(elsewhere.post("/api/v1/users", bad).await.expect(409).code(), "email_taken");
}

async fn the_platform_makes_tenants(engine: &Engine) {
    let server = spawn_server(engine).await;
    let platform = server.token("platform", "platform_admin", None).await;
    let made = platform.post("/api/v1/tenants", json!({"slug": "initech", "name": "Initech"})).await.expect(201).json();
    let taken = platform.post("/api/v1/tenants", json!({"slug": "initech", "name": "Again"})).await;
    assert_eq!(taken.expect(409).code(), "slug_taken");
    let bad = platform.post("/api/v1/tenants", json!({"slug": "Bad Slug", "name": "x"})).await.expect(400).json();
    assert_eq!(bad["errors"][0]["field"], "slug");
    let path = format!("/api/v1/tenants/{}", made["id"].as_str().unwrap());
    platform.patch(&path, json!({"name": "Initech Ltd"})).await.expect(200);
    assert_eq!(platform.get(&path).await.expect(200).json()["name"], "Initech Ltd");
    let keyed = platform.with("idempotency-key", "k");
    let first = keyed.post("/api/v1/tenants", json!({"slug": "hooli", "name": "Hooli"})).await.expect(201).id();
    let second = keyed.post("/api/v1/tenants", json!({"slug": "hooli", "name": "Hooli"})).await.expect(201).id();
    assert_eq!(first, second);
    // It starts with what every tenant starts with.
    let boards = platform.with("x-tenant", "initech").get("/api/v1/boards").await.expect(200).json();
    assert!(!boards["data"].as_array().unwrap().is_empty(), "{boards}");
    platform.get("/api/v1/tenants/ten_01jd8r7c5tevzs9c1ghvzv3hkp").await.expect(404);
}

async fn features_are_off_until_switched_on(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    assert_eq!(admin.get("/api/v1/features").await.expect(200).json(), json!({"inbound_webhooks_enabled": false}));
    admin.put("/api/v1/features", json!({"inbound_webhooks_enabled": true})).await.expect(200);
    assert_eq!(admin.get("/api/v1/session").await.expect(200).json()["features"]["inbound_webhooks_enabled"], true);
    let theirs = server.admin("globex").await.get("/api/v1/features").await.expect(200).json();
    assert_eq!(theirs["inbound_webhooks_enabled"], false);
}

on_both_engines!(
    nobody_grants_what_they_don_t_hold,
    a_tenant_keeps_an_administrator,
    a_revoked_token_opens_nothing,
    tokens_expire_and_their_input_is_checked,
    the_platform_makes_tenants,
    features_are_off_until_switched_on,
);
