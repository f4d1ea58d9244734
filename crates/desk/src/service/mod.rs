//! Services: what time is booked on and invoices charge for.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::ServiceId;
use crate::record::{Entity, Events, Filter, events};
use crate::words::columns;

/// What time is booked on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    #[schema(example = "Consulting", min_length = 1, max_length = 255)]
    pub service_name: String,
    pub description: Option<String>,
    /// Per hour, in the currency's smallest unit.
    pub default_rate: Option<i64>,
    #[serde(default)]
    pub is_inactive: bool,
}

impl Entity for Service {
    type Id = ServiceId;
    const KIND: &'static str = "service";
    const TITLE: &'static str = "Service";
    const TABLE: &'static str = "service";
    const EVENTS: Events = events!("service");
    const FILTERS: &'static [Filter] = &[Filter::flag("is_inactive")];
    const USED_BY: &'static [(&'static str, &'static str)] = &[("time_entry", "service_id"), ("project_task", "service_id")];

    columns!(service_name, description, default_rate, is_inactive);

    fn title(&self) -> (&'static str, &str) {
        ("service_name", &self.service_name)
    }
}
