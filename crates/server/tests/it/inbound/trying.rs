//! Trying a webhook out: samples, previews, tests and replays. Only tests and replays do anything.

use hookswitch_server::app::COMPONENTS;
use hookswitch_store::params;
use http::Method;
use serde_json::{Value, json};

use super::{House, alert, alerts, delivery_id, mapping};
use crate::engines::{Engine, sql};
use crate::on_both_engines;

async fn a_preview_names_every_field_and_does_nothing(engine: &Engine) {
    let house = House::open(engine).await;
    let fields = json!({"title": "alert.message", "priority_id": "alert.id", "description": "alert.(", "external_id": "$string(alert.id)"});
    let webhook = house.webhook(alerts(json!({"idempotency_source": {"type": "jsonata", "value": "alert.id"}}))).await;
    let ask = json!({"body": {"alert": {"id": 17, "message": "disk full"}}, "handler_config": mapping(fields)});
    let shown = house.admin.post(&webhook.api("/preview"), ask).await.expect(200).json();
    let field = |name: &str| {
        let found = shown["fields"].as_array().unwrap().iter().find(|field| field["name"] == name);
        found.unwrap_or_else(|| panic!("no {name}: {shown}")).clone()
    };
    assert_eq!((&field("title")["value"], &field("title")["type"]), (&json!("disk full"), &json!("string")));
    assert_eq!((&field("title")["expression"], &field("title")["required"]), (&json!("alert.message"), &json!(true)));
    assert_eq!(field("priority_id")["error"]["code"], "invalid_type");
    assert!(field("description")["error"]["position"].as_u64().unwrap() > 0, "{shown}");
    assert_eq!((&shown["action"], &shown["idempotency_key"]), (&json!("createTicket"), &json!("17")));
    assert_eq!((&shown["effect"]["kind"], &shown["effect"]["code"]), (&json!("refused"), &json!("mapping_failed")));
    // What would work says what it would come to; and nothing of it is there.
    let body = json!({"body": {"alert": {"id": 17, "message": "disk full"}}});
    let shown = house.admin.post(&webhook.api("/preview"), body.clone()).await.expect(200).json();
    let effect = &shown["effect"];
    assert_eq!((&effect["kind"], &effect["result"]), (&json!("done"), &json!("created")), "{shown}");
    assert_eq!((&effect["entity_type"], &effect["entity_id"]), (&json!("ticket"), &Value::Null));
    let missing = mapping(json!({"title": "'x'", "client_external_id": "'nobody'"}));
    let ask = json!({"body": {}, "handler_config": missing});
    let effect = house.admin.post(&webhook.api("/preview"), ask).await.expect(200).json()["effect"].clone();
    assert_eq!((&effect["status"], &effect["code"]), (&json!(422), &json!("lookup_miss")));
    assert!(house.tickets().await.is_empty() && house.log(&webhook).await.is_empty());
    let events = house.admin.get("/api/v1/events").await.expect(200).json();
    assert_eq!(events["data"], json!([]), "nothing was published either");
    let text = json!({"body": "<alert><message>full</message></alert>", "content_type": "text/xml"});
    let shown = house.admin.post(&webhook.api("/preview"), text).await.expect(200).json();
    assert_eq!(shown["fields"][0]["value"], "full");
    for (ask, field) in [
        (json!({}), "body"),
        (json!({"body": 1, "content_type": "text/xml"}), "body"),
        (json!({"body": "x", "content_type": "image/png"}), "content_type"),
        (json!({"delivery_id": "ind_01jd8r7c5tevzs9c1ghvzv3hkp"}), "delivery_id"),
        (json!({"body": {}, "handler_config": {"type": "workflow", "workflow_id": "x"}}), "handler_type"),
    ] {
        let problem = house.admin.post(&webhook.api("/preview"), ask.clone()).await.expect(400).json();
        assert_eq!(problem["errors"][0]["field"], field, "{ask}: {problem}");
    }
}

async fn a_sample_is_the_first_request_that_verifies_and_lies_sealed(engine: &Engine) {
    let house = House::open(engine).await;
    let unfinished = alerts(json!({"handler_type": null, "handler_config": null}));
    let webhook = house.webhook(unfinished).await;
    let path = webhook.api("/capture-sample");
    webhook.post("k-0", &alert("before")).await.expect(200);
    let waiting = house.admin.send(Method::POST, &path, None).await.expect(200).json();
    assert!(waiting["expires_at"].is_string());
    webhook.signed(b"other").raw(Method::POST, &webhook.path(), alert("a stranger's")).await.expect(401);
    let private = json!({"alert": {"message": "first", "from": "ann@example.com"}}).to_string();
    webhook.post("k-1", &private).await.expect(200);
    webhook.post("k-2", &alert("second")).await.expect(200);
    let shown = house.admin.get(&path).await.expect(200).json();
    assert_eq!(shown["document"], json!({"alert": {"message": "first", "from": "***@***"}}), "{shown}");
    assert_eq!((&shown["masked"], &shown["capture_expires_at"]), (&json!(true), &Value::Null));
    assert!(shown["headers"].get("x-signature").is_none() && shown["headers"]["x-id"] == "k-1", "{shown}");
    let revealed = house.admin.get(&format!("{path}?reveal=true")).await.expect(200).json();
    assert_eq!(revealed["document"]["alert"]["from"], "ann@example.com");
    let trail = house.admin.get("/api/v1/audit?action=inbound_webhook.sample_revealed").await.expect(200).json();
    assert_eq!(trail["data"].as_array().unwrap().len(), 1);
    let tenant = house.server.tenant("acme").await;
    let samples = "SELECT id FROM secret WHERE purpose = 'inbound_sample'";
    assert_eq!(sql(&house.server.db, tenant, samples, &[]).await.len(), 1);
    // A preview needs nothing more than that, and a saved mapping follows from it.
    let ask = json!({"handler_config": mapping(json!({"title": "alert.message"}))});
    let preview = house.admin.post(&webhook.api("/preview"), ask).await.expect(200).json();
    assert_eq!(preview["fields"][0]["value"], "first");
    // The next window's request takes its place; an old window takes none.
    house.admin.send(Method::POST, &path, None).await.expect(200);
    webhook.post("k-3", &alert("third")).await.expect(200);
    assert_eq!(house.admin.get(&path).await.expect(200).json()["document"], json!({"alert": {"id": 17, "message": "third"}}));
    assert_eq!(sql(&house.server.db, tenant, samples, &[]).await.len(), 1, "the first one is gone");
    house.admin.send(Method::POST, &path, None).await.expect(200);
    let over = "UPDATE inbound_webhooks SET sample_capture_expires_at = $1 WHERE tenant = $2";
    sql(&house.server.db, tenant, over, params![1i64, tenant]).await;
    webhook.post("k-4", &alert("too late")).await.expect(200);
    assert_eq!(house.admin.get(&path).await.expect(200).json()["document"]["alert"]["message"], "third");
    house.admin.delete(&path).await.expect(204);
    assert_eq!(house.admin.get(&path).await.expect(200).json()["captured_at"], Value::Null);
    assert!(sql(&house.server.db, tenant, samples, &[]).await.is_empty());
}

async fn a_test_does_what_a_senders_request_would_and_uses_no_key_up(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = house.webhook(alerts(json!({}))).await;
    let ask = json!({"body": {"alert": {"message": "a drill"}}, "headers": {"X-Id": "k-1", "Authorization": "Bearer hush"}});
    let tested = house.admin.post(&webhook.api("/test"), ask.clone()).await.expect(200).json();
    let row = &tested["delivery"];
    assert_eq!(
        (&row["dispatch_status"], &row["is_test"], &row["response_status"]),
        (&json!("dispatched"), &json!(true), &json!(200))
    );
    assert!(!tested.to_string().contains("hush"), "{tested}");
    assert_eq!(house.tickets().await[0]["title"], "a drill");
    house.admin.post(&webhook.api("/test"), ask).await.expect(200);
    webhook.post("k-1", &alert("real")).await.expect(200);
    assert_eq!(house.tickets().await.len(), 3);
    let failing = house.admin.post(&webhook.api("/test"), json!({"body": {}})).await.expect(200).json();
    assert_eq!(
        (&failing["delivery"]["dispatch_status"], &failing["delivery"]["response_status"]),
        (&json!("failed"), &json!(400))
    );
    house.admin.patch(&webhook.api(""), json!({"is_active": false})).await.expect(200);
    assert_eq!(house.admin.post(&webhook.api("/test"), json!({"body": {}})).await.expect(409).code(), "inactive");
    webhook.post("k-9", &alert("x")).await.expect(401);
}

async fn a_replay_is_a_new_delivery_with_the_configuration_that_is_asked_for(engine: &Engine) {
    let house = House::open(engine).await;
    let broken = alerts(json!({"handler_config": mapping(json!({"title": "alert.no_such_field"}))}));
    let webhook = house.webhook(broken).await;
    let failed = delivery_id(&webhook.post("k-1", &alert("disk full")).await.expect(400));
    house.admin.put(&webhook.api(""), alerts(json!({}))).await.expect(200);
    let path = webhook.api(&format!("/deliveries/{failed}/replay"));
    // First what it would come to, now and then.
    let shown = house.admin.get(&format!("{path}-preview")).await.expect(200).json();
    assert_eq!((&shown["dispatch_status"], &shown["handler_outcome"]["code"]), (&json!("failed"), &json!("mapping_failed")));
    assert_eq!(shown["differences"], json!(["fields.title", "effect"]), "{shown}");
    assert_eq!(
        (&shown["current"]["fields"][0]["value"], &shown["current"]["effect"]["result"]),
        (&json!("disk full"), &json!("created"))
    );
    assert_eq!(shown["original"]["fields"][0]["error"]["code"], "required");
    assert!(house.tickets().await.is_empty(), "nothing was done");
    let keyed = house.admin.with("idempotency-key", "once");
    let replayed = keyed.post(&path, json!({})).await.expect(202).json();
    assert_eq!(replayed["replayed_from"], json!(failed));
    let id = replayed["delivery_id"].as_str().unwrap();
    let row = house.logged(&webhook, id).await;
    assert_eq!(
        (&row["is_replay"], &row["replayed_from"], &row["dispatch_status"]),
        (&json!(true), &json!(failed), &json!("dispatched"))
    );
    assert_eq!(house.tickets().await.len(), 1);
    // The same request of the same person again is not another replay; a person who asks anew gets one.
    let repeated = keyed.post(&path, json!({})).await.expect(202);
    assert_eq!((repeated.header("idempotency-replayed"), repeated.json()["delivery_id"].clone()), ("true", json!(id)));
    assert_eq!(house.tickets().await.len(), 1);
    // Its sender's retry is a duplicate of the replay.
    assert_eq!(webhook.post("k-1", &alert("disk full")).await.expect(200).json(), json!({"delivery_id": id, "duplicate": true}));
    let original = house.admin.post(&path, json!({"config": "original"})).await.expect(202).json();
    let row = house.logged(&webhook, original["delivery_id"].as_str().unwrap()).await;
    assert_eq!((&row["dispatch_status"], &row["revision"]), (&json!("failed"), &json!(1)), "as it was then");
    house.admin.post(&path, json!({})).await.expect(202);
    assert_eq!(house.tickets().await.len(), 2, "whoever asks again gets it again");
}

async fn what_can_not_be_replayed_says_why(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = house.webhook(alerts(json!({}))).await;
    webhook.signed(b"other").raw(Method::POST, &webhook.path(), alert("x")).await.expect(401);
    let rejected = crate::receiver::until("the refusal in the log", || async {
        house.log(&webhook).await.first().map(|row| row["id"].as_str().unwrap().to_owned())
    });
    let rejected = rejected.await;
    let code = async |id: &str| {
        let path = webhook.api(&format!("/deliveries/{id}/replay"));
        house.admin.post(&path, json!({})).await.expect(409).code()
    };
    assert_eq!(code(&rejected).await, "rejected");
    let unreadable = delivery_id(&webhook.post("", "{").await.expect(400));
    assert_eq!(code(&unreadable).await, "invalid_json");
    let done = delivery_id(&webhook.post("", &alert("x")).await.expect(200));
    let tenant = house.server.tenant("acme").await;
    sql(&house.server.db, tenant, "UPDATE inbound_webhook_deliveries SET body_bytes = 5000 WHERE tenant = $1", params![tenant])
        .await;
    assert_eq!(code(&done).await, "body_purged");
    assert_eq!(house.logged(&webhook, &done).await["request_body_bytes"], 5000);
    sql(&house.server.db, tenant, "UPDATE inbound_webhook_deliveries SET body_bytes = NULL WHERE tenant = $1", params![tenant])
        .await;
    house.admin.patch(&webhook.api(""), json!({"is_active": false})).await.expect(200);
    assert_eq!(code(&done).await, "inactive");
    let list = house.admin.get("/api/v1/inbound-webhooks/rejected").await.expect(200).json();
    assert_eq!((list["data"].as_array().unwrap().len(), &list["data"][0]["id"]), (1, &json!(rejected)));
}

on_both_engines!(
    a_preview_names_every_field_and_does_nothing,
    a_sample_is_the_first_request_that_verifies_and_lies_sealed,
    a_test_does_what_a_senders_request_would_and_uses_no_key_up,
    a_replay_is_a_new_delivery_with_the_configuration_that_is_asked_for,
    what_can_not_be_replayed_says_why,
);
