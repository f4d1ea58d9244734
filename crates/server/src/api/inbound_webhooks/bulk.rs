//! Many logged requests done again: counted first with `dry_run`, then a job at a capped rate that can
//! be paused, resumed and cancelled, and that outlives its process.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use hookswitch_domain::id::{InboundDeliveryId, InboundWebhookId, JobId};
use hookswitch_domain::inbound::DispatchStatus;
use hookswitch_domain::time::Timestamp;
use hookswitch_store::inbound::{Chosen, Wanted};
use hookswitch_store::job::{Line, Spec};
use serde::Deserialize;
use utoipa::ToSchema;

use super::find;
use super::received::searched;
use super::replay::InboundReplayConfig;
use crate::api::caller::Caller;
use crate::api::idempotency::Create;
use crate::api::jobs::start::{Counted, IDS_MAX, RATE_DEFAULT, Started, start};
use crate::api::jobs::{Command, Job, get_of, list_of, set};
use crate::api::list::{List, Listed, PageParams};
use crate::api::path::Id;
use crate::api::problem::{Checks, Problem};
use crate::app::App;

/// Outcomes' codes are at most this long.
const CODE_CHARS_MAX: usize = 64;

/// Which of a webhook's deliveries a job takes; what is absent doesn't narrow it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InboundBulkFilter {
    /// `dispatched`, `failed`, or `duplicate`: duplicates are taken only where they are asked for.
    #[schema(value_type = Option<String>)]
    status: Option<DispatchStatus>,
    /// The code of what went wrong: `rate_limited`, `lookup_miss`, `mapping_failed`, ...
    code: Option<String>,
    /// Only what was given up after its sender was told that it is taken, or only the rest.
    dead_lettered: Option<bool>,
    /// A part of the idempotency key, the outcome, the address, the user agent or the path.
    search: Option<String>,
    /// Received from this moment on.
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Received before this moment.
    #[schema(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
}

/// Some of a webhook's deliveries: either `ids` or `filter`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InboundBulkReplay {
    /// 1 to 1000.
    #[schema(value_type = Option<Vec<String>>)]
    ids: Option<Vec<InboundDeliveryId>>,
    /// `{}` is all of them.
    #[schema(example = json!({"status": "failed", "code": "lookup_miss"}))]
    filter: Option<InboundBulkFilter>,
    #[serde(default)]
    #[schema(required = false)]
    config: InboundReplayConfig,
    /// Only count.
    #[serde(default)]
    dry_run: bool,
    /// 1 to 1000.
    #[serde(default = "rate")]
    #[schema(default = 50, minimum = 1, maximum = 1000)]
    rate_per_second: u32,
}

const fn rate() -> u32 {
    RATE_DEFAULT
}

/// Do many logged requests again: each as a new delivery, linked to the one that it repeats. Of a batch its parts are
/// done. Tests, what was turned away at the door, what retention has cut and what was repeated already are left alone.
#[utoipa::path(post, path = "/api/v1/inbound-webhooks/{id}/replay", operation_id = "replayInboundDeliveries", tag = "inbound",
    params(("id" = String, Path, description = "`iwh_...`")), request_body = InboundBulkReplay,
    extensions(("x-permission" = json!("inbound_webhook:replay"))),
    responses((status = 200, description = "With `dry_run`: how many there are", body = Counted),
        (status = 202, description = "A job was started", body = Started),
        (status = 409, description = "The webhook is switched off")))]
pub async fn bulk_replay(
    caller: Caller,
    State(app): State<Arc<App>>,
    Id(id): Id<InboundWebhookId>,
    Create { body, once }: Create<InboundBulkReplay>,
) -> Result<Response, Problem> {
    let row = caller.store.read::<_, Problem, _>(move |tx| Box::pin(find(tx, id))).await?;
    let (dry_run, rate) = (body.dry_run, body.rate_per_second);
    let original = matches!(body.config, InboundReplayConfig::Original);
    let spec = Spec::InboundReplay { webhook: id, of: body.check()?, original };
    if !row.is_active {
        return Err(Problem::conflict("inactive", "this webhook is switched off; switch it on to replay what it received"));
    }
    start(caller, app, once, spec, dry_run, rate).await
}

impl InboundBulkReplay {
    fn check(self) -> Result<Chosen, Problem> {
        match (self.ids, self.filter) {
            (Some(mut ids), None) if (1..=IDS_MAX).contains(&ids.len()) => {
                ids.sort_unstable();
                ids.dedup();
                Ok(Chosen::Ids(ids))
            }
            (Some(_), None) => Err(Problem::invalid("ids", "length", "must have 1 to 1000 entries")),
            (None, Some(filter)) => Ok(Chosen::Filter(filter.check()?)),
            (Some(_), Some(_)) => Err(Problem::invalid("filter", "invalid", "must not stand beside ids: name either")),
            (None, None) => Err(Problem::invalid("filter", "required", "is missing: name either ids or a filter")),
        }
    }
}

impl InboundBulkFilter {
    fn check(self) -> Result<Wanted, Problem> {
        let mut checks = Checks::default();
        if self.from.zip(self.to).is_some_and(|(from, to)| to <= from) {
            checks.fail("filter.to", "invalid", "must be later than from");
        }
        let is_code = |code: &str| {
            let letters = code.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
            letters && (1..=CODE_CHARS_MAX).contains(&code.len())
        };
        if self.code.as_deref().is_some_and(|code| !is_code(code)) {
            checks.fail("filter.code", "invalid", "must be a code like lookup_miss");
        }
        if self.status == Some(DispatchStatus::Pending) {
            checks.fail("filter.status", "invalid", "must not be pending: what isn't finished can't be done again");
        }
        checks.finish()?;
        Ok(Wanted {
            status: self.status,
            code: self.code,
            dead: self.dead_lettered,
            search: searched("filter.search", self.search)?,
            from: self.from,
            to: self.to,
        })
    }
}

/// Jobs over inbound deliveries, newest first.
#[utoipa::path(get, path = "/api/v1/inbound-webhooks/jobs", operation_id = "listInboundJobs", tag = "inbound",
    params(PageParams), extensions(("x-permission" = json!("inbound_webhook:read"))),
    responses((status = 200, description = "A page of jobs", body = Listed<Job>)))]
pub async fn jobs(caller: Caller, List { page, .. }: List) -> Result<axum::Json<Listed<Job>>, Problem> {
    list_of(caller, Line::In, page).await
}

/// One job over inbound deliveries, and how far it is.
#[utoipa::path(get, path = "/api/v1/inbound-webhooks/jobs/{id}", operation_id = "getInboundJob", tag = "inbound",
    params(("id" = String, Path, description = "`job_...`")), extensions(("x-permission" = json!("inbound_webhook:read"))),
    responses((status = 200, description = "The job", body = Job)))]
pub async fn job(caller: Caller, Id(id): Id<JobId>) -> Result<axum::Json<Job>, Problem> {
    get_of(caller, Line::In, id).await
}

/// Let a job over inbound deliveries rest; nothing more of it is done until it is resumed.
#[utoipa::path(post, path = "/api/v1/inbound-webhooks/jobs/{id}/pause", operation_id = "pauseInboundJob", tag = "inbound",
    params(("id" = String, Path, description = "`job_...`")), extensions(("x-permission" = json!("inbound_webhook:replay"))),
    responses((status = 200, description = "Paused", body = Job), (status = 409, description = "It is over")))]
pub async fn pause_job(caller: Caller, State(app): State<Arc<App>>, Id(id): Id<JobId>) -> Result<axum::Json<Job>, Problem> {
    set(caller, app, Line::In, id, Command::Pause).await
}

/// Let a paused job over inbound deliveries go on where it stopped.
#[utoipa::path(post, path = "/api/v1/inbound-webhooks/jobs/{id}/resume", operation_id = "resumeInboundJob", tag = "inbound",
    params(("id" = String, Path, description = "`job_...`")), extensions(("x-permission" = json!("inbound_webhook:replay"))),
    responses((status = 200, description = "Running again", body = Job), (status = 409, description = "It is over")))]
pub async fn resume_job(caller: Caller, State(app): State<Arc<App>>, Id(id): Id<JobId>) -> Result<axum::Json<Job>, Problem> {
    set(caller, app, Line::In, id, Command::Resume).await
}

/// End a job over inbound deliveries. What it has done stays done.
#[utoipa::path(post, path = "/api/v1/inbound-webhooks/jobs/{id}/cancel", operation_id = "cancelInboundJob", tag = "inbound",
    params(("id" = String, Path, description = "`job_...`")), extensions(("x-permission" = json!("inbound_webhook:replay"))),
    responses((status = 200, description = "Cancelled", body = Job), (status = 409, description = "It is over")))]
pub async fn cancel_job(caller: Caller, State(app): State<Arc<App>>, Id(id): Id<JobId>) -> Result<axum::Json<Job>, Problem> {
    set(caller, app, Line::In, id, Command::Cancel).await
}
