//! Groups and their members. Who may what depends on the group: `standing` looks it up.

mod inbound;
mod members;
pub mod receive;
mod standing;
pub mod swaps;
pub mod tasks;
pub mod webhooks;

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::response::Response;
use hookswitch_desk::Change;
use hookswitch_desk::group::member::{self, ALREADY, GroupRole, LAST_OWNER, MEMBERS_MAX};
use hookswitch_desk::group::{self, Group};
use hookswitch_desk::record::{self, Filters, Record};
use hookswitch_desk::task::{lifecycle, swap, user_of};
use hookswitch_domain::id::{GroupId, UserId};
use hookswitch_domain::permission::Permission;
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::{Page, Tx, destination};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};

pub use inbound::{
    __path_finalize_inbound, __path_get_inbound, __path_put_inbound, __path_rotate_inbound, finalize_inbound, get_inbound,
    put_inbound, rotate_inbound,
};
pub use members::{
    __path_add_member, __path_change_member, __path_members, __path_remove_member, add_member, change_member, members,
    remove_member,
};
use standing::Standing;

use super::body::Json;
use super::caller::Caller;
use super::idempotency::{Create, Created};
use super::list::{List, Listed, PageParams};
use super::path::Id;
use super::problem::Problem;
use super::records::{self, IfMatch, REDACTED, tagged};
use crate::app::App;

/// A team with tasks.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Group)]
pub struct GroupView {
    #[schema(value_type = String, example = "grp_01jd8r7c5tevzs9c1ghvzv3hkp")]
    id: GroupId,
    name: String,
    description: Option<String>,
    /// Whoever knows it may join; shown to the group's admins alone.
    invitation_code: Option<String>,
    #[schema(example = 20)]
    max_members: usize,
    member_count: usize,
    /// What the caller is in it: null for who is no member.
    my_role: Option<GroupRole>,
    /// Counts the changes; `If-Match` compares it.
    version: i64,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// A group to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGroup {
    #[schema(example = "Front office", min_length = 1, max_length = 200)]
    name: String,
    description: Option<String>,
    /// Its first owner: whoever asks, unless that is a token, which has to name a user.
    #[schema(value_type = Option<String>)]
    owner_id: Option<UserId>,
}

/// What is left out stays as it is; null empties a field.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents what the group's rules read")]
pub struct GroupChange {
    #[schema(example = "Front office and reception", min_length = 1, max_length = 200)]
    name: Option<String>,
    description: Option<String>,
    /// The version that is meant; another one is a 409.
    version: Option<i64>,
}

/// What lets somebody in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Invitation {
    #[schema(example = "K7QWM2ZX9RTA")]
    invitation_code: String,
}

#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// How the name begins, in any case.
    q: Option<String>,
}

/// Refusals that are conflicts with what is there, as HTTP says them.
fn refused(error: ActionError, by_header: bool) -> Problem {
    match error {
        ActionError::Rule {
            code: code @ (ALREADY | LAST_OWNER | lifecycle::TAKEN | swap::DUPLICATE | swap::NOT_PENDING | swap::EXPIRED),
            detail,
        } => Problem::conflict(code, detail),
        other => records::refused(other, by_header),
    }
}

async fn views(tx: &mut Tx, caller: &Caller, groups: Vec<Record<Group>>) -> Result<Vec<GroupView>, Problem> {
    let ids: Vec<GroupId> = groups.iter().map(|group| group.id).collect();
    let seats = member::seats(tx, &ids, user_of(&caller.actor)).await?;
    let mut views = Vec::with_capacity(groups.len());
    for (group, (_, member_count, my_role)) in groups.into_iter().zip(seats) {
        let leads = my_role.is_some_and(GroupRole::leads) || caller.permissions.allow(Permission::DeskWrite);
        let Record { id, fields: Group { name, description }, version, created_at, updated_at, .. } = group;
        views.push(GroupView {
            invitation_code: if leads { group::code_of(tx, id).await? } else { None },
            id,
            name,
            description: if caller.redacted { description.map(|_| REDACTED.to_owned()) } else { description },
            max_members: MEMBERS_MAX,
            member_count,
            my_role,
            version,
            created_at,
            updated_at,
        });
    }
    Ok(views)
}

async fn view(tx: &mut Tx, caller: &Caller, id: GroupId) -> Result<GroupView, Problem> {
    let group = record::get::<Group>(tx, id).await?.ok_or_else(Problem::not_found)?;
    views(tx, caller, vec![group]).await?.pop().ok_or_else(Problem::not_found)
}

fn answer(view: &GroupView) -> Response {
    tagged(StatusCode::OK, view.version, json!(view))
}

/// List groups, newest first: all of them for who sees the desk, else the caller's own.
#[utoipa::path(get, path = "/api/v1/groups", operation_id = "listGroups", tag = "groups", params(PageParams, Filter),
    responses((status = 200, description = "A page of groups", body = Listed<GroupView>)),
    extensions(("x-permission" = json!("group:member"))))]
pub async fn list(caller: Caller, List { page, filter }: List<Filter>) -> Result<Answer<Listed<GroupView>>, Problem> {
    let mut filters = Filters { q: filter.q, ..Filters::default() };
    if !caller.permissions.allow(Permission::DeskRead) {
        let Some(user) = user_of(&caller.actor) else { return Ok(Answer(Listed { data: Vec::new(), next_cursor: None })) };
        filters.exact.push((group::MEMBER, user.into()));
    }
    let store = caller.store.clone();
    let job = store.read::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let groups = record::store::list::<Group>(tx, &filters, &page).await?;
            views(tx, &caller, groups).await
        })
    });
    Ok(Answer(Listed::of(&page, job.await?, |group| group.id.uuid(), |group| group)))
}

/// Show a group.
#[utoipa::path(get, path = "/api/v1/groups/{id}", operation_id = "getGroup", tag = "groups",
    params(("id" = String, Path, description = "`grp_...`")),
    responses((status = 200, description = "The group; its ETag is its version", body = GroupView)),
    extensions(("x-permission" = json!("group:member"))))]
pub async fn get(caller: Caller, Id(id): Id<GroupId>) -> Result<Response, Problem> {
    let store = caller.store.clone();
    let job = store.read::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            Standing::of(tx, &caller, id).await?;
            view(tx, &caller, id).await
        })
    });
    Ok(answer(&job.await?))
}

/// Create a group with its first owner.
#[utoipa::path(post, path = "/api/v1/groups", operation_id = "createGroup", tag = "groups", request_body = NewGroup,
    responses((status = 201, description = "Created", body = GroupView)),
    extensions(("x-permission" = json!("desk:write"))))]
pub async fn create(State(app): State<Arc<App>>, caller: Caller, asked: Create<NewGroup>) -> Result<Response, Problem> {
    let Create { body: NewGroup { name, description, owner_id }, once } = asked;
    let owner = owner_id.or_else(|| user_of(&caller.actor));
    let owner = owner.ok_or_else(|| {
        Problem::invalid("owner_id", "required", "is needed: a token is nobody who could own a group; name a user")
    })?;
    let given = Map::from_iter([("name".to_owned(), json!(name)), ("description".to_owned(), json!(description))]);
    let store = caller.store.clone();
    let job = once.run(&store, move |tx| {
        Box::pin(async move {
            let change = Change::by(caller.actor.clone(), &*app.ambient, &app.engine.publisher);
            let made = group::create(tx, &change, &given, owner).await?;
            caller.record(tx, &app, "group.created", made.id, json!({ "owner_id": owner })).await?;
            Created::new(&view(tx, &caller, made.id).await?)
        })
    });
    job.await
}

/// Change a group's name or description.
#[utoipa::path(patch, path = "/api/v1/groups/{id}", operation_id = "changeGroup", tag = "groups", request_body = GroupChange,
    params(("id" = String, Path, description = "`grp_...`"),
        ("If-Match" = Option<String>, Header, description = "The ETag that the change is meant for")),
    responses((status = 200, description = "The group as it is now", body = GroupView),
        (status = 409, description = "It is at another version than the body names"),
        (status = 412, description = "It is at another version than If-Match names")),
    extensions(("x-permission" = json!("group:admin"))))]
pub async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<GroupId>,
    IfMatch(wanted): IfMatch,
    Json(mut given): Json<Map<String, Value>>,
) -> Result<Response, Problem> {
    let named = records::named_version(&mut given)?;
    let store = caller.store.clone();
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            Standing::of(tx, &caller, id).await?.admin()?;
            let change = Change::by(caller.actor.clone(), &*app.ambient, &app.engine.publisher);
            let changed = group::change(tx, &change, id, &given, wanted.or(named)).await;
            let changed = changed.map_err(|error| refused(error, wanted.is_some()))?.ok_or_else(Problem::not_found)?;
            if !changed.changes.is_empty() {
                let fields: Vec<&String> = changed.changes.keys().collect();
                caller.record(tx, &app, "group.updated", id, json!({ "fields": fields })).await?;
            }
            view(tx, &caller, id).await
        })
    });
    Ok(answer(&job.await?))
}

/// Remove a group with its members and tasks. Its webhooks have to be removed before.
#[utoipa::path(delete, path = "/api/v1/groups/{id}", operation_id = "removeGroup", tag = "groups",
    params(("id" = String, Path, description = "`grp_...`"),
        ("If-Match" = Option<String>, Header, description = "The ETag that the removal is meant for")),
    responses((status = 204, description = "Removed"), (status = 409, description = "It has webhooks"),
        (status = 412, description = "It is at another version than If-Match names")),
    extensions(("x-permission" = json!("group:owner"))))]
pub async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<GroupId>,
    IfMatch(wanted): IfMatch,
) -> Result<StatusCode, Problem> {
    let store = caller.store.clone();
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            Standing::of(tx, &caller, id).await?.owner()?;
            if !destination::of_group(tx, id, &Page::first(1)).await?.is_empty() {
                return Err(refused(group::in_use(), false));
            }
            let change = Change::by(caller.actor.clone(), &*app.ambient, &app.engine.publisher);
            let removed = group::remove(tx, &change, id, wanted).await;
            if !removed.map_err(|error| refused(error, wanted.is_some()))? {
                return Err(Problem::not_found());
            }
            caller.record(tx, &app, "group.deleted", id, json!({})).await?;
            Ok(StatusCode::NO_CONTENT)
        })
    });
    job.await
}

/// Join the group that an invitation code belongs to. Who is in it already stays as they are.
#[utoipa::path(post, path = "/api/v1/groups/join", operation_id = "joinGroup", tag = "groups", request_body = Invitation,
    responses((status = 200, description = "The group", body = GroupView),
        (status = 422, description = "No group has this code, the group is full, or the caller is no user")),
    extensions(("x-permission" = json!("group:member"))))]
pub async fn join(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(Invitation { invitation_code }): Json<Invitation>,
) -> Result<Response, Problem> {
    let user = user_of(&caller.actor).ok_or_else(|| Problem::rule("no_user", "a token is nobody who could join a group"))?;
    let store = caller.store.clone();
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let change = Change::by(caller.actor.clone(), &*app.ambient, &app.engine.publisher);
            let id = group::join(tx, &change, &invitation_code, user).await?;
            caller.record(tx, &app, "group.joined", id, json!({})).await?;
            view(tx, &caller, id).await
        })
    });
    Ok(answer(&job.await?))
}

/// Give the group another invitation code; the old one lets nobody in any more.
#[utoipa::path(post, path = "/api/v1/groups/{id}/invitation-code", operation_id = "renewInvitationCode", tag = "groups",
    params(("id" = String, Path, description = "`grp_...`")),
    responses((status = 200, description = "The group with its new code", body = GroupView)),
    extensions(("x-permission" = json!("group:admin"))))]
pub async fn renew_code(State(app): State<Arc<App>>, caller: Caller, Id(id): Id<GroupId>) -> Result<Response, Problem> {
    let store = caller.store.clone();
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            Standing::of(tx, &caller, id).await?.admin()?;
            let change = Change::by(caller.actor.clone(), &*app.ambient, &app.engine.publisher);
            group::renew_code(tx, &change, id).await?;
            caller.record(tx, &app, "group.invitation_renewed", id, json!({})).await?;
            view(tx, &caller, id).await
        })
    });
    Ok(answer(&job.await?))
}
