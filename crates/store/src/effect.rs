//! Effects: what a step did, recorded in the transaction that did it. A repeat of the step finds it
//! and does nothing more; inbound deliveries use it, and workflow steps will.

use crate::db::Tx;
use crate::error::StoreError;
use crate::params;

/// The recorded result of a step, if it was done before.
pub async fn find(tx: &mut Tx, step_key: &str) -> Result<Option<serde_json::Value>, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT result FROM effect WHERE step_key = $1 AND tenant = $2";
    tx.query_opt(sql, params![step_key, tenant]).await?.map(|mut row| row.get(0)).transpose()
}

/// Records what a step did, in the transaction that did it.
pub async fn record(tx: &mut Tx, step_key: &str, result: &serde_json::Value) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let sql = "INSERT INTO effect (step_key, tenant, result, created_at) VALUES ($1, $2, $3, now_ms())";
    tx.execute(sql, params![step_key, tenant, result]).await?;
    Ok(())
}
