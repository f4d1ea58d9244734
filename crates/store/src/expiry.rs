//! Rows whose time is over: idempotency keys, sessions, portal links. Deleted in small batches, so that the
//! writer is never held up.

use crate::db::Db;
use crate::error::StoreError;
use crate::params;

const BATCH: i64 = 500;

/// Deletes at most one batch of each kind; returns how many rows went.
pub async fn delete_some(db: &Db) -> Result<u64, StoreError> {
    let system = db.system();
    let work = system.write(|tx| {
        Box::pin(async move {
            let mut gone = 0;
            for sql in [
                "DELETE FROM idempotency WHERE (key, scope, tenant) IN
                   (SELECT key, scope, tenant FROM idempotency WHERE created_at <= now_ms() - 86400000 ORDER BY created_at LIMIT $1)",
                "DELETE FROM inbound_key WHERE (webhook, key, tenant) IN
                   (SELECT webhook, key, tenant FROM inbound_key WHERE expires_at <= now_ms() ORDER BY expires_at LIMIT $1)",
                "DELETE FROM session WHERE (hash, tenant) IN
                   (SELECT hash, tenant FROM session WHERE expires_at <= now_ms() LIMIT $1)",
                // A month longer, so that an old link still says that it is one.
                "DELETE FROM portal_session WHERE (id, tenant) IN
                   (SELECT id, tenant FROM portal_session WHERE expires_at <= now_ms() - 2592000000 LIMIT $1)",
            ] {
                gone += tx.execute(sql, params![BATCH]).await?;
            }
            Ok(gone)
        })
    });
    work.await
}
