//! Roles: the built-in ones, and those that a tenant puts together from the list of permissions.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::response::Response;
use hookswitch_domain::id::RoleId;
use hookswitch_domain::permission::{Permission, Permissions, Role};
use hookswitch_domain::time::Timestamp;
use hookswitch_store::role::{self, CustomRole, PER_TENANT_MAX};
use hookswitch_store::{Tx, token, user};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::caller::Caller;
use super::idempotency::{Create, Created};
use super::path::Id;
use super::problem::{Checks, Problem};
use crate::app::App;
use crate::identity::{note, taken};

/// A role.
#[derive(Serialize, ToSchema)]
#[schema(as = Role)]
pub struct RoleView {
    /// Null for a built-in role.
    #[schema(value_type = Option<String>, example = "rol_01jd8r7c5tevzs9c1ghvzv3hkp")]
    id: Option<RoleId>,
    /// What users and tokens name.
    #[schema(example = "release_manager")]
    name: String,
    #[schema(example = "made by this tenant")]
    about: String,
    builtin: bool,
    /// Whether personal and payload detail is masked for it.
    redacted: bool,
    #[schema(value_type = Vec<String>, example = json!(["destination:read", "delivery:replay"]))]
    permissions: Vec<Permission>,
    #[schema(value_type = Option<String>, format = DateTime)]
    created_at: Option<Timestamp>,
}

/// All roles, and what they can be made of.
#[derive(Serialize, ToSchema)]
pub struct Roles {
    data: Vec<RoleView>,
    permissions: Vec<PermissionView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Permission)]
pub struct PermissionView {
    #[schema(value_type = String, example = "destination:create")]
    name: Permission,
    #[schema(value_type = String, example = "create destinations")]
    about: &'static str,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRole {
    /// 2 to 64 of a-z, 0-9, `_` and `-`, beginning with a letter.
    #[schema(min_length = 2, max_length = 64, pattern = "^[a-z][a-z0-9_-]+$", example = "release_manager")]
    name: String,
    /// Of those that the caller holds.
    #[schema(value_type = Vec<String>, min_items = 1, example = json!(["destination:read", "delivery:read", "delivery:replay"]))]
    permissions: Vec<Permission>,
}

fn builtin(role: Role) -> RoleView {
    RoleView {
        id: None,
        name: role.as_str().to_owned(),
        about: role.about().to_owned(),
        builtin: true,
        redacted: role.redacted(),
        permissions: role.permissions().iter().collect(),
        created_at: None,
    }
}

fn custom(role: CustomRole) -> RoleView {
    RoleView {
        id: Some(role.id),
        name: role.name,
        about: "made by this tenant".to_owned(),
        builtin: false,
        redacted: false,
        permissions: role.permissions.iter().collect(),
        created_at: Some(role.created_at),
    }
}

/// List the roles and the permissions that there are.
#[utoipa::path(get, path = "/api/v1/roles", operation_id = "listRoles", tag = "roles",
    responses((status = 200, description = "All roles: there are never more than a page of them", body = Roles)),
    extensions(("x-permission" = json!("user:read"))))]
pub async fn list(caller: Caller) -> Result<Answer<Roles>, Problem> {
    let own = caller.store.read(|tx| Box::pin(role::list(tx))).await?;
    let built_in = Role::ALL.iter().filter(|role| caller.platform || **role != Role::PlatformAdmin);
    let data = built_in.map(|role| builtin(*role)).chain(own.into_iter().map(custom)).collect();
    let permissions = Permission::ALL.iter().map(|name| PermissionView { name: *name, about: name.about() }).collect();
    Ok(Answer(Roles { data, permissions }))
}

/// Create a role of the tenant's own.
#[utoipa::path(post, path = "/api/v1/roles", operation_id = "createRole", tag = "roles", request_body = NewRole,
    responses(
        (status = 201, description = "The role was created", body = RoleView),
        (status = 409, description = "A role with this name exists already, or there are too many")),
    extensions(("x-permission" = json!("role:write"))))]
pub async fn create(State(app): State<Arc<App>>, caller: Caller, new: Create<NewRole>) -> Result<Response, Problem> {
    check(&new.body)?;
    let permissions = Permissions::of(new.body.permissions);
    caller.may_grant(permissions)?;
    let ambient = app.ambient.clone();
    let role = CustomRole { id: ambient.fresh(), name: new.body.name, permissions, created_at: ambient.now() };
    let job = new.once.run(&caller.store, move |tx| {
        Box::pin(async move {
            if role::list(tx).await?.len() as i64 >= PER_TENANT_MAX {
                return Err(Problem::conflict("too_many_roles", "a tenant has 100 roles of its own at most"));
            }
            let made = role::create(tx, &role).await;
            made.map_err(|error| taken(error, "role_exists", "a role with this name exists already"))?;
            let detail = json!({"name": role.name, "permissions": role.permissions.iter().collect::<Vec<_>>()});
            note(tx, &*ambient, &caller.actor, "role.created", role.id.to_string(), detail).await?;
            Created::new(&custom(role))
        })
    });
    job.await
}

fn check(new: &NewRole) -> Result<(), Problem> {
    let mut checks = Checks::default();
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    let name = &new.name;
    if !(2..=64).contains(&name.len()) || !name.bytes().all(letter) || !name.starts_with(|first: char| first.is_ascii_lowercase())
    {
        checks.fail("name", "invalid", "must be 2 to 64 of a-z, 0-9, _ and -, beginning with a letter");
    } else if name.parse::<Role>().is_ok() {
        checks.fail("name", "reserved", "is the name of a built-in role");
    }
    if new.permissions.is_empty() {
        checks.fail("permissions", "required", "must name one permission at least");
    }
    checks.finish()
}

/// Remove a role that nobody holds any more.
#[utoipa::path(delete, path = "/api/v1/roles/{id}", operation_id = "removeRole", tag = "roles",
    params(("id" = String, Path, description = "The role's id", example = "rol_01jd8r7c5tevzs9c1ghvzv3hkp")),
    responses(
        (status = 204, description = "The role is gone"),
        (status = 409, description = "Accounts or tokens still hold it")),
    extensions(("x-permission" = json!("role:write"))))]
pub async fn remove(State(app): State<Arc<App>>, caller: Caller, Id(id): Id<RoleId>) -> Result<StatusCode, Problem> {
    let ambient = app.ambient.clone();
    let store = caller.store.clone();
    let job = store.write(move |tx| {
        Box::pin(async move {
            let found = role::get(tx, id).await?.ok_or_else(Problem::not_found)?;
            unused(tx, &found.name).await?;
            role::delete(tx, id).await?;
            let detail = json!({"name": found.name});
            note(tx, &*ambient, &caller.actor, "role.removed", id.to_string(), detail).await?;
            Ok::<_, Problem>(StatusCode::NO_CONTENT)
        })
    });
    job.await
}

async fn unused(tx: &mut Tx, name: &str) -> Result<(), Problem> {
    let holders = user::count_with_role(tx, name).await? + token::count_with_role(tx, name).await?;
    match holders {
        0 => Ok(()),
        _ => Err(Problem::conflict("role_in_use", format!("{holders} accounts or tokens hold this role"))),
    }
}
