//! Making tickets, for people and for inbound webhooks on one path.

use hookswitch_domain::audit::Actor;
use hookswitch_domain::id::UserId;
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::Tx;
use serde_json::{Map, Value, json};

use super::place::{self, Parts};
use super::{ExternalRef, Ticket, mapped_id, publish, store};
use crate::asset::association;
use crate::change::Change;
use crate::history;
use crate::id::{AssetId, BoardId, CategoryId, ClientId, ContactId, LocationId, PriorityId, StatusId, TeamId, TicketId};
use crate::input::{NAME_CHARS_MAX, TITLE_CHARS_MAX, check_name, check_object, check_text};
use crate::mapping::{self, External, LinkError};

/// What a ticket is made from; only the title is needed.
#[derive(Debug, Clone, Default)]
pub struct NewTicket {
    pub title: String,
    pub description: Option<String>,
    pub client_id: Option<ClientId>,
    pub location_id: Option<LocationId>,
    pub contact_id: Option<ContactId>,
    pub board_id: Option<BoardId>,
    pub status_id: Option<StatusId>,
    pub priority_id: Option<PriorityId>,
    pub category_id: Option<CategoryId>,
    pub subcategory_id: Option<CategoryId>,
    pub assigned_to: Option<UserId>,
    pub assigned_team_id: Option<TeamId>,
    pub due_date: Option<Timestamp>,
    pub attributes: Map<String, Value>,
    /// What the ticket is about.
    pub asset_id: Option<AssetId>,
}

impl NewTicket {
    fn check(&self) -> Result<(), ActionError> {
        check_name("title", &self.title, TITLE_CHARS_MAX)?;
        self.description.as_deref().map_or(Ok(()), |text| check_text("description", text))?;
        check_object("attributes", &self.attributes)
    }

    fn parts(&self) -> Parts {
        Parts {
            client_id: self.client_id,
            location_id: self.location_id,
            contact_id: self.contact_id,
            board_id: self.board_id,
            status_id: self.status_id,
            priority_id: self.priority_id,
            category_id: self.category_id,
            subcategory_id: self.subcategory_id,
            assigned_to: self.assigned_to,
            assigned_team_id: self.assigned_team_id,
        }
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
    check_name("external_id", &external.external_id, NAME_CHARS_MAX)?;
    if let Some(known) = mapping::store::find(tx, external).await? {
        return Ok(Linked::Known(mapped_id(&known)?));
    }
    let id: TicketId = change.ambient.fresh();
    match mapping::link(tx, change.ambient, external, &id.to_string(), change.origin()).await {
        Ok(()) => {}
        Err(LinkError::Taken { entity_id }) => return Ok(Linked::Known(mapped_id(&entity_id)?)),
        Err(LinkError::Store(error)) => return Err(error.into()),
    }
    let external = ExternalRef { integration_type: external.integration_type.clone(), external_id: external.external_id.clone() };
    let ticket = write(tx, change, id, asked, vec![external]).await?;
    Ok(Linked::Created(Box::new(ticket)))
}

async fn write(
    tx: &mut Tx,
    change: &Change<'_>,
    id: TicketId,
    asked: NewTicket,
    external_refs: Vec<ExternalRef>,
) -> Result<Ticket, ActionError> {
    asked.check()?;
    let place = place::find(tx, &asked.parts(), None).await?;
    let (origin, source) = provenance(&change.actor);
    let now = change.ambient.now();
    let ticket = Ticket {
        id,
        ticket_number: crate::record::store::next_number(tx, "ticket").await?,
        title: asked.title,
        description: asked.description,
        client_id: place.client.as_ref().map(|client| client.id),
        client_name: place.client.map(|client| client.fields.client_name),
        location_id: asked.location_id,
        contact_id: asked.contact_id,
        board_id: place.board.id,
        board_name: place.board.fields.board_name,
        status_id: place.status.id,
        status_name: place.status.fields.name,
        is_closed: place.status.fields.is_closed,
        priority_id: place.priority.id,
        priority_name: place.priority.fields.priority_name,
        category_id: asked.category_id,
        subcategory_id: asked.subcategory_id,
        assigned_to: place.assigned_to,
        assigned_team_id: place.assigned_team_id,
        due_date: asked.due_date,
        attributes: asked.attributes,
        ticket_origin: origin.to_owned(),
        source: source.to_owned(),
        entered_by: change.actor.to_string(),
        entered_at: now,
        updated_at: now,
        closed_at: place.status.fields.is_closed.then_some(now),
        version: 1,
        external_refs,
    };
    store::insert(tx, &ticket).await?;
    history::note(tx, change, mapping::TICKET, ticket.id.uuid(), "created", &Map::new()).await?;
    publish(tx, change, "ticket.created", &ticket, json!({ "ticket": ticket })).await?;
    if let Some(asset) = asked.asset_id {
        association::associate(tx, change, "asset_id", asset, ticket.id, association::AFFECTED).await?;
    }
    Ok(ticket)
}

fn provenance(actor: &Actor) -> (&'static str, &'static str) {
    match actor {
        Actor::User(_) | Actor::Operator => ("internal", "person"),
        Actor::Token(_) => ("api", "token"),
        Actor::Portal(_) => ("api", "portal"),
        Actor::Webhook(_) => ("api", "webhook"),
        Actor::System => ("internal", "system"),
    }
}
