//! Notification rules: who is told of what. The address of a chat service is sealed elsewhere.

use hookswitch_domain::id::{NotificationRuleId, SecretId, TenantId};
use hookswitch_domain::notification::{Rule, State};
use hookswitch_domain::time::Timestamp;

use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::page::Page;
use crate::{Row, params};

#[derive(Debug, Clone)]
pub struct NotificationRule {
    pub id: NotificationRuleId,
    pub tenant: TenantId,
    pub name: String,
    pub enabled: bool,
    pub rule: Rule,
    pub url_secret: Option<SecretId>,
    pub state: State,
    pub last_sent_at: Option<Timestamp>,
    pub last_error: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

const COLUMNS: &str = "id, tenant, name, enabled, config, url_secret, state, last_sent_at, last_error, created_at, updated_at";

fn read(mut row: Row) -> Result<NotificationRule, StoreError> {
    let (config, state): (String, String) = (row.get(4)?, row.get(6)?);
    let corrupt = |error: serde_json::Error| StoreError::Corrupt(format!("notification rule: {error}"));
    Ok(NotificationRule {
        id: row.get(0)?,
        tenant: row.get(1)?,
        name: row.get(2)?,
        enabled: row.get(3)?,
        rule: serde_json::from_str(&config).map_err(corrupt)?,
        url_secret: row.get(5)?,
        state: serde_json::from_str(&state).map_err(corrupt)?,
        last_sent_at: row.get(7)?,
        last_error: row.get(8)?,
        created_at: row.get(9)?,
        updated_at: row.get(10)?,
    })
}

fn document(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Bug(error.to_string()))
}

pub async fn insert(tx: &mut Tx, row: &NotificationRule) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let sql = "INSERT INTO notification_rule (id, tenant, name, enabled, config, url_secret, state, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)";
    let (config, state) = (document(&row.rule)?, document(&row.state)?);
    let params = params![row.id, tenant, row.name.as_str(), row.enabled, config, row.url_secret, state, row.created_at];
    tx.execute(sql, params).await?;
    Ok(())
}

/// Writes what people edit. What was told before is forgotten: the rule starts anew.
pub async fn update(tx: &mut Tx, row: &NotificationRule) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let sql = "UPDATE notification_rule SET name = $3, enabled = $4, config = $5, url_secret = $6, state = $7, last_error = NULL,
            updated_at = $8 WHERE id = $1 AND tenant = $2";
    let (config, state) = (document(&row.rule)?, document(&row.state)?);
    let params = params![row.id, tenant, row.name.as_str(), row.enabled, config, row.url_secret, state, row.updated_at];
    tx.execute(sql, params).await?;
    Ok(())
}

pub async fn get(tx: &mut Tx, id: NotificationRuleId) -> Result<Option<NotificationRule>, StoreError> {
    let tenant = tx.tenant();
    let sql = format!("SELECT {COLUMNS} FROM notification_rule WHERE id = $1 AND tenant = $2");
    tx.query_opt(&sql, params![id, tenant]).await?.map(read).transpose()
}

/// Newest first.
pub async fn list(tx: &mut Tx, page: &Page) -> Result<Vec<NotificationRule>, StoreError> {
    let tenant = tx.tenant();
    let sql =
        format!("SELECT {COLUMNS} FROM notification_rule WHERE tenant = $1 AND id < $2 AND id >= $3 ORDER BY id DESC LIMIT $4");
    tx.query(&sql, params![tenant, page.below(), page.floor(), page.fetch()]).await?.into_iter().map(read).collect()
}

pub async fn delete(tx: &mut Tx, id: NotificationRuleId) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    tx.execute("DELETE FROM notification_rule WHERE id = $1 AND tenant = $2", params![id, tenant]).await?;
    Ok(())
}

/// Every tenant's rules that are switched on: for the duty that judges them.
pub async fn enabled(db: &Db) -> Result<Vec<NotificationRule>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM notification_rule WHERE enabled = $1");
    let system = db.system();
    let rows = system.read(move |tx| Box::pin(async move { tx.query(&sql, params![true]).await }));
    let rows: Vec<Row> = rows.await?;
    rows.into_iter().map(read).collect()
}

/// Replaces what was told before, unless somebody else has: of several nodes one sends.
pub async fn advance(tx: &mut Tx, id: NotificationRuleId, from: &State, to: &State) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let sql = "UPDATE notification_rule SET state = $4 WHERE id = $1 AND tenant = $2 AND state = $3";
    Ok(tx.execute(sql, params![id, tenant, document(from)?, document(to)?]).await? == 1)
}

/// How a send ended.
pub async fn note(tx: &mut Tx, id: NotificationRuleId, ended: &Result<Timestamp, String>) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let (sent_at, error) = match ended {
        Ok(at) => (Some(*at), None),
        Err(error) => (None, Some(error.as_str())),
    };
    let sql =
        "UPDATE notification_rule SET last_sent_at = coalesce($3, last_sent_at), last_error = $4 WHERE id = $1 AND tenant = $2";
    tx.execute(sql, params![id, tenant, sent_at, error]).await?;
    Ok(())
}

/// The tenant's inbound webhooks that were disabled by themselves: id and name.
pub async fn disabled_webhooks(tx: &mut Tx) -> Result<Vec<(String, String)>, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT inbound_webhook_id, name FROM inbound_webhooks WHERE tenant = $1 AND auto_disabled_at IS NOT NULL";
    let rows = tx.query(sql, params![tenant]).await?;
    let read = |mut row: Row| Ok((row.get::<hookswitch_domain::id::InboundWebhookId>(0)?.to_string(), row.get(1)?));
    rows.into_iter().map(read).collect()
}
