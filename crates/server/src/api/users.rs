//! People who sign in. Nobody makes or changes an account that holds more than they do themselves,
//! and a tenant always keeps one administrator who can sign in.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::response::Response;
use hookswitch_domain::id::UserId;
use hookswitch_domain::permission::Role;
use hookswitch_domain::secret::Secret;
use hookswitch_domain::tenant::PLATFORM;
use hookswitch_domain::time::Timestamp;
use hookswitch_store::user::{Change, User};
use hookswitch_store::{Tx, session, user};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::body::Json;
use super::caller::Caller;
use super::idempotency::{Create, Created};
use super::list::{List, Listed, PageParams};
use super::path::Id;
use super::problem::{Checks, Problem};
use crate::app::App;
use crate::identity::{self, Account};
use crate::password;

/// An account.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserView {
    #[schema(value_type = String, example = "usr_01jd8r7c5tevzs9c1ghvzv3hkp")]
    id: UserId,
    #[schema(example = "ann@example.com")]
    email: String,
    #[schema(example = "Ann Example")]
    name: String,
    #[schema(example = "operator")]
    role: String,
    disabled: bool,
    #[schema(value_type = String, format = DateTime, example = "2026-01-31T12:00:00.000Z")]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime, example = "2026-01-31T12:00:00.000Z")]
    updated_at: Timestamp,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        let User { id, email, name, role, disabled, created_at, updated_at, .. } = user;
        Self { id, email, name, role, disabled, created_at, updated_at }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// Belongs to one account in the whole installation.
    #[schema(example = "ann@example.com")]
    email: String,
    #[schema(min_length = 1, max_length = 200, example = "Ann Example")]
    name: String,
    /// A built-in role or one of the tenant's own.
    #[schema(example = "operator")]
    role: String,
    /// 12 to 200 characters. Without one the account can't sign in with a password.
    #[schema(value_type = Option<String>, format = Password, example = "correct horse battery staple")]
    password: Option<Secret>,
}

/// What is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    #[schema(min_length = 1, max_length = 200, example = "Ann Example")]
    name: Option<String>,
    #[schema(example = "auditor")]
    role: Option<String>,
    /// A disabled account can't sign in, and its sessions end at once.
    disabled: Option<bool>,
    /// 12 to 200 characters; all sessions of the account end.
    #[schema(value_type = Option<String>, format = Password, example = "correct horse battery staple")]
    password: Option<Secret>,
}

/// List the tenant's accounts.
#[utoipa::path(get, path = "/api/v1/users", operation_id = "listUsers", tag = "users", params(PageParams),
    responses((status = 200, description = "A page of accounts", body = Listed<UserView>)),
    extensions(("x-permission" = json!("user:read"))))]
pub async fn list(caller: Caller, list: List) -> Result<Answer<Listed<UserView>>, Problem> {
    let page = list.page;
    let rows = caller.store.read(move |tx| Box::pin(async move { user::list(tx, &page).await })).await?;
    Ok(Answer(Listed::of(&page, rows, |user| user.id.uuid(), UserView::from)))
}

/// Show an account.
#[utoipa::path(get, path = "/api/v1/users/{id}", operation_id = "getUser", tag = "users",
    params(("id" = String, Path, description = "The account's id", example = "usr_01jd8r7c5tevzs9c1ghvzv3hkp")),
    responses((status = 200, description = "The account", body = UserView)),
    extensions(("x-permission" = json!("user:read"))))]
pub async fn get(caller: Caller, Id(id): Id<UserId>) -> Result<Answer<UserView>, Problem> {
    let found = caller.store.read(move |tx| Box::pin(user::get(tx, id))).await?;
    found.map(|user| Answer(user.into())).ok_or_else(Problem::not_found)
}

/// Create an account.
#[utoipa::path(post, path = "/api/v1/users", operation_id = "createUser", tag = "users", request_body = NewUser,
    responses(
        (status = 201, description = "The account was created", body = UserView),
        (status = 409, description = "An account with this email exists already")),
    extensions(("x-permission" = json!("user:write"))))]
pub async fn create(State(app): State<Arc<App>>, caller: Caller, new: Create<NewUser>) -> Result<Response, Problem> {
    let NewUser { email, name, role, password } = new.body;
    let mut checks = Checks::default();
    let email = checks.take("email", identity::email(&email)).unwrap_or_default();
    checks.name("name", &name);
    let password_hash = checked_hash(checks, password).await?;
    let account = Account { email, name, role, password_hash };
    let (ambient, actor, held) = (app.ambient.clone(), caller.actor, caller.permissions);
    let job = new.once.run(&caller.store, move |tx| {
        Box::pin(async move {
            let made = identity::create_user(tx, &*ambient, &actor, held, &account).await?;
            Created::new(&UserView::from(made))
        })
    });
    job.await
}

async fn checked_hash(mut checks: Checks, password: Option<Secret>) -> Result<Option<String>, Problem> {
    if let Some(password) = &password {
        checks.take("password", password::check(password));
    }
    checks.finish()?;
    match password {
        Some(password) => password::hash(password).await.map(Some),
        None => Ok(None),
    }
}

/// Change an account. Its sessions end when its role, state or password changes.
#[utoipa::path(patch, path = "/api/v1/users/{id}", operation_id = "changeUser", tag = "users", request_body = UserChange,
    params(("id" = String, Path, description = "The account's id", example = "usr_01jd8r7c5tevzs9c1ghvzv3hkp")),
    responses(
        (status = 200, description = "The account as it is now", body = UserView),
        (status = 409, description = "The tenant would be left without an administrator")),
    extensions(("x-permission" = json!("user:write"))))]
pub async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<UserId>,
    Json(change): Json<UserChange>,
) -> Result<Answer<UserView>, Problem> {
    let mut checks = Checks::default();
    if let Some(name) = &change.name {
        checks.name("name", name);
    }
    let UserChange { name, role, disabled, .. } = &change;
    let detail = json!({"name": name, "role": role, "disabled": disabled, "password": change.password.is_some()});
    let password_hash = checked_hash(checks, change.password).await?;
    let change = Change { name: change.name, role: change.role, disabled: change.disabled, password_hash };
    let ambient = app.ambient.clone();
    let store = caller.store.clone();
    let job = store.write(move |tx| {
        Box::pin(async move {
            let before = reachable(tx, &caller, id).await?;
            if let Some(role) = &change.role {
                identity::grantable(tx, role, caller.permissions).await?;
            }
            let stays = change.role.as_ref().is_none_or(|role| *role == before.role) && change.disabled != Some(true);
            keep_an_administrator(tx, &before, stays).await?;
            let after = user::update(tx, id, &change, ambient.now()).await?.ok_or_else(Problem::not_found)?;
            if change.role.is_some() || change.password_hash.is_some() || change.disabled == Some(true) {
                session::delete_of_user(tx, id).await?;
            }
            identity::note(tx, &*ambient, &caller.actor, "user.updated", id.to_string(), detail).await?;
            Ok::<_, Problem>(after)
        })
    });
    Ok(Answer(job.await?.into()))
}

/// Remove an account. Its sessions end at once.
#[utoipa::path(delete, path = "/api/v1/users/{id}", operation_id = "removeUser", tag = "users",
    params(("id" = String, Path, description = "The account's id", example = "usr_01jd8r7c5tevzs9c1ghvzv3hkp")),
    responses(
        (status = 204, description = "The account is gone"),
        (status = 409, description = "The tenant would be left without an administrator")),
    extensions(("x-permission" = json!("user:write"))))]
pub async fn remove(State(app): State<Arc<App>>, caller: Caller, Id(id): Id<UserId>) -> Result<StatusCode, Problem> {
    let ambient = app.ambient.clone();
    let store = caller.store.clone();
    let job = store.write(move |tx| {
        Box::pin(async move {
            let before = reachable(tx, &caller, id).await?;
            keep_an_administrator(tx, &before, false).await?;
            session::delete_of_user(tx, id).await?;
            user::delete(tx, id).await?;
            let detail = json!({"email": before.email, "role": before.role});
            identity::note(tx, &*ambient, &caller.actor, "user.removed", id.to_string(), detail).await?;
            Ok::<_, Problem>(StatusCode::NO_CONTENT)
        })
    });
    job.await
}

/// The account, if the caller holds at least what it holds: else its password would open more to them.
async fn reachable(tx: &mut Tx, caller: &Caller, id: UserId) -> Result<User, Problem> {
    let found = user::get(tx, id).await?.ok_or_else(Problem::not_found)?;
    let held = hookswitch_store::role::permissions(tx, &found.role).await?.unwrap_or_default();
    match held.within(caller.permissions) {
        true => Ok(found),
        false => Err(Problem::forbidden("this account holds more than you do")),
    }
}

async fn keep_an_administrator(tx: &mut Tx, before: &User, stays: bool) -> Result<(), Problem> {
    let top = if tx.tenant() == PLATFORM { Role::PlatformAdmin } else { Role::TenantAdmin };
    if stays || before.disabled || before.role != top.as_str() {
        return Ok(());
    }
    match user::others_with_role(tx, before.id, top.as_str()).await? {
        0 => Err(Problem::conflict("last_administrator", "this is the last administrator; make another one first")),
        _ => Ok(()),
    }
}
