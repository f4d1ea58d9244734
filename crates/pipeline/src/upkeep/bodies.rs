//! Bodies that were kept for a retry, of deliveries that are finished.

use hookswitch_store::{Db, StoreError, delivery_body};

/// Rows per commit: few enough that nobody waits for it.
const BATCH: i64 = 200;

pub(super) async fn run(db: &Db) -> Result<(), StoreError> {
    while delivery_body::sweep(db, BATCH).await? > 0 {}
    Ok(())
}
