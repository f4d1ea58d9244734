//! Idempotency-Key: the answer to a POST that created something is kept for 24 h, in the
//! transaction that created it, without its one-time secrets.

use std::time::Duration;

use hookswitch_domain::id::TenantId;
use hookswitch_domain::time::Timestamp;

use crate::db::Tx;
use crate::error::StoreError;
use crate::params;

/// How long a key is remembered.
pub const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// A key as a request brought it.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Of the caller: making a tenant happens in a transaction of the tenant that is made.
    pub tenant: TenantId,
    pub key: String,
    /// The operation, so that one key serves different ones.
    pub scope: String,
    /// A keyed fingerprint of what was asked: the body may hold a secret.
    pub request_hash: Vec<u8>,
}

/// What a claim found.
#[derive(Debug)]
pub enum Claimed {
    /// The key is ours: do the work, then `settle` it in the same transaction.
    Fresh,
    /// The same request was answered before.
    Repeat { status: u16, response: String },
    /// The key was used for something else.
    Other,
}

/// Takes the key. On PostgreSQL a second request with it waits here until the first has committed.
pub async fn claim(tx: &mut Tx, claim: &Claim, now: Timestamp) -> Result<Claimed, StoreError> {
    let old = "DELETE FROM idempotency WHERE key = $1 AND scope = $2 AND tenant = $3 AND created_at <= $4";
    tx.execute(old, params![&claim.key, &claim.scope, claim.tenant, now.minus(KEPT)]).await?;
    let sql = "INSERT INTO idempotency (key, scope, tenant, request_hash, status, response, created_at)
         VALUES ($1, $2, $3, $4, 0, '', $5) ON CONFLICT DO NOTHING";
    let params = params![&claim.key, &claim.scope, claim.tenant, &claim.request_hash[..], now];
    if tx.execute(sql, params).await? == 1 {
        return Ok(Claimed::Fresh);
    }
    let sql = "SELECT request_hash, status, response FROM idempotency WHERE key = $1 AND scope = $2 AND tenant = $3";
    let mut row = tx.query_one(sql, params![&claim.key, &claim.scope, claim.tenant]).await?;
    if row.get::<Vec<u8>>(0)? != claim.request_hash {
        return Ok(Claimed::Other);
    }
    let status = u16::try_from(row.get::<i64>(1)?).map_err(|_| StoreError::Corrupt("a status".to_owned()))?;
    Ok(Claimed::Repeat { status, response: row.get(2)? })
}

/// Keeps the answer for repeats.
pub async fn settle(tx: &mut Tx, claim: &Claim, status: u16, response: &str) -> Result<(), StoreError> {
    let sql = "UPDATE idempotency SET status = $4, response = $5 WHERE key = $1 AND scope = $2 AND tenant = $3";
    tx.execute(sql, params![&claim.key, &claim.scope, claim.tenant, status, response]).await?;
    Ok(())
}

/// The answer that the same request got under this key, if there was one.
pub async fn answer(tx: &mut Tx, key: &str, scope: &str, request_hash: &[u8]) -> Result<Option<(u16, String)>, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT status, response FROM idempotency
        WHERE key = $1 AND scope = $2 AND tenant = $3 AND request_hash = $4 AND created_at > now_ms() - $5";
    let found = tx.query_opt(sql, params![key, scope, tenant, request_hash, KEPT.as_millis() as i64]).await?;
    let Some(mut row) = found else { return Ok(None) };
    let status = u16::try_from(row.get::<i64>(0)?).map_err(|_| StoreError::Corrupt("a status".to_owned()))?;
    Ok(Some((status, row.get(1)?)))
}
