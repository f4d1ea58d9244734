//! What inbound webhooks may do with time.

use hookswitch_domain::mapping::{Field, FieldKind};
use hookswitch_pipeline::inbound::action::{ActionError, Context, Definition, Done, Input};
use hookswitch_store::Tx;
use serde_json::{Map, json};

use super::{TimeEntry, WorkItemType};
use crate::action::{action, done, external};
use crate::change::Change;
use crate::input::Fields;
use crate::record::{self, Entity, Record, blank, create_as, merged};

action!(CreateTimeEntry, DEFINITION, run);

static DEFINITION: Definition = Definition {
    name: "createTimeEntry",
    entity_type: "time_entry",
    display_name: "Book time",
    description: "Books time of a user, in the time period of its day and on the user's sheet for it. With an external id, the \
        same id books nothing twice.",
    fields: &[
        Field::new("user_id", FieldKind::Ref, "Who worked.").required().refers_to("user"),
        Field::new("work_item_type", FieldKind::Enum, "What kind of thing was worked on.").required().one_of(WorkItemType::WORDS),
        Field::new("work_item_id", FieldKind::String, "What was worked on; needed unless it is ad_hoc."),
        Field::new("service_id", FieldKind::Ref, "The service that it is booked on.").required().refers_to("service"),
        Field::new("start_time", FieldKind::String, "When it began (RFC 3339).").required(),
        Field::new("duration_minutes", FieldKind::Int, "How long it took, 1 to 1440 minutes.").required(),
        Field::new("notes", FieldKind::String, "What was done, at most 64 KiB."),
        Field::new("is_billable", FieldKind::Boolean, "Whether it is charged. Default: true."),
        Field::new("tax_region", FieldKind::String, "Where it is taxed."),
        Field::new("external_id", FieldKind::String, "The sender's own id for this; map it as a text."),
    ],
};

async fn run(tx: &mut Tx, input: &Input, context: &Context<'_>) -> Result<Done, ActionError> {
    let fields = Fields(input);
    let change = Change::through(context);
    let given = fields.pick(&[
        "user_id",
        "work_item_type",
        "work_item_id",
        "service_id",
        "start_time",
        "duration_minutes",
        "notes",
        "is_billable",
        "tax_region",
    ]);
    let Some(external) = external(&fields, context, TimeEntry::KIND)? else {
        return Ok(booked(&record::create(tx, &change, &given).await?));
    };
    let known = crate::mapping::store::find(tx, &external).await?;
    let known = match known {
        Some(known) => known,
        None => match create_as(tx, &change, &external, merged(&blank(), &given)?).await? {
            Ok(record) => return Ok(booked(&record)),
            Err(taken) => taken,
        },
    };
    Ok(done(TimeEntry::KIND, known, "unchanged", Map::new()))
}

fn booked(entry: &Record<TimeEntry>) -> Done {
    let sheet = ("time_sheet_id".to_owned(), json!(entry.fields.time_sheet_id));
    done(TimeEntry::KIND, entry.id, "created", Map::from_iter([sheet]))
}
