//! Tenants: the isolation boundary. A tenant's own row is written in a transaction of that tenant;
//! only a platform caller lists them all.

use hookswitch_domain::id::TenantId;
use hookswitch_domain::tenant::Slug;
use hookswitch_domain::time::Timestamp;

use crate::db::Tx;
use crate::error::StoreError;
use crate::page::Page;
use crate::params;
use crate::value::Row;

#[derive(Debug, Clone)]
pub struct Tenant {
    pub id: TenantId,
    pub slug: String,
    pub name: String,
    /// Counts configuration changes; see `audit::bump_epoch`.
    pub epoch: i64,
    pub sending_paused: bool,
    pub inbound_webhooks_enabled: bool,
    pub created_at: Timestamp,
    pub settings: Settings,
}

/// What a tenant's admin chooses about its own traffic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settings {
    /// Only registered event types may be published.
    pub strict_event_types: bool,
    /// A destination answers a challenge before anything is sent to it.
    pub require_ownership_challenge: bool,
}

const COLUMNS: &str = "id, slug, name, epoch, sending_paused, inbound_webhooks_enabled, created_at, strict_event_types,
    require_ownership_challenge";

fn read(mut row: Row) -> Result<Tenant, StoreError> {
    Ok(Tenant {
        id: row.get(0)?,
        slug: row.get(1)?,
        name: row.get(2)?,
        epoch: row.get(3)?,
        sending_paused: row.get(4)?,
        inbound_webhooks_enabled: row.get(5)?,
        created_at: row.get(6)?,
        settings: Settings { strict_event_types: row.get(7)?, require_ownership_challenge: row.get(8)? },
    })
}

/// Makes the transaction's own tenant. A slug that is taken is a `Conflict`.
pub async fn create(tx: &mut Tx, slug: &Slug, name: &str, at: Timestamp) -> Result<Tenant, StoreError> {
    let sql = format!("INSERT INTO tenant (id, slug, name, created_at) VALUES ($1, $2, $3, $4) RETURNING {COLUMNS}");
    let tenant = tx.tenant();
    read(tx.query_one(&sql, params![tenant, slug.as_str(), name, at]).await?)
}

/// The transaction's own tenant; `None` for the platform.
pub async fn own(tx: &mut Tx) -> Result<Option<Tenant>, StoreError> {
    let tenant = tx.tenant();
    by_id(tx, tenant).await
}

/// The same, held against changes of its configuration until the transaction ends: for whoever
/// writes what depends on that configuration.
pub async fn own_held(tx: &mut Tx) -> Result<Option<Tenant>, StoreError> {
    let tenant = tx.tenant();
    // SQLite has one writer, which holds everything.
    let lock = if tx.is_sqlite() { "" } else { " FOR SHARE" };
    let sql = format!("SELECT {COLUMNS} FROM tenant WHERE id = $1{lock}");
    tx.query_opt(&sql, params![tenant]).await?.map(read).transpose()
}

pub async fn by_id(tx: &mut Tx, id: TenantId) -> Result<Option<Tenant>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM tenant WHERE id = $1");
    tx.query_opt(&sql, params![id]).await?.map(read).transpose()
}

pub async fn by_slug(tx: &mut Tx, slug: &str) -> Result<Option<Tenant>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM tenant WHERE slug = $1");
    tx.query_opt(&sql, params![slug]).await?.map(read).transpose()
}

/// All tenants: for the platform alone.
pub async fn list(tx: &mut Tx, page: &Page) -> Result<Vec<Tenant>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM tenant WHERE id < $1 AND id >= $2 ORDER BY id DESC LIMIT $3");
    let rows = tx.query(&sql, params![page.below(), page.floor(), page.fetch()]).await?;
    rows.into_iter().map(read).collect()
}

pub async fn rename(tx: &mut Tx, name: &str) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    tx.execute("UPDATE tenant SET name = $2 WHERE id = $1", params![tenant, name]).await?;
    Ok(())
}

/// Switches receiving on or off; off until somebody switches it on.
pub async fn set_inbound_webhooks(tx: &mut Tx, enabled: bool) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    tx.execute("UPDATE tenant SET inbound_webhooks_enabled = $2 WHERE id = $1", params![tenant, enabled]).await?;
    Ok(())
}

pub async fn set_settings(tx: &mut Tx, settings: Settings) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let sql = "UPDATE tenant SET strict_event_types = $2, require_ownership_challenge = $3 WHERE id = $1";
    tx.execute(sql, params![tenant, settings.strict_event_types, settings.require_ownership_challenge]).await?;
    Ok(())
}

/// Stops sending for the tenant, or lets it go on: one write, whatever waits.
pub async fn set_sending_paused(tx: &mut Tx, paused: bool) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    tx.execute("UPDATE tenant SET sending_paused = $2 WHERE id = $1", params![tenant, paused]).await?;
    Ok(())
}
