//! Counts what was tried, for health and statistics, and anchors it in the tenants' audit chains.

use std::sync::Arc;
use std::time::Duration;

use hookswitch_domain::time::Ambient;
use hookswitch_store::account::{self, Pace};
use hookswitch_store::{Db, StoreError};
use tokio_util::sync::CancellationToken;

/// Another node may have done it a moment ago: shorter than a round, so that none is left out. The
/// accounts of many tenants are spread over a third of a round.
const PACE: Pace = Pace { pause: Duration::from_secs(45), spread: Duration::from_secs(20) };

pub(super) async fn run(db: &Db, ambient: &Arc<dyn Ambient>, stop: &CancellationToken) -> Result<(), StoreError> {
    tokio::select! {
        done = account::run(db, ambient, PACE) => done.map(drop),
        // Each step is whole by itself; what is left is done after the next start.
        () = stop.cancelled() => Ok(()),
    }
}
