//! The event-type catalogue: what a tenant's events are called, and what their payloads look like.

use hookswitch_domain::id::EventTypeId;
use hookswitch_domain::time::Timestamp;
use serde_json::Value;

use crate::db::Tx;
use crate::error::StoreError;
use crate::{Row, params};

#[derive(Debug, Clone)]
pub struct EventType {
    pub id: EventTypeId,
    pub name: String,
    pub description: String,
    pub group_name: Option<String>,
    /// JSON Schema 2020-12 of the payload.
    pub schema: Option<Value>,
    pub example: Option<Value>,
    /// No longer part of the catalogue, and kept for its history.
    pub archived: bool,
    /// Counts the changes of the schema.
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

const COLUMNS: &str = "id, name, description, group_name, schema, example, archived, version, created_at, updated_at";

fn read(mut row: Row) -> Result<EventType, StoreError> {
    Ok(EventType {
        id: row.get(0)?,
        name: row.get(1)?,
        description: row.get(2)?,
        group_name: row.get(3)?,
        schema: parsed(row.get(4)?)?,
        example: parsed(row.get(5)?)?,
        archived: row.get(6)?,
        version: row.get(7)?,
        created_at: row.get(8)?,
        updated_at: row.get(9)?,
    })
}

fn parsed(text: Option<String>) -> Result<Option<Value>, StoreError> {
    let parse = |text: String| serde_json::from_str(&text);
    text.map(parse).transpose().map_err(|error| StoreError::Corrupt(format!("event type: {error}")))
}

fn text(value: Option<&Value>) -> Option<String> {
    value.map(Value::to_string)
}

/// All of the tenant's types, newest first: a catalogue is small by its limit.
pub async fn all(tx: &mut Tx) -> Result<Vec<EventType>, StoreError> {
    let tenant = tx.tenant();
    let sql = format!("SELECT {COLUMNS} FROM event_type WHERE tenant = $1 ORDER BY id DESC");
    tx.query(&sql, params![tenant]).await?.into_iter().map(read).collect()
}

pub async fn get(tx: &mut Tx, id: EventTypeId) -> Result<Option<EventType>, StoreError> {
    let tenant = tx.tenant();
    let sql = format!("SELECT {COLUMNS} FROM event_type WHERE id = $1 AND tenant = $2");
    tx.query_opt(&sql, params![id, tenant]).await?.map(read).transpose()
}

pub async fn by_name(tx: &mut Tx, name: &str) -> Result<Option<EventType>, StoreError> {
    let tenant = tx.tenant();
    let sql = format!("SELECT {COLUMNS} FROM event_type WHERE name = $1 AND tenant = $2");
    tx.query_opt(&sql, params![name, tenant]).await?.map(read).transpose()
}

/// A name that is taken is a `Conflict`.
pub async fn insert(tx: &mut Tx, row: &EventType) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let sql = "INSERT INTO event_type (id, tenant, name, description, group_name, schema, example, archived, version, created_at,
            updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)";
    let params = params![
        row.id,
        tenant,
        row.name.as_str(),
        row.description.as_str(),
        row.group_name.as_deref(),
        text(row.schema.as_ref()),
        text(row.example.as_ref()),
        row.archived,
        row.version,
        row.created_at,
    ];
    tx.execute(sql, params).await?;
    Ok(())
}

pub async fn update(tx: &mut Tx, row: &EventType) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let sql = "UPDATE event_type SET description = $3, group_name = $4, schema = $5, example = $6, archived = $7, version = $8,
            updated_at = $9
        WHERE id = $1 AND tenant = $2";
    let params = params![
        row.id,
        tenant,
        row.description.as_str(),
        row.group_name.as_deref(),
        text(row.schema.as_ref()),
        text(row.example.as_ref()),
        row.archived,
        row.version,
        row.updated_at,
    ];
    tx.execute(sql, params).await?;
    Ok(())
}

pub async fn delete(tx: &mut Tx, id: EventTypeId) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    tx.execute("DELETE FROM event_type WHERE id = $1 AND tenant = $2", params![id, tenant]).await?;
    Ok(())
}
