//! Requests on their way: logged with the claim of their idempotency key, worked on under a lease,
//! and ended in the transaction of whatever they did.

use hookswitch_domain::id::{InboundDeliveryId, InboundWebhookId, TenantId};
use hookswitch_domain::inbound::{AuthStatus, DispatchStatus};
use hookswitch_domain::time::Timestamp;

use crate::db::Tx;
use crate::error::StoreError;
use crate::params;

/// Where a delivery is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Origin {
    #[default]
    Sender,
    /// A person tries the webhook out.
    Test,
    /// A person has this one done again.
    Replay(InboundDeliveryId),
    /// One of several that came in this request.
    Part(InboundDeliveryId),
    /// The same, done again.
    PartAgain { of: InboundDeliveryId, whole: InboundDeliveryId },
}

impl Origin {
    /// The delivery that this one repeats.
    pub const fn repeats(self) -> Option<InboundDeliveryId> {
        match self {
            Self::Replay(of) | Self::PartAgain { of, .. } => Some(of),
            Self::Sender | Self::Test | Self::Part(_) => None,
        }
    }

    /// The request that it came in, together with others.
    pub const fn whole(self) -> Option<InboundDeliveryId> {
        match self {
            Self::Part(whole) | Self::PartAgain { whole, .. } => Some(whole),
            Self::Sender | Self::Test | Self::Replay(_) => None,
        }
    }

    /// A person asked for it: it says nothing about the sender.
    pub const fn asked_for(self) -> bool {
        matches!(self, Self::Test) || self.repeats().is_some()
    }
}

/// A received request, as it is logged.
#[derive(Debug, Clone)]
pub struct Received {
    pub id: InboundDeliveryId,
    pub webhook: Option<InboundWebhookId>,
    pub origin: Origin,
    pub idempotency_key: Option<String>,
    pub received_at: Timestamp,
    pub method: String,
    /// Without its query.
    pub path: String,
    pub headers: serde_json::Value,
    /// `None` for what was rejected.
    pub body: Option<Vec<u8>>,
    pub source_ip: String,
    pub user_agent: Option<String>,
    pub auth_status: AuthStatus,
    /// The configuration that it is worked on with.
    pub revision: Option<i64>,
}

/// What a request was answered, and why.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub status: DispatchStatus,
    pub handler_outcome: serde_json::Value,
    pub response_status: u16,
    pub response_body: String,
    pub duration_ms: i64,
    /// Its sender was told that it is taken, and it was given up: a person has to look.
    pub dead: bool,
}

/// Logs a request together with its outcome, where there is nothing more to do.
pub async fn log(tx: &mut Tx, received: &Received, outcome: &Outcome) -> Result<(), StoreError> {
    insert_received(tx, received, outcome.status).await?;
    write_outcome(tx, received.id, outcome).await
}

async fn insert_received(tx: &mut Tx, received: &Received, status: DispatchStatus) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let (replayed_from, split_from) = (received.origin.repeats(), received.origin.whole());
    let sql = "INSERT INTO inbound_webhook_deliveries (delivery_id, tenant, inbound_webhook_id, idempotency_key, received_at,
            request_method, request_path, request_headers, request_body, source_ip, user_agent, auth_status, dispatch_status,
            revision, updated_at, is_replay, replayed_from, split_from, is_test)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $5, $15, $16, $17, $18)";
    tx.execute(
        sql,
        params![
            received.id,
            tenant,
            received.webhook,
            received.idempotency_key.as_deref(),
            received.received_at,
            received.method.as_str(),
            received.path.as_str(),
            &received.headers,
            received.body.as_deref(),
            received.source_ip.as_str(),
            received.user_agent.as_deref(),
            received.auth_status.as_str(),
            status.as_str(),
            received.revision,
            replayed_from.is_some(),
            replayed_from,
            split_from,
            received.origin == Origin::Test,
        ],
    )
    .await?;
    Ok(())
}

/// Writes the outcome of a row anew: of a batch, once its parts have ended.
pub async fn amend(tx: &mut Tx, id: InboundDeliveryId, outcome: &Outcome) -> Result<(), StoreError> {
    write_outcome(tx, id, outcome).await
}

async fn write_outcome(tx: &mut Tx, id: InboundDeliveryId, outcome: &Outcome) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let sql = "UPDATE inbound_webhook_deliveries SET dispatch_status = $3, handler_outcome = $4, response_status = $5,
            response_body = $6, duration_ms = $7, dead_lettered_at = CASE WHEN $8 THEN now_ms() END, updated_at = now_ms()
        WHERE delivery_id = $1 AND tenant = $2";
    tx.execute(
        sql,
        params![
            id,
            tenant,
            outcome.status.as_str(),
            &outcome.handler_outcome,
            i64::from(outcome.response_status),
            outcome.response_body.as_str(),
            outcome.duration_ms,
            outcome.dead,
        ],
    )
    .await?;
    Ok(())
}

/// How the claim of a key went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Logged as pending and ours to work on until the lease ends.
    Fresh,
    /// Somebody was first: that delivery. Nothing was written.
    Duplicate(InboundDeliveryId),
}

/// Claims the request's key, if it has one, and logs it as pending, in one commit. Without a lease
/// it waits for the first worker that looks.
pub async fn begin(tx: &mut Tx, received: &Received, window_seconds: u32, lease_ms: i64) -> Result<Claim, StoreError> {
    if let Some(first) = claim_key(tx, received, window_seconds).await? {
        return Ok(Claim::Duplicate(first));
    }
    start(tx, received, lease_ms).await?;
    Ok(Claim::Fresh)
}

/// Logs what is done whether its key was seen before or not: a replay. If the key is free it is
/// taken, so that a sender who tries again is told of this one.
pub async fn begin_anyway(tx: &mut Tx, received: &Received, window_seconds: u32, lease_ms: i64) -> Result<(), StoreError> {
    claim_key(tx, received, window_seconds).await?;
    start(tx, received, lease_ms).await
}

/// The delivery that has this request's key, if it isn't this one.
async fn claim_key(tx: &mut Tx, received: &Received, window_seconds: u32) -> Result<Option<InboundDeliveryId>, StoreError> {
    let (Some(key), Some(webhook)) = (&received.idempotency_key, received.webhook) else { return Ok(None) };
    let tenant = tx.tenant();
    let sql = "INSERT INTO inbound_key (webhook, key, tenant, delivery, expires_at) VALUES ($1, $2, $3, $4, now_ms() + $5)
        ON CONFLICT (webhook, key, tenant) DO UPDATE SET delivery = excluded.delivery, expires_at = excluded.expires_at
        WHERE inbound_key.expires_at <= now_ms()";
    let window = i64::from(window_seconds) * 1_000;
    if tx.execute(sql, params![webhook, key.as_str(), tenant, received.id, window]).await? > 0 {
        return Ok(None);
    }
    let sql = "SELECT delivery FROM inbound_key WHERE webhook = $1 AND key = $2 AND tenant = $3";
    Ok(Some(tx.query_one(sql, params![webhook, key.as_str(), tenant]).await?.get(0)?))
}

async fn start(tx: &mut Tx, received: &Received, lease_ms: i64) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    insert_received(tx, received, DispatchStatus::Pending).await?;
    let sql = "INSERT INTO inbound_due (delivery, tenant, next_at, tries) VALUES ($1, $2, now_ms() + $3, $4)";
    // What nobody works on yet was never tried.
    tx.execute(sql, params![received.id, tenant, lease_ms, i64::from(lease_ms != 0)]).await?;
    Ok(())
}

/// Ends the work on a delivery, in the transaction of what it did. `false`: somebody else ended it,
/// and this transaction must not commit. A failure gives the key back: the sender's retry runs again.
pub async fn finish(tx: &mut Tx, id: InboundDeliveryId, outcome: &Outcome) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    if tx.execute("DELETE FROM inbound_due WHERE delivery = $1 AND tenant = $2", params![id, tenant]).await? == 0 {
        return Ok(false);
    }
    write_outcome(tx, id, outcome).await?;
    if outcome.status == DispatchStatus::Failed {
        let sql = "DELETE FROM inbound_key WHERE tenant = $2 AND delivery = $1
            AND webhook = (SELECT inbound_webhook_id FROM inbound_webhook_deliveries WHERE delivery_id = $1 AND tenant = $2)
            AND key = (SELECT idempotency_key FROM inbound_webhook_deliveries WHERE delivery_id = $1 AND tenant = $2)";
        tx.execute(sql, params![id, tenant]).await?;
    }
    Ok(true)
}

/// Puts a delivery off: it stays pending, and its row says why. `false`: somebody else ended it.
pub async fn put_off(tx: &mut Tx, id: InboundDeliveryId, wait_ms: i64, why: &serde_json::Value) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let sql = "UPDATE inbound_due SET next_at = now_ms() + $3 WHERE delivery = $1 AND tenant = $2";
    if tx.execute(sql, params![id, tenant, wait_ms]).await? == 0 {
        return Ok(false);
    }
    let sql = "UPDATE inbound_webhook_deliveries SET handler_outcome = $3, updated_at = now_ms()
        WHERE delivery_id = $1 AND tenant = $2";
    tx.execute(sql, params![id, tenant, why]).await?;
    Ok(true)
}

/// Somebody had it done again, and that worked: it waits for nobody any more.
pub async fn resurrect(tx: &mut Tx, id: InboundDeliveryId) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let sql = "UPDATE inbound_webhook_deliveries SET dead_lettered_at = NULL
        WHERE delivery_id = $1 AND tenant = $2 AND dead_lettered_at IS NOT NULL";
    tx.execute(sql, params![id, tenant]).await?;
    Ok(())
}

/// Whether something waits for a worker.
pub async fn is_due(tx: &mut Tx) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM inbound_due WHERE next_at <= now_ms() LIMIT 1";
    Ok(tx.query_opt(sql, &[]).await?.is_some())
}

/// Takes over deliveries that wait, or whose worker is gone, for `lease_ms` each. Their rows count
/// what was tried before as retries.
pub async fn take_over(tx: &mut Tx, limit: i64, lease_ms: i64) -> Result<Vec<(TenantId, InboundDeliveryId, u32)>, StoreError> {
    let sql = "SELECT tenant, delivery, tries FROM inbound_due WHERE next_at <= now_ms() ORDER BY next_at LIMIT $1";
    let mut taken = Vec::new();
    for mut row in tx.query(sql, params![limit]).await? {
        let (tenant, delivery, tries): (TenantId, InboundDeliveryId, u32) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let sql = "UPDATE inbound_due SET next_at = now_ms() + $4, tries = tries + 1
            WHERE delivery = $1 AND tenant = $2 AND tries = $3 AND next_at <= now_ms()";
        if tx.execute(sql, params![delivery, tenant, tries, lease_ms]).await? == 0 {
            continue;
        }
        if tries > 0 {
            let sql = "UPDATE inbound_webhook_deliveries SET retry_count = $3 WHERE delivery_id = $1 AND tenant = $2";
            tx.execute(sql, params![delivery, tenant, tries]).await?;
        }
        taken.push((tenant, delivery, tries + 1));
    }
    Ok(taken)
}
