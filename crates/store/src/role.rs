//! Custom roles: a tenant's own picks from the list of permissions. The built-in roles are rules
//! (`domain::permission`) and stand in no table.

use std::str::FromStr;

use hookswitch_domain::id::RoleId;
use hookswitch_domain::permission::{Permission, Permissions, Role};
use hookswitch_domain::time::Timestamp;

use crate::db::Tx;
use crate::error::StoreError;
use crate::params;
use crate::value::Row;

/// More than anybody needs; keeps `/roles` one page.
pub const PER_TENANT_MAX: i64 = 100;

#[derive(Debug, Clone)]
pub struct CustomRole {
    pub id: RoleId,
    pub name: String,
    pub permissions: Permissions,
    pub created_at: Timestamp,
}

fn read(mut row: Row) -> Result<CustomRole, StoreError> {
    let names: String = row.get(2)?;
    Ok(CustomRole { id: row.get(0)?, name: row.get(1)?, permissions: parse(&names), created_at: row.get(3)? })
}

/// Permissions are kept as a list of names. A name that this version doesn't know permits nothing.
pub(crate) fn parse(names: &str) -> Permissions {
    Permissions::of(names.split(' ').filter_map(|name| name.parse::<Permission>().ok()))
}

fn print(permissions: Permissions) -> String {
    permissions.iter().map(Permission::as_str).collect::<Vec<_>>().join(" ")
}

pub async fn create(tx: &mut Tx, role: &CustomRole) -> Result<(), StoreError> {
    let sql = "INSERT INTO role (id, tenant, name, permissions, created_at) VALUES ($1, $2, $3, $4, $5)";
    let tenant = tx.tenant();
    tx.execute(sql, params![role.id, tenant, &role.name, print(role.permissions), role.created_at]).await?;
    Ok(())
}

pub async fn list(tx: &mut Tx) -> Result<Vec<CustomRole>, StoreError> {
    let sql = "SELECT id, name, permissions, created_at FROM role WHERE tenant = $1 ORDER BY name LIMIT $2";
    let tenant = tx.tenant();
    tx.query(sql, params![tenant, PER_TENANT_MAX]).await?.into_iter().map(read).collect()
}

pub async fn get(tx: &mut Tx, id: RoleId) -> Result<Option<CustomRole>, StoreError> {
    let sql = "SELECT id, name, permissions, created_at FROM role WHERE id = $1 AND tenant = $2";
    let tenant = tx.tenant();
    tx.query_opt(sql, params![id, tenant]).await?.map(read).transpose()
}

pub async fn delete(tx: &mut Tx, id: RoleId) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    Ok(tx.execute("DELETE FROM role WHERE id = $1 AND tenant = $2", params![id, tenant]).await? == 1)
}

/// What a role of the transaction's tenant permits, built-in or custom.
pub async fn permissions(tx: &mut Tx, name: &str) -> Result<Option<Permissions>, StoreError> {
    if let Ok(role) = Role::from_str(name) {
        return Ok(Some(role.permissions()));
    }
    // PostgreSQL keeps no NUL in a text, and takes none to look for.
    if name.contains('\0') {
        return Ok(None);
    }
    let tenant = tx.tenant();
    let row = tx.query_opt("SELECT permissions FROM role WHERE tenant = $1 AND name = $2", params![tenant, name]).await?;
    row.map(|mut row| Ok(parse(&row.get::<String>(0)?))).transpose()
}

/// The same for a row that joined the role's list of permissions already.
pub(crate) fn resolve(name: &str, joined: Option<String>) -> Permissions {
    match Role::from_str(name) {
        Ok(role) => role.permissions(),
        Err(_) => joined.map_or(Permissions::NONE, |names| parse(&names)),
    }
}
