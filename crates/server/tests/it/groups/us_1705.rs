//! US-1705: a request is let in by its signature over time and body, if it is at most five minutes off
//! and from an allowed network. Whatever is wrong, the answer is one and the same empty 401.

use hookswitch_server::app::COMPONENTS;
use http::Method;
use serde_json::json;

use super::{Team, knock, signature};
use crate::engines::{Engine, ambient};
use crate::harness::Answer;
use crate::on_both_engines;

#[track_caller]
fn refused(answer: &Answer) {
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (401, ""));
}

async fn a_signature_lets_in_what_it_signs_and_nothing_else(engine: &Engine) {
    let team = Team::open(engine).await;
    let (body, sender) = (json!({"externalId": "a", "name": "x"}).to_string(), team.line.server.stranger());
    let at = ambient().now().seconds().to_string();
    refused(&knock(&sender, &team.id, &at, &signature("", &at, body.as_bytes()), body.clone()).await);
    let key = team.key().await;
    let good = signature(&key, &at, body.as_bytes());
    let altered = body.replace("\"x\"", "\"y\"");
    let later = (ambient().now().seconds() + 1).to_string();
    let others = json!({"name": "Night shift", "owner_id": team.ann.id});
    let others = team.line.admin.post("/api/v1/groups", others).await.expect(201).id();
    for (group, at, signature, body) in [
        (&team.id, &at, &good, &altered),
        (&team.id, &later, &good, &body),
        (&team.id, &at, &signature("another secret", &at, body.as_bytes()), &body),
        (&team.id, &at, &signature(&key, "", body.as_bytes()), &body),
        (&team.id, &at, &String::new(), &body),
        (&others, &at, &good, &body),
        (&"grp_01jd8r7c5tevzs9c1ghvzv3hkp".to_owned(), &at, &good, &body),
        (&"no-group".to_owned(), &at, &good, &body),
    ] {
        refused(&knock(&sender, group, at, signature, body.clone()).await);
    }
    let path = format!("/api/integrations/inbound/{}/tasks", team.id);
    refused(&sender.with("content-type", "application/json").raw(Method::POST, &path, body.clone()).await);
    knock(&sender, &team.id, &at, &good, body).await.expect(201);
}

async fn five_minutes_either_way_are_allowed(engine: &Engine) {
    let team = Team::open(engine).await;
    let key = team.key().await;
    let body = json!({"externalId": "a", "name": "x"});
    // A second of ours may pass meanwhile: what has to be let in keeps some away from the edge.
    for seconds in [-280, 280, 0] {
        let answer = team.bring_at(&key, seconds, &body).await;
        assert!(answer.status.is_success(), "{seconds}: {}", answer.status);
    }
    for seconds in [-301, 320, -86_400] {
        refused(&team.bring_at(&key, seconds, &body).await);
    }
}

async fn a_network_list_holds_off_all_others_and_a_closed_door_everybody(engine: &Engine) {
    let team = Team::open(engine).await;
    let key = team.key().await;
    let body = json!({"externalId": "a", "name": "x"});
    let set = async |settings| team.admin.client.put(&team.path("/inbound"), settings).await.expect(200).json();
    let shown = set(json!({"ip_cidrs": ["192.0.2.0/24"]})).await;
    assert_eq!((&shown["ip_cidrs"], &shown["has_secret"]), (&json!(["192.0.2.0/24"]), &json!(true)));
    refused(&team.bring(&key, &body).await);
    set(json!({"ip_cidrs": ["192.0.2.0/24", "127.0.0.0/8", "::1/128"]})).await;
    team.bring(&key, &body).await.expect(201);
    assert_eq!(set(json!({"is_active": false})).await["ip_cidrs"].as_array().unwrap().len(), 3);
    refused(&team.bring(&key, &body).await);
    set(json!({"is_active": true, "ip_cidrs": []})).await;
    team.bring(&key, &body).await.expect(200);
}

async fn old_and_new_secret_let_in_until_the_overlap_is_over(engine: &Engine) {
    let team = Team::open(engine).await;
    let old = team.key().await;
    let body = json!({"externalId": "a", "name": "x"});
    let rotate = team.path("/inbound/rotate-secret");
    let rotated = team.admin.client.post(&rotate, json!({"overlap_seconds": 600})).await.expect(200).json();
    let fresh = rotated["secret"].as_str().unwrap();
    assert!(rotated["previous_secret_until"].is_string());
    for key in [old.as_str(), fresh] {
        assert!(team.bring(key, &body).await.status.is_success());
    }
    let ended = team.admin.client.send(Method::POST, &team.path("/inbound/finalize-rotation"), None).await.expect(200);
    assert_eq!(ended.json()["previous_secret_until"], json!(null));
    refused(&team.bring(&old, &body).await);
    team.bring(fresh, &body).await.expect(200);
    // Without an overlap the old one ends at once, and upkeep ends one that is over.
    let newest = team.admin.client.post(&rotate, json!({"overlap_seconds": 60})).await.expect(200).json();
    crate::accounts::upkeep_after(&team.line.server, 61).await;
    refused(&team.bring(fresh, &body).await);
    let newest = newest["secret"].as_str().unwrap();
    team.bring(newest, &body).await.expect(200);
    let last = team.key().await;
    refused(&team.bring(newest, &body).await);
    team.bring(&last, &body).await.expect(200);
    let kept = "SELECT count(*) FROM secret WHERE purpose = 'group_inbound' AND tenant = $1";
    let tenant = team.line.server.tenant("acme").await;
    let rows = crate::engines::sql(&team.line.server.db, tenant, kept, hookswitch_store::params![tenant]).await;
    assert_eq!(rows.into_iter().next().unwrap().get::<i64>(0).unwrap(), 1, "replaced secrets are deleted");
}

on_both_engines!(
    a_signature_lets_in_what_it_signs_and_nothing_else,
    five_minutes_either_way_are_allowed,
    a_network_list_holds_off_all_others_and_a_closed_door_everybody,
    old_and_new_secret_let_in_until_the_overlap_is_over,
);
