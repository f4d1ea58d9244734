//! What visitors see and do: their own part, and nothing of what stands beside it.

use hookswitch_server::app::COMPONENTS;
use http::Method;
use serde_json::{Value, json};

use super::{DELIVERIES, DESTINATIONS, OURS, SESSIONS, THEIRS, visitor, with_delivery};
use crate::engines::Engine;
use crate::harness::{Client, spawn_server};
use crate::on_both_engines;
use crate::surface::{document, operations};

/// Whether the document opens an operation to portals.
fn in_portals(document: &Value, method: &Method, path: &str) -> bool {
    document["paths"][path][method.as_str().to_lowercase()]["x-portal"] == true
}

async fn a_visitor_reaches_no_route_of_the_console_s(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    let guest = visitor(&server, &admin, json!({"group_id": OURS})).await;
    let (document, mut open) = (document(), 0);
    for operation in operations().iter().filter(|operation| operation.need != "public") {
        // Leaving would end the walk.
        if operation.name() == "DELETE /api/v1/session" {
            continue;
        }
        let path = operation.fill(&["usr_01jd8r7c5tevzs9c1ghvzv3hkp", "ind_01jd8r7c5tevzs9c1ghvzv3hkp"]);
        let answer = guest.send(operation.method.clone(), &path, operation.body.clone()).await;
        let marked = in_portals(&document, &operation.method, &operation.path);
        open += usize::from(marked);
        assert_eq!(answer.status != 403, marked, "{}: {} {}", operation.name(), answer.status, answer.text());
    }
    assert!(open > 20, "{open} operations are open to portals");
}

async fn a_visitor_finds_their_group_s_things_and_nobody_else_s(engine: &Engine) {
    let server = spawn_server(engine).await;
    let (admin, other) = (server.admin("acme").await, server.admin("globex").await);
    let (mine, my_delivery) = with_delivery(&admin, Some(OURS), "ours.made").await;
    let foreign = [
        with_delivery(&admin, Some(THEIRS), "theirs.made").await,
        with_delivery(&admin, None, "everybody.made").await,
        // The same group's id in another tenant is another group.
        with_delivery(&other, Some(OURS), "globex.made").await,
    ];
    let guest = visitor(&server, &admin, json!({"group_id": OURS})).await;
    for (list, own) in [(DESTINATIONS, &mine), (DELIVERIES, &my_delivery)] {
        let found = guest.get(&format!("{list}?limit=100")).await.expect(200).json();
        let ids: Vec<&str> = found["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
        assert_eq!(ids, [own.as_str()], "{list}");
    }
    let health = guest.get("/api/v1/integrations/health").await.expect(200).json();
    assert_eq!(health["active_destinations"], 1, "{health}");
    assert!(foreign.iter().all(|(destination, _)| !health.to_string().contains(destination)), "{health}");

    let document = document();
    for operation in operations().iter().filter(|operation| in_portals(&document, &operation.method, &operation.path)) {
        let of_delivery = operation.path.starts_with(&format!("{DELIVERIES}/{{"));
        if !of_delivery && !operation.path.starts_with(&format!("{DESTINATIONS}/{{")) {
            continue;
        }
        for (destination, delivery) in &foreign {
            let id = if of_delivery { delivery } else { destination };
            let body = match operation.path.ends_with("/preview") {
                true => Some(json!({"event": {"event_type": "a.b", "payload": 1}})),
                false => operation.body.clone(),
            };
            let answer = guest.send(operation.method.clone(), &operation.fill(&[id]), body).await;
            assert_eq!(answer.status, 404, "{}: {}", operation.name(), answer.text());
        }
    }
    for (destination, _) in &foreign {
        let found = guest.get(&format!("{DELIVERIES}?destination_id={destination}")).await.expect(200).json();
        assert_eq!(found["data"], json!([]), "{destination}");
    }
    // What was theirs still is, unharmed.
    admin.get(&format!("{DESTINATIONS}/{}", foreign[0].0)).await.expect(200);
    let request = guest.get(&format!("{DELIVERIES}/{my_delivery}/request")).await.expect(200).json();
    assert_eq!(request["payload"]["marker"], "ours.made");
}

async fn filters_by_state_and_event_stay_within_the_group(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    let mut held = Vec::new();
    for group in [OURS, THEIRS] {
        let body = json!({"name": group, "endpoint_url": "https://hooks.invalid/h", "event_types": ["both.*"], "group_id": group, "enabled": false});
        held.push(admin.post(DESTINATIONS, body).await.expect(201).id());
        let event = json!({"event_type": "both.made", "payload": {}, "group_id": group});
        held.push(admin.post("/api/v1/events", event).await.expect(202).json()["event_id"].as_str().unwrap().to_owned());
    }
    let guest = visitor(&server, &admin, json!({"group_id": OURS})).await;
    let count = async |query: &str| {
        let list = guest.get(&format!("{DELIVERIES}?{query}")).await.expect(200).json();
        list["data"].as_array().unwrap().iter().filter(|row| row["destination_id"] == held[0].as_str()).count()
            + 100 * list["data"].as_array().unwrap().iter().filter(|row| row["destination_id"] != held[0].as_str()).count()
    };
    assert_eq!(count("state=parked").await, 1);
    assert_eq!(count("state=cancelled").await, 0);
    assert_eq!(count(&format!("event_id={}", held[1])).await, 1);
    assert_eq!(count(&format!("event_id={}", held[3])).await, 0);
}

async fn a_whole_tenant_s_portal_sees_all_of_that_tenant(engine: &Engine) {
    let server = spawn_server(engine).await;
    let (admin, other) = (server.admin("acme").await, server.admin("globex").await);
    with_delivery(&admin, Some(OURS), "ours.made").await;
    with_delivery(&admin, None, "everybody.made").await;
    let (foreign, _) = with_delivery(&other, None, "globex.made").await;
    let guest = visitor(&server, &admin, json!({})).await;
    assert_eq!(guest.get(DESTINATIONS).await.expect(200).json()["data"].as_array().unwrap().len(), 2);
    assert_eq!(guest.get(DELIVERIES).await.expect(200).json()["data"].as_array().unwrap().len(), 2);
    guest.get(&format!("{DESTINATIONS}/{foreign}")).await.expect(404);
    guest.with("x-tenant", "globex").get(DESTINATIONS).await.expect(403);
}

/// What a visitor hears: made, or refused.
async fn make(guest: &Client, body: Value) -> u16 {
    guest.post(DESTINATIONS, body).await.status.as_u16()
}

async fn access_decides_what_may_be_done(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    let (destination, delivery) = with_delivery(&admin, Some(OURS), "ours.made").await;
    let new = json!({"name": "new", "endpoint_url": "https://hooks.invalid/new"});
    for (access, replays, manages) in [("read", false, false), ("replay", true, false), ("manage", true, true)] {
        let guest = visitor(&server, &admin, json!({"group_id": OURS, "access": access})).await;
        guest.get(&format!("{DELIVERIES}/{delivery}/attempts")).await.expect(200);
        guest.get("/api/v1/event-types").await.expect(200);
        let replay = guest.post(&format!("{DELIVERIES}/{delivery}/replay"), json!({})).await.status;
        assert_eq!(replay != 403, replays, "{access} replays: {replay}");
        assert_eq!(make(&guest, new.clone()).await == 201, manages, "{access} creates");
        for verb in ["pause", "resume", "test"] {
            let status = guest.send(Method::POST, &format!("{DESTINATIONS}/{destination}/{verb}"), None).await.status;
            assert_eq!(status.is_success(), manages, "{access} {verb}: {status}");
        }
        let rotate = guest.post(&format!("{DESTINATIONS}/{destination}/rotate-secret"), json!({})).await;
        assert_eq!(rotate.status == 200, manages, "{access} rotates: {}", rotate.text());
    }
}

async fn a_visitor_s_destination_belongs_to_their_group_and_stays_there(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    let guest = visitor(&server, &admin, json!({"group_id": OURS})).await;
    let new = |more: Value| crate::outbound::merged(json!({"name": "n", "endpoint_url": "https://hooks.invalid/n"}), more);
    let made = guest.post(DESTINATIONS, new(json!({}))).await.expect(201).json();
    assert_eq!(made["group_id"], OURS);
    let path = format!("{DESTINATIONS}/{}", made["id"].as_str().unwrap());
    for (body, field) in [(json!({"group_id": THEIRS}), "group_id"), (json!({"group_id": null}), "group_id")] {
        assert_eq!(guest.patch(&path, body).await.expect(400).json()["errors"][0]["field"], field);
    }
    assert_eq!(make(&guest, new(json!({"group_id": THEIRS}))).await, 400);
    assert_eq!(make(&guest, new(json!({"adapter_type": "slack"}))).await, 400);
    guest.patch(&path, json!({"name": "renamed", "event_types": ["a.*"]})).await.expect(200);
    let trail = admin.get("/api/v1/audit?action=destination.changed").await.expect(200).json();
    assert!(trail["data"][0]["actor"].as_str().unwrap().starts_with("portal:psn_"), "{trail}");
    guest.delete(&path).await.expect(204);
}

async fn a_visitor_takes_neither_the_host_s_credentials_nor_what_it_keeps_back(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    let credential = json!({"name": "key", "type": "secret", "value": "a secret of 16 or more"});
    let credential = admin.post("/api/v1/integrations/credentials", credential).await.expect(201).id();
    let body = json!({"name": "n", "endpoint_url": "https://hooks.invalid/n", "group_id": OURS, "credential_id": credential,
        "payload_fields": ["public"], "event_types": ["kept.*"]});
    let destination = admin.post(DESTINATIONS, body).await.expect(201).id();
    admin
        .post("/api/v1/events", json!({"event_type": "kept.back", "group_id": OURS, "payload": {"public": 1, "cost": 2}}))
        .await
        .expect(202);
    let guest = visitor(&server, &admin, json!({"group_id": OURS})).await;
    let path = format!("{DESTINATIONS}/{destination}");
    for (change, field) in [
        (json!({"endpoint_url": "https://evil.invalid/x"}), "endpoint_url"),
        (json!({"settings": {}}), "endpoint_url"),
        (json!({"credential_id": null}), "credential_id"),
        (json!({"payload_fields": []}), "payload_fields"),
        (json!({"payload_fields": ["public", "cost"]}), "payload_fields"),
    ] {
        let problem = guest.patch(&path, change.clone()).await.expect(400).json();
        assert_eq!(problem["errors"][0]["field"], field, "{change}");
    }
    let own = json!({"name": "own", "endpoint_url": "https://hooks.invalid/own", "credential_id": credential});
    assert_eq!(make(&guest, own).await, 400);
    let list = guest.get(&format!("{DELIVERIES}?destination_id={destination}")).await.expect(200).json();
    let delivery = list["data"][0]["id"].as_str().unwrap();
    let request = guest.get(&format!("{DELIVERIES}/{delivery}/request")).await.expect(200).json();
    assert_eq!(request["payload"], json!({"public": 1}), "the portal shows what leaves, and no more");
}

async fn portals_don_t_hear_each_other_s_idempotent_answers(engine: &Engine) {
    let server = spawn_server(engine).await;
    let admin = server.admin("acme").await;
    let body = json!({"name": "n", "endpoint_url": "https://hooks.invalid/n"});
    let mut ids = Vec::new();
    for group in [OURS, THEIRS] {
        let guest = visitor(&server, &admin, json!({"group_id": group})).await.with("idempotency-key", "same");
        ids.push(guest.post(DESTINATIONS, body.clone()).await.expect(201).id());
        assert_eq!(guest.post(DESTINATIONS, body.clone()).await.expect(201).id(), ids[ids.len() - 1]);
    }
    assert_ne!(ids[0], ids[1]);
    admin.get(SESSIONS).await.expect(200);
}

on_both_engines!(
    a_visitor_reaches_no_route_of_the_console_s,
    a_visitor_finds_their_group_s_things_and_nobody_else_s,
    filters_by_state_and_event_stay_within_the_group,
    a_whole_tenant_s_portal_sees_all_of_that_tenant,
    access_decides_what_may_be_done,
    a_visitor_s_destination_belongs_to_their_group_and_stays_there,
    a_visitor_takes_neither_the_host_s_credentials_nor_what_it_keeps_back,
    portals_don_t_hear_each_other_s_idempotent_answers,
);
