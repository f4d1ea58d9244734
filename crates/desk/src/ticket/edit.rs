//! Changing tickets, for people and for inbound webhooks on one path: what is given is merged, must fit
//! together, and is published with what it was before.

use hookswitch_domain::id::UserId;
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::{StoreError, Tx, params};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::place::{self, Parts};
use super::{Ticket, get, publish, store};
use crate::board::{self, Board};
use crate::change::Change;
use crate::history;
use crate::id::{BoardId, CategoryId, ClientId, ContactId, LocationId, PriorityId, StatusId, TeamId, TicketId};
use crate::input::{TITLE_CHARS_MAX, check_name, check_object, check_text, invalid};
use crate::mapping;
use crate::record::{IN_USE, Reference, check_reference, check_version, differences, merge, object_of};
use crate::words::moment;

/// What can be changed of a ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Editable {
    title: String,
    description: Option<String>,
    client_id: Option<ClientId>,
    location_id: Option<LocationId>,
    contact_id: Option<ContactId>,
    board_id: BoardId,
    status_id: StatusId,
    priority_id: PriorityId,
    category_id: Option<CategoryId>,
    subcategory_id: Option<CategoryId>,
    assigned_to: Option<UserId>,
    assigned_team_id: Option<TeamId>,
    #[serde(default, deserialize_with = "moment")]
    due_date: Option<Timestamp>,
    #[serde(default)]
    attributes: Map<String, Value>,
}

impl Editable {
    fn of(ticket: &Ticket) -> Self {
        let ticket = ticket.clone();
        Self {
            title: ticket.title,
            description: ticket.description,
            client_id: ticket.client_id,
            location_id: ticket.location_id,
            contact_id: ticket.contact_id,
            board_id: ticket.board_id,
            status_id: ticket.status_id,
            priority_id: ticket.priority_id,
            category_id: ticket.category_id,
            subcategory_id: ticket.subcategory_id,
            assigned_to: ticket.assigned_to,
            assigned_team_id: ticket.assigned_team_id,
            due_date: ticket.due_date,
            attributes: ticket.attributes,
        }
    }

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
            board_id: Some(self.board_id),
            status_id: Some(self.status_id),
            priority_id: Some(self.priority_id),
            category_id: self.category_id,
            subcategory_id: self.subcategory_id,
            assigned_to: self.assigned_to,
            assigned_team_id: self.assigned_team_id,
        }
    }
}

/// What a change came to. No changed fields: nothing was written.
#[derive(Debug)]
pub struct Edited {
    pub ticket: Ticket,
    pub changes: Map<String, Value>,
}

impl Edited {
    pub fn result(&self) -> &'static str {
        if self.changes.is_empty() { "unchanged" } else { "updated" }
    }
}

/// Changes the given fields and no others. None if there is no such ticket.
pub async fn change(
    tx: &mut Tx,
    by: &Change<'_>,
    id: TicketId,
    given: &Map<String, Value>,
    expected: Option<i64>,
) -> Result<Option<Edited>, ActionError> {
    store::hold(tx, id).await?;
    let Some(before) = get(tx, id).await? else { return Ok(None) };
    check_version(before.version, expected)?;
    let old = Editable::of(&before);
    let after: Editable = merge::read(merge::over(&object_of(&old)?, given)?)?;
    if after.board_id != old.board_id && !given.contains_key("status_id") {
        check_reference(tx, Reference::to::<Board>("board_id", after.board_id)).await?;
        return Err(invalid("status_id", "is needed: another board has other statuses"));
    }
    apply(tx, by, before, &old, after).await.map(Some)
}

async fn apply(tx: &mut Tx, by: &Change<'_>, before: Ticket, old: &Editable, after: Editable) -> Result<Edited, ActionError> {
    let changes = differences(&object_of(old)?, &object_of(&after)?);
    if changes.is_empty() {
        return Ok(Edited { ticket: before, changes });
    }
    after.check()?;
    let place = place::find(tx, &after.parts(), Some(&old.parts())).await?;
    let now = by.ambient.now();
    let closed_at = match (place.status.fields.is_closed, before.closed_at) {
        (false, _) => None,
        (true, known) => Some(known.unwrap_or(now)),
    };
    let ticket = Ticket {
        title: after.title,
        description: after.description,
        client_id: place.client.as_ref().map(|client| client.id),
        client_name: place.client.map(|client| client.fields.client_name),
        location_id: after.location_id,
        contact_id: after.contact_id,
        board_id: place.board.id,
        board_name: place.board.fields.board_name,
        status_id: place.status.id,
        status_name: place.status.fields.name,
        is_closed: place.status.fields.is_closed,
        priority_id: place.priority.id,
        priority_name: place.priority.fields.priority_name,
        category_id: after.category_id,
        subcategory_id: after.subcategory_id,
        assigned_to: after.assigned_to,
        assigned_team_id: after.assigned_team_id,
        due_date: after.due_date,
        attributes: after.attributes,
        updated_at: now,
        closed_at,
        version: before.version + 1,
        ..before.clone()
    };
    if !store::update(tx, &ticket, before.version).await? {
        return Err(StoreError::Contended(format!("the ticket {} was changed by somebody else", ticket.id)).into());
    }
    history::note(tx, by, mapping::TICKET, ticket.id.uuid(), "updated", &changes).await?;
    tell(tx, by, &before, &ticket, &changes).await?;
    Ok(Edited { ticket, changes })
}

/// One event for the change, and one more for each thing about it that has a name of its own.
async fn tell(
    tx: &mut Tx,
    by: &Change<'_>,
    before: &Ticket,
    ticket: &Ticket,
    changes: &Map<String, Value>,
) -> Result<(), ActionError> {
    publish(tx, by, "ticket.updated", ticket, json!({ "ticket": ticket, "changes": changes })).await?;
    if changes.contains_key("status_id") {
        let payload = json!({
            "ticket": ticket,
            "changes": changes,
            "previous_status_id": before.status_id,
            "previous_status_name": before.status_name,
        });
        publish(tx, by, "ticket.status_changed", ticket, payload).await?;
    }
    let assigned = ["assigned_to", "assigned_team_id"].iter().any(|field| changes.contains_key(*field));
    for (event, happened) in [("ticket.assigned", assigned), ("ticket.closed", ticket.is_closed && !before.is_closed)] {
        if happened {
            publish(tx, by, event, ticket, json!({ "ticket": ticket, "changes": changes })).await?;
        }
    }
    Ok(())
}

/// Gives a closed ticket its board's default status again. False if it wasn't closed.
pub async fn reopen(tx: &mut Tx, by: &Change<'_>, ticket: &Ticket) -> Result<bool, ActionError> {
    let default = board::default_status(tx, ticket.board_id).await?;
    let Some(status) = default.filter(|status| !status.fields.is_closed) else {
        return Err(invalid("on_existing", "the ticket can't be reopened: its board has no open default status"));
    };
    store::hold(tx, ticket.id).await?;
    let Some(before) = get(tx, ticket.id).await?.filter(|ticket| ticket.is_closed) else { return Ok(false) };
    let old = Editable::of(&before);
    let after = Editable { status_id: status.id, ..old.clone() };
    apply(tx, by, before, &old, after).await?;
    Ok(true)
}

/// Removes a ticket with its comments and its links. False if there is none.
pub async fn remove(tx: &mut Tx, by: &Change<'_>, id: TicketId, expected: Option<i64>) -> Result<bool, ActionError> {
    store::hold(tx, id).await?;
    let Some(ticket) = get(tx, id).await? else { return Ok(false) };
    check_version(ticket.version, expected)?;
    let booked = "SELECT 1 FROM time_entry WHERE tenant = $1 AND work_item_type = 'ticket' AND work_item_id = $2 LIMIT 1";
    if tx.query_opt(booked, params![tx.tenant(), id.to_string()]).await?.is_some() {
        let detail = "time is booked on this ticket; change or remove that first".to_owned();
        return Err(ActionError::Rule { code: IN_USE, detail });
    }
    for (table, what) in [("alert", "an alert"), ("evidence", "evidence")] {
        let sql = format!("SELECT 1 FROM {table} WHERE tenant = $1 AND ticket_id = $2 LIMIT 1");
        if tx.query_opt(&sql, params![tx.tenant(), id]).await?.is_some() {
            let detail = format!("{what} names this ticket; change or remove that first");
            return Err(ActionError::Rule { code: IN_USE, detail });
        }
    }
    for (table, column) in
        [("ticket_comment", "ticket_id"), ("asset_association", "ticket_id"), ("tag_mapping", "tagged_id"), ("ticket", "id")]
    {
        crate::record::store::delete_where(tx, table, column, id.uuid()).await?;
    }
    mapping::store::forget(tx, mapping::TICKET, &id.to_string()).await?;
    history::note(tx, by, mapping::TICKET, id.uuid(), "deleted", &Map::new()).await?;
    publish(tx, by, "ticket.deleted", &ticket, json!({ "ticket": ticket })).await?;
    Ok(true)
}
