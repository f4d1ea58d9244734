//! Attempt rows in their order, as they are counted and anchored.

use std::time::Duration;

use hookswitch_domain::delivery::State;
use hookswitch_domain::id::{DeliveryId, DestinationId, TenantId};
use hookswitch_domain::time::Timestamp;
use sha2::{Digest, Sha256};

use super::{PAGE, ROUND_MAX, position};
use crate::db::{Db, Engine, Tx};
use crate::error::StoreError;
use crate::queue::state_of;
use crate::{Row, params};

/// An attempt as it is counted.
#[derive(Debug)]
pub(crate) struct Logged {
    pub seq: i64,
    pub tenant: TenantId,
    pub number: Option<i64>,
    pub outcome: String,
    pub started_at: Timestamp,
    pub total_us: i64,
    /// `None` once retention has removed the delivery.
    pub destination: Option<DestinationId>,
    /// The state that the delivery ended in, if this is its last row.
    pub ended: Option<State>,
    pub(super) bytes: [u8; 32],
}

/// Columns that the digest covers, in its order.
const COVERED: &str = "a.seq, a.tenant, a.delivery, a.record, a.number, a.outcome, a.started_at, a.status, a.reason, a.detail";

/// Scalar subqueries, so that no planner reads a whole table to join a page.
pub(super) fn select(wanted: &str) -> String {
    format!(
        "SELECT {COVERED}, (SELECT d.destination FROM delivery d WHERE d.id = a.delivery AND d.tenant = a.tenant),
            CASE WHEN a.outcome IN ('accepted', 'retryable') THEN NULL ELSE
              (SELECT d.state FROM delivery d WHERE d.id = a.delivery AND d.tenant = a.tenant AND d.records = a.record) END
         FROM attempt a WHERE {wanted} ORDER BY a.seq LIMIT {PAGE}"
    )
}

pub(super) fn read(mut row: Row) -> Result<Logged, StoreError> {
    let (seq, tenant) = (row.get(0)?, row.get(1)?);
    let (delivery, record): (DeliveryId, i64) = (row.get(2)?, row.get(3)?);
    let (number, outcome): (Option<i64>, String) = (row.get(4)?, row.get(5)?);
    let (started_at, status): (Timestamp, Option<i64>) = (row.get(6)?, row.get(7)?);
    let (reason, detail): (String, String) = (row.get(8)?, row.get(9)?);
    let mut hash = Sha256::new();
    let numbers = [seq, record, number.unwrap_or(-1), started_at.millis(), status.unwrap_or(-1)].map(i64::to_be_bytes);
    for part in [delivery.uuid().as_bytes(), numbers.as_flattened(), outcome.as_bytes(), reason.as_bytes(), detail.as_bytes()] {
        // Length-prefixed, so that no two rows share bytes.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let ended: Option<i64> = row.get(11)?;
    Ok(Logged {
        seq,
        tenant,
        number,
        outcome,
        started_at,
        total_us: total_us(&detail),
        destination: row.get(10)?,
        ended: ended.map(state_of).transpose()?,
        bytes: hash.finalize().into(),
    })
}

/// The whole document needn't be parsed for one number.
fn total_us(detail: &str) -> i64 {
    let Some((_, rest)) = detail.split_once("\"total_us\":") else { return 0 };
    let digits = rest.trim_start().split(|sign: char| !sign.is_ascii_digit()).next().unwrap_or_default();
    digits.parse().unwrap_or(0)
}

/// Rows that no counter holds yet, of the transaction's tenant: at most one round's worth.
pub(crate) async fn uncounted(tx: &mut Tx) -> Result<Vec<Logged>, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT upto FROM delivery_digest WHERE tenant = $1";
    let own: i64 = tx.query_opt(sql, params![tenant]).await?.map_or(Ok(0), |mut row| row.get(0))?;
    let mut from = position(tx).await?.0.max(own);
    let mut found = Vec::new();
    let sql = select("a.seq > $1 AND a.tenant = $2");
    loop {
        let rows = tx.query(&sql, params![from, tenant]).await?;
        let last = (rows.len() as i64) < PAGE;
        for row in rows {
            found.push(read(row)?);
        }
        from = found.last().map_or(from, |row| row.seq);
        if last || found.len() as i64 >= ROUND_MAX {
            return Ok(found);
        }
    }
}

/// Between two looks at whether everybody who took a number has written its row.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
const LOOKS_MAX: usize = 250;

/// A number below which every attempt is there to be read, or never will be. `None`: somebody has
/// been writing for seconds; the next round asks again.
///
/// SQLite has one writer. On PostgreSQL a smaller number may be committed after a larger one, so
/// that whoever was writing when the number was read has to end first. Nobody takes a number
/// before its transaction has an id: settling changes `due` before it inserts the attempt.
pub(super) async fn settled_upto(db: &Db) -> Result<Option<i64>, StoreError> {
    if let Engine::Sqlite(_) = &*db.engine {
        return number(db, "SELECT coalesce(max(seq), 0) FROM attempt").await.map(Some);
    }
    let upto = number(db, "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM attempt_seq").await?;
    let begun = number(db, "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint").await?;
    for _ in 0..LOOKS_MAX {
        if number(db, "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint").await? >= begun {
            return Ok(Some(upto));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(None)
}

async fn number(db: &Db, sql: &'static str) -> Result<i64, StoreError> {
    db.system().read(move |tx| Box::pin(async move { tx.query_one(sql, &[]).await?.get(0) })).await
}
