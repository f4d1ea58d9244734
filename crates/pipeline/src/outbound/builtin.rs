//! Event types that the product itself emits: they stand in every tenant's catalogue. A host's come
//! from the host; here are those of the line itself.

use serde_json::{Value, json};

/// An event type that needs no registering.
#[derive(Debug, Clone, Copy)]
pub struct BuiltIn {
    pub name: &'static str,
    pub description: &'static str,
    /// JSON Schema of its payload.
    pub schema: fn() -> Value,
}

/// Of both lines.
pub static OWN: &[BuiltIn] = &[
    BuiltIn { name: "webhook.test", description: "Sent by a destination's test, to it alone.", schema: test },
    BuiltIn { name: "integration.delivery.succeeded", description: "A delivery was taken by its receiver.", schema: delivery },
    BuiltIn { name: "integration.delivery.failed", description: "An attempt of a delivery failed.", schema: delivery },
    BuiltIn {
        name: "integration.delivery.dead_lettered",
        description: "A delivery was given up and waits for a person.",
        schema: delivery,
    },
    BuiltIn {
        name: "integration.destination.failing",
        description: "Every attempt to a destination has failed for days.",
        schema: destination,
    },
    BuiltIn {
        name: "integration.destination.disabled",
        description: "Nothing is sent to a destination any more.",
        schema: destination,
    },
    BuiltIn {
        name: "integration.inbound_webhook.disabled",
        description: "An inbound webhook whose handler kept failing takes nothing any more.",
        schema: inbound_webhook,
    },
    BuiltIn {
        name: "integration.inbound_delivery.dead_lettered",
        description: "A request was given up after its sender was told that it is taken, and waits for a person.",
        schema: inbound_delivery,
    },
];

fn test() -> Value {
    json!({
        "type": "object",
        "properties": { "message": { "type": "string" }, "destination": { "type": "string" }, "actor": { "type": "string" } }
    })
}

fn delivery() -> Value {
    json!({
        "type": "object",
        "properties": { "delivery_id": { "type": "string" }, "destination_id": { "type": "string" }, "event_id": { "type": "string" } }
    })
}

fn destination() -> Value {
    json!({ "type": "object", "properties": { "destination_id": { "type": "string" } } })
}

fn inbound_delivery() -> Value {
    json!({
        "type": "object",
        "properties": {
            "inbound_delivery_id": { "type": "string" }, "inbound_webhook_id": { "type": ["string", "null"] },
            "code": { "type": "string" }, "reason": { "type": "string" }
        }
    })
}

fn inbound_webhook() -> Value {
    json!({
        "type": "object",
        "properties": { "inbound_webhook_id": { "type": "string" }, "name": { "type": "string" }, "reason": { "type": "string" } }
    })
}
