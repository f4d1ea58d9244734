//! The outbound queue: accept, claim, settle.
//!
//! A delivery that isn't finished has a row in `due`; a destination has a row in `lane`, whose
//! `next_at` is never later than the earliest `due` of that destination (a sweep mends the one race
//! that PostgreSQL allows). A claim reads lanes first and rows second, so that it costs the same
//! whatever waits. Within a lane, fresh work, retries and replays are found apart ([`Class`]).
//!
//! Every write after a claim names it: (delivery, claim number). A lease that ran out is claimed
//! again under the next number, and the old holder's write then changes nothing.

use bytes::Bytes;
use hookswitch_domain::delivery::State;
use hookswitch_domain::flow::Class;
use hookswitch_domain::id::{DeliveryId, DestinationId, EventId, TenantId};
pub use hookswitch_domain::lease::{After, NEVER};
use hookswitch_domain::time::Timestamp;

use crate::db::{Db, Engine, Inner, Tx};
use crate::error::StoreError;
use crate::ordered::{self, Comer};
use crate::params;
use crate::{claim, commit};

/// How states are stored: their place in this list.
pub fn state_code(state: State) -> i64 {
    State::ALL.iter().position(|each| *each == state).unwrap_or(0) as i64
}

pub fn state_of(code: i64) -> Result<State, StoreError> {
    let found = usize::try_from(code).ok().and_then(|place| State::ALL.get(place).copied());
    found.ok_or_else(|| StoreError::Corrupt(format!("{code} is no delivery state")))
}

/// An event as it is stored: payload bytes once, untouched.
#[derive(Debug, Clone)]
pub struct NewEvent {
    pub id: EventId,
    pub event_type: String,
    pub payload: Bytes,
    /// `event::Meta` as JSON.
    pub meta: String,
    pub deliveries: Vec<NewDelivery>,
}

#[derive(Debug, Clone)]
pub struct NewDelivery {
    pub id: DeliveryId,
    pub destination: DestinationId,
    /// Inserted leased to the node that accepts it, under claim 1: the happy path has no claim query.
    pub leased: bool,
    /// It stands in line with what has the same key (`ordered`), and is leased by a claim alone.
    pub key: Option<String>,
}

/// The answer of a POST that is kept for its `Idempotency-Key`.
#[derive(Debug, Clone)]
pub struct Remember {
    pub key: String,
    pub scope: String,
    pub request_hash: [u8; 32],
    pub status: u16,
    pub response: String,
}

/// Events of one tenant, all or none.
#[derive(Debug, Clone)]
pub struct Accept {
    pub tenant: TenantId,
    /// The tenant's configuration epoch that the fan-out was made with.
    pub epoch: i64,
    /// The platform's, where a platform token publishes.
    pub platform_epoch: Option<i64>,
    pub events: Vec<NewEvent>,
    pub remember: Option<Remember>,
    pub lease_ms: i64,
}

/// What became of an [`Accept`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// Committed and on disk.
    Stored,
    /// Configuration or rights changed since: look again and retry. Nothing was written.
    Stale,
    /// The same request was answered before: the same answer. Nothing was written.
    Repeated { status: u16, response: String },
    /// The key was used for another request. Nothing was written.
    KeyReused,
}

/// A try that ended, and where the delivery goes.
#[derive(Debug, Clone)]
pub struct Settle {
    pub tenant: TenantId,
    pub delivery: DeliveryId,
    pub destination: DestinationId,
    pub claim: i64,
    pub state: State,
    pub after: After,
    pub attempts: u32,
    pub parked_reason: Option<&'static str>,
    pub record: AttemptRecord,
    /// As it was claimed: the next one of this key is due when this one has ended.
    pub key: Option<String>,
}

/// A row of the attempt table.
#[derive(Debug, Clone)]
pub struct AttemptRecord {
    /// 1, 2, 3 over everything recorded.
    pub record: u32,
    /// 1, 2, 3 over what was sent.
    pub number: Option<u32>,
    pub outcome: &'static str,
    pub started_at: Timestamp,
    pub status: Option<u16>,
    pub reason: String,
    pub detail: String,
}

/// A claimed delivery with all that sending needs from the store.
#[derive(Debug, Clone)]
pub struct Claimed {
    pub tenant: TenantId,
    /// The tenant's configuration epoch at the claim.
    pub epoch: i64,
    pub delivery: DeliveryId,
    pub destination: DestinationId,
    pub claim: i64,
    pub attempts: u32,
    pub records: u32,
    pub interruptions: u32,
    pub class: Class,
    /// It is the head of this ordering key.
    pub key: Option<String>,
    pub replayed_from: Option<DeliveryId>,
    pub event: EventId,
    pub event_type: String,
    pub payload: Bytes,
    pub meta: String,
}

impl Claimed {
    /// What accepting inserted leased (`NewDelivery::leased`), as whoever accepted it takes it in hand. Without
    /// `meta`, which the acceptor still holds parsed.
    pub fn at_accept(tenant: TenantId, epoch: i64, event: &NewEvent, delivery: &NewDelivery) -> Self {
        Self {
            tenant,
            epoch,
            delivery: delivery.id,
            destination: delivery.destination,
            claim: 1,
            attempts: 0,
            records: 0,
            interruptions: 0,
            class: Class::Fresh,
            key: None,
            replayed_from: None,
            event: event.id,
            event_type: event.event_type.clone(),
            payload: event.payload.clone(),
            meta: String::new(),
        }
    }
}

/// A lane with work that is due now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lane {
    pub destination: DestinationId,
    pub tenant: TenantId,
}

/// What to claim of a lane.
#[derive(Debug, Clone, Copy)]
pub struct Want {
    pub lane: Lane,
    /// At most so many altogether.
    pub all: i64,
    /// At most so many of each class, in this order.
    pub of: [(Class, i64); 3],
    /// It is one delivery that asks whether the receiver is back: only if no other node does.
    pub probe: bool,
    /// The lane may hold heads of ordered keys: it is locked while it is claimed from, so that no bell
    /// is lost that their ends ring.
    pub ordered: bool,
}

impl Want {
    /// Up to `count` of whatever is due, what is fresh first.
    pub const fn any(lane: Lane, count: i64) -> Self {
        let of = [(Class::Fresh, count), (Class::Retry, count), (Class::Replay, count)];
        Self { lane, all: count, of, probe: false, ordered: true }
    }
}

/// Where a look at the lanes goes on.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    next_at: i64,
    destination: DestinationId,
}

/// What a look at the lanes shows.
#[derive(Debug, Default)]
pub struct Look {
    pub ready: Vec<Lane>,
    /// Where to go on: there may be more.
    pub more: Option<Place>,
    /// Milliseconds until the next lane is due, if one is waiting.
    pub next_in_ms: Option<i64>,
}

impl Db {
    /// Commits events with their deliveries. Many callers share one commit.
    pub async fn accept(&self, accept: Accept) -> Result<Accepted, StoreError> {
        match &*self.engine {
            Engine::Sqlite(sqlite) => {
                let bytes = accept.events.iter().map(|event| event.payload.len() + 512).sum();
                sqlite.write_rows(bytes, false, move |tx| commit::sqlite_accept(raw(tx)?, &accept)).await
            }
            Engine::Postgres(postgres) => postgres.batches.accept(accept).await,
        }
    }

    /// Writes how a try ended. `false`: the lease was taken over by somebody else, and nothing was written.
    pub async fn settle(&self, settle: Settle) -> Result<bool, StoreError> {
        self.settle_as(settle, false).await
    }

    /// [`settle`](Self::settle) where nobody waits for the place that becomes free: it may take some
    /// milliseconds until another commit comes by.
    pub async fn settle_in_passing(&self, settle: Settle) -> Result<bool, StoreError> {
        self.settle_as(settle, true).await
    }

    async fn settle_as(&self, settle: Settle, patient: bool) -> Result<bool, StoreError> {
        match &*self.engine {
            Engine::Sqlite(sqlite) => {
                // Never shed: what is in hand is bounded already, and unsettled it would be sent again.
                sqlite.write_rows(0, patient, move |tx| commit::sqlite_settle(raw(tx)?, &settle)).await
            }
            Engine::Postgres(postgres) => postgres.batches.settle(settle).await,
        }
    }

    /// Lanes with work that is due, the longest waiting first, from `after` on.
    pub async fn look(&self, limit: i64, after: Option<Place>) -> Result<Look, StoreError> {
        self.system().read(move |tx| Box::pin(look(tx, limit, after))).await
    }

    /// Leases what is wanted and due to the caller for `lease_ms`.
    pub async fn claim(&self, wants: Vec<Want>, lease_ms: i64) -> Result<Vec<Claimed>, StoreError> {
        let holder = match &*self.engine {
            Engine::Sqlite(_) => None,
            Engine::Postgres(postgres) => postgres.holder.number(),
        };
        self.system().write(move |tx| Box::pin(claim::claim(tx, wants, lease_ms, holder))).await
    }

    /// Mends lanes whose `next_at` lies behind their work: one index probe per lane, and a write only
    /// where there is something to mend.
    pub async fn sweep_lanes(&self) -> Result<u64, StoreError> {
        let late = format!("hold IS NULL AND {FIRST_DUE} < next_at");
        let any = format!("SELECT 1 FROM lane WHERE {late} LIMIT 1");
        if self.system().read(move |tx| Box::pin(async move { tx.query_opt(&any, &[]).await })).await?.is_none() {
            return Ok::<_, StoreError>(0);
        }
        let mend = format!("UPDATE lane SET next_at = {FIRST_DUE} WHERE {late}");
        self.system().write(move |tx| Box::pin(async move { tx.execute(&mend, &[]).await })).await
    }
}

/// The earliest `next_at` of a lane, by one index probe per class.
pub(crate) const FIRST_DUE: &str = "(SELECT min(earliest) FROM (
    SELECT min(next_at) AS earliest FROM due WHERE due.destination = lane.destination AND due.class = 0
    UNION ALL SELECT min(next_at) FROM due WHERE due.destination = lane.destination AND due.class = 1
    UNION ALL SELECT min(next_at) FROM due WHERE due.destination = lane.destination AND due.class = 2) AS classes)";

fn raw(tx: &Tx) -> Result<&rusqlite::Connection, StoreError> {
    match &tx.inner {
        Inner::Sqlite(connection) => Ok(connection.raw()),
        Inner::Postgres(_) => Err(StoreError::Bug("not a SQLite transaction".to_owned())),
    }
}

/// Inserts an event with its deliveries inside any transaction: for hosts that emit events with
/// their own changes.
pub async fn insert_event(tx: &mut Tx, event: &NewEvent, lease_ms: i64) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    tx.execute(
        "INSERT INTO event (id, tenant, type, payload, meta) VALUES ($1, $2, $3, $4, $5)",
        params![event.id, tenant, event.event_type.as_str(), &event.payload[..], event.meta.as_str()],
    )
    .await?;
    for delivery in &event.deliveries {
        insert_delivery(tx, event.id, delivery, lease_ms).await?;
    }
    Ok(())
}

/// Inserts one delivery of an event that is there, without its place in the queue. `Conflict`: its
/// destination is gone.
pub(crate) async fn insert_row(
    tx: &mut Tx,
    event: EventId,
    delivery: &NewDelivery,
    replayed_from: Option<DeliveryId>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    // Without its lane a delivery would wait for ever: the lane is held until this is committed.
    let lock = if tx.is_sqlite() { "" } else { " FOR KEY SHARE" };
    let lane = format!("SELECT 1 FROM lane WHERE destination = $1 AND tenant = $2{lock}");
    if tx.query_opt(&lane, params![delivery.destination, tenant]).await?.is_none() {
        return Err(StoreError::Conflict("the destination is deleted".to_owned()));
    }
    tx.execute(
        "INSERT INTO delivery (id, tenant, event, destination, state, replayed_from, updated_at)
         VALUES ($1, $2, $3, $4, 0, $5, now_ms())",
        params![delivery.id, tenant, event, delivery.destination, replayed_from],
    )
    .await?;
    Ok(())
}

/// Inserts one delivery of an event that is there: fan-out and test, or what was missing.
pub async fn insert_delivery(tx: &mut Tx, event: EventId, delivery: &NewDelivery, lease_ms: i64) -> Result<(), StoreError> {
    insert_row(tx, event, delivery, None).await?;
    enqueue(tx, delivery, Class::Fresh, lease_ms).await
}

/// Gives a delivery its place: due, or in line.
pub(crate) async fn enqueue(tx: &mut Tx, delivery: &NewDelivery, class: Class, lease_ms: i64) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    if let Some(key) = delivery.key.clone() {
        let (delivery, destination) = (delivery.id.uuid(), delivery.destination.uuid());
        return ordered::stand(tx, &Comer { delivery, tenant: tenant.uuid(), destination, key, class }).await;
    }
    let lease = if delivery.leased { lease_ms } else { 0 };
    tx.execute(
        "INSERT INTO due (delivery, tenant, destination, next_at, leased, claim, class)
         VALUES ($1, $2, $3, now_ms() + $4, $5, $6, $7)",
        params![delivery.id, tenant, delivery.destination, lease, delivery.leased, i64::from(delivery.leased), class.code()],
    )
    .await?;
    tx.execute(
        "UPDATE lane SET next_at = now_ms() + $1 WHERE destination = $2 AND tenant = $3 AND next_at > now_ms() + $1",
        params![lease, delivery.destination, tenant],
    )
    .await?;
    Ok(())
}

/// There is something due on the lane.
pub(crate) async fn ring(tx: &mut Tx, destination: DestinationId) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let sql = "UPDATE lane SET next_at = now_ms() WHERE destination = $1 AND tenant = $2 AND next_at > now_ms()";
    tx.execute(sql, params![destination, tenant]).await?;
    Ok(())
}

async fn look(tx: &mut Tx, limit: i64, after: Option<Place>) -> Result<Look, StoreError> {
    let ready = "SELECT l.destination, l.tenant, l.next_at FROM lane l JOIN tenant t ON t.id = l.tenant
        LEFT JOIN destination_health h ON h.destination = l.destination AND h.tenant = l.tenant
        WHERE l.next_at <= now_ms() AND (l.next_at, l.destination) > ($2, $3) AND l.hold IS NULL AND NOT t.sending_paused
          AND NOT EXISTS (SELECT 1 FROM installation i WHERE i.sending_paused)
          AND coalesce(h.not_before, 0) <= now_ms() ORDER BY l.next_at, l.destination LIMIT $1";
    let from = after.unwrap_or(Place { next_at: i64::MIN, destination: DestinationId(uuid::Uuid::nil()) });
    let (mut ready_lanes, mut last) = (Vec::new(), None);
    for mut row in tx.query(ready, params![limit, from.next_at, from.destination]).await? {
        let lane = Lane { destination: row.get(0)?, tenant: row.get(1)? };
        last = Some(Place { next_at: row.get(2)?, destination: lane.destination });
        ready_lanes.push(lane);
    }
    let more = last.filter(|_| ready_lanes.len() as i64 >= limit);
    let next = "SELECT min(moment) - now_ms() FROM (
        SELECT min(next_at) AS moment FROM lane WHERE next_at > now_ms() AND next_at < $1 AND hold IS NULL
        UNION ALL SELECT min(not_before) FROM destination_health WHERE not_before > now_ms()) AS coming";
    let next_in_ms = tx.query_one(next, params![NEVER]).await?.get(0)?;
    Ok(Look { ready: ready_lanes, more, next_in_ms })
}
