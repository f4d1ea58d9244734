//! What becomes of a destination that fails: its breaker and the clock of its failures are written
//! down when they change, people are told, and after five days, or a 410, it is disabled.
//!
//! The news are events that are subscribed by name only. A destination's own trouble is told once
//! per step, whatever its deliveries carry, so that no news begets more of itself.

use std::sync::Arc;

use hookswitch_domain::audit::{Actor, Entry};
use hookswitch_domain::breaker;
use hookswitch_domain::destination::Hold;
use hookswitch_domain::event::EventType;
use hookswitch_domain::failing::{Change, DISABLE_AFTER, WARN_AFTER};
use hookswitch_domain::flow::Changes;
use hookswitch_domain::id::DestinationId;
use hookswitch_domain::time::Ambient;
use hookswitch_store::destination::{self, Destination};
use hookswitch_store::queue::Claimed;
use hookswitch_store::{StoreError, Tx, audit, health};
use serde_json::{Value, json};

use super::deliver::{InHand, Sender};
use super::publish::{NewEvent, Publisher};

/// Emitted when a destination was disabled by itself.
pub const DISABLED: &str = "integration.destination.disabled";
/// Emitted after one day and after three of failure alone.
pub const FAILING: &str = "integration.destination.failing";

/// What a receiver's answer means for its destination.
pub(super) struct Wish {
    hold: Hold,
    reason: &'static str,
}

impl Wish {
    pub(super) fn of(gone: bool, pause: bool) -> Option<Self> {
        if gone {
            return Some(Self { hold: Hold::ReceiverGone, reason: "the receiver answered 410" });
        }
        let reason = "the receiver asked for it (hookswitch-destination: pause)";
        pause.then_some(Self { hold: Hold::Paused, reason })
    }
}

/// What is to be written, in spans from now.
#[derive(Debug, Clone, Copy)]
struct Steps {
    /// Failing for so long, after so many warnings.
    record: Option<(i64, u32)>,
    warn: Option<u32>,
    disable: bool,
    clear: bool,
    /// Failed probes, and how long nothing is sent.
    open: Option<(u32, i64)>,
}

impl Sender {
    /// Writes down what an answer changed. Most answers change nothing.
    pub(super) async fn follow(&self, work: &InHand, changes: Changes) -> Result<(), StoreError> {
        let since = |moment| work.slot.since(moment).as_millis() as i64;
        let mut steps = Steps { record: None, warn: None, disable: false, clear: false, open: None };
        match changes.failing {
            Some(Change::Record { since: from }) => steps.record = Some((since(from), 0)),
            Some(Change::Warn { since: from, warning }) => {
                (steps.record, steps.warn) = (Some((since(from), warning)), Some(warning));
            }
            Some(Change::Disable { .. }) => steps.disable = true,
            Some(Change::Clear) => steps.clear = true,
            None => {}
        }
        if let Some(breaker::Change::Opened { probe_at, failed_probes }) = changes.breaker {
            metrics::counter!("hookswitch_breaker_opened_total").increment(1);
            steps.open = Some((failed_probes, work.slot.until(probe_at).as_millis() as i64));
        }
        if steps.record.is_none() && steps.open.is_none() && !steps.disable && !steps.clear {
            return Ok(());
        }
        let (id, teller) = (work.claimed.destination, self.teller());
        let store = self.db.for_tenant(work.claimed.tenant);
        store.write(move |tx| Box::pin(async move { teller.write_steps(tx, id, steps).await })).await
    }

    /// The receiver's own wish: nothing more is sent until a person lets the destination go on.
    pub(super) async fn hold(&self, claimed: &Claimed, revision: i64, wish: Wish) -> Result<(), StoreError> {
        let (claim, destination, delivery) = (claimed.claim, claimed.destination, claimed.delivery);
        let teller = self.teller();
        let store = self.db.for_tenant(claimed.tenant);
        store
            .write(move |tx| {
                Box::pin(async move {
                    audit::bump_epoch(tx).await?;
                    // Only what is still as it was when the request went out: nobody has paused,
                    // disabled or repaired the destination since, and the claim is still ours.
                    let row = destination::get(tx, destination).await?;
                    let Some(row) = row.filter(|row| row.hold.is_none() && row.revision == revision) else { return Ok(()) };
                    if !hookswitch_store::delivery::is_claimed(tx, delivery, claim).await? {
                        return Ok(());
                    }
                    let detail = json!({ "reason": wish.reason, "delivery_id": delivery });
                    teller.hold(tx, &row, wish.hold, detail).await
                })
            })
            .await
    }

    fn teller(&self) -> Teller {
        Teller { ambient: self.ambient.clone(), publisher: self.publisher.clone() }
    }
}

/// What telling somebody needs.
struct Teller {
    ambient: Arc<dyn Ambient>,
    publisher: Publisher,
}

impl Teller {
    async fn write_steps(&self, tx: &mut Tx, id: DestinationId, steps: Steps) -> Result<(), StoreError> {
        if steps.clear {
            return health::clear(tx, id).await;
        }
        if steps.disable {
            return self.disable_failing(tx, id).await;
        }
        let mut first = false;
        if let Some((failing_for_ms, warned)) = steps.record {
            first = health::record(tx, id, failing_for_ms, warned).await?;
        }
        if let Some((failed_probes, wait_ms)) = steps.open {
            health::open(tx, id, failed_probes, wait_ms).await?;
        }
        match steps.warn {
            // Another node may have told the same.
            Some(warning) if first => self.warn(tx, id, warning).await,
            _ => Ok(()),
        }
    }

    async fn warn(&self, tx: &mut Tx, id: DestinationId, warning: u32) -> Result<(), StoreError> {
        let Some(row) = destination::get(tx, id).await? else { return Ok(()) };
        let Some(since) = row.failing.map(|failing| failing.failing_since) else { return Ok(()) };
        let days = WARN_AFTER.get(warning.saturating_sub(1) as usize).map_or(0, |after| after.as_secs() / 86_400);
        let detail = json!({
            "reason": format!("every attempt has failed for {days} days or more"),
            "failing_since": since,
            "disabled_at": since.plus(DISABLE_AFTER),
        });
        self.tell(tx, FAILING, "destination.failing", &row, detail).await
    }

    /// Looks again in the store: another node may have had a success, or a person been there.
    async fn disable_failing(&self, tx: &mut Tx, id: DestinationId) -> Result<(), StoreError> {
        audit::bump_epoch(tx).await?;
        let lasted = health::failing_for_ms(tx, id).await?.unwrap_or(0);
        let row = destination::get(tx, id).await?.filter(|row| row.hold.is_none());
        let Some(row) = row.filter(|_| lasted >= DISABLE_AFTER.as_millis() as i64) else { return Ok(()) };
        let detail = json!({
            "reason": "every attempt has failed for five days",
            "failing_since": row.failing.map(|failing| failing.failing_since),
        });
        self.hold(tx, &row, Hold::Failing, detail).await
    }

    async fn hold(&self, tx: &mut Tx, row: &Destination, hold: Hold, detail: Value) -> Result<(), StoreError> {
        destination::set_hold(tx, row.id, Some(hold)).await?;
        if hold.disables() {
            return self.tell(tx, DISABLED, "destination.disabled", row, detail).await;
        }
        let entry = Entry { action: "destination.paused", target: row.id.to_string(), correlation_id: None, detail };
        audit::append(tx, &*self.ambient, &Actor::System, entry).await?;
        Ok(())
    }

    /// The event, and the audit row last.
    async fn tell(
        &self,
        tx: &mut Tx,
        event_type: &'static str,
        action: &'static str,
        row: &Destination,
        detail: Value,
    ) -> Result<(), StoreError> {
        let mut payload = json!({ "destination_id": row.id, "name": row.name, "endpoint": row.endpoint });
        if let (Some(payload), Some(detail)) = (payload.as_object_mut(), detail.as_object()) {
            payload.extend(detail.clone());
        }
        let event = NewEvent {
            event_type: event_type.parse::<EventType>().map_err(|error| StoreError::Bug(error.to_string()))?,
            payload,
            correlation_id: None,
            causation_id: None,
            depth: 0,
            references: serde_json::Map::new(),
            group_id: row.group_id,
            source: "hookswitch",
        };
        self.publisher.publish_in(tx, event).await?;
        let entry = Entry { action, target: row.id.to_string(), correlation_id: None, detail };
        audit::append(tx, &*self.ambient, &Actor::System, entry).await?;
        Ok(())
    }
}
