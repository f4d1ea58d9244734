//! What inbound webhooks may do with tickets, an action per file.

mod comment;
mod create;
mod status;
mod update;

pub use comment::AddTicketComment;
pub use create::CreateTicket;
pub use status::ChangeTicketStatus;
pub use update::UpdateTicket;

use hookswitch_pipeline::inbound::action::{ActionError, Context, Done};
use hookswitch_store::Tx;
use serde_json::{Map, Value, json};

use super::{Edited, Ticket, get, mapped_id};
use crate::action::{gone, required_external};
use crate::id::TicketId;
use crate::input::Fields;
use crate::mapping;

/// The ticket that the sender means by `external_id`.
async fn meant(tx: &mut Tx, fields: &Fields<'_>, context: &Context<'_>) -> Result<TicketId, ActionError> {
    let external = required_external(fields, context, mapping::TICKET)?;
    match mapping::store::find(tx, &external).await? {
        Some(id) => Ok(mapped_id(&id)?),
        None => Err(ActionError::LookupMiss { entity_type: mapping::TICKET, external_id: external.external_id }),
    }
}

async fn meant_ticket(tx: &mut Tx, fields: &Fields<'_>, context: &Context<'_>) -> Result<Ticket, ActionError> {
    let id = meant(tx, fields, context).await?;
    get(tx, id).await?.ok_or_else(|| gone(mapping::TICKET, id))
}

fn done(ticket: &Ticket, result: &str, mut more: Map<String, Value>) -> Done {
    more.insert("ticket_number".to_owned(), Value::from(ticket.ticket_number));
    crate::action::done(mapping::TICKET, ticket.id, result, more)
}

fn edited(edited: &Edited) -> Done {
    let names: Vec<&String> = edited.changes.keys().collect();
    done(&edited.ticket, edited.result(), Map::from_iter([("updated_fields".to_owned(), json!(names))]))
}
