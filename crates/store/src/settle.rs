//! Settling inside a transaction that writes something else too: the event that tells of a
//! delivery's end exists if and only if the delivery ended. Everybody else settles by `Db::settle`,
//! where many share one commit.

use crate::commit;
use crate::db::{Inner, Tx};
use crate::error::StoreError;
use crate::queue::Settle;

/// Writes how a try ended. `false`: the lease was taken over, and nothing was written.
pub async fn settle(tx: &mut Tx, settle: Settle) -> Result<bool, StoreError> {
    match &tx.inner {
        Inner::Sqlite(connection) => commit::sqlite_settle(connection.raw(), &settle),
        Inner::Postgres(connection) => {
            let mine = commit::settle_batch(connection.client()?, vec![settle]).await?;
            Ok(mine.first().copied().unwrap_or(false))
        }
    }
}
