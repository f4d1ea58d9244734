//! Time: what somebody worked, on what, and when. Each entry lies in a time period, on that person's
//! sheet for it, which is made when the first entry needs it and then goes through an approval.

pub mod actions;
mod entry;
mod period;

pub use entry::{TimeEntry, WorkItemType};
pub use period::{TimePeriod, TimeSheet, plant_periods};
