//! The parent's side: which request gets a worker, and when. Workers are started on first use and ended when
//! nothing has come for a while, so an installation that maps nothing pays nothing for them.
//!
//! There is no task in between: whoever asks takes a [`Lease`] and speaks to the worker itself. A lease that
//! is dropped in the middle (the caller went away) takes its worker with it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use uuid::Uuid;

use super::child::{Lost, Worker};
use super::fair::Fair;
use super::protocol::{Reply, Request};
use super::{SandboxConfig, SandboxError};

/// Longer than this nobody should have to wait for a slot.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// An exchange that takes longer makes its tenant suspect.
const SLOW: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub struct Pool {
    config: SandboxConfig,
    state: Mutex<State>,
    /// For the leases and the reaper.
    this: Weak<Pool>,
}

#[derive(Debug)]
struct State {
    fair: Fair<oneshot::Sender<Lease>>,
    idle: Vec<Worker>,
    reaping: bool,
}

/// One slot. Whatever ends it frees the slot for the next in turn.
#[derive(Debug)]
pub struct Lease {
    pool: Arc<Pool>,
    tenant: Uuid,
    worker: Option<Worker>,
}

impl Pool {
    pub fn new(config: SandboxConfig) -> Arc<Self> {
        let state = State { fair: Fair::new(config.workers), idle: Vec::new(), reaping: false };
        Arc::new_cyclic(|this| Self { config, state: Mutex::new(state), this: this.clone() })
    }

    pub async fn lease(self: &Arc<Self>, tenant: Uuid) -> Result<Lease, SandboxError> {
        let turn = {
            let mut state = self.state();
            if state.fair.try_enter(tenant, Instant::now()) {
                return Ok(Lease { pool: Arc::clone(self), tenant, worker: state.idle.pop() });
            }
            let (sender, turn) = oneshot::channel();
            if !state.fair.enqueue(tenant, sender) {
                return Err(SandboxError::Busy);
            }
            turn
        };
        // A slot may be free although somebody waits: for others than those.
        self.admit();
        match tokio::time::timeout(WAIT_MAX, turn).await {
            Ok(Ok(lease)) => Ok(lease),
            _ => Err(SandboxError::Busy),
        }
    }

    /// Processes alive and idle, for tests and metrics.
    pub fn idle_workers(&self) -> usize {
        self.state().idle.len()
    }

    /// Gives free slots to whoever is next.
    fn admit(self: &Arc<Self>) {
        loop {
            let mut state = self.state();
            let Some((tenant, turn)) = state.fair.next(Instant::now()) else { return };
            if turn.is_closed() {
                state.fair.leave(tenant);
                continue;
            }
            let lease = Lease { pool: Arc::clone(self), tenant, worker: state.idle.pop() };
            drop(state);
            // If the waiter left just now, the lease is dropped here and admits the next itself.
            let _ = turn.send(lease);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every section under the lock leaves the state whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends workers that have been idle for long; itself ends when none is left.
    fn reap(&self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (pool, pause) = (self.this.clone(), self.config.idle_shutdown);
        runtime.spawn(async move {
            loop {
                tokio::time::sleep(pause).await;
                let Some(pool) = pool.upgrade() else { return };
                let mut state = pool.state();
                state.idle.retain(|worker| worker.idle_since.elapsed() < pause);
                if state.idle.is_empty() {
                    state.reaping = false;
                    return;
                }
            }
        });
    }
}

impl Lease {
    /// One request on this slot's worker. A worker that is lost is killed; the next use starts another.
    pub async fn exchange(&mut self, request: &Request<'_>, within: Duration) -> Result<Result<Reply, Lost>, SandboxError> {
        let mut worker = match self.worker.take().map(|mut worker| (worker.is_alive(), worker)) {
            Some((true, worker)) => worker,
            _ => self.start().await?,
        };
        let started = Instant::now();
        let outcome = worker.exchange(request, within).await;
        if outcome.is_err() || started.elapsed() > SLOW {
            self.pool.state().fair.suspect(self.tenant, Instant::now());
        }
        match &outcome {
            Ok(reply) if !reply.retire => self.worker = Some(worker),
            Ok(_) => {}
            Err(lost) => {
                metrics::counter!("hookswitch_sandbox_workers_lost_total", "reason" => reason(*lost)).increment(1);
                tracing::warn!(tenant = %self.tenant, reason = reason(*lost), "a sandbox worker was lost to an expression");
            }
        }
        Ok(outcome)
    }

    async fn start(&self) -> Result<Worker, SandboxError> {
        metrics::counter!("hookswitch_sandbox_workers_started_total").increment(1);
        Worker::start(&self.pool.config).await.map_err(|error| SandboxError::Unavailable(error.to_string()))
    }
}

fn reason(lost: Lost) -> &'static str {
    match lost {
        Lost::Hung => "hung",
        Lost::Died => "died",
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        state.fair.leave(self.tenant);
        if let Some(mut worker) = self.worker.take() {
            worker.idle_since = Instant::now();
            state.idle.push(worker);
            if !state.reaping {
                state.reaping = true;
                self.pool.reap();
            }
        }
        drop(state);
        self.pool.admit();
    }
}
