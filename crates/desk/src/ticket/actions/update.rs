//! `updateTicketByExternalId`: what is mapped is changed, and nothing else.

use hookswitch_domain::mapping::{Field, FieldKind};
use hookswitch_pipeline::inbound::action::{ActionError, Context, Definition, Done, Input};
use hookswitch_store::Tx;

use super::super::change as edit;
use super::{edited, meant};
use crate::action::{action, client_of, gone};
use crate::asset::association;
use crate::change::Change;
use crate::id::AssetId;
use crate::input::Fields;
use crate::mapping;

action!(UpdateTicket, DEFINITION, run);

static DEFINITION: Definition = Definition {
    name: "updateTicketByExternalId",
    entity_type: "ticket",
    display_name: "Update a ticket",
    description: "Changes the mapped fields of the ticket that the external id names, and no others. Attributes are merged.",
    fields: &[
        Field::new("external_id", FieldKind::String, "The sender's own id of the ticket.").required(),
        Field::new("title", FieldKind::String, "The ticket's title, at most 500 characters."),
        Field::new("description", FieldKind::String, "What happened, at most 64 KiB."),
        Field::new("client_id", FieldKind::Ref, "The client.").refers_to("client"),
        Field::new("client_external_id", FieldKind::String, "The client by the id that this webhook's sender knows it by."),
        Field::new("board_id", FieldKind::Ref, "Another board; needs a status of that board.").refers_to("board"),
        Field::new("status_id", FieldKind::Ref, "A status of the ticket's board.").refers_to("status"),
        Field::new("priority_id", FieldKind::Ref, "The priority.").refers_to("priority"),
        Field::new("assigned_to", FieldKind::Ref, "The user who handles it.").refers_to("user"),
        Field::new("assigned_team_id", FieldKind::Ref, "The team that handles it.").refers_to("team"),
        Field::new("category_id", FieldKind::Ref, "The category.").refers_to("category"),
        Field::new("subcategory_id", FieldKind::Ref, "A category under category_id.").refers_to("category"),
        Field::new("contact_id", FieldKind::Ref, "Who reported it.").refers_to("contact"),
        Field::new("location_id", FieldKind::Ref, "Where it is: one of the client's locations.").refers_to("location"),
        Field::new("due_date", FieldKind::String, "When it is due: a moment (RFC 3339) or a day (2026-01-31)."),
        Field::new("asset_id", FieldKind::Ref, "What it is about too.").refers_to("asset"),
        Field::new("attributes", FieldKind::Json, "More attributes: those that aren't named stay."),
    ],
};

const EDITABLE: &[&str] = &[
    "title",
    "description",
    "board_id",
    "status_id",
    "priority_id",
    "assigned_to",
    "assigned_team_id",
    "category_id",
    "subcategory_id",
    "contact_id",
    "location_id",
    "due_date",
    "attributes",
];

async fn run(tx: &mut Tx, input: &Input, context: &Context<'_>) -> Result<Done, ActionError> {
    let fields = Fields(input);
    let change = Change::through(context);
    let id = meant(tx, &fields, context).await?;
    fields.object("attributes")?;
    let mut given = fields.pick(EDITABLE);
    if let Some(client) = client_of(tx, &fields, context).await? {
        given.insert("client_id".to_owned(), client.to_string().into());
    }
    let changed = edit(tx, &change, id, &given, None).await?.ok_or_else(|| gone(mapping::TICKET, id))?;
    if let Some(asset) = fields.id::<AssetId>("asset_id")? {
        association::associate(tx, &change, "asset_id", asset, id, association::AFFECTED).await?;
    }
    Ok(edited(&changed))
}
