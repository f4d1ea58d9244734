//! Tickets. A ticket lies on one board and has one of that board's statuses; what nobody says about
//! a new one (client, board, status, priority) takes the tenant's defaults. Its number is given
//! last, under the counter's lock, so that numbers have neither gaps nor doubles. People's requests
//! and inbound webhooks make tickets on one path, and each change is published in its transaction.

pub mod actions;
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

use crate::board;
use crate::change::Change;
use crate::id::{BoardId, CategoryId, ClientId, CommentId, PriorityId, StatusId, TicketId};
use crate::input::{TITLE_CHARS_MAX, check_name, check_object, check_text, invalid};
use crate::mapping::{self, External, LinkError};

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

/// What a ticket is made from; only the title is needed.
#[derive(Debug, Clone, Default)]
pub struct NewTicket {
    pub title: String,
    pub description: Option<String>,
    pub client_id: Option<ClientId>,
    pub board_id: Option<BoardId>,
    pub status_id: Option<StatusId>,
    pub priority_id: Option<PriorityId>,
    pub category_id: Option<CategoryId>,
    pub assigned_to: Option<UserId>,
    pub due_date: Option<Timestamp>,
    pub attributes: Map<String, Value>,
}

impl NewTicket {
    fn check(&self) -> Result<(), ActionError> {
        check_name("title", &self.title, TITLE_CHARS_MAX)?;
        self.description.as_deref().map_or(Ok(()), |text| check_text("description", text))?;
        check_object("attributes", &self.attributes)
    }
}

/// What became of a wish for a ticket of an external id.
#[derive(Debug)]
pub enum Linked {
    Created(Box<Ticket>),
    /// The external id already names this ticket; nothing was written.
    Known(TicketId),
}

/// Makes a ticket and publishes `ticket.created`.
pub async fn create(tx: &mut Tx, change: &Change<'_>, asked: NewTicket) -> Result<Ticket, ActionError> {
    write(tx, change, change.ambient.fresh(), asked, Vec::new()).await
}

/// Makes a ticket together with its external mapping, unless the external id is known. The mapping
/// comes first: of two deliveries that bring one external id at once, the second waits for the first.
pub async fn create_linked(
    tx: &mut Tx,
    change: &Change<'_>,
    asked: NewTicket,
    external: &External,
) -> Result<Linked, ActionError> {
    check_name("external_id", &external.external_id, crate::input::NAME_CHARS_MAX)?;
    if let Some(known) = mapping::store::find(tx, external).await? {
        return Ok(Linked::Known(mapped_id(&known)?));
    }
    let id: TicketId = change.ambient.fresh();
    let metadata = change.causation_id.iter().map(|cause| ("inbound_delivery_id".to_owned(), Value::from(cause.as_str())));
    match mapping::link(tx, change.ambient, external, &id.to_string(), metadata.collect()).await {
        Ok(()) => {}
        Err(LinkError::Taken { entity_id }) => return Ok(Linked::Known(mapped_id(&entity_id)?)),
        Err(LinkError::Store(error)) => return Err(error.into()),
    }
    let external = ExternalRef { integration_type: external.integration_type.clone(), external_id: external.external_id.clone() };
    let ticket = write(tx, change, id, asked, vec![external]).await?;
    Ok(Linked::Created(Box::new(ticket)))
}

fn mapped_id(text: &str) -> Result<TicketId, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt(format!("a ticket's mapping names {text:?}")))
}

async fn write(
    tx: &mut Tx,
    change: &Change<'_>,
    id: TicketId,
    asked: NewTicket,
    external_refs: Vec<ExternalRef>,
) -> Result<Ticket, ActionError> {
    asked.check()?;
    let place = place::find(tx, &asked).await?;
    let (origin, source) = provenance(&change.actor);
    let now = change.ambient.now();
    let ticket = Ticket {
        id,
        ticket_number: store::next_number(tx).await?,
        title: asked.title,
        description: asked.description,
        client_id: place.client.as_ref().map(|client| client.id),
        client_name: place.client.map(|client| client.client_name),
        board_id: place.board.id,
        board_name: place.board.board_name,
        status_id: place.status.id,
        status_name: place.status.name,
        is_closed: place.status.is_closed,
        priority_id: place.priority.id,
        priority_name: place.priority.priority_name,
        category_id: asked.category_id,
        assigned_to: asked.assigned_to,
        due_date: asked.due_date,
        attributes: asked.attributes,
        ticket_origin: origin.to_owned(),
        source: source.to_owned(),
        entered_by: change.actor.to_string(),
        entered_at: now,
        updated_at: now,
        closed_at: place.status.is_closed.then_some(now),
        external_refs,
    };
    store::insert(tx, &ticket).await?;
    publish(tx, change, "ticket.created", &ticket, json!({ "ticket": ticket })).await?;
    Ok(ticket)
}

fn provenance(actor: &Actor) -> (&'static str, &'static str) {
    match actor {
        Actor::User(_) | Actor::Operator => ("internal", "person"),
        Actor::Token(_) => ("api", "token"),
        Actor::Webhook(_) => ("api", "webhook"),
        Actor::System => ("internal", "system"),
    }
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
