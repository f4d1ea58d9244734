//! Requests to exchange two tasks, and what the group's admins decide.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::response::Response;
use hookswitch_desk::Change;
use hookswitch_desk::id::SwapId;
use hookswitch_desk::record::{self, Filter as By, Filters, Record};
use hookswitch_desk::task::Task;
use hookswitch_desk::task::swap::{self, Decision, NewSwap, Side, Swap, SwapStatus};
use hookswitch_domain::id::{GroupId, UserId};
use hookswitch_domain::permission::Permission;
use hookswitch_domain::time::Timestamp;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::{Standing, refused};
use crate::api::body::OrDefault;
use crate::api::caller::Caller;
use crate::api::idempotency::{Create, Created};
use crate::api::list::{List, Listed, PageParams};
use crate::api::path::Id;
use crate::api::problem::Problem;
use crate::api::records::{REDACTED, tagged};
use crate::app::App;

/// A request to exchange two tasks.
#[derive(Serialize, ToSchema)]
#[schema(as = Swap)]
pub struct SwapView {
    #[schema(value_type = String, example = "swp_01jd8r7c5tevzs9c1ghvzv3hkp")]
    id: SwapId,
    #[schema(value_type = String)]
    group_id: GroupId,
    requester: Side,
    target: Side,
    reason: Option<String>,
    allow_difficulty_override: bool,
    status: SwapStatus,
    /// Nobody can decide any more from then on.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    decided_at: Option<Timestamp>,
    #[schema(value_type = Option<String>)]
    decided_by: Option<UserId>,
    decision_reason: Option<String>,
    version: i64,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl SwapView {
    fn of(row: Record<Swap>, redacted: bool) -> Self {
        let Record { id, fields, version, created_at, updated_at, .. } = row;
        let text = |text: Option<String>| if redacted { text.map(|_| REDACTED.to_owned()) } else { text };
        Self {
            id,
            group_id: fields.group_id,
            requester: Side { user_id: fields.requester_user_id, task_id: fields.requester_task_id },
            target: Side { user_id: fields.target_user_id, task_id: fields.target_task_id },
            reason: text(fields.reason),
            allow_difficulty_override: fields.allow_difficulty_override,
            status: fields.status,
            expires_at: fields.expires_at,
            decided_at: fields.decided_at,
            decided_by: fields.decided_by,
            decision_reason: text(fields.decision_reason),
            version,
            created_at,
            updated_at,
        }
    }
}

/// A request to be made. The difficulties of the two tasks differ by two at most.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewSwap)]
#[serde(deny_unknown_fields)]
pub struct SwapBody {
    /// Who asks, with a task of theirs.
    requester: Side,
    /// With whom to exchange it, and for which task.
    target: Side,
    #[schema(max_length = 500)]
    reason: Option<String>,
    /// The tasks' difficulties don't matter.
    #[serde(default)]
    #[schema(default = false, required = false)]
    allow_difficulty_override: bool,
}

/// Why a request is refused, if that is said.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SwapRefusal {
    #[schema(max_length = 500, example = "Both are needed where they are")]
    reason: Option<String>,
}

#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Needed unless one sees the whole desk.
    #[param(value_type = Option<String>)]
    group_id: Option<GroupId>,
    status: Option<SwapStatus>,
}

/// List requests for swaps, newest first.
#[utoipa::path(get, path = "/api/v1/swaps", operation_id = "listSwaps", tag = "groups", params(PageParams, Filter),
    responses((status = 200, description = "A page of requests", body = Listed<SwapView>)),
    extensions(("x-permission" = json!("group:member"))))]
pub async fn list(caller: Caller, List { page, filter }: List<Filter>) -> Result<Answer<Listed<SwapView>>, Problem> {
    if filter.group_id.is_none() && !caller.permissions.allow(Permission::DeskRead) {
        return Err(Problem::invalid("group_id", "required", "name the group"));
    }
    let mut filters = Filters::default();
    filters.exact.extend(filter.group_id.map(|group| (By::id("group_id", GroupId::PREFIX), group.into())));
    filters.exact.extend(filter.status.map(|status| (By::text("status"), status.into())));
    let (store, redacted) = (caller.store.clone(), caller.redacted);
    let job = store.read::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            if let Some(group) = filter.group_id {
                Standing::of(tx, &caller, group).await?;
            }
            Ok(record::store::list::<Swap>(tx, &filters, &page).await?)
        })
    });
    Ok(Answer(Listed::of(&page, job.await?, |row| row.id.uuid(), |row| SwapView::of(row, redacted))))
}

/// Show a request.
#[utoipa::path(get, path = "/api/v1/swaps/{id}", operation_id = "getSwap", tag = "groups",
    params(("id" = String, Path, description = "`swp_...`")),
    responses((status = 200, description = "The request", body = SwapView)),
    extensions(("x-permission" = json!("group:member"))))]
pub async fn get(caller: Caller, Id(id): Id<SwapId>) -> Result<Response, Problem> {
    let store = caller.store.clone();
    let job = store.read::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let found = record::get::<Swap>(tx, id).await?.ok_or_else(Problem::not_found)?;
            Standing::of(tx, &caller, found.fields.group_id).await?;
            Ok(tagged(StatusCode::OK, found.version, json!(SwapView::of(found, caller.redacted))))
        })
    });
    job.await
}

/// Ask for a swap. An admin of the group decides within 48 hours; nobody has more than three requests at a time.
#[utoipa::path(post, path = "/api/v1/swaps", operation_id = "createSwap", tag = "groups", request_body = SwapBody,
    responses((status = 201, description = "Waits for an admin", body = SwapView),
        (status = 409, description = "A swap of these two tasks waits already"),
        (status = 422, description = "Against a rule: `different_groups`, `not_assigned`, `not_open`, `too_late`, `difficulty_gap`, \
            `too_many_swaps`")),
    extensions(("x-permission" = json!("group:member"))))]
pub async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Create { body, once }: Create<SwapBody>,
) -> Result<Response, Problem> {
    let SwapBody { requester, target, reason, allow_difficulty_override } = body;
    let store = caller.store.clone();
    let job = once.run(&store, move |tx| {
        Box::pin(async move {
            // Whose group one isn't in, whose task isn't there.
            let unknown = || Problem::invalid("requester.task_id", "invalid", "names no task that you see");
            let task = record::get::<Task>(tx, requester.task_id).await?.ok_or_else(unknown)?;
            let standing = Standing::of(tx, &caller, task.fields.group_id).await.map_err(|problem| match problem.status {
                StatusCode::NOT_FOUND => unknown(),
                _ => problem,
            })?;
            standing.is_or_leads(Some(requester.user_id))?;
            let change = Change::by(caller.actor.clone(), &*app.ambient, &app.engine.publisher);
            let asked = NewSwap { requester, target, reason, allow_difficulty_override };
            let made = swap::request(tx, &change, asked).await.map_err(|error| refused(error, false))?;
            caller.record(tx, &app, "swap.requested", made.id, json!({})).await?;
            Created::new(&SwapView::of(made, caller.redacted))
        })
    });
    job.await
}

async fn decide(app: Arc<App>, caller: Caller, id: SwapId, decision: Decision) -> Result<Response, Problem> {
    let store = caller.store.clone();
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let found = record::held::<Swap>(tx, id).await?.ok_or_else(Problem::not_found)?;
            Standing::of(tx, &caller, found.fields.group_id).await?.admin()?;
            let action = if matches!(decision, Decision::Approve) { "swap.approved" } else { "swap.rejected" };
            let change = Change::by(caller.actor.clone(), &*app.ambient, &app.engine.publisher);
            let decided = swap::decide(tx, &change, found, decision).await.map_err(|error| refused(error, false))?;
            caller.record(tx, &app, action, id, json!({})).await?;
            Ok(tagged(StatusCode::OK, decided.version, json!(SwapView::of(decided, caller.redacted))))
        })
    });
    job.await
}

/// Exchange the two tasks. It is published as `task.swapped`, with both.
#[utoipa::path(post, path = "/api/v1/swaps/{id}/approve", operation_id = "approveSwap", tag = "groups",
    params(("id" = String, Path, description = "`swp_...`")),
    responses((status = 200, description = "The request as it is now", body = SwapView),
        (status = 409, description = "It was decided already, or has expired"),
        (status = 422, description = "The tasks can't be exchanged any more")),
    extensions(("x-permission" = json!("group:admin"))))]
pub async fn approve(State(app): State<Arc<App>>, caller: Caller, Id(id): Id<SwapId>) -> Result<Response, Problem> {
    decide(app, caller, id, Decision::Approve).await
}

/// Refuse a request.
#[utoipa::path(post, path = "/api/v1/swaps/{id}/reject", operation_id = "rejectSwap", tag = "groups",
    request_body = SwapRefusal, params(("id" = String, Path, description = "`swp_...`")),
    responses((status = 200, description = "The request as it is now", body = SwapView),
        (status = 409, description = "It was decided already, or has expired")),
    extensions(("x-permission" = json!("group:admin"))))]
pub async fn reject(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<SwapId>,
    OrDefault(SwapRefusal { reason }): OrDefault<SwapRefusal>,
) -> Result<Response, Problem> {
    decide(app, caller, id, Decision::Reject(reason)).await
}
