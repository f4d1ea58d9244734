//! Locations: where a client is. A ticket or an asset may name one of its client's.

use futures_util::future::BoxFuture;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::Tx;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::client::Client;
use crate::id::{ClientId, LocationId};
use crate::input::invalid;
use crate::record::{Entity, Events, Filter, Reference, Settling, events, store};
use crate::words::columns;

/// A place of a client's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Location {
    #[schema(value_type = String, example = "cli_01jd8r7c5tevzs9c1ghvzv3hkp")]
    pub client_id: ClientId,
    #[schema(example = "Head office", min_length = 1, max_length = 255)]
    pub name: String,
    pub address_line1: Option<String>,
    pub address_line2: Option<String>,
    pub address_line3: Option<String>,
    pub city: Option<String>,
    pub state_province: Option<String>,
    pub postal_code: Option<String>,
    pub country_code: Option<String>,
    pub phone: Option<String>,
    pub email: Option<String>,
    /// At most one of a client's is; the one that was it before no longer is.
    #[serde(default)]
    pub is_default: bool,
    #[serde(default)]
    pub is_billing: bool,
    #[serde(default)]
    pub is_shipping: bool,
    #[serde(default)]
    pub is_inactive: bool,
}

impl Entity for Location {
    type Id = LocationId;
    const KIND: &'static str = "location";
    const TITLE: &'static str = "Location";
    const TABLE: &'static str = "location";
    const EVENTS: Events = events!("location");
    const FILTERS: &'static [Filter] = &[Filter::id("client_id", "cli"), Filter::flag("is_inactive")];
    const PRIVATE: &'static [&'static str] = &[
        "address_line1",
        "address_line2",
        "address_line3",
        "city",
        "state_province",
        "postal_code",
        "country_code",
        "phone",
        "email",
    ];
    const USED_BY: &'static [(&'static str, &'static str)] = &[("ticket", "location_id"), ("asset", "location_id")];

    columns!(
        client_id,
        name,
        address_line1,
        address_line2,
        address_line3,
        city,
        state_province,
        postal_code,
        country_code,
        phone,
        email,
        is_default,
        is_billing,
        is_shipping,
        is_inactive
    );

    fn title(&self) -> (&'static str, &str) {
        ("name", &self.name)
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::to::<Client>("client_id", self.client_id)]
    }

    fn settle<'a>(&'a mut self, tx: &'a mut Tx, at: &'a Settling<'a, Self>) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async move {
            if at.before.is_some_and(|before| before.client_id != self.client_id) {
                return Err(invalid("client_id", "can't be changed; make a location of the other client"));
            }
            if self.is_default && !at.before.is_some_and(|before| before.is_default) {
                store::no_default(tx, Self::TABLE, Some(("client_id", self.client_id.uuid())), at.change.ambient.now()).await?;
            }
            Ok(())
        })
    }
}

/// The location exists and is the client's.
pub async fn check_of(tx: &mut Tx, field: &str, id: Option<LocationId>, client: Option<ClientId>) -> Result<(), ActionError> {
    let Some(id) = id else { return Ok(()) };
    match store::get::<Location>(tx, id, false).await? {
        None => Err(invalid(field, "names no location of this tenant")),
        Some(location) if Some(location.fields.client_id) != client => Err(invalid(field, "belongs to another client")),
        Some(_) => Ok(()),
    }
}
