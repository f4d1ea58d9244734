//! Clients: whom a ticket is for. One of a tenant's clients may be the default, which takes the
//! tickets for which nobody names one.

pub mod store;

use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::Tx;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::change::Change;
use crate::id::ClientId;
use crate::input::{NAME_CHARS_MAX, check_name, check_object, check_text};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientType {
    #[default]
    Company,
    Individual,
}

impl ClientType {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Company => "company",
            Self::Individual => "individual",
        }
    }
}

/// How to reach a client. Whatever isn't known is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct ClientDetails {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_no: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_2: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zip: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_currency_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}

impl ClientDetails {
    fn check(&self) -> Result<(), ActionError> {
        let short = [
            ("url", &self.url),
            ("phone_no", &self.phone_no),
            ("email", &self.email),
            ("address", &self.address),
            ("address_2", &self.address_2),
            ("city", &self.city),
            ("state", &self.state),
            ("zip", &self.zip),
            ("country", &self.country),
            ("default_currency_code", &self.default_currency_code),
        ];
        for (field, text) in short {
            text.as_deref().map_or(Ok(()), |text| check_name(field, text, NAME_CHARS_MAX))?;
        }
        self.notes.as_deref().map_or(Ok(()), |notes| check_text("notes", notes))
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Client {
    #[schema(value_type = String, example = "cli_01h455vb4pex5vsknk084sn02q")]
    pub id: ClientId,
    pub client_name: String,
    pub client_type: ClientType,
    pub is_default: bool,
    pub is_inactive: bool,
    #[serde(flatten)]
    pub details: ClientDetails,
    #[schema(value_type = Object)]
    pub properties: Map<String, Value>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// What a client is made from.
#[derive(Debug, Clone, Default)]
pub struct NewClient {
    pub client_name: String,
    pub client_type: ClientType,
    pub details: ClientDetails,
    pub properties: Map<String, Value>,
}

/// Makes a client and publishes `client.created`.
pub async fn create(tx: &mut Tx, change: &Change<'_>, asked: NewClient) -> Result<Client, ActionError> {
    check_name("client_name", &asked.client_name, NAME_CHARS_MAX)?;
    asked.details.check()?;
    check_object("properties", &asked.properties)?;
    let now = change.ambient.now();
    let client = Client {
        id: change.ambient.fresh(),
        client_name: asked.client_name,
        client_type: asked.client_type,
        is_default: false,
        is_inactive: false,
        details: asked.details,
        properties: asked.properties,
        created_at: now,
        updated_at: now,
    };
    store::insert(tx, &client).await?;
    change.publish(tx, "client.created", ("client_id", client.id.to_string()), json!({ "client": client })).await?;
    Ok(client)
}
