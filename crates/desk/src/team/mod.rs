//! Teams: to whom a ticket or a task is given as a whole.

use hookswitch_domain::id::UserId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::TeamId;
use crate::record::{Entity, Events, Filter, Reference, events};
use crate::words::columns;

/// People who share work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Team {
    #[schema(example = "Second level", min_length = 1, max_length = 255)]
    pub team_name: String,
    pub description: Option<String>,
    /// A user of the tenant.
    #[schema(value_type = Option<String>)]
    pub manager_user_id: Option<UserId>,
}

impl Entity for Team {
    type Id = TeamId;
    const KIND: &'static str = "team";
    const TITLE: &'static str = "Team";
    const TABLE: &'static str = "team";
    const EVENTS: Events = events!("team");
    const FILTERS: &'static [Filter] = &[Filter::id("manager_user_id", "usr")];
    const USED_BY: &'static [(&'static str, &'static str)] =
        &[("ticket", "assigned_team_id"), ("project_task", "assigned_team_id"), ("board", "default_assigned_team_id")];

    columns!(team_name, description, manager_user_id);

    fn title(&self) -> (&'static str, &str) {
        ("team_name", &self.team_name)
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::to_user("manager_user_id", self.manager_user_id)]
    }
}
