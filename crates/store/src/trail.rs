//! What happened to deliveries, as the audit trail tells it: read from the delivery and attempt
//! rows, and written nowhere else. `account` anchors those rows in the tenant's chain.
//!
//! Newest delivery first, and of each delivery its last try first, so that a page costs the same
//! wherever it lies.

use std::time::Duration;

use hookswitch_domain::delivery::State;
use hookswitch_domain::id::{AuditId, DeliveryId, DestinationId, EventId, made_at, uuid_floor, uuid_v7};
use hookswitch_domain::time::Timestamp;
use serde_json::json;
use uuid::Uuid;

use crate::db::Tx;
use crate::delivery::{self, Attempt};
use crate::error::StoreError;
use crate::event::Meta;
use crate::params;
use crate::queue::state_of;

/// Deliveries that one call looks at, however few of them fit the filter.
const LOOKED_AT_MAX: usize = 2_000;
const PAGE: i64 = 100;
/// A delivery may be tried for so long after it was scheduled; what is older has no try since `from`.
const TRIED_FOR: Duration = Duration::from_secs(8 * 86_400);

/// One thing that happened to a delivery.
#[derive(Debug, Clone)]
pub struct Told {
    pub id: AuditId,
    pub at: Timestamp,
    /// `delivery.scheduled`, `delivery.delivered`, `delivery.retry` and so on.
    pub action: &'static str,
    pub delivery: DeliveryId,
    pub correlation_id: Option<String>,
    pub detail: serde_json::Value,
    /// Where it stands; the next page begins after it.
    pub place: Place,
}

/// A delivery, and the record of it before which the list goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub delivery: Uuid,
    pub record: i64,
}

impl Place {
    /// Before everything.
    pub const START: Self = Self { delivery: Uuid::max(), record: i64::MAX };
    /// After everything.
    pub const END: Self = Self { delivery: Uuid::nil(), record: 0 };
}

/// What narrows the list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub delivery: Option<DeliveryId>,
    pub correlation_id: Option<String>,
    pub action: Option<String>,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
}

struct Scheduled {
    id: DeliveryId,
    event: EventId,
    destination: DestinationId,
    state: State,
    records: u32,
    event_type: Option<String>,
    meta: Meta,
}

/// Up to `limit` entries after a place, and the place where the look ended: further ones begin there.
pub async fn list(tx: &mut Tx, filter: &Filter, start: Place, limit: usize) -> Result<(Vec<Told>, Place), StoreError> {
    let (mut told, mut place, mut looked_at) = (Vec::new(), start, 0);
    loop {
        let page = page(tx, filter, place).await?;
        let last = (page.len() as i64) < PAGE;
        for each in page {
            looked_at += 1;
            let below = if each.id.uuid() == place.delivery { place.record } else { i64::MAX };
            place = Place { delivery: each.id.uuid(), record: 0 };
            if filter.correlation_id.is_some() && filter.correlation_id != each.meta.correlation_id {
                continue;
            }
            let attempts = delivery::attempts(tx, each.id).await?;
            told.extend(tell(&each, attempts).into_iter().filter(|entry| entry.place.record < below && filter.wants(entry)));
            if told.len() >= limit {
                told.truncate(limit);
                let end = told.last().map_or(place, |entry| entry.place);
                return Ok((told, end));
            }
        }
        if last {
            return Ok((told, Place::END));
        }
        if looked_at >= LOOKED_AT_MAX {
            return Ok((told, place));
        }
    }
}

impl Filter {
    fn wants(&self, entry: &Told) -> bool {
        self.action.as_deref().is_none_or(|action| action == entry.action)
            && self.from.is_none_or(|from| entry.at >= from)
            && self.to.is_none_or(|to| entry.at < to)
    }
}

async fn page(tx: &mut Tx, filter: &Filter, place: Place) -> Result<Vec<Scheduled>, StoreError> {
    let tenant = tx.tenant();
    let mut floor = filter.from.map_or(Uuid::nil(), |from| uuid_floor(from.minus(TRIED_FOR)));
    let to = filter.to.map_or(Uuid::max(), uuid_floor);
    // Of the place's own delivery something may be left; where nothing is, it is looked at in vain.
    let mut top = place.delivery.min(to);
    if let Some(only) = filter.delivery {
        (floor, top) = (only.uuid(), only.uuid().min(top));
    }
    let sql = "SELECT d.id, d.event, d.destination, d.state, d.records, e.type, e.meta FROM delivery d
        LEFT JOIN event e ON e.id = d.event AND e.tenant = d.tenant
        WHERE d.tenant = $1 AND d.id <= $2 AND d.id >= $3 AND (d.id < $2 OR $4) ORDER BY d.id DESC LIMIT $5";
    let rows = tx.query(sql, params![tenant, top, floor, place.record > 0 || top != place.delivery, PAGE]).await?;
    rows.into_iter()
        .map(|mut row| {
            let meta: Option<String> = row.get(6)?;
            Ok(Scheduled {
                id: row.get(0)?,
                event: row.get(1)?,
                destination: row.get(2)?,
                state: state_of(row.get(3)?)?,
                records: row.get(4)?,
                event_type: row.get(5)?,
                meta: meta.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
            })
        })
        .collect()
}

/// The delivery's entries, the last one first.
fn tell(each: &Scheduled, attempts: Vec<Attempt>) -> Vec<Told> {
    let about = |more: serde_json::Value| {
        let mut detail = json!({ "event_id": each.event, "event_type": each.event_type, "destination_id": each.destination });
        if let (Some(detail), serde_json::Value::Object(more)) = (detail.as_object_mut(), more) {
            detail.extend(more);
        }
        detail
    };
    let entry = |record: u32, at: Timestamp, action: &'static str, detail: serde_json::Value| Told {
        id: entry_id(each.id, record, at),
        at,
        action,
        delivery: each.id,
        correlation_id: each.meta.correlation_id.clone(),
        detail,
        // Records count from 1; what was scheduled stands before them.
        place: Place { delivery: each.id.uuid(), record: i64::from(record) + 1 },
    };
    let mut told: Vec<Told> = attempts
        .into_iter()
        .rev()
        .map(|attempt| {
            let detail = about(json!({ "attempt": attempt.number, "status": attempt.status, "reason": attempt.reason }));
            let ended = (attempt.record == each.records).then_some(each.state);
            entry(attempt.record, attempt.started_at, action(&attempt.outcome, ended), detail)
        })
        .collect();
    told.push(entry(0, made_at(each.id.uuid()), "delivery.scheduled", about(json!({}))));
    told
}

fn action(outcome: &str, ended: Option<State>) -> &'static str {
    match (outcome, ended) {
        ("accepted", _) => "delivery.delivered",
        ("retryable", _) => "delivery.retry",
        ("filtered", _) => "delivery.filtered",
        ("interrupted", _) => "delivery.interrupted",
        ("exhausted" | "terminal" | "refused", Some(State::DeadLettered | State::Discarded)) => "delivery.dead_lettered",
        ("exhausted" | "terminal" | "refused", Some(State::Failed)) => "delivery.failed",
        _ => "delivery.parked",
    }
}

/// Which entry says that a delivery was scheduled: the first of it in the trail.
pub fn scheduled(delivery: DeliveryId) -> AuditId {
    entry_id(delivery, 0, made_at(delivery.uuid()))
}

/// Made of what the entry is about, so that it is the same each time it is told.
fn entry_id(delivery: DeliveryId, record: u32, at: Timestamp) -> AuditId {
    let mut random = [0; 10];
    random[..6].copy_from_slice(&delivery.uuid().as_bytes()[10..]);
    random[6..].copy_from_slice(&record.to_be_bytes());
    AuditId(uuid_v7(at, random))
}
