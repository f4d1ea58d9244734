//! Where a ticket belongs: what it names must exist in its tenant and fit together; what a new one
//! doesn't name takes the tenant's defaults. Another tenant's record is as unknown as one that never
//! was. What an edit leaves as it is isn't asked for again.

use hookswitch_domain::id::UserId;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::Tx;

use crate::board::{self, Board, Category, Priority, Status};
use crate::client::{self, Client};
use crate::contact::Contact;
use crate::id::{BoardId, CategoryId, ClientId, ContactId, LocationId, PriorityId, StatusId, TeamId};
use crate::input::invalid;
use crate::location;
use crate::record::{Entity, Record, Reference, check_reference, store};
use crate::team::Team;

/// What a ticket names.
#[derive(Debug, Clone, Default)]
pub(super) struct Parts {
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
}

pub(super) struct Place {
    pub client: Option<Record<Client>>,
    pub board: Record<Board>,
    pub status: Record<Status>,
    pub priority: Record<Priority>,
    pub assigned_to: Option<UserId>,
    pub assigned_team_id: Option<TeamId>,
}

/// `before`: the ticket is there already, and named these.
pub(super) async fn find(tx: &mut Tx, asked: &Parts, before: Option<&Parts>) -> Result<Place, ActionError> {
    let board = match asked.board_id {
        Some(id) => named::<Board>(tx, "board_id", id).await?,
        None => default("board_id", "board", board::default_board(tx).await?)?,
    };
    let status = match asked.status_id {
        Some(id) => named::<Status>(tx, "status_id", id).await?,
        None => default("status_id", "status", board::default_status(tx, board.id).await?)?,
    };
    if status.fields.board_id != board.id {
        return Err(invalid("status_id", "belongs to another board than the ticket's"));
    }
    let priority = match asked.priority_id.or(board.fields.default_priority_id) {
        Some(id) => named::<Priority>(tx, "priority_id", id).await?,
        None => default("priority_id", "priority", board::default_priority(tx).await?)?,
    };
    let client = client_of(tx, asked, before.is_some()).await?;
    let client_id = client.as_ref().map(|client| client.id);
    if before.is_none_or(|before| (before.location_id, before.client_id) != (asked.location_id, client_id)) {
        location::check_of(tx, "location_id", asked.location_id, client_id).await?;
    }
    check_categories(tx, asked, &board).await?;
    let (mut assigned_to, mut assigned_team_id) = (asked.assigned_to, asked.assigned_team_id);
    if before.is_none() && assigned_to.is_none() && assigned_team_id.is_none() {
        (assigned_to, assigned_team_id) = (board.fields.default_assigned_to, board.fields.default_assigned_team_id);
    }
    if before.is_none_or(|before| before.assigned_to != assigned_to) {
        check_reference(tx, Reference::to_user("assigned_to", assigned_to)).await?;
    }
    if before.is_none_or(|before| before.assigned_team_id != assigned_team_id) {
        check_reference(tx, Reference::to::<Team>("assigned_team_id", assigned_team_id)).await?;
    }
    Ok(Place { client, board, status, priority, assigned_to, assigned_team_id })
}

async fn named<E: Entity>(tx: &mut Tx, field: &str, id: E::Id) -> Result<Record<E>, ActionError> {
    let found = store::get::<E>(tx, id, false).await?;
    found.ok_or_else(|| invalid(field, format!("names no {} of this tenant", E::KIND)))
}

fn default<T>(field: &str, what: &str, found: Option<T>) -> Result<T, ActionError> {
    found.ok_or_else(|| invalid(field, format!("is needed, because there is no default {what}")))
}

/// The client that is named, else the contact's, else the tenant's default.
async fn client_of(tx: &mut Tx, asked: &Parts, known: bool) -> Result<Option<Record<Client>>, ActionError> {
    let contact = match asked.contact_id {
        Some(id) => named::<Contact>(tx, "contact_id", id).await?.fields.client_id,
        None => None,
    };
    match (asked.client_id, contact) {
        (Some(client), Some(other)) if client != other => {
            Err(invalid("contact_id", "belongs to another client than the ticket's"))
        }
        (Some(client), _) => {
            check_reference(tx, Reference::to::<Client>("client_id", client)).await?;
            named::<Client>(tx, "client_id", client).await.map(Some)
        }
        (None, Some(client)) if !known => named::<Client>(tx, "contact_id", client).await.map(Some),
        (None, _) if known => Ok(None),
        (None, _) => Ok(client::default(tx).await?),
    }
}

async fn check_categories(tx: &mut Tx, asked: &Parts, board: &Record<Board>) -> Result<(), ActionError> {
    for (field, id) in [("category_id", asked.category_id), ("subcategory_id", asked.subcategory_id)] {
        let Some(id) = id else { continue };
        let category = named::<Category>(tx, field, id).await?.fields;
        if category.board_id.is_some_and(|other| other != board.id) {
            return Err(invalid(field, "belongs to another board than the ticket's"));
        }
        if field == "subcategory_id" && (category.parent_category.is_none() || category.parent_category != asked.category_id) {
            return Err(invalid(field, "lies under another category than category_id"));
        }
    }
    Ok(())
}
