//! Swaps: a member asks to exchange one of their tasks for one of somebody else's in the group, and an
//! admin decides within 48 hours. Both tasks are still to be done and not due within two hours, about as
//! difficult as each other unless the request says that this doesn't matter, and nobody has more than
//! three requests at a time.

use std::time::Duration;

use futures_util::future::BoxFuture;
use hookswitch_domain::id::{GroupId, UserId};
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::{StoreError, Tx, params};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::lifecycle::check_note;
use super::{Task, TaskStatus, user_of};
use crate::change::Change;
use crate::id::{SwapId, TaskId};
use crate::input::invalid;
use crate::record::{self, Changed, Entity, Events, Filter, Record, Settling};
use crate::words::{columns, words};

/// How long an admin has to decide.
const EXPIRES_AFTER: Duration = Duration::from_secs(48 * 3_600);
/// Nothing is swapped later than this before it is due.
const BEFORE_DUE: Duration = Duration::from_secs(2 * 3_600);
const DIFFICULTY_GAP_MAX: i64 = 2;
const ACTIVE_MAX: i64 = 3;

/// The same two tasks are asked for already.
pub const DUPLICATE: &str = "duplicate_swap";
pub const NOT_PENDING: &str = "not_pending";
pub const EXPIRED: &str = "swap_expired";

words! {
    /// What became of a request.
    SwapStatus { Pending "Pending", Approved "Approved", Rejected "Rejected", Expired "Expired" }
}

/// A request to exchange two tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Swap {
    #[schema(value_type = String)]
    pub group_id: GroupId,
    #[schema(value_type = String)]
    pub requester_user_id: UserId,
    #[schema(value_type = String)]
    pub requester_task_id: TaskId,
    #[schema(value_type = String)]
    pub target_user_id: UserId,
    #[schema(value_type = String)]
    pub target_task_id: TaskId,
    pub reason: Option<String>,
    pub allow_difficulty_override: bool,
    pub status: SwapStatus,
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub decided_at: Option<Timestamp>,
    #[schema(value_type = Option<String>)]
    pub decided_by: Option<UserId>,
    pub decision_reason: Option<String>,
}

impl Entity for Swap {
    type Id = SwapId;
    const KIND: &'static str = "swap";
    const TITLE: &'static str = "SwapRecord";
    const TABLE: &'static str = "task_swap";
    /// What becomes of a request has names of its own.
    const EVENTS: Events = Events { created: "task.swap.requested", updated: "task.swap.updated", deleted: "task.swap.deleted" };
    const FILTERS: &'static [Filter] = &[Filter::id("group_id", GroupId::PREFIX), Filter::text("status")];
    const PRIVATE: &'static [&'static str] = &["reason", "decision_reason"];
    const LONG: &'static [&'static str] = &["reason", "decision_reason"];

    columns!(
        group_id,
        requester_user_id,
        requester_task_id,
        target_user_id,
        target_task_id,
        reason,
        allow_difficulty_override,
        status,
        expires_at,
        decided_at,
        decided_by,
        decision_reason
    );

    fn title(&self) -> (&'static str, &str) {
        ("status", self.status.as_str())
    }

    fn settle<'a>(&'a mut self, _: &'a mut Tx, _: &'a Settling<'a, Self>) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async move { self.reason.as_deref().map_or(Ok(()), |reason| check_note("reason", reason)) })
    }
}

/// One side of a swap: somebody and their task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Side {
    #[schema(value_type = String, example = "usr_01jd8r7c5tevzs9c1ghvzv3hkp")]
    pub user_id: UserId,
    #[schema(value_type = String, example = "tsk_01jd8r7c5tevzs9c1ghvzv3hkp")]
    pub task_id: TaskId,
}

/// A request to be made.
#[derive(Debug, Clone)]
pub struct NewSwap {
    pub requester: Side,
    pub target: Side,
    pub reason: Option<String>,
    pub allow_difficulty_override: bool,
}

fn rule(code: &'static str, detail: impl Into<String>) -> ActionError {
    ActionError::Rule { code, detail: detail.into() }
}

/// Asks for a swap. The requester's task was looked at by whoever calls: it is in a group of theirs.
pub async fn request(tx: &mut Tx, change: &Change<'_>, asked: NewSwap) -> Result<Record<Swap>, ActionError> {
    let NewSwap { requester, target, reason, allow_difficulty_override } = asked;
    if requester.task_id == target.task_id {
        return Err(invalid("target.task_id", "is the requester's own task"));
    }
    let (mine, theirs) = hold_both(tx, requester.task_id, target.task_id).await?;
    let mine = mine.ok_or_else(|| invalid("requester.task_id", "names no task of this tenant"))?;
    let theirs = theirs.filter(|task| task.fields.group_id == mine.fields.group_id);
    let theirs = theirs.ok_or_else(|| rule("different_groups", "both tasks must be of one group"))?;
    check_sides(tx, &mine, requester, &theirs, target).await?;
    let now = change.ambient.now();
    // Who asks twice hears that first, whatever else is wrong.
    check_others(tx, requester, target, now).await?;
    check_tasks(&mine, &theirs, allow_difficulty_override, now)?;
    let fields = Swap {
        group_id: mine.fields.group_id,
        requester_user_id: requester.user_id,
        requester_task_id: requester.task_id,
        target_user_id: target.user_id,
        target_task_id: target.task_id,
        reason,
        allow_difficulty_override,
        status: SwapStatus::Pending,
        expires_at: now.plus(EXPIRES_AFTER),
        decided_at: None,
        decided_by: None,
        decision_reason: None,
    };
    record::insert(tx, &change.within(fields.group_id), change.ambient.fresh(), fields, Vec::new()).await
}

/// In the order of their ids, so that two swaps of the same tasks don't wait for each other.
async fn hold_both(tx: &mut Tx, one: TaskId, two: TaskId) -> Result<(Option<Record<Task>>, Option<Record<Task>>), StoreError> {
    if one < two {
        let first = record::held::<Task>(tx, one).await?;
        return Ok((first, record::held::<Task>(tx, two).await?));
    }
    let second = record::held::<Task>(tx, two).await?;
    Ok((record::held::<Task>(tx, one).await?, second))
}

async fn check_sides(
    tx: &mut Tx,
    mine: &Record<Task>,
    requester: Side,
    theirs: &Record<Task>,
    target: Side,
) -> Result<(), ActionError> {
    for (field, task, side) in [("requester", mine, requester), ("target", theirs, target)] {
        if task.fields.assigned_user_id != Some(side.user_id) {
            return Err(rule("not_assigned", format!("{field}: the task isn't assigned to this user")));
        }
    }
    if requester.user_id == target.user_id {
        return Err(invalid("target.user_id", "is the requester; both tasks are theirs already"));
    }
    // Whoever asks has one request checked after the other.
    let lock = if tx.is_sqlite() { "" } else { " FOR UPDATE" };
    let sql = format!("SELECT 1 FROM group_member WHERE group_id = $1 AND tenant = $2 AND user_id = $3{lock}");
    match tx.query_opt(&sql, params![mine.fields.group_id, tx.tenant(), requester.user_id]).await? {
        Some(_) => Ok(()),
        None => Err(rule("not_assigned", "requester: is no member of the group")),
    }
}

/// What holds of two tasks that are swapped, when it is asked for and when it is done.
fn check_tasks(mine: &Record<Task>, theirs: &Record<Task>, any_difficulty: bool, now: Timestamp) -> Result<(), ActionError> {
    for task in [mine, theirs] {
        let name = &task.fields.name;
        if !matches!(task.fields.status, TaskStatus::Pending | TaskStatus::InProgress) {
            return Err(rule("not_open", format!("\"{name}\" is {}, and can't be swapped", task.fields.status.as_str())));
        }
        if task.fields.due_at.is_some_and(|due| due < now.plus(BEFORE_DUE)) {
            return Err(rule("too_late", format!("\"{name}\" is due within two hours")));
        }
    }
    let gap = (mine.fields.difficulty - theirs.fields.difficulty).abs();
    if gap > DIFFICULTY_GAP_MAX && !any_difficulty {
        let detail = format!("the tasks' difficulties differ by {gap}, and 2 are allowed; allow_difficulty_override waives that");
        return Err(rule("difficulty_gap", detail));
    }
    Ok(())
}

/// Requests that stand already, in either direction.
async fn check_others(tx: &mut Tx, requester: Side, target: Side, now: Timestamp) -> Result<(), ActionError> {
    let tenant = tx.tenant();
    let sql = "SELECT 1 FROM task_swap WHERE requester_task_id IN ($2, $3) AND target_task_id IN ($2, $3) AND tenant = $1
        AND status = 'Pending' AND expires_at > $4 LIMIT 1";
    if tx.query_opt(sql, params![tenant, requester.task_id, target.task_id, now]).await?.is_some() {
        return Err(rule(DUPLICATE, "a swap of these two tasks waits for an admin already"));
    }
    let sql =
        "SELECT count(*) FROM task_swap WHERE tenant = $1 AND requester_user_id = $2 AND status = 'Pending' AND expires_at > $3";
    let active: i64 = tx.query_one(sql, params![tenant, requester.user_id, now]).await?.get(0)?;
    match active >= ACTIVE_MAX {
        true => Err(rule("too_many_swaps", "three requests of this user wait for an admin already")),
        false => Ok(()),
    }
}

/// What an admin decides.
#[derive(Debug, Clone)]
pub enum Decision {
    Approve,
    Reject(Option<String>),
}

/// Decides a request, as it was just read and held.
pub async fn decide(
    tx: &mut Tx,
    change: &Change<'_>,
    swap: Record<Swap>,
    decision: Decision,
) -> Result<Record<Swap>, ActionError> {
    let now = change.ambient.now();
    if swap.fields.status == SwapStatus::Expired || (swap.fields.status == SwapStatus::Pending && swap.fields.expires_at <= now) {
        return Err(rule(EXPIRED, "nobody decided within 48 hours; it has to be asked for again"));
    }
    if swap.fields.status != SwapStatus::Pending {
        return Err(rule(NOT_PENDING, "this was decided already"));
    }
    match decision {
        Decision::Approve => approve(tx, change, swap).await,
        Decision::Reject(reason) => {
            if let Some(reason) = &reason {
                check_note("reason", reason)?;
            }
            end(tx, change, swap, SwapStatus::Rejected, reason).await
        }
    }
}

async fn approve(tx: &mut Tx, change: &Change<'_>, swap: Record<Swap>) -> Result<Record<Swap>, ActionError> {
    let asked = &swap.fields;
    let (mine, theirs) = hold_both(tx, asked.requester_task_id, asked.target_task_id).await?;
    let (Some(mine), Some(theirs)) = (mine, theirs) else { return Err(rule("not_open", "a task of this swap is gone")) };
    let sides = [(&mine, asked.requester_user_id), (&theirs, asked.target_user_id)];
    if sides.iter().any(|(task, user)| task.fields.assigned_user_id != Some(*user)) {
        return Err(rule("not_assigned", "a task of this swap was given to somebody else meanwhile"));
    }
    check_tasks(&mine, &theirs, asked.allow_difficulty_override, change.ambient.now())?;
    let (requester, target) = (asked.requester_user_id, asked.target_user_id);
    let given = Task { assigned_user_id: Some(target), ..mine.fields.clone() };
    let taken = Task { assigned_user_id: Some(requester), ..theirs.fields.clone() };
    let mine = record::rewrite(tx, change, mine, given, "Reassigned").await?;
    let theirs = record::rewrite(tx, change, theirs, taken, "Reassigned").await?;
    let swap = close(tx, change, swap, SwapStatus::Approved, None).await?.record;
    let both = |changed: &Changed<Task>| json!({ "task": changed.record, "changes": changed.changes });
    let payload = json!({ Swap::KIND: swap, "requester": both(&mine), "target": both(&theirs) });
    publish(tx, change, "task.swapped", &swap, payload).await?;
    Ok(swap)
}

/// Ends a request without a swap, and tells that.
pub(super) async fn end(
    tx: &mut Tx,
    change: &Change<'_>,
    swap: Record<Swap>,
    status: SwapStatus,
    reason: Option<String>,
) -> Result<Record<Swap>, ActionError> {
    let event = match status {
        SwapStatus::Expired => "task.swap.expired",
        _ => "task.swap.rejected",
    };
    let changed = close(tx, change, swap, status, reason).await?;
    let payload = json!({ Swap::KIND: changed.record, "changes": changed.changes });
    publish(tx, change, event, &changed.record, payload).await?;
    Ok(changed.record)
}

async fn close(
    tx: &mut Tx,
    change: &Change<'_>,
    swap: Record<Swap>,
    status: SwapStatus,
    reason: Option<String>,
) -> Result<Changed<Swap>, ActionError> {
    let decided = Swap {
        status,
        decided_at: Some(change.ambient.now()),
        decided_by: user_of(&change.actor),
        decision_reason: reason,
        ..swap.fields.clone()
    };
    record::rewrite(tx, change, swap, decided, status.as_str()).await
}

async fn publish(
    tx: &mut Tx,
    change: &Change<'_>,
    event: &str,
    swap: &Record<Swap>,
    payload: serde_json::Value,
) -> Result<(), ActionError> {
    let tasks = [("task_id", swap.fields.requester_task_id), ("target_task_id", swap.fields.target_task_id)];
    let change = change.within(swap.fields.group_id).about(tasks.map(|(name, id)| (name.to_owned(), json!(id))));
    change.publish(tx, event, ("swap_id", swap.id.to_string()), payload).await
}

/// Requests from and to somebody who leaves the group are over.
pub(crate) async fn withdraw_of(tx: &mut Tx, change: &Change<'_>, group: GroupId, user: UserId) -> Result<(), ActionError> {
    let sql = "SELECT id FROM task_swap WHERE group_id = $1 AND tenant = $2 AND status = 'Pending'
        AND (requester_user_id = $3 OR target_user_id = $3) ORDER BY id";
    let rows = tx.query(sql, params![group, tx.tenant(), user]).await?;
    for mut row in rows {
        let Some(swap) = record::held::<Swap>(tx, row.get(0)?).await? else { continue };
        let reason = "one of the two is no longer in the group".to_owned();
        end(tx, change, swap, SwapStatus::Rejected, Some(reason)).await?;
    }
    Ok(())
}
