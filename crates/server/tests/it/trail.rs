//! The audit trail: every change stands in it, and one flipped byte is found.

use hookswitch_server::app::COMPONENTS;
use hookswitch_store::{StoreError, params};
use serde_json::json;

use crate::engines::{Engine, sql};
use crate::harness::{Server, spawn_server};
use crate::on_both_engines;

async fn changes_are_chained_and_shown(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    let id = admin.post("/api/v1/tokens", json!({"name": "shown", "role": "operator"})).await.expect(201).id();
    let found = admin.get(&format!("/api/v1/audit?target={id}&action=token.created")).await.expect(200).json();
    assert_eq!(found["data"][0]["detail"]["name"], "shown");
    assert_eq!(found["data"].as_array().unwrap().len(), 1);
    assert!(admin.get("/api/v1/audit?actor=nobody").await.expect(200).json()["data"].as_array().unwrap().is_empty());
    let verdict = admin.get("/api/v1/audit/verify").await.expect(200).json();
    assert_eq!(verdict["intact"], true, "{verdict}");
    let auditor = server.token("acme", "auditor", None).await;
    let seen = auditor.get(&format!("/api/v1/audit?target={id}")).await.expect(200).json();
    assert_eq!(seen["data"][0]["detail"], json!(null), "an auditor sees no personal detail");
}

async fn a_refused_change_leaves_no_trace(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    let before = admin.get("/api/v1/audit/verify").await.expect(200).json()["rows"].clone();
    admin.post("/api/v1/tokens", json!({"name": "x", "role": "nobody"})).await.expect(400);
    admin.post("/api/v1/tenants", json!({"slug": "x", "name": "x"})).await.expect(403);
    admin.delete("/api/v1/tokens/tok_01jd8r7c5tevzs9c1ghvzv3hkp").await.expect(404);
    assert_eq!(admin.get("/api/v1/audit/verify").await.expect(200).json()["rows"], before);
}

/// Whoever owns the database can lift its triggers.
async fn lift_triggers(server: &Server) {
    let statements: &[&str] = match server.db.engine_name() {
        "sqlite" => &["DROP TRIGGER audit_keeps", "DROP TRIGGER audit_stays"],
        _ => &["ALTER TABLE audit DISABLE TRIGGER USER"],
    };
    for statement in statements {
        sql(&server.db, server.tenant("acme").await, statement, &[]).await;
    }
}

async fn a_flipped_byte_is_found(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    for number in 0..5 {
        admin.post("/api/v1/tokens", json!({"name": format!("t{number}"), "role": "operator"})).await.expect(201);
    }
    let tenant = server.tenant("acme").await;
    lift_triggers(&server).await;
    let head = admin.get("/api/v1/audit/verify").await.expect(200).json()["head"].clone();
    let tampers = [
        ("UPDATE audit SET target = target || 'x' WHERE tenant = $1 AND seq = 3", 3),
        ("UPDATE audit SET at = at + 1 WHERE tenant = $1 AND seq = 2", 2),
        ("UPDATE audit_detail SET detail = '{}' WHERE tenant = $1 AND seq = 1", 1),
    ];
    for (statement, place) in tampers {
        sql(&server.db, tenant, statement, params![tenant]).await;
        let verdict = admin.get("/api/v1/audit/verify").await.expect(200).json();
        assert_eq!((verdict["intact"].as_bool(), verdict["broken"]["seq"].as_i64()), (Some(false), Some(place)), "{verdict}");
    }
    // What is erased as personal detail is no tampering; what is cut off at the end is.
    let globex = server.admin("globex").await;
    let other = server.tenant("globex").await;
    sql(&server.db, other, "DELETE FROM audit_detail WHERE tenant = $1", params![other]).await;
    assert_eq!(globex.get("/api/v1/audit/verify").await.expect(200).json()["intact"], true);
    sql(&server.db, other, "DELETE FROM audit WHERE tenant = $1 AND seq = 2", params![other]).await;
    assert_eq!(globex.get("/api/v1/audit/verify").await.expect(200).json()["intact"], false);
    assert!(head["seq"].as_i64().unwrap() > 5);
}

async fn a_saved_head_shows_a_rewritten_chain(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    let head = admin.get("/api/v1/audit/verify").await.expect(200).json()["head"].clone();
    let query = format!("/api/v1/audit/verify?seq={}&hash={}", head["seq"], head["hash"].as_str().unwrap());
    assert_eq!(admin.get(&query).await.expect(200).json()["intact"], true);
    let forged = query.replace("hash=", "hash=00").get(..query.len()).unwrap().to_owned();
    assert_eq!(admin.get(&forged).await.expect(200).json()["intact"], false);
    let beyond = format!("/api/v1/audit/verify?seq=999&hash={}", head["hash"].as_str().unwrap());
    assert_eq!(admin.get(&beyond).await.expect(200).json()["intact"], false);
    admin.get("/api/v1/audit/verify?seq=1").await.expect(400);
}

async fn rows_refuse_to_be_changed(engine: &Engine) {
    let server = spawn_server(engine).await;
    let tenant = server.tenant("acme").await;
    for statement in ["UPDATE audit SET target = 'x' WHERE tenant = $1", "DELETE FROM audit WHERE tenant = $1"] {
        let store = server.db.for_tenant(tenant);
        let tried: Result<u64, StoreError> =
            store.write(move |tx| Box::pin(async move { tx.execute(statement, params![tenant]).await })).await;
        assert!(tried.is_err(), "{statement}");
    }
}

on_both_engines!(
    changes_are_chained_and_shown,
    a_refused_change_leaves_no_trace,
    a_flipped_byte_is_found,
    a_saved_head_shows_a_rewritten_chain,
    rows_refuse_to_be_changed,
);
