//! What the desk publishes, for every tenant's catalogue.

use hookswitch_pipeline::outbound::builtin::BuiltIn;
use serde_json::{Value, json};

use crate::alert::Alert;
use crate::asset::Asset;
use crate::board::{Board, Category, Priority, Status};
use crate::client::Client;
use crate::contact::Contact;
use crate::evidence::Evidence;
use crate::group::Group;
use crate::invoice::Invoice;
use crate::location::Location;
use crate::project::{Phase, Project, ProjectStatus, ProjectTask};
use crate::record::{Entity, changed, removed, schema_of};
use crate::service::Service;
use crate::tag::Tag;
use crate::task::Task;
use crate::task::swap::Swap;
use crate::team::Team;
use crate::ticket::{Comment, Ticket};
use crate::time::{TimeEntry, TimePeriod, TimeSheet};

/// Made, changed and removed: what happens to every entity.
const fn of<E: Entity>() -> [BuiltIn; 3] {
    [
        BuiltIn { name: E::EVENTS.created, description: "Such a record was made.", schema: removed::<E> },
        BuiltIn { name: E::EVENTS.updated, description: "Fields of such a record were changed.", schema: changed::<E> },
        BuiltIn { name: E::EVENTS.deleted, description: "Such a record was removed.", schema: removed::<E> },
    ]
}

const fn one(name: &'static str, description: &'static str, schema: fn() -> Value) -> BuiltIn {
    BuiltIn { name, description, schema }
}

/// Each type that is published anywhere in the desk.
pub fn event_types() -> Vec<BuiltIn> {
    let mut all = NAMED.to_vec();
    all.extend([of::<Client>(), of::<Location>(), of::<Contact>(), of::<Asset>(), of::<Invoice>(), of::<Service>()].concat());
    all.extend([of::<TimePeriod>(), of::<TimeSheet>(), of::<TimeEntry>(), of::<Tag>(), of::<Team>()].concat());
    all.extend([of::<Project>(), of::<Phase>(), of::<ProjectStatus>(), of::<ProjectTask>()].concat());
    all.extend([of::<Board>(), of::<Status>(), of::<Priority>(), of::<Category>(), of::<Alert>(), of::<Evidence>()].concat());
    all.extend([of::<Group>(), of::<Task>()].concat());
    all
}

/// What has a name of its own.
const NAMED: &[BuiltIn] = &[
    one("ticket.created", "A ticket was made.", ticket),
    one("ticket.updated", "Fields of a ticket were changed.", edited),
    one("ticket.status_changed", "A ticket has another status.", status),
    one("ticket.assigned", "A ticket was given to somebody.", edited),
    one("ticket.closed", "A ticket is finished.", edited),
    one("ticket.deleted", "A ticket was removed.", ticket),
    one("ticket.comment.added", "A comment was added to a ticket.", comment),
    one("ticket.asset.linked", "A ticket is about an asset.", association),
    one("ticket.asset.unlinked", "A ticket is no longer about an asset.", association),
    one("client.activated", "A client is active again.", changed::<Client>),
    one("client.deactivated", "A client is no longer active.", changed::<Client>),
    one("invoice.status_changed", "An invoice has another status.", changed::<Invoice>),
    one("invoice.marked_paid", "An invoice was paid.", changed::<Invoice>),
    one("project.status_changed", "A project has another status.", changed::<Project>),
    one("project.completed", "A project is finished.", changed::<Project>),
    one("project.assigned", "A project was given to somebody.", changed::<Project>),
    one("project.task.status_changed", "A project's task has another status.", changed::<ProjectTask>),
    one("project.task.assigned", "A project's task was given to somebody.", changed::<ProjectTask>),
    one("tag.added", "A tag was put on a record.", tagged),
    one("tag.removed", "A tag was taken off a record.", tagged),
    one("security.alert.created", "A security alert was raised.", removed::<Alert>),
    one("alert.acknowledged", "Somebody has seen an alert.", changed::<Alert>),
    one("alert.assigned", "An alert was given to somebody.", changed::<Alert>),
    one("alert.resolved", "An alert is done with.", changed::<Alert>),
    one("alert.reopened", "An alert is open again.", changed::<Alert>),
    one("group.member_added", "Somebody joined a group.", member),
    one("group.member_changed", "A member of a group has another role.", member),
    one("group.member_removed", "Somebody left a group.", member),
    one("task.completed", "A task was done; it may still wait for approval.", changed::<Task>),
    one("task.approved", "An admin of the group approved what was done.", changed::<Task>),
    one("task.rejected", "An admin of the group did not, and said why.", rejected),
    one("task.swapped", "Two members exchanged their tasks.", swapped),
    one("task.swap.requested", "Somebody asked to exchange two tasks.", removed::<Swap>),
    one("task.swap.rejected", "A request to exchange two tasks was refused.", changed::<Swap>),
    one("task.swap.expired", "Nobody decided a request to exchange two tasks.", changed::<Swap>),
];

fn member() -> Value {
    record(json!({
        "group_id": { "type": "string" },
        "member": { "type": "object", "required": ["user_id", "role"] },
        "changes": changes(),
    }))
}

fn rejected() -> Value {
    let mut schema = changed::<Task>();
    schema["properties"]["reason"] = json!({ "type": "string" });
    schema
}

/// Both tasks as they are now, and who had them before.
fn swapped() -> Value {
    let mut task = changed::<Task>();
    let mut swap = removed::<Swap>();
    let mut definitions = serde_json::Map::new();
    for part in [&mut task, &mut swap] {
        let own = part.as_object_mut().and_then(|object| object.shift_remove("$defs"));
        definitions.extend(own.and_then(|own| own.as_object().cloned()).into_iter().flatten());
    }
    for side in ["requester", "target"] {
        swap["properties"][side] = task.clone();
    }
    swap["required"] = json!(["swap", "requester", "target"]);
    swap["$defs"] = Value::Object(definitions);
    swap
}

fn record(fields: Value) -> Value {
    let required: Vec<&String> = fields.as_object().into_iter().flat_map(|fields| fields.keys()).collect();
    let mut schema = json!({ "type": "object", "required": required, "properties": fields });
    // Definitions stand at the top, where references look for them.
    let definitions = schema.pointer_mut("/properties/ticket").and_then(Value::as_object_mut);
    if let Some(definitions) = definitions.and_then(|ticket| ticket.shift_remove("$defs")) {
        schema["$defs"] = definitions;
    }
    schema
}

fn of_ticket() -> Value {
    schema_of::<Ticket>()
}

fn changes() -> Value {
    json!({ "type": "object", "additionalProperties": { "type": "object", "required": ["previous", "new"] } })
}

fn ticket() -> Value {
    record(json!({ "ticket": of_ticket() }))
}

fn edited() -> Value {
    record(json!({ "ticket": of_ticket(), "changes": changes() }))
}

fn comment() -> Value {
    record(json!({ "ticket": of_ticket(), "comment": schema_of::<Comment>() }))
}

fn status() -> Value {
    record(json!({
        "ticket": of_ticket(),
        "changes": changes(),
        "previous_status_id": { "type": ["string", "null"] },
        "previous_status_name": { "type": ["string", "null"] },
    }))
}

fn association() -> Value {
    record(json!({ "association": { "type": "object", "required": ["id", "asset_id", "ticket_id"] } }))
}

fn tagged() -> Value {
    record(json!({ "tag": { "type": "object", "required": ["tag_id", "tag_text", "tagged_type", "tagged_id"] } }))
}
