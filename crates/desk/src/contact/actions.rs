//! What inbound webhooks may do with contacts.

use hookswitch_domain::mapping::{Field, FieldKind};
use hookswitch_pipeline::inbound::action::{ActionError, Context, Definition, Done, Input};
use hookswitch_store::Tx;
use serde_json::{Value, json};

use super::Contact;
use crate::action::{action, client_of, gone, required_external, upserted};
use crate::change::Change;
use crate::input::{Fields, NAME_CHARS_MAX, check_name, invalid};
use crate::mapping;
use crate::record::{self, Entity, Upserted, blank, create_as, merge, merged, object_of};

action!(UpsertContact, DEFINITION, run);

static DEFINITION: Definition = Definition {
    name: "upsertContactByExternalId",
    entity_type: "contact",
    display_name: "Create or update a contact",
    description: "Makes the contact that the external id names, or changes its mapped fields and no others. A new one needs a client.",
    fields: &[
        Field::new("external_id", FieldKind::String, "The sender's own id of the contact.").required(),
        Field::new("full_name", FieldKind::String, "The contact's name, at most 255 characters.").required(),
        Field::new("email", FieldKind::String, "Where to write to.").required(),
        Field::new("client_id", FieldKind::Ref, "The client.").refers_to("client"),
        Field::new("client_external_id", FieldKind::String, "The client by the id that this webhook's sender knows it by."),
        Field::new("role", FieldKind::String, "What the contact does there."),
        Field::new("notes", FieldKind::String, "Anything else, at most 64 KiB."),
        Field::new("is_inactive", FieldKind::Boolean, "No longer a contact."),
        Field::new("phone", FieldKind::String, "The number that is called first."),
    ],
};

async fn run(tx: &mut Tx, input: &Input, context: &Context<'_>) -> Result<Done, ActionError> {
    let fields = Fields(input);
    let change = Change::through(context);
    let external = required_external(&fields, context, Contact::KIND)?;
    let phone = fields.text("phone")?;
    phone.map_or(Ok(()), |phone| check_name("phone", phone, NAME_CHARS_MAX))?;
    let mut given = fields.pick(&["full_name", "email", "role", "notes", "is_inactive"]);
    if let Some(client) = client_of(tx, &fields, context).await? {
        given.insert("client_id".to_owned(), json!(client));
    }
    let mut known = mapping::store::find(tx, &external).await?;
    if known.is_none() {
        if !given.contains_key("client_id") {
            return Err(invalid("client_id", "is needed for a new contact; map client_id or client_external_id"));
        }
        let contact = with_phone(merged(&blank(), &given)?, phone);
        match create_as(tx, &change, &external, contact).await? {
            Ok(record) => return Ok(upserted(&Upserted::Created(record))),
            Err(taken) => known = Some(taken),
        }
    }
    update(tx, &change, &known.unwrap_or_default(), &given, phone).await
}

async fn update(
    tx: &mut Tx,
    change: &Change<'_>,
    id: &str,
    given: &serde_json::Map<String, Value>,
    phone: Option<&str>,
) -> Result<Done, ActionError> {
    let before = match id.parse() {
        Ok(id) => record::held::<Contact>(tx, id).await?,
        Err(_) => None,
    };
    let before = before.ok_or_else(|| gone(Contact::KIND, id))?;
    let after = with_phone(merge::read(merge::over(&object_of(&before.fields)?, given)?)?, phone);
    Ok(upserted(&Upserted::Known(record::apply(tx, change, before, after).await?)))
}

fn with_phone(mut contact: Contact, phone: Option<&str>) -> Contact {
    phone.into_iter().for_each(|number| contact.set_default_phone(number));
    contact
}
