//! Customer portals: one-time links and the sessions that they were exchanged for. Only the SHA-256 of
//! either token is kept. Both are looked up without naming a tenant, for that is what the look-up learns.

use hookswitch_domain::id::{GroupId, PortalSessionId, TenantId};
use hookswitch_domain::portal::{Access, Look};
use hookswitch_domain::time::Timestamp;

use crate::db::Tx;
use crate::error::StoreError;
use crate::page::Page;
use crate::params;
use crate::value::Row;

#[derive(Debug, Clone)]
pub struct Portal {
    pub id: PortalSessionId,
    pub tenant: TenantId,
    /// Only this group's destinations and deliveries; `None`: the whole tenant's.
    pub group_id: Option<GroupId>,
    pub access: Access,
    pub look: Look,
    pub created_by: String,
    pub created_at: Timestamp,
    pub link_expires_at: Timestamp,
    /// When its link was used.
    pub opened_at: Option<Timestamp>,
    pub expires_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

const COLUMNS: &str =
    "id, tenant, group_id, access, look, created_by, created_at, link_expires_at, opened_at, expires_at, revoked_at";

fn read(mut row: Row) -> Result<Portal, StoreError> {
    let (access, look): (String, String) = (row.get(3)?, row.get(4)?);
    let corrupt = |what: String| StoreError::Corrupt(format!("portal session: {what}"));
    Ok(Portal {
        id: row.get(0)?,
        tenant: row.get(1)?,
        group_id: row.get(2)?,
        access: Access::named(&access).ok_or_else(|| corrupt(access))?,
        look: serde_json::from_str(&look).map_err(|error| corrupt(error.to_string()))?,
        created_by: row.get(5)?,
        created_at: row.get(6)?,
        link_expires_at: row.get(7)?,
        opened_at: row.get(8)?,
        expires_at: row.get(9)?,
        revoked_at: row.get(10)?,
    })
}

/// Writes a link of the transaction's tenant.
pub async fn create(tx: &mut Tx, portal: &Portal, link_hash: &[u8]) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let look = serde_json::to_string(&portal.look).map_err(|error| StoreError::Bug(error.to_string()))?;
    let sql =
        "INSERT INTO portal_session (id, tenant, group_id, access, look, created_by, created_at, link_hash, link_expires_at,
             expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let params = params![
        portal.id,
        tenant,
        portal.group_id,
        portal.access.as_str(),
        look,
        portal.created_by.as_str(),
        portal.created_at,
        link_hash,
        portal.link_expires_at,
        portal.expires_at,
    ];
    tx.execute(sql, params).await?;
    Ok(())
}

pub async fn get(tx: &mut Tx, id: PortalSessionId) -> Result<Option<Portal>, StoreError> {
    let tenant = tx.tenant();
    let sql = format!("SELECT {COLUMNS} FROM portal_session WHERE id = $1 AND tenant = $2");
    tx.query_opt(&sql, params![id, tenant]).await?.map(read).transpose()
}

/// Newest first.
pub async fn list(tx: &mut Tx, page: &Page) -> Result<Vec<Portal>, StoreError> {
    let tenant = tx.tenant();
    let sql =
        format!("SELECT {COLUMNS} FROM portal_session WHERE tenant = $1 AND id < $2 AND id >= $3 ORDER BY id DESC LIMIT $4");
    let rows = tx.query(&sql, params![tenant, page.below(), page.floor(), page.fetch()]).await?;
    rows.into_iter().map(read).collect()
}

/// From the next request on neither link nor session opens anything. Doing it twice keeps the first moment.
pub async fn revoke(tx: &mut Tx, id: PortalSessionId, at: Timestamp) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let sql = "UPDATE portal_session SET revoked_at = COALESCE(revoked_at, $3) WHERE id = $1 AND tenant = $2";
    Ok(tx.execute(sql, params![id, tenant, at]).await? == 1)
}

/// The link with this hash, whatever became of it.
pub async fn by_link(tx: &mut Tx, link_hash: &[u8]) -> Result<Option<Portal>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM portal_session WHERE link_hash = $1");
    tx.query_opt(&sql, params![link_hash]).await?.map(read).transpose()
}

/// Uses a link of the transaction's tenant up. `false`: it was used, has expired or was revoked, perhaps a moment ago.
pub async fn open(tx: &mut Tx, id: PortalSessionId, session_hash: &[u8], at: Timestamp) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let sql = "UPDATE portal_session SET opened_at = $3, session_hash = $4
         WHERE id = $1 AND tenant = $2 AND opened_at IS NULL AND revoked_at IS NULL AND link_expires_at > $3";
    Ok(tx.execute(sql, params![id, tenant, at, session_hash]).await? == 1)
}

/// An open portal, and its tenant, as of now on the primary.
#[derive(Debug, Clone)]
pub struct Visitor {
    pub portal: Portal,
    pub slug: String,
    pub epoch: i64,
}

/// The open portal with this session hash; an expired or revoked one is not found.
pub async fn find(tx: &mut Tx, session_hash: &[u8], now: Timestamp) -> Result<Option<Visitor>, StoreError> {
    let columns: Vec<String> = COLUMNS.split(", ").map(|column| format!("p.{column}")).collect();
    let sql = format!(
        "SELECT {}, tenant.slug, tenant.epoch FROM portal_session p JOIN tenant ON tenant.id = p.tenant
         WHERE p.session_hash = $1 AND p.revoked_at IS NULL AND p.expires_at > $2",
        columns.join(", ")
    );
    let Some(mut row) = tx.query_opt(&sql, params![session_hash, now]).await? else { return Ok(None) };
    let (slug, epoch) = (row.get(11)?, row.get(12)?);
    Ok(Some(Visitor { portal: read(row)?, slug, epoch }))
}
