//! What an action publishes keeps the limits of what clients publish: a chain that is too long and a
//! payload that is too large undo the change that they would tell of.

use hookswitch_domain::event::CAUSATION_DEPTH_MAX;
use hookswitch_pipeline::outbound::publish::{NewEvent, PublishError};
use hookswitch_server::app::COMPONENTS;
use serde_json::{Map, Value, json};

use super::{House, alerts, delivery_id, mapping};
use crate::engines::Engine;
use crate::harness::spawn_with;
use crate::on_both_engines;

async fn what_an_action_publishes_may_not_weigh_more_than_what_a_client_does(engine: &Engine) {
    let house = House::of(spawn_with(engine, &[("limits.event_bytes", "4096")]).await).await;
    let fields = json!({"title": "'Long'", "description": "alert.message"});
    let webhook = house.webhook(alerts(json!({"handler_config": mapping(fields)}))).await;
    let body = |letters: usize| json!({"alert": {"id": 1, "message": "x".repeat(letters)}}).to_string();
    let refused = webhook.post("k-1", &body(4_096)).await.expect(422);
    assert_eq!(refused.code(), "event_too_large", "{}", refused.text());
    let row = house.logged(&webhook, &delivery_id(&refused)).await;
    assert_eq!((&row["dispatch_status"], &row["handler_outcome"]["code"]), (&json!("failed"), &json!("event_too_large")));
    let events = house.admin.get("/api/v1/events").await.expect(200).json();
    assert_eq!((house.tickets().await, &events["data"]), (Vec::<Value>::new(), &json!([])), "nothing of it stays");
    // The key was given back, and what fits is done.
    webhook.post("k-1", &body(1_024)).await.expect(200);
    assert_eq!(house.tickets().await.len(), 1);
}

async fn a_chain_may_have_eight_links_whoever_publishes(engine: &Engine) {
    let house = House::open(engine).await;
    let (publisher, tenant) = (house.server.app.engine.publisher.clone(), house.server.tenant("acme").await);
    let publish = async |depth: u8| {
        let (publisher, store) = (publisher.clone(), house.server.db.for_tenant(tenant));
        let event = NewEvent {
            event_type: "host.moved".parse().unwrap(),
            payload: json!({}),
            correlation_id: None,
            causation_id: None,
            depth,
            references: Map::new(),
            group_id: None,
            source: "host",
        };
        store.write(move |tx| Box::pin(async move { publisher.publish_in(tx, event).await })).await
    };
    publish(CAUSATION_DEPTH_MAX).await.unwrap();
    let refused = publish(CAUSATION_DEPTH_MAX + 1).await.unwrap_err();
    assert!(matches!(refused, PublishError::Loop(9)) && refused.code() == "causation_loop", "{refused}");
    let events = house.admin.get("/api/v1/events").await.expect(200).json();
    assert_eq!(events["data"].as_array().unwrap().len(), 1);
}

on_both_engines!(
    what_an_action_publishes_may_not_weigh_more_than_what_a_client_does,
    a_chain_may_have_eight_links_whoever_publishes,
);
