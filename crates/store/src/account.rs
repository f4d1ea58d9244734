//! Accounts of what was tried: counters per destination (`stat`) and a digest per tenant in its
//! audit chain (`audit`), both derived from the attempt rows by reading, so that a delivery costs
//! no statement more for them.
//!
//! Attempts carry `seq`, their order. Each tenant has a mark up to which its rows are counted and
//! anchored; it moves on in the transaction that does so, so that every row is counted once, whatever
//! dies when, and however many nodes do this. One row of `account` says up to where all tenants are.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use data_encoding::HEXLOWER;
use hookswitch_domain::audit::{Actor, Entry};
use hookswitch_domain::id::TenantId;
use hookswitch_domain::time::{Ambient, Timestamp};
use sha2::{Digest, Sha256};

use crate::db::{Db, Tx};
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

/// How far all attempts are counted, and when that was.
async fn position(tx: &mut Tx) -> Result<(i64, Timestamp), StoreError> {
    let mut row = tx.query_one("SELECT upto, at FROM account WHERE name = 'attempts'", &[]).await?;
    Ok((row.get(0)?, row.get(1)?))
}

/// Tenants whose accounts share one short transaction, so that a thousand of them hold nobody up.
const TENANTS_PER_STEP: usize = 8;

/// A tenant's attempts of one round.
struct Account {
    counted: HashMap<Place, Counts>,
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
    tenants: BTreeMap<TenantId, Account>,
}

/// How often this is done, and how it is spread.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Nothing happens if somebody did it less than so long ago.
    pub pause: Duration,
    /// The steps of a round lie apart, together by about so much.
    pub spread: Duration,
}

/// Counts and anchors what was tried since the last time; returns how many rows that were.
pub async fn run(db: &Db, ambient: &Arc<dyn Ambient>, pace: Pace) -> Result<i64, StoreError> {
    let (from, at) = db.system().read(|tx| Box::pin(position(tx))).await?;
    let now = ambient.now();
    if (0..pace.pause.as_millis() as i64).contains(&now.millis().saturating_sub(at.millis())) {
        return Ok(0);
    }
    let Some(upto) = settled_upto(db).await? else { return Ok(0) };
    if upto <= from {
        return Ok(0);
    }
    let round = read_round(db, from, upto).await?;
    let rows = round.tenants.values().map(|account| account.rows).sum();
    let mut tenants = round.tenants.into_iter();
    let steps = tenants.len().div_ceil(TENANTS_PER_STEP).max(1) as u32;
    for step in 1..=steps {
        let some: Vec<_> = tenants.by_ref().take(TENANTS_PER_STEP).collect();
        let ambient = ambient.clone();
        if !db.system().write(move |tx| Box::pin(async move { enter(tx, &*ambient, some).await })).await? {
            // Another node is at it; what it leaves is read again next time.
            return Ok(0);
        }
        if step < steps {
            tokio::time::sleep(pace.spread / steps).await;
        }
    }
    let upto = round.upto;
    let system = db.system();
    let done = system.write(move |tx| {
        Box::pin(async move {
            let sql = "UPDATE account SET upto = $1, at = $2 WHERE name = 'attempts' AND upto = $3";
            Ok::<_, StoreError>(tx.execute(sql, params![upto, now, from]).await? > 0)
        })
    });
    Ok(if done.await? { rows } else { 0 })
}

async fn read_round(db: &Db, from: i64, upto: i64) -> Result<Round, StoreError> {
    // Whoever died in the middle of a round had done some tenants already.
    let ahead = db.system().read(move |tx| Box::pin(done_beyond(tx, from))).await?;
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
        if ahead.get(&row.tenant).is_some_and(|upto| row.seq <= *upto) {
            return;
        }
        let account = self.tenants.entry(row.tenant).or_insert_with(|| Account {
            counted: HashMap::new(),
            hash: Sha256::new(),
            rows: 0,
            first: row.seq,
            last: row.seq,
            oldest: row.started_at,
            newest: row.started_at,
        });
        if let Some(destination) = row.destination {
            let at = row.started_at.millis();
            let place = Place { tenant: row.tenant, destination, minute: at - at.rem_euclid(MINUTE_MS) };
            account.counted.entry(place).or_default().count(&row);
        }
        account.hash.update(row.bytes);
        account.rows += 1;
        account.last = row.seq;
        account.oldest = account.oldest.min(row.started_at);
        account.newest = account.newest.max(row.started_at);
    }
}

async fn done_beyond(tx: &mut Tx, from: i64) -> Result<HashMap<TenantId, i64>, StoreError> {
    let rows = tx.query("SELECT tenant, upto FROM delivery_digest WHERE upto > $1", params![from]).await?;
    rows.into_iter().map(|mut row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// Adds some tenants' rows to their counters and writes the digest of these rows into their chains;
/// each tenant's own mark moves along. `false`: somebody else has done one of them.
async fn enter(tx: &mut Tx, ambient: &dyn Ambient, accounts: Vec<(TenantId, Account)>) -> Result<bool, StoreError> {
    for (tenant, account) in accounts {
        let Account { counted, hash, rows, first, last, oldest, newest } = account;
        let sql = "INSERT INTO delivery_digest (tenant, upto) VALUES ($1, $2)
            ON CONFLICT (tenant) DO UPDATE SET upto = excluded.upto WHERE delivery_digest.upto < $3";
        if tx.execute(sql, params![tenant, last, first]).await? == 0 {
            return Ok(false);
        }
        stat::add(tx, &counted).await?;
        let entry = Entry {
            action: DIGEST,
            target: format!("attempts {first} to {last}"),
            correlation_id: None,
            detail: serde_json::json!({
                "first": first, "last": last, "rows": rows, "digest": HEXLOWER.encode(&hash.finalize()),
                "oldest": oldest.millis(), "newest": newest.millis(),
            }),
        };
        audit::append_for(tx, tenant, ambient, &Actor::System, entry).await?;
    }
    Ok(true)
}
