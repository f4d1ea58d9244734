//! Events about deliveries: for who asks for them by name, and never about themselves.

use hookswitch_server::app::COMPONENTS;
use serde_json::json;

use super::Line;
use crate::engines::Engine;
use crate::on_both_engines;

/// `/hook` takes what is `a.good` and nothing else; whoever watches takes everything.
async fn line(engine: &Engine) -> Line {
    let line = Line::start(engine, |_, taken| match taken.path.as_str() {
        "/hook" if taken.json()["event_type"] != "a.good" => 500.into(),
        _ => 204.into(),
    })
    .await;
    line.schedule(&[0]).await;
    line.destination(json!({"event_types": ["a.*"]})).await;
    line
}

async fn the_end_of_a_delivery_is_told_to_who_asks_by_name(engine: &Engine) {
    let line = line(engine).await;
    let names = ["integration.delivery.succeeded", "integration.delivery.dead_lettered"];
    let watch = line.destination_at("/watch", json!({"event_types": names})).await;
    let good = line.publish("a.good", json!({})).await;
    line.settled(&good, "delivered").await;
    let bad = line.publish("a.bad", json!({})).await;
    line.settled(&bad, "dead_lettered").await;
    line.all_settled(&watch, 2, "delivered").await;
    let told: Vec<_> =
        line.receiver.taken().into_iter().filter(|taken| taken.path == "/watch").map(|taken| taken.json()).collect();
    let of = |event: &str| told.iter().find(|each| each["payload"]["event_id"] == event).unwrap().clone();
    let (good, bad) = (of(&good), of(&bad));
    assert_eq!((&good["event_type"], &good["payload"]["state"]), (&json!(names[0]), &json!("delivered")));
    assert_eq!((&bad["event_type"], &bad["payload"]["status"]), (&json!(names[1]), &json!(500)));
    assert_eq!(good["causation_id"], good["payload"]["event_id"]);
}

async fn nobody_asked_nothing_is_told(engine: &Engine) {
    let line = line(engine).await;
    line.destination_at("/watch", json!({"event_types": ["*"]})).await;
    let event = line.publish("a.good", json!({})).await;
    let all = format!("event_id={event}");
    crate::receiver::until("both", || async {
        let found = line.deliveries(&all).await;
        (found.len() == 2 && found.iter().all(|each| each["state"] == "delivered")).then_some(())
    })
    .await;
    let events = line.admin.get("/api/v1/events?limit=100").await.expect(200).json();
    assert_eq!(events["data"].as_array().unwrap().len(), 1, "{events}");
}

/// A failing watcher would otherwise be told of its own failures for ever.
async fn deliveries_of_these_events_tell_nothing_themselves(engine: &Engine) {
    let line = Line::start(engine, |_, _| 500.into()).await;
    line.schedule(&[0]).await;
    line.destination_at("/watch", json!({"event_types": ["a.*", "integration.*"]})).await;
    let event = line.publish("a.b", json!({})).await;
    line.settled(&event, "dead_lettered").await;
    let listed = crate::receiver::until("two events", || async {
        let events = line.admin.get("/api/v1/events?limit=100").await.expect(200).json();
        let all = line.deliveries("state=dead_lettered").await;
        (all.len() == 2).then(|| events["data"].as_array().unwrap().len())
    })
    .await;
    assert_eq!(listed, 2);
}

on_both_engines!(
    the_end_of_a_delivery_is_told_to_who_asks_by_name,
    nobody_asked_nothing_is_told,
    deliveries_of_these_events_tell_nothing_themselves,
);
