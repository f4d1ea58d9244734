//! The SQL of clients.

use hookswitch_store::{Page, Row, StoreError, Tx, params};
use serde_json::Value;

use super::{Client, ClientType};
use crate::id::ClientId;
use crate::list::Conditions;

const CLIENT: &str = "SELECT id, client_name, client_type, is_default, is_inactive, details, properties, created_at, updated_at
    FROM client";

fn client_of(mut row: Row) -> Result<Client, StoreError> {
    Ok(Client {
        id: row.get(0)?,
        client_name: row.get(1)?,
        client_type: match row.get::<String>(2)?.as_str() {
            "individual" => ClientType::Individual,
            _ => ClientType::Company,
        },
        is_default: row.get(3)?,
        is_inactive: row.get(4)?,
        details: from_json(row.get(5)?)?,
        properties: from_json(row.get(6)?)?,
        created_at: row.get(7)?,
        updated_at: row.get(8)?,
    })
}

fn from_json<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, StoreError> {
    serde_json::from_value(value).map_err(|error| StoreError::Corrupt(format!("client: {error}")))
}

pub async fn insert(tx: &mut Tx, client: &Client) -> Result<(), StoreError> {
    let sql = "INSERT INTO client (id, tenant, client_name, client_type, is_default, is_inactive, details, properties,
            created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let details = serde_json::to_value(&client.details).map_err(|error| StoreError::Bug(error.to_string()))?;
    let (tenant, kind, properties) = (tx.tenant(), client.client_type.as_str(), Value::Object(client.properties.clone()));
    let (default, inactive) = (client.is_default, client.is_inactive);
    let params = params![
        client.id,
        tenant,
        &client.client_name,
        kind,
        default,
        inactive,
        details,
        properties,
        client.created_at,
        client.updated_at,
    ];
    tx.execute(sql, params).await?;
    Ok(())
}

pub async fn get(tx: &mut Tx, id: ClientId) -> Result<Option<Client>, StoreError> {
    let tenant = tx.tenant();
    tx.query_opt(&format!("{CLIENT} WHERE id = $1 AND tenant = $2"), params![id, tenant]).await?.map(client_of).transpose()
}

pub async fn default(tx: &mut Tx) -> Result<Option<Client>, StoreError> {
    let tenant = tx.tenant();
    tx.query_opt(&format!("{CLIENT} WHERE tenant = $1 AND is_default"), params![tenant]).await?.map(client_of).transpose()
}

pub async fn list(tx: &mut Tx, page: &Page) -> Result<Vec<Client>, StoreError> {
    let (sql, params) = Conditions::of_tenant(tx, "client").page("id", page).after(CLIENT);
    tx.query(&sql, &params).await?.into_iter().map(client_of).collect()
}
