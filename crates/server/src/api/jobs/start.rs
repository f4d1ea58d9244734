//! Where jobs come from: replay and discard in bulk, recover, replay-missing. Each counts first with
//! `dry_run`, by the walk that the job itself does.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use hookswitch_domain::delivery::ParkedReason;
use hookswitch_domain::event::EventPattern;
use hookswitch_domain::id::{DeliveryId, DestinationId, JobId};
use hookswitch_domain::time::Timestamp;
use hookswitch_store::dead_letter::Filter;
use hookswitch_store::destination;
use hookswitch_store::job::{self, NewJob, Selection, Spec};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::super::caller::Caller;
use super::super::dead_letters::{LetterState, Reason};
use super::super::idempotency::{Create, Created, Once};
use super::super::path::Id;
use super::super::problem::{Checks, Problem};
use crate::app::App;

/// Slow enough for a receiver that has just come back.
pub(in crate::api) const RATE_DEFAULT: u32 = 50;
const RATE_MAX: u32 = 1_000;
pub(in crate::api) const IDS_MAX: usize = 1_000;

/// Which dead letters a job takes; what is absent doesn't narrow it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkFilter {
    state: Option<LetterState>,
    #[schema(value_type = Option<String>)]
    destination_id: Option<DestinationId>,
    event_type: Option<String>,
    reason: Option<Reason>,
    #[schema(value_type = Option<String>)]
    parked_reason: Option<ParkedReason>,
    /// Deliveries that were made from this moment on.
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Deliveries that were made before this moment.
    #[schema(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
}

/// Some dead letters: either `ids` or `filter`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Bulk {
    /// 1 to 1000.
    #[schema(value_type = Option<Vec<String>>)]
    ids: Option<Vec<DeliveryId>>,
    /// `{}` is all of them.
    #[schema(example = json!({"reason": "exhausted"}))]
    filter: Option<BulkFilter>,
    /// Only count.
    #[serde(default)]
    dry_run: bool,
    /// 1 to 1000.
    #[serde(default = "rate")]
    #[schema(default = 50, minimum = 1, maximum = 1000)]
    rate_per_second: u32,
}

/// A stretch of time.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Recover {
    #[schema(value_type = String, format = DateTime, example = "2026-01-31T03:00:00Z")]
    since: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// Only count.
    #[serde(default)]
    dry_run: bool,
    /// 1 to 1000.
    #[serde(default = "rate")]
    #[schema(default = 50, minimum = 1, maximum = 1000)]
    rate_per_second: u32,
}

/// A stretch of time, and which events of it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayMissing {
    #[schema(value_type = String, format = DateTime, example = "2026-01-31T03:00:00Z")]
    since: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// Only these of those that the destination subscribes to.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    event_types: Vec<EventPattern>,
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

/// With `dry_run`: how many there are now.
#[derive(Serialize, ToSchema)]
pub struct Counted {
    dry_run: bool,
    count: i64,
}

/// The job that does it.
#[derive(Serialize, ToSchema)]
pub struct Started {
    #[schema(value_type = String, example = "job_01jd8r7c5tevzs9c1ghvzv3hkp")]
    job_id: JobId,
    /// How many there are at its start.
    count: i64,
}

/// Send dead letters again: each as a new delivery with the same `webhook-id`, linked to its original. What is
/// parked behind a pause goes on by itself and is left alone, and so is what was replayed already.
#[utoipa::path(post, path = "/api/v1/integrations/dead-letters/replay", operation_id = "replayDeadLetters", tag = "deliveries",
    request_body = Bulk, extensions(("x-permission" = json!("delivery:replay"))),
    responses((status = 200, description = "With `dry_run`: how many there are", body = Counted),
        (status = 202, description = "A job was started", body = Started)))]
pub async fn replay(
    caller: Caller,
    State(app): State<Arc<App>>,
    Create { body, once }: Create<Bulk>,
) -> Result<Response, Problem> {
    let waits = body.filter.as_ref().and_then(|filter| filter.parked_reason).filter(|why| *why != ParkedReason::Exhausted);
    if waits.is_some() {
        let detail = "what is parked for this reason goes on by itself once that ends; only exhausted can be replayed";
        return Err(Problem::invalid("filter.parked_reason", "invalid", detail));
    }
    let (dry_run, rate) = (body.dry_run, body.rate_per_second);
    start(caller, app, once, Spec::Replay { of: body.check()? }, dry_run, rate).await
}

/// End dead letters and parked deliveries for good: they become `discarded`.
#[utoipa::path(post, path = "/api/v1/integrations/dead-letters/discard", operation_id = "discardDeadLetters",
    tag = "deliveries", request_body = Bulk, extensions(("x-permission" = json!("delivery:cancel"))),
    responses((status = 200, description = "With `dry_run`: how many there are", body = Counted),
        (status = 202, description = "A job was started", body = Started)))]
pub async fn discard(
    caller: Caller,
    State(app): State<Arc<App>>,
    Create { body, once }: Create<Bulk>,
) -> Result<Response, Problem> {
    let (dry_run, rate) = (body.dry_run, body.rate_per_second);
    start(caller, app, once, Spec::Discard { of: body.check()? }, dry_run, rate).await
}

/// Send everything again that failed for good at this destination since a time: dead letters, what was given up
/// for good, and what is parked because its attempts are used up. Not what a replay was made of already.
#[utoipa::path(post, path = "/api/v1/integrations/destinations/{id}/recover", operation_id = "recoverDestination",
    tag = "destinations", params(("id" = String, Path, description = "`dst_...`")), request_body = Recover,
    extensions(("x-permission" = json!("delivery:replay"))),
    responses((status = 200, description = "With `dry_run`: how many there are", body = Counted),
        (status = 202, description = "A job was started", body = Started)))]
pub async fn recover(
    caller: Caller,
    State(app): State<Arc<App>>,
    Id(id): Id<DestinationId>,
    Create { body, once }: Create<Recover>,
) -> Result<Response, Problem> {
    check_time(&app, body.since, body.until)?;
    is_there(&caller, id).await?;
    let spec = Spec::Recover { destination: id, since: body.since, until: body.until };
    start(caller, app, once, spec, body.dry_run, body.rate_per_second).await
}

/// Send the destination what it never got: events since a time that match what it subscribes to and of which it
/// has no delivery, because it was made later or subscribed to less.
#[utoipa::path(post, path = "/api/v1/integrations/destinations/{id}/replay-missing", operation_id = "replayMissing",
    tag = "destinations", params(("id" = String, Path, description = "`dst_...`")), request_body = ReplayMissing,
    extensions(("x-permission" = json!("delivery:replay"))),
    responses((status = 200, description = "With `dry_run`: how many there are", body = Counted),
        (status = 202, description = "A job was started", body = Started)))]
pub async fn replay_missing(
    caller: Caller,
    State(app): State<Arc<App>>,
    Id(id): Id<DestinationId>,
    Create { body, once }: Create<ReplayMissing>,
) -> Result<Response, Problem> {
    check_time(&app, body.since, body.until)?;
    is_there(&caller, id).await?;
    let (since, until, event_types) = (body.since, body.until, body.event_types);
    let spec = Spec::ReplayMissing { destination: id, since, until, event_types };
    start(caller, app, once, spec, body.dry_run, body.rate_per_second).await
}

impl Bulk {
    fn check(self) -> Result<Selection, Problem> {
        match (self.ids, self.filter) {
            (Some(mut ids), None) if (1..=IDS_MAX).contains(&ids.len()) => {
                ids.sort_unstable();
                ids.dedup();
                Ok(Selection::Ids(ids))
            }
            (Some(_), None) => Err(Problem::invalid("ids", "length", "must have 1 to 1000 entries")),
            (None, Some(filter)) => Ok(Selection::Filter(filter.check()?)),
            (Some(_), Some(_)) => Err(Problem::invalid("filter", "invalid", "must not stand beside ids: name either")),
            (None, None) => Err(Problem::invalid("filter", "required", "is missing: name either ids or a filter")),
        }
    }
}

impl BulkFilter {
    fn check(self) -> Result<Filter, Problem> {
        let mut checks = Checks::default();
        if self.from.zip(self.to).is_some_and(|(from, to)| to <= from) {
            checks.fail("filter.to", "invalid", "must be later than from");
        }
        if self.event_type.as_ref().is_some_and(|text| text.parse::<hookswitch_domain::event::EventType>().is_err()) {
            checks.fail("filter.event_type", "invalid", "must be an event type, like invoice.paid");
        }
        if self.reason.is_some() && (self.parked_reason.is_some() || matches!(self.state, Some(LetterState::Parked))) {
            checks.fail("filter.reason", "invalid", "is for what is dead-lettered; what is parked has a parked_reason");
        }
        if self.parked_reason.is_some() && matches!(self.state, Some(LetterState::DeadLettered)) {
            checks.fail("filter.parked_reason", "invalid", "is for what is parked");
        }
        checks.finish()?;
        Ok(Filter {
            state: self.state.map(LetterState::state),
            destination: self.destination_id,
            event_type: self.event_type,
            reason: self.reason.map(|reason| reason.as_str().to_owned()),
            parked_reason: self.parked_reason.map(|reason| reason.as_str().to_owned()),
            from: self.from,
            to: self.to,
            replayed: false,
        })
    }
}

fn check_time(app: &App, since: Timestamp, until: Option<Timestamp>) -> Result<(), Problem> {
    let mut checks = Checks::default();
    if since > app.ambient.now() {
        checks.fail("since", "invalid", "must not be in the future");
    }
    if until.is_some_and(|until| until <= since) {
        checks.fail("until", "invalid", "must be later than since");
    }
    checks.finish()
}

async fn is_there(caller: &Caller, id: DestinationId) -> Result<(), Problem> {
    let read = caller.store.read::<_, Problem, _>(move |tx| Box::pin(async move { Ok(destination::get(tx, id).await?) }));
    read.await?.map(drop).ok_or_else(Problem::not_found)
}

/// Counts, or counts and starts.
pub(in crate::api) async fn start(
    caller: Caller,
    app: Arc<App>,
    once: Once,
    spec: Spec,
    dry_run: bool,
    rate_per_second: u32,
) -> Result<Response, Problem> {
    if !(1..=RATE_MAX).contains(&rate_per_second) {
        return Err(Problem::invalid("rate_per_second", "invalid", "must be 1 to 1000"));
    }
    let count = job::count(&app.db, caller.tenant, &spec).await?;
    if dry_run {
        return Ok((StatusCode::OK, axum::Json(Counted { dry_run, count })).into_response());
    }
    let store = caller.store.clone();
    once.run(&store, move |tx| {
        Box::pin(async move {
            let id: JobId = app.ambient.fresh();
            let detail = json!({ "kind": spec.kind(), "count": count, "rate_per_second": rate_per_second, "spec": spec });
            let started_by = caller.actor.to_string();
            job::insert(tx, &NewJob { id, spec, rate_per_second, total: Some(count), started_by }).await?;
            caller.record(tx, &app, "job.started", id, detail).await?;
            super::wake_after(tx, &app);
            Created::with_status(StatusCode::ACCEPTED, &Started { job_id: id, count })
        })
    })
    .await
}
