//! The hot path's statements: accept and settle.
//!
//! On SQLite the writer thread runs them row by row with prepared statements, inside the batch
//! that it is committing. On PostgreSQL what was collected (`batches`) goes as multi-row statements.
//! What has no order pays nothing for what has (`ordered`).

use std::collections::{HashMap, HashSet};

use deadpool_postgres::Object;
use hookswitch_domain::flow::Class;
use hookswitch_domain::tenant::PLATFORM;
use rusqlite::OptionalExtension;
use uuid::Uuid;

use crate::dead_letter;
use crate::error::StoreError;
use crate::ordered::{self, Comer, Ended};
use crate::queue::{Accept, Accepted, After, NEVER, NewDelivery, Remember, Settle, state_code};

/// An `Idempotency-Key` is kept for 24 h (CONTRACT 3).
pub const KEY_KEPT_MS: i64 = 24 * 3_600 * 1_000;

/// Accepts on SQLite. Everything that may refuse comes before the first insert of an event.
pub(crate) fn sqlite_accept(db: &rusqlite::Connection, accept: &Accept) -> Result<Accepted, StoreError> {
    let mut epoch = db.prepare_cached("SELECT epoch FROM tenant WHERE id = ?1")?;
    let mut current = |tenant: Uuid| epoch.query_row([tenant.as_bytes()], |row| row.get::<_, i64>(0)).optional();
    if current(accept.tenant.uuid())? != Some(accept.epoch) {
        return Ok(Accepted::Stale);
    }
    if let Some(expected) = accept.platform_epoch
        && current(PLATFORM.uuid())? != Some(expected)
    {
        return Ok(Accepted::Stale);
    }
    if let Some(remember) = &accept.remember
        && let Some(answer) = sqlite_remember(db, accept.tenant.uuid(), remember)?
    {
        return Ok(answer);
    }
    let now: i64 = db.prepare_cached("SELECT now_ms()")?.query_row([], |row| row.get(0))?;
    let tenant = accept.tenant.uuid();
    let tenant = tenant.as_bytes();
    let mut event_row = db.prepare_cached("INSERT INTO event (id, tenant, type, payload, meta) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    let mut delivery_row = db.prepare_cached(
        "INSERT INTO delivery (id, tenant, event, destination, state, updated_at) VALUES (?1, ?2, ?3, ?4, 0, ?5)",
    )?;
    let mut due_row = db.prepare_cached(
        "INSERT INTO due (delivery, tenant, destination, next_at, leased, claim) VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
    )?;
    let mut lane_row =
        db.prepare_cached("UPDATE lane SET next_at = ?1 WHERE destination = ?2 AND tenant = ?3 AND next_at > ?1")?;
    for event in &accept.events {
        let event_id = event.id.uuid();
        event_row.execute((event_id.as_bytes(), tenant, &event.event_type, &event.payload[..], &event.meta))?;
        for delivery in &event.deliveries {
            let (id, destination) = (delivery.id.uuid(), delivery.destination.uuid());
            let next_at = if delivery.leased { now + accept.lease_ms } else { now };
            delivery_row.execute((id.as_bytes(), tenant, event_id.as_bytes(), destination.as_bytes(), now))?;
            if let Some(comer) = comer(accept, delivery) {
                ordered::sqlite_stand(db, &comer, now)?;
                continue;
            }
            due_row.execute((id.as_bytes(), tenant, destination.as_bytes(), next_at, i64::from(delivery.leased)))?;
            lane_row.execute((next_at, destination.as_bytes(), tenant))?;
        }
    }
    Ok(Accepted::Stored)
}

/// What is ordered takes its place in line instead of being due.
fn comer(accept: &Accept, delivery: &NewDelivery) -> Option<Comer> {
    let key = delivery.key.clone()?;
    let (id, tenant, destination) = (delivery.id.uuid(), accept.tenant.uuid(), delivery.destination.uuid());
    Some(Comer { delivery: id, tenant, destination, key, class: Class::Fresh })
}

/// The key whose next one is due once this is settled.
fn ended(settle: &Settle) -> Option<Ended> {
    let key = settle.key.clone().filter(|_| settle.after == After::Finished)?;
    Some(Ended { tenant: settle.tenant.uuid(), destination: settle.destination.uuid(), key })
}

const REMEMBER: &str = "INSERT INTO idempotency (key, scope, tenant, request_hash, status, response, created_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, now_ms())
    ON CONFLICT (key, scope, tenant) DO UPDATE SET request_hash = excluded.request_hash, status = excluded.status,
      response = excluded.response, created_at = excluded.created_at
    WHERE idempotency.created_at < excluded.created_at - ?7";
const RECALL: &str = "SELECT request_hash, status, response FROM idempotency WHERE key = ?1 AND scope = ?2 AND tenant = ?3";

fn sqlite_remember(db: &rusqlite::Connection, tenant: Uuid, ask: &Remember) -> Result<Option<Accepted>, StoreError> {
    let row = (&ask.key, &ask.scope, tenant.as_bytes(), &ask.request_hash, ask.status, &ask.response, KEY_KEPT_MS);
    if db.prepare_cached(REMEMBER)?.execute(row)? == 1 {
        return Ok(None);
    }
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, u16>(1)?, row.get::<_, String>(2)?));
    let (hash, status, response) = db.prepare_cached(RECALL)?.query_row((&ask.key, &ask.scope, tenant.as_bytes()), read)?;
    Ok(Some(recalled(ask, &hash, status, response)))
}

fn recalled(ask: &Remember, hash: &[u8], status: u16, response: String) -> Accepted {
    if hash == ask.request_hash { Accepted::Repeated { status, response } } else { Accepted::KeyReused }
}

/// Settles on SQLite.
pub(crate) fn sqlite_settle(db: &rusqlite::Connection, settle: &Settle) -> Result<bool, StoreError> {
    let (delivery, tenant, destination) = (settle.delivery.uuid(), settle.tenant.uuid(), settle.destination.uuid());
    let (delivery, tenant) = (delivery.as_bytes(), tenant.as_bytes());
    let now: i64 = db.prepare_cached("SELECT now_ms()")?.query_row([], |row| row.get(0))?;
    let next_at = next_at(settle.after, now);
    let mine =
        match next_at {
            None => db
                .prepare_cached("DELETE FROM due WHERE delivery = ?1 AND tenant = ?2 AND claim = ?3 AND leased")?
                .execute((delivery, tenant, settle.claim))?,
            Some(at) => db
                .prepare_cached(
                    "UPDATE due SET next_at = ?4, leased = 0, class = CASE WHEN ?5 > 0 THEN 1 ELSE class END
                 WHERE delivery = ?1 AND tenant = ?2 AND claim = ?3 AND leased",
                )?
                .execute((delivery, tenant, settle.claim, at, settle.attempts))?,
        };
    if mine == 0 {
        return Ok(false);
    }
    let record = &settle.record;
    db.prepare_cached(
        "UPDATE delivery SET state = ?3, attempts = ?4, records = ?5, next_at = ?6, parked_reason = ?7, updated_at = ?8
         WHERE id = ?1 AND tenant = ?2",
    )?
    .execute((
        delivery,
        tenant,
        state_code(settle.state),
        settle.attempts,
        record.record,
        next_at.filter(|at| *at != NEVER),
        settle.parked_reason,
        now,
    ))?;
    db.prepare_cached(
        "INSERT INTO attempt (delivery, record, tenant, number, outcome, started_at, status, reason, detail)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute((
        delivery,
        record.record,
        tenant,
        record.number,
        record.outcome,
        record.started_at.millis(),
        record.status,
        &record.reason,
        &record.detail,
    ))?;
    if let Some(at) = next_at {
        db.prepare_cached("UPDATE lane SET next_at = ?1 WHERE destination = ?2 AND tenant = ?3 AND next_at > ?1")?.execute((
            at,
            destination.as_bytes(),
            tenant,
        ))?;
    }
    if let Some(reason) = dead_letter::reason(settle) {
        dead_letter::sqlite_insert(db, settle, reason)?;
    }
    if let Some(ended) = ended(settle) {
        ordered::sqlite_next(db, &ended, now)?;
    }
    Ok(true)
}

fn next_at(after: After, now: i64) -> Option<i64> {
    match after {
        After::Finished => None,
        After::DueIn(millis) => Some(now.saturating_add(millis)),
        After::Held => Some(NEVER),
    }
}

/// One answer per accept, in their order; the events of all that are `Stored` go in one statement.
///
/// `holder` is this process's number.
pub(crate) async fn accept_batch(client: &Object, asks: Vec<Accept>, holder: Option<i64>) -> Result<Vec<Accepted>, StoreError> {
    let epochs = read_epochs(client, &asks).await?;
    let current = |tenant: Uuid, expected: i64| epochs.get(&tenant) == Some(&expected);
    let mut answers = Vec::with_capacity(asks.len());
    for ask in &asks {
        let platform_current = ask.platform_epoch.is_none_or(|expected| current(PLATFORM.uuid(), expected));
        answers.push(match &ask.remember {
            _ if !current(ask.tenant.uuid(), ask.epoch) || !platform_current => Accepted::Stale,
            // The same key twice in one batch: the second finds the first's answer, which commits with it.
            Some(remember) => pg_remember(client, ask.tenant.uuid(), remember).await?.unwrap_or(Accepted::Stored),
            None => Accepted::Stored,
        });
    }
    let stored = || asks.iter().zip(&answers).filter(|(_, answer)| **answer == Accepted::Stored).map(|(ask, _)| ask);
    let all = || stored().flat_map(|ask| ask.events.iter().flat_map(|event| &event.deliveries));
    let in_order = all().any(|delivery| delivery.key.is_some());
    if in_order {
        // All lanes of the batch, so that every transaction takes them in the order of their ids.
        let lanes: HashSet<Uuid> = all().map(|delivery| delivery.destination.uuid()).collect();
        ordered::pg_lock(client, &lanes.into_iter().collect::<Vec<_>>()).await?;
    }
    insert_events(client, stored(), holder).await?;
    if in_order {
        insert_ordered(client, stored()).await?;
    }
    Ok(answers)
}

async fn insert_ordered(client: &Object, asks: impl Iterator<Item = &Accept>) -> Result<(), StoreError> {
    let (mut comers, mut events) = (Vec::new(), Vec::new());
    for ask in asks {
        for event in &ask.events {
            let some = event.deliveries.iter().filter_map(|delivery| comer(ask, delivery));
            comers.extend(some);
            events.resize(comers.len(), event.id.uuid());
        }
    }
    let column = |pick: fn(&Comer) -> Uuid| comers.iter().map(pick).collect::<Vec<_>>();
    let (ids, tenants, lanes) = (column(|comer| comer.delivery), column(|comer| comer.tenant), column(|comer| comer.destination));
    let rows = "INSERT INTO delivery (id, tenant, event, destination, state, updated_at)
        SELECT row.*, 0, now_ms() FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[]) AS row (id, tenant, event, destination)";
    let statement = client.prepare_cached(rows).await?;
    client.execute(&statement, &[&ids, &tenants, &events, &lanes]).await?;
    ordered::pg_stand(client, &comers).await
}

async fn read_epochs(client: &Object, asks: &[Accept]) -> Result<HashMap<Uuid, i64>, StoreError> {
    let tenants: HashSet<Uuid> = asks.iter().map(|ask| ask.tenant.uuid()).chain([PLATFORM.uuid()]).collect();
    let tenants: Vec<Uuid> = tenants.into_iter().collect();
    let statement = client.prepare_cached("SELECT id, epoch FROM tenant WHERE id = ANY ($1) ORDER BY id FOR SHARE").await?;
    let rows = client.query(&statement, &[&tenants]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

async fn pg_remember(client: &Object, tenant: Uuid, ask: &Remember) -> Result<Option<Accepted>, StoreError> {
    let statement = client.prepare_cached(&REMEMBER.replace('?', "$")).await?;
    let (hash, status) = (&ask.request_hash[..], i64::from(ask.status));
    let written =
        client.execute(&statement, &[&ask.key, &ask.scope, &tenant, &hash, &status, &ask.response, &KEY_KEPT_MS]).await?;
    if written == 1 {
        return Ok(None);
    }
    let statement = client.prepare_cached(&RECALL.replace('?', "$")).await?;
    let row = client.query_one(&statement, &[&ask.key, &ask.scope, &tenant]).await?;
    let (hash, status): (Vec<u8>, i64) = (row.try_get(0)?, row.try_get(1)?);
    Ok(Some(recalled(ask, &hash, status as u16, row.try_get(2)?)))
}

const INSERT_EVENTS: &str = "WITH events AS (
        INSERT INTO event (id, tenant, type, payload, meta)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bytea[], $5::text[])
    ), rows AS (
        SELECT *, now_ms() AS now FROM unnest($6::uuid[], $7::uuid[], $8::uuid[], $9::uuid[], $10::bool[], $11::bigint[])
          AS row (id, tenant, event, destination, leased, lease)
    ), deliveries AS (
        INSERT INTO delivery (id, tenant, event, destination, state, updated_at)
        SELECT id, tenant, event, destination, 0, now FROM rows
    ), dues AS (
        INSERT INTO due (delivery, tenant, destination, next_at, leased, claim, holder)
        SELECT id, tenant, destination, now + lease, leased, CASE WHEN leased THEN 1 ELSE 0 END, CASE WHEN leased THEN $12::bigint END
        FROM rows
    ), wanted AS (
        SELECT destination, tenant, min(now + lease) AS next_at FROM rows GROUP BY destination, tenant
    ), locked AS (
        SELECT l.destination, l.tenant, w.next_at FROM lane l JOIN wanted w ON w.destination = l.destination AND w.tenant = l.tenant
        WHERE l.next_at > w.next_at ORDER BY l.destination FOR UPDATE OF l
    )
    UPDATE lane SET next_at = locked.next_at FROM locked
    WHERE lane.destination = locked.destination AND lane.tenant = locked.tenant AND lane.next_at > locked.next_at";

async fn insert_events(client: &Object, asks: impl Iterator<Item = &Accept>, holder: Option<i64>) -> Result<(), StoreError> {
    let (mut ids, mut tenants, mut types, mut payloads, mut metas) = (vec![], vec![], vec![], vec![], vec![]);
    let (mut deliveries, mut owners, mut events, mut destinations, mut leased, mut leases) =
        (vec![], vec![], vec![], vec![], vec![], vec![]);
    for ask in asks {
        for event in &ask.events {
            ids.push(event.id.uuid());
            tenants.push(ask.tenant.uuid());
            types.push(event.event_type.as_str());
            payloads.push(&event.payload[..]);
            metas.push(event.meta.as_str());
            for delivery in event.deliveries.iter().filter(|delivery| delivery.key.is_none()) {
                deliveries.push(delivery.id.uuid());
                owners.push(ask.tenant.uuid());
                events.push(event.id.uuid());
                destinations.push(delivery.destination.uuid());
                leased.push(delivery.leased);
                leases.push(if delivery.leased { ask.lease_ms } else { 0 });
            }
        }
    }
    if ids.is_empty() {
        return Ok(());
    }
    let statement = client.prepare_cached(INSERT_EVENTS).await?;
    client
        .execute(
            &statement,
            &[&ids, &tenants, &types, &payloads, &metas, &deliveries, &owners, &events, &destinations, &leased, &leases, &holder],
        )
        .await?;
    Ok(())
}

const SETTLE: &str = "WITH input AS (
        SELECT *, now_ms() AS now FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::bool[], $6::bigint[],
            $7::bigint[], $8::bigint[], $9::text[], $10::bigint[], $11::bigint[], $12::text[], $13::bigint[], $14::bigint[],
            $15::text[], $16::text[])
        AS row (delivery, tenant, destination, claim, finished, delay, state, attempts, parked_reason,
            record, number, outcome, started_at, status, reason, detail)
    ), gone AS (
        DELETE FROM due USING input i WHERE due.delivery = i.delivery AND due.tenant = i.tenant AND due.claim = i.claim AND due.leased AND i.finished
        RETURNING due.delivery
    ), kept AS (
        UPDATE due SET leased = FALSE, class = CASE WHEN i.attempts > 0 THEN 1 ELSE due.class END,
            next_at = CASE WHEN i.delay = 9223372036854775807 THEN i.delay ELSE i.now + i.delay END
        FROM input i WHERE due.delivery = i.delivery AND due.tenant = i.tenant AND due.claim = i.claim AND due.leased AND NOT i.finished
        RETURNING due.delivery, due.destination, due.tenant, due.next_at
    ), mine AS (
        SELECT delivery, NULL::bigint AS next_at FROM gone UNION ALL SELECT delivery, next_at FROM kept
    ), moved AS (
        UPDATE delivery SET state = i.state, attempts = i.attempts, records = i.record, parked_reason = i.parked_reason,
            next_at = nullif(m.next_at, 9223372036854775807), updated_at = i.now
        FROM input i JOIN mine m ON m.delivery = i.delivery WHERE delivery.id = i.delivery AND delivery.tenant = i.tenant
    ), written AS (
        INSERT INTO attempt (delivery, record, tenant, number, outcome, started_at, status, reason, detail)
        SELECT i.delivery, i.record, i.tenant, i.number, i.outcome, i.started_at, i.status, i.reason, i.detail
        FROM input i JOIN mine m ON m.delivery = i.delivery
    ), wanted AS (
        SELECT destination, tenant, min(next_at) AS next_at FROM kept GROUP BY destination, tenant
    ), locked AS (
        SELECT l.destination, l.tenant, w.next_at FROM lane l JOIN wanted w ON w.destination = l.destination AND w.tenant = l.tenant
        WHERE l.next_at > w.next_at ORDER BY l.destination FOR UPDATE OF l
    ), lanes AS (
        UPDATE lane SET next_at = locked.next_at FROM locked
        WHERE lane.destination = locked.destination AND lane.tenant = locked.tenant AND lane.next_at > locked.next_at
    )
    SELECT delivery FROM mine";

pub(crate) async fn settle_batch(client: &Object, asks: Vec<Settle>) -> Result<Vec<bool>, StoreError> {
    let in_order = asks.iter().any(|ask| ask.key.is_some());
    if in_order {
        let lanes: HashSet<Uuid> = asks.iter().map(|ask| ask.destination.uuid()).collect();
        ordered::pg_lock(client, &lanes.into_iter().collect::<Vec<_>>()).await?;
    }
    let column = |pick: fn(&Settle) -> Uuid| asks.iter().map(pick).collect::<Vec<_>>();
    let number = |pick: fn(&Settle) -> i64| asks.iter().map(pick).collect::<Vec<_>>();
    let maybe = |pick: fn(&Settle) -> Option<i64>| asks.iter().map(pick).collect::<Vec<_>>();
    let delay = |settle: &Settle| match settle.after {
        After::Finished => 0,
        After::DueIn(millis) => millis,
        After::Held => NEVER,
    };
    let delays: Vec<i64> = asks.iter().map(delay).collect();
    let finished: Vec<bool> = asks.iter().map(|ask| ask.after == After::Finished).collect();
    let parked: Vec<Option<&str>> = asks.iter().map(|ask| ask.parked_reason).collect();
    let outcomes: Vec<&str> = asks.iter().map(|ask| ask.record.outcome).collect();
    let reasons: Vec<&str> = asks.iter().map(|ask| ask.record.reason.as_str()).collect();
    let details: Vec<&str> = asks.iter().map(|ask| ask.record.detail.as_str()).collect();
    let statement = client.prepare_cached(SETTLE).await?;
    let rows = client
        .query(
            &statement,
            &[
                &column(|ask| ask.delivery.uuid()),
                &column(|ask| ask.tenant.uuid()),
                &column(|ask| ask.destination.uuid()),
                &number(|ask| ask.claim),
                &finished,
                &delays,
                &number(|ask| state_code(ask.state)),
                &number(|ask| ask.attempts.into()),
                &parked,
                &number(|ask| ask.record.record.into()),
                &maybe(|ask| ask.record.number.map(i64::from)),
                &outcomes,
                &number(|ask| ask.record.started_at.millis()),
                &maybe(|ask| ask.record.status.map(i64::from)),
                &reasons,
                &details,
            ],
        )
        .await?;
    let mine = rows.iter().map(|row| row.try_get(0)).collect::<Result<HashSet<Uuid>, _>>()?;
    let written = || asks.iter().filter(|ask| mine.contains(&ask.delivery.uuid()));
    dead_letter::pg_insert(client, written()).await?;
    if in_order {
        ordered::pg_next(client, &written().filter_map(ended).collect::<Vec<_>>()).await?;
    }
    Ok(asks.iter().map(|ask| mine.contains(&ask.delivery.uuid())).collect())
}
