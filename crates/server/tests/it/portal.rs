//! The customer portal from outside: links that open once, visitors who see one tenant's or one group's
//! part and nothing else, frames, and looks that carry nothing hostile.

mod opening;
mod seeing;

use serde_json::{Value, json};

use crate::harness::{Answer, Client, Server};

const SESSIONS: &str = "/api/v1/portal-sessions";
const OPEN: &str = "/api/v1/portal-sessions/open";
const DESTINATIONS: &str = "/api/v1/integrations/destinations";
const DELIVERIES: &str = "/api/v1/integrations/deliveries";
const OURS: &str = "grp_01jd8r7c5tevzs9c1ghvzv3hkp";
const THEIRS: &str = "grp_01jd8r7c5tevzs9c1ghvzv3hkq";

/// A link, and the id of its session.
async fn link(maker: &Client, body: Value) -> (String, String) {
    let made = maker.post(SESSIONS, body).await.expect(201).json();
    let (_, secret) = made["url"].as_str().unwrap().split_once("/portal/#").expect("a link to the portal");
    (secret.to_owned(), made["id"].as_str().unwrap().to_owned())
}

async fn follow(server: &Server, secret: &str) -> Answer {
    server.stranger().post(OPEN, json!({ "token": secret })).await
}

/// A visitor in an open portal.
async fn visitor(server: &Server, maker: &Client, body: Value) -> Client {
    let (secret, _) = link(maker, body).await;
    let opened = follow(server, &secret).await.expect(200).json();
    server.stranger().with("authorization", format!("Bearer {}", opened["token"].as_str().unwrap()))
}

/// A destination of the group that gets this type, and the newest delivery to it.
async fn with_delivery(admin: &Client, group: Option<&str>, kind: &str) -> (String, String) {
    let body = json!({"name": kind, "endpoint_url": "https://hooks.invalid/hook", "event_types": [kind], "group_id": group});
    let destination = admin.post(DESTINATIONS, body).await.expect(201).id();
    let event = json!({"event_type": kind, "payload": {"marker": kind}, "group_id": group});
    admin.post("/api/v1/events", event).await.expect(202);
    let list = admin.get(&format!("{DELIVERIES}?destination_id={destination}")).await.expect(200).json();
    (destination, list["data"][0]["id"].as_str().unwrap().to_owned())
}
