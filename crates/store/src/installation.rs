//! What holds for every tenant: the installation's own switch for sending.

use crate::db::Tx;
use crate::error::StoreError;
use crate::params;

pub async fn sending_paused(tx: &mut Tx) -> Result<bool, StoreError> {
    tx.query_one("SELECT sending_paused FROM installation", &[]).await?.get(0)
}

/// Stops sending for everybody, or lets it go on. Every tenant's epoch is counted, so that no node
/// goes on with a copy of a configuration that still sends. `false`: it was so already.
pub async fn set_sending_paused(tx: &mut Tx, paused: bool) -> Result<bool, StoreError> {
    if tx.execute("UPDATE installation SET sending_paused = $1 WHERE sending_paused <> $1", params![paused]).await? == 0 {
        return Ok(false);
    }
    // In one order, so that two of them never wait for each other in a circle.
    let locked = "SELECT id FROM tenant ORDER BY id FOR UPDATE";
    if !tx.is_sqlite() {
        tx.query(locked, &[]).await?;
    }
    tx.execute("UPDATE tenant SET epoch = epoch + 1", &[]).await?;
    Ok(true)
}
