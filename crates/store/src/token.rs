//! API tokens. Only the SHA-256 of a token is kept: it has 256 random bits, so that a slow hash
//! would protect nothing. `find` looks one up without naming a tenant, for that is what it learns.

use hookswitch_domain::id::{TenantId, TokenId};
use hookswitch_domain::permission::{Permissions, scope};
use hookswitch_domain::time::Timestamp;

use crate::db::Tx;
use crate::error::StoreError;
use crate::page::Page;
use crate::params;
use crate::role;
use crate::value::Row;

#[derive(Debug, Clone)]
pub struct Token {
    pub id: TokenId,
    pub name: String,
    pub role: String,
    /// `None`: everything that the role permits.
    pub scopes: Option<Vec<String>>,
    pub created_by: String,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

const COLUMNS: &str = "id, name, role, scopes, created_by, created_at, expires_at, revoked_at";

fn read(mut row: Row) -> Result<Token, StoreError> {
    Ok(Token {
        id: row.get(0)?,
        name: row.get(1)?,
        role: row.get(2)?,
        scopes: row.get::<Option<String>>(3)?.map(split),
        created_by: row.get(4)?,
        created_at: row.get(5)?,
        expires_at: row.get(6)?,
        revoked_at: row.get(7)?,
    })
}

fn split(scopes: String) -> Vec<String> {
    scopes.split_whitespace().map(str::to_owned).collect()
}

pub async fn create(tx: &mut Tx, token: &Token, hash: &[u8]) -> Result<(), StoreError> {
    let sql = "INSERT INTO token (id, tenant, hash, name, role, scopes, created_by, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let scopes = token.scopes.as_ref().map(|scopes| scopes.join(" "));
    let tenant = tx.tenant();
    let params =
        params![token.id, tenant, hash, &token.name, &token.role, scopes, &token.created_by, token.created_at, token.expires_at];
    tx.execute(sql, params).await?;
    Ok(())
}

pub async fn get(tx: &mut Tx, id: TokenId) -> Result<Option<Token>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM token WHERE id = $1 AND tenant = $2");
    let tenant = tx.tenant();
    tx.query_opt(&sql, params![id, tenant]).await?.map(read).transpose()
}

pub async fn list(tx: &mut Tx, page: &Page) -> Result<Vec<Token>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM token WHERE tenant = $1 AND id < $2 AND id >= $3 ORDER BY id DESC LIMIT $4");
    let tenant = tx.tenant();
    let rows = tx.query(&sql, params![tenant, page.below(), page.floor(), page.fetch()]).await?;
    rows.into_iter().map(read).collect()
}

/// From the next request on the token opens nothing. Revoking twice keeps the first moment.
pub async fn revoke(tx: &mut Tx, id: TokenId, at: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE token SET revoked_at = COALESCE(revoked_at, $3) WHERE id = $1 AND tenant = $2";
    let tenant = tx.tenant();
    Ok(tx.execute(sql, params![id, tenant, at]).await? == 1)
}

/// How many live tokens hold a custom role, which therefore can't be removed.
pub async fn count_with_role(tx: &mut Tx, role: &str) -> Result<i64, StoreError> {
    let sql = "SELECT count(*) FROM token WHERE tenant = $1 AND role = $2 AND revoked_at IS NULL";
    let tenant = tx.tenant();
    tx.query_one(sql, params![tenant, role]).await?.get(0)
}

/// Who a token is, as of now on the primary.
#[derive(Debug, Clone)]
pub struct Bearer {
    pub id: TokenId,
    pub tenant: TenantId,
    /// The tenant's slug; `None` for a platform token.
    pub slug: Option<String>,
    /// The tenant's epoch when this was read.
    pub epoch: i64,
    pub role: String,
    /// What the role permits, narrowed by the scopes.
    pub permissions: Permissions,
    pub expires_at: Option<Timestamp>,
}

/// The live token with this hash; revoked and expired ones are not found.
pub async fn find(tx: &mut Tx, hash: &[u8], now: Timestamp) -> Result<Option<Bearer>, StoreError> {
    let sql = "SELECT token.id, token.tenant, tenant.slug, COALESCE(tenant.epoch, 0), token.role, token.scopes, token.expires_at,
         role.permissions FROM token
         LEFT JOIN tenant ON tenant.id = token.tenant
         LEFT JOIN role ON role.tenant = token.tenant AND role.name = token.role
         WHERE token.hash = $1 AND token.revoked_at IS NULL AND (token.expires_at IS NULL OR token.expires_at > $2)";
    let Some(mut row) = tx.query_opt(sql, params![hash, now]).await? else { return Ok(None) };
    let role: String = row.get(4)?;
    let scopes: Option<String> = row.get(5)?;
    let held = role::resolve(&role, row.get(7)?);
    Ok(Some(Bearer {
        id: row.get(0)?,
        tenant: row.get(1)?,
        slug: row.get(2)?,
        epoch: row.get(3)?,
        permissions: scopes.map_or(held, |scopes| held.both(granted(&scopes))),
        role,
        expires_at: row.get(6)?,
    }))
}

/// A scope that this version doesn't know grants nothing.
fn granted(scopes: &str) -> Permissions {
    let lists = scopes.split_whitespace().filter_map(|text| scope(text).ok());
    Permissions::of(lists.flat_map(|permissions| permissions.iter().collect::<Vec<_>>()))
}
