//! Rows of `secret` (sealed values) and `secret_grant` (which references a tenant may name).
//! Nothing here can read a secret: sealing and opening are `pipeline::secrets`.
//!
//! One row belongs to nobody, the **marker**: it names the key under which values are sealed now.
//! Whoever seals reads it in the same transaction and holds it until the commit, so that once a
//! rotation has moved it no row can appear under an older key, from any process.

use hookswitch_domain::id::{SecretId, TenantId};
use hookswitch_domain::reference::Prefix;
use hookswitch_domain::tenant::PLATFORM;
use hookswitch_domain::time::Timestamp;

use crate::db::Tx;
use crate::error::StoreError;
use crate::params;
use crate::value::{Row, UuidValue};

/// The marker's id; no value is sealed under it.
pub const MARKER: SecretId = SecretId(UuidValue::nil());

/// A sealed value. Tenant, id and purpose are bound into the seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    pub id: SecretId,
    pub tenant: TenantId,
    pub purpose: String,
    pub key_id: String,
    pub sealed: Vec<u8>,
}

const COLUMNS: &str = "id, tenant, purpose, key_id, sealed";

fn sealed(mut row: Row) -> Result<Sealed, StoreError> {
    Ok(Sealed { id: row.get(0)?, tenant: row.get(1)?, purpose: row.get(2)?, key_id: row.get(3)?, sealed: row.get(4)? })
}

pub async fn insert(tx: &mut Tx, at: Timestamp, value: &Sealed) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let sql = "INSERT INTO secret (id, tenant, purpose, key_id, sealed, created_at) VALUES ($1, $2, $3, $4, $5, $6)";
    let row = params![value.id, tenant, &value.purpose, &value.key_id, &value.sealed[..], at];
    tx.execute(sql, row).await?;
    Ok(())
}

pub async fn get(tx: &mut Tx, id: SecretId) -> Result<Option<Sealed>, StoreError> {
    let tenant = tx.tenant();
    let sql = format!("SELECT {COLUMNS} FROM secret WHERE id = $1 AND tenant = $2");
    tx.query_opt(&sql, params![id, tenant]).await?.map(sealed).transpose()
}

pub async fn delete(tx: &mut Tx, id: SecretId) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    Ok(tx.execute("DELETE FROM secret WHERE id = $1 AND tenant = $2", params![id, tenant]).await? > 0)
}

/// The marker, held against a rotation until the transaction ends (SQLite holds everything anyway).
pub async fn hold_marker(tx: &mut Tx) -> Result<Option<Sealed>, StoreError> {
    let lock = if tx.is_sqlite() { "" } else { " FOR SHARE" };
    let sql = format!("SELECT {COLUMNS} FROM secret WHERE id = $1 AND tenant = $2{lock}");
    tx.query_opt(&sql, params![MARKER, PLATFORM]).await?.map(sealed).transpose()
}

/// Writes the marker of a database that has none; one that is there stays as it is.
pub async fn make_marker(tx: &mut Tx, at: Timestamp, marker: &Sealed) -> Result<(), StoreError> {
    insert_once(tx, at, &Sealed { id: MARKER, tenant: PLATFORM, ..marker.clone() }).await
}

/// Writes a row whose id is fixed; one that is there stays as it is.
pub async fn insert_once(tx: &mut Tx, at: Timestamp, value: &Sealed) -> Result<(), StoreError> {
    let sql = "INSERT INTO secret (id, tenant, purpose, key_id, sealed, created_at) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (id, tenant) DO NOTHING";
    tx.execute(sql, params![value.id, value.tenant, &value.purpose, &value.key_id, &value.sealed[..], at]).await?;
    Ok(())
}

/// Moves the marker on from the key that it named when the rotation began. False where another
/// rotation was faster.
pub async fn move_marker(tx: &mut Tx, marker: &Sealed, from_key: &str) -> Result<bool, StoreError> {
    let sql = "UPDATE secret SET key_id = $3, sealed = $4 WHERE id = $1 AND tenant = $2 AND key_id = $5";
    let row = params![MARKER, PLATFORM, &marker.key_id, &marker.sealed[..], from_key];
    Ok(tx.execute(sql, row).await? > 0)
}

/// Values of all tenants that are not sealed under `key_id`, after `after` in order of id.
pub async fn page_under_other_keys(tx: &mut Tx, key_id: &str, after: SecretId, limit: u32) -> Result<Vec<Sealed>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM secret WHERE id > $1 AND key_id <> $2 ORDER BY id LIMIT $3");
    let rows = tx.query(&sql, params![after, key_id, limit]).await?;
    rows.into_iter().map(sealed).collect()
}

/// Replaces a seal, unless the row was deleted or sealed anew since it was read.
pub async fn reseal(tx: &mut Tx, value: &Sealed, from_key: &str) -> Result<bool, StoreError> {
    let sql = "UPDATE secret SET key_id = $3, sealed = $4 WHERE id = $1 AND tenant = $2 AND key_id = $5";
    let row = params![value.id, value.tenant, &value.key_id, &value.sealed[..], from_key];
    Ok(tx.execute(sql, row).await? > 0)
}

/// The keys that some row is sealed under.
pub async fn keys_in_use(tx: &mut Tx) -> Result<Vec<String>, StoreError> {
    let rows = tx.query("SELECT DISTINCT key_id FROM secret ORDER BY key_id", &[]).await?;
    rows.into_iter().map(|mut row| row.get(0)).collect()
}

/// Lets the tenant name references under a prefix. False where it already might.
pub async fn grant(tx: &mut Tx, at: Timestamp, prefix: &Prefix) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let sql = "INSERT INTO secret_grant (tenant, prefix, created_at) VALUES ($1, $2, $3) ON CONFLICT (tenant, prefix) DO NOTHING";
    Ok(tx.execute(sql, params![tenant, prefix.as_str(), at]).await? > 0)
}

pub async fn revoke(tx: &mut Tx, prefix: &Prefix) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let sql = "DELETE FROM secret_grant WHERE tenant = $1 AND prefix = $2";
    Ok(tx.execute(sql, params![tenant, prefix.as_str()]).await? > 0)
}

pub async fn grants(tx: &mut Tx) -> Result<Vec<Prefix>, StoreError> {
    let tenant = tx.tenant();
    let rows = tx.query("SELECT prefix FROM secret_grant WHERE tenant = $1 ORDER BY prefix", params![tenant]).await?;
    let prefix = |mut row: Row| {
        let text: String = row.get(0)?;
        text.parse().map_err(|error| StoreError::Corrupt(format!("secret_grant: {error}")))
    };
    rows.into_iter().map(prefix).collect()
}

/// The sealed value of a tenant that a system transaction has just found.
pub async fn get_of(tx: &mut Tx, tenant: TenantId, id: SecretId) -> Result<Option<Sealed>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM secret WHERE id = $1 AND tenant = $2");
    tx.query_opt(&sql, params![id, tenant]).await?.map(sealed).transpose()
}
