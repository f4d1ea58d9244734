//! The one path on which devices of management products become assets. A device is found by its mapping
//! in its own scope, then in any scope, then by the device id that an asset carries. One that is gone
//! makes its asset inactive; one that nobody knows and that no client can be found for is passed over.

use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::{StoreError, Tx};
use serde_json::{Map, Value, json};

use super::{AgentStatus, Asset, Snapshot};
use crate::change::Change;
use crate::id::{AssetId, ClientId};
use crate::input::invalid;
use crate::mapping::{self, External, LinkError};
use crate::record::{self, Entity, Record, blank, merged, store};
use crate::words::Json;

const INACTIVE: &str = "inactive";
const ACTIVE: &str = "active";

/// What became of a device.
#[derive(Debug)]
pub enum Ingested {
    Created(Box<Record<Asset>>),
    Updated(Box<Record<Asset>>),
    Unchanged(Box<Record<Asset>>),
    MarkedDeleted(Box<Record<Asset>>),
    Skipped { reason: &'static str },
}

/// Takes one device in. `client`: whose it is, where the caller knows.
pub async fn ingest(
    tx: &mut Tx,
    change: &Change<'_>,
    snapshot: &Snapshot,
    client: Option<ClientId>,
) -> Result<Ingested, ActionError> {
    let external = place(snapshot);
    match find(tx, snapshot, &external).await? {
        Some(asset) if snapshot.is_gone() => gone(tx, change, snapshot, &external, asset).await,
        Some(asset) => known(tx, change, snapshot, &external, asset, client).await,
        None if snapshot.is_gone() => Ok(Ingested::Skipped { reason: "the device is gone and no asset is known for it" }),
        None => unknown(tx, change, snapshot, &external, client).await,
    }
}

fn place(snapshot: &Snapshot) -> External {
    let realm = snapshot.external_scope_id.clone();
    External { realm, ..External::new(&snapshot.provider, Asset::KIND, &snapshot.external_device_id) }
}

async fn find(tx: &mut Tx, snapshot: &Snapshot, external: &External) -> Result<Option<Record<Asset>>, ActionError> {
    let anywhere = External { realm: None, ..external.clone() };
    let mut mapped = mapping::store::entity_at(tx, external).await?;
    if mapped.is_none() {
        mapped = mapping::store::find(tx, &anywhere).await?;
    }
    let id = match mapped {
        Some(text) => text.parse().map_err(|_| StoreError::Corrupt(format!("an asset's mapping names {text:?}")))?,
        None => {
            let by_device = [snapshot.provider.as_str().into(), snapshot.external_device_id.as_str().into()];
            let found = store::first::<Asset>(tx, "rmm_provider = $2 AND rmm_device_id = $3", "id", &by_device).await?;
            match found {
                Some(asset) => asset.id,
                None => return Ok(None),
            }
        }
    };
    Ok(record::held(tx, id).await?)
}

async fn gone(
    tx: &mut Tx,
    change: &Change<'_>,
    snapshot: &Snapshot,
    external: &External,
    asset: Record<Asset>,
) -> Result<Ingested, ActionError> {
    let (id, mut after) = (asset.id, asset.fields.clone());
    after.status = INACTIVE.to_owned();
    after.agent_status = AgentStatus::Offline;
    after.last_rmm_sync_at = Some(change.ambient.now());
    link(tx, change, snapshot, external, id).await?;
    let metadata = json!({ "deleted": true, "lifecycle_state": snapshot.lifecycle_state });
    mapping::store::mark(tx, external, "error", &metadata, change.ambient.now()).await?;
    let changed = record::apply(tx, change, asset, after).await?;
    Ok(Ingested::MarkedDeleted(Box::new(changed.record)))
}

async fn known(
    tx: &mut Tx,
    change: &Change<'_>,
    snapshot: &Snapshot,
    external: &External,
    asset: Record<Asset>,
    client: Option<ClientId>,
) -> Result<Ingested, ActionError> {
    let mut after = asset.fields.clone();
    if client.is_some() && client != after.client_id {
        (after.client_id, after.location_id) = (client, None);
    }
    // One that was gone and is there again is in use again.
    if after.status == INACTIVE && snapshot.status.is_none() {
        after.status = ACTIVE.to_owned();
    }
    fill(&mut after, snapshot, change);
    link(tx, change, snapshot, external, asset.id).await?;
    let before = (asset.fields.last_rmm_sync_at, after.last_rmm_sync_at);
    let same = Asset { last_rmm_sync_at: before.0, ..after.clone() } == asset.fields;
    let changed = record::apply(tx, change, asset, after).await?;
    let record = Box::new(changed.record);
    Ok(if same { Ingested::Unchanged(record) } else { Ingested::Updated(record) })
}

async fn unknown(
    tx: &mut Tx,
    change: &Change<'_>,
    snapshot: &Snapshot,
    external: &External,
    client: Option<ClientId>,
) -> Result<Ingested, ActionError> {
    let Some(client) = (match client {
        Some(client) => Some(client),
        None => client_of_scope(tx, snapshot).await?,
    }) else {
        return Ok(Ingested::Skipped { reason: "no client can be found for the new device" });
    };
    let name = snapshot.display_name.as_deref().unwrap_or(&snapshot.external_device_id);
    let mut asset: Asset = merged(&blank(), &Map::from_iter([("name".to_owned(), Value::from(name))]))?;
    asset.client_id = Some(client);
    asset.asset_tag = Some(format!("{}:{}", snapshot.provider, snapshot.external_device_id));
    fill(&mut asset, snapshot, change);
    match record::create_as(tx, change, external, asset).await? {
        Ok(record) => Ok(Ingested::Created(Box::new(record))),
        Err(taken) => Err(StoreError::Contended(format!("{taken} was made for the same device just now")).into()),
    }
}

/// The client that the product's own tenant or organization is mapped to.
async fn client_of_scope(tx: &mut Tx, snapshot: &Snapshot) -> Result<Option<ClientId>, ActionError> {
    let Some(scope) = &snapshot.external_scope_id else { return Ok(None) };
    let found = mapping::store::find(tx, &External::new(&snapshot.provider, mapping::CLIENT, scope)).await?;
    Ok(found.and_then(|id| id.parse().ok()))
}

/// What the device says. What it doesn't say stays as it is.
fn fill(asset: &mut Asset, snapshot: &Snapshot, change: &Change<'_>) {
    let set = |field: &mut Option<String>, value: &Option<String>| {
        if value.is_some() {
            field.clone_from(value);
        }
    };
    set(&mut asset.serial_number, &snapshot.serial_number);
    set(&mut asset.location, &snapshot.location);
    set(&mut asset.asset_tag, &snapshot.asset_tag);
    if let Some(name) = &snapshot.display_name {
        asset.name.clone_from(name);
    }
    if let Some(status) = &snapshot.status {
        asset.status.clone_from(status);
    }
    if let Some(kind) = snapshot.asset_type {
        asset.asset_type = kind.as_str().to_owned();
    }
    if let Some(agent) = snapshot.agent() {
        asset.agent_status = agent;
    }
    if let Some(extension) = &snapshot.extension {
        asset.extension = Json(asset.extension.0.updated(extension));
    }
    if let Some(metadata) = &snapshot.metadata {
        asset.attributes.0.insert("rmm_metadata".to_owned(), Value::Object(metadata.clone()));
    }
    asset.last_seen_at = snapshot.last_seen_at.or(asset.last_seen_at);
    asset.last_rmm_sync_at = Some(change.ambient.now());
    asset.rmm_provider = Some(snapshot.provider.clone());
    asset.rmm_device_id = Some(snapshot.external_device_id.clone());
    set(&mut asset.rmm_organization_id, &snapshot.external_scope_id);
}

async fn link(
    tx: &mut Tx,
    change: &Change<'_>,
    snapshot: &Snapshot,
    external: &External,
    id: AssetId,
) -> Result<(), ActionError> {
    let metadata = json!({ "integration_id": snapshot.integration_id });
    match mapping::link(tx, change.ambient, external, &id.to_string(), change.origin()).await {
        Ok(()) => Ok(mapping::store::mark(tx, external, "synced", &metadata, change.ambient.now()).await?),
        Err(LinkError::Taken { entity_id }) => {
            Err(invalid("rmm_snapshot.externalDeviceId", format!("names {entity_id} already")))
        }
        Err(LinkError::Store(error)) => Err(error.into()),
    }
}
