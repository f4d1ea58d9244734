//! What a job does to one item, in the transaction of its step.

use hookswitch_domain::delivery::State;
use hookswitch_domain::id::{DeliveryId, DestinationId, EventId, InboundDeliveryId};
use hookswitch_domain::time::Ambient;
use uuid::Uuid;

use super::Spec;
use crate::db::Tx;
use crate::dead_letter::{self, Replay};
use crate::error::StoreError;
use crate::queue::{NewDelivery, insert_delivery};
use crate::{delivery, inbound, ordered, params};

/// What a person has to look at before the job may go on.
pub(super) async fn obstacle(tx: &mut Tx, spec: &Spec) -> Result<Option<&'static str>, StoreError> {
    let Spec::InboundReplay { webhook, .. } = spec else { return Ok(None) };
    Ok(match inbound::get(tx, *webhook).await? {
        // What is left is skipped: there is nothing to do it with.
        None => None,
        Some(webhook) if webhook.is_active => None,
        Some(_) => Some("its webhook is switched off; switch it on and resume the job"),
    })
}

/// `false`: it was no longer there to be done.
pub(super) async fn perform(
    tx: &mut Tx,
    ambient: &dyn Ambient,
    spec: &Spec,
    item: Uuid,
    lease_ms: i64,
) -> Result<bool, StoreError> {
    match spec {
        Spec::Replay { .. } | Spec::Recover { .. } => {
            let made = dead_letter::replay(tx, DeliveryId(item), ambient.fresh(), true, lease_ms).await?;
            Ok(made == Replay::Made)
        }
        Spec::Discard { .. } => dead_letter::discard(tx, DeliveryId(item)).await,
        Spec::ReplayMissing { destination, .. } => send_missing(tx, ambient, EventId(item), *destination, lease_ms).await,
        Spec::CancelBacklog { .. } => delivery::end(tx, DeliveryId(item), State::Cancelled).await,
        Spec::InboundReplay { webhook, original, .. } => {
            inbound::repeat(tx, ambient, *webhook, InboundDeliveryId(item), *original).await
        }
    }
}

async fn send_missing(
    tx: &mut Tx,
    ambient: &dyn Ambient,
    event: EventId,
    to: DestinationId,
    lease_ms: i64,
) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    if !tx.is_sqlite() {
        // Two jobs for one destination take turns, so that the second sees what the first has sent.
        tx.query("SELECT 1 FROM lane WHERE destination = $1 AND tenant = $2 FOR UPDATE", params![to, tenant]).await?;
    }
    let sql = "SELECT 1 FROM delivery d WHERE d.event = $1 AND d.destination = $2 AND coalesce(d.tenant, d.tenant) = $3 LIMIT 1";
    if tx.query_opt(sql, params![event, to, tenant]).await?.is_some() {
        return Ok(false);
    }
    let key = ordered::key_at(tx, to, event).await?;
    let delivery = NewDelivery { id: ambient.fresh(), destination: to, leased: false, key };
    match insert_delivery(tx, event, &delivery, lease_ms).await {
        Err(StoreError::Conflict(_)) => Ok(false),
        done => done.map(|()| true),
    }
}
