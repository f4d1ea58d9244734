//! Rotations whose overlap is over: the old secrets sign and let in no longer already; this deletes
//! them.

use hookswitch_store::{Db, StoreError, inbound, signing_key};

pub(super) async fn run(db: &Db) -> Result<(), StoreError> {
    while signing_key::end_some(db).await? > 0 {}
    while inbound::end_some(db).await? > 0 {}
    Ok(())
}
