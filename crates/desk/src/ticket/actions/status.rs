//! `changeTicketStatusByExternalId`: another status, and perhaps another board with it.

use hookswitch_domain::mapping::{Field, FieldKind};
use hookswitch_pipeline::inbound::action::{ActionError, Context, Definition, Done, Input};
use hookswitch_store::Tx;

use super::super::change as edit;
use super::{edited, meant};
use crate::action::{action, gone};
use crate::change::Change;
use crate::input::Fields;
use crate::mapping;

action!(ChangeTicketStatus, DEFINITION, run);

static DEFINITION: Definition = Definition {
    name: "changeTicketStatusByExternalId",
    entity_type: "ticket",
    display_name: "Change a ticket's status",
    description: "Gives the ticket that the external id names another status of its board, or of the board that is mapped.",
    fields: &[
        Field::new("external_id", FieldKind::String, "The sender's own id of the ticket.").required(),
        Field::new("status_id", FieldKind::Ref, "A status of the ticket's board.").required().refers_to("status"),
        Field::new("board_id", FieldKind::Ref, "Another board, which the status then belongs to.").refers_to("board"),
    ],
};

async fn run(tx: &mut Tx, input: &Input, context: &Context<'_>) -> Result<Done, ActionError> {
    let fields = Fields(input);
    let id = meant(tx, &fields, context).await?;
    let given = fields.pick(&["status_id", "board_id"]);
    let changed = edit(tx, &Change::through(context), id, &given, None).await?;
    Ok(edited(&changed.ok_or_else(|| gone(mapping::TICKET, id))?))
}
