//! Events as they lie in the store: the payload's bytes once, untouched, and everything else about
//! an event in one small document.

use hookswitch_domain::id::{EventId, GroupId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::db::Tx;
use crate::delivery::Listing;
use crate::error::StoreError;
use crate::page::Page;
use crate::params;

/// What an event carries besides its type and payload.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Meta {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_id: Option<GroupId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<String>,
    /// How many events and inbound deliveries led here.
    #[serde(skip_serializing_if = "is_zero")]
    pub depth: u8,
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    pub references: serde_json::Map<String, serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ordering_key: Option<String>,
    /// Headers that go out with this event alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<hookswitch_domain::destination::Header>,
    /// `api`, `desk`, `test`.
    pub source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

fn is_zero(depth: &u8) -> bool {
    *depth == 0
}

/// An event as it is read.
#[derive(Debug, Clone)]
pub struct Event {
    pub id: EventId,
    pub event_type: String,
    pub payload: Vec<u8>,
    pub meta: Meta,
}

pub async fn get(tx: &mut Tx, id: EventId) -> Result<Option<Event>, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT id, type, payload, meta FROM event WHERE id = $1 AND tenant = $2";
    tx.query_opt(sql, params![id, tenant]).await?.map(read).transpose()
}

fn read(mut row: crate::Row) -> Result<Event, StoreError> {
    let meta: String = row.get(3)?;
    Ok(Event {
        id: row.get(0)?,
        event_type: row.get(1)?,
        payload: row.get(2)?,
        meta: serde_json::from_str(&meta).map_err(|error| StoreError::Corrupt(format!("event meta: {error}")))?,
    })
}

/// Whether the event's payload is still there: retention empties it, and no payload is empty by itself.
pub async fn has_payload(tx: &mut Tx, id: EventId) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT 1 FROM event WHERE id = $1 AND tenant = $2 AND length(payload) > 0";
    Ok(tx.query_opt(sql, params![id, tenant]).await?.is_some())
}

/// What a search looks for; what is absent doesn't narrow it.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Exactly this type.
    pub event_type: Option<String>,
    pub correlation_id: Option<String>,
    /// Text that the payload holds, in any case.
    pub text: Option<String>,
}

/// No index holds correlation ids or payloads: a search looks at so much and says where it ended.
const ROWS_MAX: usize = 1_000;
const BYTES_MAX: usize = 16 << 20;
const BATCH: i64 = 100;

/// Newest first. A page may be short although there is more.
pub async fn search(tx: &mut Tx, page: &Page, search: &Search) -> Result<Listing<Event>, StoreError> {
    let looks_inside = search.correlation_id.is_some() || search.text.is_some();
    let fetch = if looks_inside { BATCH } else { page.fetch() };
    let text = search.text.as_deref().map(str::to_lowercase);
    let (mut rows, mut below, mut looked_at, mut bytes) = (Vec::new(), page.below(), 0, 0);
    loop {
        let batch = batch(tx, page, below, search, fetch).await?;
        let last = (batch.len() as i64) < fetch;
        for event in batch {
            (below, looked_at, bytes) = (event.id.uuid(), looked_at + 1, bytes + event.payload.len());
            let fits = search.correlation_id.is_none() || search.correlation_id == event.meta.correlation_id;
            if fits && text.as_deref().is_none_or(|text| holds(&event.payload, text)) {
                rows.push(event);
            }
            if rows.len() > page.limit as usize {
                rows.pop();
                let next = rows.last().map(|event: &Event| event.id.uuid());
                return Ok(Listing { rows, next });
            }
        }
        if last {
            return Ok(Listing { rows, next: None });
        }
        if looked_at >= ROWS_MAX || bytes >= BYTES_MAX {
            return Ok(Listing { rows, next: Some(below) });
        }
    }
}

fn holds(payload: &[u8], lower_case: &str) -> bool {
    String::from_utf8_lossy(payload).to_lowercase().contains(lower_case)
}

async fn batch(tx: &mut Tx, page: &Page, below: Uuid, search: &Search, fetch: i64) -> Result<Vec<Event>, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT id, type, payload, meta FROM event
        WHERE tenant = $1 AND id < $2 AND id >= $3 AND ($4 = '' OR type = $4) ORDER BY id DESC LIMIT $5";
    let params = params![tenant, below, page.floor(), search.event_type.as_deref().unwrap_or(""), fetch];
    tx.query(sql, params).await?.into_iter().map(read).collect()
}
