//! The fourteen actions, each through a real inbound webhook: what it does, what it refuses, and that a
//! refusal changes nothing.

mod assets;
mod clients;
mod invoices;
mod projects;
mod tags;
mod tickets;
mod times;

use hookswitch_server::app::COMPONENTS;
use serde_json::{Map, Value, json};

use super::{House, WEBHOOKS, Webhook, alerts, delivery_id};
use crate::engines::Engine;
use crate::harness::Answer;
use crate::on_both_engines;

/// A house whose webhooks pass fields of the body on under their own names.
pub struct Desk {
    pub house: House,
}

impl Desk {
    pub async fn open(engine: &Engine) -> Self {
        Self { house: House::open(engine).await }
    }

    /// A webhook of this slug that does `action` with these fields.
    pub async fn hook(&self, slug: &str, action: &str, fields: &[&str]) -> Webhook {
        let mapping: Map<String, Value> = fields.iter().map(|field| ((*field).to_owned(), json!(field))).collect();
        let handler = json!({"type": "direct_action", "action": action, "field_mapping": mapping});
        let body = json!({"slug": slug, "name": slug, "idempotency_source": null, "handler_config": handler});
        self.house.webhook(alerts(body)).await
    }

    /// What the delivery's log says became of it.
    pub async fn does(&self, webhook: &Webhook, body: Value) -> Value {
        let answer = webhook.post("", &body.to_string()).await.expect(200);
        let row = self.house.logged(webhook, &delivery_id(&answer)).await;
        assert_eq!(row["dispatch_status"], "dispatched", "{row}");
        row["handler_outcome"].clone()
    }

    /// The sender is refused, and the log says so too.
    pub async fn refuses(&self, webhook: &Webhook, body: Value, status: u16, code: &str) -> Answer {
        let answer = webhook.post("", &body.to_string()).await.expect(status);
        assert_eq!(answer.code(), code, "{body}");
        let row = self.house.logged(webhook, &delivery_id(&answer)).await;
        assert_eq!(row["dispatch_status"], "failed");
        answer
    }

    /// A bad field: 400, and it is named.
    pub async fn names(&self, webhook: &Webhook, body: Value, field: &str) {
        let answer = self.refuses(webhook, body.clone(), 400, "mapping_failed").await.json();
        let named = answer["errors"].as_array().unwrap().iter().any(|error| error["field"] == field);
        assert!(named, "{body}: {answer}");
    }

    pub async fn make(&self, noun: &str, body: Value) -> Value {
        self.house.admin.post(&format!("/api/v1/{noun}"), body).await.expect(201).json()
    }

    pub async fn read(&self, noun: &str, id: &Value) -> Value {
        self.house.admin.get(&format!("/api/v1/{noun}/{}", id.as_str().unwrap())).await.expect(200).json()
    }

    pub async fn list(&self, noun: &str) -> Vec<Value> {
        let path = if noun.contains('?') { format!("/api/v1/{noun}") } else { format!("/api/v1/{noun}?limit=100") };
        self.house.admin.get(&path).await.expect(200).json()["data"].as_array().unwrap().clone()
    }

    /// The record of this list with this name.
    pub async fn named(&self, noun: &str, field: &str, value: &str) -> Value {
        let list = self.list(noun).await;
        list.iter().find(|record| record[field] == value).unwrap_or_else(|| panic!("no {value} in {list:?}")).clone()
    }

    /// Says that a webhook's sender knows a record by this id.
    pub async fn link(&self, slug: &str, kind: &str, id: &Value, external: &str) {
        let body =
            json!({"integration_type": slug, "alga_entity_type": kind, "alga_entity_id": id, "external_entity_id": external});
        self.house.admin.post("/api/v1/external-mappings", body).await.expect(201);
    }

    /// How often events of this type were published.
    pub async fn events(&self, event_type: &str) -> usize {
        self.list(&format!("events?limit=100&event_type={event_type}")).await.len()
    }
}

const NAMES: [&str; 14] = [
    "addTagToEntityByExternalId",
    "addTicketCommentByExternalId",
    "changeTicketStatusByExternalId",
    "createProjectTask",
    "createTicket",
    "createTimeEntry",
    "markInvoicePaidByExternalId",
    "setClientActiveByExternalId",
    "updateInvoiceStatusByExternalId",
    "updateProjectTaskStatusByExternalId",
    "updateTicketByExternalId",
    "upsertAssetByExternalId",
    "upsertClientByExternalId",
    "upsertContactByExternalId",
];

async fn all_fourteen_are_offered_with_typed_fields(engine: &Engine) {
    let desk = Desk::open(engine).await;
    let offered = desk.house.admin.get(&format!("{WEBHOOKS}/actions")).await.expect(200).json();
    let offered = offered["data"].as_array().or(offered.as_array()).expect("a list of actions").clone();
    for name in NAMES {
        let action = offered.iter().find(|action| action["name"] == name).unwrap_or_else(|| panic!("no {name}"));
        for field in action["targetFields"].as_array().unwrap() {
            let kind = field["type"].as_str().unwrap();
            assert!(["string", "int", "number", "boolean", "enum", "ref", "json"].contains(&kind), "{name}: {field}");
            assert_eq!(kind == "enum", field["enumValues"].is_array(), "{name}: {field}");
            assert_eq!(kind == "ref", field["refEntityType"].is_string(), "{name}: {field}");
            assert!(field["required"].is_boolean() && field["description"].as_str().is_some_and(|text| !text.is_empty()));
        }
    }
}

async fn an_external_id_is_its_own_webhooks(engine: &Engine) {
    let desk = Desk::open(engine).await;
    let one = desk.hook("one", "upsertClientByExternalId", &["external_id", "client_name"]).await;
    let other = desk.hook("other", "setClientActiveByExternalId", &["external_id", "active"]).await;
    desk.does(&one, json!({"external_id": "c-1", "client_name": "Acme"})).await;
    desk.refuses(&other, json!({"external_id": "c-1", "active": false}), 422, "lookup_miss").await;
    let acme = desk.named("clients", "client_name", "Acme").await;
    desk.link("other", "client", &acme["id"], "c-1").await;
    desk.does(&other, json!({"external_id": "c-1", "active": false})).await;
    assert_eq!(desk.read("clients", &acme["id"]).await["is_inactive"], true);
}

on_both_engines!(all_fourteen_are_offered_with_typed_fields, an_external_id_is_its_own_webhooks);
