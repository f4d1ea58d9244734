//! The SQL of external mappings.

use hookswitch_domain::time::Timestamp;
use hookswitch_store::{Page, Row, StoreError, Tx, Value, params};

use super::{External, Mapping};
use crate::id::MappingId;
use crate::list::Conditions;

const MAPPING: &str = "SELECT id, integration_type, alga_entity_type, alga_entity_id, external_entity_id, external_realm_id,
        sync_status, last_synced_at, metadata, created_at, updated_at
    FROM tenant_external_entity_mappings";

fn mapping_of(mut row: Row) -> Result<Mapping, StoreError> {
    Ok(Mapping {
        id: row.get(0)?,
        integration_type: row.get(1)?,
        alga_entity_type: row.get(2)?,
        alga_entity_id: row.get(3)?,
        external_entity_id: row.get(4)?,
        external_realm_id: row.get(5)?,
        sync_status: row.get(6)?,
        last_synced_at: row.get(7)?,
        metadata: match row.get(8)? {
            serde_json::Value::Object(metadata) => metadata,
            _ => return Err(StoreError::Corrupt("a mapping's metadata is no object".to_owned())),
        },
        created_at: row.get(9)?,
        updated_at: row.get(10)?,
    })
}

/// False if one of the two unique rules forbids the row. A row that another transaction is just
/// writing is waited for.
pub(super) async fn insert_if_free(tx: &mut Tx, mapping: &Mapping) -> Result<bool, StoreError> {
    let sql = "INSERT INTO tenant_external_entity_mappings (id, tenant, integration_type, alga_entity_type, alga_entity_id,
            external_entity_id, external_realm_id, sync_status, last_synced_at, metadata, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING";
    let (tenant, metadata) = (tx.tenant(), serde_json::Value::Object(mapping.metadata.clone()));
    let params = params![
        mapping.id,
        tenant,
        &mapping.integration_type,
        &mapping.alga_entity_type,
        &mapping.alga_entity_id,
        &mapping.external_entity_id,
        mapping.external_realm_id.as_deref(),
        &mapping.sync_status,
        mapping.last_synced_at,
        metadata,
        mapping.created_at,
        mapping.updated_at,
    ];
    Ok(tx.execute(sql, params).await? == 1)
}

/// Gives the record another external id.
pub(super) async fn move_to(tx: &mut Tx, mapping: &Mapping) -> Result<(), StoreError> {
    // What a destination made counts apart from what others did, as the unique index has it.
    let sql = "UPDATE tenant_external_entity_mappings
        SET external_entity_id = $5, external_realm_id = $6, sync_status = $7, last_synced_at = $8, metadata = $9, updated_at = $10
        WHERE tenant = $1 AND integration_type = $2 AND alga_entity_type = $3 AND alga_entity_id = $4
            AND (CASE WHEN substr(coalesce(external_realm_id, ''), 1, 4) = 'dst_' THEN external_realm_id ELSE '' END) = $11";
    let (tenant, metadata) = (tx.tenant(), serde_json::Value::Object(mapping.metadata.clone()));
    let by = mapping.external_realm_id.as_deref().filter(|realm| realm.starts_with("dst_")).unwrap_or("");
    let params = params![
        tenant,
        &mapping.integration_type,
        &mapping.alga_entity_type,
        &mapping.alga_entity_id,
        &mapping.external_entity_id,
        mapping.external_realm_id.as_deref(),
        &mapping.sync_status,
        mapping.last_synced_at,
        metadata,
        mapping.updated_at,
        by,
    ];
    tx.execute(sql, params).await?;
    Ok(())
}

/// The record at exactly this place: no realm is a realm of its own.
pub async fn entity_at(tx: &mut Tx, external: &External) -> Result<Option<String>, StoreError> {
    let sql = "SELECT alga_entity_id FROM tenant_external_entity_mappings
        WHERE tenant = $1 AND integration_type = $2 AND alga_entity_type = $3 AND external_entity_id = $4
            AND coalesce(external_realm_id, '') = $5";
    let (tenant, realm) = (tx.tenant(), external.realm.as_deref().unwrap_or(""));
    let params = params![tenant, &external.integration_type, external.entity_type, &external.external_id, realm];
    tx.query_opt(sql, params).await?.map(|mut row| row.get(0)).transpose()
}

/// The record that an external id names. A search without a realm looks in all of them: it prefers
/// the mapping that has none, then the one changed last.
pub async fn find(tx: &mut Tx, external: &External) -> Result<Option<String>, StoreError> {
    if external.realm.is_some() {
        return entity_at(tx, external).await;
    }
    let sql = "SELECT alga_entity_id FROM tenant_external_entity_mappings
        WHERE tenant = $1 AND integration_type = $2 AND alga_entity_type = $3 AND external_entity_id = $4
        ORDER BY CASE WHEN external_realm_id IS NULL THEN 0 ELSE 1 END, updated_at DESC LIMIT 1";
    let params = params![tx.tenant(), &external.integration_type, external.entity_type, &external.external_id];
    tx.query_opt(sql, params).await?.map(|mut row| row.get(0)).transpose()
}

/// Gives all mappings of an integration another name, as its webhook has another slug now. Returns how many.
pub async fn rename_integration(tx: &mut Tx, from: &str, to: &str) -> Result<u64, StoreError> {
    let sql = "UPDATE tenant_external_entity_mappings SET integration_type = $3 WHERE tenant = $1 AND integration_type = $2";
    let tenant = tx.tenant();
    tx.execute(sql, params![tenant, from, to]).await
}

/// What a list of mappings is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub integration_type: Option<String>,
    pub entity_type: Option<String>,
    pub entity_id: Option<String>,
    pub external_id: Option<String>,
}

pub async fn list(tx: &mut Tx, filter: &Filter, page: &Page) -> Result<Vec<Mapping>, StoreError> {
    let (sql, params) = Conditions::of_tenant(tx, "tenant_external_entity_mappings")
        .equal("integration_type", filter.integration_type.as_deref())
        .equal("alga_entity_type", filter.entity_type.as_deref())
        .equal("alga_entity_id", filter.entity_id.as_deref())
        .equal("external_entity_id", filter.external_id.as_deref())
        .page("id", page)
        .after(MAPPING);
    tx.query(&sql, &params).await?.into_iter().map(mapping_of).collect()
}

/// The records of one type that an external id names, in whichever integration.
pub async fn entities(tx: &mut Tx, entity_type: &'static str, external_id: &str) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT DISTINCT alga_entity_id FROM tenant_external_entity_mappings
        WHERE tenant = $1 AND alga_entity_type = $2 AND external_entity_id = $3";
    let rows = tx.query(sql, params![tx.tenant(), entity_type, external_id]).await?;
    rows.into_iter().map(|mut row| row.get(0)).collect()
}

/// What these records are called elsewhere: (our id, integration, external id).
pub async fn names(tx: &mut Tx, entity_type: &'static str, ids: &[String]) -> Result<Vec<(String, String, String)>, StoreError> {
    let select = "SELECT alga_entity_id, integration_type, external_entity_id FROM tenant_external_entity_mappings";
    let (sql, params) = Conditions::of_tenant(tx, "tenant_external_entity_mappings")
        .equal("alga_entity_type", Some(entity_type))
        .among("alga_entity_id", ids.iter().map(Value::from))
        .after(select);
    let rows = tx.query(&sql, &params).await?;
    rows.into_iter().map(|mut row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).collect()
}

/// Says what became of a record elsewhere; null changes nothing of the metadata.
pub async fn mark(
    tx: &mut Tx,
    external: &External,
    status: &str,
    metadata: &serde_json::Value,
    at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE tenant_external_entity_mappings SET sync_status = $6, metadata = $7, last_synced_at = $8, updated_at = $8
        WHERE tenant = $1 AND integration_type = $2 AND alga_entity_type = $3 AND external_entity_id = $4
            AND coalesce(external_realm_id, '') = $5";
    let (tenant, realm) = (tx.tenant(), external.realm.as_deref().unwrap_or(""));
    let kind = external.entity_type;
    tx.execute(sql, params![tenant, &external.integration_type, kind, &external.external_id, realm, status, metadata, at])
        .await?;
    Ok(())
}

/// A record that is gone has no names elsewhere.
pub async fn forget(tx: &mut Tx, entity_type: &str, entity_id: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM tenant_external_entity_mappings WHERE tenant = $1 AND alga_entity_type = $2 AND alga_entity_id = $3";
    tx.execute(sql, params![tx.tenant(), entity_type, entity_id]).await?;
    Ok(())
}

pub async fn delete(tx: &mut Tx, id: MappingId) -> Result<Option<Mapping>, StoreError> {
    let found = tx.query_opt(&format!("{MAPPING} WHERE id = $1 AND tenant = $2"), params![id, tx.tenant()]).await?;
    let Some(mapping) = found.map(mapping_of).transpose()? else { return Ok(None) };
    tx.execute("DELETE FROM tenant_external_entity_mappings WHERE id = $1 AND tenant = $2", params![id, tx.tenant()]).await?;
    Ok(Some(mapping))
}
