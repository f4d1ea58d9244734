//! Jobs: work over many deliveries, in small steps at a capped rate. A step reads what comes next
//! outside of any write, and then does it in one transaction together with moving the place that
//! was looked at, under the job's claim number. So each item is done exactly once per job, whoever
//! dies when and however many nodes try: that transaction is the lease, and the time of the next
//! step is the database's.

use hookswitch_domain::delivery::State;
use hookswitch_domain::event::EventPattern;
use hookswitch_domain::id::{DeliveryId, DestinationId, EventId, JobId, TenantId};
use hookswitch_domain::time::{Ambient, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::db::{Db, Tx};
use crate::dead_letter::{self, Filter, Replay};
use crate::delivery;
use crate::destination;
use crate::error::StoreError;
use crate::event::Meta;
use crate::page::Page;
use crate::queue::{NewDelivery, insert_delivery};
use crate::value::Row;
use crate::walk::{Stretch, WALK};
use crate::{ordered, params};

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
        }
    }
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

/// Newest first.
pub async fn list(tx: &mut Tx, page: &Page) -> Result<Vec<Job>, StoreError> {
    let tenant = tx.tenant();
    let sql = format!("SELECT {COLUMNS} FROM job WHERE tenant = $1 AND id < $2 AND id >= $3 ORDER BY id DESC LIMIT $4");
    tx.query(&sql, params![tenant, page.below(), page.floor(), page.fetch()]).await?.into_iter().map(read).collect()
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

/// One thing that a step does: a delivery, or the event that is to become one.
#[derive(Debug, Clone, Copy)]
struct Item {
    id: Uuid,
    /// Rows are touched in the order of their lanes, as claims do.
    lane: Uuid,
}

/// What comes next in a job.
#[derive(Debug)]
pub struct Next {
    items: Vec<Item>,
    /// Everything up to here was looked at; `None` at the end.
    looked: Option<Uuid>,
}

/// Looks for up to `count` items behind `looked`.
async fn look(tx: &mut Tx, spec: &Spec, looked: Option<Uuid>, before: Timestamp, count: usize) -> Result<Next, StoreError> {
    match spec {
        Spec::Replay { of: Selection::Ids(ids) } | Spec::Discard { of: Selection::Ids(ids) } => {
            let left = ids.iter().map(|id| id.uuid()).filter(|id| looked.is_none_or(|looked| *id > looked));
            let items: Vec<Item> = left.clone().take(count).map(|id| Item { id, lane: Uuid::nil() }).collect();
            let looked = items.last().map(|item| item.id).filter(|_| left.count() > items.len());
            Ok(Next { items, looked })
        }
        Spec::Replay { of: Selection::Filter(filter) } => look_at_letters(tx, filter, false, looked, before, count).await,
        Spec::Discard { of: Selection::Filter(filter) } => look_at_letters(tx, filter, true, looked, before, count).await,
        Spec::Recover { destination, since, until } => {
            let walked = dead_letter::to_replay(tx, Stretch::up(looked, None, None), Some(*destination), before).await?;
            let (found, looked) = walked.pick(count, |found| found.at >= *since && until.is_none_or(|until| found.at < until));
            let items = found.into_iter().map(|found| Item { id: found.id.uuid(), lane: found.destination.uuid() }).collect();
            Ok(Next { items, looked })
        }
        Spec::ReplayMissing { destination, since, until, event_types } => {
            let stretch = Stretch::up(looked, Some(*since), Some(until.map_or(before, |until| until.min(before))));
            look_at_events(tx, *destination, event_types, stretch, count).await
        }
        Spec::CancelBacklog { destination } => {
            let (tenant, limit) = (tx.tenant(), i64::try_from(count).unwrap_or(i64::MAX));
            let sql = "SELECT delivery FROM (SELECT delivery, tenant, destination FROM due UNION ALL
                SELECT delivery, tenant, destination FROM line) w WHERE destination = $1 AND tenant = $2 LIMIT $3";
            let rows = tx.query(sql, params![*destination, tenant, limit]).await?;
            let ids = rows.into_iter().map(|mut row| row.get(0)).collect::<Result<Vec<Uuid>, _>>()?;
            let items: Vec<Item> = ids.into_iter().map(|id| Item { id, lane: destination.uuid() }).collect();
            // What was done is gone: there is no place to remember, only more or no more.
            Ok(Next { looked: (items.len() as i64 == limit).then_some(Uuid::nil()), items })
        }
    }
}

async fn look_at_letters(
    tx: &mut Tx,
    filter: &Filter,
    discard: bool,
    looked: Option<Uuid>,
    before: Timestamp,
    count: usize,
) -> Result<Next, StoreError> {
    let stretch = Stretch::up(looked, filter.from, filter.to);
    let (found, looked) = dead_letter::to_do(tx, stretch, filter, discard, before).await?.pick(count, |_| true);
    let items = found.into_iter().map(|found| Item { id: found.id.uuid(), lane: found.destination.uuid() }).collect();
    Ok(Next { items, looked })
}

/// Events that the destination wants and has no delivery of, whatever became of it.
async fn look_at_events(
    tx: &mut Tx,
    to: DestinationId,
    only: &[EventPattern],
    stretch: Stretch,
    count: usize,
) -> Result<Next, StoreError> {
    let tenant = tx.tenant();
    let Some(destination) = destination::get(tx, to).await? else { return Ok(Next { items: Vec::new(), looked: None }) };
    let sql = "SELECT e.id, e.type, e.meta,
            EXISTS (SELECT 1 FROM delivery d WHERE d.event = e.id AND d.destination = $5 AND coalesce(d.tenant, d.tenant) = $1)
        FROM event e WHERE e.tenant = $1 AND e.id >= $2 AND e.id < $3 AND length(e.payload) > 0 ORDER BY e.id LIMIT $4";
    let limit = (count as i64 * 8).clamp(100, WALK);
    let rows = tx.query(sql, params![tenant, stretch.low, stretch.high, limit, to]).await?;
    let full = rows.len() as i64 == limit;
    let (mut items, mut last) = (Vec::new(), None);
    for mut row in rows {
        if items.len() == count {
            return Ok(Next { items, looked: last });
        }
        let (id, event_type, meta): (Uuid, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        last = Some(id);
        let meta: Meta = serde_json::from_str(&meta).unwrap_or_default();
        let wanted = only.is_empty() || only.iter().any(|pattern| pattern.matches(&event_type));
        if wanted && !row.get::<bool>(3)? && destination.wants(&event_type, &meta) {
            items.push(Item { id, lane: to.uuid() });
        }
    }
    Ok(Next { items, looked: last.filter(|_| full) })
}

/// How many items a job would have, by the very walk that it would do.
pub async fn count(db: &Db, tenant: TenantId, spec: &Spec) -> Result<i64, StoreError> {
    let (store, mut looked, mut count) = (db.for_tenant(tenant), None, 0);
    let before = store.read(|tx| Box::pin(async move { tx.query_one("SELECT now_ms()", &[]).await?.get(0) })).await?;
    loop {
        let (spec, from) = (spec.clone(), looked);
        let next = store.read(move |tx| Box::pin(async move { count_some(tx, &spec, from, before).await })).await?;
        count += next.0;
        match next.1 {
            Some(end) => looked = Some(end),
            None => return Ok(count),
        }
    }
}

async fn count_some(
    tx: &mut Tx,
    spec: &Spec,
    looked: Option<Uuid>,
    before: Timestamp,
) -> Result<(i64, Option<Uuid>), StoreError> {
    let next = look(tx, spec, looked, before, WALK as usize).await?;
    let (Spec::Replay { of: Selection::Ids(_) } | Spec::Discard { of: Selection::Ids(_) }) = spec else {
        return Ok((next.items.len() as i64, next.looked));
    };
    let mut count = 0;
    for item in &next.items {
        let found = dead_letter::get(tx, DeliveryId(item.id)).await?;
        count += i64::from(found.is_some_and(|letter| match spec {
            Spec::Discard { .. } => letter.delivery.state != State::Failed,
            _ => letter.can_be_replayed(),
        }));
    }
    Ok((count, next.looked))
}

/// What the next step of a job is to do, read outside of any write. `None`: it isn't running.
pub async fn plan(tx: &mut Tx, id: JobId) -> Result<Option<(Job, Next)>, StoreError> {
    let Some(job) = get(tx, id).await?.filter(|job| job.state == JobState::Running) else { return Ok(None) };
    let next = look(tx, &job.spec, job.looked, job.created_at, job.step()).await?;
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
    Done {
        finished: bool,
    },
}

/// Does what [`plan`] found, if nobody else has.
pub async fn step(tx: &mut Tx, ambient: &dyn Ambient, job: &Job, next: &Next, lease_ms: i64) -> Result<Stepped, StoreError> {
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
        done += i64::from(perform(tx, ambient, &job.spec, item.id, lease_ms).await?);
    }
    let skipped = items.len() as i64 - done;
    let counts = "UPDATE job SET done = done + $3, skipped = skipped + $4 WHERE id = $1 AND tenant = $2";
    tx.execute(counts, params![job.id, tenant, done, skipped]).await?;
    Ok(Stepped::Done { finished })
}

async fn perform(tx: &mut Tx, ambient: &dyn Ambient, spec: &Spec, item: Uuid, lease_ms: i64) -> Result<bool, StoreError> {
    match spec {
        Spec::Replay { .. } | Spec::Recover { .. } => {
            let made = dead_letter::replay(tx, DeliveryId(item), ambient.fresh(), true, lease_ms).await?;
            Ok(made == Replay::Made)
        }
        Spec::Discard { .. } => dead_letter::discard(tx, DeliveryId(item)).await,
        Spec::ReplayMissing { destination, .. } => send_missing(tx, ambient, EventId(item), *destination, lease_ms).await,
        Spec::CancelBacklog { .. } => delivery::end(tx, DeliveryId(item), State::Cancelled).await,
    }
}

async fn send_missing(
    tx: &mut Tx,
    ambient: &dyn Ambient,
    event: EventId,
    to: DestinationId,
    lease_ms: i64,
) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    if !tx.is_sqlite() {
        // Two jobs for one destination take turns, so that the second sees what the first has sent.
        tx.query("SELECT 1 FROM lane WHERE destination = $1 AND tenant = $2 FOR UPDATE", params![to, tenant]).await?;
    }
    let sql = "SELECT 1 FROM delivery d WHERE d.event = $1 AND d.destination = $2 AND coalesce(d.tenant, d.tenant) = $3 LIMIT 1";
    if tx.query_opt(sql, params![event, to, tenant]).await?.is_some() {
        return Ok(false);
    }
    let key = ordered::key_at(tx, to, event).await?;
    let delivery = NewDelivery { id: ambient.fresh(), destination: to, leased: false, key };
    match insert_delivery(tx, event, &delivery, lease_ms).await {
        Err(StoreError::Conflict(_)) => Ok(false),
        done => done.map(|()| true),
    }
}

/// A step failed: the job says so and tries again after a while.
pub async fn stumble(tx: &mut Tx, job: JobId, trouble: &str) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let sql = "UPDATE job SET trouble = $3, next_at = now_ms() + $4, updated_at = now_ms()
        WHERE id = $1 AND tenant = $2 AND state = 'running'";
    tx.execute(sql, params![job, tenant, trouble, PAUSE_MS]).await?;
    Ok(())
}
