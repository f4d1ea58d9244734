//! IN, from a sender's request to a ticket: every row of CONTRACT 6's table.

mod actions;
mod again;
mod auth;
mod bodies;
mod config;
mod dedupe;
mod door;
mod later;
mod limits;
mod outcome;
mod presets;
mod recipes;
mod rules;
mod shared;
mod slugs;
mod storm;
mod takeover;
mod tickets;
mod trying;

use data_encoding::HEXLOWER;
use hookswitch_domain::signature::hmac_sha256;
use http::Method;
use serde_json::{Value, json};

use crate::engines::Engine;
use crate::harness::{Answer, Client, Server, spawn_server};

pub const WEBHOOKS: &str = "/api/v1/inbound-webhooks";

/// A server with the feature on for acme, and acme's admin.
pub struct House {
    pub server: Server,
    pub admin: Client,
}

/// An inbound webhook as its sender knows it.
#[derive(Clone)]
pub struct Webhook {
    pub id: String,
    pub slug: String,
    pub secret: String,
    sender: Client,
}

/// A webhook with HMAC that makes tickets; `more` replaces fields.
pub fn alerts(more: Value) -> Value {
    let base = json!({
        "name": "Alerts",
        "slug": "alerts",
        "auth_type": "hmac_sha256",
        "auth_config": {"type": "hmac_sha256", "signature_header": "X-Signature"},
        "idempotency_source": {"type": "header", "value": "X-Id"},
        "handler_type": "direct_action",
        "handler_config": mapping(json!({"title": "alert.message"})),
    });
    crate::outbound::merged(base, more)
}

/// The handler that makes tickets with this mapping.
pub fn mapping(fields: Value) -> Value {
    json!({"type": "direct_action", "action": "createTicket", "field_mapping": fields})
}

pub fn alert(message: &str) -> String {
    json!({"alert": {"id": 17, "message": message}}).to_string()
}

impl House {
    pub async fn open(engine: &Engine) -> Self {
        Self::of(spawn_server(engine).await).await
    }

    pub async fn of(server: Server) -> Self {
        let admin = server.admin("acme").await;
        admin.put("/api/v1/features", json!({"inbound_webhooks_enabled": true})).await.expect(200);
        Self { server, admin }
    }

    pub async fn webhook(&self, body: Value) -> Webhook {
        let made = self.admin.post(WEBHOOKS, body).await.expect(201).json();
        let text = |name: &str| made[name].as_str().unwrap_or_default().to_owned();
        assert!(text("url").ends_with(&format!("/api/inbound/acme/{}", text("slug"))), "{made}");
        Webhook { id: text("id"), slug: text("slug"), secret: text("secret"), sender: self.server.stranger() }
    }

    /// What the webhook received, newest first.
    pub async fn log(&self, webhook: &Webhook) -> Vec<Value> {
        let path = format!("{WEBHOOKS}/{}/deliveries?limit=100", webhook.id);
        self.admin.get(&path).await.expect(200).json()["data"].as_array().unwrap().clone()
    }

    pub async fn logged(&self, webhook: &Webhook, id: &str) -> Value {
        self.admin.get(&format!("{WEBHOOKS}/{}/deliveries/{id}", webhook.id)).await.expect(200).json()
    }

    /// Newest first.
    pub async fn tickets(&self) -> Vec<Value> {
        self.admin.get("/api/v1/tickets?limit=100").await.expect(200).json()["data"].as_array().unwrap().clone()
    }
}

impl Webhook {
    pub fn path(&self) -> String {
        format!("/api/inbound/acme/{}", self.slug)
    }

    pub fn api(&self, more: &str) -> String {
        format!("{WEBHOOKS}/{}{more}", self.id)
    }

    /// The sender's client for this body: JSON, signed.
    pub fn signed(&self, body: &[u8]) -> Client {
        let signature = HEXLOWER.encode(&hmac_sha256(self.secret.as_bytes(), [body]));
        self.sender.with("content-type", "application/json").with("x-signature", signature)
    }

    /// Posts what is signed, under this key where there is one.
    pub async fn post(&self, key: &str, body: &str) -> Answer {
        let sender = self.signed(body.as_bytes());
        let sender = if key.is_empty() { sender } else { sender.with("x-id", key) };
        sender.raw(Method::POST, &self.path(), body.to_owned()).await
    }
}

pub fn delivery_id(answer: &Answer) -> String {
    let body = answer.json();
    body["delivery_id"].as_str().unwrap_or_else(|| panic!("no delivery_id: {body}")).to_owned()
}
