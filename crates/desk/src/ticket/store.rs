//! The SQL of tickets and their comments.

use hookswitch_domain::time::Timestamp;
use hookswitch_store::{Page, Row, StoreError, Tx, params};
use serde_json::Value;

use super::{Comment, Filter, Ticket};
use crate::id::{StatusId, TicketId};
use crate::list::Conditions;

const TICKET: &str = "SELECT ticket.id, ticket_number, title, ticket.description, ticket.client_id, client_name,
        ticket.board_id, board_name, status_id, status.name, is_closed, priority_id, priority_name, category_id,
        assigned_to, due_date, attributes, ticket_origin, source, entered_by, entered_at, ticket.updated_at, closed_at
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
        external_refs: Vec::new(),
    })
}

/// The tenant's next number. Whoever asks next waits for this transaction's end.
pub(super) async fn next_number(tx: &mut Tx) -> Result<i64, StoreError> {
    let sql = "INSERT INTO ticket_counter (tenant, last_number) VALUES ($1, 1)
        ON CONFLICT (tenant) DO UPDATE SET last_number = ticket_counter.last_number + 1 RETURNING last_number";
    tx.query_one(sql, params![tx.tenant()]).await?.get(0)
}

pub(super) async fn insert(tx: &mut Tx, ticket: &Ticket) -> Result<(), StoreError> {
    let sql = "INSERT INTO ticket (id, tenant, ticket_number, title, description, client_id, board_id, status_id, priority_id,
            category_id, assigned_to, due_date, attributes, ticket_origin, source, entered_by, entered_at, updated_at, closed_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)";
    let params = params![
        ticket.id,
        tx.tenant(),
        ticket.ticket_number,
        &ticket.title,
        ticket.description.as_deref(),
        ticket.client_id,
        ticket.board_id,
        ticket.status_id,
        ticket.priority_id,
        ticket.category_id,
        ticket.assigned_to,
        ticket.due_date,
        Value::Object(ticket.attributes.clone()),
        &ticket.ticket_origin,
        &ticket.source,
        &ticket.entered_by,
        ticket.entered_at,
        ticket.updated_at,
        ticket.closed_at,
    ];
    tx.execute(sql, params).await?;
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
        .equal("ticket.status_id", filter.status_id)
        .equal("ticket.board_id", filter.board_id)
        .equal("ticket.client_id", filter.client_id)
        .equal("ticket.priority_id", filter.priority_id)
        .equal("ticket.assigned_to", filter.assigned_to);
    if let Some(ids) = among {
        conditions = conditions.among("ticket.id", ids.into_iter().map(Into::into));
    }
    let (sql, params) = conditions.page("ticket.id", page).after(TICKET);
    tx.query(&sql, &params).await?.into_iter().map(ticket_of).collect()
}

/// False if the ticket is not closed.
pub(super) async fn reopen(tx: &mut Tx, id: TicketId, status: StatusId, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE ticket SET status_id = $3, closed_at = NULL, updated_at = $4
        WHERE id = $1 AND tenant = $2 AND closed_at IS NOT NULL";
    Ok(tx.execute(sql, params![id, tx.tenant(), status, now]).await? == 1)
}

pub(super) async fn insert_comment(tx: &mut Tx, comment: &Comment) -> Result<(), StoreError> {
    let sql = "INSERT INTO ticket_comment (id, tenant, ticket_id, author_type, author, note, is_internal, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let params = params![
        comment.id,
        tx.tenant(),
        comment.ticket_id,
        &comment.author_type,
        &comment.author,
        &comment.note,
        comment.is_internal,
        comment.created_at,
    ];
    tx.execute(sql, params).await?;
    Ok(())
}

/// Newest first.
pub async fn comments(tx: &mut Tx, ticket: TicketId, page: &Page) -> Result<Vec<Comment>, StoreError> {
    let select = "SELECT id, ticket_id, author_type, author, note, is_internal, created_at FROM ticket_comment";
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
    })
}
