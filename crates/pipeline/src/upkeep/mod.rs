//! Upkeep: what has to be done now and then. A duty is one file here and one line below.

mod forget;
mod partitions;
mod rotations;

use std::time::Duration;

use hookswitch_store::Db;
use tokio_util::sync::CancellationToken;

const ROUND: Duration = Duration::from_secs(60);

/// Does every duty once a minute until `stop`. Each one is safe to repeat, and on several nodes at once.
pub async fn run(db: Db, stop: CancellationToken) {
    loop {
        for (duty, done) in [
            ("partitions", partitions::run(&db).await),
            ("forget", forget::run(&db).await),
            ("rotations", rotations::run(&db).await),
        ] {
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
