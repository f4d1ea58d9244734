//! Jobs over many deliveries: what they do, how far they are, and what people may do to them. They
//! run on nodes with the worker role (pipeline's `outbound/jobs.rs`); `start` is where they come from.
//! Those about inbound deliveries have paths of their own (`inbound_webhooks/jobs.rs`): who may see the
//! one need not see the other.

pub mod start;

use std::sync::Arc;

use axum::extract::State;
use hookswitch_domain::id::{DestinationId, InboundWebhookId, JobId};
use hookswitch_domain::permission::Permission;
use hookswitch_domain::time::Timestamp;
use hookswitch_store::job::{self as rows, Job as Row, JobState, Line, NewJob, Selection, Spec};
use hookswitch_store::{Page, Tx};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::caller::Caller;
use super::list::{List, Listed, PageParams};
use super::path::Id;
use super::problem::Problem;
use crate::app::App;

/// What a deleted destination left behind is swept at this rate: nothing is sent for it.
const SWEEP_PER_SECOND: u32 = 2_000;

/// Work over many deliveries.
#[derive(Serialize, ToSchema)]
pub struct Job {
    #[schema(value_type = String, example = "job_01jd8r7c5tevzs9c1ghvzv3hkp")]
    id: JobId,
    /// `replay`, `discard`, `recover`, `replay_missing` or `cancel_backlog` (what a deleted destination left behind);
    /// `inbound_replay`.
    #[schema(example = "replay")]
    kind: &'static str,
    /// `running`, `paused`, `completed` or `cancelled`.
    #[schema(value_type = String, example = "running")]
    state: JobState,
    rate_per_second: u32,
    /// How many there were at the start; null where nobody counted.
    total: Option<i64>,
    done: i64,
    /// What was no longer there to be done when its turn came.
    skipped: i64,
    #[schema(value_type = Option<String>)]
    destination_id: Option<DestinationId>,
    #[schema(value_type = Option<String>)]
    inbound_webhook_id: Option<InboundWebhookId>,
    /// Why the last step failed, while it does; it is done again.
    trouble: Option<String>,
    started_by: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
}

impl From<Row> for Job {
    fn from(row: Row) -> Self {
        let destination_id = match &row.spec {
            Spec::Recover { destination, .. } | Spec::ReplayMissing { destination, .. } | Spec::CancelBacklog { destination } => {
                Some(*destination)
            }
            Spec::Replay { of: Selection::Filter(filter) } | Spec::Discard { of: Selection::Filter(filter) } => {
                filter.destination
            }
            Spec::Replay { .. } | Spec::Discard { .. } | Spec::InboundReplay { .. } => None,
        };
        let inbound_webhook_id = match &row.spec {
            Spec::InboundReplay { webhook, .. } => Some(*webhook),
            _ => None,
        };
        Self {
            id: row.id,
            kind: row.spec.kind(),
            state: row.state,
            rate_per_second: row.rate_per_second,
            total: row.total,
            done: row.done,
            skipped: row.skipped,
            destination_id,
            inbound_webhook_id,
            trouble: row.trouble,
            started_by: row.started_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
            finished_at: row.finished_at,
        }
    }
}

/// Jobs, newest first.
#[utoipa::path(get, path = "/api/v1/integrations/dead-letters/jobs", operation_id = "listJobs", tag = "deliveries",
    params(PageParams), extensions(("x-permission" = json!("delivery:read"))),
    responses((status = 200, description = "A page of jobs", body = Listed<Job>)))]
pub async fn list(caller: Caller, List { page, .. }: List) -> Result<axum::Json<Listed<Job>>, Problem> {
    list_of(caller, Line::Out, page).await
}

/// One job, and how far it is.
#[utoipa::path(get, path = "/api/v1/integrations/dead-letters/jobs/{id}", operation_id = "getJob", tag = "deliveries",
    params(("id" = String, Path, description = "`job_...`")), extensions(("x-permission" = json!("delivery:read"))),
    responses((status = 200, description = "The job", body = Job)))]
pub async fn get(caller: Caller, Id(id): Id<JobId>) -> Result<axum::Json<Job>, Problem> {
    get_of(caller, Line::Out, id).await
}

/// Let a job rest; nothing more of it is done until it is resumed.
#[utoipa::path(post, path = "/api/v1/integrations/dead-letters/jobs/{id}/pause", operation_id = "pauseJob", tag = "deliveries",
    params(("id" = String, Path, description = "`job_...`")), extensions(("x-permission" = json!("delivery:replay"))),
    responses((status = 200, description = "Paused", body = Job), (status = 409, description = "It is over")))]
pub async fn pause(caller: Caller, State(app): State<Arc<App>>, Id(id): Id<JobId>) -> Result<axum::Json<Job>, Problem> {
    set(caller, app, Line::Out, id, Command::Pause).await
}

/// Let a paused job go on where it stopped.
#[utoipa::path(post, path = "/api/v1/integrations/dead-letters/jobs/{id}/resume", operation_id = "resumeJob",
    tag = "deliveries", params(("id" = String, Path, description = "`job_...`")),
    extensions(("x-permission" = json!("delivery:replay"))),
    responses((status = 200, description = "Running again", body = Job), (status = 409, description = "It is over")))]
pub async fn resume(caller: Caller, State(app): State<Arc<App>>, Id(id): Id<JobId>) -> Result<axum::Json<Job>, Problem> {
    set(caller, app, Line::Out, id, Command::Resume).await
}

/// End a job. What it has done stays done.
#[utoipa::path(post, path = "/api/v1/integrations/dead-letters/jobs/{id}/cancel", operation_id = "cancelJob",
    tag = "deliveries", params(("id" = String, Path, description = "`job_...`")),
    extensions(("x-permission" = json!("delivery:replay"))),
    responses((status = 200, description = "Cancelled", body = Job), (status = 409, description = "It is over")))]
pub async fn cancel(caller: Caller, State(app): State<Arc<App>>, Id(id): Id<JobId>) -> Result<axum::Json<Job>, Problem> {
    set(caller, app, Line::Out, id, Command::Cancel).await
}

pub(super) async fn list_of(caller: Caller, line: Line, page: Page) -> Result<axum::Json<Listed<Job>>, Problem> {
    let read = caller.store.read::<_, Problem, _>(move |tx| Box::pin(async move { Ok(rows::list(tx, line, &page).await?) }));
    Ok(axum::Json(Listed::of(&page, read.await?, |row| row.id.uuid(), Job::from)))
}

pub(super) async fn get_of(caller: Caller, line: Line, id: JobId) -> Result<axum::Json<Job>, Problem> {
    let found = caller.store.read::<_, Problem, _>(move |tx| Box::pin(find(tx, line, id))).await?;
    Ok(axum::Json(found.into()))
}

/// What a person may do to a job.
#[derive(Clone, Copy)]
pub(super) enum Command {
    Pause,
    Resume,
    Cancel,
}

impl Command {
    /// From which states it leads where, and what the trail calls it.
    const fn moves(self) -> (&'static [JobState], JobState, &'static str) {
        match self {
            Self::Pause => (&[JobState::Running], JobState::Paused, "job.paused"),
            Self::Resume => (&[JobState::Paused], JobState::Running, "job.resumed"),
            Self::Cancel => (&[JobState::Running, JobState::Paused], JobState::Cancelled, "job.cancelled"),
        }
    }
}

pub(super) async fn set(
    caller: Caller,
    app: Arc<App>,
    line: Line,
    id: JobId,
    command: Command,
) -> Result<axum::Json<Job>, Problem> {
    let (from, to, action) = command.moves();
    let store = caller.store.clone();
    let changed = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let job = find(tx, line, id).await?;
            match &job.spec {
                Spec::Discard { .. } if to == JobState::Running => caller.require(Permission::DeliveryCancel)?,
                Spec::CancelBacklog { .. } if to == JobState::Cancelled => {
                    let why = "its destination is deleted: what waited for it is cancelled in any case";
                    return Err(Problem::conflict("job_needed", why));
                }
                _ => {}
            }
            if job.state != to {
                if !rows::set_state(tx, id, from, to).await? {
                    return Err(Problem::conflict("job_over", format!("this job is {} already", job.state.as_str())));
                }
                let detail = json!({ "kind": job.spec.kind(), "done": job.done, "skipped": job.skipped });
                caller.record(tx, &app, action, id, detail).await?;
                wake_after(tx, &app);
            }
            find(tx, line, id).await
        })
    });
    Ok(axum::Json(changed.await?.into()))
}

/// Starts the sweep of what a deleted destination left behind, in the transaction that deletes it.
pub async fn cancel_backlog(tx: &mut Tx, app: &App, caller: &Caller, destination: DestinationId) -> Result<(), Problem> {
    let job = NewJob {
        id: app.ambient.fresh(),
        spec: Spec::CancelBacklog { destination },
        rate_per_second: SWEEP_PER_SECOND,
        total: None,
        started_by: caller.actor.to_string(),
    };
    if rows::has_backlog(tx, destination).await? {
        rows::insert(tx, &job).await?;
        wake_after(tx, app);
    }
    Ok(())
}

fn wake_after(tx: &mut Tx, app: &App) {
    let wake = app.engine.jobs.clone();
    tx.after_commit(move || wake.notify_one());
}

async fn find(tx: &mut Tx, line: Line, id: JobId) -> Result<Row, Problem> {
    rows::get(tx, id).await?.filter(|job| job.spec.line() == line).ok_or_else(Problem::not_found)
}
