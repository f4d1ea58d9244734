//! Who is in a group.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::response::Response;
use hookswitch_desk::Change;
use hookswitch_desk::group::member::{self, GroupRole, Member};
use hookswitch_domain::id::{GroupId, UserId};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{Standing, refused};
use crate::api::body::Json;
use crate::api::caller::Caller;
use crate::api::idempotency::{Create, Created};
use crate::api::path::{Id, Ids};
use crate::api::problem::Problem;
use crate::app::App;

/// Everybody in a group: 20 at most.
#[derive(Serialize, ToSchema)]
pub struct GroupMembers {
    data: Vec<Member>,
}

/// Somebody to be taken into a group.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMember {
    #[schema(value_type = String, example = "usr_01jd8r7c5tevzs9c1ghvzv3hkp")]
    user_id: UserId,
    #[serde(default)]
    #[schema(required = false)]
    role: GroupRole,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberChange {
    role: GroupRole,
}

/// List a group's members, the first one first.
#[utoipa::path(get, path = "/api/v1/groups/{id}/members", operation_id = "listGroupMembers", tag = "groups",
    params(("id" = String, Path, description = "`grp_...`")),
    responses((status = 200, description = "All members", body = GroupMembers)),
    extensions(("x-permission" = json!("group:member"))))]
pub async fn members(caller: Caller, Id(id): Id<GroupId>) -> Result<Answer<GroupMembers>, Problem> {
    let store = caller.store.clone();
    let job = store.read::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            Standing::of(tx, &caller, id).await?;
            Ok(member::list(tx, id).await?)
        })
    });
    Ok(Answer(GroupMembers { data: job.await? }))
}

/// Take a user of the tenant into the group. Owners alone make owners.
#[utoipa::path(post, path = "/api/v1/groups/{id}/members", operation_id = "addGroupMember", tag = "groups",
    request_body = NewMember, params(("id" = String, Path, description = "`grp_...`")),
    responses((status = 201, description = "Added", body = Member), (status = 409, description = "A member already")),
    extensions(("x-permission" = json!("group:admin"))))]
pub async fn add_member(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<GroupId>,
    Create { body, once }: Create<NewMember>,
) -> Result<Response, Problem> {
    let store = caller.store.clone();
    let job = once.within(&id.to_string()).run(&store, move |tx| {
        Box::pin(async move {
            let standing = Standing::of(tx, &caller, id).await?;
            standing.admin()?;
            if body.role == GroupRole::Owner {
                standing.owner()?;
            }
            member::hold(tx, id).await?;
            let change = Change::by(caller.actor.clone(), &*app.ambient, &app.engine.publisher);
            let added = member::add(tx, &change, id, body.user_id, body.role).await.map_err(|error| refused(error, false))?;
            caller.record(tx, &app, "group.member_added", id, json!({ "user_id": body.user_id, "role": body.role })).await?;
            Created::new(&added)
        })
    });
    job.await
}

/// Give a member another role. Owners alone make and unmake owners.
#[utoipa::path(patch, path = "/api/v1/groups/{id}/members/{user_id}", operation_id = "changeGroupMember", tag = "groups",
    request_body = MemberChange,
    params(("id" = String, Path, description = "`grp_...`"), ("user_id" = String, Path, description = "`usr_...`")),
    responses((status = 200, description = "The member as they are now", body = Member),
        (status = 409, description = "The group would be left without an owner")),
    extensions(("x-permission" = json!("group:admin"))))]
pub async fn change_member(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(id, user): Ids<GroupId, UserId>,
    Json(body): Json<MemberChange>,
) -> Result<Answer<Member>, Problem> {
    let store = caller.store.clone();
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let standing = Standing::of(tx, &caller, id).await?;
            standing.admin()?;
            member::hold(tx, id).await?;
            let before = member::role_of(tx, id, user).await?.ok_or_else(Problem::not_found)?;
            if [before, body.role].contains(&GroupRole::Owner) {
                standing.owner()?;
            }
            let change = Change::by(caller.actor.clone(), &*app.ambient, &app.engine.publisher);
            let changed = member::change_role(tx, &change, id, user, body.role).await;
            let changed = changed.map_err(|error| refused(error, false))?.ok_or_else(Problem::not_found)?;
            if before != body.role {
                caller.record(tx, &app, "group.member_changed", id, json!({ "user_id": user, "role": body.role })).await?;
            }
            Ok(changed)
        })
    });
    Ok(Answer(job.await?))
}

/// Take somebody out of the group, or leave it. Their open tasks are then nobody's.
#[utoipa::path(delete, path = "/api/v1/groups/{id}/members/{user_id}", operation_id = "removeGroupMember", tag = "groups",
    params(("id" = String, Path, description = "`grp_...`"), ("user_id" = String, Path, description = "`usr_...`")),
    responses((status = 204, description = "No longer a member"),
        (status = 409, description = "The group would be left without an owner")),
    extensions(("x-permission" = json!("group:member"))))]
pub async fn remove_member(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(id, user): Ids<GroupId, UserId>,
) -> Result<StatusCode, Problem> {
    let store = caller.store.clone();
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let standing = Standing::of(tx, &caller, id).await?;
            standing.is_or_leads(Some(user))?;
            member::hold(tx, id).await?;
            let before = member::role_of(tx, id, user).await?.ok_or_else(Problem::not_found)?;
            if before == GroupRole::Owner {
                standing.owner()?;
            }
            let change = Change::by(caller.actor.clone(), &*app.ambient, &app.engine.publisher);
            let removed = member::remove(tx, &change, id, user).await.map_err(|error| refused(error, false))?;
            if !removed {
                return Err(Problem::not_found());
            }
            caller.record(tx, &app, "group.member_removed", id, json!({ "user_id": user })).await?;
            Ok(StatusCode::NO_CONTENT)
        })
    });
    job.await
}
