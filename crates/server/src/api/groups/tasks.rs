//! Tasks of a group and what is done to them.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::response::Response;
use hookswitch_desk::Change;
use hookswitch_desk::history::{self, Happening};
use hookswitch_desk::id::{HistoryId, TaskId};
use hookswitch_desk::record::{self, Filter as By, Filters, Form, Record, check_version};
use hookswitch_desk::task::{Task, TaskStatus, lifecycle};
use hookswitch_domain::id::{GroupId, UserId};
use hookswitch_domain::time::Timestamp;
use hookswitch_store::Tx;
use http::header::ETAG;
use http::{HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};

use super::{Standing, refused};
use crate::api::body::{Json, OrDefault};
use crate::api::caller::Caller;
use crate::api::idempotency::{Create, Created};
use crate::api::list::{List, Listed, PageParams};
use crate::api::path::Id;
use crate::api::problem::Problem;
use crate::api::records::{self, IfMatch, redact, shown, tagged};
use crate::app::App;

type Shown = Record<Task>;
type Given = Form<Task>;

#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    status: Option<TaskStatus>,
    #[param(value_type = Option<String>)]
    assigned_user_id: Option<UserId>,
    /// What another system calls it.
    external_id: Option<String>,
    /// How the name begins, in any case.
    q: Option<String>,
}

/// What is changed of a task: what is left out stays as it is, null empties a field.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents what the task's rules read")]
pub struct TaskChange {
    #[schema(example = "Water the plants, all of them", min_length = 1, max_length = 200)]
    name: Option<String>,
    description: Option<String>,
    /// A member of the group.
    assigned_user_id: Option<String>,
    #[schema(minimum = 1, maximum = 10)]
    difficulty: Option<i64>,
    requires_approval: Option<bool>,
    #[schema(format = DateTime)]
    due_at: Option<String>,
    /// `OneTime`, `Daily`, `Weekly` or `Monthly`.
    frequency: Option<String>,
    template_id: Option<String>,
    external_id: Option<String>,
    /// `Pending` or `InProgress`; its assignee may change that and nothing else.
    status: Option<String>,
    /// The version that is meant; another one is a 409.
    version: Option<i64>,
}

/// What its assignee says of a finished task.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Completion {
    #[schema(max_length = 500, example = "Two of them need more light")]
    notes: Option<String>,
}

/// Why it was not approved.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rejection {
    #[schema(min_length = 1, max_length = 500, example = "The ones on the stairs were forgotten")]
    reason: String,
}

/// List a group's tasks, newest first.
#[utoipa::path(get, path = "/api/v1/groups/{id}/tasks", operation_id = "listTasks", tag = "groups",
    params(("id" = String, Path, description = "`grp_...`"), PageParams, Filter),
    responses((status = 200, description = "A page of tasks", body = Listed<Shown>)),
    extensions(("x-permission" = json!("group:member"))))]
pub async fn list(
    caller: Caller,
    Id(group): Id<GroupId>,
    List { page, filter }: List<Filter>,
) -> Result<Answer<Listed<Value>>, Problem> {
    let mut filters = Filters { q: filter.q, ..Filters::default() };
    filters.exact.extend(filter.status.map(|status| (By::text("status"), status.into())));
    filters.exact.extend(filter.assigned_user_id.map(|user| (By::id("assigned_user_id", UserId::PREFIX), user.into())));
    filters.exact.extend(filter.external_id.map(|id| (By::text("external_id"), id.into())));
    let store = caller.store.clone();
    let job = store.read::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            Standing::of(tx, &caller, group).await?;
            let rows = lifecycle::list(tx, group, filters, &page).await?;
            rows.iter().map(|row| Ok((row.id, shown(&caller, row)?))).collect::<Result<Vec<(TaskId, Value)>, Problem>>()
        })
    });
    Ok(Answer(Listed::of(&page, job.await?, |(id, _)| id.uuid(), |(_, shown)| shown)))
}

/// Create a task of the group. It is published as `task.created`.
#[utoipa::path(post, path = "/api/v1/groups/{id}/tasks", operation_id = "createTask", tag = "groups", request_body = Given,
    params(("id" = String, Path, description = "`grp_...`")),
    responses((status = 201, description = "Created", body = Shown),
        (status = 409, description = "Another task of the group has this external id")),
    extensions(("x-permission" = json!("group:admin"))))]
pub async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(group): Id<GroupId>,
    Create { body, once }: Create<Map<String, Value>>,
) -> Result<Response, Problem> {
    let store = caller.store.clone();
    let job = once.within(&group.to_string()).run(&store, move |tx| {
        Box::pin(async move {
            Standing::of(tx, &caller, group).await?.admin()?;
            let change = Change::by(caller.actor.clone(), &*app.ambient, &app.engine.publisher);
            let made = lifecycle::create(tx, &change, group, &body).await.map_err(|error| refused(error, false))?;
            caller.record(tx, &app, "task.created", made.id, json!({ "group_id": group })).await?;
            Created::new(&shown(&caller, &made)?)
        })
    });
    let mut response = job.await?;
    response.headers_mut().insert(ETAG, HeaderValue::from_static("\"1\""));
    Ok(response)
}

/// The task, held, and what the caller is in its group.
async fn held(tx: &mut Tx, caller: &Caller, id: TaskId) -> Result<(Record<Task>, Standing), Problem> {
    let task = record::held::<Task>(tx, id).await?.ok_or_else(Problem::not_found)?;
    let standing = Standing::of(tx, caller, task.fields.group_id).await?;
    Ok((task, standing))
}

/// Show a task.
#[utoipa::path(get, path = "/api/v1/tasks/{id}", operation_id = "getTask", tag = "groups",
    params(("id" = String, Path, description = "`tsk_...`")),
    responses((status = 200, description = "The task; its ETag is its version", body = Shown)),
    extensions(("x-permission" = json!("group:member"))))]
pub async fn get(caller: Caller, Id(id): Id<TaskId>) -> Result<Response, Problem> {
    let store = caller.store.clone();
    let job = store.read::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let task = record::get::<Task>(tx, id).await?.ok_or_else(Problem::not_found)?;
            Standing::of(tx, &caller, task.fields.group_id).await?;
            Ok(tagged(StatusCode::OK, task.version, shown(&caller, &task)?))
        })
    });
    job.await
}

/// Change a task. Its assignee may say how far it is, the group's admins everything. It is published as
/// `task.updated` with what each field was before.
#[utoipa::path(patch, path = "/api/v1/tasks/{id}", operation_id = "changeTask", tag = "groups", request_body = TaskChange,
    params(("id" = String, Path, description = "`tsk_...`"),
        ("If-Match" = Option<String>, Header, description = "The ETag that the change is meant for")),
    responses((status = 200, description = "The task as it is now", body = Shown),
        (status = 409, description = "It is at another version than the body names, or another task has the external id"),
        (status = 412, description = "It is at another version than If-Match names")),
    extensions(("x-permission" = json!("group:member"))))]
pub async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<TaskId>,
    IfMatch(wanted): IfMatch,
    Json(mut given): Json<Map<String, Value>>,
) -> Result<Response, Problem> {
    let named = records::named_version(&mut given)?;
    let store = caller.store.clone();
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let (task, standing) = held(tx, &caller, id).await?;
            match given.keys().all(|name| name == "status") {
                true => standing.is_or_leads(task.fields.assigned_user_id)?,
                false => standing.admin()?,
            }
            check_version(task.version, wanted.or(named)).map_err(|error| refused(error, wanted.is_some()))?;
            let change = Change::by(caller.actor.clone(), &*app.ambient, &app.engine.publisher);
            let changed = lifecycle::update(tx, &change, task, &given).await;
            let changed = changed.map_err(|error| refused(error, wanted.is_some()))?;
            if !changed.changes.is_empty() {
                let fields: Vec<&String> = changed.changes.keys().collect();
                caller.record(tx, &app, "task.updated", id, json!({ "fields": fields })).await?;
            }
            Ok(tagged(StatusCode::OK, changed.record.version, shown(&caller, &changed.record)?))
        })
    });
    job.await
}

/// Remove a task. It is published as `task.deleted`.
#[utoipa::path(delete, path = "/api/v1/tasks/{id}", operation_id = "removeTask", tag = "groups",
    params(("id" = String, Path, description = "`tsk_...`"),
        ("If-Match" = Option<String>, Header, description = "The ETag that the removal is meant for")),
    responses((status = 204, description = "Removed"),
        (status = 412, description = "It is at another version than If-Match names")),
    extensions(("x-permission" = json!("group:admin"))))]
pub async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<TaskId>,
    IfMatch(wanted): IfMatch,
) -> Result<StatusCode, Problem> {
    let store = caller.store.clone();
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let (task, standing) = held(tx, &caller, id).await?;
            standing.admin()?;
            let change = Change::by(caller.actor.clone(), &*app.ambient, &app.engine.publisher);
            let removed = lifecycle::remove(tx, &change, &task, wanted).await;
            removed.map_err(|error| refused(error, wanted.is_some()))?;
            caller.record(tx, &app, "task.deleted", id, json!({})).await?;
            Ok(StatusCode::NO_CONTENT)
        })
    });
    job.await
}

/// What is done to a task by name.
enum Deed {
    Complete(Option<String>),
    Approve,
    Reject(String),
}

async fn do_it(app: Arc<App>, caller: Caller, id: TaskId, deed: Deed) -> Result<Response, Problem> {
    let store = caller.store.clone();
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let (task, standing) = held(tx, &caller, id).await?;
            match deed {
                Deed::Complete(_) => standing.is_or_leads(task.fields.assigned_user_id)?,
                Deed::Approve | Deed::Reject(_) => standing.admin()?,
            }
            let change = Change::by(caller.actor.clone(), &*app.ambient, &app.engine.publisher);
            let (changed, action) = match deed {
                Deed::Complete(notes) => (lifecycle::complete(tx, &change, task, notes).await?, "task.completed"),
                Deed::Approve => (lifecycle::approve(tx, &change, task).await?, "task.approved"),
                Deed::Reject(reason) => (lifecycle::reject(tx, &change, task, &reason).await?, "task.rejected"),
            };
            caller.record(tx, &app, action, id, json!({})).await?;
            Ok(tagged(StatusCode::OK, changed.record.version, shown(&caller, &changed.record)?))
        })
    });
    job.await
}

/// Say that a task is done: for its assignee. Where approval is needed it waits for that, else it is completed.
#[utoipa::path(post, path = "/api/v1/tasks/{id}/complete", operation_id = "completeTask", tag = "groups",
    request_body = Completion, params(("id" = String, Path, description = "`tsk_...`")),
    responses((status = 200, description = "The task as it is now", body = Shown),
        (status = 422, description = "It is completed already, or waits for approval")),
    extensions(("x-permission" = json!("group:member"))))]
pub async fn complete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<TaskId>,
    OrDefault(Completion { notes }): OrDefault<Completion>,
) -> Result<Response, Problem> {
    do_it(app, caller, id, Deed::Complete(notes)).await
}

/// Approve a task that waits for it. Its assignee gets its points.
#[utoipa::path(post, path = "/api/v1/tasks/{id}/approve", operation_id = "approveTask", tag = "groups",
    params(("id" = String, Path, description = "`tsk_...`")),
    responses((status = 200, description = "The task as it is now", body = Shown),
        (status = 422, description = "It doesn't wait for approval")),
    extensions(("x-permission" = json!("group:admin"))))]
pub async fn approve(State(app): State<Arc<App>>, caller: Caller, Id(id): Id<TaskId>) -> Result<Response, Problem> {
    do_it(app, caller, id, Deed::Approve).await
}

/// Reject a task that waits for approval, with a reason: it is pending again.
#[utoipa::path(post, path = "/api/v1/tasks/{id}/reject", operation_id = "rejectTask", tag = "groups",
    request_body = Rejection, params(("id" = String, Path, description = "`tsk_...`")),
    responses((status = 200, description = "The task as it is now", body = Shown),
        (status = 422, description = "It doesn't wait for approval")),
    extensions(("x-permission" = json!("group:admin"))))]
pub async fn reject(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<TaskId>,
    Json(Rejection { reason }): Json<Rejection>,
) -> Result<Response, Problem> {
    do_it(app, caller, id, Deed::Reject(reason)).await
}

/// One thing that happened to a task.
#[derive(Serialize, ToSchema)]
pub struct TaskHappening {
    #[schema(value_type = String, example = "his_01jd8r7c5tevzs9c1ghvzv3hkp")]
    id: HistoryId,
    /// `Created`, `Updated`, `StatusChanged`, `Reassigned`, `Deleted`, `CompletionApproved` or `CompletionRejected`.
    #[schema(example = "StatusChanged")]
    action: String,
    #[schema(example = "user:usr_01jd8r7c5tevzs9c1ghvzv3hkp")]
    actor: String,
    /// `{field: {previous, new}}`
    #[schema(value_type = Object)]
    changes: Map<String, Value>,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

impl TaskHappening {
    fn of(row: Happening, redacted: bool) -> Self {
        let Happening { id, what, actor, mut changes, at, .. } = row;
        if redacted {
            changes.values_mut().for_each(redact);
        }
        let mut letters = what.chars();
        let action = letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect();
        Self { id, action, actor, changes, at }
    }
}

/// What happened to a task, newest first.
#[utoipa::path(get, path = "/api/v1/tasks/{id}/history", operation_id = "listTaskHistory", tag = "groups",
    params(("id" = String, Path, description = "`tsk_...`"), PageParams),
    responses((status = 200, description = "A page", body = Listed<TaskHappening>)),
    extensions(("x-permission" = json!("group:member"))))]
pub async fn history(
    caller: Caller,
    Id(id): Id<TaskId>,
    List { page, .. }: List,
) -> Result<Answer<Listed<TaskHappening>>, Problem> {
    let (store, redacted) = (caller.store.clone(), caller.redacted);
    let job = store.read::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let task = record::get::<Task>(tx, id).await?.ok_or_else(Problem::not_found)?;
            Standing::of(tx, &caller, task.fields.group_id).await?;
            Ok(history::list(tx, Some(id.uuid()), &page).await?)
        })
    });
    Ok(Answer(Listed::of(&page, job.await?, |row| row.id.uuid(), |row| TaskHappening::of(row, redacted))))
}
