//! What inbound webhooks may do with tags.

use hookswitch_domain::mapping::{Field, FieldKind};
use hookswitch_pipeline::inbound::action::{ActionError, Context, Definition, Done, Input};
use hookswitch_store::{StoreError, Tx};
use serde_json::{Map, json};

use super::{Tag, TaggedType, put_on};
use crate::action::{action, done};
use crate::change::Change;
use crate::input::{Fields, NAME_CHARS_MAX, check_name, invalid};
use crate::kinds;
use crate::mapping::{self, External};
use crate::record::merge;

action!(AddTag, DEFINITION, run);

static DEFINITION: Definition = Definition {
    name: "addTagToEntityByExternalId",
    entity_type: "tag",
    display_name: "Tag a record",
    description: "Puts a tag on the record that the external id names. A record that has it keeps it once; a tag that isn't there \
        is made.",
    fields: &[
        Field::new("entity_type", FieldKind::Enum, "What kind of record it is.").required().one_of(TaggedType::WORDS),
        Field::new("external_id", FieldKind::String, "The sender's own id of the record.").required(),
        Field::new("tag_text", FieldKind::String, "The tag, at most 50 characters.").required(),
        Field::new("background_color", FieldKind::String, "A new tag's color, like #1864ab."),
        Field::new("text_color", FieldKind::String, "The color of a new tag's text."),
        Field::new("created_by", FieldKind::Ref, "The user in whose name it is done.").refers_to("user"),
    ],
};

async fn run(tx: &mut Tx, input: &Input, context: &Context<'_>) -> Result<Done, ActionError> {
    let fields = Fields(input);
    let mut change = Change::through(context);
    if let Some(user) = fields.id("created_by")? {
        crate::record::check_reference(tx, crate::record::Reference::to_user("created_by", user)).await?;
        change.actor = hookswitch_domain::audit::Actor::User(user);
    }
    let mut given = fields.pick(&["tag_text", "background_color", "text_color"]);
    given.insert("tagged_type".to_owned(), json!(fields.text("entity_type")?));
    let tag: Tag = merge::read(given)?;
    let kind = kinds::named(tag.tagged_type.as_str()).ok_or_else(|| invalid("entity_type", "can't be tagged"))?;
    let id = fields.text("external_id")?.unwrap_or_default();
    check_name("external_id", id, NAME_CHARS_MAX)?;
    let external = External::new(context.integration, kind.name, id);
    let Some(record) = mapping::store::find(tx, &external).await? else {
        return Err(ActionError::LookupMiss { entity_type: kind.name, external_id: external.external_id });
    };
    let uuid = hookswitch_domain::id::from_text(kind.prefix, &record);
    let uuid = uuid.map_err(|_| StoreError::Corrupt(format!("a mapping of a {} names {record:?}", kind.name)))?;
    let (tag, put) = put_on(tx, &change, tag, uuid).await?;
    let more = [("tag_id", json!(tag.tag_id)), ("tag_text", json!(tag.tag_text))];
    let more: Map<_, _> = more.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Ok(done(kind.name, record, if put { "updated" } else { "unchanged" }, more))
}
