//! What time alone does to tasks, once a minute: requests for swaps that nobody decided expire, and what
//! is open past its time is overdue. Small batches; safe to repeat, and on several nodes at once.

use futures_util::future::BoxFuture;
use hookswitch_domain::audit::Actor;
use hookswitch_domain::id::TenantId;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_pipeline::upkeep::{HostDuty, Upkeep};
use hookswitch_store::value::{FromValue, UuidValue};
use hookswitch_store::{StoreError, Tx, params};
use serde_json::json;

use super::lifecycle::rewrite;
use super::swap::{self, Swap, SwapStatus};
use super::{Task, TaskStatus};
use crate::change::Change;
use crate::group::inbound;
use crate::id::{SwapId, TaskId};
use crate::record;

const BATCH: usize = 100;

/// The desk's duties, for upkeep's list.
pub static DUTIES: &[HostDuty] = &[
    HostDuty { name: "swaps", run: |upkeep| Box::pin(run::<SwapId>(upkeep, EXPIRED, expire)) },
    HostDuty { name: "overdue", run: |upkeep| Box::pin(run::<TaskId>(upkeep, OVERDUE, mark)) },
    HostDuty { name: "group_secrets", run: |upkeep| Box::pin(inbound::end_overlaps(upkeep)) },
];

const EXPIRED: &str =
    "SELECT tenant, id FROM task_swap WHERE status = 'Pending' AND expires_at <= $1 ORDER BY expires_at LIMIT $2";
const OVERDUE: &str =
    "SELECT tenant, id FROM task WHERE status IN ('Pending', 'InProgress') AND due_at <= $1 ORDER BY due_at LIMIT $2";

type Step<I> = for<'t> fn(&'t mut Tx, Change<'t>, I) -> BoxFuture<'t, Result<(), ActionError>>;

/// Finds what is due and does each in a transaction of its own tenant.
async fn run<I: FromValue + std::fmt::Display + Copy + Send + 'static>(
    upkeep: &Upkeep,
    sql: &'static str,
    step: Step<I>,
) -> Result<(), StoreError> {
    loop {
        let now = upkeep.ambient.now();
        let system = upkeep.db.system();
        let found = system.read::<_, StoreError, _>(move |tx| {
            Box::pin(async move {
                let rows = tx.query(sql, params![now, BATCH as i64]).await?;
                let row = |mut row: hookswitch_store::Row| Ok((TenantId(row.get::<UuidValue>(0)?), row.get::<I>(1)?));
                rows.into_iter().map(row).collect::<Result<Vec<_>, StoreError>>()
            })
        });
        let found = found.await?;
        let (count, mut done) = (found.len(), 0);
        for (tenant, id) in found {
            match one(upkeep, tenant, id, step).await {
                Ok(()) => done += 1,
                // One that can't be done doesn't hold up the others.
                Err(error) => tracing::warn!(%id, %error, "what is due was not done; it is tried again in a minute"),
            }
        }
        if count < BATCH || done == 0 {
            return Ok(());
        }
    }
}

async fn one<I: Send + 'static>(upkeep: &Upkeep, tenant: TenantId, id: I, step: Step<I>) -> Result<(), ActionError> {
    let (ambient, publisher) = (upkeep.ambient.clone(), upkeep.publisher.clone());
    let store = upkeep.db.for_tenant(tenant);
    let job = store.write::<_, ActionError, _>(move |tx| {
        Box::pin(async move { step(tx, Change::by(Actor::System, &*ambient, &publisher), id).await })
    });
    job.await
}

fn expire<'t>(tx: &'t mut Tx, change: Change<'t>, id: SwapId) -> BoxFuture<'t, Result<(), ActionError>> {
    Box::pin(async move {
        let Some(swap) = record::held::<Swap>(tx, id).await? else { return Ok(()) };
        // Somebody may have decided since it was found.
        if swap.fields.status == SwapStatus::Pending && swap.fields.expires_at <= change.ambient.now() {
            swap::end(tx, &change, swap, SwapStatus::Expired, None).await?;
        }
        Ok(())
    })
}

fn mark<'t>(tx: &'t mut Tx, change: Change<'t>, id: TaskId) -> BoxFuture<'t, Result<(), ActionError>> {
    Box::pin(async move {
        let Some(task) = record::held::<Task>(tx, id).await? else { return Ok(()) };
        let fields = &task.fields;
        let open = matches!(fields.status, TaskStatus::Pending | TaskStatus::InProgress);
        if open && fields.due_at.is_some_and(|due| due <= change.ambient.now()) {
            let after = Task { status: TaskStatus::Overdue, ..fields.clone() };
            rewrite(tx, &change, task, after, "StatusChanged", "task.updated", json!({})).await?;
        }
        Ok(())
    })
}
