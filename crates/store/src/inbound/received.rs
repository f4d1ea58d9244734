//! What webhooks received: logged with the claim of its idempotency key, worked on under a lease,
//! and ended in the transaction of whatever it did.

use hookswitch_domain::id::{InboundDeliveryId, InboundWebhookId, TenantId};
use hookswitch_domain::inbound::{AuthStatus, DispatchStatus};
use hookswitch_domain::time::Timestamp;

use crate::db::Tx;
use crate::error::StoreError;
use crate::page::Page;
use crate::{Row, params};

/// A received request, as it is logged.
#[derive(Debug, Clone)]
pub struct Received {
    pub id: InboundDeliveryId,
    pub webhook: Option<InboundWebhookId>,
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
}

/// Logs a request together with its outcome, where there is nothing more to do.
pub async fn log(tx: &mut Tx, received: &Received, outcome: &Outcome) -> Result<(), StoreError> {
    insert_received(tx, received, outcome.status).await?;
    write_outcome(tx, received.id, outcome).await
}

async fn insert_received(tx: &mut Tx, received: &Received, status: DispatchStatus) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let sql = "INSERT INTO inbound_webhook_deliveries (delivery_id, tenant, inbound_webhook_id, idempotency_key, received_at,
            request_method, request_path, request_headers, request_body, source_ip, user_agent, auth_status, dispatch_status,
            revision, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $5)";
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
        ],
    )
    .await?;
    Ok(())
}

async fn write_outcome(tx: &mut Tx, id: InboundDeliveryId, outcome: &Outcome) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let sql = "UPDATE inbound_webhook_deliveries SET dispatch_status = $3, handler_outcome = $4, response_status = $5,
            response_body = $6, duration_ms = $7, updated_at = now_ms() WHERE delivery_id = $1 AND tenant = $2";
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

/// Claims the request's key, if it has one, and logs it as pending, in one commit.
pub async fn begin(tx: &mut Tx, received: &Received, window_seconds: u32, lease_ms: i64) -> Result<Claim, StoreError> {
    let tenant = tx.tenant();
    if let (Some(key), Some(webhook)) = (&received.idempotency_key, received.webhook) {
        let sql = "INSERT INTO inbound_key (webhook, key, tenant, delivery, expires_at) VALUES ($1, $2, $3, $4, now_ms() + $5)
            ON CONFLICT (webhook, key, tenant) DO UPDATE SET delivery = excluded.delivery, expires_at = excluded.expires_at
            WHERE inbound_key.expires_at <= now_ms()";
        let window = i64::from(window_seconds) * 1_000;
        if tx.execute(sql, params![webhook, key.as_str(), tenant, received.id, window]).await? == 0 {
            let sql = "SELECT delivery FROM inbound_key WHERE webhook = $1 AND key = $2 AND tenant = $3";
            let mut row = tx.query_one(sql, params![webhook, key.as_str(), tenant]).await?;
            return Ok(Claim::Duplicate(row.get(0)?));
        }
    }
    insert_received(tx, received, DispatchStatus::Pending).await?;
    let sql = "INSERT INTO inbound_due (delivery, tenant, next_at, tries) VALUES ($1, $2, now_ms() + $3, 1)";
    tx.execute(sql, params![received.id, tenant, lease_ms]).await?;
    Ok(Claim::Fresh)
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

/// Takes over deliveries whose worker is gone, for `lease_ms` each.
pub async fn take_over(tx: &mut Tx, limit: i64, lease_ms: i64) -> Result<Vec<(TenantId, InboundDeliveryId, u32)>, StoreError> {
    let sql = "SELECT tenant, delivery, tries FROM inbound_due WHERE next_at <= now_ms() ORDER BY next_at LIMIT $1";
    let mut taken = Vec::new();
    for mut row in tx.query(sql, params![limit]).await? {
        let (tenant, delivery, tries): (TenantId, InboundDeliveryId, u32) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let sql = "UPDATE inbound_due SET next_at = now_ms() + $4, tries = tries + 1 WHERE delivery = $1 AND tenant = $2 AND tries = $3";
        if tx.execute(sql, params![delivery, tenant, tries, lease_ms]).await? == 1 {
            taken.push((tenant, delivery, tries + 1));
        }
    }
    Ok(taken)
}

/// A delivery as it is read.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub received: Received,
    pub dispatch_status: DispatchStatus,
    pub handler_outcome: Option<serde_json::Value>,
    pub response_status: Option<u32>,
    pub response_body: Option<String>,
    pub duration_ms: Option<i64>,
    pub retry_count: u32,
    pub is_replay: bool,
    pub replayed_from: Option<InboundDeliveryId>,
}

const DELIVERY: &str =
    "delivery_id, inbound_webhook_id, idempotency_key, received_at, request_method, request_path, request_headers,
    request_body, source_ip, user_agent, auth_status, revision, dispatch_status, handler_outcome, response_status, response_body,
    duration_ms, retry_count, is_replay, replayed_from";

fn read_delivery(mut row: Row) -> Result<Delivery, StoreError> {
    let auth: String = row.get(10)?;
    let status: String = row.get(12)?;
    let known = || StoreError::Corrupt("an inbound delivery's status".to_owned());
    Ok(Delivery {
        received: Received {
            id: row.get(0)?,
            webhook: row.get(1)?,
            idempotency_key: row.get(2)?,
            received_at: row.get(3)?,
            method: row.get(4)?,
            path: row.get(5)?,
            headers: row.get(6)?,
            body: row.get(7)?,
            source_ip: row.get(8)?,
            user_agent: row.get(9)?,
            auth_status: serde_json::from_value(auth.into()).map_err(|_| known())?,
            revision: row.get(11)?,
        },
        dispatch_status: DispatchStatus::named(&status).ok_or_else(known)?,
        handler_outcome: row.get(13)?,
        response_status: row.get(14)?,
        response_body: row.get(15)?,
        duration_ms: row.get(16)?,
        retry_count: row.get(17)?,
        is_replay: row.get(18)?,
        replayed_from: row.get(19)?,
    })
}

pub async fn delivery(tx: &mut Tx, id: InboundDeliveryId) -> Result<Option<Delivery>, StoreError> {
    let tenant = tx.tenant();
    let sql = format!("SELECT {DELIVERY} FROM inbound_webhook_deliveries WHERE delivery_id = $1 AND tenant = $2");
    tx.query_opt(&sql, params![id, tenant]).await?.map(read_delivery).transpose()
}

/// What one webhook received, newest first.
pub async fn deliveries(
    tx: &mut Tx,
    webhook: InboundWebhookId,
    page: &Page,
    status: Option<DispatchStatus>,
) -> Result<Vec<Delivery>, StoreError> {
    let tenant = tx.tenant();
    let sql = format!(
        "SELECT {DELIVERY} FROM inbound_webhook_deliveries WHERE inbound_webhook_id = $1 AND tenant = $2
           AND delivery_id < $3 AND delivery_id >= $4 AND ($5 = '' OR dispatch_status = $5)
         ORDER BY delivery_id DESC LIMIT $6"
    );
    let status = status.map_or("", DispatchStatus::as_str);
    let params = params![webhook, tenant, page.below(), page.floor(), status, page.fetch()];
    tx.query(&sql, params).await?.into_iter().map(read_delivery).collect()
}

/// When each webhook last received something that verified.
pub async fn last_received(tx: &mut Tx, webhook: InboundWebhookId) -> Result<Option<Timestamp>, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT received_at FROM inbound_webhook_deliveries WHERE inbound_webhook_id = $1 AND tenant = $2
        ORDER BY delivery_id DESC LIMIT 1";
    tx.query_opt(sql, params![webhook, tenant]).await?.map(|mut row| row.get(0)).transpose()
}
