//! Rotations of inbound secrets: old and new let in side by side until the overlap is over, which
//! the database's clock says.

use hookswitch_domain::id::{InboundWebhookId, SecretId, TenantId};

use super::{Webhook, revision};
use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::params;
use crate::secret::{self, Sealed};

/// Makes `fresh` the webhook's secret. The one that it replaces lets in for so long, and what was
/// before that no longer.
pub async fn rotate(tx: &mut Tx, webhook: &Webhook, fresh: SecretId, overlap_seconds: u32) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let kept = webhook.secret.filter(|_| overlap_seconds > 0);
    let sql = "UPDATE inbound_webhooks SET secret = $3, previous_secret = $4,
            previous_until = CASE WHEN $5 THEN now_ms() + $6 ELSE NULL END, updated_at = now_ms(), revision = revision + 1
        WHERE inbound_webhook_id = $1 AND tenant = $2";
    let overlap_ms = i64::from(overlap_seconds) * 1_000;
    tx.execute(sql, params![webhook.id, tenant, fresh, kept, kept.is_some(), overlap_ms]).await?;
    let gone = [webhook.previous_secret, webhook.secret.filter(|_| kept.is_none())];
    for old in gone.into_iter().flatten() {
        secret::delete(tx, old).await?;
    }
    revision::keep(tx, webhook.id).await
}

/// Ends an overlap: what was replaced is gone for good. `false`: there was nothing to end.
pub async fn end_rotation(tx: &mut Tx, webhook: InboundWebhookId) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let sql = "DELETE FROM secret WHERE tenant = $1
        AND id = (SELECT previous_secret FROM inbound_webhooks WHERE tenant = $1 AND inbound_webhook_id = $2)";
    let secrets = tx.execute(sql, params![tenant, webhook]).await?;
    let sql = "UPDATE inbound_webhooks SET previous_secret = NULL, previous_until = NULL
        WHERE tenant = $1 AND inbound_webhook_id = $2 AND (previous_secret IS NOT NULL OR previous_until IS NOT NULL)";
    Ok(tx.execute(sql, params![tenant, webhook]).await? + secrets > 0)
}

/// The replaced secret, while it lets in.
pub(super) async fn overlapping(tx: &mut Tx, tenant: TenantId, webhook: InboundWebhookId) -> Result<Option<Sealed>, StoreError> {
    let sql = "SELECT previous_secret FROM inbound_webhooks
        WHERE inbound_webhook_id = $1 AND tenant = $2 AND previous_until > now_ms()";
    let Some(mut row) = tx.query_opt(sql, params![webhook, tenant]).await? else { return Ok(None) };
    match row.get::<Option<SecretId>>(0)? {
        Some(id) => secret::get_of(tx, tenant, id).await,
        None => Ok(None),
    }
}

/// Ends overlaps that are over: an old secret doesn't outlive its use, not even sealed. At most 100
/// a call; returns how many.
pub async fn end_some(db: &Db) -> Result<usize, StoreError> {
    let system = db.system();
    let over = system.read::<_, StoreError, _>(|tx| {
        Box::pin(async move {
            let sql = "SELECT tenant, inbound_webhook_id FROM inbound_webhooks WHERE previous_until <= now_ms() LIMIT 100";
            let rows = tx.query(sql, params![]).await?;
            rows.into_iter().map(|mut row| Ok((row.get(0)?, row.get(1)?))).collect::<Result<Vec<_>, StoreError>>()
        })
    });
    let over: Vec<(TenantId, InboundWebhookId)> = over.await?;
    let count = over.len();
    for (tenant, webhook) in over {
        let store = db.for_tenant(tenant);
        let job = store.write::<_, StoreError, _>(move |tx| {
            Box::pin(async move {
                // A rotation since then has an overlap of its own.
                let sql =
                    "SELECT 1 FROM inbound_webhooks WHERE inbound_webhook_id = $1 AND tenant = $2 AND previous_until <= now_ms()";
                if tx.query_opt(sql, params![webhook, tx.tenant()]).await?.is_some() {
                    end_rotation(tx, webhook).await?;
                }
                Ok(())
            })
        });
        job.await?;
    }
    Ok(count)
}
