//! OUT, from a publisher's request to a receiver's: what is sent, again and again if need be, and
//! what holds it back.

mod adapters;
mod catalogue;
mod challenge;
mod changes;
mod content;
mod dead;
mod flow;
mod lanes;
mod news;
mod nodes;
mod ordered;
mod publish;
mod retry;
mod rotation;
mod say;
mod sending;
mod signing;

use data_encoding::BASE64;
use hookswitch_domain::signature::hmac_sha256;
use http::Method;
use serde_json::{Value, json};

use crate::engines::Engine;
use crate::harness::{Client, Server, spawn_with};
use crate::receiver::{Receiver, Say, Taken, until};

pub const DESTINATIONS: &str = "/api/v1/integrations/destinations";
const DELIVERIES: &str = "/api/v1/integrations/deliveries";

/// A server, the admin of one of its tenants, and the only receiver that it may reach.
pub struct Line {
    pub server: Server,
    pub admin: Client,
    pub receiver: Receiver,
}

/// A destination, and what was shown of it once.
pub struct Destination {
    pub id: String,
    pub secret: String,
}

impl Destination {
    pub fn path(&self, more: &str) -> String {
        format!("{DESTINATIONS}/{}{more}", self.id)
    }
}

/// Fields of `more` replace those of `base`.
pub fn merged(mut base: Value, more: Value) -> Value {
    if let (Some(base), Value::Object(more)) = (base.as_object_mut(), more) {
        base.extend(more);
    }
    base
}

impl Line {
    pub async fn start(engine: &Engine, script: impl Fn(usize, &Taken) -> Say + Send + Sync + 'static) -> Self {
        let receiver = Receiver::start(script).await;
        let server = spawn_with(engine, &[("egress.allow_cidrs", &receiver.allowed())]).await;
        let admin = server.admin("acme").await;
        Self { server, admin, receiver }
    }

    /// With a receiver that takes everything.
    pub async fn open(engine: &Engine) -> Self {
        Self::start(engine, |_, _| 200.into()).await
    }

    /// A destination at the receiver's `/hook`.
    pub async fn destination(&self, more: Value) -> Destination {
        self.destination_at("/hook", more).await
    }

    pub async fn destination_at(&self, path: &str, more: Value) -> Destination {
        let body = merged(json!({"name": "a receiver", "endpoint_url": self.receiver.url(path)}), more);
        let made = self.admin.post(DESTINATIONS, body).await.expect(201);
        let secret = made.json()["signing_secret"].as_str().unwrap_or_default().to_owned();
        Destination { id: made.id(), secret }
    }

    /// How often and when the tenant's deliveries are tried; without jitter.
    pub async fn schedule(&self, seconds: &[u64]) {
        let policy = json!({"schedule_seconds": seconds, "max_attempts": seconds.len(), "jitter": 0.0});
        self.admin.put("/api/v1/integrations/delivery-policy", policy).await.expect(200);
    }

    /// Publishes an event and returns its id.
    pub async fn publish(&self, event_type: &str, payload: Value) -> String {
        let body = json!({"event_type": event_type, "payload": payload});
        let answer = self.admin.post("/api/v1/events", body).await.expect(202).json();
        answer["event_id"].as_str().unwrap().to_owned()
    }

    /// Publishes these very bytes.
    pub async fn publish_raw(&self, body: &str) -> Value {
        let json = self.admin.with("content-type", "application/json");
        json.raw(Method::POST, "/api/v1/events", body.to_owned()).await.expect(202).json()
    }

    /// Up to 100 deliveries, newest first.
    pub async fn deliveries(&self, filter: &str) -> Vec<Value> {
        let found = self.admin.get(&format!("{DELIVERIES}?limit=100&{filter}")).await.expect(200).json();
        found["data"].as_array().unwrap().clone()
    }

    pub async fn delivery(&self, id: &str) -> Value {
        self.admin.get(&format!("{DELIVERIES}/{id}")).await.expect(200).json()
    }

    /// Waits until the event's only delivery is in this state.
    #[track_caller]
    pub fn settled(&self, event: &str, state: &'static str) -> impl Future<Output = Value> {
        let filter = format!("event_id={event}");
        until(state, move || {
            let filter = filter.clone();
            async move { self.deliveries(&filter).await.into_iter().find(|delivery| delivery["state"] == state) }
        })
    }

    /// Waits until all of the destination's deliveries are in this state, and there are so many.
    #[track_caller]
    pub fn all_settled(&self, destination: &Destination, count: usize, state: &'static str) -> impl Future<Output = Vec<Value>> {
        let filter = format!("destination_id={}", destination.id);
        until(state, move || {
            let filter = filter.clone();
            async move {
                let found = self.deliveries(&filter).await;
                (found.len() == count && found.iter().all(|delivery| delivery["state"] == state)).then_some(found)
            }
        })
    }

    pub async fn attempts(&self, delivery: &Value) -> Vec<Value> {
        let path = format!("{DELIVERIES}/{}/attempts", id_of(delivery));
        self.admin.get(&path).await.expect(200).json()["data"].as_array().unwrap().clone()
    }

    /// What a person does to a delivery: `replay`, `cancel`.
    pub async fn act(&self, delivery: &Value, what: &str) -> crate::harness::Answer {
        self.admin.send(Method::POST, &format!("{DELIVERIES}/{}/{what}", id_of(delivery)), None).await
    }

    /// What a person does to a destination: `pause`, `resume`.
    pub async fn command(&self, destination: &Destination, what: &str) -> Value {
        self.admin.send(Method::POST, &destination.path(&format!("/{what}")), None).await.expect(200).json()
    }
}

pub fn id_of(delivery: &Value) -> &str {
    delivery["id"].as_str().unwrap()
}

/// The signature as Standard Webhooks 1.0 has it, made here from nothing but the shown secret.
pub fn standard_signature(secret: &str, taken: &Taken) -> String {
    let key = BASE64.decode(secret.strip_prefix("whsec_").unwrap().as_bytes()).unwrap();
    let (id, at) = (taken.header("webhook-id"), taken.header("webhook-timestamp"));
    let signed = hmac_sha256(&key, [id.as_bytes(), b".", at.as_bytes(), b".", &taken.body]);
    format!("v1,{}", BASE64.encode(&signed))
}
