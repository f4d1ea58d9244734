//! PostgreSQL's partitions of the days to come.

use hookswitch_store::{Db, StoreError, partition};

pub(super) async fn run(db: &Db) -> Result<(), StoreError> {
    partition::ensure(db).await
}
