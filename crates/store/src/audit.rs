//! The audit chain: append-only (triggers refuse changes), hash-chained per tenant, written in the
//! transaction of the change. The head row is locked last, so that chained writers of one tenant
//! queue for as short as can be.

use hookswitch_domain::audit::{Actor, Entry, Link, detail_digest};
use hookswitch_domain::id::{AuditId, TenantId};
use hookswitch_domain::time::{Ambient, Timestamp};

use crate::account::{self, Anchored, Compared};
use crate::db::{TenantStore, Tx};
use crate::error::StoreError;
use crate::params;
use crate::value::Row;

/// A row as `/audit` shows it.
#[derive(Debug, Clone)]
pub struct AuditRow {
    pub id: AuditId,
    pub seq: i64,
    pub at: Timestamp,
    pub actor: String,
    pub action: String,
    pub target: String,
    pub correlation_id: Option<String>,
    /// `None` once erased.
    pub detail: Option<serde_json::Value>,
    pub hash: Vec<u8>,
}

/// Which rows a list shows; what is `None` doesn't narrow it.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub actor: Option<String>,
    pub action: Option<String>,
    pub target: Option<String>,
    pub correlation_id: Option<String>,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    /// Rows before this place of the chain.
    pub before: Option<i64>,
    pub limit: u32,
}

/// Rows of the tenant's chain, newest first, and one more than `limit` where there are more.
pub async fn list(tx: &mut Tx, filter: &Filter) -> Result<Vec<AuditRow>, StoreError> {
    // Optional filters are one statement: COALESCE lets a missing one compare a column with itself.
    let sql = "SELECT a.id, a.seq, a.at, a.actor, a.action, a.target, a.correlation_id, d.detail, a.hash
         FROM audit a LEFT JOIN audit_detail d ON d.tenant = a.tenant AND d.seq = a.seq
         WHERE a.tenant = $1 AND a.seq < $2 AND a.at >= $3 AND a.at < $4 AND a.actor = COALESCE($5, a.actor)
         AND a.action = COALESCE($6, a.action) AND a.target = COALESCE($7, a.target)
         AND COALESCE(a.correlation_id, '') = COALESCE($8, a.correlation_id, '') ORDER BY a.seq DESC LIMIT $9";
    let tenant = tx.tenant();
    let params = params![
        tenant,
        filter.before.unwrap_or(i64::MAX),
        filter.from.map_or(i64::MIN, Timestamp::millis),
        filter.to.map_or(i64::MAX, Timestamp::millis),
        filter.actor.as_deref(),
        filter.action.as_deref(),
        filter.target.as_deref(),
        filter.correlation_id.as_deref(),
        i64::from(filter.limit) + 1
    ];
    let rows = tx.query(sql, params).await?;
    rows.into_iter().map(read).collect()
}

fn read(mut row: Row) -> Result<AuditRow, StoreError> {
    Ok(AuditRow {
        id: row.get(0)?,
        seq: row.get(1)?,
        at: row.get(2)?,
        actor: row.get(3)?,
        action: row.get(4)?,
        target: row.get(5)?,
        correlation_id: row.get(6)?,
        detail: row.get::<Option<String>>(7)?.map(|text| serde_json::from_str(&text).unwrap_or(serde_json::Value::Null)),
        hash: row.get(8)?,
    })
}

/// The end of a chain: kept elsewhere, it shows later that nothing before it was rewritten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub seq: i64,
    pub hash: Vec<u8>,
}

/// The chain holds, and so do the attempts that it anchors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intact {
    pub rows: i64,
    pub head: Head,
    /// Entries that anchor attempts, and those of them whose attempts are gone by retention.
    pub digests: i64,
    pub digests_gone: i64,
}

/// The first place at which the chain doesn't hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the audit chain is broken at row {seq}: {why}")]
pub struct Broken {
    pub seq: i64,
    pub why: String,
}

/// Rows that are looked at per page: one short read transaction each.
const VERIFY_PAGE: i64 = 500;

/// Walks a tenant's chain from its first row to its head, each page in a read of its own, so that
/// a long chain holds nobody up. Rows appended meanwhile are walked too. `saved` is a head that was
/// kept elsewhere: without one, a chain that was rewritten from its beginning looks whole.
pub async fn verify(store: &TenantStore, saved: Option<Head>) -> Result<Result<Intact, Broken>, StoreError> {
    let mut end = Head { seq: 0, hash: Vec::new() };
    let purged_before = store.read(|tx| Box::pin(account::purged_before(tx))).await?;
    let (mut digests, mut digests_gone) = (0, 0);
    loop {
        let start = end.clone();
        let WalkedPage { end: next, last, anchors } = match store.read(move |tx| Box::pin(verify_page(tx, start))).await? {
            Ok(found) => found,
            Err(broken) => return Ok(Err(broken)),
        };
        for (seq, anchored) in anchors {
            digests += 1;
            match account::compare(store, &anchored, purged_before).await? {
                Compared::Same => {}
                Compared::Gone => digests_gone += 1,
                Compared::Differs(why) => return Ok(Err(Broken { seq, why })),
            }
        }
        if let Some(saved) = &saved
            && (end.seq + 1..=next.seq).contains(&saved.seq)
        {
            let at = saved.seq;
            if store.read(move |tx| Box::pin(hash_at(tx, at))).await? != saved.hash {
                return Ok(Err(Broken { seq: saved.seq, why: "differs from the saved head".to_owned() }));
            }
        }
        end = next;
        if last {
            break;
        }
    }
    match saved {
        Some(saved) if saved.seq > end.seq => {
            let why = format!("ends here, but the saved head is row {}", saved.seq);
            Ok(Err(Broken { seq: end.seq, why }))
        }
        _ => Ok(Ok(Intact { rows: end.seq, head: end, digests, digests_gone })),
    }
}

async fn hash_at(tx: &mut Tx, seq: i64) -> Result<Vec<u8>, StoreError> {
    let tenant = tx.tenant();
    tx.query_one("SELECT hash FROM audit WHERE tenant = $1 AND seq = $2", params![tenant, seq]).await?.get(0)
}

/// How far a page of the walk came.
struct WalkedPage {
    end: Head,
    /// Whether that is the chain's end.
    last: bool,
    /// Entries that anchor attempts, which are compared outside this read.
    anchors: Vec<(i64, Anchored)>,
}

/// Checks the rows after `start`.
async fn verify_page(tx: &mut Tx, start: Head) -> Result<Result<WalkedPage, Broken>, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT a.seq, a.at, a.actor, a.action, a.target, a.correlation_id, a.digest, a.hash, d.salt, d.detail
         FROM audit a LEFT JOIN audit_detail d ON d.tenant = a.tenant AND d.seq = a.seq
         WHERE a.tenant = $1 AND a.seq > $2 ORDER BY a.seq LIMIT $3";
    let rows = tx.query(sql, params![tenant, start.seq, VERIFY_PAGE]).await?;
    let last = (rows.len() as i64) < VERIFY_PAGE;
    let (mut end, mut anchors) = (start, Vec::new());
    for row in rows {
        match verify_row(row, &end)? {
            Ok((next, anchored)) => {
                anchors.extend(anchored.map(|anchored| (next.seq, anchored)));
                end = next;
            }
            Err(broken) => return Ok(Err(broken)),
        }
    }
    if last {
        let row = tx.query_opt("SELECT seq, hash FROM audit_head WHERE tenant = $1", params![tenant]).await?;
        let head = match row {
            Some(mut row) => Head { seq: row.get(0)?, hash: row.get(1)? },
            None => Head { seq: 0, hash: Vec::new() },
        };
        if head != end {
            let why = format!("the chain ends here, its head says row {}", head.seq);
            return Ok(Err(Broken { seq: end.seq, why }));
        }
    }
    Ok(Ok(WalkedPage { end, last, anchors }))
}

fn verify_row(mut row: Row, previous: &Head) -> Result<Result<(Head, Option<Anchored>), Broken>, StoreError> {
    let seq: i64 = row.get(0)?;
    let broken = |why: &str| Ok(Err(Broken { seq, why: why.to_owned() }));
    let (at, actor, action, target): (Timestamp, String, String, String) = (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
    let correlation_id: Option<String> = row.get(5)?;
    let (digest, hash): (Vec<u8>, Vec<u8>) = (row.get(6)?, row.get(7)?);
    let detail: Option<(Vec<u8>, String)> = match row.get::<Option<Vec<u8>>>(8)? {
        Some(salt) => Some((salt, row.get(9)?)),
        None => None,
    };
    if seq != previous.seq + 1 {
        return broken("the row before it is missing");
    }
    // An erased detail leaves its digest, which the chain still covers.
    if detail.as_ref().is_some_and(|(salt, detail)| detail_digest(salt, detail)[..] != digest[..]) {
        return broken("its detail was changed");
    }
    let anchored = match detail {
        Some((_, detail)) if action == account::DIGEST => serde_json::from_str(&detail).ok(),
        // It names nobody, so that there is nothing in it to erase.
        None if action == account::DIGEST => return broken("its detail is missing"),
        _ => None,
    };
    let link = Link {
        previous: &previous.hash,
        seq,
        at,
        actor: &actor,
        action: &action,
        target: &target,
        correlation_id: correlation_id.as_deref().unwrap_or(""),
        digest: &digest,
    };
    if link.hash()[..] != hash[..] {
        return broken("the row was changed");
    }
    Ok(Ok((Head { seq, hash }, anchored)))
}

/// Appends one entry to the chain of the transaction's tenant. Call it last in a transaction: it
/// takes the lock that the tenant's other writers wait for.
pub async fn append(tx: &mut Tx, ambient: &dyn Ambient, actor: &Actor, entry: Entry) -> Result<AuditId, StoreError> {
    append_for(tx, tx.tenant(), ambient, actor, entry).await
}

/// [`append`] to the chain of any tenant, for what is done for many of them at once.
pub(crate) async fn append_for(
    tx: &mut Tx,
    tenant: TenantId,
    ambient: &dyn Ambient,
    actor: &Actor,
    entry: Entry,
) -> Result<AuditId, StoreError> {
    let at = ambient.now();
    let id: AuditId = ambient.fresh();
    let salt: [u8; 16] = ambient.random();
    let head = "INSERT INTO audit_head (tenant, seq, hash) VALUES ($1, 0, $2)
        ON CONFLICT (tenant) DO UPDATE SET seq = audit_head.seq RETURNING seq, hash";
    let mut row = tx.query_one(head, params![tenant, Vec::<u8>::new()]).await?;
    let (seq, previous): (i64, Vec<u8>) = (row.get::<i64>(0)? + 1, row.get(1)?);
    let detail = entry.detail.to_string();
    let digest = detail_digest(&salt, &detail);
    let actor = actor.to_string();
    let link = Link {
        previous: &previous,
        seq,
        at,
        actor: &actor,
        action: entry.action,
        target: &entry.target,
        correlation_id: entry.correlation_id.as_deref().unwrap_or(""),
        digest: &digest,
    };
    let hash = link.hash();
    tx.execute(
        "INSERT INTO audit (tenant, seq, id, at, actor, action, target, correlation_id, digest, hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        params![tenant, seq, id, at, actor.as_str(), entry.action, entry.target, entry.correlation_id, &digest[..], &hash[..]],
    )
    .await?;
    tx.execute(
        "INSERT INTO audit_detail (tenant, seq, salt, detail) VALUES ($1, $2, $3, $4)",
        params![tenant, seq, &salt[..], detail],
    )
    .await?;
    tx.execute("UPDATE audit_head SET seq = $2, hash = $3 WHERE tenant = $1", params![tenant, seq, &hash[..]]).await?;
    Ok(id)
}

/// Counts a configuration change: every copy of the tenant's configuration is stale from here on.
pub async fn bump_epoch(tx: &mut Tx) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    tx.execute("UPDATE tenant SET epoch = epoch + 1 WHERE id = $1", params![tenant]).await?;
    Ok(())
}
