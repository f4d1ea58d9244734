//! Dead letters: what failed for good or waits for a person, and what waits behind a pause. The
//! first has a row of its own, written by the settle that ends the delivery; the second is derived.
//! People replay them (a new delivery, linked) or discard them.

use deadpool_postgres::Object;
use hookswitch_domain::delivery::{ParkedReason, State};
use hookswitch_domain::flow::Class;
use hookswitch_domain::id::{DeliveryId, DestinationId, EventId};
use hookswitch_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::db::Tx;
use crate::delivery::{self, Delivery, Listing};
use crate::error::StoreError;
use crate::page::Page;
use crate::queue::{self, After, NewDelivery, Settle, state_code, state_of};
use crate::walk::{self, Found, Stretch, Walked};
use crate::{ordered, params};

/// Why a settle leaves a dead letter, if it does.
pub(crate) fn reason(settle: &Settle) -> Option<&'static str> {
    match (settle.state, settle.after) {
        (State::DeadLettered | State::Failed, _) => Some(settle.record.outcome),
        // What is looked at again by itself is no dead letter.
        (State::Parked, After::Held) => Some(settle.parked_reason.unwrap_or(settle.record.outcome)),
        _ => None,
    }
}

const AGAIN: &str = "ON CONFLICT (delivery, tenant) DO UPDATE SET state = excluded.state, reason = excluded.reason,
    at = excluded.at, replayed_as = NULL";

pub(crate) fn sqlite_insert(db: &rusqlite::Connection, settle: &Settle, reason: &str) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO dead_letter (delivery, tenant, destination, event_type, state, reason, at)
         SELECT d.id, d.tenant, d.destination, e.type, d.state, ?3, d.updated_at FROM delivery d
         JOIN event e ON e.id = d.event AND e.tenant = d.tenant WHERE d.id = ?1 AND d.tenant = ?2 {AGAIN}"
    );
    let (delivery, tenant) = (settle.delivery.uuid(), settle.tenant.uuid());
    db.prepare_cached(&sql)?.execute((delivery.as_bytes(), tenant.as_bytes(), reason))?;
    Ok(())
}

/// In the settle's own transaction, after its statement; nothing where nothing failed for good.
pub(crate) async fn pg_insert(client: &Object, settled: impl Iterator<Item = &Settle>) -> Result<(), StoreError> {
    let (mut deliveries, mut tenants, mut reasons) = (Vec::new(), Vec::new(), Vec::new());
    for settle in settled {
        let Some(reason) = reason(settle) else { continue };
        deliveries.push(settle.delivery.uuid());
        tenants.push(settle.tenant.uuid());
        reasons.push(reason);
    }
    if deliveries.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "INSERT INTO dead_letter (delivery, tenant, destination, event_type, state, reason, at)
         SELECT d.id, d.tenant, d.destination, e.type, d.state, i.reason, d.updated_at
         FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS i (delivery, tenant, reason)
         JOIN delivery d ON d.id = i.delivery AND d.tenant = i.tenant
         JOIN event e ON e.id = d.event AND e.tenant = d.tenant {AGAIN}"
    );
    let statement = client.prepare_cached(&sql).await?;
    client.execute(&statement, &[&deliveries, &tenants, &reasons]).await?;
    Ok(())
}

/// Which dead letters a list shows or a job takes; what is `None` doesn't narrow it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// `dead_lettered` or `parked`.
    pub state: Option<State>,
    pub destination: Option<DestinationId>,
    pub event_type: Option<String>,
    /// The outcome of the last try.
    pub reason: Option<String>,
    pub parked_reason: Option<String>,
    /// When the delivery was made.
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    /// Those that were replayed, instead of those that wait for somebody.
    pub replayed: bool,
}

impl Filter {
    fn fits(&self, found: &Found) -> bool {
        let parked = found.state == State::Parked;
        let reason = |wanted: &Option<String>| wanted.is_none() || *wanted == found.reason;
        (parked || found.state == State::DeadLettered)
            && self.state.is_none_or(|state| state == found.state)
            && self.destination.is_none_or(|to| to == found.destination)
            && self.event_type.as_ref().is_none_or(|wanted| *wanted == found.event_type)
            && (self.reason.is_none() || (!parked && reason(&self.reason)))
            && (self.parked_reason.is_none() || (parked && reason(&self.parked_reason)))
            && self.replayed == found.replayed
    }

    /// Whether anything that waits behind a pause may fit.
    fn takes_waiting(&self) -> bool {
        let exhausted = self.parked_reason.as_deref() == Some(ParkedReason::Exhausted.as_str());
        self.state != Some(State::DeadLettered) && self.reason.is_none() && !self.replayed && !exhausted
    }
}

/// What is parked and goes on by itself, once what holds it ends.
fn goes_on(found: &Found) -> bool {
    found.state == State::Parked && found.reason.as_deref() != Some(ParkedReason::Exhausted.as_str())
}

/// A dead letter as it is shown.
#[derive(Debug, Clone)]
pub struct Letter {
    pub delivery: Delivery,
    /// The outcome of the last try, or why it is parked.
    pub reason: String,
    /// When it came to this.
    pub at: Timestamp,
    pub replayed_as: Option<DeliveryId>,
}

impl Letter {
    /// Whether a bulk replay takes it: what goes on by itself and what was replayed is left alone.
    pub fn can_be_replayed(&self) -> bool {
        let there = self.delivery.destination_name.is_some();
        let failed = matches!(self.delivery.state, State::DeadLettered | State::Failed);
        let stays = failed || self.reason == ParkedReason::Exhausted.as_str();
        there && stays && self.replayed_as.is_none()
    }
}

/// A page, newest first; it may be short although there is more.
pub async fn list(tx: &mut Tx, page: &Page, filter: &Filter) -> Result<Listing<Letter>, StoreError> {
    let stretch = Stretch::of_page(page);
    let mut walked = walk::letters(tx, stretch, filter.destination, !filter.replayed).await?;
    if filter.takes_waiting() {
        walked = walked.and(walk::waiting(tx, stretch, filter.destination).await?, stretch.way);
    }
    let (picked, next) = walked.pick(page.limit as usize, |found| filter.fits(found));
    let ids: Vec<DeliveryId> = picked.iter().map(|found| found.id).collect();
    let mut rows = Vec::with_capacity(ids.len());
    for delivery in delivery::several(tx, &ids).await? {
        rows.extend(letter(tx, delivery).await?);
    }
    Ok(Listing { rows, next })
}

/// One that is dead-lettered, failed or parked.
pub async fn get(tx: &mut Tx, id: DeliveryId) -> Result<Option<Letter>, StoreError> {
    match delivery::get(tx, id).await? {
        Some(delivery) => letter(tx, delivery).await,
        None => Ok(None),
    }
}

async fn letter(tx: &mut Tx, delivery: Delivery) -> Result<Option<Letter>, StoreError> {
    if !matches!(delivery.state, State::DeadLettered | State::Failed | State::Parked) {
        return Ok(None);
    }
    let sql = "SELECT reason, at, replayed_as FROM dead_letter WHERE delivery = $1 AND tenant = $2";
    let tenant = tx.tenant();
    let row = tx.query_opt(sql, params![delivery.id, tenant]).await?;
    let (reason, at, replayed_as) = match row {
        Some(mut row) => (row.get(0)?, row.get(1)?, row.get(2)?),
        None => (delivery.parked_reason.clone().unwrap_or_default(), delivery.updated_at, None),
    };
    let reason = delivery.parked_reason.clone().unwrap_or(reason);
    Ok(Some(Letter { delivery, reason, at, replayed_as }))
}

/// What a replay of these would send again: failed for good, not replayed yet, its destination there.
/// `before` keeps a job from meeting what came of its own replays.
pub(crate) async fn to_replay(tx: &mut Tx, stretch: Stretch, to: walk::To, before: Timestamp) -> Result<Walked, StoreError> {
    let mut walked = walk::letters(tx, stretch, to, true).await?;
    let tenant = tx.tenant();
    let there = tx.query("SELECT id FROM integration_destinations WHERE tenant = $1", params![tenant]).await?;
    let there = there.into_iter().map(|mut row| row.get(0)).collect::<Result<Vec<DestinationId>, _>>()?;
    walked.found.retain(|found| found.at <= before && !goes_on(found) && there.contains(&found.destination));
    Ok(walked)
}

/// What a job over `filter` takes: replays leave out what goes on by itself.
pub(crate) async fn to_do(
    tx: &mut Tx,
    stretch: Stretch,
    filter: &Filter,
    discard: bool,
    before: Timestamp,
) -> Result<Walked, StoreError> {
    let mut walked = match discard {
        true => walk::letters(tx, stretch, filter.destination, true).await?,
        false => to_replay(tx, stretch, filter.destination, before).await?,
    };
    if discard && filter.takes_waiting() {
        walked = walked.and(walk::waiting(tx, stretch, filter.destination).await?, stretch.way);
    }
    walked.found.retain(|found| filter.fits(found) && found.at <= before);
    Ok(walked)
}

/// What became of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    Made,
    /// It isn't there, isn't finished, or (asked for `once`) was replayed already.
    NotNow,
    /// Its destination is gone, or retention has removed the payload.
    Gone,
}

/// Sends a finished delivery's event to its destination again, as the new delivery `fresh`. One whose
/// attempts are used up, and that is parked for it, gives its place to the new one. `once`: only a
/// dead letter that was not replayed yet, whoever else tries at the same time.
pub async fn replay(tx: &mut Tx, id: DeliveryId, fresh: DeliveryId, once: bool, lease_ms: i64) -> Result<Replay, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT d.event, d.destination, d.state, d.parked_reason, coalesce(length(e.payload), 0) > 0
        FROM delivery d LEFT JOIN event e ON e.id = d.event AND e.tenant = d.tenant WHERE d.id = $1 AND d.tenant = $2";
    let Some(mut row) = tx.query_opt(sql, params![id, tenant]).await? else { return Ok(Replay::NotNow) };
    let (event, destination): (EventId, DestinationId) = (row.get(0)?, row.get(1)?);
    let (state, reason): (State, Option<String>) = (state_of(row.get(2)?)?, row.get(3)?);
    let exhausted = state == State::Parked && reason.as_deref() == Some(ParkedReason::Exhausted.as_str());
    if !state.is_terminal() && !exhausted {
        return Ok(Replay::NotNow);
    }
    if !row.get::<bool>(4)? {
        return Ok(Replay::Gone);
    }
    // Marked first: whoever comes second finds it marked.
    let open = if once { "AND replayed_as IS NULL" } else { "" };
    let mark = format!("UPDATE dead_letter SET replayed_as = $3 WHERE delivery = $1 AND tenant = $2 {open}");
    if tx.execute(&mark, params![id, tenant, fresh]).await? == 0 && once {
        return Ok(Replay::NotNow);
    }
    let followed = match send_again(tx, (id, event), destination, fresh, lease_ms).await {
        Err(StoreError::Conflict(_)) => {
            let undo = "UPDATE dead_letter SET replayed_as = NULL WHERE delivery = $1 AND tenant = $2";
            tx.execute(undo, params![id, tenant]).await?;
            return Ok(Replay::Gone);
        }
        done => done?,
    };
    match followed {
        true => delivery::close(tx, id, State::Discarded).await?,
        false if exhausted => drop(delivery::end(tx, id, State::Discarded).await?),
        false => {}
    }
    Ok(Replay::Made)
}

/// A head of an ordered key is followed in its place: `true`. Anything else of an ordered destination
/// goes to the end of its key's line, behind what came meanwhile.
async fn send_again(
    tx: &mut Tx,
    (old, event): (DeliveryId, EventId),
    to: DestinationId,
    fresh: DeliveryId,
    lease_ms: i64,
) -> Result<bool, StoreError> {
    let mut new = NewDelivery { id: fresh, destination: to, leased: false, key: None };
    queue::insert_row(tx, event, &new, Some(old)).await?;
    if ordered::place(tx, old).await?.is_some() && ordered::give_place(tx, old, fresh, to).await? {
        return Ok(true);
    }
    new.key = ordered::key_at(tx, to, event).await?;
    queue::enqueue(tx, &new, Class::Replay, lease_ms).await?;
    Ok(false)
}

/// A person has put it aside: it stays here until somebody replays or discards it.
pub(crate) async fn set_aside(tx: &mut Tx, id: DeliveryId) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let sql = "INSERT INTO dead_letter (delivery, tenant, destination, event_type, state, reason, at)
        SELECT d.id, d.tenant, d.destination, e.type, d.state, $3, d.updated_at FROM delivery d
        JOIN event e ON e.id = d.event AND e.tenant = d.tenant WHERE d.id = $1 AND d.tenant = $2";
    tx.execute(sql, params![id, tenant, SET_ASIDE]).await?;
    Ok(())
}

/// The reason of what a person has put aside.
pub const SET_ASIDE: &str = "set_aside";

/// Ends a dead letter or a parked delivery for good. `false`: it is neither.
pub async fn discard(tx: &mut Tx, id: DeliveryId) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    match delivery::get(tx, id).await?.map(|found| found.state) {
        Some(State::Parked) => delivery::end(tx, id, State::Discarded).await,
        Some(State::DeadLettered) => {
            let sql = "UPDATE delivery SET state = $3, updated_at = now_ms() WHERE id = $1 AND tenant = $2 AND state = $4";
            let states = [State::Discarded, State::DeadLettered].map(state_code);
            let ended = tx.execute(sql, params![id, tenant, states[0], states[1]]).await? == 1;
            tx.execute("DELETE FROM dead_letter WHERE delivery = $1 AND tenant = $2", params![id, tenant]).await?;
            Ok(ended)
        }
        _ => Ok(false),
    }
}
