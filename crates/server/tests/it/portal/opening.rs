//! How a portal is opened and closed, and in whose pages it may stand.

use hookswitch_server::app::COMPONENTS;
use serde_json::{Value, json};

use super::{DESTINATIONS, OPEN, OURS, SESSIONS, follow, link, visitor};
use crate::engines::Engine;
use crate::harness::{spawn_server, spawn_with};
use crate::on_both_engines;
use crate::receiver::until;

const ME: &str = "/api/v1/session";

async fn a_link_opens_once_whoever_races(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    let (secret, id) = link(&admin, json!({"group_id": OURS, "access": "replay"})).await;
    let (one, two, three) = tokio::join!(follow(&server, &secret), follow(&server, &secret), follow(&server, &secret));
    let mut statuses = [one.status.as_u16(), two.status.as_u16(), three.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 410, 410], "of three at once one gets in");
    assert_eq!(follow(&server, &secret).await.expect(410).code(), "link_used");
    let shown = admin.get(&format!("{SESSIONS}/{id}")).await.expect(200);
    assert!(shown.json()["opened_at"].is_string() && !shown.text().contains(&secret), "{}", shown.text());
    let trail = admin.get("/api/v1/audit?action=portal.opened").await.expect(200).json();
    assert_eq!(trail["data"].as_array().unwrap().len(), 1, "{trail}");
    assert_eq!(trail["data"][0]["actor"], format!("portal:{id}"));
}

async fn a_link_and_a_portal_end_at_their_time(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    let (late, _) = link(&admin, json!({"expires_in": 1})).await;
    let guest = visitor(&server, &admin, json!({"expires_in": 3})).await;
    // What is longer than a link may lie around.
    let long = admin.post(SESSIONS, json!({"expires_in": 86_400})).await.expect(201).json();
    let until_text = |name: &str| long[name].as_str().unwrap().to_owned();
    assert!(until_text("link_expires_at") < until_text("expires_at"), "{long}");
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    assert_eq!(follow(&server, &late).await.expect(410).code(), "link_expired");
    until("the portal's end", || async { (guest.get(ME).await.status == 401).then_some(()) }).await;
}

async fn a_revoked_portal_and_one_that_was_left_open_nothing(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    let (unused, id) = link(&admin, json!({})).await;
    admin.delete(&format!("{SESSIONS}/{id}")).await.expect(204);
    assert_eq!(follow(&server, &unused).await.expect(410).code(), "link_revoked");

    let (secret, id) = link(&admin, json!({})).await;
    let token = follow(&server, &secret).await.expect(200).json()["token"].as_str().unwrap().to_owned();
    let guest = server.stranger().with("authorization", format!("Bearer {token}"));
    guest.get(DESTINATIONS).await.expect(200);
    admin.delete(&format!("{SESSIONS}/{id}")).await.expect(204);
    guest.get(DESTINATIONS).await.expect(401);

    let guest = visitor(&server, &admin, json!({})).await;
    guest.delete(ME).await.expect(204);
    guest.get(ME).await.expect(401);
    let trail = admin.get("/api/v1/audit?limit=100").await.expect(200).text();
    for action in ["portal.link_made", "portal.opened", "portal.revoked", "portal.left"] {
        assert!(trail.contains(action), "the trail lacks {action}");
    }
    assert!(!trail.contains(&secret) && !trail.contains(&token));
}

async fn a_guess_and_a_console_s_token_open_no_portal(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    assert_eq!(follow(&server, "hsl_guess").await.expect(404).code(), "link_unknown");
    assert_eq!(follow(&server, admin.token()).await.expect(404).code(), "link_unknown");
    // And a link's secret is no session.
    let (secret, _) = link(&admin, json!({})).await;
    server.stranger().with("authorization", format!("Bearer {secret}")).get(ME).await.expect(401);
    server.stranger().post(OPEN, json!({"token": secret, "as": "admin"})).await.expect(400);
}

async fn a_link_is_for_a_tenant_of_its_maker_and_grants_no_more_than_they_hold(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    admin.post(SESSIONS, json!({"tenant": "acme"})).await.expect(201);
    for body in [json!({"tenant": "globex"}), json!({"tenant": "nobody"})] {
        assert_eq!(admin.post(SESSIONS, body).await.expect(400).json()["errors"][0]["field"], "tenant");
    }
    let platform = server.token("platform", "platform_admin", None).await;
    assert_eq!(platform.post(SESSIONS, json!({})).await.expect(400).json()["errors"][0]["code"], "required");
    let guest = visitor(&server, &platform, json!({"tenant": "globex"})).await;
    assert_eq!(guest.get(ME).await.expect(200).json()["tenant"]["slug"], "globex");
    // The host's own service needs this scope and no other.
    let service = server.token("acme", "tenant_admin", Some(&["portal_sessions:write"])).await;
    service.post(SESSIONS, json!({"access": "manage"})).await.expect(201);
    let looker =
        json!({"name": "looker", "permissions": ["portal:open", "destination:read", "delivery:read", "event_type:read"]});
    admin.post("/api/v1/roles", looker).await.expect(201);
    let looker = server.token("acme", "looker", None).await;
    looker.post(SESSIONS, json!({"access": "read"})).await.expect(201);
    looker.post(SESSIONS, json!({"access": "manage"})).await.expect(403);
}

async fn a_repeated_request_makes_one_link_and_shows_it_once(engine: &Engine) {
    let server = spawn_server(engine).await;
    let keyed = server.admin("acme").await.with("idempotency-key", "one");
    let first = keyed.post(SESSIONS, json!({"expires_in": 60})).await.expect(201).json();
    let again = keyed.post(SESSIONS, json!({"expires_in": 60})).await.expect(201).json();
    assert_eq!((&again["id"], again.get("url")), (&first["id"], None));
}

async fn hostile_looks_are_refused(engine: &Engine) {
    let server = spawn_with(engine, &[("portal.image_origins", r#"["https://cdn.example.com"]"#)]).await;
    let admin = server.admin("acme").await;
    let cases = [
        ("accent", "red;}body{display:none"),
        ("accent", "url(https://evil.example)"),
        ("accent", "#12345"),
        ("logo_text", "a\u{1b}[31m"),
        ("logo_url", "javascript:alert(1)"),
        ("logo_url", "https://evil.example/logo.png"),
        ("logo_url", "data:text/html;base64,PHNjcmlwdD4="),
    ];
    for (field, value) in cases {
        let problem = admin.post(SESSIONS, json!({"look": {field: value}})).await.expect(400).json();
        assert_eq!(problem["errors"][0]["field"], format!("look.{field}"), "{value}: {problem}");
    }
    admin.post(SESSIONS, json!({"look": {"style": "x"}})).await.expect(400);
    let look =
        json!({"accent": "#0b7285", "logo_text": "Acme <b>", "logo_url": "https://cdn.example.com/logo.svg", "scheme": "dark"});
    let guest = visitor(&server, &admin, json!({"look": look.clone()})).await;
    assert_eq!(guest.get(ME).await.expect(200).json()["portal"]["look"], look);
    let page = server.stranger().get("/portal/").await;
    assert!(page.header("content-security-policy").contains("img-src 'self' data: https://cdn.example.com;"));
}

async fn only_the_portal_is_framed_and_only_by_its_hosts(engine: &Engine) {
    let server = spawn_server(engine).await;
    let hosts = [("portal.frame_ancestors", r#"["https://app.example.com", "http://localhost:3000"]"#)];
    let hosted = server.another(engine, &hosts, false).await;
    for path in ["/portal/", "/portal/integrations"] {
        let page = server.stranger().get(path).await;
        assert!(page.header("content-security-policy").ends_with("frame-ancestors 'none'"), "{path}");
        assert_eq!(page.header("x-frame-options"), "DENY", "{path}");
        let page = hosted.stranger().get(path).await;
        let policy = page.header("content-security-policy");
        assert!(policy.ends_with("frame-ancestors https://app.example.com http://localhost:3000"), "{path}: {policy}");
        assert!(policy.contains("script-src 'self';"), "{policy}");
        assert_eq!((page.header("x-frame-options"), page.header("set-cookie")), ("", ""), "{path}");
        assert_eq!(page.header("referrer-policy"), "no-referrer");
    }
    for path in ["/console/", "/api/v1/session", "/api/docs/", "/nothing"] {
        let page = hosted.stranger().get(path).await;
        assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(page.header("x-frame-options"), "DENY", "{path}");
    }
}

async fn the_list_shows_a_tenant_s_own_links_without_their_secrets(engine: &Engine) {
    let server = spawn_server(engine).await;
    let (admin, other) = (server.admin("acme").await, server.admin("globex").await);
    let (secret, id) = link(&admin, json!({"group_id": OURS})).await;
    let list = admin.get(SESSIONS).await.expect(200);
    assert_eq!(list.json()["data"][0]["id"], id.as_str());
    assert!(!list.text().contains(&secret));
    assert_eq!(other.get(SESSIONS).await.expect(200).json()["data"], Value::Array(Vec::new()));
    other.delete(&format!("{SESSIONS}/{id}")).await.expect(404);
    follow(&server, &secret).await.expect(200);
}

on_both_engines!(
    a_link_opens_once_whoever_races,
    a_link_and_a_portal_end_at_their_time,
    a_revoked_portal_and_one_that_was_left_open_nothing,
    a_guess_and_a_console_s_token_open_no_portal,
    a_link_is_for_a_tenant_of_its_maker_and_grants_no_more_than_they_hold,
    a_repeated_request_makes_one_link_and_shows_it_once,
    hostile_looks_are_refused,
    only_the_portal_is_framed_and_only_by_its_hosts,
    the_list_shows_a_tenant_s_own_links_without_their_secrets,
);
