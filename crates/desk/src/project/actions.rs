//! What inbound webhooks may do with projects' tasks.

use hookswitch_domain::mapping::{Field, FieldKind};
use hookswitch_pipeline::inbound::action::{ActionError, Context, Definition, Done, Input};
use hookswitch_store::Tx;
use serde_json::{Map, json};

use super::{Project, ProjectTask};
use crate::action::{action, done, external, gone, required_external};
use crate::change::Change;
use crate::id::ProjectId;
use crate::input::{Fields, invalid};
use crate::mapping::External;
use crate::record::{self, Entity, blank, create_as, merged, resolve};

action!(CreateProjectTask, CREATE, run_create);
action!(UpdateProjectTaskStatus, STATUS, run_status);

static CREATE: Definition = Definition {
    name: "createProjectTask",
    entity_type: "project_task",
    display_name: "Create a project task",
    description: "Makes a task of a project, in its first phase and with its first status unless others are mapped. With an \
        external id, the same id makes no second task.",
    fields: &[
        Field::new("project_id", FieldKind::Ref, "The project.").refers_to("project"),
        Field::new("project_external_id", FieldKind::String, "The project by the id that this webhook's sender knows it by."),
        Field::new("phase_id", FieldKind::Ref, "One of the project's phases. Default: its first.").refers_to("project_phase"),
        Field::new("project_status_mapping_id", FieldKind::Ref, "One of the project's statuses. Default: its first.")
            .refers_to("project_status"),
        Field::new("task_name", FieldKind::String, "The task's name, at most 255 characters.").required(),
        Field::new("description", FieldKind::String, "What is to be done, at most 64 KiB."),
        Field::new("assigned_to", FieldKind::Ref, "The user who does it.").refers_to("user"),
        Field::new("estimated_hours", FieldKind::Number, "How long it will take."),
        Field::new("due_date", FieldKind::String, "When it is due: a moment (RFC 3339) or a day (2026-01-31)."),
        Field::new("priority_id", FieldKind::Ref, "The priority.").refers_to("priority"),
        Field::new("task_type_key", FieldKind::String, "What kind of task it is. Default: task."),
        Field::new("service_id", FieldKind::Ref, "The service that its time is booked on.").refers_to("service"),
        Field::new("external_id", FieldKind::String, "The sender's own id for this; map it as a text."),
    ],
};

async fn run_create(tx: &mut Tx, input: &Input, context: &Context<'_>) -> Result<Done, ActionError> {
    let fields = Fields(input);
    let change = Change::through(context);
    let mut given = fields.pick(&[
        "phase_id",
        "project_status_mapping_id",
        "task_name",
        "description",
        "assigned_to",
        "estimated_hours",
        "due_date",
        "priority_id",
        "task_type_key",
        "service_id",
    ]);
    given.insert("project_id".to_owned(), json!(project_of(tx, &fields, context).await?));
    let Some(external) = external(&fields, context, ProjectTask::KIND)? else {
        let made = record::create::<ProjectTask>(tx, &change, &given).await?;
        return Ok(done(ProjectTask::KIND, made.id, "created", Map::new()));
    };
    let known = crate::mapping::store::find(tx, &external).await?;
    let known = match known {
        Some(known) => known,
        None => match create_as(tx, &change, &external, merged::<ProjectTask>(&blank(), &given)?).await? {
            Ok(made) => return Ok(done(ProjectTask::KIND, made.id, "created", Map::new())),
            Err(taken) => taken,
        },
    };
    Ok(done(ProjectTask::KIND, known, "unchanged", Map::new()))
}

async fn project_of(tx: &mut Tx, fields: &Fields<'_>, context: &Context<'_>) -> Result<ProjectId, ActionError> {
    let named = fields.id::<ProjectId>("project_id")?;
    let Some(id) = fields.text("project_external_id")? else {
        return named.ok_or_else(|| invalid("project_id", "is needed; map project_id or project_external_id"));
    };
    let external = External::new(context.integration, Project::KIND, id);
    let found = resolve::<Project>(tx, "project_external_id", &external).await?;
    match named {
        Some(named) if named != found => Err(invalid("project_external_id", "names another project than project_id does")),
        _ => Ok(found),
    }
}

static STATUS: Definition = Definition {
    name: "updateProjectTaskStatusByExternalId",
    entity_type: "project_task",
    display_name: "Change a project task's status",
    description: "Gives the task that the external id names another of its project's statuses.",
    fields: &[
        Field::new("external_id", FieldKind::String, "The sender's own id of the task.").required(),
        Field::new("project_status_mapping_id", FieldKind::Ref, "A status of the task's project.")
            .required()
            .refers_to("project_status"),
    ],
};

async fn run_status(tx: &mut Tx, input: &Input, context: &Context<'_>) -> Result<Done, ActionError> {
    let fields = Fields(input);
    let external = required_external(&fields, context, ProjectTask::KIND)?;
    let id = resolve::<ProjectTask>(tx, "external_id", &external).await?;
    let given = fields.pick(&["project_status_mapping_id"]);
    let changed = record::change::<ProjectTask>(tx, &Change::through(context), id, &given, None).await?;
    let changed = changed.ok_or_else(|| gone(ProjectTask::KIND, id))?;
    Ok(done(ProjectTask::KIND, id, changed.result(), Map::new()))
}
