//! Tickets. A ticket lies on one board and has one of that board's statuses; what nobody says about
//! a new one (client, board, status, priority) takes the tenant's defaults. Its number is given
//! last, under the counter's lock, so that numbers have neither gaps nor doubles. People's requests
//! and inbound webhooks make and change tickets on one path, and each change is published in its
//! transaction.

pub mod actions;
mod comment;
mod create;
mod edit;
mod place;
pub mod store;

use hookswitch_domain::id::UserId;
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::{Page, StoreError, Tx};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

pub use comment::{Author, Comment, NewComment, comment};
pub use create::{Linked, NewTicket, create, create_linked};
pub use edit::{Edited, change, remove, reopen};

use crate::change::Change;
use crate::id::{AssetId, BoardId, CategoryId, ClientId, ContactId, LocationId, PriorityId, StatusId, TeamId, TicketId};
use crate::mapping;
pub use crate::record::ExternalRef;

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
    #[schema(value_type = Option<String>)]
    pub location_id: Option<LocationId>,
    #[schema(value_type = Option<String>)]
    pub contact_id: Option<ContactId>,
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
    pub subcategory_id: Option<CategoryId>,
    #[schema(value_type = Option<String>)]
    pub assigned_to: Option<UserId>,
    #[schema(value_type = Option<String>)]
    pub assigned_team_id: Option<TeamId>,
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
    /// Counts the changes; `If-Match` compares it.
    pub version: i64,
    /// What the ticket is called elsewhere.
    pub external_refs: Vec<ExternalRef>,
}

async fn publish(tx: &mut Tx, change: &Change<'_>, event: &str, ticket: &Ticket, payload: Value) -> Result<(), ActionError> {
    change.publish(tx, event, ("ticket_id", ticket.id.to_string()), payload).await
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
    pub ticket_number: Option<i64>,
    pub status_id: Option<StatusId>,
    pub board_id: Option<BoardId>,
    pub client_id: Option<ClientId>,
    pub contact_id: Option<ContactId>,
    pub priority_id: Option<PriorityId>,
    pub category_id: Option<CategoryId>,
    pub assigned_to: Option<UserId>,
    pub assigned_team_id: Option<TeamId>,
    pub asset_id: Option<AssetId>,
    /// Of whichever integration.
    pub external_id: Option<String>,
    /// The beginning of the title.
    pub q: Option<String>,
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
