//! Claiming: leasing what is due to the caller. One statement per lane finds it, with all that
//! sending needs; SQLite then marks each row (nobody else writes there), PostgreSQL finds, marks and
//! reads the rows of all lanes at once.
//!
//! A row is marked only if its claim number is still the one that was read, so that two claimers
//! never share a delivery. No `SKIP LOCKED`: Citus refuses it without the tenant.

use std::collections::HashMap;

use hookswitch_domain::flow::Class;
use hookswitch_domain::id::{DeliveryId, DestinationId, EventId, TenantId};
use rusqlite::OptionalExtension;
use uuid::Uuid;

use crate::db::{Inner, Tx};
use crate::error::StoreError;
use crate::queue::{Claimed, FIRST_DUE, Lane, NEVER, Want};
use crate::value::Row;
use crate::{health, ordered, params};

/// `holder` is this process's number, where several may send.
pub(crate) async fn claim(tx: &mut Tx, wants: Vec<Want>, lease_ms: i64, holder: Option<i64>) -> Result<Vec<Claimed>, StoreError> {
    let (mut mine, mut probes) = (Vec::with_capacity(wants.len()), Vec::new());
    for want in wants {
        if want.probe && !health::take_probe(tx, want.lane, lease_ms).await? {
            continue;
        }
        if want.probe {
            probes.push(want.lane);
        }
        mine.push(want);
    }
    // One order for every claimer, so that two of them never wait for each other in a circle.
    mine.sort_by_key(|want| want.lane.destination);
    if let Inner::Postgres(connection) = &tx.inner {
        let ordered = mine.iter().filter(|want| want.ordered).map(|want| want.lane.destination.uuid());
        let ordered: Vec<Uuid> = ordered.collect();
        if !ordered.is_empty() {
            ordered::pg_lock(connection.client()?, &ordered).await?;
        }
    }
    let claimed = match &tx.inner {
        Inner::Sqlite(connection) => on_sqlite(connection.raw(), &mine, lease_ms)?,
        Inner::Postgres(_) => on_postgres(tx, &mine, lease_ms, holder).await?,
    };
    for lane in probes {
        if !claimed.iter().any(|each| each.destination == lane.destination) {
            health::give_probe_back(tx, lane).await?;
        }
    }
    Ok(claimed)
}

/// A lease ran out under somebody: its try is recorded, without a number, because nobody knows
/// whether it reached the receiver.
const INTERRUPTED: &str = "the sender stopped before it could say how this try ended";

fn on_sqlite(db: &rusqlite::Connection, wants: &[Want], lease_ms: i64) -> Result<Vec<Claimed>, StoreError> {
    let now: i64 = db.prepare_cached("SELECT now_ms()")?.query_row([], |row| row.get(0))?;
    let mut epochs = HashMap::new();
    let mut claimed = Vec::new();
    let advance =
        format!("UPDATE lane SET next_at = coalesce({FIRST_DUE}, ?3) WHERE destination = ?1 AND tenant = ?2 AND hold IS NULL");
    for want in wants {
        let lane = &want.lane;
        let epoch = match epochs.get(&lane.tenant) {
            Some(epoch) => *epoch,
            None => {
                let mut statement = db.prepare_cached("SELECT epoch FROM tenant WHERE id = ?1")?;
                let found: Option<i64> = statement.query_row([lane.tenant.uuid().as_bytes()], |row| row.get(0)).optional()?;
                *epochs.entry(lane.tenant).or_insert(found.unwrap_or_default())
            }
        };
        let from = claimed.len();
        for (class, count) in want.of {
            let left = want.all - (claimed.len() - from) as i64;
            if count.min(left) > 0 {
                sqlite_candidates(db, lane, class, epoch, now, count.min(left), &mut claimed)?;
            }
        }
        for (each, expired) in &mut claimed[from..] {
            sqlite_take(db, each, *expired, now, lease_ms)?;
        }
        db.prepare_cached(&advance)?.execute((lane.destination.uuid().as_bytes(), lane.tenant.uuid().as_bytes(), NEVER))?;
    }
    Ok(claimed.into_iter().map(|(each, _)| each).collect())
}

/// What is due on a lane that nothing holds, as it was before it is taken, and whether its last
/// lease ran out.
fn sqlite_candidates(
    db: &rusqlite::Connection,
    lane: &Lane,
    class: Class,
    epoch: i64,
    now: i64,
    count: i64,
    found: &mut Vec<(Claimed, bool)>,
) -> Result<(), StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT q.delivery, q.claim, q.leased, d.attempts, d.records, d.interruptions, d.replayed_from, e.id, e.type, e.payload, e.meta,
           q.ordering_key
         FROM due q
         CROSS JOIN delivery d ON d.id = q.delivery AND d.tenant = q.tenant
         CROSS JOIN event e ON e.id = d.event AND e.tenant = d.tenant
         WHERE q.destination = ?1 AND q.tenant = ?2 AND q.class = ?5 AND q.next_at <= ?3
           AND NOT EXISTS (SELECT 1 FROM lane WHERE lane.destination = ?1 AND lane.tenant = ?2 AND lane.hold IS NOT NULL)
         ORDER BY q.next_at LIMIT ?4",
    )?;
    let mut rows =
        statement.query((lane.destination.uuid().as_bytes(), lane.tenant.uuid().as_bytes(), now, count, class.code()))?;
    while let Some(row) = rows.next()? {
        let replayed_from: Option<[u8; 16]> = row.get(6)?;
        let one = Claimed {
            tenant: lane.tenant,
            epoch,
            delivery: DeliveryId(Uuid::from_bytes(row.get(0)?)),
            destination: lane.destination,
            claim: row.get(1)?,
            attempts: row.get(3)?,
            records: row.get(4)?,
            interruptions: row.get(5)?,
            class,
            key: row.get(11)?,
            replayed_from: replayed_from.map(|id| DeliveryId(Uuid::from_bytes(id))),
            event: EventId(Uuid::from_bytes(row.get(7)?)),
            event_type: row.get(8)?,
            payload: row.get::<_, Vec<u8>>(9)?.into(),
            meta: row.get(10)?,
        };
        found.push((one, row.get(2)?));
    }
    Ok(())
}

fn sqlite_take(
    db: &rusqlite::Connection,
    claimed: &mut Claimed,
    expired: bool,
    now: i64,
    lease_ms: i64,
) -> Result<(), StoreError> {
    let (delivery, tenant) = (claimed.delivery.uuid(), claimed.tenant.uuid());
    claimed.claim += 1;
    db.prepare_cached("UPDATE due SET claim = ?3, leased = 1, next_at = ?4 WHERE delivery = ?1 AND tenant = ?2")?.execute((
        delivery.as_bytes(),
        tenant.as_bytes(),
        claimed.claim,
        now + lease_ms,
    ))?;
    if !expired {
        return Ok(());
    }
    claimed.records += 1;
    claimed.interruptions += 1;
    db.prepare_cached("UPDATE delivery SET records = ?3, interruptions = ?4, updated_at = ?5 WHERE id = ?1 AND tenant = ?2")?
        .execute((delivery.as_bytes(), tenant.as_bytes(), claimed.records, claimed.interruptions, now))?;
    db.prepare_cached(
        "INSERT INTO attempt (delivery, record, tenant, number, outcome, started_at, reason, detail)
         VALUES (?1, ?2, ?3, NULL, 'interrupted', ?4, ?5, '{}')",
    )?
    .execute((delivery.as_bytes(), claimed.records, tenant.as_bytes(), now, INTERRUPTED))?;
    Ok(())
}

const PG_CLAIM: &str = "WITH wanted AS (
        SELECT w.* FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
            $9::bigint[], $10::bigint[]) AS w (destination, tenant, count, c1, n1, c2, n2, c3, n3)
        JOIN lane l ON l.destination = w.destination AND l.tenant = w.tenant AND l.hold IS NULL
    ), candidate AS (
        SELECT d.* FROM wanted w CROSS JOIN LATERAL (
            SELECT * FROM ((SELECT delivery, tenant, claim, leased, class FROM due
                WHERE due.destination = w.destination AND due.tenant = w.tenant AND due.class = w.c1 AND due.next_at <= now_ms()
                ORDER BY due.next_at LIMIT w.n1)
            UNION ALL (SELECT delivery, tenant, claim, leased, class FROM due
                WHERE due.destination = w.destination AND due.tenant = w.tenant AND due.class = w.c2 AND due.next_at <= now_ms()
                ORDER BY due.next_at LIMIT w.n2)
            UNION ALL (SELECT delivery, tenant, claim, leased, class FROM due
                WHERE due.destination = w.destination AND due.tenant = w.tenant AND due.class = w.c3 AND due.next_at <= now_ms()
                ORDER BY due.next_at LIMIT w.n3)) AS classes LIMIT w.count) d
    ), taken AS (
        UPDATE due SET claim = due.claim + 1, leased = TRUE, next_at = now_ms() + $4, holder = $11
        FROM candidate c WHERE due.delivery = c.delivery AND due.tenant = c.tenant AND due.claim = c.claim
        RETURNING due.delivery, due.tenant, due.destination, due.claim, c.leased AS expired, c.class, due.ordering_key
    )
    SELECT q.delivery, q.tenant, q.destination, q.claim, q.expired, d.attempts, d.records, d.interruptions, d.replayed_from,
        e.id, e.type, e.payload, e.meta, t.epoch, q.class, q.ordering_key
    FROM taken q
    JOIN delivery d ON d.id = q.delivery AND d.tenant = q.tenant
    JOIN event e ON e.id = d.event AND e.tenant = d.tenant
    JOIN tenant t ON t.id = q.tenant";

const PG_INTERRUPTED: &str = "WITH expired AS (
        SELECT * FROM unnest($1::uuid[], $2::uuid[]) AS x (delivery, tenant)
    ), counted AS (
        UPDATE delivery SET records = records + 1, interruptions = interruptions + 1, updated_at = now_ms()
        FROM expired x WHERE delivery.id = x.delivery AND delivery.tenant = x.tenant
        RETURNING delivery.id, delivery.tenant, delivery.records
    )
    INSERT INTO attempt (delivery, record, tenant, number, outcome, started_at, reason, detail)
    SELECT id, records, tenant, NULL, 'interrupted', now_ms(), $3, '{}' FROM counted";

async fn on_postgres(tx: &mut Tx, wants: &[Want], lease_ms: i64, holder: Option<i64>) -> Result<Vec<Claimed>, StoreError> {
    let destinations: Vec<Uuid> = wants.iter().map(|want| want.lane.destination.uuid()).collect();
    let tenants: Vec<Uuid> = wants.iter().map(|want| want.lane.tenant.uuid()).collect();
    let counts: Vec<i64> = wants.iter().map(|want| want.all).collect();
    let class = |place: usize| wants.iter().map(|want| want.of[place].0.code()).collect::<Vec<i64>>();
    let most = |place: usize| wants.iter().map(|want| want.of[place].1).collect::<Vec<i64>>();
    let (own, their) = (destinations.clone(), tenants.clone());
    let params = params![own, their, counts, lease_ms, class(0), most(0), class(1), most(1), class(2), most(2), holder];
    let rows = tx.query(PG_CLAIM, params).await?;
    let mut claimed = rows.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let expired = claimed.iter().filter(|(_, expired)| *expired);
    let (deliveries, owners): (Vec<Uuid>, Vec<Uuid>) =
        expired.map(|(each, _)| (each.delivery.uuid(), each.tenant.uuid())).unzip();
    if !deliveries.is_empty() {
        tx.execute(PG_INTERRUPTED, params![deliveries, owners, INTERRUPTED]).await?;
    }
    for (each, expired) in &mut claimed {
        each.records += u32::from(*expired);
        each.interruptions += u32::from(*expired);
    }
    let advance = format!(
        "UPDATE lane SET next_at = coalesce({FIRST_DUE}, $3) FROM unnest($1::uuid[], $2::uuid[]) AS w (destination, tenant)
         WHERE lane.destination = w.destination AND lane.tenant = w.tenant AND lane.hold IS NULL"
    );
    tx.execute(&advance, params![destinations, tenants, NEVER]).await?;
    Ok(claimed.into_iter().map(|(each, _)| each).collect())
}

fn read(mut row: Row) -> Result<(Claimed, bool), StoreError> {
    let (tenant, destination): (TenantId, DestinationId) = (row.get(1)?, row.get(2)?);
    let one = Claimed {
        tenant,
        destination,
        delivery: row.get(0)?,
        claim: row.get(3)?,
        attempts: row.get(5)?,
        records: row.get(6)?,
        interruptions: row.get(7)?,
        replayed_from: row.get(8)?,
        event: row.get(9)?,
        event_type: row.get(10)?,
        payload: row.get::<Vec<u8>>(11)?.into(),
        meta: row.get(12)?,
        epoch: row.get(13)?,
        class: Class::of_code(row.get(14)?),
        key: row.get(15)?,
    };
    Ok((one, row.get(4)?))
}
