//! Deliveries and attempts as they are read. What is stored is narrow; `delivering` and `parked`
//! behind a held lane are derived here, so that pausing a million deliveries is one write.

use hookswitch_domain::delivery::State;
use hookswitch_domain::destination::Hold;
use hookswitch_domain::id::{DeliveryId, DestinationId, EventId};
use hookswitch_domain::time::Timestamp;

use crate::db::Tx;
use crate::error::StoreError;
use crate::event::Meta;
use crate::page::Page;
use crate::queue::{state_code, state_of};
use crate::{Row, params};

#[derive(Debug, Clone)]
pub struct Delivery {
    pub id: DeliveryId,
    pub event_id: EventId,
    pub event_type: String,
    pub meta: Meta,
    pub destination_id: DestinationId,
    /// `None` once the destination is deleted.
    pub destination_name: Option<String>,
    pub state: State,
    pub parked_reason: Option<String>,
    pub attempt_count: u32,
    pub next_attempt_at: Option<Timestamp>,
    pub replayed_from: Option<DeliveryId>,
    pub updated_at: Timestamp,
    pub last_status: Option<u32>,
    pub last_reason: Option<String>,
    /// What the last try made at the receiver: `{system, id, url}`.
    pub external_ref: Option<serde_json::Value>,
}

const SELECT: &str =
    "SELECT d.id, d.event, e.type, e.meta, d.destination, t.name, d.state, d.parked_reason, d.attempts, d.next_at,
        d.replayed_from, d.updated_at, a.status, a.reason, due.leased, due.next_at, now_ms(), l.hold, own.sending_paused, a.detail
    FROM delivery d
    JOIN tenant own ON own.id = d.tenant
    LEFT JOIN event e ON e.id = d.event AND e.tenant = d.tenant
    LEFT JOIN integration_destinations t ON t.id = d.destination AND t.tenant = d.tenant
    LEFT JOIN lane l ON l.destination = d.destination AND l.tenant = d.tenant
    LEFT JOIN due ON due.delivery = d.id AND due.tenant = d.tenant
    LEFT JOIN attempt a ON a.delivery = d.id AND a.record = d.records AND a.tenant = d.tenant";

fn read(mut row: Row) -> Result<Delivery, StoreError> {
    let meta: Option<String> = row.get(3)?;
    let mut delivery = Delivery {
        id: row.get(0)?,
        event_id: row.get(1)?,
        event_type: row.get::<Option<String>>(2)?.unwrap_or_default(),
        meta: meta.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
        destination_id: row.get(4)?,
        destination_name: row.get(5)?,
        state: state_of(row.get(6)?)?,
        parked_reason: row.get(7)?,
        attempt_count: row.get(8)?,
        next_attempt_at: row.get(9)?,
        replayed_from: row.get(10)?,
        updated_at: row.get(11)?,
        last_status: row.get(12)?,
        last_reason: row.get(13)?,
        external_ref: external_ref(row.get(19)?),
    };
    let (leased, until): (Option<bool>, Option<i64>) = (row.get(14)?, row.get(15)?);
    let (now, hold, paused): (i64, Option<String>, bool) = (row.get(16)?, row.get(17)?, row.get(18)?);
    if delivery.state.is_terminal() {
        delivery.next_attempt_at = None;
        delivery.parked_reason = None;
        return Ok(delivery);
    }
    let in_hand = leased == Some(true) && until.is_some_and(|until| until > now);
    if in_hand {
        delivery.state = State::Delivering;
        delivery.next_attempt_at = None;
    } else if let Some(hold) = hold.as_deref().and_then(Hold::named) {
        delivery.state = State::Parked;
        delivery.parked_reason = Some(hold.parked_reason().as_str().to_owned());
    } else if paused {
        delivery.state = State::Parked;
        delivery.parked_reason = Some("tenant_paused".to_owned());
    }
    Ok(delivery)
}

fn external_ref(detail: Option<String>) -> Option<serde_json::Value> {
    let detail = detail.filter(|detail| detail.contains("\"external_ref\""))?;
    serde_json::from_str::<serde_json::Value>(&detail).ok()?.get("external_ref").cloned()
}

pub async fn get(tx: &mut Tx, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
    let tenant = tx.tenant();
    let sql = format!("{SELECT} WHERE d.id = $1 AND d.tenant = $2");
    tx.query_opt(&sql, params![id, tenant]).await?.map(read).transpose()
}

/// What a list of deliveries shows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    pub state: Option<State>,
    pub destination: Option<DestinationId>,
    pub event: Option<EventId>,
}

/// Newest first. States that are derived (`delivering`, and `parked` behind a hold) are matched by
/// the conditions that derive them.
pub async fn list(tx: &mut Tx, page: &Page, filter: &Filter) -> Result<Vec<Delivery>, StoreError> {
    let tenant = tx.tenant();
    let in_hand = "coalesce(due.leased AND due.next_at > now_ms(), FALSE)";
    let held = "(l.hold IS NOT NULL OR own.sending_paused)";
    let pending = [State::Pending, State::RetryScheduled].map(state_code);
    let open = format!("d.state IN ({}, {}, {})", pending[0], pending[1], state_code(State::Parked));
    let state = match filter.state {
        None => "TRUE".to_owned(),
        Some(State::Delivering) => format!("{open} AND {in_hand}"),
        Some(State::Parked) => {
            format!("{open} AND NOT {in_hand} AND ({held} OR d.state = {})", state_code(State::Parked))
        }
        Some(state) if state.is_terminal() => format!("d.state = {}", state_code(state)),
        Some(state) => format!("d.state = {} AND NOT {in_hand} AND NOT {held}", state_code(state)),
    };
    let sql = format!(
        "{SELECT} WHERE d.tenant = $1 AND d.id < $2 AND d.id >= $3 AND (d.destination = $4 OR $4 = $5) AND (d.event = $6 OR $6 = $5)
         AND {state} ORDER BY d.id DESC LIMIT $7"
    );
    // PostgreSQL learns a parameter's type where it meets it first: each beside its column.
    let any = uuid::Uuid::nil();
    let destination = filter.destination.map_or(any, DestinationId::uuid);
    let event = filter.event.map_or(any, EventId::uuid);
    let params = params![tenant, page.below(), page.floor(), destination, any, event, page.fetch()];
    tx.query(&sql, params).await?.into_iter().map(read).collect()
}

/// One try, as it was recorded.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub record: u32,
    pub number: Option<u32>,
    pub outcome: String,
    pub started_at: Timestamp,
    pub status: Option<u32>,
    pub reason: String,
    pub detail: serde_json::Value,
}

/// All tries of a delivery, the first one first.
pub async fn attempts(tx: &mut Tx, delivery: DeliveryId) -> Result<Vec<Attempt>, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT record, number, outcome, started_at, status, reason, detail FROM attempt
        WHERE delivery = $1 AND tenant = $2 ORDER BY record";
    let rows = tx.query(sql, params![delivery, tenant]).await?;
    rows.into_iter()
        .map(|mut row| {
            Ok(Attempt {
                record: row.get(0)?,
                number: row.get(1)?,
                outcome: row.get(2)?,
                started_at: row.get(3)?,
                status: row.get(4)?,
                reason: row.get(5)?,
                detail: row.get(6)?,
            })
        })
        .collect()
}

/// Ends a delivery that isn't finished, under no claim: whoever holds it writes nothing any more.
/// `false`: it was finished already, or isn't there.
pub async fn end(tx: &mut Tx, id: DeliveryId, state: State) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    if tx.execute("DELETE FROM due WHERE delivery = $1 AND tenant = $2", params![id, tenant]).await? == 0 {
        return Ok(false);
    }
    let sql = "UPDATE delivery SET state = $3, next_at = NULL, updated_at = now_ms() WHERE id = $1 AND tenant = $2";
    tx.execute(sql, params![id, tenant, state_code(state)]).await?;
    Ok(true)
}

/// The tenant's epoch, while the delivery is held under this claim: `None` once it was cancelled,
/// or taken over.
pub async fn still_held(tx: &mut Tx, id: DeliveryId, claim: i64) -> Result<Option<i64>, StoreError> {
    let tenant = tx.tenant();
    let sql =
        "SELECT t.epoch FROM due d JOIN tenant t ON t.id = d.tenant WHERE d.delivery = $1 AND d.tenant = $2 AND d.claim = $3";
    tx.query_opt(sql, params![id, tenant, claim]).await?.map(|mut row| row.get(0)).transpose()
}

/// Gives a claimed delivery back unsent, as it was: its lease would not have outlived the attempt.
pub async fn release(tx: &mut Tx, id: DeliveryId, claim: i64) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let sql = "UPDATE due SET leased = FALSE, next_at = now_ms() WHERE delivery = $1 AND tenant = $2 AND claim = $3 AND leased RETURNING destination";
    if let Some(mut row) = tx.query_opt(sql, params![id, tenant, claim]).await? {
        let destination: DestinationId = row.get(0)?;
        let sql = "UPDATE lane SET next_at = now_ms() WHERE destination = $1 AND tenant = $2 AND next_at > now_ms()";
        tx.execute(sql, params![destination, tenant]).await?;
    }
    Ok(())
}

/// Whether the claim is still the delivery's latest.
pub async fn is_claimed(tx: &mut Tx, id: DeliveryId, claim: i64) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT 1 FROM due WHERE delivery = $1 AND tenant = $2 AND claim = $3";
    Ok(tx.query_opt(sql, params![id, tenant, claim]).await?.is_some())
}
