//! `addTicketCommentByExternalId`: says something on a ticket, as a user, as a contact or as the system.

use hookswitch_domain::mapping::{Field, FieldKind};
use hookswitch_pipeline::inbound::action::{ActionError, Context, Definition, Done, Input};
use hookswitch_store::Tx;
use serde_json::{Map, json};

use super::super::{Author, NewComment, comment};
use super::{done, meant_ticket};
use crate::action::action;
use crate::change::Change;
use crate::input::{Fields, invalid};

action!(AddTicketComment, DEFINITION, run);

static DEFINITION: Definition = Definition {
    name: "addTicketCommentByExternalId",
    entity_type: "ticket",
    display_name: "Comment on a ticket",
    description: "Adds a comment to the ticket that the external id names: by a user, by a contact, or by the system if neither \
        is mapped.",
    fields: &[
        Field::new("external_id", FieldKind::String, "The sender's own id of the ticket.").required(),
        Field::new("content", FieldKind::String, "What is said, at most 64 KiB.").required(),
        Field::new("is_internal", FieldKind::Boolean, "Not for the client's eyes. Default: true."),
        Field::new("is_resolution", FieldKind::Boolean, "Says how the ticket was solved. Default: false."),
        Field::new("author_id", FieldKind::Ref, "The user who says it.").refers_to("user"),
        Field::new("contact_id", FieldKind::Ref, "The contact who says it; not together with author_id.").refers_to("contact"),
    ],
};

async fn run(tx: &mut Tx, input: &Input, context: &Context<'_>) -> Result<Done, ActionError> {
    let fields = Fields(input);
    let author = match (fields.id("author_id")?, fields.id("contact_id")?) {
        (Some(_), Some(_)) => return Err(invalid("contact_id", "a comment has one author: map author_id or contact_id")),
        (Some(user), None) => Author::User(user),
        (None, Some(contact)) => Author::Contact(contact),
        (None, None) => Author::Caller,
    };
    let asked = NewComment {
        note: fields.text("content")?.unwrap_or_default().to_owned(),
        author,
        is_internal: fields.flag("is_internal")?.unwrap_or(true),
        is_resolution: fields.flag("is_resolution")?.unwrap_or(false),
    };
    let ticket = meant_ticket(tx, &fields, context).await?;
    let said = comment(tx, &Change::through(context), &ticket, "content", asked).await?;
    Ok(done(&ticket, "updated", Map::from_iter([("comment_id".to_owned(), json!(said.id))])))
}
