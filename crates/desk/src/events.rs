//! What the desk publishes, for every tenant's catalogue.

use hookswitch_pipeline::outbound::builtin::BuiltIn;
use serde_json::{Value, json};

/// Each type that is published anywhere in the desk.
pub static EVENT_TYPES: &[BuiltIn] = &[
    BuiltIn { name: "ticket.created", description: "A ticket was made.", schema: ticket },
    BuiltIn { name: "ticket.comment.added", description: "A comment was added to a ticket.", schema: comment },
    BuiltIn { name: "ticket.status_changed", description: "A ticket has another status.", schema: status },
    BuiltIn { name: "client.created", description: "A client was made.", schema: client },
];

fn record(fields: Value) -> Value {
    let required: Vec<&String> = fields.as_object().into_iter().flat_map(|fields| fields.keys()).collect();
    json!({ "type": "object", "required": required, "properties": fields })
}

fn of_ticket() -> Value {
    json!({
        "type": "object",
        "required": ["id", "ticket_number", "title"],
        "properties": { "id": { "type": "string" }, "ticket_number": { "type": "integer" }, "title": { "type": "string" } }
    })
}

fn ticket() -> Value {
    record(json!({ "ticket": of_ticket() }))
}

fn comment() -> Value {
    record(json!({ "ticket": of_ticket(), "comment": { "type": "object" } }))
}

fn status() -> Value {
    record(json!({
        "ticket": of_ticket(),
        "previous_status_id": { "type": ["string", "null"] },
        "previous_status_name": { "type": ["string", "null"] },
    }))
}

fn client() -> Value {
    record(json!({ "client": { "type": "object" } }))
}
