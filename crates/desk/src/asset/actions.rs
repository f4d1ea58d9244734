//! What inbound webhooks may do with assets: one action, which takes what a management product reports of
//! a device, or plain fields.

use hookswitch_domain::mapping::{Field, FieldKind};
use hookswitch_pipeline::inbound::action::{ActionError, Context, Definition, Done, Input};
use hookswitch_store::Tx;
use serde_json::{Map, Value, json};

use super::ingest::{Ingested, ingest};
use super::{Asset, Snapshot};
use crate::action::{action, client_of, done, link, required_external, upserted};
use crate::change::Change;
use crate::input::{Fields, NAME_CHARS_MAX, check_name};
use crate::mapping::{self, External};
use crate::record::{self, Entity, Record, upsert};

action!(UpsertAsset, DEFINITION, run);

static DEFINITION: Definition = Definition {
    name: "upsertAssetByExternalId",
    entity_type: "asset",
    display_name: "Create or update an asset",
    description: "Makes the asset that the external id names, or changes its mapped fields and no others. With rmm_snapshot, the \
        device that it reports is taken in on the path of the management products' own connections.",
    fields: &[
        Field::new("external_id", FieldKind::String, "The sender's own id of the asset.").required(),
        Field::new("client_id", FieldKind::Ref, "The client. A new asset without one takes the tenant's default client.")
            .refers_to("client"),
        Field::new("client_external_id", FieldKind::String, "The client by the id that this webhook's sender knows it by."),
        Field::new("asset_type", FieldKind::String, "workstation, server, network_device, mobile_device, printer or your own."),
        Field::new("name", FieldKind::String, "The asset's name. Default for a new one: the external id."),
        Field::new("asset_tag", FieldKind::String, "What stands on its label."),
        Field::new("serial_number", FieldKind::String, "The maker's number."),
        Field::new("status", FieldKind::String, "active, inactive or your own."),
        Field::new("location", FieldKind::String, "Where it stands, in words."),
        Field::new(
            "rmm_snapshot",
            FieldKind::Json,
            "A device's report: provider, externalDeviceId, externalScopeId, lifecycleState, assetType, displayName, \
                serialNumber, agentStatus, lastSeenAt, extension, ...",
        ),
        Field::new("external_scope_id", FieldKind::String, "The snapshot's externalScopeId, where the snapshot has none."),
    ],
};

async fn run(tx: &mut Tx, input: &Input, context: &Context<'_>) -> Result<Done, ActionError> {
    let fields = Fields(input);
    match input.get("rmm_snapshot") {
        Some(snapshot) => device(tx, &fields, context, snapshot).await,
        None => plain(tx, &fields, context).await,
    }
}

async fn plain(tx: &mut Tx, fields: &Fields<'_>, context: &Context<'_>) -> Result<Done, ActionError> {
    let external = required_external(fields, context, Asset::KIND)?;
    let mut given = fields.pick(&["asset_type", "name", "asset_tag", "serial_number", "status", "location"]);
    if let Some(client) = client_of(tx, fields, context).await? {
        given.insert("client_id".to_owned(), json!(client));
    }
    let mut initial = Map::from_iter([("name".to_owned(), Value::from(external.external_id.as_str()))]);
    if let Some(client) = crate::client::default(tx).await? {
        initial.insert("client_id".to_owned(), json!(client.id));
    }
    Ok(upserted(&upsert::<Asset>(tx, &Change::through(context), &external, &given, &initial).await?))
}

async fn device(tx: &mut Tx, fields: &Fields<'_>, context: &Context<'_>, snapshot: &Value) -> Result<Done, ActionError> {
    let external = required_external(fields, context, Asset::KIND)?;
    let mut snapshot = Snapshot::read("rmm_snapshot", snapshot)?;
    if let Some(scope) = fields.text("external_scope_id")? {
        check_name("external_scope_id", scope, NAME_CHARS_MAX)?;
        snapshot.external_scope_id.get_or_insert_with(|| scope.to_owned());
    }
    let change = Change::through(context);
    let mut client = client_of(tx, fields, context).await?;
    if let (None, Some(scope)) = (client, &snapshot.external_scope_id) {
        // The sender's own mapping of its clients serves as well as the product's.
        let found = mapping::store::find(tx, &External::new(context.integration, mapping::CLIENT, scope)).await?;
        client = found.and_then(|id| id.parse().ok());
    }
    let (record, result, action) = match ingest(tx, &change, &snapshot, client).await? {
        Ingested::Created(record) => (record, "created", "created"),
        Ingested::Updated(record) => (record, "updated", "updated"),
        Ingested::Unchanged(record) => (record, "unchanged", "updated"),
        Ingested::MarkedDeleted(record) => (record, "updated", "marked_deleted"),
        Ingested::Skipped { reason } => {
            return Err(ActionError::Rule { code: "device_skipped", detail: reason.to_owned() });
        }
    };
    let record = also_named(tx, fields, *record, &change).await?;
    link(tx, &change, &external, &record.id.to_string()).await?;
    Ok(done(Asset::KIND, record.id, result, Map::from_iter([("ingestion".to_owned(), json!(action))])))
}

/// Plain fields that are mapped beside the snapshot count after it.
async fn also_named(
    tx: &mut Tx,
    fields: &Fields<'_>,
    record: Record<Asset>,
    change: &Change<'_>,
) -> Result<Record<Asset>, ActionError> {
    let given = fields.pick(&["asset_type", "name", "asset_tag", "serial_number", "status", "location"]);
    if given.is_empty() {
        return Ok(record);
    }
    let after = record::merge::read(record::merge::over(&record::object_of(&record.fields)?, &given)?)?;
    Ok(record::apply(tx, change, record, after).await?.record)
}
