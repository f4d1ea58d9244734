//! What is kept of destinations that fail: since when, and until when their lane is left alone.
//! The others have no row. Written when that changes, never per delivery.

use hookswitch_domain::id::{DestinationId, TenantId};
use hookswitch_domain::time::Timestamp;

use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::params;
use crate::queue::Lane;

/// Rows that a node takes over at once; more failing destinations than this open their breakers anew.
const KEPT_MAX: i64 = 20_000;

/// A row, in spans from now: a node counts on its own monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    pub destination: DestinationId,
    pub tenant: TenantId,
    pub failing_for_ms: i64,
    pub warned: u32,
    /// Present while the breaker is open.
    pub failed_probes: Option<u32>,
    pub probe_in_ms: i64,
}

/// A row as people see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    pub failing_since: Timestamp,
    pub breaker_open: bool,
    /// In the past while a probe may be, or is, in the air.
    pub next_probe_at: Timestamp,
    /// The next probe is still to come.
    pub waits: bool,
}

impl Db {
    /// Everything that is kept, of all tenants: for a node that starts, or that looks what the others saw.
    pub async fn failing(&self) -> Result<Vec<Kept>, StoreError> {
        let sql = "SELECT destination, tenant, now_ms() - failing_since, warned, failed_probes, not_before - now_ms()
            FROM destination_health LIMIT $1";
        let rows = self.system().read(move |tx| Box::pin(async move { tx.query(sql, params![KEPT_MAX]).await })).await?;
        rows.into_iter()
            .map(|mut row| {
                Ok(Kept {
                    destination: row.get(0)?,
                    tenant: row.get(1)?,
                    failing_for_ms: row.get(2)?,
                    warned: row.get(3)?,
                    failed_probes: row.get(4)?,
                    probe_in_ms: row.get(5)?,
                })
            })
            .collect()
    }
}

/// Writes down since when it has failed, and that so many warnings were given. `false`: this many
/// or more were given before.
pub async fn record(tx: &mut Tx, id: DestinationId, failing_for_ms: i64, warned: u32) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let sql = "INSERT INTO destination_health (destination, tenant, failing_since, warned)
        SELECT destination, tenant, now_ms() - $3, CAST($4 AS BIGINT) FROM lane WHERE destination = $1 AND tenant = $2
        ON CONFLICT (destination, tenant) DO UPDATE SET warned = excluded.warned WHERE destination_health.warned < excluded.warned";
    Ok(tx.execute(sql, params![id, tenant, failing_for_ms, warned]).await? > 0)
}

/// The breaker opened: nothing of the lane is claimed for so long, on any node.
pub async fn open(tx: &mut Tx, id: DestinationId, failed_probes: u32, wait_ms: i64) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    // Another node may have seen it work and removed the row since this one wrote it.
    let sql = "INSERT INTO destination_health (destination, tenant, failing_since, warned, failed_probes, not_before)
        SELECT destination, tenant, now_ms(), 0, CAST($3 AS BIGINT), now_ms() + $4 FROM lane WHERE destination = $1 AND tenant = $2
        ON CONFLICT (destination, tenant) DO UPDATE SET failed_probes = excluded.failed_probes, not_before = excluded.not_before";
    tx.execute(sql, params![id, tenant, failed_probes, wait_ms]).await?;
    Ok(())
}

/// It works again, or a person says so.
pub async fn clear(tx: &mut Tx, id: DestinationId) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    tx.execute("DELETE FROM destination_health WHERE destination = $1 AND tenant = $2", params![id, tenant]).await?;
    Ok(())
}

/// Since when it has failed, in milliseconds, if that is written down.
pub async fn failing_for_ms(tx: &mut Tx, id: DestinationId) -> Result<Option<i64>, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT now_ms() - failing_since FROM destination_health WHERE destination = $1 AND tenant = $2";
    tx.query_opt(sql, params![id, tenant]).await?.map(|mut row| row.get(0)).transpose()
}

/// Takes the lane's one probe for `hold_ms`. `false`: another node was faster.
pub(crate) async fn take_probe(tx: &mut Tx, lane: Lane, hold_ms: i64) -> Result<bool, StoreError> {
    let take = "UPDATE destination_health SET not_before = now_ms() + $3
        WHERE destination = $1 AND tenant = $2 AND not_before <= now_ms()";
    if tx.execute(take, params![lane.destination, lane.tenant, hold_ms]).await? > 0 {
        return Ok(true);
    }
    let there = "SELECT 1 FROM destination_health WHERE destination = $1 AND tenant = $2";
    Ok(tx.query_opt(there, params![lane.destination, lane.tenant]).await?.is_none())
}

/// Nothing was due to probe with.
pub(crate) async fn give_probe_back(tx: &mut Tx, lane: Lane) -> Result<(), StoreError> {
    let sql = "UPDATE destination_health SET not_before = now_ms() WHERE destination = $1 AND tenant = $2";
    tx.execute(sql, params![lane.destination, lane.tenant]).await?;
    Ok(())
}
