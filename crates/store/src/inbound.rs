//! Inbound webhooks, what they received, and whose idempotency key is whose.

use hookswitch_domain::id::{InboundDeliveryId, InboundWebhookId, SecretId, TenantId};
use hookswitch_domain::inbound::{Auth, AuthStatus, DispatchStatus, Handler, IdempotencySource, Options};
use hookswitch_domain::time::Timestamp;
use ipnet::IpNet;
use serde::de::DeserializeOwned;

use crate::db::Tx;
use crate::error::StoreError;
use crate::page::Page;
use crate::secret::{self, Sealed};
use crate::{Row, params};

#[derive(Debug, Clone)]
pub struct Webhook {
    pub id: InboundWebhookId,
    pub name: String,
    pub slug: String,
    pub description: String,
    pub auth: Auth,
    pub secret: Option<SecretId>,
    /// Networks that are demanded on top of the scheme; empty: any.
    pub ip_cidrs: Vec<IpNet>,
    pub idempotency_source: Option<IdempotencySource>,
    pub idempotency_window_seconds: u32,
    /// `None`: not configured yet.
    pub handler: Option<Handler>,
    pub is_active: bool,
    pub rate_limit_per_minute: u32,
    pub auto_disabled_at: Option<Timestamp>,
    pub options: Options,
    pub revision: i64,
    pub created_by: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

const COLUMNS: &str = "inbound_webhook_id, name, slug, description, auth_config, secret, ip_cidrs, idempotency_source,
    idempotency_window_seconds, handler_config, is_active, rate_limit_per_minute, auto_disabled_at, options, revision,
    created_by, created_at, updated_at";

fn json<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt(format!("inbound webhook: {error}")))
}

fn text(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Bug(error.to_string()))
}

fn read(mut row: Row) -> Result<Webhook, StoreError> {
    let source: Option<String> = row.get(7)?;
    Ok(Webhook {
        id: row.get(0)?,
        name: row.get(1)?,
        slug: row.get(2)?,
        description: row.get(3)?,
        auth: json(&row.get::<String>(4)?)?,
        secret: row.get(5)?,
        ip_cidrs: json(&row.get::<String>(6)?)?,
        idempotency_source: source.as_deref().map(json).transpose()?,
        idempotency_window_seconds: row.get(8)?,
        handler: json(&row.get::<String>(9)?)?,
        is_active: row.get(10)?,
        rate_limit_per_minute: row.get(11)?,
        auto_disabled_at: row.get(12)?,
        options: json(&row.get::<String>(13)?)?,
        revision: row.get(14)?,
        created_by: row.get(15)?,
        created_at: row.get(16)?,
        updated_at: row.get(17)?,
    })
}

/// A slug that the tenant has already is a `Conflict`.
pub async fn insert(tx: &mut Tx, webhook: &Webhook) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let sql = "INSERT INTO inbound_webhooks (inbound_webhook_id, tenant, name, slug, description, auth_type, auth_config, secret,
            ip_cidrs, idempotency_source, idempotency_window_seconds, handler_type, handler_config, is_active,
            rate_limit_per_minute, options, revision, created_by, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 1, $17, $18, $18)";
    tx.execute(
        sql,
        params![
            webhook.id,
            tenant,
            &webhook.name,
            &webhook.slug,
            &webhook.description,
            webhook.auth.type_name(),
            text(&webhook.auth)?,
            webhook.secret,
            text(&webhook.ip_cidrs)?,
            webhook.idempotency_source.as_ref().map(text).transpose()?,
            webhook.idempotency_window_seconds,
            webhook.handler.as_ref().map_or("direct_action", Handler::type_name),
            text(&webhook.handler)?,
            webhook.is_active,
            webhook.rate_limit_per_minute,
            text(&webhook.options)?,
            &webhook.created_by,
            webhook.created_at,
        ],
    )
    .await?;
    Ok(())
}

/// Writes everything that can be edited; the slug stays.
pub async fn update(tx: &mut Tx, webhook: &Webhook) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let sql = "UPDATE inbound_webhooks SET name = $3, description = $4, auth_type = $5, auth_config = $6, secret = $7, ip_cidrs = $8,
            idempotency_source = $9, idempotency_window_seconds = $10, handler_type = $11, handler_config = $12, is_active = $13,
            rate_limit_per_minute = $14, options = $15, revision = revision + 1, updated_at = $16,
            auto_disabled_at = CASE WHEN $13 THEN NULL ELSE auto_disabled_at END
        WHERE inbound_webhook_id = $1 AND tenant = $2";
    let params = params![
        webhook.id,
        tenant,
        &webhook.name,
        &webhook.description,
        webhook.auth.type_name(),
        text(&webhook.auth)?,
        webhook.secret,
        text(&webhook.ip_cidrs)?,
        webhook.idempotency_source.as_ref().map(text).transpose()?,
        webhook.idempotency_window_seconds,
        webhook.handler.as_ref().map_or("direct_action", Handler::type_name),
        text(&webhook.handler)?,
        webhook.is_active,
        webhook.rate_limit_per_minute,
        text(&webhook.options)?,
        webhook.updated_at,
    ];
    Ok(tx.execute(sql, params).await? == 1)
}

pub async fn get(tx: &mut Tx, id: InboundWebhookId) -> Result<Option<Webhook>, StoreError> {
    let tenant = tx.tenant();
    let sql = format!("SELECT {COLUMNS} FROM inbound_webhooks WHERE inbound_webhook_id = $1 AND tenant = $2");
    tx.query_opt(&sql, params![id, tenant]).await?.map(read).transpose()
}

/// Newest first.
pub async fn list(tx: &mut Tx, page: &Page) -> Result<Vec<Webhook>, StoreError> {
    let tenant = tx.tenant();
    let sql = format!(
        "SELECT {COLUMNS} FROM inbound_webhooks WHERE tenant = $1 AND inbound_webhook_id < $2 AND inbound_webhook_id >= $3
         ORDER BY inbound_webhook_id DESC LIMIT $4"
    );
    tx.query(&sql, params![tenant, page.below(), page.floor(), page.fetch()]).await?.into_iter().map(read).collect()
}

/// Removes the configuration and its secret; what was received stays readable, without its webhook.
pub async fn delete(tx: &mut Tx, webhook: &Webhook) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    for sql in [
        "UPDATE inbound_webhook_deliveries SET inbound_webhook_id = NULL WHERE inbound_webhook_id = $1 AND tenant = $2",
        "DELETE FROM inbound_key WHERE webhook = $1 AND tenant = $2",
        "DELETE FROM inbound_webhooks WHERE inbound_webhook_id = $1 AND tenant = $2",
    ] {
        tx.execute(sql, params![webhook.id, tenant]).await?;
    }
    if let Some(secret) = webhook.secret {
        secret::delete(tx, secret).await?;
    }
    Ok(())
}

/// What the receiver needs to know of a URL, from one read on the primary.
#[derive(Debug, Clone)]
pub struct Door {
    pub tenant: TenantId,
    pub enabled: bool,
    pub webhook: Option<(Webhook, Option<Sealed>)>,
}

/// Finds the tenant by its slug, and its webhook by its. `None`: no such tenant.
pub async fn door(tx: &mut Tx, tenant_slug: &str, webhook_slug: &str) -> Result<Option<Door>, StoreError> {
    let sql = "SELECT id, inbound_webhooks_enabled FROM tenant WHERE slug = $1";
    let Some(mut row) = tx.query_opt(sql, params![tenant_slug]).await? else { return Ok(None) };
    let (tenant, enabled): (TenantId, bool) = (row.get(0)?, row.get(1)?);
    let sql = format!("SELECT {COLUMNS} FROM inbound_webhooks WHERE tenant = $1 AND slug = $2");
    let Some(found) = tx.query_opt(&sql, params![tenant, webhook_slug]).await? else {
        return Ok(Some(Door { tenant, enabled, webhook: None }));
    };
    let webhook = read(found)?;
    let sealed = match webhook.secret {
        Some(id) => secret::get_of(tx, tenant, id).await?,
        None => None,
    };
    Ok(Some(Door { tenant, enabled, webhook: Some((webhook, sealed)) }))
}

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

const DELIVERY: &str = "delivery_id, inbound_webhook_id, idempotency_key, received_at, request_method, request_path, request_headers,
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

/// The recorded result of a step, if it was done before.
pub async fn effect(tx: &mut Tx, step_key: &str) -> Result<Option<serde_json::Value>, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT result FROM effect WHERE step_key = $1 AND tenant = $2";
    tx.query_opt(sql, params![step_key, tenant]).await?.map(|mut row| row.get(0)).transpose()
}

/// Records what a step did, in the transaction that did it.
pub async fn record_effect(tx: &mut Tx, step_key: &str, result: &serde_json::Value) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let sql = "INSERT INTO effect (step_key, tenant, result, created_at) VALUES ($1, $2, $3, now_ms())";
    tx.execute(sql, params![step_key, tenant, result]).await?;
    Ok(())
}
