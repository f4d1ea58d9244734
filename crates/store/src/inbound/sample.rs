//! What the receiver notes about a webhook: a sample of what it gets, and how long its handler has
//! been failing. None of it is configuration, so that none of it makes a revision.

use hookswitch_domain::id::{InboundWebhookId, SecretId};
use hookswitch_domain::time::Timestamp;

use crate::db::Tx;
use crate::error::StoreError;
use crate::params;
use crate::secret;

/// Whether and until when a sample is waited for, and the one that there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Capture {
    pub until: Option<Timestamp>,
    /// The row in which it lies sealed, and when it came.
    pub sample: Option<(SecretId, Timestamp)>,
}

/// Waits for the next request that verifies, for so long. A sample that is there stays until then.
pub async fn open_capture(tx: &mut Tx, webhook: InboundWebhookId, until: Timestamp) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let sql = "UPDATE inbound_webhooks SET sample_capture_expires_at = $3 WHERE inbound_webhook_id = $1 AND tenant = $2";
    tx.execute(sql, params![webhook, tenant, until]).await?;
    Ok(())
}

/// Ends the wait with this sample, unless somebody else's came first or it is over. `true`: it is kept.
pub async fn capture(tx: &mut Tx, webhook: InboundWebhookId, sample: SecretId, at: Timestamp) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT sample_payload FROM inbound_webhooks WHERE inbound_webhook_id = $1 AND tenant = $2";
    let Some(mut row) = tx.query_opt(sql, params![webhook, tenant]).await? else { return Ok(false) };
    let before: Option<String> = row.get(0)?;
    let sql = "UPDATE inbound_webhooks SET sample_payload = $3, sample_captured_at = $4, sample_capture_expires_at = NULL
        WHERE inbound_webhook_id = $1 AND tenant = $2 AND sample_capture_expires_at > $4";
    if tx.execute(sql, params![webhook, tenant, sample.to_string(), at]).await? == 0 {
        return Ok(false);
    }
    drop_sample(tx, before).await?;
    Ok(true)
}

/// Ends the wait, and forgets the sample.
pub async fn clear_capture(tx: &mut Tx, webhook: InboundWebhookId) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT sample_payload FROM inbound_webhooks WHERE inbound_webhook_id = $1 AND tenant = $2";
    let Some(mut row) = tx.query_opt(sql, params![webhook, tenant]).await? else { return Ok(()) };
    let before: Option<String> = row.get(0)?;
    let sql = "UPDATE inbound_webhooks SET sample_payload = NULL, sample_captured_at = NULL, sample_capture_expires_at = NULL
        WHERE inbound_webhook_id = $1 AND tenant = $2";
    tx.execute(sql, params![webhook, tenant]).await?;
    drop_sample(tx, before).await
}

async fn drop_sample(tx: &mut Tx, id: Option<String>) -> Result<(), StoreError> {
    if let Some(id) = id.and_then(|id| id.parse::<SecretId>().ok()) {
        secret::delete(tx, id).await?;
    }
    Ok(())
}

/// For how long a webhook's handler has been failing, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failing {
    pub since: Timestamp,
    pub failures: i64,
}

/// Counts a failure of the handler; the first one begins the time.
pub async fn count_failure(tx: &mut Tx, webhook: InboundWebhookId, at: Timestamp) -> Result<Option<Failing>, StoreError> {
    let tenant = tx.tenant();
    let sql = "UPDATE inbound_webhooks SET failures = failures + 1, failing_since = coalesce(failing_since, $3)
        WHERE inbound_webhook_id = $1 AND tenant = $2 RETURNING failing_since, failures";
    let found = tx.query_opt(sql, params![webhook, tenant, at]).await?;
    found.map(|mut row| Ok(Failing { since: row.get(0)?, failures: row.get(1)? })).transpose()
}

/// The handler works: what failed before counts no more.
pub async fn forget_failures(tx: &mut Tx, webhook: InboundWebhookId) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let sql = "UPDATE inbound_webhooks SET failures = 0, failing_since = NULL
        WHERE inbound_webhook_id = $1 AND tenant = $2 AND failing_since IS NOT NULL";
    tx.execute(sql, params![webhook, tenant]).await?;
    Ok(())
}

/// Switches a webhook off because its handler keeps failing. `false`: it is off already.
pub async fn auto_disable(tx: &mut Tx, webhook: InboundWebhookId, at: Timestamp) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let sql = "UPDATE inbound_webhooks SET is_active = $3, auto_disabled_at = $4, updated_at = $4
        WHERE inbound_webhook_id = $1 AND tenant = $2 AND is_active = $5";
    Ok(tx.execute(sql, params![webhook, tenant, false, at, true]).await? == 1)
}
