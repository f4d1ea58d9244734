//! CONTRACT 8, cell by cell: every role on every operation of the OpenAPI document, over HTTP.

use hookswitch_server::app::COMPONENTS;

use crate::engines::Engine;
use crate::harness::{Client, spawn_server};
use crate::on_both_engines;
use crate::surface::operations;

const ROLES: [&str; 5] = ["platform_admin", "tenant_admin", "operator", "auditor", "publisher"];

/// The contract's table, in its own words and not in those of the code.
fn contract(role: &str, need: &str) -> bool {
    let (resource, action) = need.split_once(':').unwrap_or((need, ""));
    let administrates = matches!(role, "platform_admin" | "tenant_admin");
    match (resource, action) {
        // What one is in the group decides, whatever one may in the tenant: `groups::people` walks that.
        ("public" | "session" | "group", _) => true,
        ("tenant", _) => role == "platform_admin",
        ("event", "publish") => administrates || role == "publisher",
        ("alert", "handle") => administrates || role == "operator",
        ("inbound_webhook" | "user" | "role" | "token", _) => administrates,
        (_, "read") => administrates || matches!(role, "operator" | "auditor"),
        _ => administrates,
    }
}

/// A made-up id of every kind: whoever may use the route hears 404, whoever may not hears 403.
const NOBODY: [&str; 2] = ["usr_01jd8r7c5tevzs9c1ghvzv3hkp", "ind_01jd8r7c5tevzs9c1ghvzv3hkp"];

async fn every_role_on_every_route(engine: &Engine) {
    let server = spawn_server(engine).await;
    let mut wrong = Vec::new();
    for role in ROLES {
        let caller = match role {
            "platform_admin" => server.platform("acme").await,
            role => server.token("acme", role, None).await,
        };
        check_row(&caller, role, &mut wrong).await;
    }
    assert!(wrong.is_empty(), "{} cells differ from the contract:\n{}", wrong.len(), wrong.join("\n"));
}

async fn check_row(caller: &Client, role: &str, wrong: &mut Vec<String>) {
    for operation in operations() {
        let answer = caller.send(operation.method.clone(), &operation.fill(&NOBODY), None).await;
        let status = answer.status.as_u16();
        let right = match contract(role, &operation.need) {
            // 401: the public routes that look at a credential of their own.
            true => status != 403 && status < 500 && (status != 401 || operation.need == "public"),
            false => status == 403,
        };
        if !right {
            wrong.push(format!("{role} {} ({}): {status} {}", operation.name(), operation.need, answer.text()));
        }
    }
}

async fn a_stranger_gets_nowhere(engine: &Engine) {
    let server = spawn_server(engine).await;
    let strangers = [
        server.stranger(),
        server.stranger().with("authorization", "Bearer hsk_unknown"),
        server.stranger().with("authorization", "Basic YTpi"),
        server.stranger().with("cookie", "__Host-hookswitch=unknown"),
    ];
    for operation in operations().iter().filter(|operation| operation.need != "public") {
        for stranger in &strangers {
            let answer = stranger
                .with("x-requested-with", "hookswitch")
                .send(operation.method.clone(), &operation.fill(&NOBODY), None)
                .await;
            // So many bad credentials from one address are slowed in the end.
            assert!([401, 429].contains(&answer.status.as_u16()), "{}: {}", operation.name(), answer.status);
        }
    }
}

/// The open routes are few and known: this list may only shrink.
const PUBLIC: &[&str] = &[
    "POST /api/v1/session",
    "POST /api/v1/portal-sessions/open",
    "GET /healthz",
    "GET /readyz",
    "GET /.well-known/hookswitch/{tenant_slug}/{destination_id}/keys.json",
    "POST /api/inbound/{tenant_slug}/{webhook_slug}",
    "PUT /api/inbound/{tenant_slug}/{webhook_slug}",
    "PATCH /api/inbound/{tenant_slug}/{webhook_slug}",
    "GET /api/inbound/{tenant_slug}/{webhook_slug}",
    "POST /api/integrations/inbound/{group_id}/tasks",
];

#[test]
fn no_route_is_open_that_isn_t_listed() {
    for operation in operations().iter().filter(|operation| operation.need == "public") {
        assert!(PUBLIC.contains(&operation.name().as_str()), "{} is open to everybody", operation.name());
    }
}

async fn scopes_narrow_a_role(engine: &Engine) {
    let server = spawn_server(engine).await;
    let narrow = server.token("acme", "tenant_admin", Some(&["destinations:read"])).await;
    narrow.get("/api/v1/integrations/destinations").await.expect(200);
    narrow.get("/api/v1/users").await.expect(403);
    narrow.get("/api/v1/events").await.expect(403);
    // A scope adds nothing that the role lacks.
    let wide = server.token("acme", "publisher", Some(&["destinations:write", "events:publish"])).await;
    wide.get("/api/v1/integrations/destinations").await.expect(403);
}

async fn a_custom_role_opens_what_it_names(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    let role = serde_json::json!({"name": "mapper", "permissions": ["inbound_webhook:read"]});
    let id = admin.post("/api/v1/roles", role).await.expect(201).id();
    let mapper = server.token("acme", "mapper", None).await;
    mapper.get("/api/v1/inbound-webhooks").await.expect(200);
    mapper.get("/api/v1/events").await.expect(403);
    admin.delete(&format!("/api/v1/roles/{id}")).await.expect(409);
}

async fn the_platform_names_its_tenant_and_is_noted(engine: &Engine) {
    let server = spawn_server(engine).await;
    let everywhere = server.token("platform", "platform_admin", None).await;
    assert_eq!(everywhere.get("/api/v1/features").await.expect(400).code(), "tenant_required");
    everywhere.with("x-tenant", "acme").get("/api/v1/features").await.expect(200);
    assert_eq!(everywhere.with("x-tenant", "nowhere").get("/api/v1/features").await.expect(404).code(), "tenant_not_found");
    let trail = server.admin("acme").await.get("/api/v1/audit?action=platform.access").await.expect(200).json();
    assert_eq!(trail["data"][0]["target"], "GET /api/v1/features");
    // A tenant's token reaches no other tenant, whether it exists or not.
    let acme = server.admin("acme").await;
    acme.with("x-tenant", "acme").get("/api/v1/features").await.expect(200);
    let (there, nowhere) = (acme.with("x-tenant", "globex"), acme.with("x-tenant", "nowhere"));
    assert_eq!(there.get("/api/v1/features").await.status, 403);
    assert_eq!(nowhere.get("/api/v1/features").await.status, 403);
}

on_both_engines!(
    every_role_on_every_route,
    a_stranger_gets_nowhere,
    scopes_narrow_a_role,
    a_custom_role_opens_what_it_names,
    the_platform_names_its_tenant_and_is_noted,
);
