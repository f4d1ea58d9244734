//! Rows of `integration_credentials`: names for secret references. A row never holds a value.

use hookswitch_domain::id::{CredentialId, DestinationId};
use hookswitch_domain::time::Timestamp;

use crate::db::Tx;
use crate::error::StoreError;
use crate::page::Page;
use crate::params;
use crate::value::Row;

/// A credential as it is stored.
#[derive(Debug, Clone)]
pub struct Credential {
    pub id: CredentialId,
    pub name: String,
    /// `header`, `basic`, `oauth2_client_credentials` or `secret`.
    pub kind: String,
    /// The whole reference: for secret providers alone.
    pub reference: String,
    pub settings: serde_json::Value,
    /// Counts replacements, from 1.
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

const COLUMNS: &str = "id, name, type, ref, settings, version, created_at, updated_at";

fn credential(mut row: Row) -> Result<Credential, StoreError> {
    Ok(Credential {
        id: row.get(0)?,
        name: row.get(1)?,
        kind: row.get(2)?,
        reference: row.get(3)?,
        settings: row.get(4)?,
        version: row.get(5)?,
        created_at: row.get(6)?,
        updated_at: row.get(7)?,
    })
}

pub async fn insert(tx: &mut Tx, new: &Credential) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    tx.execute(
        "INSERT INTO integration_credentials (id, tenant, name, type, ref, settings, version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        params![new.id, tenant, &new.name, &new.kind, &new.reference, &new.settings, new.version, new.created_at, new.updated_at],
    )
    .await?;
    Ok(())
}

pub async fn get(tx: &mut Tx, id: CredentialId) -> Result<Option<Credential>, StoreError> {
    let tenant = tx.tenant();
    let sql = format!("SELECT {COLUMNS} FROM integration_credentials WHERE id = $1 AND tenant = $2");
    tx.query_opt(&sql, params![id, tenant]).await?.map(credential).transpose()
}

/// The same, held until the transaction ends: for whoever is about to point at it or to change it.
pub async fn hold(tx: &mut Tx, id: CredentialId) -> Result<Option<Credential>, StoreError> {
    let tenant = tx.tenant();
    let sql = format!("UPDATE integration_credentials SET version = version WHERE id = $1 AND tenant = $2 RETURNING {COLUMNS}");
    tx.query_opt(&sql, params![id, tenant]).await?.map(credential).transpose()
}

/// Overwrites everything that may change. False where there is no such row.
pub async fn update(tx: &mut Tx, changed: &Credential) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let rows = tx
        .execute(
            "UPDATE integration_credentials SET name = $3, type = $4, ref = $5, settings = $6, version = $7, updated_at = $8
             WHERE id = $1 AND tenant = $2",
            params![
                changed.id,
                tenant,
                &changed.name,
                &changed.kind,
                &changed.reference,
                &changed.settings,
                changed.version,
                changed.updated_at
            ],
        )
        .await?;
    Ok(rows > 0)
}

pub async fn delete(tx: &mut Tx, id: CredentialId) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    Ok(tx.execute("DELETE FROM integration_credentials WHERE id = $1 AND tenant = $2", params![id, tenant]).await? > 0)
}

pub async fn list(tx: &mut Tx, page: &Page) -> Result<Vec<Credential>, StoreError> {
    let tenant = tx.tenant();
    let sql = format!(
        "SELECT {COLUMNS} FROM integration_credentials
         WHERE tenant = $1 AND id < $2 AND id >= $3 ORDER BY id DESC LIMIT $4"
    );
    let rows = tx.query(&sql, params![tenant, page.below(), page.floor(), page.fetch()]).await?;
    rows.into_iter().map(credential).collect()
}

/// A destination that uses the credential, if there is one.
pub async fn used_by(tx: &mut Tx, id: CredentialId) -> Result<Option<DestinationId>, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT id FROM integration_destinations WHERE tenant = $1 AND credential = $2 LIMIT 1";
    let row = tx.query_opt(sql, params![tenant, id]).await?;
    row.map(|mut row| row.get(0)).transpose()
}

/// How many credentials name a reference.
pub async fn naming(tx: &mut Tx, reference: &str) -> Result<i64, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT count(*) FROM integration_credentials WHERE tenant = $1 AND ref = $2";
    tx.query_one(sql, params![tenant, reference]).await?.get(0)
}
