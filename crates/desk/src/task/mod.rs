//! Tasks of a group. A task is `Pending` or `InProgress` until its assignee has done it; then it is
//! `Completed`, or it waits until an admin of the group approves or rejects it. What is still open when
//! it is due is `Overdue`. Two members may swap their tasks, if an admin agrees.
//!
//! Each change publishes one event, named after what was done (`task.completed`), in its transaction
//! and in the task's group, with what each field was before.

pub mod lifecycle;
pub mod swap;
pub mod sweep;

use futures_util::future::BoxFuture;
use hookswitch_domain::audit::Actor;
use hookswitch_domain::id::{GroupId, UserId};
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::Tx;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::change::Change;
use crate::group::{Group, TITLE_CHARS_MAX, member};
use crate::id::TaskId;
use crate::input::{check_name, invalid};
use crate::record::{Entity, Events, Filter, Record, Reference, Settling, events};
use crate::words::{columns, moment, words};

words! {
    /// How far a task is.
    TaskStatus {
        Pending "Pending", InProgress "InProgress", Completed "Completed", Overdue "Overdue",
        WaitingForApproval "WaitingForApproval",
    }
}

impl TaskStatus {
    /// Whether its assignee has it still to do.
    pub const fn open(self) -> bool {
        matches!(self, Self::Pending | Self::InProgress | Self::Overdue)
    }
}

words! {
    /// How often a task comes again: when one is completed, the next one is made.
    Frequency { OneTime "OneTime", Daily "Daily", Weekly "Weekly", Monthly "Monthly" }
}

/// Something that a group has to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Task {
    #[schema(value_type = String, example = "grp_01jd8r7c5tevzs9c1ghvzv3hkp")]
    pub group_id: GroupId,
    #[schema(example = "Water the plants", min_length = 1, max_length = 200)]
    pub name: String,
    pub description: Option<String>,
    /// A member of the group.
    #[schema(value_type = Option<String>)]
    pub assigned_user_id: Option<UserId>,
    #[serde(default = "easiest")]
    #[schema(minimum = 1, maximum = 10, default = 1)]
    pub difficulty: i64,
    /// Whether an admin of the group has to look at it before it is completed.
    #[serde(default)]
    pub requires_approval: bool,
    #[serde(default, deserialize_with = "moment")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Timestamp>,
    #[serde(default)]
    pub frequency: Frequency,
    /// What it was made from, elsewhere.
    pub template_id: Option<String>,
    /// What another system calls it: unique in the group.
    pub external_id: Option<String>,
    #[serde(default)]
    pub status: TaskStatus,
    /// What its assignee got for it: ten times the difficulty, a tenth more if it was in time.
    #[serde(default)]
    pub points: i64,
    pub completion_notes: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub completed_at: Option<Timestamp>,
    #[schema(value_type = Option<String>)]
    pub completed_by: Option<UserId>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub approved_at: Option<Timestamp>,
    #[schema(value_type = Option<String>)]
    pub approved_by: Option<UserId>,
    /// Why it was not approved when it was completed last.
    pub rejection_reason: Option<String>,
    /// Empty where a token or another system made it.
    #[schema(value_type = Option<String>)]
    pub created_by_user_id: Option<UserId>,
}

fn easiest() -> i64 {
    1
}

impl Entity for Task {
    type Id = TaskId;
    const KIND: &'static str = "task";
    const TITLE: &'static str = "Task";
    const TABLE: &'static str = "task";
    const EVENTS: Events = events!("task");
    const FILTERS: &'static [Filter] =
        &[Filter::text("status"), Filter::id("assigned_user_id", UserId::PREFIX), Filter::text("external_id")];
    const MANAGED: &'static [&'static str] = &[
        "group_id",
        "status",
        "points",
        "completion_notes",
        "completed_at",
        "completed_by",
        "approved_at",
        "approved_by",
        "rejection_reason",
        "created_by_user_id",
    ];
    const PRIVATE: &'static [&'static str] = &["description", "completion_notes", "rejection_reason"];
    const LONG: &'static [&'static str] = &["description", "completion_notes", "rejection_reason"];
    const OWNS: &'static [(&'static str, &'static str)] = &[("task_swap", "requester_task_id"), ("task_swap", "target_task_id")];

    columns!(
        group_id,
        name,
        description,
        assigned_user_id,
        difficulty,
        requires_approval,
        due_at,
        frequency,
        template_id,
        external_id,
        status,
        points,
        completion_notes,
        completed_at,
        completed_by,
        approved_at,
        approved_by,
        rejection_reason,
        created_by_user_id
    );

    fn title(&self) -> (&'static str, &str) {
        ("name", &self.name)
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::to::<Group>("group_id", self.group_id), Reference::to_user("assigned_user_id", self.assigned_user_id)]
    }

    fn settle<'a>(&'a mut self, tx: &'a mut Tx, at: &'a Settling<'a, Self>) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async move {
            check_name("name", &self.name, TITLE_CHARS_MAX)?;
            if !(1..=10).contains(&self.difficulty) {
                return Err(invalid("difficulty", "must be 1 to 10"));
            }
            if self.external_id.as_deref().is_some_and(|id| id.trim().is_empty()) {
                return Err(invalid("external_id", "must not be empty"));
            }
            let assigned = self.assigned_user_id.filter(|user| at.before.is_none_or(|was| was.assigned_user_id != Some(*user)));
            if let Some(user) = assigned
                && member::role_of(tx, self.group_id, user).await?.is_none()
            {
                return Err(invalid("assigned_user_id", "is no member of the group"));
            }
            if at.before.is_none() {
                self.created_by_user_id = user_of(&at.change.actor);
            }
            // It has got more time.
            if self.status == TaskStatus::Overdue && self.due_at.is_none_or(|due| due > at.change.ambient.now()) {
                self.status = TaskStatus::Pending;
            }
            Ok(())
        })
    }
}

/// Whoever is a user acts as one; tokens and other systems are nobody in a group.
pub fn user_of(actor: &Actor) -> Option<UserId> {
    match actor {
        Actor::User(id) => Some(*id),
        _ => None,
    }
}

/// Tells what was done to a task, in its group.
async fn publish(tx: &mut Tx, change: &Change<'_>, event: &str, task: &Record<Task>, payload: Value) -> Result<(), ActionError> {
    let change = change.within(task.fields.group_id);
    change.publish(tx, event, ("task_id", task.id.to_string()), payload).await
}
