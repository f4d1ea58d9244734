//! A webhook's configuration: secrets once, rotation at once, and nothing that can't work is saved.

use hookswitch_server::app::COMPONENTS;
use http::Method;
use serde_json::json;

use super::{House, WEBHOOKS, Webhook, alert, alerts, delivery_id, mapping};
use crate::engines::{Engine, sql};
use crate::on_both_engines;

async fn a_secret_is_shown_once_and_kept_by_changes_that_name_none(engine: &Engine) {
    let house = House::open(engine).await;
    let keyed = house.admin.with("idempotency-key", "once");
    let made = keyed.post(WEBHOOKS, alerts(json!({}))).await.expect(201);
    let secret = made.json()["secret"].as_str().unwrap().to_owned();
    let again = keyed.post(WEBHOOKS, alerts(json!({}))).await.expect(201);
    assert_eq!(again.id(), made.id());
    let webhook = Webhook { id: made.id(), slug: "alerts".to_owned(), secret: secret.clone(), sender: house.server.stranger() };
    let answers = [
        again,
        house.admin.get(&webhook.api("")).await.expect(200),
        house.admin.get(WEBHOOKS).await.expect(200),
        house.admin.put(&webhook.api(""), alerts(json!({"name": "renamed"}))).await.expect(200),
        house.admin.get("/api/v1/audit").await.expect(200),
    ];
    for answer in &answers {
        assert!(!answer.text().contains(&secret) && !answer.text().contains("\"secret\""), "{}", answer.text());
    }
    assert_eq!(answers[3].json()["revision"], 2);
    webhook.post("k-1", &alert("x")).await.expect(200);
    house.admin.post(WEBHOOKS, alerts(json!({}))).await.expect(409);
    let other = json!({"type": "hmac_sha256", "signature_header": "X-Signature", "secret": "another secret, sixteen+"});
    house.admin.put(&webhook.api(""), alerts(json!({"auth_config": other}))).await.expect(200);
    webhook.post("k-2", &alert("x")).await.expect(401);
    let webhook = Webhook { secret: "another secret, sixteen+".to_owned(), ..webhook };
    webhook.post("k-2", &alert("x")).await.expect(200);
}

async fn a_rotated_secret_ends_the_old_one_at_once(engine: &Engine) {
    let house = House::open(engine).await;
    let old = house.webhook(alerts(json!({}))).await;
    old.post("k-1", &alert("x")).await.expect(200);
    let rotated = house.admin.send(Method::POST, &old.api("/rotate-secret"), None).await.expect(200).json();
    let new = Webhook { secret: rotated["secret"].as_str().unwrap().to_owned(), ..old.clone() };
    assert_ne!(new.secret, old.secret);
    old.post("k-2", &alert("x")).await.expect(401);
    new.post("k-2", &alert("x")).await.expect(200);
    assert_eq!(new.post("k-1", &alert("x")).await.expect(200).json()["duplicate"], true, "keys outlive secrets");
    let auth = json!({"type": "ip_allowlist", "ip_cidrs": ["127.0.0.1/32"]});
    let list = alerts(json!({"slug": "by-address", "auth_type": "ip_allowlist", "auth_config": auth}));
    let list = house.webhook(list).await;
    house.admin.send(Method::POST, &list.api("/rotate-secret"), None).await.expect(400);
    let rows =
        sql(&house.server.db, house.server.tenant("acme").await, "SELECT id FROM secret WHERE purpose = 'inbound_webhook'", &[]);
    assert_eq!(rows.await.len(), 1, "the old one is destroyed");
}

async fn a_deleted_webhook_answers_401_and_takes_its_log_out_of_sight(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = house.webhook(alerts(json!({}))).await;
    let id = delivery_id(&webhook.post("k-1", &alert("x")).await.expect(200));
    house.admin.delete(&webhook.api("")).await.expect(204);
    webhook.post("k-2", &alert("x")).await.expect(401);
    for path in [webhook.api(""), webhook.api("/deliveries"), webhook.api(&format!("/deliveries/{id}"))] {
        house.admin.get(&path).await.expect(404);
    }
    let tenant = house.server.tenant("acme").await;
    let kept = "SELECT delivery_id FROM inbound_webhook_deliveries WHERE dispatch_status = 'dispatched'";
    assert_eq!(sql(&house.server.db, tenant, kept, &[]).await.len(), 1, "what was received stays");
    let secrets = "SELECT id FROM secret WHERE purpose = 'inbound_webhook'";
    assert!(sql(&house.server.db, tenant, secrets, &[]).await.is_empty());
    // The slug is free again, and its old keys are nobody's.
    let next = house.webhook(alerts(json!({}))).await;
    assert!(house.log(&next).await.is_empty());
    assert_eq!(next.post("k-1", &alert("x")).await.expect(200).json()["duplicate"], json!(null));
    assert_eq!(house.tickets().await.len(), 2, "tickets stay");
}

async fn what_can_not_work_is_refused_by_field_when_it_is_saved(engine: &Engine) {
    let house = House::open(engine).await;
    let cases = [
        (json!({"slug": "Not A Slug"}), "slug"),
        (json!({"slug": "ninjaone"}), "slug"),
        (json!({"name": ""}), "name"),
        (json!({"description": "a\u{0}b"}), "description"),
        (json!({"auth_type": "bearer"}), "auth_type"),
        (json!({"auth_config": {"type": "hmac_sha256", "signature_header": "a b"}}), "auth_config.signature_header"),
        (json!({"auth_config": {"type": "hmac_sha256", "secret": "short"}}), "auth_config.secret"),
        (json!({"idempotency_window_seconds": 0}), "idempotency_window_seconds"),
        (json!({"rate_limit_per_minute": 0}), "rate_limit_per_minute"),
        (json!({"idempotency_source": {"type": "jsonata", "value": "alert.("}}), "idempotency_source.value"),
        (json!({"idempotency_source": {"type": "cookie", "value": "x"}}), "idempotency_source.type"),
        (json!({"handler_type": "workflow"}), "handler_type"),
        (json!({"handler_type": "workflow", "handler_config": {"type": "workflow", "workflow_id": "x"}}), "handler_type"),
        (json!({"handler_config": {"type": "direct_action"}}), "handler_config.action"),
        (json!({"handler_config": {"type": "direct_action", "rules": []}}), "handler_config.rules"),
        (
            json!({"handler_config": {"type": "direct_action", "rules": [
                {"when": "a =", "action": "createTicket", "field_mapping": {"title": "'x'"}}]}}),
            "handler_config.rules[0].when",
        ),
        (
            json!({"handler_config": {"type": "direct_action", "rules": [
                {"action": "createTicket", "field_mapping": {"title": "'x'"}},
                {"action": "createTicket", "field_mapping": {"title": "("}}]}}),
            "handler_config.rules[1].field_mapping.title",
        ),
        (json!({"split": "alerts["}), "split"),
        (json!({"mode": "later"}), "mode"),
        (json!({"ack": {"style": "text"}}), "ack.text"),
        (json!({"ack": {"style": "json", "text": "x"}}), "ack.text"),
        (json!({"aliases": ["former"]}), "aliases"),
        (json!({"slug": "zendesk"}), "slug"),
        (
            json!({"handler_config": {"type": "direct_action", "action": "eatTicket", "field_mapping": {}}}),
            "handler_config.action",
        ),
        (json!({"handler_config": mapping(json!({}))}), "handler_config.field_mapping.title"),
        (json!({"handler_config": mapping(json!({"title": "'x'", "colour": "'x'"}))}), "handler_config.field_mapping.colour"),
        (json!({"handler_config": mapping(json!({"title": "alert."}))}), "handler_config.field_mapping.title"),
        (
            json!({"handler_config": mapping(json!({"title": format!("'{}'", "x".repeat(8_192))}))}),
            "handler_config.field_mapping.title",
        ),
        (json!({"no_such_field": 1}), "no_such_field"),
    ];
    for (more, field) in cases {
        let problem = house.admin.post(WEBHOOKS, alerts(more.clone())).await.expect(400).json();
        let errors = problem["errors"].as_array().unwrap();
        assert!(errors.iter().any(|error| error["field"] == field), "{more}: {problem}");
    }
    let broken = alerts(json!({"handler_config": mapping(json!({"title": "alert.message &"}))}));
    let problem = house.admin.post(WEBHOOKS, broken.clone()).await.expect(400).json();
    assert!(problem["detail"].as_str().unwrap().contains("(at character "), "it names the place: {problem}");
    assert_eq!(house.admin.get(WEBHOOKS).await.expect(200).json()["data"], json!([]));
    let webhook = house.webhook(alerts(json!({}))).await;
    house.admin.put(&webhook.api(""), broken).await.expect(400);
    assert_eq!(house.admin.get(&webhook.api("")).await.expect(200).json()["revision"], 1);
    webhook.post("k-1", &alert("x")).await.expect(200);
}

on_both_engines!(
    a_secret_is_shown_once_and_kept_by_changes_that_name_none,
    a_rotated_secret_ends_the_old_one_at_once,
    a_deleted_webhook_answers_401_and_takes_its_log_out_of_sight,
    what_can_not_work_is_refused_by_field_when_it_is_saved,
);
