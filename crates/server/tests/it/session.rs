//! Signing in and out: the cookie, what it takes to change something with it, and what ends it.

use std::time::Duration;

use hookswitch_domain::time::Ambient;
use hookswitch_server::app::COMPONENTS;
use serde_json::json;

use crate::engines::{Engine, ambient};
use crate::harness::{Answer, Client, PASSWORD, Server, spawn_server, spawn_with};
use crate::on_both_engines;

async fn sign_in(server: &Server, email: &str, password: &str) -> Answer {
    server.stranger().post("/api/v1/session", json!({"email": email, "password": password})).await
}

/// A browser with the session's cookie, as our own pages use it.
fn browser(server: &Server, answer: &Answer) -> Client {
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    server.stranger().with("cookie", cookie).with("x-requested-with", "hookswitch").with("sec-fetch-site", "same-origin")
}

async fn signing_in_sets_a_cookie_that_works(engine: &Engine) {
    let server = spawn_server(engine).await;
    server.user("acme", "ann@example.com", "tenant_admin").await;
    let answer = sign_in(&server, "Ann@Example.com", PASSWORD).await.expect(204);
    let cookie = answer.header("set-cookie");
    for part in ["__Host-hookswitch=", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
        assert!(cookie.contains(part), "{cookie} lacks {part}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    let me = browser(&server, &answer).get("/api/v1/session").await.expect(200).json();
    assert_eq!((me["email"].as_str(), me["role"].as_str()), (Some("ann@example.com"), Some("tenant_admin")));
    assert_eq!(me["tenant"]["slug"], "acme");
    let second = sign_in(&server, "ann@example.com", PASSWORD).await.expect(204);
    assert_ne!(second.header("set-cookie"), cookie, "every sign-in has an id of its own");
}

async fn a_wrong_password_and_an_unknown_account_are_alike(engine: &Engine) {
    let server = spawn_server(engine).await;
    server.user("acme", "ann@example.com", "operator").await;
    let id = server.user("acme", "gone@example.com", "operator").await;
    server.admin("acme").await.patch(&format!("/api/v1/users/{id}"), json!({"disabled": true})).await.expect(200);
    let mut texts = Vec::new();
    for (email, password) in
        [("ann@example.com", "wrong horse battery"), ("nobody@example.com", PASSWORD), ("gone@example.com", PASSWORD), ("", "")]
    {
        let answer = sign_in(&server, email, password).await.expect(401);
        assert_eq!(answer.header("set-cookie"), "");
        texts.push((answer.json()["detail"].clone(), answer.code()));
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "{texts:?}");
}

async fn guessing_is_slowed_by_address(engine: &Engine) {
    let server = spawn_server(engine).await;
    let mut refused = None;
    for guess in 0..30 {
        let answer = sign_in(&server, &format!("guess{guess}@example.com"), "wrong horse battery").await;
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
        assert_eq!(answer.status, 401);
    }
    let refused = refused.expect("thirty failures from one address go unnoticed");
    assert!(!refused.header("retry-after").is_empty());
}

async fn a_change_by_cookie_needs_our_own_page(engine: &Engine) {
    let server = spawn_server(engine).await;
    server.user("acme", "ann@example.com", "tenant_admin").await;
    let answer = sign_in(&server, "ann@example.com", PASSWORD).await.expect(204);
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    let bare = server.stranger().with("cookie", cookie);
    let body = json!({"inbound_webhooks_enabled": true});
    assert_eq!(bare.put("/api/v1/features", body.clone()).await.expect(403).code(), "csrf");
    let marked = bare.with("x-requested-with", "hookswitch");
    let elsewhere = marked.with("origin", "https://evil.example");
    assert_eq!(elsewhere.put("/api/v1/features", body.clone()).await.expect(403).code(), "csrf");
    let cross = marked.with("sec-fetch-site", "cross-site");
    assert_eq!(cross.put("/api/v1/features", body.clone()).await.expect(403).code(), "csrf");
    marked.with("origin", format!("http://{}", server.address)).put("/api/v1/features", body).await.expect(200);
    // Reading needs no mark, and another site may not sign anybody in.
    bare.get("/api/v1/features").await.expect(200);
    let foreign = server.stranger().with("origin", "https://evil.example");
    let body = json!({"email": "ann@example.com", "password": PASSWORD});
    assert_eq!(foreign.post("/api/v1/session", body).await.expect(403).code(), "csrf");
}

async fn sessions_end_when_they_should(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    let id = server.user("acme", "ann@example.com", "operator").await;
    let path = format!("/api/v1/users/{id}");
    for change in [json!({"role": "auditor"}), json!({"password": PASSWORD}), json!({"disabled": true})] {
        let answer = sign_in(&server, "ann@example.com", PASSWORD).await.expect(204);
        let browser = browser(&server, &answer);
        browser.get("/api/v1/session").await.expect(200);
        admin.patch(&path, change.clone()).await.expect(200);
        assert_eq!(browser.get("/api/v1/session").await.status, 401, "after {change}");
    }
    admin.patch(&path, json!({"disabled": false})).await.expect(200);
    let answer = sign_in(&server, "ann@example.com", PASSWORD).await.expect(204);
    let signed_out = browser(&server, &answer);
    let bye = signed_out.delete("/api/v1/session").await.expect(204);
    assert!(bye.header("set-cookie").contains("Max-Age=0"));
    signed_out.get("/api/v1/session").await.expect(401);
}

async fn plain_http_elsewhere_says_so(engine: &Engine) {
    let server = spawn_with(engine, &[("public_url", "http://hooks.example.com")]).await;
    server.user("acme", "ann@example.com", "operator").await;
    let body = json!({"email": "ann@example.com", "password": PASSWORD});
    let elsewhere = server.stranger().with("host", "hooks.example.com");
    assert_eq!(elsewhere.post("/api/v1/session", body.clone()).await.expect(400).code(), "https_required");
    server.stranger().with("host", "localhost:8080").post("/api/v1/session", body).await.expect(204);
}

async fn a_sign_in_link_works_once(engine: &Engine) {
    let server = spawn_server(engine).await;
    let id = server.user("acme", "ann@example.com", "operator").await;
    let tenant = server.tenant("acme").await;
    let user = id.parse().unwrap();
    let store = server.db.for_tenant(tenant);
    let make = store.write(move |tx| {
        Box::pin(async move {
            let lifetime = Duration::from_secs(60);
            hookswitch_server::api::session::make_link(tx, &*ambient() as &dyn Ambient, user, lifetime).await
        })
    });
    let token = make.await.unwrap();
    let path = format!("/signin?token={token}");
    let answer = server.stranger().get(&path).await.expect(303);
    assert_eq!(answer.header("location"), "/console/");
    browser(&server, &answer).get("/api/v1/session").await.expect(200);
    server.stranger().get(&path).await.expect(401);
    server.stranger().get("/signin?token=guess").await.expect(401);
    server.stranger().get("/signin").await.expect(401);
    // The link's token is no session.
    server.stranger().with("cookie", format!("__Host-hookswitch={token}")).get("/api/v1/session").await.expect(401);
}

on_both_engines!(
    signing_in_sets_a_cookie_that_works,
    a_wrong_password_and_an_unknown_account_are_alike,
    guessing_is_slowed_by_address,
    a_change_by_cookie_needs_our_own_page,
    sessions_end_when_they_should,
    plain_http_elsewhere_says_so,
    a_sign_in_link_works_once,
);
