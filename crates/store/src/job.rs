//! Jobs: work over many deliveries, in small steps at a capped rate. A step reads what comes next
//! outside of any write (`look`), and then does it in one transaction (`work`) together with moving
//! the place that was looked at, under the job's claim number. So each item is done exactly once per
//! job, whoever dies when and however many nodes try: that transaction is the lease, and the time of
//! the next step is the database's.

mod look;
mod work;

use hookswitch_domain::event::EventPattern;
use hookswitch_domain::id::{DeliveryId, DestinationId, InboundWebhookId, JobId, TenantId};
use hookswitch_domain::time::{Ambient, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::db::{Db, Tx};
use crate::dead_letter::Filter;
use crate::error::StoreError;
use crate::inbound;
use crate::page::Page;
use crate::params;
use crate::value::Row;

pub use look::{Next, count};

/// Items that one step does at most: a few milliseconds of the writer's time.
pub const STEP_MAX: usize = 50;
/// After a step that failed.
const PAUSE_MS: i64 = 5_000;

/// What a job is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Spec {
    Replay {
        of: Selection,
    },
    Discard {
        of: Selection,
    },
    /// Replays what failed for good since a time.
    Recover {
        destination: DestinationId,
        since: Timestamp,
        until: Option<Timestamp>,
    },
    /// Sends a destination what it never got.
    ReplayMissing {
        destination: DestinationId,
        since: Timestamp,
        until: Option<Timestamp>,
        event_types: Vec<EventPattern>,
    },
    /// Cancels what a deleted destination left behind.
    CancelBacklog {
        destination: DestinationId,
    },
    /// Has logged requests of an inbound webhook done again.
    InboundReplay {
        webhook: InboundWebhookId,
        of: inbound::Chosen,
        /// With the configuration of then.
        original: bool,
    },
}

/// Which dead letters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// In the order of their ids.
    Ids(Vec<DeliveryId>),
    Filter(Filter),
}

impl Spec {
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Replay { .. } => "replay",
            Self::Discard { .. } => "discard",
            Self::Recover { .. } => "recover",
            Self::ReplayMissing { .. } => "replay_missing",
            Self::CancelBacklog { .. } => "cancel_backlog",
            Self::InboundReplay { .. } => INBOUND_REPLAY,
        }
    }

    pub const fn line(&self) -> Line {
        match self {
            Self::InboundReplay { .. } => Line::In,
            _ => Line::Out,
        }
    }
}

const INBOUND_REPLAY: &str = "inbound_replay";

/// What a job is about: who may see the one need not see the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    Out,
    In,
}

macro_rules! job_states {
    ($($name:ident $text:literal;)+) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum JobState { $($name),+ }

        impl JobState {
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            fn named(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)+ _ => None }
            }
        }
    };
}

job_states! {
    Running "running";
    Paused "paused";
    Completed "completed";
    Cancelled "cancelled";
}

#[derive(Debug, Clone)]
pub struct Job {
    pub id: JobId,
    pub tenant: TenantId,
    pub spec: Spec,
    pub state: JobState,
    pub rate_per_second: u32,
    looked: Option<Uuid>,
    pub total: Option<i64>,
    pub done: i64,
    pub skipped: i64,
    claim: i64,
    pub trouble: Option<String>,
    pub started_by: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

const COLUMNS: &str = "id, tenant, spec, state, rate_per_second, looked, total, done, skipped, claim, trouble, started_by,
    created_at, updated_at, finished_at";

fn read(mut row: Row) -> Result<Job, StoreError> {
    let (spec, state): (String, String) = (row.get(2)?, row.get(3)?);
    Ok(Job {
        id: row.get(0)?,
        tenant: row.get(1)?,
        spec: serde_json::from_str(&spec).map_err(|error| StoreError::Corrupt(format!("job: {error}")))?,
        state: JobState::named(&state).ok_or_else(|| StoreError::Corrupt(format!("{state} is no state of a job")))?,
        rate_per_second: row.get(4)?,
        looked: row.get(5)?,
        total: row.get(6)?,
        done: row.get(7)?,
        skipped: row.get(8)?,
        claim: row.get(9)?,
        trouble: row.get(10)?,
        started_by: row.get(11)?,
        created_at: row.get(12)?,
        updated_at: row.get(13)?,
        finished_at: row.get(14)?,
    })
}

/// A job to be started.
#[derive(Debug, Clone)]
pub struct NewJob {
    pub id: JobId,
    pub spec: Spec,
    pub rate_per_second: u32,
    pub total: Option<i64>,
    pub started_by: String,
}

pub async fn insert(tx: &mut Tx, job: &NewJob) -> Result<(), StoreError> {
    let (tenant, kind) = (tx.tenant(), job.spec.kind());
    let spec = serde_json::to_value(&job.spec).map_err(|error| StoreError::Bug(error.to_string()))?;
    let sql =
        "INSERT INTO job (id, tenant, kind, state, spec, rate_per_second, total, next_at, started_by, created_at, updated_at)
        VALUES ($1, $2, $3, 'running', $4, $5, $6, now_ms(), $7, now_ms(), now_ms())";
    let params = params![job.id, tenant, kind, spec, job.rate_per_second, job.total, job.started_by.as_str()];
    tx.execute(sql, params).await?;
    Ok(())
}

pub async fn get(tx: &mut Tx, id: JobId) -> Result<Option<Job>, StoreError> {
    let tenant = tx.tenant();
    let sql = format!("SELECT {COLUMNS} FROM job WHERE id = $1 AND tenant = $2");
    tx.query_opt(&sql, params![id, tenant]).await?.map(read).transpose()
}

/// Those of a line, newest first.
pub async fn list(tx: &mut Tx, line: Line, page: &Page) -> Result<Vec<Job>, StoreError> {
    let tenant = tx.tenant();
    let sql = format!(
        "SELECT {COLUMNS} FROM job WHERE tenant = $1 AND id < $2 AND id >= $3 AND (kind = $5) = $6 ORDER BY id DESC LIMIT $4"
    );
    let params = params![tenant, page.below(), page.floor(), page.fetch(), INBOUND_REPLAY, line == Line::In];
    tx.query(&sql, params).await?.into_iter().map(read).collect()
}

/// Whether anything waits for a destination.
pub async fn has_backlog(tx: &mut Tx, destination: DestinationId) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT 1 FROM due WHERE destination = $1 AND tenant = $2 LIMIT 1";
    Ok(tx.query_opt(sql, params![destination, tenant]).await?.is_some())
}

/// Moves a job that isn't over. A step that was read before writes nothing any more. `false`: it is
/// in none of the states `from`.
pub async fn set_state(tx: &mut Tx, id: JobId, from: &[JobState], to: JobState) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let Some(job) = get(tx, id).await?.filter(|job| from.contains(&job.state)) else { return Ok(false) };
    let sql = "UPDATE job SET state = $3, claim = claim + 1, next_at = now_ms(), updated_at = now_ms(),
        finished_at = CASE WHEN $4 THEN now_ms() END WHERE id = $1 AND tenant = $2 AND state = $5";
    let over = to == JobState::Cancelled;
    Ok(tx.execute(sql, params![id, tenant, to.as_str(), over, job.state.as_str()]).await? == 1)
}

/// A job whose next step is due, or when.
#[derive(Debug, Clone, Copy)]
pub struct Due {
    pub job: JobId,
    pub tenant: TenantId,
    pub in_ms: i64,
}

impl Db {
    /// Running jobs, the most overdue first.
    pub async fn jobs_due(&self, limit: i64) -> Result<Vec<Due>, StoreError> {
        let sql = "SELECT id, tenant, next_at - now_ms() FROM job WHERE state = 'running' ORDER BY next_at LIMIT $1";
        let rows = self.system().read(move |tx| Box::pin(async move { tx.query(sql, params![limit]).await })).await?;
        rows.into_iter().map(|mut row| Ok(Due { job: row.get(0)?, tenant: row.get(1)?, in_ms: row.get(2)? })).collect()
    }
}

/// What the next step of a job is to do, read outside of any write. `None`: it isn't running.
pub async fn plan(tx: &mut Tx, id: JobId) -> Result<Option<(Job, Next)>, StoreError> {
    let Some(job) = get(tx, id).await?.filter(|job| job.state == JobState::Running) else { return Ok(None) };
    let next = look::look(tx, &job.spec, job.looked, job.created_at, job.step()).await?;
    Ok(Some((job, next)))
}

impl Job {
    /// Items of one step: a quarter of a second's worth.
    fn step(&self) -> usize {
        (self.rate_per_second as usize / 4).clamp(1, STEP_MAX)
    }
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stepped {
    /// Somebody else did it, or the job was paused meanwhile: nothing was written.
    Stale,
    /// Something stands in its way that a person has to look at: it rests, and says why.
    Paused,
    Done {
        finished: bool,
    },
}

/// Does what [`plan`] found, if nobody else has.
pub async fn step(tx: &mut Tx, ambient: &dyn Ambient, job: &Job, next: &Next, lease_ms: i64) -> Result<Stepped, StoreError> {
    if let Some(why) = work::obstacle(tx, &job.spec).await? {
        return rest(tx, job, why).await;
    }
    let (tenant, finished) = (tx.tenant(), next.looked.is_none());
    let pause_ms = next.items.len() as i64 * 1_000 / i64::from(job.rate_per_second.max(1));
    let claim = "UPDATE job SET claim = claim + 1, looked = coalesce($4, looked), next_at = now_ms() + $5, updated_at = now_ms(),
        trouble = NULL, state = CASE WHEN $6 THEN 'completed' ELSE state END, finished_at = CASE WHEN $6 THEN now_ms() END
        WHERE id = $1 AND tenant = $2 AND claim = $3 AND state = 'running' AND next_at <= now_ms()";
    if tx.execute(claim, params![job.id, tenant, job.claim, next.looked, pause_ms, finished]).await? == 0 {
        return Ok(Stepped::Stale);
    }
    let mut items = next.items.clone();
    items.sort_by_key(|item| (item.lane, item.id));
    let mut done = 0;
    for item in &items {
        done += i64::from(work::perform(tx, ambient, &job.spec, item.id, lease_ms).await?);
    }
    let skipped = items.len() as i64 - done;
    let counts = "UPDATE job SET done = done + $3, skipped = skipped + $4 WHERE id = $1 AND tenant = $2";
    tx.execute(counts, params![job.id, tenant, done, skipped]).await?;
    Ok(Stepped::Done { finished })
}

async fn rest(tx: &mut Tx, job: &Job, why: &str) -> Result<Stepped, StoreError> {
    let tenant = tx.tenant();
    let sql = "UPDATE job SET state = 'paused', claim = claim + 1, trouble = $4, updated_at = now_ms()
        WHERE id = $1 AND tenant = $2 AND claim = $3 AND state = 'running'";
    let written = tx.execute(sql, params![job.id, tenant, job.claim, why]).await?;
    Ok(if written == 0 { Stepped::Stale } else { Stepped::Paused })
}

/// A step failed: the job says so and tries again after a while.
pub async fn stumble(tx: &mut Tx, job: JobId, trouble: &str) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let sql = "UPDATE job SET trouble = $3, next_at = now_ms() + $4, updated_at = now_ms()
        WHERE id = $1 AND tenant = $2 AND state = 'running'";
    tx.execute(sql, params![job, tenant, trouble, PAUSE_MS]).await?;
    Ok(())
}
