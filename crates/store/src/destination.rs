//! Destinations and their lanes. Whole URLs and signing secrets are sealed elsewhere (`secret`);
//! here are references to them, and what may be shown.

use std::collections::HashSet;

use hookswitch_domain::destination::{Config, Hold};
use hookswitch_domain::id::{CredentialId, DestinationId, GroupId, SecretId};
use hookswitch_domain::time::Timestamp;

use crate::db::Tx;
use crate::error::StoreError;
use crate::event::Meta;
use crate::health::{self, Shown};
use crate::page::Page;
use crate::queue::NEVER;
use crate::signing_key::{self, SigningKey};
use crate::{Row, params};

#[derive(Debug, Clone)]
pub struct Destination {
    pub id: DestinationId,
    pub group_id: Option<GroupId>,
    pub name: String,
    pub adapter_type: String,
    /// Scheme and host.
    pub endpoint: String,
    pub url_secret: SecretId,
    pub signing_secret: Option<SecretId>,
    /// Signs too until `previous_until`, while a rotation overlaps.
    pub previous_secret: Option<SecretId>,
    pub previous_until: Option<Timestamp>,
    /// Ed25519 keys, the newest first.
    pub keys: Vec<SigningKey>,
    pub credential: Option<CredentialId>,
    pub config: Config,
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Why nothing is sent at the moment; `None` while it is active.
    pub hold: Option<Hold>,
    /// Present while it fails; see `health`.
    pub failing: Option<Shown>,
}

impl Destination {
    /// Whether an event is for this destination; a test event is for the one that it was sent to.
    pub fn wants(&self, event_type: &str, meta: &Meta) -> bool {
        let in_group = self.group_id.is_none_or(|own| meta.group_id == Some(own));
        in_group && meta.source != "test" && self.config.event_types.iter().any(|pattern| pattern.matches(event_type))
    }
}

const COLUMNS: &str = "d.id, d.group_id, d.name, d.adapter_type, d.endpoint, d.url_secret, d.signing_secret, d.previous_secret,
    d.previous_until, d.credential, d.config, d.revision, d.created_at, d.updated_at, l.hold,
    h.failing_since, h.failed_probes, h.not_before, h.not_before > now_ms()";
const FROM: &str = "FROM integration_destinations d JOIN lane l ON l.destination = d.id AND l.tenant = d.tenant
    LEFT JOIN destination_health h ON h.destination = d.id AND h.tenant = d.tenant";

fn read(mut row: Row) -> Result<Destination, StoreError> {
    let config: String = row.get(10)?;
    let hold: Option<String> = row.get(14)?;
    Ok(Destination {
        id: row.get(0)?,
        group_id: row.get(1)?,
        name: row.get(2)?,
        adapter_type: row.get(3)?,
        endpoint: row.get(4)?,
        url_secret: row.get(5)?,
        signing_secret: row.get(6)?,
        previous_secret: row.get(7)?,
        previous_until: row.get(8)?,
        keys: Vec::new(),
        credential: row.get(9)?,
        config: serde_json::from_str(&config).map_err(|error| StoreError::Corrupt(format!("destination config: {error}")))?,
        revision: row.get(11)?,
        created_at: row.get(12)?,
        updated_at: row.get(13)?,
        hold: hold.as_deref().and_then(Hold::named),
        failing: match row.get::<Option<Timestamp>>(15)? {
            None => None,
            Some(failing_since) => Some(Shown {
                failing_since,
                breaker_open: row.get::<Option<i64>>(16)?.is_some(),
                next_probe_at: row.get(17)?,
                waits: row.get(18)?,
            }),
        },
    })
}

fn document(config: &Config) -> Result<serde_json::Value, StoreError> {
    serde_json::to_value(config).map_err(|error| StoreError::Bug(error.to_string()))
}

/// Inserts a destination with its lane.
pub async fn insert(tx: &mut Tx, destination: &Destination) -> Result<(), StoreError> {
    let (tenant, config) = (tx.tenant(), document(&destination.config)?);
    tx.execute(
        "INSERT INTO integration_destinations (id, tenant, group_id, name, adapter_type, endpoint, url_secret, signing_secret,
             credential, enabled, config, revision, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, $12, $12)",
        params![
            destination.id,
            tenant,
            destination.group_id,
            destination.name.as_str(),
            destination.adapter_type.as_str(),
            destination.endpoint.as_str(),
            destination.url_secret,
            destination.signing_secret,
            destination.credential,
            destination.hold.is_none(),
            config,
            destination.created_at,
        ],
    )
    .await?;
    let lane = "INSERT INTO lane (destination, tenant, next_at, hold) VALUES ($1, $2, $3, $4)";
    tx.execute(lane, params![destination.id, tenant, NEVER, destination.hold.map(Hold::as_str)]).await?;
    Ok(())
}

pub async fn get(tx: &mut Tx, id: DestinationId) -> Result<Option<Destination>, StoreError> {
    let tenant = tx.tenant();
    let sql = format!("SELECT {COLUMNS} {FROM} WHERE d.id = $1 AND d.tenant = $2");
    let found = tx.query_opt(&sql, params![id, tenant]).await?.map(read).transpose()?;
    let Some(mut destination) = found.filter(|found| tx.covers(found.group_id)) else { return Ok(None) };
    destination.keys = signing_key::of(tx, id).await?;
    Ok(Some(destination))
}

/// Newest first.
pub async fn list(tx: &mut Tx, page: &Page) -> Result<Vec<Destination>, StoreError> {
    let tenant = tx.tenant();
    if let Some(group) = tx.group() {
        let sql = format!(
            "SELECT {COLUMNS} {FROM} WHERE d.tenant = $1 AND d.id < $2 AND d.id >= $3 AND d.group_id = $5 ORDER BY d.id DESC LIMIT $4"
        );
        let rows = tx.query(&sql, params![tenant, page.below(), page.floor(), page.fetch(), group]).await?;
        return with_keys(tx, rows).await;
    }
    let sql = format!("SELECT {COLUMNS} {FROM} WHERE d.tenant = $1 AND d.id < $2 AND d.id >= $3 ORDER BY d.id DESC LIMIT $4");
    let rows = tx.query(&sql, params![tenant, page.below(), page.floor(), page.fetch()]).await?;
    with_keys(tx, rows).await
}

/// A group's own destinations, newest first.
pub async fn of_group(tx: &mut Tx, group: GroupId, page: &Page) -> Result<Vec<Destination>, StoreError> {
    let tenant = tx.tenant();
    let sql = format!(
        "SELECT {COLUMNS} {FROM} WHERE d.tenant = $1 AND d.group_id = $5 AND d.id < $2 AND d.id >= $3 ORDER BY d.id DESC LIMIT $4"
    );
    let rows = tx.query(&sql, params![tenant, page.below(), page.floor(), page.fetch(), group]).await?;
    with_keys(tx, rows).await
}

/// The ids of the group's destinations, where the transaction is narrowed to one.
pub(crate) async fn covered(tx: &mut Tx) -> Result<Option<HashSet<DestinationId>>, StoreError> {
    let Some(group) = tx.group() else { return Ok(None) };
    let tenant = tx.tenant();
    let sql = "SELECT id FROM integration_destinations WHERE tenant = $1 AND group_id = $2";
    let rows = tx.query(sql, params![tenant, group]).await?;
    rows.into_iter().map(|mut row| row.get(0)).collect::<Result<_, _>>().map(Some)
}

/// Every destination of the tenant: what fan-out and senders keep a copy of.
pub async fn all(tx: &mut Tx) -> Result<Vec<Destination>, StoreError> {
    let tenant = tx.tenant();
    let sql = format!("SELECT {COLUMNS} {FROM} WHERE d.tenant = $1 ORDER BY d.id");
    let rows = tx.query(&sql, params![tenant]).await?;
    with_keys(tx, rows).await
}

/// Few destinations have keys of their own: one more read serves all of them.
async fn with_keys(tx: &mut Tx, rows: Vec<Row>) -> Result<Vec<Destination>, StoreError> {
    let mut found: Vec<Destination> = rows.into_iter().map(read).collect::<Result<_, _>>()?;
    found.retain(|destination| tx.covers(destination.group_id));
    for key in signing_key::all(tx).await? {
        if let Some(destination) = found.iter_mut().find(|destination| destination.id == key.destination) {
            destination.keys.push(key);
        }
    }
    Ok(found)
}

/// Writes everything that can be edited. `false`: it isn't there any more.
pub async fn update(tx: &mut Tx, destination: &Destination) -> Result<bool, StoreError> {
    let (tenant, config) = (tx.tenant(), document(&destination.config)?);
    let sql = "UPDATE integration_destinations SET group_id = $3, name = $4, endpoint = $5, url_secret = $6, signing_secret = $7,
            previous_secret = $8, previous_until = $9, credential = $10, config = $11, revision = revision + 1, updated_at = $12
        WHERE id = $1 AND tenant = $2";
    let params = params![
        destination.id,
        tenant,
        destination.group_id,
        destination.name.as_str(),
        destination.endpoint.as_str(),
        destination.url_secret,
        destination.signing_secret,
        destination.previous_secret,
        destination.previous_until,
        destination.credential,
        config,
        destination.updated_at,
    ];
    Ok(tx.execute(sql, params).await? == 1)
}

/// Holds a lane or lets it go on: one write, whatever waits behind it.
pub async fn set_hold(tx: &mut Tx, id: DestinationId, hold: Option<Hold>) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    // Held, it costs the claim nothing; let go, it is looked at at once.
    let next_at = if hold.is_some() { NEVER } else { 0 };
    let sql = "UPDATE lane SET hold = $3, next_at = $4 WHERE destination = $1 AND tenant = $2";
    tx.execute(sql, params![id, tenant, hold.map(Hold::as_str), next_at]).await?;
    if hold.is_none() {
        // Whoever lets it go on says that it works.
        health::clear(tx, id).await?;
    }
    let enabled = !hold.is_some_and(Hold::disables);
    let sql = "UPDATE integration_destinations SET enabled = $3, updated_at = now_ms() WHERE id = $1 AND tenant = $2";
    tx.execute(sql, params![id, tenant, enabled]).await?;
    Ok(())
}

/// Removes a destination, its lane and its secrets: a few writes, whatever waits. Without its lane
/// nothing more is sent, and what waited reads as cancelled; a job writes that down little by little
/// (`job::Spec::CancelBacklog`). Finished deliveries stay readable.
pub async fn delete(tx: &mut Tx, id: DestinationId) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let Some(found) = get(tx, id).await? else { return Ok(false) };
    signing_key::delete_all(tx, id).await?;
    for sql in [
        "DELETE FROM lane WHERE destination = $1 AND tenant = $2",
        "DELETE FROM destination_health WHERE destination = $1 AND tenant = $2",
        "DELETE FROM integration_destinations WHERE id = $1 AND tenant = $2",
    ] {
        tx.execute(sql, params![id, tenant]).await?;
    }
    for secret in [Some(found.url_secret), found.signing_secret, found.previous_secret].into_iter().flatten() {
        tx.execute("DELETE FROM secret WHERE id = $1 AND tenant = $2", params![secret, tenant]).await?;
    }
    Ok(true)
}
