//! Another slug: the external mappings go along, and the old URL leads to the webhook until it is removed.

use hookswitch_server::app::COMPONENTS;
use serde_json::json;

use super::{House, WEBHOOKS, Webhook, alert, alerts, mapping};
use crate::engines::Engine;
use crate::on_both_engines;

async fn a_renamed_webhook_keeps_its_mappings_and_answers_under_both_names(engine: &Engine) {
    let house = House::open(engine).await;
    let fields = json!({"title": "alert.message", "external_id": "$string(alert.id)"});
    let handler = json!({"handler_config": mapping(fields), "idempotency_source": null});
    let old = house.webhook(alerts(handler.clone())).await;
    old.post("", &alert("first")).await.expect(200);
    let moved = crate::outbound::merged(handler, json!({"slug": "moved"}));
    let shown = house.admin.put(&old.api(""), alerts(moved.clone())).await.expect(200).json();
    assert!(shown["url"].as_str().unwrap().ends_with("/acme/moved"), "{shown}");
    assert_eq!((&shown["aliases"][0]["slug"], shown["aliases"].as_array().unwrap().len()), (&json!("alerts"), 1));
    let new = Webhook { slug: "moved".to_owned(), ..old.clone() };
    // The ticket is found by its external id, whichever URL is used.
    for webhook in [&old, &new] {
        webhook.post("", &alert("again")).await.expect(200);
    }
    assert_eq!(house.tickets().await.len(), 1);
    let mappings = house.admin.get("/api/v1/external-mappings").await.expect(200).json();
    let names: Vec<_> = mappings["data"].as_array().unwrap().iter().map(|one| one["integration_type"].clone()).collect();
    assert_eq!(names, [json!("moved")]);
    // Nobody else gets the old name while it leads here.
    house.admin.post(WEBHOOKS, alerts(json!({}))).await.expect(409);
    let other = house.webhook(alerts(json!({"slug": "other"}))).await;
    house.admin.put(&other.api(""), alerts(json!({"slug": "alerts"}))).await.expect(409);
    house.admin.put(&other.api(""), alerts(json!({"slug": "moved"}))).await.expect(409);
    let unknown = crate::outbound::merged(moved.clone(), json!({"aliases": ["nothing"]}));
    let problem = house.admin.put(&old.api(""), alerts(unknown)).await.expect(400).json();
    assert_eq!(problem["errors"][0]["field"], "aliases[0]");
    let removed = crate::outbound::merged(moved.clone(), json!({"aliases": []}));
    house.admin.put(&old.api(""), alerts(removed)).await.expect(200);
    old.post("", &alert("x")).await.expect(401);
    new.post("", &alert("x")).await.expect(200);
    house.admin.put(&other.api(""), alerts(json!({"slug": "alerts"}))).await.expect(200);
    let trail = house.admin.get("/api/v1/audit?action=inbound_webhook.renamed").await.expect(200).json();
    assert_eq!(trail["data"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&trail["data"][1]["detail"]["to"], &trail["data"][1]["detail"]["external_mappings"]),
        (&json!("moved"), &json!(1))
    );
}

async fn a_webhook_may_have_its_former_name_back(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = house.webhook(alerts(json!({}))).await;
    for (slug, alias) in [("moved", "alerts"), ("alerts", "moved")] {
        let shown = house.admin.put(&webhook.api(""), alerts(json!({"slug": slug}))).await.expect(200).json();
        assert_eq!((&shown["slug"], &shown["aliases"][0]["slug"]), (&json!(slug), &json!(alias)));
        assert_eq!(shown["aliases"].as_array().unwrap().len(), 1);
    }
    house.admin.delete(&webhook.api("")).await.expect(204);
    Webhook { slug: "moved".to_owned(), ..webhook }.post("k", &alert("x")).await.expect(401);
    house.webhook(alerts(json!({"slug": "moved"}))).await;
}

on_both_engines!(a_renamed_webhook_keeps_its_mappings_and_answers_under_both_names, a_webhook_may_have_its_former_name_back,);
