//! Upkeep: what has to be done now and then. A duty is one file here and one line below.

mod account;
mod bodies;
mod forget;
mod gauges;
mod notify;
mod partitions;
mod retention;
mod rotations;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hookswitch_domain::time::Ambient;
use hookswitch_store::{Db, StoreError};
use tokio_util::sync::CancellationToken;

use crate::notify::Notifier;
use crate::outbound::publish::Publisher;

pub use retention::{Days, Retention};

const ROUND: Duration = Duration::from_secs(60);

/// A duty that a host brings: run with the others, and as safe to repeat.
#[derive(Clone, Copy)]
pub struct HostDuty {
    pub name: &'static str,
    pub run: for<'u> fn(&'u Upkeep) -> BoxFuture<'u, Result<(), StoreError>>,
}

/// What the duties need.
pub struct Upkeep {
    pub db: Db,
    pub ambient: Arc<dyn Ambient>,
    /// For what hosts tell.
    pub publisher: Publisher,
    pub hosts: &'static [HostDuty],
    pub retention: Retention,
    pub notifier: Arc<Notifier>,
    /// Where people look: the console's address.
    pub console: String,
}

impl Upkeep {
    /// Does every duty once a minute until `stop`. Each one is safe to repeat, and on several nodes at
    /// once. Retention and the accounts may have much to do, and keep nobody waiting.
    pub async fn run(self, stop: CancellationToken) {
        tokio::join!(
            each_round(&stop, || self.duties()),
            each_round(&stop, || self.account(&stop)),
            each_round(&stop, || self.retain(&stop))
        );
    }

    /// Everything, one after the other.
    pub async fn round(&self, stop: &CancellationToken) -> Vec<Done> {
        let mut done = self.account(stop).await;
        done.extend(self.duties().await);
        done.extend(self.retain(stop).await);
        done
    }

    async fn duties(&self) -> Vec<Done> {
        let mut done = vec![
            ("partitions", partitions::run(&self.db).await),
            ("forget", forget::run(&self.db).await),
            ("bodies", bodies::run(&self.db).await),
            ("rotations", rotations::run(&self.db).await),
            ("gauges", gauges::run(&self.db).await),
            ("notify", notify::run(&self.notifier, &*self.ambient, &self.console).await),
        ];
        for duty in self.hosts {
            done.push((duty.name, (duty.run)(self).await));
        }
        done
    }

    async fn account(&self, stop: &CancellationToken) -> Vec<Done> {
        vec![("account", account::run(&self.db, &self.ambient, stop).await)]
    }

    async fn retain(&self, stop: &CancellationToken) -> Vec<Done> {
        vec![("retention", retention::run(&self.db, &self.ambient, &self.retention, stop).await)]
    }
}

/// A duty, and how it ended.
type Done = (&'static str, Result<(), StoreError>);

async fn each_round<F: Future<Output = Vec<Done>>>(stop: &CancellationToken, duties: impl Fn() -> F) {
    loop {
        for (duty, done) in duties().await {
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
