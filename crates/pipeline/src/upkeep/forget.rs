//! Keys and sessions whose time is over. They count for nothing already; this only frees their room.

use hookswitch_store::{Db, StoreError, expiry};

pub(super) async fn run(db: &Db) -> Result<(), StoreError> {
    while expiry::delete_some(db).await? > 0 {}
    Ok(())
}
