//! Events about deliveries: `integration.delivery.succeeded`, `.failed` and `.dead_lettered`. They
//! are subscribed by name, and where nobody does, they cost nothing. Where somebody does, the event
//! is written in the transaction that settles the delivery. Its own deliveries are told of by none.

use std::sync::Arc;

use hookswitch_domain::delivery::State;
use hookswitch_domain::event::{CAUSATION_DEPTH_MAX, OWN_PREFIX};
use hookswitch_store::event::Meta;
use hookswitch_store::queue::Settle;
use hookswitch_store::{StoreError, settle, tenant};
use serde_json::json;
use tokio::sync::Notify;

use super::configs::{Outlet, TenantConfig};
use super::deliver::{InHand, Sender};
use super::publish::{self, NewEvent};

const SUCCEEDED: &str = "integration.delivery.succeeded";
const FAILED: &str = "integration.delivery.failed";
const DEAD_LETTERED: &str = "integration.delivery.dead_lettered";

/// An event that is written with its delivery's end.
pub(super) struct News {
    event: NewEvent,
    wake: Arc<Notify>,
}

/// Whether some destination asks for one of these events: looked at once per configuration.
pub(super) fn wanted(outlets: &[Arc<Outlet>]) -> bool {
    let patterns = || outlets.iter().flat_map(|outlet| &outlet.config.event_types);
    [SUCCEEDED, FAILED, DEAD_LETTERED].iter().any(|name| patterns().any(|pattern| pattern.matches(name)))
}

/// What there is to tell of a settled try; `None` almost always.
pub(super) fn of(config: &TenantConfig, work: &InHand, settle: &Settle) -> Option<News> {
    let claimed = &work.claimed;
    if !config.tells || claimed.event_type.starts_with(OWN_PREFIX) {
        return None;
    }
    let name = match settle.state {
        State::Delivered => SUCCEEDED,
        State::Failed => FAILED,
        State::DeadLettered => DEAD_LETTERED,
        _ => return None,
    };
    let meta = match &work.meta {
        Some(meta) => meta.clone(),
        None => serde_json::from_str::<Meta>(&claimed.meta).unwrap_or_default(),
    };
    if !config.outlets.iter().any(|outlet| outlet.wants(name, meta.group_id)) {
        return None;
    }
    let event = NewEvent {
        event_type: name.parse().ok()?,
        payload: json!({
            "delivery_id": settle.delivery,
            "event_id": claimed.event,
            "event_type": claimed.event_type,
            "destination_id": settle.destination,
            "state": settle.state,
            "attempt_count": settle.attempts,
            "status": settle.record.status,
            "reason": settle.record.reason,
        }),
        correlation_id: meta.correlation_id,
        causation_id: Some(claimed.event.to_string()),
        depth: meta.depth.saturating_add(1).min(CAUSATION_DEPTH_MAX),
        references: meta.references,
        group_id: meta.group_id,
        source: "delivery",
    };
    Some(News { event, wake: work.slot.wake() })
}

impl News {
    /// Settles and tells, both or neither.
    pub(super) async fn settle(&self, sender: &Sender, done: Settle) -> Result<bool, StoreError> {
        let (configs, ambient) = (sender.configs.clone(), sender.ambient.clone());
        let (event, wake) = (self.event.clone(), self.wake.clone());
        let store = sender.db.for_tenant(done.tenant);
        let job = store.write(move |tx| {
            Box::pin(async move {
                // Whoever changes the configuration takes this lock first too.
                tenant::own_held(tx).await?;
                if !settle::settle(tx, done).await? {
                    return Ok(false);
                }
                publish::insert(tx, &configs, &*ambient, event).await?;
                tx.after_commit(move || wake.notify_one());
                Ok(true)
            })
        });
        job.await
    }
}
