//! The big switches: nothing is sent for a tenant, or for anybody, while accepting goes on.

use super::*;
use crate::on_both_engines;

async fn a_paused_installation_accepts_for_everybody_and_sends_for_nobody(engine: &Engine) {
    let line = Line::open(engine).await;
    let platform = line.server.token("platform", "platform_admin", None).await;
    let other = line.server.admin("globex").await;
    let theirs = json!({"name": "x", "endpoint_url": line.receiver.url("/theirs")});
    other.post(super::super::DESTINATIONS, theirs).await.expect(201);
    let destination = line.destination(json!({})).await;
    // Both tenants' configuration is in memory, and says that they send.
    let event = json!({"event_type": "a.b", "payload": 1});
    line.publish("a.b", json!(1)).await;
    other.post("/api/v1/events", event.clone()).await.expect(202);
    line.receiver.wait(2).await;
    line.admin.post("/api/v1/installation/pause", json!({})).await.expect(403);
    let paused = platform.send(Method::POST, "/api/v1/installation/pause", None).await.expect(200).json();
    assert_eq!(paused["sending_paused"], true);
    assert_eq!(platform.get("/api/v1/installation").await.expect(200).json()["sending_paused"], true);
    for _ in 0..3 {
        line.publish("a.b", json!(2)).await;
        other.post("/api/v1/events", event.clone()).await.expect(202);
    }
    let parked = until("parked", || async {
        let parked = line.deliveries("state=parked").await;
        (parked.len() == 3).then_some(parked)
    })
    .await;
    assert!(parked.iter().all(|row| row["parked_reason"] == "installation_paused"), "{parked:?}");
    assert_eq!(line.dead_letters("parked_reason=installation_paused").await.len(), 3);
    // Another node that starts now knows it too.
    let rules = [("egress.allow_cidrs", line.receiver.allowed())];
    let rules = rules.each_ref().map(|(key, value)| (*key, value.as_str()));
    let second = line.server.another(engine, &rules, true).await;
    let elsewhere = second.admin("acme").await;
    elsewhere.post("/api/v1/events", event.clone()).await.expect(202);
    let at = tokio::time::Instant::now();
    while at.elapsed().as_millis() < 700 {
        assert_eq!(line.receiver.count(), 2, "nothing is sent");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    platform.send(Method::POST, "/api/v1/installation/resume", None).await.expect(200);
    line.all_settled(&destination, 5, "delivered").await;
    line.receiver.wait(9).await;
    let trail = platform.get("/api/v1/audit").await.expect(200).json();
    let actions: Vec<_> = trail["data"].as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap()).collect();
    assert_eq!(&actions[..2], ["installation.resumed", "installation.paused"]);
}

/// A tenant that published a moment ago is paused as well as one whose configuration nobody holds.
async fn a_tenants_pause_holds_from_the_next_event_on(engine: &Engine) {
    let line = Line::open(engine).await;
    let destination = line.destination(json!({})).await;
    line.publish("a.b", json!(1)).await;
    line.all_settled(&destination, 1, "delivered").await;
    line.admin.send(Method::POST, "/api/v1/integrations/pause", None).await.expect(200);
    for number in 0..3 {
        let event = line.publish("a.b", json!(number)).await;
        assert_eq!(line.settled(&event, "parked").await["parked_reason"], "tenant_paused");
    }
    assert_eq!(line.receiver.count(), 1);
    line.admin.send(Method::POST, "/api/v1/integrations/resume", None).await.expect(200);
    line.all_settled(&destination, 4, "delivered").await;
}

on_both_engines!(a_paused_installation_accepts_for_everybody_and_sends_for_nobody, a_tenants_pause_holds_from_the_next_event_on,);
