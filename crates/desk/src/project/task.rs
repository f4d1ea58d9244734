//! Tasks of projects. A task lies in one of its project's phases and has one of its statuses; whoever
//! names neither gets the first of each.

use futures_util::future::BoxFuture;
use hookswitch_domain::id::UserId;
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::Tx;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Phase, Project, ProjectStatus, first_phase, first_status};
use crate::board::Priority;
use crate::id::{PhaseId, PriorityId, ProjectId, ProjectStatusId, ProjectTaskId, ServiceId, TeamId};
use crate::input::invalid;
use crate::record::{Entity, Events, Filter, Reference, Settling, events, store};
use crate::service::Service;
use crate::team::Team;
use crate::words::{columns, moment};

/// A piece of a project's work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectTask {
    #[schema(value_type = String, example = "prj_01jd8r7c5tevzs9c1ghvzv3hkp")]
    pub project_id: ProjectId,
    /// One of the project's phases; by default its first.
    #[schema(value_type = Option<String>)]
    pub phase_id: Option<PhaseId>,
    /// One of the project's statuses; by default its first.
    #[schema(value_type = Option<String>)]
    pub project_status_mapping_id: Option<ProjectStatusId>,
    #[schema(example = "Pull the cables", min_length = 1, max_length = 255)]
    pub task_name: String,
    pub description: Option<String>,
    #[schema(value_type = Option<String>)]
    pub assigned_to: Option<UserId>,
    #[schema(value_type = Option<String>)]
    pub assigned_team_id: Option<TeamId>,
    pub estimated_hours: Option<f64>,
    pub actual_hours: Option<f64>,
    #[serde(default, deserialize_with = "moment")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_date: Option<Timestamp>,
    #[schema(value_type = Option<String>)]
    pub priority_id: Option<PriorityId>,
    #[serde(default = "task")]
    pub task_type_key: String,
    #[schema(value_type = Option<String>)]
    pub service_id: Option<ServiceId>,
}

fn task() -> String {
    "task".to_owned()
}

impl Entity for ProjectTask {
    type Id = ProjectTaskId;
    const KIND: &'static str = "project_task";
    const TITLE: &'static str = "ProjectTask";
    const TABLE: &'static str = "project_task";
    const EVENTS: Events = events!("project.task");
    const FILTERS: &'static [Filter] = &[
        Filter::id("project_id", "prj"),
        Filter::id("phase_id", "phs"),
        Filter::id("project_status_mapping_id", "psm"),
        Filter::id("assigned_to", "usr"),
        Filter::id("assigned_team_id", "tea"),
    ];
    const PRIVATE: &'static [&'static str] = &["description"];

    columns!(
        project_id,
        phase_id,
        project_status_mapping_id,
        task_name,
        description,
        assigned_to,
        assigned_team_id,
        estimated_hours,
        actual_hours,
        due_date,
        priority_id,
        task_type_key,
        service_id
    );

    fn title(&self) -> (&'static str, &str) {
        ("task_name", &self.task_name)
    }

    fn references(&self) -> Vec<Reference> {
        vec![
            Reference::to::<Project>("project_id", self.project_id),
            Reference::to::<Phase>("phase_id", self.phase_id),
            Reference::to::<ProjectStatus>("project_status_mapping_id", self.project_status_mapping_id),
            Reference::to_user("assigned_to", self.assigned_to),
            Reference::to::<Team>("assigned_team_id", self.assigned_team_id),
            Reference::to::<Priority>("priority_id", self.priority_id),
            Reference::to::<Service>("service_id", self.service_id),
        ]
    }

    fn settle<'a>(&'a mut self, tx: &'a mut Tx, at: &'a Settling<'a, Self>) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async move {
            if at.before.is_some_and(|before| before.project_id != self.project_id) {
                return Err(invalid("project_id", "can't be changed"));
            }
            for (field, hours) in [("estimated_hours", self.estimated_hours), ("actual_hours", self.actual_hours)] {
                if hours.is_some_and(|hours| !(0.0..=1_000_000.0).contains(&hours)) {
                    return Err(invalid(field, "must be 0 to 1000000"));
                }
            }
            let phase = match self.phase_id {
                Some(id) => store::get::<Phase>(tx, id, false).await?,
                None => first_phase(tx, self.project_id).await?,
            };
            let phase = phase.ok_or_else(|| invalid("phase_id", "is needed, because the project has no phase"))?;
            if phase.fields.project_id != self.project_id {
                return Err(invalid("phase_id", "belongs to another project"));
            }
            let status = match self.project_status_mapping_id {
                Some(id) => store::get::<ProjectStatus>(tx, id, false).await?,
                None => first_status(tx, self.project_id).await?,
            };
            let none = "is needed, because the project has no status";
            let status = status.ok_or_else(|| invalid("project_status_mapping_id", none))?;
            if status.fields.project_id != self.project_id {
                return Err(invalid("project_status_mapping_id", "belongs to another project"));
            }
            (self.phase_id, self.project_status_mapping_id) = (Some(phase.id), Some(status.id));
            Ok(())
        })
    }

    fn news(before: &Self, after: &Self) -> Vec<&'static str> {
        let status =
            (after.project_status_mapping_id != before.project_status_mapping_id).then_some("project.task.status_changed");
        let assigned =
            (after.assigned_to.is_some() && after.assigned_to != before.assigned_to).then_some("project.task.assigned");
        status.into_iter().chain(assigned).collect()
    }
}
