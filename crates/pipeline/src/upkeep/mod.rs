//! Upkeep: what has to be done now and then. A duty is one file here and one line below.

mod account;
mod forget;
mod gauges;
mod notify;
mod partitions;
mod retention;
mod rotations;

use std::sync::Arc;
use std::time::Duration;

use hookswitch_domain::time::Ambient;
use hookswitch_store::{Db, StoreError};
use tokio_util::sync::CancellationToken;

use crate::notify::Notifier;

pub use retention::{Days, Retention};

const ROUND: Duration = Duration::from_secs(60);

/// What the duties need.
pub struct Upkeep {
    pub db: Db,
    pub ambient: Arc<dyn Ambient>,
    pub retention: Retention,
    pub notifier: Arc<Notifier>,
    /// Where people look: the console's address.
    pub console: String,
}

impl Upkeep {
    /// Does every duty once a minute until `stop`. Each one is safe to repeat, and on several nodes at once.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            for (duty, done) in self.round(&stop).await {
                if let Err(error) = done {
                    tracing::warn!(duty, %error, "a duty of upkeep failed; it is done again in a minute");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(ROUND) => {}
            }
        }
    }

    /// Every duty, one after the other.
    pub async fn round(&self, stop: &CancellationToken) -> Vec<(&'static str, Result<(), StoreError>)> {
        vec![
            ("partitions", partitions::run(&self.db).await),
            ("forget", forget::run(&self.db).await),
            ("rotations", rotations::run(&self.db).await),
            ("account", account::run(&self.db, &self.ambient).await),
            ("gauges", gauges::run(&self.db).await),
            ("notify", notify::run(&self.notifier, &*self.ambient, &self.console).await),
            ("retention", retention::run(&self.db, &self.ambient, &self.retention, stop).await),
        ]
    }
}
