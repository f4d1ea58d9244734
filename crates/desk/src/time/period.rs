//! Time periods, which don't overlap, and people's sheets for them.

use futures_util::future::BoxFuture;
use hookswitch_domain::id::UserId;
use hookswitch_domain::time::{Ambient, Timestamp};
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{TimePeriodId, TimeSheetId};
use crate::input::invalid;
use crate::record::{self, Entity, Events, Filter, Record, Reference, Settling, events, store};
use crate::words::{ApprovalStatus, Day, columns};

/// A stretch of days that time is booked in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TimePeriod {
    /// The first day of the period.
    #[schema(value_type = String, format = Date, example = "2040-01-01")]
    pub start_date: Day,
    /// Its last day.
    #[schema(value_type = String, format = Date, example = "2040-01-31")]
    pub end_date: Day,
}

impl Entity for TimePeriod {
    type Id = TimePeriodId;
    const KIND: &'static str = "time_period";
    const TITLE: &'static str = "TimePeriod";
    const TABLE: &'static str = "time_period";
    const EVENTS: Events = events!("time_period");
    const USED_BY: &'static [(&'static str, &'static str)] =
        &[("time_entry", "time_period_id"), ("time_sheet", "time_period_id")];

    columns!(start_date, end_date);

    fn title(&self) -> (&'static str, &str) {
        ("start_date", self.start_date.as_str())
    }

    fn settle<'a>(&'a mut self, tx: &'a mut Tx, at: &'a Settling<'a, Self>) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async move {
            if self.end_date < self.start_date {
                return Err(invalid("end_date", "lies before start_date"));
            }
            let condition = "start_date <= $2 AND end_date >= $3 AND id <> $4";
            let days = [self.end_date.clone().into(), self.start_date.clone().into(), at.id.into()];
            match store::first::<Self>(tx, condition, "id", &days).await? {
                Some(other) => Err(invalid("start_date", format!("overlaps with {}", other.id))),
                None => Ok(()),
            }
        })
    }
}

/// The period that a day lies in.
pub(super) async fn covering(tx: &mut Tx, day: &Day) -> Result<Option<Record<TimePeriod>>, StoreError> {
    store::first(tx, "start_date <= $2 AND end_date >= $2", "id", &[day.clone().into()]).await
}

/// The calendar month of `now`, and the next one.
pub async fn plant_periods(tx: &mut Tx, ambient: &dyn Ambient) -> Result<(), StoreError> {
    let text = ambient.now().to_string();
    let number = |range: std::ops::Range<usize>| text.get(range).and_then(|digits| digits.parse::<i32>().ok()).unwrap_or(1);
    let (mut year, mut month) = (number(0..4), number(5..7));
    for _ in 0..2 {
        let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        let first = format!("{year:04}-{month:02}-01");
        let next: Timestamp = format!("{next_year:04}-{next_month:02}-01T00:00:00Z").parse().unwrap_or_default();
        let last = Day::of(next.minus(std::time::Duration::from_secs(1)));
        if let Ok(start_date) = first.parse() {
            record::plant(tx, ambient, TimePeriod { start_date, end_date: last }).await?;
        }
        (year, month) = (next_year, next_month);
    }
    Ok(())
}

/// One person's time in one period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeSheet {
    #[schema(value_type = String, example = "usr_01jd8r7c5tevzs9c1ghvzv3hkp")]
    pub user_id: UserId,
    #[schema(value_type = String, example = "tpd_01jd8r7c5tevzs9c1ghvzv3hkp")]
    pub time_period_id: TimePeriodId,
    /// Entries are added to a sheet that is a draft, or whose changes are asked for.
    #[serde(default)]
    #[schema(value_type = String, example = "SUBMITTED")]
    pub approval_status: ApprovalStatus,
    pub notes: Option<String>,
}

impl Entity for TimeSheet {
    type Id = TimeSheetId;
    const KIND: &'static str = "time_sheet";
    const TITLE: &'static str = "TimeSheet";
    const TABLE: &'static str = "time_sheet";
    const EVENTS: Events = events!("time_sheet");
    const FILTERS: &'static [Filter] =
        &[Filter::id("user_id", "usr"), Filter::id("time_period_id", "tpd"), Filter::text("approval_status")];
    const PRIVATE: &'static [&'static str] = &["notes"];
    const USED_BY: &'static [(&'static str, &'static str)] = &[("time_entry", "time_sheet_id")];

    columns!(user_id, time_period_id, approval_status, notes);

    fn title(&self) -> (&'static str, &str) {
        ("approval_status", self.approval_status.as_str())
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::to_user("user_id", self.user_id), Reference::to::<TimePeriod>("time_period_id", self.time_period_id)]
    }

    fn settle<'a>(&'a mut self, tx: &'a mut Tx, at: &'a Settling<'a, Self>) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async move {
            if at.before.is_some_and(|before| (before.user_id, before.time_period_id) != (self.user_id, self.time_period_id)) {
                return Err(invalid("user_id", "a sheet stays with its person and its period"));
            }
            match of(tx, self.user_id, self.time_period_id).await? {
                Some(other) if other.id != at.id => Err(invalid("user_id", "has a sheet for this period already")),
                _ => Ok(()),
            }
        })
    }
}

pub(super) async fn of(tx: &mut Tx, user: UserId, period: TimePeriodId) -> Result<Option<Record<TimeSheet>>, StoreError> {
    store::first(tx, "user_id = $2 AND time_period_id = $3", "id", &[user.into(), period.into()]).await
}
