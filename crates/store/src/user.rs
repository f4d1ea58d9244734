//! People who sign in. An email belongs to one account in the whole installation, because signing
//! in names no tenant; `by_email` is therefore the one query of accounts without one.

use hookswitch_domain::id::{TenantId, UserId};
use hookswitch_domain::time::Timestamp;

use crate::db::Tx;
use crate::error::StoreError;
use crate::page::Page;
use crate::params;
use crate::value::Row;

#[derive(Debug, Clone)]
pub struct User {
    pub id: UserId,
    pub tenant: TenantId,
    pub email: String,
    pub name: String,
    pub role: String,
    pub disabled: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

pub struct NewUser<'a> {
    pub id: UserId,
    pub email: &'a str,
    pub name: &'a str,
    pub role: &'a str,
    /// An argon2id PHC string; without one nobody can sign in with a password.
    pub password_hash: Option<&'a str>,
}

/// What is `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct Change {
    pub name: Option<String>,
    pub role: Option<String>,
    pub disabled: Option<bool>,
    pub password_hash: Option<String>,
}

const COLUMNS: &str = "id, tenant, email, name, role, disabled, created_at, updated_at";

fn read(row: &mut Row) -> Result<User, StoreError> {
    Ok(User {
        id: row.get(0)?,
        tenant: row.get(1)?,
        email: row.get(2)?,
        name: row.get(3)?,
        role: row.get(4)?,
        disabled: row.get(5)?,
        created_at: row.get(6)?,
        updated_at: row.get(7)?,
    })
}

/// An email that is taken, in whichever tenant, is a `Conflict`.
pub async fn create(tx: &mut Tx, new: &NewUser<'_>, at: Timestamp) -> Result<User, StoreError> {
    let sql = format!(
        "INSERT INTO user_account (id, tenant, email, name, role, password_hash, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7) RETURNING {COLUMNS}"
    );
    let tenant = tx.tenant();
    let params = params![new.id, tenant, new.email, new.name, new.role, new.password_hash, at];
    read(&mut tx.query_one(&sql, params).await?)
}

pub async fn get(tx: &mut Tx, id: UserId) -> Result<Option<User>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM user_account WHERE id = $1 AND tenant = $2");
    let tenant = tx.tenant();
    tx.query_opt(&sql, params![id, tenant]).await?.map(|mut row| read(&mut row)).transpose()
}

/// The account that an email signs in to, and its password hash.
pub async fn by_email(tx: &mut Tx, email: &str) -> Result<Option<(User, Option<String>)>, StoreError> {
    let sql = format!("SELECT {COLUMNS}, password_hash FROM user_account WHERE email = $1");
    let Some(mut row) = tx.query_opt(&sql, params![email]).await? else { return Ok(None) };
    Ok(Some((read(&mut row)?, row.get(8)?)))
}

pub async fn list(tx: &mut Tx, page: &Page) -> Result<Vec<User>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM user_account WHERE tenant = $1 AND id < $2 AND id >= $3 ORDER BY id DESC LIMIT $4");
    let tenant = tx.tenant();
    let rows = tx.query(&sql, params![tenant, page.below(), page.floor(), page.fetch()]).await?;
    rows.into_iter().map(|mut row| read(&mut row)).collect()
}

pub async fn update(tx: &mut Tx, id: UserId, change: &Change, at: Timestamp) -> Result<Option<User>, StoreError> {
    let sql = format!(
        "UPDATE user_account SET name = COALESCE($3, name), role = COALESCE($4, role), disabled = COALESCE($5, disabled),
         password_hash = COALESCE($6, password_hash), updated_at = $7 WHERE id = $1 AND tenant = $2 RETURNING {COLUMNS}"
    );
    let tenant = tx.tenant();
    let params =
        params![id, tenant, change.name.as_deref(), change.role.as_deref(), change.disabled, change.password_hash.as_deref(), at];
    tx.query_opt(&sql, params).await?.map(|mut row| read(&mut row)).transpose()
}

pub async fn delete(tx: &mut Tx, id: UserId) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    Ok(tx.execute("DELETE FROM user_account WHERE id = $1 AND tenant = $2", params![id, tenant]).await? == 1)
}

/// How many enabled accounts hold `role` beside `id`. Locks the tenant's accounts of that role on
/// PostgreSQL, so that two administrators can't remove each other at the same moment.
pub async fn others_with_role(tx: &mut Tx, id: UserId, role: &str) -> Result<usize, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT id FROM user_account WHERE tenant = $1 AND role = $2 AND disabled = FALSE";
    let sql = if tx.is_sqlite() { sql.to_owned() } else { format!("{sql} FOR UPDATE") };
    let rows = tx.query(&sql, params![tenant, role]).await?;
    let mut others = 0;
    for mut row in rows {
        others += usize::from(row.get::<UserId>(0)? != id);
    }
    Ok(others)
}

/// How many accounts hold a custom role, which therefore can't be removed.
pub async fn count_with_role(tx: &mut Tx, role: &str) -> Result<i64, StoreError> {
    let tenant = tx.tenant();
    tx.query_one("SELECT count(*) FROM user_account WHERE tenant = $1 AND role = $2", params![tenant, role]).await?.get(0)
}
