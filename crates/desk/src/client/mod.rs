//! Clients: whom a ticket is for. One of a tenant's clients may be the default, which takes the
//! tickets for which nobody names one.

pub mod actions;

use futures_util::future::BoxFuture;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::Tx;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::ClientId;
use crate::record::{Entity, Events, Filter, Record, Reference, Settling, events, store};
use crate::words::{Free, columns, words};

words! { ClientType { Company "company", Individual "individual" } }

/// Whom tickets, assets and invoices are for.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Client {
    #[schema(example = "Acme Ltd", min_length = 1, max_length = 255)]
    pub client_name: String,
    #[serde(default)]
    pub client_type: ClientType,
    /// Takes the records for which nobody names a client; the one that was it before no longer is.
    #[serde(default)]
    pub is_default: bool,
    #[serde(default)]
    pub is_inactive: bool,
    /// The client's web site.
    pub url: Option<String>,
    pub phone_no: Option<String>,
    pub email: Option<String>,
    pub billing_email: Option<String>,
    pub address: Option<String>,
    pub address_2: Option<String>,
    pub city: Option<String>,
    pub state: Option<String>,
    pub zip: Option<String>,
    pub country: Option<String>,
    pub default_currency_code: Option<String>,
    pub notes: Option<String>,
    #[schema(value_type = Option<String>)]
    pub parent_client_id: Option<ClientId>,
    #[serde(default)]
    #[schema(value_type = Object)]
    pub properties: Free,
}

impl Entity for Client {
    type Id = ClientId;
    const KIND: &'static str = "client";
    const TITLE: &'static str = "Client";
    const TABLE: &'static str = "client";
    const EVENTS: Events = events!("client");
    const FILTERS: &'static [Filter] = &[Filter::text("client_type"), Filter::flag("is_inactive")];
    const PRIVATE: &'static [&'static str] = &[
        "url",
        "phone_no",
        "email",
        "billing_email",
        "address",
        "address_2",
        "city",
        "state",
        "zip",
        "country",
        "notes",
        "properties",
    ];
    const USED_BY: &'static [(&'static str, &'static str)] = &[
        ("ticket", "client_id"),
        ("contact", "client_id"),
        ("asset", "client_id"),
        ("invoice", "client_id"),
        ("project", "client_id"),
        ("client", "parent_client_id"),
    ];
    const OWNS: &'static [(&'static str, &'static str)] = &[("location", "client_id")];

    columns!(
        client_name,
        client_type,
        is_default,
        is_inactive,
        url,
        phone_no,
        email,
        billing_email,
        address,
        address_2,
        city,
        state,
        zip,
        country,
        default_currency_code,
        notes,
        parent_client_id,
        properties
    );

    fn title(&self) -> (&'static str, &str) {
        ("client_name", &self.client_name)
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::to::<Self>("parent_client_id", self.parent_client_id)]
    }

    fn settle<'a>(&'a mut self, tx: &'a mut Tx, at: &'a Settling<'a, Self>) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async move {
            if self.parent_client_id == Some(at.id) {
                return Err(crate::input::invalid("parent_client_id", "is the client itself"));
            }
            if self.is_default && !at.before.is_some_and(|before| before.is_default) {
                store::no_default(tx, Self::TABLE, None, at.change.ambient.now()).await?;
            }
            Ok(())
        })
    }

    fn news(before: &Self, after: &Self) -> Vec<&'static str> {
        match (before.is_inactive, after.is_inactive) {
            (false, true) => vec!["client.deactivated"],
            (true, false) => vec!["client.activated"],
            _ => Vec::new(),
        }
    }
}

/// The client that takes what nobody names one for.
pub async fn default(tx: &mut Tx) -> Result<Option<Record<Client>>, hookswitch_store::StoreError> {
    store::first(tx, "is_default", "id", &[]).await
}
