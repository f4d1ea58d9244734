//! What changed of a tenant's work a moment ago, for whoever watches. Ids are time-ordered, so that
//! what is new is a range of keys; what changes is asked for by id. No statement here costs more
//! for the history behind it or the backlog before it.

use hookswitch_domain::flow::Class;
use hookswitch_domain::id::{DeliveryId, DestinationId, EventId, InboundDeliveryId, InboundWebhookId, uuid_floor};
use hookswitch_domain::time::Timestamp;

use crate::db::Tx;
use crate::delivery::{self, Attempt, Delivery};
use crate::error::StoreError;
use crate::event::Meta;
use crate::{Row, Value, params};

/// As many ids stand in one statement.
const CHUNK: usize = 100;
/// So many lanes of a tenant are looked into.
const LANES_MAX: i64 = 50;

/// How a delivery stands, in few bytes: whatever changes about it changes this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    pub id: DeliveryId,
    pub state: i64,
    pub attempts: u32,
    pub updated_at: Timestamp,
}

/// An event that was published.
#[derive(Debug, Clone)]
pub struct Published {
    pub id: EventId,
    pub event_type: String,
    pub meta: Meta,
}

/// What an inbound webhook received, without its body.
#[derive(Debug, Clone, PartialEq)]
pub struct Inbound {
    pub id: InboundDeliveryId,
    pub webhook: Option<InboundWebhookId>,
    pub auth_status: String,
    pub dispatch_status: String,
    pub response_status: Option<u32>,
    pub duration_ms: Option<i64>,
    pub source_ip: String,
}

/// Deliveries made since then, the newest first.
pub async fn deliveries_since(tx: &mut Tx, since: Timestamp, limit: i64) -> Result<Vec<DeliveryId>, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT id FROM delivery WHERE tenant = $1 AND id >= $2 ORDER BY id DESC LIMIT $3";
    ids(tx.query(sql, params![tenant, uuid_floor(since), limit]).await?)
}

/// Deliveries whose turn comes within so many milliseconds, at most `each` of every destination.
pub async fn deliveries_soon_due(tx: &mut Tx, within_ms: i64, each: i64) -> Result<Vec<DeliveryId>, StoreError> {
    let tenant = tx.tenant();
    let lanes = "SELECT l.destination FROM integration_destinations t
        JOIN lane l ON l.destination = t.id AND l.tenant = t.tenant
        WHERE t.tenant = $1 AND l.hold IS NULL AND l.next_at <= now_ms() + $2 ORDER BY l.next_at LIMIT $3";
    let lanes: Vec<DestinationId> = ids(tx.query(lanes, params![tenant, within_ms, LANES_MAX]).await?)?;
    let mut found = Vec::new();
    for lane in lanes {
        let end = found.len() + each.max(0) as usize;
        for class in Class::ALL {
            let sql =
                "SELECT delivery FROM due WHERE destination = $1 AND tenant = $2 AND class = $5 AND next_at <= now_ms() + $3
                ORDER BY next_at LIMIT $4";
            found.extend(ids::<DeliveryId>(tx.query(sql, params![lane, tenant, within_ms, each, class.code()]).await?)?);
        }
        found.truncate(end);
    }
    Ok(found)
}

/// How these deliveries stand.
pub async fn marks(tx: &mut Tx, of: &[DeliveryId]) -> Result<Vec<Mark>, StoreError> {
    let mut found = Vec::with_capacity(of.len());
    for chunk in of.chunks(CHUNK) {
        let (list, values) = among(tx, chunk);
        let sql = format!("SELECT id, state, attempts, updated_at FROM delivery WHERE tenant = $1 AND id IN ({list})");
        for mut row in tx.query(&sql, &values).await? {
            found.push(Mark { id: row.get(0)?, state: row.get(1)?, attempts: row.get(2)?, updated_at: row.get(3)? });
        }
    }
    Ok(found)
}

/// These deliveries, each with the last row of its attempts.
pub async fn deliveries(tx: &mut Tx, of: &[DeliveryId]) -> Result<Vec<(Delivery, Option<Attempt>)>, StoreError> {
    let mut found = Vec::with_capacity(of.len());
    for id in of {
        let Some(row) = delivery::get(tx, *id).await? else { continue };
        let attempt = delivery::attempts(tx, *id).await?.pop();
        found.push((row, attempt));
    }
    Ok(found)
}

/// Events published since then, the newest first.
pub async fn published_since(tx: &mut Tx, since: Timestamp, limit: i64) -> Result<Vec<Published>, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT id, type, meta FROM event WHERE tenant = $1 AND id >= $2 ORDER BY id DESC LIMIT $3";
    let rows = tx.query(sql, params![tenant, uuid_floor(since), limit]).await?;
    let read = |mut row: Row| {
        let meta: String = row.get(2)?;
        Ok(Published { id: row.get(0)?, event_type: row.get(1)?, meta: serde_json::from_str(&meta).unwrap_or_default() })
    };
    rows.into_iter().map(read).collect()
}

const INBOUND: &str =
    "SELECT delivery_id, inbound_webhook_id, auth_status, dispatch_status, response_status, duration_ms, source_ip
    FROM inbound_webhook_deliveries";

/// What was received since then, the newest first.
pub async fn inbound_since(tx: &mut Tx, since: Timestamp, limit: i64) -> Result<Vec<Inbound>, StoreError> {
    let tenant = tx.tenant();
    let sql = format!("{INBOUND} WHERE tenant = $1 AND delivery_id >= $2 ORDER BY delivery_id DESC LIMIT $3");
    tx.query(&sql, params![tenant, uuid_floor(since), limit]).await?.into_iter().map(read_inbound).collect()
}

pub async fn inbound(tx: &mut Tx, of: &[InboundDeliveryId]) -> Result<Vec<Inbound>, StoreError> {
    let mut found = Vec::new();
    for chunk in of.chunks(CHUNK) {
        let (list, values) = among(tx, chunk);
        let sql = format!("{INBOUND} WHERE tenant = $1 AND delivery_id IN ({list})");
        for row in tx.query(&sql, &values).await? {
            found.push(read_inbound(row)?);
        }
    }
    Ok(found)
}

fn read_inbound(mut row: Row) -> Result<Inbound, StoreError> {
    Ok(Inbound {
        id: row.get(0)?,
        webhook: row.get(1)?,
        auth_status: row.get(2)?,
        dispatch_status: row.get(3)?,
        response_status: row.get(4)?,
        duration_ms: row.get(5)?,
        source_ip: row.get(6)?,
    })
}

fn ids<T: crate::FromValue>(rows: Vec<Row>) -> Result<Vec<T>, StoreError> {
    rows.into_iter().map(|mut row| row.get(0)).collect()
}

/// `$2, $3, ...` and the values behind it, the tenant first.
fn among<T: Copy + Into<Value>>(tx: &Tx, of: &[T]) -> (String, Vec<Value>) {
    let list: Vec<String> = (2..of.len() + 2).map(|place| format!("${place}")).collect();
    let values = std::iter::once(tx.tenant().into()).chain(of.iter().map(|id| (*id).into())).collect();
    (list.join(", "), values)
}
