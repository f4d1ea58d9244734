//! Tickets. A ticket lies on one board and has one of that board's statuses; what nobody says about
//! a new one (client, board, status, priority) takes the tenant's defaults. Its number is given
//! last, under the counter's lock, so that numbers have neither gaps nor doubles. People's requests
//! and inbound webhooks make tickets on one path, and each change is published in its transaction.

pub mod actions;
mod create;
mod place;
pub mod store;

use hookswitch_domain::audit::Actor;
use hookswitch_domain::id::UserId;
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::{Page, StoreError, Tx};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

pub use create::{Linked, NewTicket, create, create_linked};

use crate::board;
use crate::change::Change;
use crate::id::{BoardId, CategoryId, ClientId, CommentId, PriorityId, StatusId, TicketId};
use crate::input::{check_text, invalid};
use crate::mapping;

/// A ticket as the API shows it and as its events carry it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Ticket {
    #[schema(value_type = String, example = "tkt_01h455vb4pex5vsknk084sn02q")]
    pub id: TicketId,
    /// Counts up from 1 per tenant.
    pub ticket_number: i64,
    pub title: String,
    pub description: Option<String>,
    #[schema(value_type = Option<String>)]
    pub client_id: Option<ClientId>,
    pub client_name: Option<String>,
    #[schema(value_type = String)]
    pub board_id: BoardId,
    pub board_name: String,
    #[schema(value_type = String)]
    pub status_id: StatusId,
    pub status_name: String,
    pub is_closed: bool,
    #[schema(value_type = String)]
    pub priority_id: PriorityId,
    pub priority_name: String,
    #[schema(value_type = Option<String>)]
    pub category_id: Option<CategoryId>,
    #[schema(value_type = Option<String>)]
    pub assigned_to: Option<UserId>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_date: Option<Timestamp>,
    /// Free JSON. An inbound webhook adds `inbound_delivery_id` and `webhook`.
    #[schema(value_type = Object)]
    pub attributes: Map<String, Value>,
    /// `internal` (a person), `api` (a token or an inbound webhook).
    pub ticket_origin: String,
    /// `person`, `token`, `webhook` or `system`.
    pub source: String,
    #[schema(example = "user:usr_01h455vb4pex5vsknk084sn02q")]
    pub entered_by: String,
    #[schema(value_type = String, format = DateTime)]
    pub entered_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub closed_at: Option<Timestamp>,
    /// What the ticket is called elsewhere.
    pub external_refs: Vec<ExternalRef>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ExternalRef {
    pub integration_type: String,
    pub external_id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Comment {
    #[schema(value_type = String, example = "cmt_01h455vb4pex5vsknk084sn02q")]
    pub id: CommentId,
    #[schema(value_type = String)]
    pub ticket_id: TicketId,
    /// `internal` (a person) or `system`.
    pub author_type: String,
    pub author: String,
    pub note: String,
    pub is_internal: bool,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

async fn publish(tx: &mut Tx, change: &Change<'_>, event: &str, ticket: &Ticket, payload: Value) -> Result<(), ActionError> {
    change.publish(tx, event, ("ticket_id", ticket.id.to_string()), payload).await
}

/// Adds a comment, seen by the desk's people only, and publishes `ticket.comment.added`.
pub async fn comment(tx: &mut Tx, change: &Change<'_>, ticket: &Ticket, note: &str) -> Result<Comment, ActionError> {
    check_text("description", note)?;
    let author_type = if matches!(change.actor, Actor::User(_)) { "internal" } else { "system" };
    let comment = Comment {
        id: change.ambient.fresh(),
        ticket_id: ticket.id,
        author_type: author_type.to_owned(),
        author: change.actor.to_string(),
        note: note.to_owned(),
        is_internal: true,
        created_at: change.ambient.now(),
    };
    store::insert_comment(tx, &comment).await?;
    publish(tx, change, "ticket.comment.added", ticket, json!({ "ticket": ticket, "comment": comment })).await?;
    Ok(comment)
}

/// Gives a closed ticket its board's default status again and publishes `ticket.status_changed`.
/// False if it wasn't closed.
pub async fn reopen(tx: &mut Tx, change: &Change<'_>, ticket: &Ticket) -> Result<bool, ActionError> {
    let Some(status) = board::store::default_status(tx, ticket.board_id).await?.filter(|status| !status.is_closed) else {
        return Err(invalid("on_existing", "the ticket can't be reopened: its board has no open default status"));
    };
    let now = change.ambient.now();
    if !store::reopen(tx, ticket.id, status.id, now).await? {
        return Ok(false);
    }
    let (is_closed, updated_at, closed_at) = (false, now, None);
    let open = Ticket { status_id: status.id, status_name: status.name, is_closed, updated_at, closed_at, ..ticket.clone() };
    let payload = json!({
        "ticket": open,
        "previous_status_id": ticket.status_id,
        "previous_status_name": ticket.status_name,
    });
    publish(tx, change, "ticket.status_changed", &open, payload).await?;
    Ok(true)
}

/// One ticket of the transaction's tenant.
pub async fn get(tx: &mut Tx, id: TicketId) -> Result<Option<Ticket>, StoreError> {
    let mut found: Vec<_> = store::get(tx, id).await?.into_iter().collect();
    name_external(tx, &mut found).await?;
    Ok(found.pop())
}

/// What a list of tickets is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub status_id: Option<StatusId>,
    pub board_id: Option<BoardId>,
    pub client_id: Option<ClientId>,
    pub priority_id: Option<PriorityId>,
    pub assigned_to: Option<UserId>,
    /// Of whichever integration.
    pub external_id: Option<String>,
}

/// Newest first.
pub async fn list(tx: &mut Tx, filter: &Filter, page: &Page) -> Result<Vec<Ticket>, StoreError> {
    let among = match &filter.external_id {
        Some(external) => {
            let ids = mapping::store::entities(tx, mapping::TICKET, external).await?;
            Some(ids.iter().map(|id| mapped_id(id)).collect::<Result<Vec<_>, _>>()?)
        }
        None => None,
    };
    let mut tickets = store::list(tx, filter, among, page).await?;
    name_external(tx, &mut tickets).await?;
    Ok(tickets)
}

async fn name_external(tx: &mut Tx, tickets: &mut [Ticket]) -> Result<(), StoreError> {
    if tickets.is_empty() {
        return Ok(());
    }
    let ids: Vec<String> = tickets.iter().map(|ticket| ticket.id.to_string()).collect();
    for (id, integration_type, external_id) in mapping::store::names(tx, mapping::TICKET, &ids).await? {
        if let Some(place) = ids.iter().position(|known| *known == id) {
            tickets[place].external_refs.push(ExternalRef { integration_type, external_id });
        }
    }
    Ok(())
}

/// The ticket that a mapping names.
fn mapped_id(text: &str) -> Result<TicketId, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt(format!("a ticket's mapping names {text:?}")))
}
