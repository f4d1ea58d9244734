//! What a delivery refers to can be looked at: its alert, evidence and ticket, its entries in the audit
//! trail, and what has the same correlation.

use hookswitch_server::app::COMPONENTS;
use http::Method;
use serde_json::json;

use crate::engines::Engine;
use crate::on_both_engines;
use crate::outbound::Line;

async fn what_a_delivery_refers_to_is_there(engine: &Engine) {
    let line = Line::open(engine).await;
    let destination = line.destination(json!({"event_types": ["evidence.created", "ticket.created"]})).await;
    let alert = line.admin.post("/api/v1/alerts", json!({"title": "Odd sign-in"})).await.expect(201).id();
    let ticket = line.admin.send(Method::POST, &format!("/api/v1/alerts/{alert}/ticket"), None).await.expect(201).id();
    let shown = json!({"name": "auth.log", "hash": "5f".repeat(32), "alert_id": alert, "ticket_id": ticket});
    let evidence = line.admin.post("/api/v1/evidence", shown).await.expect(201).id();
    let settled = line.all_settled(&destination, 2, "delivered").await;
    let told = settled.iter().find(|delivery| delivery["event_type"] == "evidence.created").unwrap();
    assert_eq!(told["references"], json!({"evidence_id": evidence, "alert_id": alert, "ticket_id": ticket}));
    let made = settled.iter().find(|delivery| delivery["event_type"] == "ticket.created").unwrap();
    assert_eq!((&made["references"]["alert_id"], &made["references"]["ticket_id"]), (&json!(alert), &json!(ticket)));
    for (name, noun) in [("alert_id", "alerts"), ("evidence_id", "evidence"), ("ticket_id", "tickets")] {
        let id = told["references"][name].as_str().unwrap();
        assert_eq!(line.admin.get(&format!("/api/v1/{noun}/{id}")).await.expect(200).id(), id);
    }
    // The trail tells of the delivery under the id that it names.
    let id = told["id"].as_str().unwrap();
    let trail = line.admin.get(&format!("/api/v1/audit?target={id}")).await.expect(200).json();
    let entries = trail["data"].as_array().unwrap();
    let named = entries.iter().find(|entry| entry["id"] == told["audit_id"]).unwrap_or_else(|| panic!("{trail}"));
    assert_eq!((&named["action"], &named["target"]), (&json!("delivery.scheduled"), &json!(id)));
    assert_eq!(line.delivery(id).await["audit_id"], told["audit_id"], "the same wherever it is shown");
}

async fn what_was_published_together_is_found_by_its_correlation(engine: &Engine) {
    let line = Line::open(engine).await;
    let destination = line.destination(json!({})).await;
    let body = json!({"event_type": "order.created", "payload": {}, "correlation_id": "order-7",
        "references": {"ticket_id": "tkt_01jd8r7c5tevzs9c1ghvzv3hkp"}});
    let event = line.admin.post("/api/v1/events", body).await.expect(202).json()["event_id"].clone();
    let delivery = line.all_settled(&destination, 1, "delivered").await.remove(0);
    assert_eq!((&delivery["correlation_id"], &delivery["event_id"]), (&json!("order-7"), &event));
    let trail = line.admin.get("/api/v1/audit?correlation_id=order-7").await.expect(200).json();
    let entries = trail["data"].as_array().unwrap();
    assert!(entries.iter().any(|entry| entry["id"] == delivery["audit_id"]), "{trail}");
    let events = line.admin.get("/api/v1/events?correlation_id=order-7").await.expect(200).json();
    assert_eq!(events["data"][0]["id"], event);
}

on_both_engines!(what_a_delivery_refers_to_is_there, what_was_published_together_is_found_by_its_correlation);
