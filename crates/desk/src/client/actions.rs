//! What inbound webhooks may do with clients.

use hookswitch_domain::mapping::{Field, FieldKind};
use hookswitch_pipeline::inbound::action::{ActionError, Context, Definition, Done, Input};
use hookswitch_store::Tx;
use serde_json::Map;

use super::{Client, ClientType};
use crate::action::{action, done, gone, required_external, upserted};
use crate::change::Change;
use crate::input::{Fields, invalid};
use crate::record::{self, Entity, resolve, upsert};

action!(UpsertClient, UPSERT, run_upsert);
action!(SetClientActive, ACTIVE, run_active);

static UPSERT: Definition = Definition {
    name: "upsertClientByExternalId",
    entity_type: "client",
    display_name: "Create or update a client",
    description: "Makes the client that the external id names, or changes its mapped fields and no others. Properties are merged.",
    fields: &[
        Field::new("external_id", FieldKind::String, "The sender's own id of the client.").required(),
        Field::new("client_name", FieldKind::String, "The client's name, at most 255 characters.").required(),
        Field::new("client_type", FieldKind::Enum, "What the client is. Default: company.").one_of(ClientType::WORDS),
        Field::new("url", FieldKind::String, "Its web site."),
        Field::new("phone_no", FieldKind::String, "Its telephone number."),
        Field::new("email", FieldKind::String, "Where to write to."),
        Field::new("address", FieldKind::String, "Street and number."),
        Field::new("address_2", FieldKind::String, "A second line."),
        Field::new("city", FieldKind::String, "The city."),
        Field::new("state", FieldKind::String, "The state or province."),
        Field::new("zip", FieldKind::String, "The postal code."),
        Field::new("country", FieldKind::String, "The country."),
        Field::new("default_currency_code", FieldKind::String, "What it is charged in, like EUR."),
        Field::new("notes", FieldKind::String, "Anything else, at most 64 KiB."),
        Field::new("is_inactive", FieldKind::Boolean, "No longer a client."),
        Field::new("properties", FieldKind::Json, "More properties: those that aren't named stay."),
    ],
};

async fn run_upsert(tx: &mut Tx, input: &Input, context: &Context<'_>) -> Result<Done, ActionError> {
    let fields = Fields(input);
    let external = required_external(&fields, context, Client::KIND)?;
    let given = fields.pick(&[
        "client_name",
        "client_type",
        "url",
        "phone_no",
        "email",
        "address",
        "address_2",
        "city",
        "state",
        "zip",
        "country",
        "default_currency_code",
        "notes",
        "is_inactive",
        "properties",
    ]);
    Ok(upserted(&upsert::<Client>(tx, &Change::through(context), &external, &given, &Map::new()).await?))
}

static ACTIVE: Definition = Definition {
    name: "setClientActiveByExternalId",
    entity_type: "client",
    display_name: "Activate or deactivate a client",
    description: "Says whether the client that the external id names is active. Saying it again changes nothing.",
    fields: &[
        Field::new("external_id", FieldKind::String, "The sender's own id of the client.").required(),
        Field::new("active", FieldKind::Boolean, "Whether it is active.").required(),
    ],
};

async fn run_active(tx: &mut Tx, input: &Input, context: &Context<'_>) -> Result<Done, ActionError> {
    let fields = Fields(input);
    let active = fields.flag("active")?.ok_or_else(|| invalid("active", "is needed"))?;
    let external = required_external(&fields, context, Client::KIND)?;
    let id = resolve::<Client>(tx, "external_id", &external).await?;
    let given = Map::from_iter([("is_inactive".to_owned(), (!active).into())]);
    let changed = record::change::<Client>(tx, &Change::through(context), id, &given, None).await?;
    let changed = changed.ok_or_else(|| gone(Client::KIND, id))?;
    Ok(done(Client::KIND, id, changed.result(), Map::new()))
}
