//! What is done to a task, and what holds of it. Who may do it was judged before, by whoever calls.

use std::time::Duration;

use hookswitch_domain::id::{GroupId, UserId};
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::{StoreError, Tx, Value, params};
use serde_json::{Map, json};

use super::{Frequency, Task, TaskStatus, publish, user_of};
use crate::change::Change;
use crate::group::member;
use crate::id::TaskId;
use crate::input::{check_name, check_text, invalid};
use crate::record::{self, Changed, Entity, Filter, Record, store};

/// Notes and reasons are at most this long.
pub const NOTES_CHARS_MAX: usize = 500;
/// The external id names another task of the group.
pub const TAKEN: &str = "external_id_taken";

fn rule(code: &'static str, detail: &str) -> ActionError {
    ActionError::Rule { code, detail: detail.to_owned() }
}

/// Makes a task of the group from the fields that a caller gives.
pub async fn create(
    tx: &mut Tx,
    change: &Change<'_>,
    group: GroupId,
    given: &Map<String, serde_json::Value>,
) -> Result<Record<Task>, ActionError> {
    let place = Map::from_iter([("group_id".to_owned(), json!(group))]);
    let fields = record::merged::<Task>(&place, given)?;
    make(tx, change, fields).await
}

async fn make(tx: &mut Tx, change: &Change<'_>, fields: Task) -> Result<Record<Task>, ActionError> {
    let group = fields.group_id;
    if let Some(external) = &fields.external_id
        && by_external_id(tx, group, external).await?.is_some()
    {
        return Err(rule(TAKEN, "another task of the group has this external id"));
    }
    record::insert(tx, &change.within(group), change.ambient.fresh(), fields, Vec::new()).await
}

/// The group's task of this external id.
pub async fn by_external_id(tx: &mut Tx, group: GroupId, external: &str) -> Result<Option<TaskId>, StoreError> {
    let sql = "SELECT id FROM task WHERE group_id = $1 AND tenant = $2 AND external_id = $3";
    tx.query_opt(sql, params![group, tx.tenant(), external]).await?.map(|mut row| row.get(0)).transpose()
}

/// Changes the given fields of a task, as it was just read and held. `status` may go between `Pending`
/// and `InProgress`; everything else about it is done by name.
pub async fn update(
    tx: &mut Tx,
    change: &Change<'_>,
    task: Record<Task>,
    given: &Map<String, serde_json::Value>,
) -> Result<Changed<Task>, ActionError> {
    let mut given = given.clone();
    let status = given.shift_remove("status").map(|status| wanted(&status)).transpose()?;
    let mut after = record::merged::<Task>(&record::object_of(&task.fields)?, &given)?;
    if let Some(status) = status {
        if !task.fields.status.open() {
            return Err(rule("not_open", "the task is completed, or waits for approval"));
        }
        // Beginning late doesn't make it any less late.
        if task.fields.status != TaskStatus::Overdue {
            after.status = status;
        }
    }
    if after.external_id != task.fields.external_id
        && let Some(external) = &after.external_id
        && by_external_id(tx, after.group_id, external).await?.is_some()
    {
        return Err(rule(TAKEN, "another task of the group has this external id"));
    }
    let what = match () {
        () if after.assigned_user_id != task.fields.assigned_user_id => "Reassigned",
        () if after.status != task.fields.status => "StatusChanged",
        () => "Updated",
    };
    rewrite(tx, change, task, after, what, "task.updated", json!({})).await
}

fn wanted(status: &serde_json::Value) -> Result<TaskStatus, ActionError> {
    match status.as_str() {
        Some("Pending") => Ok(TaskStatus::Pending),
        Some("InProgress") => Ok(TaskStatus::InProgress),
        _ => Err(invalid("status", "must be Pending or InProgress; complete, approve and reject do the rest")),
    }
}

/// Writes it down and tells it, if it changes anything.
pub(super) async fn rewrite(
    tx: &mut Tx,
    change: &Change<'_>,
    task: Record<Task>,
    after: Task,
    what: &str,
    event: &str,
    more: serde_json::Value,
) -> Result<Changed<Task>, ActionError> {
    let changed = record::rewrite(tx, change, task, after, what).await?;
    if !changed.changes.is_empty() {
        let mut payload = json!({ Task::KIND: changed.record, "changes": changed.changes });
        if let (Some(payload), serde_json::Value::Object(more)) = (payload.as_object_mut(), more) {
            payload.extend(more);
        }
        publish(tx, change, event, &changed.record, payload).await?;
    }
    Ok(changed)
}

/// The task is done: completed, or waiting for approval where that is needed.
pub async fn complete(
    tx: &mut Tx,
    change: &Change<'_>,
    task: Record<Task>,
    notes: Option<String>,
) -> Result<Changed<Task>, ActionError> {
    if let Some(notes) = &notes {
        check_note("notes", notes)?;
    }
    if !task.fields.status.open() {
        return Err(rule("not_open", "the task is completed already, or waits for approval"));
    }
    let mut after = task.fields.clone();
    after.completed_at = Some(change.ambient.now());
    after.completed_by = user_of(&change.actor);
    (after.completion_notes, after.rejection_reason) = (notes, None);
    after.status = match after.requires_approval {
        true => TaskStatus::WaitingForApproval,
        false => TaskStatus::Completed,
    };
    finish(tx, change, task, after, "StatusChanged", "task.completed").await
}

/// An admin agrees that it is done.
pub async fn approve(tx: &mut Tx, change: &Change<'_>, task: Record<Task>) -> Result<Changed<Task>, ActionError> {
    check_waiting(&task)?;
    let mut after = task.fields.clone();
    after.status = TaskStatus::Completed;
    (after.approved_at, after.approved_by) = (Some(change.ambient.now()), user_of(&change.actor));
    finish(tx, change, task, after, "CompletionApproved", "task.approved").await
}

/// An admin does not: it has to be done again.
pub async fn reject(tx: &mut Tx, change: &Change<'_>, task: Record<Task>, reason: &str) -> Result<Changed<Task>, ActionError> {
    check_note("reason", reason)?;
    if reason.trim().is_empty() {
        return Err(invalid("reason", "must not be empty"));
    }
    check_waiting(&task)?;
    let mut after = task.fields.clone();
    after.status = TaskStatus::Pending;
    (after.completed_at, after.completed_by, after.completion_notes) = (None, None, None);
    after.rejection_reason = Some(reason.to_owned());
    rewrite(tx, change, task, after, "CompletionRejected", "task.rejected", json!({ "reason": reason })).await
}

pub(super) fn check_note(field: &str, text: &str) -> Result<(), ActionError> {
    check_text(field, text)?;
    match text.chars().count() > NOTES_CHARS_MAX {
        true => Err(invalid(field, "must be at most 500 characters long")),
        false => Ok(()),
    }
}

fn check_waiting(task: &Record<Task>) -> Result<(), ActionError> {
    match task.fields.status {
        TaskStatus::WaitingForApproval => Ok(()),
        _ => Err(rule("not_waiting", "the task doesn't wait for approval")),
    }
}

/// What is completed for good brings points, and the next task where it comes again.
async fn finish(
    tx: &mut Tx,
    change: &Change<'_>,
    task: Record<Task>,
    mut after: Task,
    what: &str,
    event: &str,
) -> Result<Changed<Task>, ActionError> {
    if after.status != TaskStatus::Completed {
        return rewrite(tx, change, task, after, what, event, json!({})).await;
    }
    after.points = points(&after);
    let changed = rewrite(tx, change, task, after, what, event, json!({})).await?;
    let done = &changed.record.fields;
    if let Some(user) = done.assigned_user_id {
        member::award(tx, done.group_id, user, done.points).await?;
    }
    if let Some(next) = next_of(done) {
        make(tx, change, next).await?;
    }
    Ok(changed)
}

/// Ten times the difficulty; a tenth more for what was done in time.
fn points(task: &Task) -> i64 {
    let in_time = task.due_at.zip(task.completed_at).is_some_and(|(due, done)| done <= due);
    task.difficulty * if in_time { 11 } else { 10 }
}

/// The next one of a task that comes again.
fn next_of(done: &Task) -> Option<Task> {
    const DAY: Duration = Duration::from_secs(86_400);
    let later = |due: Timestamp| match done.frequency {
        Frequency::OneTime => due,
        Frequency::Daily => due.plus(DAY),
        Frequency::Weekly => due.plus(7 * DAY),
        Frequency::Monthly => next_month(due),
    };
    (done.frequency != Frequency::OneTime).then(|| Task {
        due_at: done.due_at.map(later),
        external_id: None,
        status: TaskStatus::Pending,
        points: 0,
        completion_notes: None,
        completed_at: None,
        completed_by: None,
        approved_at: None,
        approved_by: None,
        rejection_reason: None,
        ..done.clone()
    })
}

/// The same day of the next month, or its last one.
fn next_month(at: Timestamp) -> Timestamp {
    let text = at.to_string();
    let number = |range: std::ops::Range<usize>| text.get(range).and_then(|digits| digits.parse::<u32>().ok()).unwrap_or(1);
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    let (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    let time = text.get(10..).unwrap_or_default();
    let days = (1..=day).rev().find_map(|day| format!("{year:04}-{month:02}-{day:02}{time}").parse().ok());
    days.unwrap_or(at)
}

/// Removes a task. False if there is none.
pub async fn remove(tx: &mut Tx, change: &Change<'_>, task: &Record<Task>, expected: Option<i64>) -> Result<bool, ActionError> {
    record::remove::<Task>(tx, &change.within(task.fields.group_id), task.id, expected).await
}

/// Open tasks of somebody who leaves the group are nobody's.
pub(crate) async fn unassign_all(tx: &mut Tx, change: &Change<'_>, group: GroupId, user: UserId) -> Result<(), ActionError> {
    let sql = "SELECT id FROM task WHERE group_id = $1 AND tenant = $2 AND assigned_user_id = $3
        AND status IN ('Pending', 'InProgress', 'Overdue', 'WaitingForApproval') ORDER BY id";
    let rows = tx.query(sql, params![group, tx.tenant(), user]).await?;
    for mut row in rows {
        let Some(task) = record::held::<Task>(tx, row.get(0)?).await? else { continue };
        let after = Task { assigned_user_id: None, ..task.fields.clone() };
        rewrite(tx, change, task, after, "Reassigned", "task.updated", json!({})).await?;
    }
    Ok(())
}

/// What a list of tasks is narrowed to; the filters are `Task::FILTERS`.
pub async fn list(
    tx: &mut Tx,
    group: GroupId,
    mut filters: store::Filters,
    page: &hookswitch_store::Page,
) -> Result<Vec<Record<Task>>, ActionError> {
    if let Some(q) = &filters.q {
        check_name("q", q, crate::input::NAME_CHARS_MAX)?;
    }
    filters.exact.push((Filter::id("group_id", GroupId::PREFIX), Value::from(group)));
    Ok(store::list::<Task>(tx, &filters, page).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_later_is_the_same_day_or_the_last_one() {
        for (from, to) in [
            ("2026-01-31T09:30:00Z", "2026-02-28T09:30:00.000Z"),
            ("2024-01-31T09:30:00Z", "2024-02-29T09:30:00.000Z"),
            ("2026-12-15T00:00:00Z", "2027-01-15T00:00:00.000Z"),
        ] {
            assert_eq!(next_month(from.parse().unwrap()).to_string(), to);
        }
    }
}
