//! Projects: phases, the statuses that their tasks may have, and the tasks.

pub mod actions;
mod task;

use futures_util::future::BoxFuture;
use hookswitch_domain::id::UserId;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::change::Change;
use crate::client::Client;
use crate::id::{ClientId, PhaseId, ProjectId, ProjectStatusId};
use crate::input::invalid;
use crate::record::{self, Entity, Events, Filter, Record, Reference, Settling, events, store};
use crate::words::{Day, columns, words};

pub use task::ProjectTask;

words! { ProjectState { Planned "planned", Active "active", OnHold "on_hold", Completed "completed", Cancelled "cancelled" } }

/// Work with an end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Project {
    #[schema(example = "New office", min_length = 1, max_length = 255)]
    pub project_name: String,
    /// Counts up: `PRJ-0001`.
    #[serde(default)]
    pub project_number: String,
    #[schema(value_type = Option<String>)]
    pub client_id: Option<ClientId>,
    pub description: Option<String>,
    #[schema(value_type = Option<String>, format = Date)]
    pub start_date: Option<Day>,
    #[schema(value_type = Option<String>, format = Date)]
    pub end_date: Option<Day>,
    #[serde(default)]
    pub status: ProjectState,
    #[serde(default)]
    pub is_inactive: bool,
    #[schema(value_type = Option<String>)]
    pub assigned_to: Option<UserId>,
    pub budgeted_hours: Option<f64>,
}

/// (name, is_closed)
const STATUSES: [(&str, bool); 3] = [("To do", false), ("In progress", false), ("Done", true)];

impl Entity for Project {
    type Id = ProjectId;
    const KIND: &'static str = "project";
    const TITLE: &'static str = "Project";
    const TABLE: &'static str = "project";
    const EVENTS: Events = events!("project");
    const FILTERS: &'static [Filter] = &[
        Filter::id("client_id", "cli"),
        Filter::text("status"),
        Filter::id("assigned_to", "usr"),
        Filter::flag("is_inactive"),
        Filter::text("project_number"),
    ];
    const MANAGED: &'static [&'static str] = &["project_number"];
    const PRIVATE: &'static [&'static str] = &["description"];
    const USED_BY: &'static [(&'static str, &'static str)] = &[("project_task", "project_id")];
    const OWNS: &'static [(&'static str, &'static str)] =
        &[("project_phase", "project_id"), ("project_status_mapping", "project_id")];

    columns!(
        project_name,
        project_number,
        client_id,
        description,
        start_date,
        end_date,
        status,
        is_inactive,
        assigned_to,
        budgeted_hours
    );

    fn title(&self) -> (&'static str, &str) {
        ("project_name", &self.project_name)
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::to::<Client>("client_id", self.client_id), Reference::to_user("assigned_to", self.assigned_to)]
    }

    fn settle<'a>(&'a mut self, tx: &'a mut Tx, at: &'a Settling<'a, Self>) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async move {
            check_days(self.start_date.as_ref(), self.end_date.as_ref())?;
            if at.before.is_none() {
                self.project_number = format!("PRJ-{:04}", store::next_number(tx, "project").await?);
            }
            Ok(())
        })
    }

    /// A project without a phase and a status could take no task.
    fn made<'a>(tx: &'a mut Tx, change: &'a Change<'a>, project: &'a Record<Self>) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async move {
            let project_id = project.id;
            let phase_name = "Phase 1".to_owned();
            let phase = Phase { project_id, phase_name, description: None, order_number: 1, start_date: None, end_date: None };
            record::plant(tx, change.ambient, phase).await?;
            for (display_order, (name, is_closed)) in (1..).zip(STATUSES) {
                let status = ProjectStatus { project_id, name: name.to_owned(), display_order, is_visible: true, is_closed };
                record::plant(tx, change.ambient, status).await?;
            }
            Ok(())
        })
    }

    fn news(before: &Self, after: &Self) -> Vec<&'static str> {
        let status = match after.status {
            status if status == before.status => Vec::new(),
            ProjectState::Completed => vec!["project.status_changed", "project.completed"],
            _ => vec!["project.status_changed"],
        };
        let assigned = (after.assigned_to.is_some() && after.assigned_to != before.assigned_to).then_some("project.assigned");
        status.into_iter().chain(assigned).collect()
    }
}

fn check_days(start: Option<&Day>, end: Option<&Day>) -> Result<(), ActionError> {
    match (start, end) {
        (Some(start), Some(end)) if end < start => Err(invalid("end_date", "lies before start_date")),
        _ => Ok(()),
    }
}

/// A part of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    #[schema(value_type = String, example = "prj_01jd8r7c5tevzs9c1ghvzv3hkp")]
    pub project_id: ProjectId,
    #[schema(example = "Cabling", min_length = 1, max_length = 255)]
    pub phase_name: String,
    pub description: Option<String>,
    /// New tasks go into the first.
    #[serde(default)]
    pub order_number: i64,
    #[schema(value_type = Option<String>, format = Date)]
    pub start_date: Option<Day>,
    #[schema(value_type = Option<String>, format = Date)]
    pub end_date: Option<Day>,
}

impl Entity for Phase {
    type Id = PhaseId;
    const KIND: &'static str = "project_phase";
    const TITLE: &'static str = "ProjectPhase";
    const TABLE: &'static str = "project_phase";
    const EVENTS: Events = events!("project.phase");
    const FILTERS: &'static [Filter] = &[Filter::id("project_id", "prj")];
    const USED_BY: &'static [(&'static str, &'static str)] = &[("project_task", "phase_id")];

    columns!(project_id, phase_name, description, order_number, start_date, end_date);

    fn title(&self) -> (&'static str, &str) {
        ("phase_name", &self.phase_name)
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::to::<Project>("project_id", self.project_id)]
    }

    fn settle<'a>(&'a mut self, _: &'a mut Tx, at: &'a Settling<'a, Self>) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async move {
            check_days(self.start_date.as_ref(), self.end_date.as_ref())?;
            check_same_project(at.before.map(|before| before.project_id), self.project_id)
        })
    }
}

fn check_same_project(before: Option<ProjectId>, after: ProjectId) -> Result<(), ActionError> {
    match before {
        Some(before) if before != after => Err(invalid("project_id", "can't be changed")),
        _ => Ok(()),
    }
}

/// A status that a project's tasks may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectStatus {
    #[schema(value_type = String, example = "prj_01jd8r7c5tevzs9c1ghvzv3hkp")]
    pub project_id: ProjectId,
    #[schema(example = "In review", min_length = 1, max_length = 255)]
    pub name: String,
    /// New tasks get the first.
    #[serde(default)]
    pub display_order: i64,
    #[serde(default = "yes")]
    pub is_visible: bool,
    /// A task with this status is finished.
    #[serde(default)]
    pub is_closed: bool,
}

fn yes() -> bool {
    true
}

impl Entity for ProjectStatus {
    type Id = ProjectStatusId;
    const KIND: &'static str = "project_status";
    const TITLE: &'static str = "ProjectStatus";
    const TABLE: &'static str = "project_status_mapping";
    const EVENTS: Events = events!("project.status");
    const FILTERS: &'static [Filter] = &[Filter::id("project_id", "prj")];
    const USED_BY: &'static [(&'static str, &'static str)] = &[("project_task", "project_status_mapping_id")];

    columns!(project_id, name, display_order, is_visible, is_closed);

    fn title(&self) -> (&'static str, &str) {
        ("name", &self.name)
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::to::<Project>("project_id", self.project_id)]
    }

    fn settle<'a>(&'a mut self, _: &'a mut Tx, at: &'a Settling<'a, Self>) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async move { check_same_project(at.before.map(|before| before.project_id), self.project_id) })
    }
}

pub(crate) async fn first_phase(tx: &mut Tx, project: ProjectId) -> Result<Option<Record<Phase>>, StoreError> {
    store::first(tx, "project_id = $2", "order_number, id", &[project.into()]).await
}

pub(crate) async fn first_status(tx: &mut Tx, project: ProjectId) -> Result<Option<Record<ProjectStatus>>, StoreError> {
    store::first(tx, "project_id = $2", "display_order, id", &[project.into()]).await
}
