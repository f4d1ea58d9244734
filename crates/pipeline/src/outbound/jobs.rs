//! The loop that does jobs (store's `job`) on nodes with the worker role: bulk replays and discards,
//! recoveries, what a deleted destination left behind, and repeats of logged inbound requests. Every node tries every job's next step
//! when it is due by the database's clock; the claim number lets one of them through.

use std::sync::Arc;
use std::time::Duration;

use hookswitch_domain::audit::{Actor, Entry};
use hookswitch_domain::time::Ambient;
use hookswitch_store::job::{self, Due, Job, Line, Next, Stepped};
use hookswitch_store::{Db, StoreError, Tx, audit};
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::lanes::Lanes;
use super::publish::LEASE_MS;

/// Looked at this often: a job that another node was asked for rings no bell here.
const POLL: Duration = Duration::from_millis(500);
/// After an error of the store.
const PAUSE: Duration = Duration::from_secs(1);
/// Jobs that one round looks at, the most overdue first.
const JOBS_PER_ROUND: i64 = 32;

/// Does what is due until `stop`.
pub struct Jobs {
    pub db: Db,
    pub ambient: Arc<dyn Ambient>,
    pub lanes: Lanes,
    /// Rung when inbound deliveries wait for a worker.
    pub inbound: Arc<Notify>,
    /// Rung when a job was started here.
    pub wake: Arc<Notify>,
}

impl Jobs {
    pub async fn run(self, stop: CancellationToken) {
        loop {
            let pause = match self.round(&stop).await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::warn!(%error, "jobs could not be looked at; trying again");
                    PAUSE
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.wake.notified() => {}
                () = sleep(pause) => {}
            }
        }
    }

    /// One step of every job that is due; returns how long to sleep at most.
    async fn round(&self, stop: &CancellationToken) -> Result<Duration, StoreError> {
        let mut pause = POLL;
        for due in self.db.jobs_due(JOBS_PER_ROUND).await? {
            if stop.is_cancelled() {
                break;
            }
            if due.in_ms > 0 {
                pause = pause.min(Duration::from_millis(due.in_ms.unsigned_abs()));
                continue;
            }
            pause = Duration::ZERO;
            if let Err(error) = self.advance(due).await {
                self.stumble(due, &error).await;
            }
        }
        Ok(pause)
    }

    async fn advance(&self, due: Due) -> Result<(), StoreError> {
        let store = self.db.for_tenant(due.tenant);
        let planned = store.read(move |tx| Box::pin(job::plan(tx, due.job))).await?;
        let Some((job, next)) = planned else { return Ok(()) };
        let wake = match job.spec.line() {
            Line::Out => self.lanes.wake.clone(),
            Line::In => self.inbound.clone(),
        };
        let ambient = self.ambient.clone();
        store
            .write(move |tx| {
                Box::pin(async move {
                    step(tx, &*ambient, &job, &next).await?;
                    tx.after_commit(move || wake.notify_one());
                    Ok(())
                })
            })
            .await
    }

    /// Nothing of the step was written; the job says why, and comes again after a while.
    async fn stumble(&self, due: Due, error: &StoreError) {
        tracing::warn!(tenant = %due.tenant, job = %due.job, %error, "a job's step failed; it is done again");
        let trouble = match error {
            StoreError::Unavailable(_) | StoreError::Contended(_) | StoreError::Overloaded => "the database was busy",
            _ => "a fault on our side; our log names this job",
        };
        let store = self.db.for_tenant(due.tenant);
        let noted: Result<(), StoreError> = store.write(move |tx| Box::pin(job::stumble(tx, due.job, trouble))).await;
        if let Err(error) = noted {
            tracing::warn!(job = %due.job, %error, "a job's trouble could not be noted");
        }
    }
}

/// One step, and the trail's entry with the last one.
async fn step(tx: &mut Tx, ambient: &dyn Ambient, job: &Job, next: &Next) -> Result<(), StoreError> {
    let action = match job::step(tx, ambient, job, next, LEASE_MS).await? {
        Stepped::Done { finished: true } => "job.completed",
        Stepped::Paused => "job.paused",
        Stepped::Done { finished: false } | Stepped::Stale => return Ok(()),
    };
    let Some(job) = job::get(tx, job.id).await? else { return Ok(()) };
    let detail = serde_json::json!({
        "kind": job.spec.kind(), "done": job.done, "skipped": job.skipped, "trouble": job.trouble,
    });
    let entry = Entry { action, target: job.id.to_string(), correlation_id: None, detail };
    audit::append(tx, ambient, &Actor::System, entry).await?;
    Ok(())
}
