//! What a failure leads to beyond its own row. A request that is given up after its sender was told that it
//! is taken is news. And switching a webhook off whose handler keeps failing: for a day and often, without a single
//! success in between. What counts is what its action refuses and what fails for our own fault. A
//! request that no rule wants and one that the mapping can't read never count: a sender may send
//! more kinds than anybody mapped.

use std::sync::Arc;
use std::time::Duration;

use hookswitch_domain::audit::{Actor, Entry};
use hookswitch_domain::event::EventType;
use hookswitch_domain::id::{InboundDeliveryId, InboundWebhookId};
use hookswitch_domain::time::Ambient;
use hookswitch_store::{StoreError, Tx, audit, inbound};
use serde_json::{Map, Value, json};

use super::accept::Receiver;
use crate::outbound::publish::{NewEvent, Publisher};

pub const DISABLE_AFTER: Duration = Duration::from_secs(86_400);
/// A quiet webhook is not switched off for a handful of requests.
pub const FAILURES_MIN: i64 = 20;
pub const DISABLED: &str = "integration.inbound_webhook.disabled";
pub const DEAD_LETTERED: &str = "integration.inbound_delivery.dead_lettered";

/// What telling somebody needs.
pub(super) struct Watch {
    ambient: Arc<dyn Ambient>,
    publisher: Publisher,
}

impl Watch {
    pub(super) fn of(receiver: &Receiver) -> Self {
        Self { ambient: receiver.ambient.clone(), publisher: receiver.publisher.clone() }
    }

    /// Tells of a request that waits for a person from now on, in the transaction that gives it up.
    pub(super) async fn dead(
        &self,
        tx: &mut Tx,
        delivery: InboundDeliveryId,
        webhook: Option<InboundWebhookId>,
        outcome: &Value,
    ) -> Result<(), StoreError> {
        metrics::counter!("hookswitch_inbound_dead_letters_total").increment(1);
        let payload = json!({
            "inbound_delivery_id": delivery, "inbound_webhook_id": webhook,
            "code": outcome["code"], "reason": outcome["reason"],
        });
        let event = NewEvent {
            correlation_id: Some(delivery.to_string()),
            causation_id: Some(delivery.to_string()),
            depth: 1,
            ..own(DEAD_LETTERED, payload)?
        };
        Ok(self.publisher.tell_in(tx, event).await?)
    }

    /// Counts a failure, in the transaction that logs it; the one that is too many switches the webhook off.
    pub(super) async fn failed(&self, tx: &mut Tx, id: InboundWebhookId) -> Result<(), StoreError> {
        let now = self.ambient.now();
        let Some(failing) = inbound::count_failure(tx, id, now).await? else { return Ok(()) };
        if failing.failures < FAILURES_MIN || now.since(failing.since) < DISABLE_AFTER {
            return Ok(());
        }
        audit::bump_epoch(tx).await?;
        if !inbound::auto_disable(tx, id, now).await? {
            return Ok(());
        }
        let Some(webhook) = inbound::get(tx, id).await? else { return Ok(()) };
        metrics::counter!("hookswitch_inbound_disabled_total").increment(1);
        let reason = "its handler has failed for a day without a success";
        let payload = json!({
            "inbound_webhook_id": id, "name": webhook.name, "slug": webhook.slug, "reason": reason,
            "failing_since": failing.since, "failures": failing.failures,
        });
        self.publisher.publish_in(tx, own(DISABLED, payload)?).await?;
        let detail = json!({ "reason": reason, "failing_since": failing.since, "failures": failing.failures });
        let entry = Entry { action: "inbound_webhook.disabled", target: id.to_string(), correlation_id: None, detail };
        audit::append(tx, &*self.ambient, &Actor::System, entry).await?;
        Ok(())
    }
}

/// News of our own, which begins a chain.
fn own(name: &str, payload: Value) -> Result<NewEvent, StoreError> {
    Ok(NewEvent {
        event_type: name.parse::<EventType>().map_err(|error| StoreError::Bug(error.to_string()))?,
        payload,
        correlation_id: None,
        causation_id: None,
        depth: 0,
        references: Map::new(),
        group_id: None,
        source: "hookswitch",
    })
}
