//! The log of what was received, as it is read. A list looks at a bounded number of rows, whatever
//! the history weighs: a page may be short although there is more.

use hookswitch_domain::id::{InboundDeliveryId, InboundWebhookId};
use hookswitch_domain::inbound::{AuthStatus, DispatchStatus};
use hookswitch_domain::time::Timestamp;

use super::received::{Origin, Received};
use crate::db::Tx;
use crate::delivery::Listing;
use crate::error::StoreError;
use crate::page::Page;
use crate::{Row, Value, params};

/// Rows that one page may look at.
const LOOKED_AT_MAX: i64 = 2_000;

/// A delivery as it is read.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub received: Received,
    pub dispatch_status: DispatchStatus,
    pub handler_outcome: Option<serde_json::Value>,
    pub response_status: Option<u32>,
    pub response_body: Option<String>,
    pub duration_ms: Option<i64>,
    pub retry_count: u32,
    pub dead_lettered_at: Option<Timestamp>,
    /// How long the body was, once retention has cut it.
    pub body_bytes: Option<i64>,
}

const DELIVERY: &str =
    "delivery_id, inbound_webhook_id, idempotency_key, received_at, request_method, request_path, request_headers,
    request_body, source_ip, user_agent, auth_status, revision, dispatch_status, handler_outcome, response_status, response_body,
    duration_ms, retry_count, replayed_from, split_from, is_test, dead_lettered_at, body_bytes";

fn read_delivery(mut row: Row) -> Result<Delivery, StoreError> {
    let auth: String = row.get(10)?;
    let status: String = row.get(12)?;
    let known = || StoreError::Corrupt("an inbound delivery's status".to_owned());
    let origin = match (row.get(18)?, row.get(19)?, row.get(20)?) {
        (Some(of), Some(whole), _) => Origin::PartAgain { of, whole },
        (Some(original), None, _) => Origin::Replay(original),
        (None, Some(whole), _) => Origin::Part(whole),
        (None, None, true) => Origin::Test,
        (None, None, false) => Origin::Sender,
    };
    Ok(Delivery {
        received: Received {
            id: row.get(0)?,
            webhook: row.get(1)?,
            origin,
            idempotency_key: row.get(2)?,
            received_at: row.get(3)?,
            method: row.get(4)?,
            path: row.get(5)?,
            headers: row.get(6)?,
            body: row.get(7)?,
            source_ip: row.get(8)?,
            user_agent: row.get(9)?,
            auth_status: serde_json::from_value(auth.into()).map_err(|_| known())?,
            revision: row.get(11)?,
        },
        dispatch_status: DispatchStatus::named(&status).ok_or_else(known)?,
        handler_outcome: row.get(13)?,
        response_status: row.get(14)?,
        response_body: row.get(15)?,
        duration_ms: row.get(16)?,
        retry_count: row.get(17)?,
        dead_lettered_at: row.get(21)?,
        body_bytes: row.get(22)?,
    })
}

pub async fn delivery(tx: &mut Tx, id: InboundDeliveryId) -> Result<Option<Delivery>, StoreError> {
    let tenant = tx.tenant();
    let sql = format!("SELECT {DELIVERY} FROM inbound_webhook_deliveries WHERE delivery_id = $1 AND tenant = $2");
    tx.query_opt(&sql, params![id, tenant]).await?.map(read_delivery).transpose()
}

/// Where a list looks. Each goes by an index of its own.
#[derive(Debug, Clone, Copy)]
pub enum Shelf {
    /// What one webhook received.
    Webhook(InboundWebhookId),
    /// What was turned away, also where no webhook has the slug.
    Rejected,
    /// What was given up after its sender had been told that it is taken.
    Dead,
}

/// What a list is narrowed to; what is `None` doesn't narrow it.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub status: Option<DispatchStatus>,
    pub auth_status: Option<AuthStatus>,
    pub webhook: Option<InboundWebhookId>,
    pub dead: Option<bool>,
    pub replay: Option<bool>,
    /// A part of the key, the outcome, the address, the user agent or the path, without regard to case.
    pub search: Option<String>,
}

impl Filter {
    /// The conditions that are asked for, their values behind those that stand in `values` already.
    pub(super) fn conditions(&self, values: &mut Vec<Value>) -> String {
        let mut all = Vec::new();
        let mut with = |values: &mut Vec<Value>, condition: &str, value: Value| {
            values.push(value);
            all.push(format!("{condition}${}{}", values.len(), if condition.ends_with("LIKE ") { " ESCAPE '!'" } else { "" }));
        };
        if let Some(status) = self.status {
            with(values, "dispatch_status = ", status.as_str().into());
        }
        if let Some(status) = self.auth_status {
            with(values, "auth_status = ", status.as_str().into());
        }
        if let Some(webhook) = self.webhook {
            with(values, "inbound_webhook_id = ", webhook.into());
        }
        if let Some(text) = &self.search {
            with(values, SEARCHED, pattern(text).into());
        }
        for (wanted, column) in [(self.dead, "dead_lettered_at"), (self.replay, "replayed_from")] {
            if let Some(wanted) = wanted {
                all.push(format!("{column} IS {}NULL", if wanted { "NOT " } else { "" }));
            }
        }
        if all.is_empty() { "TRUE".to_owned() } else { all.join(" AND ") }
    }
}

const SEARCHED: &str = "lower(coalesce(idempotency_key, '') || ' ' || coalesce(handler_outcome, '') || ' ' || source_ip || ' ' ||
    coalesce(user_agent, '') || ' ' || request_path) LIKE ";

/// Deliveries, newest first.
pub async fn deliveries(tx: &mut Tx, shelf: Shelf, page: &Page, filter: &Filter) -> Result<Listing<Delivery>, StoreError> {
    let (mut values, place) = match shelf {
        Shelf::Webhook(id) => (vec![id.into()], "inbound_webhook_id = $1 AND tenant = $2"),
        Shelf::Rejected => (vec![Value::from("verified")], "auth_status <> 'verified' AND auth_status <> $1 AND tenant = $2"),
        Shelf::Dead => (vec![Value::from(0i64)], "dead_lettered_at IS NOT NULL AND dead_lettered_at > $1 AND tenant = $2"),
    };
    values.extend([tx.tenant().into(), page.below().into(), page.floor().into()]);
    let there = format!("FROM inbound_webhook_deliveries WHERE {place} AND delivery_id < $3 AND delivery_id >= $4");
    let bounds = values.clone();
    let conditions = filter.conditions(&mut values);
    let sql = format!(
        "SELECT {DELIVERY} FROM (SELECT {DELIVERY} {there} ORDER BY delivery_id DESC LIMIT {LOOKED_AT_MAX}) s WHERE {conditions}
         ORDER BY delivery_id DESC LIMIT {}",
        page.fetch()
    );
    let mut rows: Vec<Delivery> = tx.query(&sql, &values).await?.into_iter().map(read_delivery).collect::<Result<_, _>>()?;
    let limit = page.limit as usize;
    if rows.len() > limit {
        rows.truncate(limit);
        let next = rows.last().map(|row| row.received.id.uuid());
        return Ok(Listing { rows, next });
    }
    // Fewer than asked for: either that is all, or the rest lies behind what one page may look at.
    let sql = format!("SELECT delivery_id {there} ORDER BY delivery_id DESC LIMIT 1 OFFSET {}", LOOKED_AT_MAX - 1);
    let next = tx.query_opt(&sql, &bounds).await?.map(|mut row| row.get(0)).transpose()?;
    Ok(Listing { rows, next })
}

/// The text anywhere, its wildcards being letters.
fn pattern(text: &str) -> String {
    let escaped = text.to_lowercase().replace('!', "!!").replace('%', "!%").replace('_', "!_");
    format!("%{escaped}%")
}

/// What was given up from this moment on and still waits for a person.
pub async fn dead_since(tx: &mut Tx, from: Timestamp) -> Result<i64, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT count(*) FROM inbound_webhook_deliveries
        WHERE dead_lettered_at IS NOT NULL AND dead_lettered_at >= $2 AND tenant = $1";
    tx.query_one(sql, params![tenant, from]).await?.get(0)
}

/// When a webhook last received something.
pub async fn last_received(tx: &mut Tx, webhook: InboundWebhookId) -> Result<Option<Timestamp>, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT received_at FROM inbound_webhook_deliveries WHERE inbound_webhook_id = $1 AND tenant = $2
        ORDER BY delivery_id DESC LIMIT 1";
    tx.query_opt(sql, params![webhook, tenant]).await?.map(|mut row| row.get(0)).transpose()
}
