//! Ordered destinations: of the deliveries that share an ordering key, one at a time is due.
//!
//! ```text
//! accepted ──► nobody before it: the head ──► due ──► claimed, tried, tried again ──► its end
//!          └─► behind others: in line ◄───────────────── the next one is the head ◄──────┘
//! ```
//! Only the head has a row in `due`, so that claims, leases, retries and holds know nothing of order:
//! a head that fails holds up its key and no other. Its end makes the next one due in the same commit.
//!
//! Who stands where is decided under the lane's lock: on SQLite the one writer is that lock, on
//! PostgreSQL the lane's row, which whoever touches a line locks first (more than one: in the order of
//! their ids). A delivery is ordered or not from the moment at which it was accepted: switching a
//! destination's order off lets what stands in line go on in order, switching it on leaves alone what
//! waits already.

use deadpool_postgres::Object;
use hookswitch_domain::delivery::{ParkedReason, State};
use hookswitch_domain::destination::Config;
use hookswitch_domain::flow::Class;
use hookswitch_domain::id::{DeliveryId, DestinationId, EventId};
use rusqlite::{Connection, OptionalExtension};
use uuid::Uuid;

use crate::db::{Inner, Tx};
use crate::delivery::{self, Delivery};
use crate::error::StoreError;
use crate::event::Meta;
use crate::page::Page;
use crate::queue::{self, NEVER, state_of};
use crate::{dead_letter, params};

/// A line is counted up to here when it is shown.
pub const DEPTH_MAX: i64 = 10_000;

/// A delivery that takes its place.
#[derive(Debug, Clone)]
pub(crate) struct Comer {
    pub delivery: Uuid,
    pub tenant: Uuid,
    pub destination: Uuid,
    pub key: String,
    pub class: Class,
}

/// A key whose head has ended.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub tenant: Uuid,
    pub destination: Uuid,
    pub key: String,
}

/// Takes its place: due at once if nobody is before it.
pub(crate) fn sqlite_stand(db: &Connection, comer: &Comer, now: i64) -> Result<(), StoreError> {
    let Comer { delivery, tenant, destination, key, class } = comer;
    let (delivery, tenant, destination) = (delivery.as_bytes(), tenant.as_bytes(), destination.as_bytes());
    let head = "SELECT 1 FROM due WHERE destination = ?1 AND ordering_key = ?2 AND tenant = ?3";
    if db.prepare_cached(head)?.exists((destination, key, tenant))? {
        let last = "SELECT coalesce(max(place), 0) FROM line WHERE destination = ?1 AND ordering_key = ?2";
        let last: i64 = db.prepare_cached(last)?.query_row((destination, key), |row| row.get(0))?;
        let line = "INSERT INTO line (delivery, tenant, destination, ordering_key, place, class) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        db.prepare_cached(line)?.execute((delivery, tenant, destination, key, last + 1, class.code()))?;
        return Ok(());
    }
    sqlite_head(db, (delivery, tenant, destination), key, class.code(), now)
}

fn sqlite_head(
    db: &Connection,
    (delivery, tenant, destination): (&[u8; 16], &[u8; 16], &[u8; 16]),
    key: &str,
    class: i64,
    now: i64,
) -> Result<(), StoreError> {
    let due = "INSERT INTO due (delivery, tenant, destination, next_at, leased, claim, class, ordering_key)
        VALUES (?1, ?2, ?3, ?4, 0, 0, ?5, ?6)";
    db.prepare_cached(due)?.execute((delivery, tenant, destination, now, class, key))?;
    let lane = "UPDATE lane SET next_at = ?1 WHERE destination = ?2 AND tenant = ?3 AND next_at > ?1";
    db.prepare_cached(lane)?.execute((now, destination, tenant))?;
    Ok(())
}

/// The head has ended: the first in line is due.
pub(crate) fn sqlite_next(db: &Connection, ended: &Ended, now: i64) -> Result<(), StoreError> {
    let (destination, key, tenant) = (ended.destination.as_bytes(), &ended.key, ended.tenant.as_bytes());
    let first =
        "SELECT delivery, class FROM line WHERE destination = ?1 AND ordering_key = ?2 AND tenant = ?3 ORDER BY place LIMIT 1";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, i64>(1)?));
    let first = db.prepare_cached(first)?.query_row((destination, key, tenant), read).optional()?;
    let Some((delivery, class)) = first else { return Ok(()) };
    db.prepare_cached("DELETE FROM line WHERE delivery = ?1 AND tenant = ?2")?.execute((&delivery, tenant))?;
    sqlite_head(db, (&delivery, tenant, destination), key, class, now)
}

/// Locks lanes in the order of their ids, until the transaction's end. The next statement sees what
/// whoever held them before has committed.
pub(crate) async fn pg_lock(client: &Object, destinations: &[Uuid]) -> Result<(), StoreError> {
    let lock = "SELECT 1 FROM lane WHERE destination = ANY ($1) ORDER BY destination FOR NO KEY UPDATE";
    let statement = client.prepare_cached(lock).await?;
    client.query(&statement, &[&destinations]).await?;
    Ok(())
}

const PG_STAND: &str = "WITH comers AS (
        SELECT *, row_number() OVER (PARTITION BY destination, ordering_key, tenant ORDER BY nth) AS rank
        FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::bigint[]) WITH ORDINALITY
          AS row (delivery, tenant, destination, ordering_key, class, nth)
    ), stood AS (
        SELECT c.*, EXISTS (SELECT 1 FROM due d
            WHERE d.destination = c.destination AND d.ordering_key = c.ordering_key AND d.tenant = c.tenant) AS headed,
          coalesce((SELECT max(l.place) FROM line l
            WHERE l.destination = c.destination AND l.ordering_key = c.ordering_key), 0) AS last
        FROM comers c
    ), heads AS (
        INSERT INTO due (delivery, tenant, destination, next_at, leased, claim, class, ordering_key)
        SELECT delivery, tenant, destination, now_ms(), FALSE, 0, class, ordering_key FROM stood WHERE NOT headed AND rank = 1
        RETURNING destination, tenant, next_at
    ), others AS (
        INSERT INTO line (delivery, tenant, destination, ordering_key, place, class)
        SELECT delivery, tenant, destination, ordering_key, last + rank, class FROM stood WHERE headed OR rank > 1
    ), rung AS (SELECT destination, tenant, min(next_at) AS next_at FROM heads GROUP BY destination, tenant)
    UPDATE lane SET next_at = rung.next_at FROM rung
    WHERE lane.destination = rung.destination AND lane.tenant = rung.tenant AND lane.next_at > rung.next_at";

/// Several take their places, in this order. Their lanes are locked.
pub(crate) async fn pg_stand(client: &Object, comers: &[Comer]) -> Result<(), StoreError> {
    let column = |pick: fn(&Comer) -> Uuid| comers.iter().map(pick).collect::<Vec<_>>();
    let keys: Vec<&str> = comers.iter().map(|comer| comer.key.as_str()).collect();
    let classes: Vec<i64> = comers.iter().map(|comer| comer.class.code()).collect();
    let (deliveries, tenants, lanes) = (column(|c| c.delivery), column(|c| c.tenant), column(|c| c.destination));
    let statement = client.prepare_cached(PG_STAND).await?;
    client.execute(&statement, &[&deliveries, &tenants, &lanes, &keys, &classes]).await?;
    Ok(())
}

const PG_NEXT: &str = "WITH ended AS (
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS row (tenant, destination, ordering_key)
    ), first AS (
        SELECT l.* FROM ended e CROSS JOIN LATERAL (SELECT * FROM line
            WHERE line.destination = e.destination AND line.ordering_key = e.ordering_key AND line.tenant = e.tenant
            ORDER BY line.place LIMIT 1) l
    ), gone AS (
        DELETE FROM line USING first f WHERE line.delivery = f.delivery AND line.tenant = f.tenant
    ), heads AS (
        INSERT INTO due (delivery, tenant, destination, next_at, leased, claim, class, ordering_key)
        SELECT delivery, tenant, destination, now_ms(), FALSE, 0, class, ordering_key FROM first
        RETURNING destination, tenant, next_at
    ), rung AS (SELECT destination, tenant, min(next_at) AS next_at FROM heads GROUP BY destination, tenant)
    UPDATE lane SET next_at = rung.next_at FROM rung
    WHERE lane.destination = rung.destination AND lane.tenant = rung.tenant AND lane.next_at > rung.next_at";

/// The same for several keys. Their lanes are locked.
pub(crate) async fn pg_next(client: &Object, ended: &[Ended]) -> Result<(), StoreError> {
    let (tenants, lanes): (Vec<Uuid>, Vec<Uuid>) = ended.iter().map(|each| (each.tenant, each.destination)).unzip();
    let keys: Vec<&str> = ended.iter().map(|each| each.key.as_str()).collect();
    let statement = client.prepare_cached(PG_NEXT).await?;
    client.execute(&statement, &[&tenants, &lanes, &keys]).await?;
    Ok(())
}

/// Takes its place inside any transaction.
pub(crate) async fn stand(tx: &mut Tx, comer: &Comer) -> Result<(), StoreError> {
    lock(tx, DestinationId(comer.destination)).await?;
    let now: i64 = tx.query_one("SELECT now_ms()", &[]).await?.get(0)?;
    match &tx.inner {
        Inner::Sqlite(connection) => sqlite_stand(connection.raw(), comer, now),
        Inner::Postgres(connection) => pg_stand(connection.client()?, std::slice::from_ref(comer)).await,
    }
}

/// The head has ended, inside a transaction that has locked its lane.
pub(crate) async fn next(tx: &mut Tx, destination: DestinationId, key: String) -> Result<(), StoreError> {
    let ended = Ended { tenant: tx.tenant().uuid(), destination: destination.uuid(), key };
    let now: i64 = tx.query_one("SELECT now_ms()", &[]).await?.get(0)?;
    match &tx.inner {
        Inner::Sqlite(connection) => sqlite_next(connection.raw(), &ended, now),
        Inner::Postgres(connection) => pg_next(connection.client()?, &[ended]).await,
    }
}

/// On SQLite whoever writes is alone.
pub(crate) async fn lock(tx: &mut Tx, destination: DestinationId) -> Result<(), StoreError> {
    match &tx.inner {
        Inner::Sqlite(_) => Ok(()),
        Inner::Postgres(connection) => pg_lock(connection.client()?, &[destination.uuid()]).await,
    }
}

/// The key under which an event stands in line at a destination as that is now; `None` where there is
/// no order. A test asks whether the receiver is there: it waits for nobody.
pub(crate) async fn key_at(tx: &mut Tx, destination: DestinationId, event: EventId) -> Result<Option<String>, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT d.config, e.meta FROM integration_destinations d, event e
        WHERE d.id = $1 AND d.tenant = $3 AND e.id = $2 AND e.tenant = $3";
    let Some(mut row) = tx.query_opt(sql, params![destination, event, tenant]).await? else { return Ok(None) };
    let (config, meta): (String, String) = (row.get(0)?, row.get(1)?);
    let config: Config = serde_json::from_str(&config).unwrap_or_default();
    let meta: Meta = serde_json::from_str(&meta).unwrap_or_default();
    Ok(config.line(meta.ordering_key.as_deref()).filter(|_| meta.source != "test"))
}

/// Where an unfinished delivery of an ordered key stands, under its lane's lock; `None` where it has no
/// order, or is over.
pub(crate) async fn place(tx: &mut Tx, id: DeliveryId) -> Result<Option<(DestinationId, String)>, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT destination, ordering_key FROM due WHERE delivery = $1 AND tenant = $2 AND ordering_key IS NOT NULL
        UNION ALL SELECT destination, ordering_key FROM line WHERE delivery = $1 AND tenant = $2";
    let Some(mut row) = tx.query_opt(sql, params![id, tenant]).await? else { return Ok(None) };
    let (destination, key) = (row.get(0)?, row.get(1)?);
    lock(tx, destination).await?;
    Ok(Some((destination, key)))
}

/// A key with what waits under it.
#[derive(Debug, Clone)]
pub struct Key {
    /// Empty where the events have none.
    pub key: String,
    /// The head and those behind it, at most [`DEPTH_MAX`].
    pub depth: i64,
    pub head: Delivery,
}

/// Keys of a destination under which something waits, by their names, from behind `after`. `failing`: only
/// those whose head was tried and waits for another try, or for a person.
pub async fn keys(
    tx: &mut Tx,
    destination: DestinationId,
    after: Option<&str>,
    failing: bool,
    page: &Page,
) -> Result<Vec<Key>, StoreError> {
    let tenant = tx.tenant();
    let behind = if after.is_some() { ">" } else { ">=" };
    let only = if failing { "AND class = 1" } else { "" };
    let sql = format!(
        "SELECT delivery, ordering_key, 1 + (SELECT count(*) FROM (SELECT 1 FROM line l
             WHERE l.destination = due.destination AND l.ordering_key = due.ordering_key LIMIT $5) x)
         FROM due WHERE destination = $1 AND tenant = $2 AND ordering_key {behind} $3 {only}
           AND delivery >= $6 AND delivery < $7 ORDER BY ordering_key LIMIT $4"
    );
    let (low, high) = (page.floor(), page.below());
    let rows = tx.query(&sql, params![destination, tenant, after.unwrap_or(""), page.fetch(), DEPTH_MAX - 1, low, high]).await?;
    let heads = rows.into_iter().map(|mut row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let heads: Vec<(DeliveryId, String, i64)> = heads.collect::<Result<_, StoreError>>()?;
    let ids: Vec<DeliveryId> = heads.iter().map(|head| head.0).collect();
    // One statement finds them all, in the order of the keys.
    let found = delivery::several(tx, &ids).await?;
    let mut heads = heads.into_iter();
    let pair = |head: Delivery| heads.find(|(id, ..)| *id == head.id).map(|(_, key, depth)| Key { key, depth, head });
    Ok(found.into_iter().filter_map(pair).collect())
}

/// What a person does about a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// It is not sent, and the next one goes.
    Skip,
    /// The same, and it is kept among the dead letters.
    DeadLetter,
    /// It is tried now. With its attempts used up, a new delivery takes its place.
    Retry { fresh: DeliveryId },
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acted {
    /// The delivery that it is about from now on: a new one where attempts were used up.
    Done(DeliveryId),
    /// It is over.
    Finished,
    /// It has no order.
    Unordered,
    /// Others are before it, this one first.
    Behind(DeliveryId),
    /// A sender has it: what comes of that is known in a moment.
    InHand,
    /// Retention has removed its payload.
    Purged,
}

/// Does it, if the delivery is the head of its key when its lane is locked.
pub async fn act(tx: &mut Tx, id: DeliveryId, act: Act) -> Result<Acted, StoreError> {
    let tenant = tx.tenant();
    let Some((destination, key)) = place(tx, id).await? else {
        let waits = "SELECT 1 FROM due WHERE delivery = $1 AND tenant = $2";
        let waits = tx.query_opt(waits, params![id, tenant]).await?.is_some();
        return Ok(if waits { Acted::Unordered } else { Acted::Finished });
    };
    let head = "SELECT q.delivery, q.leased AND q.next_at > now_ms(), d.state, d.parked_reason, d.event
        FROM due q JOIN delivery d ON d.id = q.delivery AND d.tenant = q.tenant
        WHERE q.destination = $1 AND q.ordering_key = $2 AND q.tenant = $3";
    // The line may have moved on while its lane was waited for.
    let Some(mut row) = tx.query_opt(head, params![destination, key.as_str(), tenant]).await? else { return Ok(Acted::Finished) };
    let (head, in_hand): (DeliveryId, bool) = (row.get(0)?, row.get(1)?);
    if head != id {
        let stands = "SELECT 1 FROM line WHERE delivery = $1 AND tenant = $2";
        let stands = tx.query_opt(stands, params![id, tenant]).await?.is_some();
        return Ok(if stands { Acted::Behind(head) } else { Acted::Finished });
    }
    if in_hand {
        return Ok(Acted::InHand);
    }
    let (state, reason): (State, Option<String>) = (state_of(row.get(2)?)?, row.get(3)?);
    let used_up = state == State::Parked && reason.as_deref() == Some(ParkedReason::Exhausted.as_str());
    match act {
        Act::Skip => drop(delivery::end(tx, id, State::Discarded).await?),
        Act::DeadLetter => {
            delivery::end(tx, id, State::DeadLettered).await?;
            dead_letter::set_aside(tx, id).await?;
        }
        Act::Retry { fresh } if used_up => {
            return Ok(match dead_letter::replay(tx, id, fresh, false, 0).await? {
                dead_letter::Replay::Made => Acted::Done(fresh),
                _ => Acted::Purged,
            });
        }
        Act::Retry { .. } => try_now(tx, id, destination).await?,
    }
    Ok(Acted::Done(id))
}

async fn try_now(tx: &mut Tx, id: DeliveryId, destination: DestinationId) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    tx.execute("UPDATE due SET next_at = now_ms() WHERE delivery = $1 AND tenant = $2", params![id, tenant]).await?;
    let shown = "UPDATE delivery SET next_at = now_ms(), updated_at = now_ms() WHERE id = $1 AND tenant = $2";
    tx.execute(shown, params![id, tenant]).await?;
    queue::ring(tx, destination).await
}

/// A new delivery takes the place of a head whose attempts are used up: nothing passes it.
pub(crate) async fn give_place(tx: &mut Tx, old: DeliveryId, fresh: DeliveryId, to: DestinationId) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let sql = "UPDATE due SET delivery = $3, next_at = now_ms(), leased = FALSE, claim = 0, class = $4
        WHERE delivery = $1 AND tenant = $2 AND ordering_key IS NOT NULL AND next_at = $5";
    if tx.execute(sql, params![old, tenant, fresh, Class::Replay.code(), NEVER]).await? == 0 {
        return Ok(false);
    }
    queue::ring(tx, to).await?;
    Ok(true)
}
