//! Deliveries and attempts as they are read. What is stored is narrow; `delivering` and `parked`
//! behind a held lane are derived here, so that pausing a million deliveries is one write.

use std::collections::{HashMap, HashSet};

use hookswitch_domain::delivery::{ParkedReason, State};
use hookswitch_domain::destination::Hold;
use hookswitch_domain::id::{DeliveryId, DestinationId, EventId};
use hookswitch_domain::time::Timestamp;

use crate::db::Tx;
use crate::error::StoreError;
use crate::event::Meta;
use crate::page::Page;
use crate::queue::{state_code, state_of};
use crate::walk::{self, Found, Stretch, Walked};
use crate::{Row, Value, destination, installation, ordered, params, queue, tenant};

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
        d.replayed_from, d.updated_at, a.status, a.reason, coalesce(due.leased AND due.next_at > now_ms(), FALSE), l.hold,
        a.detail
    FROM delivery d
    LEFT JOIN event e ON e.id = d.event AND e.tenant = d.tenant
    LEFT JOIN integration_destinations t ON t.id = d.destination AND t.tenant = d.tenant
    LEFT JOIN lane l ON l.destination = d.destination AND l.tenant = d.tenant
    LEFT JOIN due ON due.delivery = d.id AND due.tenant = d.tenant
    LEFT JOIN attempt a ON a.delivery = d.id AND a.record = d.records AND a.tenant = d.tenant";

/// What decides about a delivery besides its own row and its lane.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around {
    tenant_paused: bool,
    installation_paused: bool,
}

impl Around {
    pub(crate) async fn read(tx: &mut Tx) -> Result<Self, StoreError> {
        let installation_paused = installation::sending_paused(tx).await?;
        let tenant_paused = tenant::own(tx).await?.is_some_and(|tenant| tenant.sending_paused);
        Ok(Self { tenant_paused, installation_paused })
    }
}

/// The state that is shown of one that isn't finished, and why it is parked.
pub(crate) fn derive(
    stored: State,
    reason: Option<String>,
    in_hand: bool,
    hold: Option<&str>,
    around: &Around,
) -> (State, Option<String>) {
    let parked = |reason: ParkedReason| (State::Parked, Some(reason.as_str().to_owned()));
    let exhausted = stored == State::Parked && reason.as_deref() == Some(ParkedReason::Exhausted.as_str());
    match hold.and_then(Hold::named) {
        _ if in_hand => (State::Delivering, None),
        // No hold's end lets it go on.
        _ if exhausted => (stored, reason),
        Some(hold) => parked(hold.parked_reason()),
        None if around.tenant_paused => parked(ParkedReason::TenantPaused),
        None if around.installation_paused => parked(ParkedReason::InstallationPaused),
        None => (stored, reason),
    }
}

fn read(mut row: Row, around: &Around) -> Result<Delivery, StoreError> {
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
        external_ref: external_ref(row.get(16)?),
    };
    if delivery.state.is_terminal() || delivery.destination_name.is_none() {
        delivery.next_attempt_at = None;
        delivery.parked_reason = None;
        if !delivery.state.is_terminal() {
            // Its destination is deleted: nothing is sent any more, and a sweep writes so.
            delivery.state = State::Cancelled;
        }
        return Ok(delivery);
    }
    let (in_hand, hold): (bool, Option<String>) = (row.get(14)?, row.get(15)?);
    (delivery.state, delivery.parked_reason) = derive(delivery.state, delivery.parked_reason, in_hand, hold.as_deref(), around);
    if delivery.state == State::Delivering {
        delivery.next_attempt_at = None;
    }
    Ok(delivery)
}

fn external_ref(detail: Option<String>) -> Option<serde_json::Value> {
    let detail = detail.filter(|detail| detail.contains("\"external_ref\""))?;
    serde_json::from_str::<serde_json::Value>(&detail).ok()?.get("external_ref").cloned()
}

pub async fn get(tx: &mut Tx, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
    Ok(several(tx, &[id]).await?.pop())
}

/// These deliveries, in their order, without those that aren't there.
pub async fn several(tx: &mut Tx, ids: &[DeliveryId]) -> Result<Vec<Delivery>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let (tenant, around) = (tx.tenant(), Around::read(tx).await?);
    let places: Vec<String> = (2..=ids.len() + 1).map(|place| format!("${place}")).collect();
    let sql = format!("{SELECT} WHERE d.tenant = $1 AND d.id IN ({})", places.join(", "));
    let params: Vec<Value> = std::iter::once(tenant.into()).chain(ids.iter().map(|id| Value::from(*id))).collect();
    let rows = tx.query(&sql, &params).await?.into_iter().map(|row| read(row, &around)).collect::<Result<Vec<_>, _>>()?;
    let covered = destination::covered(tx).await?;
    let rows = rows.into_iter().filter(|row| covered.as_ref().is_none_or(|covered| covered.contains(&row.destination_id)));
    let mut found: HashMap<DeliveryId, Delivery> = rows.map(|row| (row.id, row)).collect();
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// What a list of deliveries shows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    pub state: Option<State>,
    pub destination: Option<DestinationId>,
    pub event: Option<EventId>,
}

/// A page, and where to go on; a page may be short although there is more.
#[derive(Debug)]
pub struct Listing<T> {
    pub rows: Vec<T>,
    pub next: Option<uuid::Uuid>,
}

/// Newest first. A page looks at a bounded number of rows, and says where to go on if it isn't full.
pub async fn list(tx: &mut Tx, page: &Page, filter: &Filter) -> Result<Listing<Delivery>, StoreError> {
    let stretch = Stretch::of_page(page);
    if let Some(event) = filter.event {
        return of_event(tx, page, stretch, event, filter).await;
    }
    let picking = Picking { filter, covered: destination::covered(tx).await? };
    let (picked, next) = match filter.state {
        Some(State::DeadLettered | State::Failed) => {
            let walked = walk::letters(tx, stretch, filter.destination, false).await?;
            picking.pick(walked, page)
        }
        Some(State::Parked) => {
            let letters = walk::letters(tx, stretch, filter.destination, true).await?;
            let waiting = walk::waiting(tx, stretch, filter.destination).await?;
            picking.pick(letters.and(waiting, stretch.way), page)
        }
        Some(state) if !state.is_terminal() => {
            let walked = walk::waiting(tx, stretch, filter.destination).await?;
            picking.pick(walked, page)
        }
        _ => from_history(tx, page, stretch, &picking).await?,
    };
    let ids: Vec<DeliveryId> = picked.iter().map(|found| found.id).collect();
    let mut rows = several(tx, &ids).await?;
    rows.retain(|row| filter.state.is_none_or(|state| row.state == state));
    Ok(Listing { rows, next })
}

/// What of a walk a list shows.
struct Picking<'a> {
    filter: &'a Filter,
    /// The destinations that the transaction is narrowed to.
    covered: Option<HashSet<DestinationId>>,
}

impl Picking<'_> {
    fn pick(&self, walked: Walked, page: &Page) -> (Vec<Found>, Option<uuid::Uuid>) {
        let Filter { state, destination, .. } = *self.filter;
        walked.pick(page.limit as usize, |found| {
            state.is_none_or(|state| found.state == state)
                && destination.is_none_or(|to| found.destination == to)
                && self.covered.as_ref().is_none_or(|covered| covered.contains(&found.destination))
        })
    }
}

/// Walks on until the page is full or enough was looked at: a list without a filter looks at no more
/// than it shows.
async fn from_history(
    tx: &mut Tx,
    page: &Page,
    mut stretch: Stretch,
    picking: &Picking<'_>,
) -> Result<(Vec<Found>, Option<uuid::Uuid>), StoreError> {
    let (mut picked, mut rows, mut visited): (Vec<Found>, _, _) = (Vec::new(), page.fetch(), 0);
    loop {
        let walked = walk::history(tx, stretch, rows.min(walk::WALK)).await?;
        visited += walked.visited as i64;
        let wanted = Page { limit: page.limit - picked.len() as u32, ..*page };
        let (more, next) = picking.pick(walked, &wanted);
        let full = more.len() == wanted.limit as usize;
        picked.extend(more);
        match next {
            Some(end) if !full && visited < walk::WALK => stretch = stretch.behind(end),
            next => return Ok((picked, next)),
        }
        rows *= 4;
    }
}

/// An event's deliveries are as many as it has destinations and replays. `coalesce` keeps SQLite from
/// walking through the tenant's history, which has the right order already.
async fn of_event(
    tx: &mut Tx,
    page: &Page,
    stretch: Stretch,
    event: EventId,
    filter: &Filter,
) -> Result<Listing<Delivery>, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT d.id FROM delivery d WHERE d.event = $1 AND coalesce(d.tenant, d.tenant) = $2";
    let ids = tx.query(sql, params![event, tenant]).await?.into_iter().map(|mut row| row.get(0));
    let mut ids = ids.collect::<Result<Vec<DeliveryId>, _>>()?;
    ids.retain(|id| (stretch.low..stretch.high).contains(&id.uuid()));
    ids.sort_by(|one, two| two.cmp(one));
    let mut rows = Vec::new();
    for some in ids.chunks(100) {
        let fits = |row: &Delivery| {
            filter.state.is_none_or(|state| row.state == state) && filter.destination.is_none_or(|to| row.destination_id == to)
        };
        rows.extend(several(tx, some).await?.into_iter().filter(fits));
        if rows.len() > page.limit as usize {
            break;
        }
    }
    let more = rows.len() > page.limit as usize;
    rows.truncate(page.limit as usize);
    let next = rows.last().filter(|_| more).map(|row| row.id.uuid());
    Ok(Listing { rows, next })
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

/// Ends a delivery that isn't finished, under no claim: whoever holds it writes nothing any more. The
/// end of an ordered key's head makes the next one due.
/// `false`: it was finished already, or isn't there.
pub async fn end(tx: &mut Tx, id: DeliveryId, state: State) -> Result<bool, StoreError> {
    let (tenant, place) = (tx.tenant(), ordered::place(tx, id).await?);
    let was_due = tx.execute("DELETE FROM due WHERE delivery = $1 AND tenant = $2", params![id, tenant]).await? > 0;
    match place {
        Some((destination, key)) if was_due => ordered::next(tx, destination, key).await?,
        Some(_) => {
            let sql = "DELETE FROM line WHERE delivery = $1 AND tenant = $2";
            if tx.execute(sql, params![id, tenant]).await? == 0 {
                return Ok(false);
            }
        }
        None if was_due => {}
        None => return Ok(false),
    }
    close(tx, id, state).await?;
    Ok(true)
}

/// Writes the end of what has no place in the queue any more.
pub(crate) async fn close(tx: &mut Tx, id: DeliveryId, state: State) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let sql = "UPDATE delivery SET state = $3, next_at = NULL, updated_at = now_ms() WHERE id = $1 AND tenant = $2";
    tx.execute(sql, params![id, tenant, state_code(state)]).await?;
    tx.execute("DELETE FROM dead_letter WHERE delivery = $1 AND tenant = $2", params![id, tenant]).await?;
    Ok(())
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
        queue::ring(tx, row.get(0)?).await?;
    }
    Ok(())
}

/// Whether the claim is still the delivery's latest.
pub async fn is_claimed(tx: &mut Tx, id: DeliveryId, claim: i64) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT 1 FROM due WHERE delivery = $1 AND tenant = $2 AND claim = $3";
    Ok(tx.query_opt(sql, params![id, tenant, claim]).await?.is_some())
}
