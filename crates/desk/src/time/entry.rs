//! Time entries: placed in their period and on their sheet when they are made.

use std::time::Duration;

use futures_util::future::BoxFuture;
use hookswitch_domain::id::UserId;
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::period::{self, TimeSheet};
use crate::id::{ServiceId, TicketId, TimeEntryId, TimePeriodId, TimeSheetId};
use crate::input::invalid;
use crate::project::ProjectTask;
use crate::record::{self, Entity, Events, Filter, Reference, Settling, check_reference, events};
use crate::service::Service;
use crate::words::{ApprovalStatus, Day, columns, words};

words! {
    WorkItemType {
        AdHoc "ad_hoc", Ticket "ticket", ProjectTask "project_task", NonBillable "non_billable_category", Interaction "interaction",
    }
}

/// A day at most.
const DURATION_MINUTES_MAX: i64 = 24 * 60;

/// What somebody worked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeEntry {
    #[schema(value_type = String, example = "usr_01jd8r7c5tevzs9c1ghvzv3hkp")]
    pub user_id: UserId,
    pub work_item_type: WorkItemType,
    /// What was worked on; only `ad_hoc` has none.
    pub work_item_id: Option<String>,
    #[schema(value_type = String, example = "svc_01jd8r7c5tevzs9c1ghvzv3hkp")]
    pub service_id: ServiceId,
    #[schema(value_type = String, format = DateTime, example = "2026-01-31T12:00:00Z")]
    pub start_time: Timestamp,
    #[schema(minimum = 1, maximum = 1440, example = 30)]
    pub duration_minutes: i64,
    #[serde(default = "yes")]
    pub is_billable: bool,
    pub notes: Option<String>,
    pub tax_region: Option<String>,
    #[serde(default)]
    #[schema(value_type = String, format = DateTime)]
    pub end_time: Timestamp,
    /// The day it counts for, in UTC.
    #[schema(value_type = Option<String>, format = Date)]
    pub work_date: Option<Day>,
    #[serde(default = "utc")]
    pub work_timezone: String,
    /// Minutes that are charged.
    #[serde(default)]
    pub billable_duration: i64,
    #[schema(value_type = Option<String>)]
    pub time_period_id: Option<TimePeriodId>,
    #[schema(value_type = Option<String>)]
    pub time_sheet_id: Option<TimeSheetId>,
    #[serde(default)]
    pub approval_status: ApprovalStatus,
}

fn yes() -> bool {
    true
}

fn utc() -> String {
    "UTC".to_owned()
}

impl Entity for TimeEntry {
    type Id = TimeEntryId;
    const KIND: &'static str = "time_entry";
    const TITLE: &'static str = "TimeEntry";
    const TABLE: &'static str = "time_entry";
    const EVENTS: Events = events!("time_entry");
    const FILTERS: &'static [Filter] = &[
        Filter::id("user_id", "usr"),
        Filter::text("work_item_type"),
        Filter::text("work_item_id"),
        Filter::id("service_id", "svc"),
        Filter::id("time_sheet_id", "tsh"),
        Filter::id("time_period_id", "tpd"),
    ];
    const MANAGED: &'static [&'static str] =
        &["end_time", "work_date", "work_timezone", "billable_duration", "time_period_id", "time_sheet_id", "approval_status"];
    const PRIVATE: &'static [&'static str] = &["notes"];

    columns!(
        user_id,
        work_item_type,
        work_item_id,
        service_id,
        start_time,
        duration_minutes,
        is_billable,
        notes,
        tax_region,
        end_time,
        work_date,
        work_timezone,
        billable_duration,
        time_period_id,
        time_sheet_id,
        approval_status
    );

    fn title(&self) -> (&'static str, &str) {
        ("work_item_type", self.work_item_type.as_str())
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::to_user("user_id", self.user_id), Reference::to::<Service>("service_id", self.service_id)]
    }

    fn settle<'a>(&'a mut self, tx: &'a mut Tx, at: &'a Settling<'a, Self>) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async move {
            if !(1..=DURATION_MINUTES_MAX).contains(&self.duration_minutes) {
                return Err(invalid("duration_minutes", format!("must be 1 to {DURATION_MINUTES_MAX}")));
            }
            self.check_work_item(tx).await?;
            self.end_time = self.start_time.plus(Duration::from_secs(self.duration_minutes as u64 * 60));
            self.billable_duration = if self.is_billable { self.duration_minutes } else { 0 };
            self.place(tx, at).await
        })
    }
}

impl TimeEntry {
    async fn check_work_item(&self, tx: &mut Tx) -> Result<(), ActionError> {
        let named = self.work_item_id.as_deref().filter(|id| !id.trim().is_empty());
        let (WorkItemType::AdHoc, None) = (self.work_item_type, named) else {
            let id = named.ok_or_else(|| invalid("work_item_id", "is needed unless work_item_type is ad_hoc"))?;
            let unknown = |_| invalid("work_item_id", format!("is no id of a {}", self.work_item_type.as_str()));
            return match self.work_item_type {
                WorkItemType::Ticket => {
                    let ticket: TicketId = id.parse().map_err(unknown)?;
                    check_reference(tx, Reference::to_ticket("work_item_id", ticket)).await
                }
                WorkItemType::ProjectTask => {
                    let task: crate::id::ProjectTaskId = id.parse().map_err(unknown)?;
                    check_reference(tx, Reference::to::<ProjectTask>("work_item_id", task)).await
                }
                WorkItemType::AdHoc | WorkItemType::NonBillable | WorkItemType::Interaction => Ok(()),
            };
        };
        Ok(())
    }

    /// The period of its day, and the person's sheet there, which is made if there is none.
    async fn place(&mut self, tx: &mut Tx, at: &Settling<'_, Self>) -> Result<(), ActionError> {
        let day = Day::of(self.start_time);
        if let Some(before) = at.before {
            check_open(&sheet_of(tx, before.time_sheet_id).await?)?;
        }
        let period = period::covering(tx, &day).await?.ok_or_else(|| ActionError::Rule {
            code: "no_time_period",
            detail: format!("no time period covers {day}; make one first"),
        })?;
        let sheet = match period::of(tx, self.user_id, period.id).await? {
            Some(sheet) => sheet,
            None => {
                let (user_id, time_period_id) = (self.user_id, period.id);
                let sheet = TimeSheet { user_id, time_period_id, approval_status: ApprovalStatus::Draft, notes: None };
                record::insert(tx, at.change, at.change.ambient.fresh(), sheet, Vec::new()).await?
            }
        };
        check_open(&sheet.fields)?;
        (self.work_date, self.time_period_id, self.time_sheet_id) = (Some(day), Some(period.id), Some(sheet.id));
        self.approval_status = sheet.fields.approval_status;
        Ok(())
    }
}

async fn sheet_of(tx: &mut Tx, id: Option<TimeSheetId>) -> Result<TimeSheet, ActionError> {
    let id = id.ok_or_else(|| StoreError::Corrupt("a time entry lies on no sheet".to_owned()))?;
    let sheet = record::store::get::<TimeSheet>(tx, id, true).await?;
    Ok(sheet.ok_or_else(|| StoreError::Corrupt(format!("the sheet {id} is gone")))?.fields)
}

fn check_open(sheet: &TimeSheet) -> Result<(), ActionError> {
    match sheet.approval_status {
        ApprovalStatus::Draft | ApprovalStatus::ChangesRequested => Ok(()),
        status => {
            let detail = format!("the time sheet is {}; entries are changed while it is a draft", status.as_str());
            Err(ActionError::Rule { code: "time_sheet_closed", detail })
        }
    }
}
