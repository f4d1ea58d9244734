//! Whether attempts are still what the tenant's chain anchors, and what retention may have removed.

use std::sync::Arc;

use data_encoding::HEXLOWER;
use hookswitch_domain::audit::{Actor, Entry};
use hookswitch_domain::time::{Ambient, Timestamp};
use sha2::{Digest, Sha256};

use super::PAGE;
use super::row::{read, select};
use crate::db::{TenantStore, Tx};
use crate::error::StoreError;
use crate::{Row, audit, params};

/// What an entry of the chain says about attempts.
#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct Anchored {
    first: i64,
    last: i64,
    rows: i64,
    digest: String,
    oldest: i64,
}

/// How attempts compare with their entry of the chain.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Compared {
    Same,
    /// Rows are missing which retention was allowed to remove.
    Gone,
    Differs(String),
}

/// Reads the tenant's attempts anew and compares them with what was anchored. `purged_before`: what
/// the chain says that retention has removed.
pub(crate) async fn compare(store: &TenantStore, anchored: &Anchored, purged_before: i64) -> Result<Compared, StoreError> {
    let (mut hash, mut rows, mut after, last) = (Sha256::new(), 0, anchored.first - 1, anchored.last);
    loop {
        let sql = select("a.seq > $1 AND a.seq <= $2 AND a.tenant = $3");
        let tenant = store.tenant();
        let page = store.read(move |tx| Box::pin(async move { tx.query(&sql, params![after, last, tenant]).await }));
        let page: Vec<Row> = page.await?;
        let ends = (page.len() as i64) < PAGE;
        for row in page {
            let row = read(row)?;
            hash.update(row.bytes);
            rows += 1;
            after = row.seq;
        }
        if ends {
            break;
        }
    }
    if rows < anchored.rows {
        return Ok(match anchored.oldest < purged_before {
            true => Compared::Gone,
            false => Compared::Differs(format!("{} of its {} attempts are missing", anchored.rows - rows, anchored.rows)),
        });
    }
    Ok(match rows == anchored.rows && HEXLOWER.encode(&hash.finalize()) == anchored.digest {
        true => Compared::Same,
        false => Compared::Differs("the attempts that it anchors were changed".to_owned()),
    })
}

/// What retention has removed of the tenant's attempts, as its chain says: everything that started
/// before this moment may be gone.
pub(crate) async fn purged_before(tx: &mut Tx) -> Result<i64, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT d.detail FROM delivery_digest p
        JOIN audit a ON a.tenant = p.tenant AND a.seq = p.purge_seq AND a.action = $2
        JOIN audit_detail d ON d.tenant = p.tenant AND d.seq = p.purge_seq WHERE p.tenant = $1";
    let Some(mut row) = tx.query_opt(sql, params![tenant, PURGED]).await? else { return Ok(0) };
    let detail: serde_json::Value = row.get(0)?;
    Ok(detail["before"].as_i64().unwrap_or(0))
}

/// The entry of the chain that retention writes before it removes attempts.
pub(crate) const PURGED: &str = "delivery_log.purged";

/// Says in the tenant's chain that attempts which started before this moment may be gone from here
/// on. Once per moment and tenant.
pub(crate) async fn note_purge(store: &TenantStore, ambient: Arc<dyn Ambient>, before: Timestamp) -> Result<(), StoreError> {
    let done = store.write(move |tx| {
        Box::pin(async move {
            let tenant = tx.tenant();
            let sql = "INSERT INTO delivery_digest (tenant, upto, purged_before) VALUES ($1, 0, $2)
                ON CONFLICT (tenant) DO UPDATE SET purged_before = excluded.purged_before
                WHERE delivery_digest.purged_before < excluded.purged_before";
            if tx.execute(sql, params![tenant, before]).await? == 0 {
                return Ok::<_, StoreError>(());
            }
            let entry = Entry {
                action: PURGED,
                target: format!("attempts before {before}"),
                correlation_id: None,
                detail: serde_json::json!({ "before": before.millis() }),
            };
            audit::append(tx, &*ambient, &Actor::System, entry).await?;
            let sql = "UPDATE delivery_digest SET purge_seq = (SELECT seq FROM audit_head WHERE tenant = $1) WHERE tenant = $1";
            tx.execute(sql, params![tenant]).await?;
            Ok(())
        })
    });
    done.await
}
