//! Where a new ticket belongs: what it names must exist in its tenant and fit together; what it
//! doesn't name takes the tenant's defaults. Another tenant's record is as unknown as one that
//! never was.

use hookswitch_domain::id::UserId;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::{Tx, user};

use super::NewTicket;
use crate::board::{self, Board, Priority, Status};
use crate::client::{self, Client};
use crate::id::CategoryId;
use crate::input::invalid;

pub(super) struct Place {
    pub client: Option<Client>,
    pub board: Board,
    pub status: Status,
    pub priority: Priority,
}

pub(super) async fn find(tx: &mut Tx, asked: &NewTicket) -> Result<Place, ActionError> {
    let board = match asked.board_id {
        Some(id) => named("board_id", "board", board::store::board(tx, id).await?)?,
        None => default("board_id", "board", board::store::default_board(tx).await?)?,
    };
    let status = match asked.status_id {
        Some(id) => named("status_id", "status", board::store::status(tx, id).await?)?,
        None => default("status_id", "status", board::store::default_status(tx, board.id).await?)?,
    };
    if status.board_id != board.id {
        return Err(invalid("status_id", "belongs to another board than the ticket's"));
    }
    let priority = match asked.priority_id {
        Some(id) => named("priority_id", "priority", board::store::priority(tx, id).await?)?,
        None => default("priority_id", "priority", board::store::default_priority(tx).await?)?,
    };
    let client = match asked.client_id {
        Some(id) => Some(named("client_id", "client", client::store::get(tx, id).await?)?),
        None => client::store::default(tx).await?,
    };
    if let Some(id) = asked.category_id {
        check_category(tx, id, &board).await?;
    }
    if let Some(id) = asked.assigned_to {
        check_assignee(tx, id).await?;
    }
    Ok(Place { client, board, status, priority })
}

fn named<T>(field: &str, what: &str, found: Option<T>) -> Result<T, ActionError> {
    found.ok_or_else(|| invalid(field, format!("names no {what} of this tenant")))
}

fn default<T>(field: &str, what: &str, found: Option<T>) -> Result<T, ActionError> {
    found.ok_or_else(|| invalid(field, format!("is needed, because there is no default {what}")))
}

async fn check_category(tx: &mut Tx, id: CategoryId, board: &Board) -> Result<(), ActionError> {
    let category = named("category_id", "category", board::store::category(tx, id).await?)?;
    match category.board_id {
        Some(other) if other != board.id => Err(invalid("category_id", "belongs to another board than the ticket's")),
        _ => Ok(()),
    }
}

async fn check_assignee(tx: &mut Tx, id: UserId) -> Result<(), ActionError> {
    match named("assigned_to", "user", user::get(tx, id).await?)?.disabled {
        true => Err(invalid("assigned_to", "names a user who is disabled")),
        false => Ok(()),
    }
}
