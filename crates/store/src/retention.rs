//! What retention removes: payloads, attempts, finished deliveries and events, inbound bodies. Each
//! call is one small transaction over a range of ids, so that nobody who writes waits long; each is
//! safe to repeat, and on several nodes at once. What isn't finished is never touched.

use std::sync::Arc;

use hookswitch_domain::delivery::State;
use hookswitch_domain::id::{TenantId, uuid_floor};
use hookswitch_domain::time::{Ambient, Timestamp};
use uuid::Uuid;

use crate::account;
use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::params;
use crate::queue::state_code;

/// Rows that one step looks at.
const STEP: i64 = 250;
/// Pages that go back to the file system in one step.
const VACUUM_PAGES: i64 = 200;

/// How far a walk over a table came, and what it removed on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step<P> {
    /// `None`: nothing further is old enough.
    pub next: Option<P>,
    pub removed: u64,
}

impl<P> Step<P> {
    const END: Self = Self { next: None, removed: 0 };
}

fn codes(states: &[State]) -> String {
    states.iter().map(|state| state_code(*state).to_string()).collect::<Vec<_>>().join(", ")
}

/// States after which nothing is sent and nobody looks for what to do.
fn settled() -> String {
    codes(&[State::Delivered, State::Filtered, State::Failed, State::Discarded, State::Cancelled])
}

/// The last of the next ids of a table below a bound.
async fn stretch(tx: &mut Tx, table: &str, id: &str, after: Uuid, below: Uuid) -> Result<Option<Uuid>, StoreError> {
    let sql = format!(
        "SELECT {id} FROM (SELECT {id} FROM {table} WHERE {id} > $1 AND {id} < $2 ORDER BY {id} LIMIT $3) s
         ORDER BY {id} DESC LIMIT 1"
    );
    tx.query_opt(&sql, params![after, below, STEP]).await?.map(|mut row| row.get(0)).transpose()
}

/// Empties the payloads of events that were published before this moment and whose deliveries are
/// all over. A dead letter keeps its payload, that it can be replayed.
pub async fn purge_payloads(db: &Db, after: Uuid, before: Timestamp) -> Result<Step<Uuid>, StoreError> {
    let system = db.system();
    let job = system.write(move |tx| {
        Box::pin(async move {
            let Some(last) = stretch(tx, "event", "id", after, uuid_floor(before)).await? else {
                return Ok::<_, StoreError>(Step::END);
            };
            let sql = format!(
                "UPDATE event SET payload = $3 WHERE id > $1 AND id <= $2 AND length(payload) > 0 AND NOT EXISTS
                   (SELECT 1 FROM delivery d WHERE d.event = event.id AND d.tenant = event.tenant AND d.state NOT IN ({}))",
                settled()
            );
            let removed = tx.execute(&sql, params![after, last, Vec::<u8>::new()]).await?;
            Ok(Step { next: Some(last), removed })
        })
    });
    job.await
}

/// Removes attempts that started before this moment, of deliveries that are over and no dead
/// letters. Each tenant's chain says so first, so that its digests can tell this from tampering.
pub async fn remove_attempts(
    db: &Db,
    ambient: &Arc<dyn Ambient>,
    after: i64,
    before: Timestamp,
) -> Result<Step<i64>, StoreError> {
    let (last, tenants) = db.system().read(move |tx| Box::pin(old_attempts(tx, after, before))).await?;
    let Some(last) = last else { return Ok(Step::END) };
    for tenant in tenants {
        account::note_purge(&db.for_tenant(tenant), ambient.clone(), before).await?;
    }
    let system = db.system();
    let job = system.write(move |tx| {
        Box::pin(async move {
            // The very last row stays: its number must not come twice.
            let sql = format!(
                "DELETE FROM attempt WHERE seq > $1 AND seq <= $2 AND seq < (SELECT max(seq) FROM attempt) AND NOT EXISTS
                   (SELECT 1 FROM delivery d WHERE d.id = attempt.delivery AND d.tenant = attempt.tenant AND d.state NOT IN ({}))",
                settled()
            );
            let removed = tx.execute(&sql, params![after, last]).await?;
            Ok::<_, StoreError>(Step { next: Some(last), removed })
        })
    });
    job.await
}

/// The last attempt of the next stretch that is old enough and counted, and whose they are.
async fn old_attempts(tx: &mut Tx, after: i64, before: Timestamp) -> Result<(Option<i64>, Vec<TenantId>), StoreError> {
    let sql = "SELECT seq, tenant, started_at FROM attempt
        WHERE seq > $1 AND seq <= (SELECT upto FROM account WHERE name = 'attempts') ORDER BY seq LIMIT $2";
    let (mut last, mut tenants) = (None, Vec::new());
    for mut row in tx.query(sql, params![after, STEP]).await? {
        let (seq, tenant, started_at): (i64, TenantId, Timestamp) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if started_at >= before {
            break;
        }
        last = Some(seq);
        if !tenants.contains(&tenant) {
            tenants.push(tenant);
        }
    }
    Ok((last, tenants))
}

/// How old what is finished may become.
#[derive(Debug, Clone, Copy)]
pub struct Ages {
    pub finished_before: Timestamp,
    pub dead_letters_before: Timestamp,
}

/// Removes deliveries that ended before these moments, with what is left of their attempts.
pub async fn remove_deliveries(db: &Db, after: Uuid, ages: Ages) -> Result<Step<Uuid>, StoreError> {
    let system = db.system();
    let job = system.write(move |tx| {
        Box::pin(async move {
            let youngest = ages.finished_before.max(ages.dead_letters_before);
            let Some(last) = stretch(tx, "delivery", "id", after, uuid_floor(youngest)).await? else {
                return Ok::<_, StoreError>(Step::END);
            };
            let doomed = format!(
                "FROM delivery WHERE id > $1 AND id <= $2 AND
                   ((state IN ({}) AND updated_at < $3) OR (state = {} AND updated_at < $4))",
                settled(),
                state_code(State::DeadLettered)
            );
            let bounds = params![after, last, ages.finished_before, ages.dead_letters_before];
            let attempts = format!(
                "DELETE FROM attempt WHERE (delivery, tenant) IN (SELECT id, tenant {doomed}) AND seq < (SELECT max(seq) FROM attempt)"
            );
            tx.execute(&attempts, bounds).await?;
            tx.execute(&format!("DELETE FROM dead_letter WHERE (delivery, tenant) IN (SELECT id, tenant {doomed})"), bounds).await?;
            let removed = tx.execute(&format!("DELETE {doomed}"), bounds).await?;
            Ok(Step { next: Some(last), removed })
        })
    });
    job.await
}

/// Removes events that were published before this moment and have no delivery any more.
pub async fn remove_events(db: &Db, after: Uuid, before: Timestamp) -> Result<Step<Uuid>, StoreError> {
    let system = db.system();
    let job = system.write(move |tx| {
        Box::pin(async move {
            let Some(last) = stretch(tx, "event", "id", after, uuid_floor(before)).await? else {
                return Ok::<_, StoreError>(Step::END);
            };
            let sql = "DELETE FROM event WHERE id > $1 AND id <= $2 AND NOT EXISTS
                (SELECT 1 FROM delivery d WHERE d.event = event.id AND d.tenant = event.tenant)";
            let removed = tx.execute(sql, params![after, last]).await?;
            Ok(Step { next: Some(last), removed })
        })
    });
    job.await
}

/// What is left of an old body.
const BODY_HEAD: i64 = 1_024;

/// Cuts the bodies of inbound deliveries from before this moment to their heads, and removes those
/// that were rejected before another. What is still being worked on stays.
pub async fn purge_inbound(db: &Db, after: Uuid, bodies: Timestamp, rejected: Timestamp) -> Result<Step<Uuid>, StoreError> {
    let system = db.system();
    let job = system.write(move |tx| {
        Box::pin(async move {
            let youngest = uuid_floor(bodies.max(rejected));
            let Some(last) = stretch(tx, "inbound_webhook_deliveries", "delivery_id", after, youngest).await? else {
                return Ok::<_, StoreError>(Step::END);
            };
            let idle = "delivery_id > $1 AND delivery_id <= $2 AND NOT EXISTS
                (SELECT 1 FROM inbound_due w WHERE w.delivery = inbound_webhook_deliveries.delivery_id)";
            let sql =
                format!("DELETE FROM inbound_webhook_deliveries WHERE {idle} AND auth_status <> 'verified' AND received_at < $3");
            let mut removed = tx.execute(&sql, params![after, last, rejected]).await?;
            let sql = format!(
                "UPDATE inbound_webhook_deliveries SET body_bytes = length(request_body),
                   request_body = substr(request_body, 1, {BODY_HEAD})
                 WHERE {idle} AND request_body IS NOT NULL AND body_bytes IS NULL AND received_at < $3"
            );
            removed += tx.execute(&sql, params![after, last, bodies]).await?;
            Ok(Step { next: Some(last), removed })
        })
    });
    job.await
}

/// Removes some of what one tenant turned away beyond the newest `kept`: strangers who knock for days fill
/// no disk. Returns how many.
pub async fn trim_rejected(db: &Db, tenant: TenantId, kept: i64) -> Result<u64, StoreError> {
    let store = db.for_tenant(tenant);
    let job = store.write(move |tx| {
        Box::pin(async move {
            let sql = "SELECT delivery_id FROM inbound_webhook_deliveries WHERE auth_status <> 'verified' AND tenant = $1
                ORDER BY delivery_id DESC LIMIT 1 OFFSET $2";
            let Some(mut row) = tx.query_opt(sql, params![tenant, kept]).await? else { return Ok::<_, StoreError>(0) };
            let newest: Uuid = row.get(0)?;
            let sql = "DELETE FROM inbound_webhook_deliveries WHERE tenant = $1 AND delivery_id IN
                (SELECT delivery_id FROM inbound_webhook_deliveries WHERE auth_status <> 'verified' AND tenant = $1
                   AND delivery_id <= $2 ORDER BY delivery_id LIMIT $3)";
            tx.execute(sql, params![tenant, newest, STEP]).await
        })
    });
    job.await
}

/// Tenants that have turned something away.
pub async fn tenants_with_rejected(db: &Db) -> Result<Vec<TenantId>, StoreError> {
    let sql = "SELECT id FROM tenant t WHERE EXISTS (SELECT 1 FROM inbound_webhook_deliveries d
        WHERE d.auth_status <> 'verified' AND d.tenant = t.id)";
    let rows = db.system().read(move |tx| Box::pin(async move { tx.query(sql, &[]).await })).await?;
    rows.into_iter().map(|mut row| row.get(0)).collect()
}

/// Gives pages that deleting has freed back to the file system, some of them; returns how many are
/// left. PostgreSQL's autovacuum does this by itself.
pub async fn vacuum(db: &Db) -> Result<i64, StoreError> {
    if db.engine_name() != "sqlite" {
        return Ok(0);
    }
    let system = db.system();
    let job = system.write(|tx| {
        Box::pin(async move {
            tx.batch(&format!("PRAGMA incremental_vacuum({VACUUM_PAGES})")).await?;
            tx.query_one("PRAGMA freelist_count", &[]).await?.get(0)
        })
    });
    job.await
}
