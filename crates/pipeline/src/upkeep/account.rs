//! Counts what was tried, for health and statistics, and anchors it in the tenants' audit chains.

use std::sync::Arc;

use hookswitch_domain::time::Ambient;
use hookswitch_store::{Db, StoreError, account};

/// Another node may have done it a moment ago. Shorter than a round, so that none is left out.
const PAUSE_MS: i64 = 45_000;

pub(super) async fn run(db: &Db, ambient: &Arc<dyn Ambient>) -> Result<(), StoreError> {
    account::run(db, ambient, PAUSE_MS).await.map(drop)
}
