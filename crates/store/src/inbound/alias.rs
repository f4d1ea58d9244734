//! Former slugs: a webhook that was renamed still answers under them, until somebody removes them.

use hookswitch_domain::id::{InboundWebhookId, TenantId};
use hookswitch_domain::time::Timestamp;

use crate::db::Tx;
use crate::error::StoreError;
use crate::params;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    pub slug: String,
    pub created_at: Timestamp,
}

/// The webhook's former slugs, the newest first.
pub async fn aliases(tx: &mut Tx, webhook: InboundWebhookId) -> Result<Vec<Alias>, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT slug, created_at FROM inbound_alias WHERE webhook = $1 AND tenant = $2 ORDER BY created_at DESC, slug";
    let rows = tx.query(sql, params![webhook, tenant]).await?;
    rows.into_iter().map(|mut row| Ok(Alias { slug: row.get(0)?, created_at: row.get(1)? })).collect()
}

/// Whose former slug this is.
pub async fn of_slug(tx: &mut Tx, tenant: TenantId, slug: &str) -> Result<Option<InboundWebhookId>, StoreError> {
    let sql = "SELECT webhook FROM inbound_alias WHERE tenant = $1 AND slug = $2";
    tx.query_opt(sql, params![tenant, slug]).await?.map(|mut row| row.get(0)).transpose()
}

/// Gives the webhook another slug; the old one stays as an alias. A slug that somebody else has, now
/// or as an alias, is a `Conflict`.
pub async fn rename(tx: &mut Tx, webhook: InboundWebhookId, from: &str, to: &str, at: Timestamp) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    if of_slug(tx, tenant, to).await?.is_some_and(|owner| owner != webhook) {
        return Err(StoreError::Conflict("inbound_alias".to_owned()));
    }
    // Back to a former name: it is no alias any more.
    remove_alias(tx, webhook, to).await?;
    let sql = "UPDATE inbound_webhooks SET slug = $3 WHERE inbound_webhook_id = $1 AND tenant = $2";
    tx.execute(sql, params![webhook, tenant, to]).await?;
    let sql = "INSERT INTO inbound_alias (webhook, slug, tenant, created_at) VALUES ($1, $2, $3, $4)";
    tx.execute(sql, params![webhook, from, tenant, at]).await?;
    Ok(())
}

pub async fn remove_alias(tx: &mut Tx, webhook: InboundWebhookId, slug: &str) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let sql = "DELETE FROM inbound_alias WHERE webhook = $1 AND slug = $2 AND tenant = $3";
    Ok(tx.execute(sql, params![webhook, slug, tenant]).await? == 1)
}
