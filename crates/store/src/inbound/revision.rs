//! What a webhook did at each of its revisions: for replays with the configuration of then.

use hookswitch_domain::id::InboundWebhookId;
use hookswitch_domain::inbound::Handler;

use crate::db::Tx;
use crate::error::StoreError;
use crate::params;

/// Of each webhook, so many revisions are kept.
pub const REVISIONS_KEPT: i64 = 100;

/// Notes what the webhook does from now on.
pub(super) async fn keep(tx: &mut Tx, webhook: InboundWebhookId) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let sql = "INSERT INTO inbound_revision (webhook, revision, tenant, handler_config, created_at)
        SELECT inbound_webhook_id, revision, tenant, handler_config, updated_at FROM inbound_webhooks
        WHERE inbound_webhook_id = $1 AND tenant = $2";
    tx.execute(sql, params![webhook, tenant]).await?;
    let sql = "DELETE FROM inbound_revision WHERE webhook = $1 AND tenant = $2 AND revision <=
        (SELECT revision FROM inbound_webhooks WHERE inbound_webhook_id = $1 AND tenant = $2) - $3";
    tx.execute(sql, params![webhook, tenant, REVISIONS_KEPT]).await?;
    Ok(())
}

/// The handler at a revision. The outer `None`: it isn't kept any more; the inner one: there was none yet.
pub async fn handler_at(tx: &mut Tx, webhook: InboundWebhookId, revision: i64) -> Result<Option<Option<Handler>>, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT handler_config FROM inbound_revision WHERE webhook = $1 AND revision = $2 AND tenant = $3";
    let Some(mut row) = tx.query_opt(sql, params![webhook, revision, tenant]).await? else { return Ok(None) };
    let text: String = row.get(0)?;
    let handler = serde_json::from_str(&text);
    handler.map(Some).map_err(|error| StoreError::Corrupt(format!("a former handler: {error}")))
}
