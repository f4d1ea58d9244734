//! Asynchronous webhooks: the answer first, then a worker, with retries and dead letters; and
//! webhooks that are switched off because their handler keeps failing.

use hookswitch_server::app::COMPONENTS;
use hookswitch_store::params;
use serde_json::{Value, json};

use super::{House, Webhook, alert, alerts, delivery_id, mapping};
use crate::engines::{Engine, sql};
use crate::harness::spawn_with;
use crate::on_both_engines;
use crate::receiver::until;

async fn ended(house: &House, webhook: &Webhook, id: &str) -> Value {
    until("its end", || async {
        let row = house.logged(webhook, id).await;
        (row["dispatch_status"] != "pending").then_some(row)
    })
    .await
}

async fn an_asynchronous_webhook_answers_first_and_works_later(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = house.webhook(alerts(json!({"mode": "async", "ack": {"style": "accepted"}}))).await;
    let answer = webhook.post("k-1", &alert("later")).await.expect(202);
    let id = delivery_id(&answer);
    let row = ended(&house, &webhook, &id).await;
    assert_eq!(
        (&row["dispatch_status"], &row["response_status"], &row["retry_count"]),
        (&json!("dispatched"), &json!(202), &json!(0))
    );
    assert_eq!(house.tickets().await[0]["title"], "later");
    assert_eq!(webhook.post("k-1", &alert("later")).await.expect(202).json(), json!({"delivery_id": id, "duplicate": true}));
    // What can never be done is given up at once; its sender has gone away content.
    let broken = mapping(json!({"title": "alert.nothing"}));
    let failing = house.webhook(alerts(json!({"slug": "failing", "mode": "async", "handler_config": broken}))).await;
    let id = delivery_id(&failing.post("k-1", &alert("x")).await.expect(200));
    let row = ended(&house, &failing, &id).await;
    assert_eq!((&row["dispatch_status"], &row["handler_outcome"]["code"]), (&json!("failed"), &json!("mapping_failed")));
    let dead = house.admin.get("/api/v1/inbound-webhooks/dead-letters").await.expect(200).json();
    assert_eq!(dead["data"].as_array().unwrap().len(), 1);
    assert_eq!((&dead["data"][0]["id"], dead["data"][0]["dead_lettered_at"].is_string()), (&json!(id), true));
    // Once the mapping is repaired, a replay takes it off the list.
    house.admin.put(&failing.api(""), alerts(json!({"slug": "failing", "mode": "async"}))).await.expect(200);
    house.admin.post(&failing.api(&format!("/deliveries/{id}/replay")), json!({})).await.expect(202);
    let dead = house.admin.get("/api/v1/inbound-webhooks/dead-letters").await.expect(200).json();
    assert_eq!(dead["data"], json!([]));
    assert_eq!(house.tickets().await.len(), 2);
}

/// Whoever asks for the news of dead letters by name hears of those of this line too; nobody else does.
async fn what_is_given_up_is_news_for_whoever_asks_for_it(engine: &Engine) {
    let house = House::of(spawn_with(engine, &[("egress.allow_cidrs", r#"["127.0.0.1/32"]"#)]).await).await;
    let broken = mapping(json!({"title": "alert.nothing"}));
    let webhook = house.webhook(alerts(json!({"mode": "async", "handler_config": broken}))).await;
    let told = async || house.admin.get("/api/v1/events").await.expect(200).json()["data"].as_array().unwrap().clone();
    let id = delivery_id(&webhook.post("k-1", &alert("x")).await.expect(200));
    ended(&house, &webhook, &id).await;
    assert_eq!(told().await.len(), 0, "nobody asked");
    let name = "integration.inbound_delivery.dead_lettered";
    let destination = json!({"name": "news", "endpoint_url": "http://127.0.0.1:9/hook", "event_types": [name]});
    house.admin.post("/api/v1/integrations/destinations", destination).await.expect(201);
    let id = delivery_id(&webhook.post("k-2", &alert("x")).await.expect(200));
    ended(&house, &webhook, &id).await;
    let told = told().await;
    assert_eq!((told.len(), &told[0]["event_type"]), (1, &json!(name)));
    assert_eq!((&told[0]["payload"]["inbound_delivery_id"], &told[0]["payload"]["code"]), (&json!(id), &json!("mapping_failed")));
    assert_eq!(told[0]["causation_id"], json!(id));
}

async fn a_record_that_comes_later_is_waited_for(engine: &Engine) {
    let house = House::open(engine).await;
    let fields = json!({"title": "alert.message", "client_external_id": "$string(alert.id)"});
    let webhook = house.webhook(alerts(json!({"mode": "async", "handler_config": mapping(fields)}))).await;
    let id = delivery_id(&webhook.post("k-1", &alert("x")).await.expect(200));
    let row = until("the first try", || async {
        let row = house.logged(&webhook, &id).await;
        (row["handler_outcome"]["code"] == "lookup_miss").then_some(row)
    });
    assert_eq!(row.await["dispatch_status"], "pending");
    let client = house.admin.post("/api/v1/clients", json!({"client_name": "Customer 17"})).await.expect(201).id();
    let link = json!({
        "integration_type": "alerts", "alga_entity_type": "client", "alga_entity_id": client, "external_entity_id": "17"
    });
    house.admin.post("/api/v1/external-mappings", link).await.expect(201);
    let tenant = house.server.tenant("acme").await;
    sql(&house.server.db, tenant, "UPDATE inbound_due SET next_at = now_ms() WHERE tenant = $1", params![tenant]).await;
    let row = ended(&house, &webhook, &id).await;
    assert_eq!((&row["dispatch_status"], &row["retry_count"]), (&json!("dispatched"), &json!(1)));
    // Who never comes is given up after the last try.
    let webhook = house
        .webhook(alerts(json!({"slug": "other", "mode": "async",
        "handler_config": mapping(json!({"title": "'x'", "client_external_id": "'nobody'"}))})))
        .await;
    let id = delivery_id(&webhook.post("k-1", &alert("x")).await.expect(200));
    until("the first try", || async {
        (house.logged(&webhook, &id).await["handler_outcome"]["code"] == "lookup_miss").then_some(())
    })
    .await;
    sql(&house.server.db, tenant, "UPDATE inbound_due SET next_at = now_ms(), tries = 8 WHERE tenant = $1", params![tenant])
        .await;
    let row = ended(&house, &webhook, &id).await;
    assert_eq!((&row["dispatch_status"], row["dead_lettered_at"].is_string()), (&json!("failed"), true), "{row}");
}

async fn a_handler_that_fails_for_a_day_switches_its_webhook_off(engine: &Engine) {
    let house = House::open(engine).await;
    let missing = mapping(json!({"title": "'x'", "client_external_id": "alert.message"}));
    let webhook = house.webhook(alerts(json!({"handler_config": missing, "idempotency_source": null}))).await;
    let tenant = house.server.tenant("acme").await;
    let long = "UPDATE inbound_webhooks SET failures = 18, failing_since = failing_since - 90000000 WHERE tenant = $1";
    webhook.post("", &alert("nobody")).await.expect(422);
    let shown = house.admin.get(&webhook.api("")).await.expect(200).json();
    assert!(shown["failing_since"].is_string() && shown["is_active"] == true, "{shown}");
    sql(&house.server.db, tenant, long, params![tenant]).await;
    // What the mapping can't read says nothing about the handler.
    webhook.post("", r#"{"alert": {"message": {}}}"#).await.expect(400);
    webhook.post("", &alert("nobody")).await.expect(422);
    assert_eq!(house.admin.get(&webhook.api("")).await.expect(200).json()["is_active"], true, "nineteen are too few");
    webhook.post("", &alert("nobody")).await.expect(422);
    let shown = house.admin.get(&webhook.api("")).await.expect(200).json();
    assert!(shown["is_active"] == false && shown["auto_disabled_at"].is_string(), "{shown}");
    webhook.post("", &alert("nobody")).await.expect(401);
    let trail = house.admin.get("/api/v1/audit?action=inbound_webhook.disabled").await.expect(200).json();
    assert_eq!(trail["data"][0]["target"], json!(webhook.id));
    let events = house.admin.get("/api/v1/events").await.expect(200).json();
    assert_eq!(events["data"][0]["event_type"], "integration.inbound_webhook.disabled", "{events}");
    let shown = house.admin.patch(&webhook.api(""), json!({"is_active": true})).await.expect(200).json();
    assert_eq!((&shown["auto_disabled_at"], &shown["failing_since"]), (&Value::Null, &Value::Null), "it begins anew");
}

async fn a_success_ends_a_row_of_failures(engine: &Engine) {
    let house = House::open(engine).await;
    let mapped = mapping(json!({"title": "'x'", "client_external_id": "alert.id = 17 ? 'nobody' : ''"}));
    let webhook = house.webhook(alerts(json!({"handler_config": mapped, "idempotency_source": null}))).await;
    webhook.post("", &alert("x")).await.expect(422);
    assert!(house.admin.get(&webhook.api("")).await.expect(200).json()["failing_since"].is_string());
    webhook.post("", r#"{"alert": {"id": 1}}"#).await.expect(200);
    assert_eq!(house.admin.get(&webhook.api("")).await.expect(200).json()["failing_since"], Value::Null);
}

async fn the_log_is_narrowed_and_searched(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = house.webhook(alerts(json!({}))).await;
    for number in 0..5 {
        webhook.post(&format!("key_{number}"), &alert("x")).await.expect(200);
    }
    webhook.post("keyx3", &alert("x")).await.expect(200);
    webhook.post("key_0", &alert("x")).await.expect(200);
    webhook.post("bad", "{").await.expect(400);
    let count = async |query: &str| {
        let list = house.admin.get(&webhook.api(&format!("/deliveries?{query}"))).await.expect(200).json();
        list["data"].as_array().unwrap().len()
    };
    assert_eq!(count("status=duplicate").await, 1);
    assert_eq!(count("status=failed").await, 1);
    assert_eq!(count("search=KEY_3").await, 1, "a letter that is a wildcard elsewhere");
    assert_eq!(count("search=ticket").await, 6);
    assert_eq!(count("search=100%25").await, 0);
    assert_eq!(count("auth_status=verified&is_replay=false&dead_lettered=false").await, 8);
    let page = house.admin.get(&webhook.api("/deliveries?limit=3&status=dispatched")).await.expect(200).json();
    let next = format!("/deliveries?limit=100&status=dispatched&cursor={}", page["next_cursor"].as_str().unwrap());
    let rest = house.admin.get(&webhook.api(&next)).await.expect(200).json();
    assert_eq!(rest["data"].as_array().unwrap().len(), 3);
    house.admin.get(&webhook.api("/deliveries?status=lost")).await.expect(400);
}

on_both_engines!(
    an_asynchronous_webhook_answers_first_and_works_later,
    what_is_given_up_is_news_for_whoever_asks_for_it,
    a_record_that_comes_later_is_waited_for,
    a_handler_that_fails_for_a_day_switches_its_webhook_off,
    a_success_ends_a_row_of_failures,
    the_log_is_narrowed_and_searched,
);
