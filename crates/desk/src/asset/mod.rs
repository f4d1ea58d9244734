//! Assets: the things that tickets are about. What a management product knows of a device comes in as
//! a snapshot, whichever product it is, through one path ([`ingest`]); people and plain webhooks edit
//! the same record. What is particular to a device stands in its extension.

pub mod actions;
pub mod association;
pub mod ingest;
mod snapshot;

use futures_util::future::BoxFuture;
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::Tx;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::client::Client;
use crate::id::{AssetId, ClientId, LocationId};
use crate::input::invalid;
use crate::location;
use crate::record::{Entity, Events, Filter, Reference, Settling, events};
use crate::words::{Day, Free, Json, columns, words};

pub use snapshot::{Extension, PROVIDERS, Snapshot};

words! { AgentStatus { Unknown "unknown", Online "online", Offline "offline", Overdue "overdue" } }

/// A thing of a client's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Asset {
    #[schema(example = "SRV-01", min_length = 1, max_length = 255)]
    pub name: String,
    /// `workstation`, `server`, `network_device`, `mobile_device`, `printer`, `unknown`, or a type of the tenant's own.
    #[serde(default = "unknown")]
    #[schema(example = "server")]
    pub asset_type: String,
    #[schema(value_type = Option<String>)]
    pub client_id: Option<ClientId>,
    pub asset_tag: Option<String>,
    pub serial_number: Option<String>,
    #[serde(default = "active")]
    #[schema(example = "active")]
    pub status: String,
    /// Where it stands, in words.
    pub location: Option<String>,
    /// One of the client's locations.
    #[schema(value_type = Option<String>)]
    pub location_id: Option<LocationId>,
    #[schema(value_type = Option<String>, format = Date)]
    pub purchase_date: Option<Day>,
    #[schema(value_type = Option<String>, format = Date)]
    pub warranty_end_date: Option<Day>,
    #[serde(default)]
    #[schema(value_type = Object)]
    pub attributes: Free,
    /// What a management product reports of the device.
    #[serde(default)]
    #[schema(value_type = Extension)]
    pub extension: Json<Extension>,
    pub rmm_provider: Option<String>,
    pub rmm_device_id: Option<String>,
    pub rmm_organization_id: Option<String>,
    #[serde(default)]
    pub agent_status: AgentStatus,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_seen_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_rmm_sync_at: Option<Timestamp>,
}

fn unknown() -> String {
    "unknown".to_owned()
}

fn active() -> String {
    "active".to_owned()
}

impl Entity for Asset {
    type Id = AssetId;
    const KIND: &'static str = "asset";
    const TITLE: &'static str = "Asset";
    const TABLE: &'static str = "asset";
    const EVENTS: Events = events!("asset");
    const FILTERS: &'static [Filter] = &[
        Filter::id("client_id", "cli"),
        Filter::text("asset_type"),
        Filter::text("status"),
        Filter::text("asset_tag"),
        Filter::text("serial_number"),
        Filter::text("rmm_provider"),
        Filter::text("agent_status"),
        Filter::within("ticket_id", "tkt", "SELECT asset_id FROM asset_association WHERE tenant = $1 AND ticket_id = {}"),
    ];
    const MANAGED: &'static [&'static str] =
        &["rmm_provider", "rmm_device_id", "rmm_organization_id", "agent_status", "last_seen_at", "last_rmm_sync_at"];
    const PRIVATE: &'static [&'static str] = &["attributes", "extension"];
    const USED_BY: &'static [(&'static str, &'static str)] = &[("alert", "asset_id")];
    const OWNS: &'static [(&'static str, &'static str)] = &[("asset_association", "asset_id")];

    columns!(
        name,
        asset_type,
        client_id,
        asset_tag,
        serial_number,
        status,
        location,
        location_id,
        purchase_date,
        warranty_end_date,
        attributes,
        extension,
        rmm_provider,
        rmm_device_id,
        rmm_organization_id,
        agent_status,
        last_seen_at,
        last_rmm_sync_at
    );

    fn title(&self) -> (&'static str, &str) {
        ("name", &self.name)
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::to::<Client>("client_id", self.client_id)]
    }

    fn settle<'a>(&'a mut self, tx: &'a mut Tx, at: &'a Settling<'a, Self>) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async move {
            let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            if !(1..=50).contains(&self.asset_type.len()) || !self.asset_type.bytes().all(letter) {
                return Err(invalid("asset_type", "must be 1 to 50 of a-z, 0-9 and _"));
            }
            if self.status.trim().is_empty() {
                return Err(invalid("status", "must not be empty"));
            }
            let before = at.before.map(|before| (before.location_id, before.client_id));
            if before != Some((self.location_id, self.client_id)) {
                location::check_of(tx, "location_id", self.location_id, self.client_id).await?;
            }
            Ok(())
        })
    }
}
