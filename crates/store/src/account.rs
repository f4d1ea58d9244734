//! Accounts of what was tried: counters per destination (`stat`) and a digest per tenant in its
//! audit chain (`audit`), both derived from the attempt rows by reading, so that a delivery costs
//! no statement more for them.
//!
//! Attempts carry `seq`, their order. One row of `account` says how far they are counted; it moves
//! on in the transaction that counts them, so that every row is counted once, whatever dies when,
//! and however many nodes do this.

use std::collections::HashMap;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use hookswitch_domain::audit::{Actor, Entry};
use hookswitch_domain::id::TenantId;
use hookswitch_domain::time::{Ambient, Timestamp};
use sha2::{Digest, Sha256};

use crate::db::{Db, TenantStore, Tx};
use crate::error::StoreError;
use crate::stat::{self, Counts, MINUTE_MS, Place};
use crate::{Row, audit, params};

mod proof;
mod row;

pub(crate) use proof::{Anchored, Compared, compare, note_purge, purged_before};
pub(crate) use row::{Logged, uncounted};
use row::{read, select, settled_upto};

/// Rows that one read brings.
const PAGE: i64 = 1_000;
/// Rows of one round; what is beyond them is the next round's.
const ROUND_MAX: i64 = 100_000;
/// The entry of the chain that anchors attempts.
pub(crate) const DIGEST: &str = "delivery_digest";

/// How far the attempts are counted, and when that was.
async fn position(tx: &mut Tx) -> Result<(i64, Timestamp), StoreError> {
    let mut row = tx.query_one("SELECT upto, at FROM account WHERE name = 'attempts'", &[]).await?;
    Ok((row.get(0)?, row.get(1)?))
}

/// A tenant's attempts of one round.
struct Anchor {
    hash: Sha256,
    rows: i64,
    /// Its own first and last row.
    first: i64,
    last: i64,
    oldest: Timestamp,
    newest: Timestamp,
}

/// What one round has read.
#[derive(Default)]
struct Round {
    upto: i64,
    counted: HashMap<Place, Counts>,
    anchors: HashMap<TenantId, Anchor>,
}

/// Counts and anchors what was tried since the last time; returns how many rows that were. Nothing
/// happens if somebody did it less than `pause_ms` ago.
pub async fn run(db: &Db, ambient: &Arc<dyn Ambient>, pause_ms: i64) -> Result<i64, StoreError> {
    let (from, at) = db.system().read(|tx| Box::pin(position(tx))).await?;
    let now = ambient.now();
    if (0..pause_ms).contains(&now.millis().saturating_sub(at.millis())) {
        return Ok(0);
    }
    let Some(upto) = settled_upto(db).await? else { return Ok(0) };
    if upto <= from {
        return Ok(0);
    }
    let round = read_round(db, from, upto).await?;
    let rows = round.anchors.values().map(|anchor| anchor.rows).sum();
    for (tenant, anchor) in round.anchors {
        if !anchor_tenant(&db.for_tenant(tenant), ambient, anchor).await? {
            // Another node is at it; what it leaves is read again next time.
            return Ok(0);
        }
    }
    let (counted, upto) = (round.counted, round.upto);
    let system = db.system();
    let done = system.write(move |tx| {
        Box::pin(async move {
            let sql = "UPDATE account SET upto = $1, at = $2 WHERE name = 'attempts' AND upto = $3";
            if tx.execute(sql, params![upto, now, from]).await? == 0 {
                return Ok::<_, StoreError>(false);
            }
            stat::add(tx, &counted).await?;
            Ok(true)
        })
    });
    Ok(if done.await? { rows } else { 0 })
}

async fn read_round(db: &Db, from: i64, upto: i64) -> Result<Round, StoreError> {
    // Whoever died in the middle of a round had anchored some tenants already.
    let ahead = db.system().read(move |tx| Box::pin(anchored_beyond(tx, from))).await?;
    let mut round = Round { upto: from, ..Round::default() };
    loop {
        let after = round.upto;
        let sql = select("a.seq > $1 AND a.seq <= $2");
        let system = db.system();
        let page = system.read(move |tx| Box::pin(async move { tx.query(&sql, params![after, upto]).await }));
        let rows: Vec<Row> = page.await?;
        let last = (rows.len() as i64) < PAGE;
        for row in rows {
            round.take(read(row)?, &ahead);
        }
        if last {
            round.upto = upto;
            return Ok(round);
        }
        if round.upto - from >= ROUND_MAX {
            return Ok(round);
        }
    }
}

impl Round {
    fn take(&mut self, row: Logged, ahead: &HashMap<TenantId, i64>) {
        self.upto = row.seq;
        if let Some(destination) = row.destination {
            let at = row.started_at.millis();
            let place = Place { tenant: row.tenant, destination, minute: at - at.rem_euclid(MINUTE_MS) };
            self.counted.entry(place).or_default().count(&row);
        }
        if ahead.get(&row.tenant).is_some_and(|upto| row.seq <= *upto) {
            return;
        }
        let anchor = self.anchors.entry(row.tenant).or_insert_with(|| Anchor {
            hash: Sha256::new(),
            rows: 0,
            first: row.seq,
            last: row.seq,
            oldest: row.started_at,
            newest: row.started_at,
        });
        anchor.hash.update(row.bytes);
        anchor.rows += 1;
        anchor.last = row.seq;
        anchor.oldest = anchor.oldest.min(row.started_at);
        anchor.newest = anchor.newest.max(row.started_at);
    }
}

async fn anchored_beyond(tx: &mut Tx, from: i64) -> Result<HashMap<TenantId, i64>, StoreError> {
    let rows = tx.query("SELECT tenant, upto FROM delivery_digest WHERE upto > $1", params![from]).await?;
    rows.into_iter().map(|mut row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// Writes the digest of a tenant's rows into its chain. `false`: somebody else has anchored them.
async fn anchor_tenant(store: &TenantStore, ambient: &Arc<dyn Ambient>, anchor: Anchor) -> Result<bool, StoreError> {
    let Anchor { hash, rows, first, last, oldest, newest } = anchor;
    let digest = HEXLOWER.encode(&hash.finalize());
    let entry = Entry {
        action: DIGEST,
        target: format!("attempts {first} to {last}"),
        correlation_id: None,
        detail: serde_json::json!({
            "first": first, "last": last, "rows": rows, "digest": digest,
            "oldest": oldest.millis(), "newest": newest.millis(),
        }),
    };
    let ambient = ambient.clone();
    let done = store.write(move |tx| {
        Box::pin(async move {
            let tenant = tx.tenant();
            let sql = "INSERT INTO delivery_digest (tenant, upto) VALUES ($1, $2)
                ON CONFLICT (tenant) DO UPDATE SET upto = excluded.upto WHERE delivery_digest.upto < $3";
            if tx.execute(sql, params![tenant, last, first]).await? == 0 {
                return Ok::<_, StoreError>(false);
            }
            audit::append(tx, &*ambient, &Actor::System, entry).await?;
            Ok(true)
        })
    });
    done.await
}
