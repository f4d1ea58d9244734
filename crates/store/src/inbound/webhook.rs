//! The configuration of inbound webhooks, and what the receiver needs to know of a URL.

use hookswitch_domain::id::{InboundWebhookId, SecretId, TenantId};
use hookswitch_domain::inbound::{Auth, Handler, IdempotencySource, Options};
use hookswitch_domain::time::Timestamp;
use ipnet::IpNet;
use serde::de::DeserializeOwned;

use super::alias::of_slug;
use super::revision;
use super::sample::{self, Capture};
use crate::db::Tx;
use crate::error::StoreError;
use crate::page::Page;
use crate::secret::{self, Sealed};
use crate::value::UuidValue;
use crate::{Row, params};

#[derive(Debug, Clone)]
pub struct Webhook {
    pub id: InboundWebhookId,
    pub name: String,
    pub slug: String,
    pub description: String,
    pub auth: Auth,
    pub secret: Option<SecretId>,
    /// Replaced by a rotation, it lets in until then.
    pub previous_secret: Option<SecretId>,
    pub previous_until: Option<Timestamp>,
    /// Networks that are demanded on top of the scheme; empty: any.
    pub ip_cidrs: Vec<IpNet>,
    pub idempotency_source: Option<IdempotencySource>,
    pub idempotency_window_seconds: u32,
    /// `None`: not configured yet.
    pub handler: Option<Handler>,
    pub is_active: bool,
    pub rate_limit_per_minute: u32,
    pub auto_disabled_at: Option<Timestamp>,
    /// Since when its handler has been failing.
    pub failing_since: Option<Timestamp>,
    pub capture: Capture,
    pub options: Options,
    pub revision: i64,
    pub created_by: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

const COLUMNS: &str = "inbound_webhook_id, name, slug, description, auth_config, secret, ip_cidrs, idempotency_source,
    idempotency_window_seconds, handler_config, is_active, rate_limit_per_minute, auto_disabled_at, options, revision,
    created_by, created_at, updated_at, previous_secret, previous_until, failing_since, sample_capture_expires_at,
    sample_payload, sample_captured_at";

fn json<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt(format!("inbound webhook: {error}")))
}

fn text(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Bug(error.to_string()))
}

fn read(mut row: Row) -> Result<Webhook, StoreError> {
    let source: Option<String> = row.get(7)?;
    let sample: Option<String> = row.get(22)?;
    let sample = sample.and_then(|id| id.parse().ok()).zip(row.get::<Option<Timestamp>>(23)?);
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
        previous_secret: row.get(18)?,
        previous_until: row.get(19)?,
        failing_since: row.get(20)?,
        capture: Capture { until: row.get(21)?, sample },
    })
}

/// A slug that the tenant has already, if only as an alias, is a `Conflict`.
pub async fn insert(tx: &mut Tx, webhook: &Webhook) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    if of_slug(tx, tenant, &webhook.slug).await?.is_some() {
        return Err(StoreError::Conflict("inbound_alias".to_owned()));
    }
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
    revision::keep(tx, webhook.id).await
}

/// Writes everything that can be edited, as the next revision; the slug is [`super::rename`]'s.
pub async fn update(tx: &mut Tx, webhook: &Webhook) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let sql =
        "UPDATE inbound_webhooks SET name = $3, description = $4, auth_type = $5, auth_config = $6, secret = $7, ip_cidrs = $8,
            idempotency_source = $9, idempotency_window_seconds = $10, handler_type = $11, handler_config = $12, is_active = $13,
            rate_limit_per_minute = $14, options = $15, revision = revision + 1, updated_at = $16,
            auto_disabled_at = CASE WHEN $13 THEN NULL ELSE auto_disabled_at END,
            failures = 0, failing_since = NULL
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
    if tx.execute(sql, params).await? == 0 {
        return Ok(false);
    }
    revision::keep(tx, webhook.id).await?;
    Ok(true)
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
    sample::clear_capture(tx, webhook.id).await?;
    for sql in [
        "UPDATE inbound_webhook_deliveries SET inbound_webhook_id = NULL WHERE inbound_webhook_id = $1 AND tenant = $2",
        "DELETE FROM inbound_key WHERE webhook = $1 AND tenant = $2",
        "DELETE FROM inbound_revision WHERE webhook = $1 AND tenant = $2",
        "DELETE FROM inbound_alias WHERE webhook = $1 AND tenant = $2",
        "DELETE FROM inbound_webhooks WHERE inbound_webhook_id = $1 AND tenant = $2",
    ] {
        tx.execute(sql, params![webhook.id, tenant]).await?;
    }
    for secret in [webhook.secret, webhook.previous_secret].into_iter().flatten() {
        secret::delete(tx, secret).await?;
    }
    Ok(())
}

/// What the receiver needs to know of a URL, from one read on the primary.
#[derive(Debug, Clone)]
pub struct Door {
    pub tenant: TenantId,
    pub enabled: bool,
    /// With the secrets that let in now, the newest first.
    pub webhook: Option<(Webhook, Vec<Sealed>)>,
}

/// Finds the tenant by its slug, and its webhook by its, present or former. `None`: no such tenant. As much is looked
/// for where nothing is there: the time of the answer tells nothing.
pub async fn door(tx: &mut Tx, tenant_slug: &str, webhook_slug: &str) -> Result<Option<Door>, StoreError> {
    let sql = "SELECT id, inbound_webhooks_enabled FROM tenant WHERE slug = $1";
    let found: Option<(TenantId, bool)> = match tx.query_opt(sql, params![tenant_slug]).await? {
        Some(mut row) => Some((row.get(0)?, row.get(1)?)),
        None => None,
    };
    let tenant = found.map_or(TenantId(UuidValue::nil()), |(tenant, _)| tenant);
    let sql = format!(
        "SELECT {COLUMNS} FROM inbound_webhooks WHERE tenant = $1 AND slug = $2
         UNION ALL SELECT {COLUMNS} FROM inbound_webhooks WHERE tenant = $1 AND inbound_webhook_id =
           (SELECT webhook FROM inbound_alias WHERE tenant = $1 AND slug = $2)"
    );
    let webhook = tx.query_opt(&sql, params![tenant, webhook_slug]).await?.map(read).transpose()?;
    let current = webhook.as_ref().and_then(|webhook| webhook.secret).unwrap_or(secret::MARKER);
    let mut sealed: Vec<Sealed> = secret::get_of(tx, tenant, current).await?.into_iter().collect();
    if let Some(webhook) = webhook.as_ref().filter(|webhook| webhook.previous_secret.is_some()) {
        sealed.extend(super::rotation::overlapping(tx, tenant, webhook.id).await?);
    }
    Ok(found.map(|(tenant, enabled)| Door { tenant, enabled, webhook: webhook.map(|webhook| (webhook, sealed)) }))
}
