//! External mappings: which record of ours is which record of somebody else's, per integration (an
//! inbound webhook's slug, or the system that an adapter talks to). A record has at most one external
//! id per integration, of those that adapters made one per destination, and an external id names at
//! most one record: two indexes say so, and [`link`] says it in time.

mod links;
pub mod store;

use hookswitch_domain::time::{Ambient, Timestamp};
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::{StoreError, Tx};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::id::MappingId;
use crate::input::invalid;
use crate::kinds;

pub use links::TicketLinks;

/// Two of the kinds that can be mapped: the `alga_entity_type`.
pub const TICKET: &str = "ticket";
pub const CLIENT: &str = "client";

/// A record of somebody else's, as one integration names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct External {
    pub integration_type: String,
    pub entity_type: &'static str,
    pub external_id: String,
    /// Where that integration has several id spaces (companies, sites).
    pub realm: Option<String>,
}

impl External {
    pub fn new(integration: &str, entity_type: &'static str, external_id: &str) -> Self {
        Self { integration_type: integration.to_owned(), entity_type, external_id: external_id.to_owned(), realm: None }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Mapping {
    #[schema(value_type = String, example = "map_01h455vb4pex5vsknk084sn02q")]
    pub id: MappingId,
    /// The inbound webhook's slug.
    pub integration_type: String,
    #[schema(example = "ticket")]
    pub alga_entity_type: String,
    #[schema(example = "tkt_01h455vb4pex5vsknk084sn02q")]
    pub alga_entity_id: String,
    pub external_entity_id: String,
    pub external_realm_id: Option<String>,
    #[schema(example = "synced")]
    pub sync_status: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_synced_at: Option<Timestamp>,
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// The type of a record that can be mapped, if the tenant has this record.
pub async fn entity(tx: &mut Tx, entity_type: &str, entity_id: &str) -> Result<&'static str, ActionError> {
    let Some(kind) = kinds::named(entity_type) else {
        let known: Vec<&str> = kinds::KINDS.iter().map(|kind| kind.name).collect();
        return Err(invalid("alga_entity_type", format!("must be one of {}", known.join(", "))));
    };
    kinds::record(tx, kind, "alga_entity_id", entity_id).await?;
    Ok(kind.name)
}

/// Why a link was not made.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The external id names another record.
    #[error("the external id already names {entity_id}")]
    Taken { entity_id: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Says that `entity_id` is `external`. The same pair again changes nothing; a record that had
/// another external id gets this one. Of two transactions that link one external id at once, the
/// second waits for the first and then hears `Taken`.
pub async fn link(
    tx: &mut Tx,
    ambient: &dyn Ambient,
    external: &External,
    entity_id: &str,
    metadata: Map<String, Value>,
) -> Result<(), LinkError> {
    let now = ambient.now();
    let mapping = Mapping {
        id: ambient.fresh(),
        integration_type: external.integration_type.clone(),
        alga_entity_type: external.entity_type.to_owned(),
        alga_entity_id: entity_id.to_owned(),
        external_entity_id: external.external_id.clone(),
        external_realm_id: external.realm.clone(),
        sync_status: "synced".to_owned(),
        last_synced_at: Some(now),
        metadata,
        created_at: now,
        updated_at: now,
    };
    if store::insert_if_free(tx, &mapping).await? {
        return Ok(());
    }
    match store::entity_at(tx, external).await? {
        Some(known) if known == entity_id => Ok(()),
        Some(known) => Err(LinkError::Taken { entity_id: known }),
        None => Ok(store::move_to(tx, &mapping).await?),
    }
}
