//! The SQL of tickets and their comments.

use hookswitch_store::{Page, Row, StoreError, Tx, Value as Column, params};
use serde_json::Value;

use super::{Comment, Filter, Ticket};
use crate::id::TicketId;
use crate::list::Conditions;
use crate::record::store::search_key;

const TICKET: &str = "SELECT ticket.id, ticket_number, title, ticket.description, ticket.client_id, client_name,
        ticket.board_id, board_name, status_id, status.name, is_closed, priority_id, priority_name, category_id,
        assigned_to, due_date, attributes, ticket_origin, source, entered_by, entered_at, ticket.updated_at, closed_at,
        location_id, contact_id, subcategory_id, assigned_team_id, ticket.version
    FROM ticket
    JOIN board ON board.id = ticket.board_id AND board.tenant = ticket.tenant
    JOIN status ON status.id = ticket.status_id AND status.tenant = ticket.tenant
    JOIN priority ON priority.id = ticket.priority_id AND priority.tenant = ticket.tenant
    LEFT JOIN client ON client.id = ticket.client_id AND client.tenant = ticket.tenant";

fn ticket_of(mut row: Row) -> Result<Ticket, StoreError> {
    Ok(Ticket {
        id: row.get(0)?,
        ticket_number: row.get(1)?,
        title: row.get(2)?,
        description: row.get(3)?,
        client_id: row.get(4)?,
        client_name: row.get(5)?,
        board_id: row.get(6)?,
        board_name: row.get(7)?,
        status_id: row.get(8)?,
        status_name: row.get(9)?,
        is_closed: row.get(10)?,
        priority_id: row.get(11)?,
        priority_name: row.get(12)?,
        category_id: row.get(13)?,
        assigned_to: row.get(14)?,
        due_date: row.get(15)?,
        attributes: match row.get(16)? {
            Value::Object(attributes) => attributes,
            _ => return Err(StoreError::Corrupt("a ticket's attributes are no object".to_owned())),
        },
        ticket_origin: row.get(17)?,
        source: row.get(18)?,
        entered_by: row.get(19)?,
        entered_at: row.get(20)?,
        updated_at: row.get(21)?,
        closed_at: row.get(22)?,
        location_id: row.get(23)?,
        contact_id: row.get(24)?,
        subcategory_id: row.get(25)?,
        assigned_team_id: row.get(26)?,
        version: row.get(27)?,
        external_refs: Vec::new(),
    })
}

const COLUMNS: [&str; 23] = [
    "ticket_number",
    "title",
    "description",
    "client_id",
    "board_id",
    "status_id",
    "priority_id",
    "category_id",
    "assigned_to",
    "due_date",
    "attributes",
    "ticket_origin",
    "source",
    "entered_by",
    "entered_at",
    "updated_at",
    "closed_at",
    "location_id",
    "contact_id",
    "subcategory_id",
    "assigned_team_id",
    "version",
    "search_key",
];

fn values(ticket: &Ticket) -> Vec<Column> {
    vec![
        ticket.ticket_number.into(),
        (&ticket.title).into(),
        ticket.description.as_deref().into(),
        ticket.client_id.into(),
        ticket.board_id.into(),
        ticket.status_id.into(),
        ticket.priority_id.into(),
        ticket.category_id.into(),
        ticket.assigned_to.into(),
        ticket.due_date.into(),
        Value::Object(ticket.attributes.clone()).into(),
        (&ticket.ticket_origin).into(),
        (&ticket.source).into(),
        (&ticket.entered_by).into(),
        ticket.entered_at.into(),
        ticket.updated_at.into(),
        ticket.closed_at.into(),
        ticket.location_id.into(),
        ticket.contact_id.into(),
        ticket.subcategory_id.into(),
        ticket.assigned_team_id.into(),
        ticket.version.into(),
        search_key(&ticket.title).into(),
    ]
}

pub(super) async fn insert(tx: &mut Tx, ticket: &Ticket) -> Result<(), StoreError> {
    let places: Vec<String> = (1..=COLUMNS.len() + 2).map(|place| format!("${place}")).collect();
    let sql = format!("INSERT INTO ticket (id, tenant, {}) VALUES ({})", COLUMNS.join(", "), places.join(", "));
    let key: Vec<Column> = vec![ticket.id.into(), tx.tenant().into()];
    tx.execute(&sql, &[key, values(ticket)].concat()).await?;
    Ok(())
}

/// False if the ticket is not at this version any more.
pub(super) async fn update(tx: &mut Tx, ticket: &Ticket, version: i64) -> Result<bool, StoreError> {
    let set: Vec<String> = (4..).zip(COLUMNS).map(|(place, column)| format!("{column} = ${place}")).collect();
    let sql = format!("UPDATE ticket SET {} WHERE id = $1 AND tenant = $2 AND version = $3", set.join(", "));
    let key: Vec<Column> = vec![ticket.id.into(), tx.tenant().into(), version.into()];
    Ok(tx.execute(&sql, &[key, values(ticket)].concat()).await? == 1)
}

/// Nobody else changes the ticket until this transaction ends.
pub(super) async fn hold(tx: &mut Tx, id: TicketId) -> Result<(), StoreError> {
    if !tx.is_sqlite() {
        tx.query("SELECT 1 FROM ticket WHERE id = $1 AND tenant = $2 FOR UPDATE", params![id, tx.tenant()]).await?;
    }
    Ok(())
}

pub(super) async fn get(tx: &mut Tx, id: TicketId) -> Result<Option<Ticket>, StoreError> {
    let sql = format!("{TICKET} WHERE ticket.id = $1 AND ticket.tenant = $2");
    tx.query_opt(&sql, params![id, tx.tenant()]).await?.map(ticket_of).transpose()
}

/// `among`: these tickets at most.
pub(super) async fn list(
    tx: &mut Tx,
    filter: &Filter,
    among: Option<Vec<TicketId>>,
    page: &Page,
) -> Result<Vec<Ticket>, StoreError> {
    let mut conditions = Conditions::of_tenant(tx, "ticket")
        .equal("ticket.ticket_number", filter.ticket_number)
        .equal("ticket.status_id", filter.status_id)
        .equal("ticket.board_id", filter.board_id)
        .equal("ticket.client_id", filter.client_id)
        .equal("ticket.priority_id", filter.priority_id)
        .equal("ticket.contact_id", filter.contact_id)
        .equal("ticket.category_id", filter.category_id)
        .equal("ticket.assigned_to", filter.assigned_to)
        .equal("ticket.assigned_team_id", filter.assigned_team_id);
    if let Some(asset) = filter.asset_id {
        let select = "SELECT ticket_id FROM asset_association WHERE tenant = $1 AND asset_id = {}";
        conditions = conditions.within("ticket.id", select, asset.into());
    }
    if let Some(beginning) = &filter.q {
        conditions = conditions.beginning("ticket", &search_key(beginning));
    }
    if let Some(ids) = among {
        conditions = conditions.among("ticket.id", ids.into_iter().map(Into::into));
    }
    let (sql, params) = conditions.page("ticket.id", page).after(TICKET);
    tx.query(&sql, &params).await?.into_iter().map(ticket_of).collect()
}

pub(super) async fn insert_comment(tx: &mut Tx, comment: &Comment) -> Result<(), StoreError> {
    let sql = "INSERT INTO ticket_comment (id, tenant, ticket_id, author_type, author, note, is_internal, created_at,
            is_resolution)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let params = params![
        comment.id,
        tx.tenant(),
        comment.ticket_id,
        &comment.author_type,
        &comment.author,
        &comment.note,
        comment.is_internal,
        comment.created_at,
        comment.is_resolution,
    ];
    tx.execute(sql, params).await?;
    Ok(())
}

/// Newest first.
pub async fn comments(tx: &mut Tx, ticket: TicketId, page: &Page) -> Result<Vec<Comment>, StoreError> {
    let select = "SELECT id, ticket_id, author_type, author, note, is_internal, created_at, is_resolution FROM ticket_comment";
    let conditions = Conditions::of_tenant(tx, "ticket_comment").equal("ticket_id", Some(ticket));
    let (sql, params) = conditions.page("id", page).after(select);
    tx.query(&sql, &params).await?.into_iter().map(comment_of).collect()
}

fn comment_of(mut row: Row) -> Result<Comment, StoreError> {
    Ok(Comment {
        id: row.get(0)?,
        ticket_id: row.get(1)?,
        author_type: row.get(2)?,
        author: row.get(3)?,
        note: row.get(4)?,
        is_internal: row.get(5)?,
        created_at: row.get(6)?,
        is_resolution: row.get(7)?,
    })
}
