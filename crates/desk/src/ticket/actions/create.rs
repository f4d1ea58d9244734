//! `createTicket`: what an inbound webhook may do with tickets. Only the title must be mapped.

use std::str::FromStr;

use hookswitch_domain::mapping::{Field, FieldKind};
use hookswitch_pipeline::inbound::action::{ActionError, Context, Definition, Done, Input};
use hookswitch_store::{StoreError, Tx};
use serde_json::{Map, Value, json};

use super::super::{Linked, NewComment, NewTicket, comment, create, create_linked, get, reopen};
use super::done;
use crate::action::{action, client_of, external};
use crate::asset::Asset;
use crate::change::Change;
use crate::id::{AssetId, TicketId};
use crate::input::{Fields, invalid};
use crate::mapping::{self, External};
use crate::record::{Entity, resolve};

action!(CreateTicket, DEFINITION, run);

const ON_EXISTING: &[&str] = &["return", "comment", "reopen", "fail"];

static DEFINITION: Definition = Definition {
    name: "createTicket",
    entity_type: "ticket",
    display_name: "Create a ticket",
    description: "Makes a ticket. What isn't mapped takes the tenant's defaults. With an external id, the ticket can be found \
        by it later, and the same external id makes no second ticket.",
    fields: &[
        Field::new("title", FieldKind::String, "The ticket's title, at most 500 characters.").required(),
        Field::new("description", FieldKind::String, "What happened, at most 64 KiB."),
        Field::new("client_id", FieldKind::Ref, "The client. Default: the tenant's default client.").refers_to("client"),
        Field::new("client_external_id", FieldKind::String, "The client by the id that this webhook's sender knows it by."),
        Field::new("board_id", FieldKind::Ref, "The board. Default: the tenant's default board.").refers_to("board"),
        Field::new("status_id", FieldKind::Ref, "A status of the board. Default: the board's default status.")
            .refers_to("status"),
        Field::new("priority_id", FieldKind::Ref, "The priority. Default: the tenant's default priority.").refers_to("priority"),
        Field::new("assigned_to", FieldKind::Ref, "The user who handles it.").refers_to("user"),
        Field::new("assigned_team_id", FieldKind::Ref, "The team that handles it.").refers_to("team"),
        Field::new("category_id", FieldKind::Ref, "The category.").refers_to("category"),
        Field::new("subcategory_id", FieldKind::Ref, "A category under category_id.").refers_to("category"),
        Field::new("contact_id", FieldKind::Ref, "Who reported it.").refers_to("contact"),
        Field::new("location_id", FieldKind::Ref, "Where it is: one of the client's locations.").refers_to("location"),
        Field::new("asset_id", FieldKind::Ref, "What it is about.").refers_to("asset"),
        Field::new("asset_external_id", FieldKind::String, "What it is about, by the id that this webhook's sender knows it by."),
        Field::new("due_date", FieldKind::String, "When it is due: a moment (RFC 3339) or a day (2026-01-31)."),
        Field::new("external_id", FieldKind::String, "The sender's own id for this; map it as a text."),
        Field::new(
            "on_existing",
            FieldKind::Enum,
            "What to do if the external id already names a ticket: return it as it is (default), add the description as a \
                comment, reopen it if it is closed, or fail.",
        )
        .one_of(ON_EXISTING),
        Field::new("attributes", FieldKind::Json, "Anything else, as an object."),
    ],
};

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum OnExisting {
    #[default]
    Return,
    Comment,
    Reopen,
    Fail,
}

impl FromStr for OnExisting {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "return" => Ok(Self::Return),
            "comment" => Ok(Self::Comment),
            "reopen" => Ok(Self::Reopen),
            "fail" => Ok(Self::Fail),
            _ => Err(format!("must be one of {}", ON_EXISTING.join(", "))),
        }
    }
}

async fn run(tx: &mut Tx, input: &Input, context: &Context<'_>) -> Result<Done, ActionError> {
    let fields = Fields(input);
    let change = Change::through(context);
    let mut asked = read(&fields, context)?;
    let on_existing = fields.id::<OnExisting>("on_existing")?.unwrap_or_default();
    asked.client_id = client_of(tx, &fields, context).await?;
    if let Some(asset) = fields.text("asset_external_id")? {
        asked.asset_id = Some(asset_of(tx, context, asset, asked.asset_id).await?);
    }
    let external = external(&fields, context, mapping::TICKET)?;
    let Some(external) = external else {
        return Ok(done(&create(tx, &change, asked).await?, "created", Map::new()));
    };
    let note = asked.description.clone().unwrap_or_else(|| asked.title.clone());
    match create_linked(tx, &change, asked, &external).await? {
        Linked::Created(ticket) => Ok(done(&ticket, "created", Map::new())),
        Linked::Known(id) => existing(tx, &change, id, on_existing, &note).await,
    }
}

fn read(fields: &Fields<'_>, context: &Context<'_>) -> Result<NewTicket, ActionError> {
    let mut attributes = fields.object("attributes")?.cloned().unwrap_or_default();
    attributes.insert("inbound_delivery_id".to_owned(), Value::from(context.delivery.to_string()));
    attributes.insert("webhook".to_owned(), Value::from(context.integration));
    Ok(NewTicket {
        title: fields.text("title")?.unwrap_or_default().to_owned(),
        description: fields.text("description")?.map(str::to_owned),
        client_id: None,
        location_id: fields.id("location_id")?,
        contact_id: fields.id("contact_id")?,
        asset_id: fields.id("asset_id")?,
        board_id: fields.id("board_id")?,
        status_id: fields.id("status_id")?,
        priority_id: fields.id("priority_id")?,
        category_id: fields.id("category_id")?,
        subcategory_id: fields.id("subcategory_id")?,
        assigned_to: fields.id("assigned_to")?,
        assigned_team_id: fields.id("assigned_team_id")?,
        due_date: fields.moment("due_date")?,
        attributes,
    })
}

/// The asset that the sender means. Where both ids are mapped, they must mean the same one.
async fn asset_of(tx: &mut Tx, context: &Context<'_>, id: &str, named: Option<AssetId>) -> Result<AssetId, ActionError> {
    let external = External::new(context.integration, Asset::KIND, id);
    let found = resolve::<Asset>(tx, "asset_external_id", &external).await?;
    match named {
        Some(named) if named != found => Err(invalid("asset_external_id", "names another asset than asset_id does")),
        _ => Ok(found),
    }
}

async fn existing(
    tx: &mut Tx,
    change: &Change<'_>,
    id: TicketId,
    on_existing: OnExisting,
    note: &str,
) -> Result<Done, ActionError> {
    let ticket =
        get(tx, id).await?.ok_or_else(|| StoreError::Corrupt(format!("a mapping names the ticket {id}, which isn't there")))?;
    match on_existing {
        OnExisting::Return => Ok(done(&ticket, "unchanged", Map::new())),
        OnExisting::Comment => {
            let comment = comment(tx, change, &ticket, "description", NewComment::internal(note)).await?;
            Ok(done(&ticket, "updated", Map::from_iter([("comment_id".to_owned(), json!(comment.id))])))
        }
        OnExisting::Reopen => {
            let result = if reopen(tx, change, &ticket).await? { "updated" } else { "unchanged" };
            Ok(done(&ticket, result, Map::new()))
        }
        OnExisting::Fail => {
            let detail = format!("the external id already names ticket {} ({id})", ticket.ticket_number);
            Err(ActionError::Rule { code: "already_exists", detail })
        }
    }
}
