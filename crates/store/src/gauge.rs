//! Figures of the whole installation for its monitoring: a look at the lanes, never at the history.

use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::params;
use crate::queue::NEVER;

/// Unfinished deliveries are counted up to here.
const UNFINISHED_MAX: i64 = 100_000;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gauges {
    /// Destinations that are active (`None`), or held for this reason.
    pub destinations: Vec<(Option<String>, i64)>,
    pub unfinished: i64,
    /// How long the lane that waits longest has had something due.
    pub oldest_due_ms: i64,
    /// Attempts that no counter holds yet.
    pub uncounted: i64,
}

pub async fn read(db: &Db) -> Result<Gauges, StoreError> {
    db.system().read(|tx| Box::pin(look(tx))).await
}

async fn look(tx: &mut Tx) -> Result<Gauges, StoreError> {
    let rows = tx.query("SELECT hold, count(*) FROM lane GROUP BY hold", &[]).await?;
    let destinations = rows.into_iter().map(|mut row| Ok((row.get(0)?, row.get(1)?))).collect::<Result<_, StoreError>>()?;
    let sql = "SELECT count(*) FROM (SELECT 1 FROM due UNION ALL SELECT 1 FROM line LIMIT $1) x";
    let unfinished = tx.query_one(sql, params![UNFINISHED_MAX]).await?.get(0)?;
    // A lane's moment is never later than its earliest work, and moves on with each claim.
    let sql = "SELECT now_ms() - l.next_at FROM lane l JOIN tenant t ON t.id = l.tenant
        WHERE l.hold IS NULL AND NOT t.sending_paused AND l.next_at > 0 AND l.next_at < $1 ORDER BY l.next_at LIMIT 1";
    let oldest = tx.query_opt(sql, params![NEVER]).await?.map(|mut row| row.get::<i64>(0)).transpose()?;
    let sql = "SELECT coalesce((SELECT max(seq) FROM attempt), 0) - upto FROM account WHERE name = 'attempts'";
    let uncounted: i64 = tx.query_one(sql, &[]).await?.get(0)?;
    Ok(Gauges { destinations, unfinished, oldest_due_ms: oldest.unwrap_or(0).max(0), uncounted: uncounted.max(0) })
}
