//! Publishing: an event and its fan-out, in one transaction. The first of the two seams for hosts.
//!
//! The fan-out is made from a copy of the tenant's configuration; the statement that stores it
//! compares the copy's epoch and stores nothing if it is old, so that the set of destinations is
//! that of the commit point.

use std::sync::Arc;

use bytes::Bytes;
use hookswitch_domain::event::{CAUSATION_DEPTH_MAX, EventType};
use hookswitch_domain::id::{DestinationId, EventId, GroupId, TenantId};
use hookswitch_domain::lease;
use hookswitch_domain::time::Ambient;
use hookswitch_store::event::Meta;
use hookswitch_store::queue::{self, Accept, Accepted, NewDelivery, Remember};
use hookswitch_store::{Db, StoreError, Tx, idempotency};
use tokio::time::Instant;

use super::catalogue::{Catalogue, MISMATCHES_MAX, Refusal};
use super::configs::{Configs, Outlet, TenantConfig};
use super::deliver::{InHand, Sender};
use super::lanes::{Lanes, Of, Slot};

/// The lease as the store takes it.
pub const LEASE_MS: i64 = lease::LEASE.as_millis() as i64;

/// Configuration that changes more often than this while one event is published is an overload.
const TRIES: usize = 64;

/// As much as a payload may weigh where nobody says more (CONTRACT 2).
pub const EVENT_BYTES_DEFAULT: usize = 256 << 10;

/// Why an event of something inside the process was not stored. Its transaction must not commit: the
/// event exists if and only if the change does.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error("this would be the {0}th link of a chain of events that cause each other: it looks like a loop")]
    Loop(u8),
    #[error("the payload of {event_type} would have {bytes} bytes, and an event may have {max}")]
    TooLarge { event_type: EventType, bytes: usize, max: usize },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PublishError {
    /// Stable, for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Loop(_) => "causation_loop",
            Self::TooLarge { .. } => "event_too_large",
            Self::Store(_) => "unavailable",
        }
    }
}

/// For events of our own, which are short and begin a chain.
impl From<PublishError> for StoreError {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Store(error) => error,
            other => Self::Bug(other.to_string()),
        }
    }
}

/// An event that something inside the process emits.
#[derive(Debug, Clone)]
pub struct NewEvent {
    pub event_type: EventType,
    pub payload: serde_json::Value,
    pub correlation_id: Option<String>,
    pub causation_id: Option<String>,
    pub depth: u8,
    pub references: serde_json::Map<String, serde_json::Value>,
    pub group_id: Option<GroupId>,
    pub source: &'static str,
}

/// An event as a client publishes it, with its payload's bytes.
#[derive(Debug, Clone)]
pub struct Outgoing {
    pub event_type: EventType,
    pub payload: Bytes,
    pub meta: Meta,
}

/// What a publisher hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// On disk; one (event, number of destinations) per event, in their order.
    Stored(Vec<(EventId, usize)>),
    /// The same `Idempotency-Key` and request before: the answer of then.
    Repeated {
        status: u16,
        response: String,
    },
    KeyReused,
    /// The tenant's catalogue doesn't take these, by their places. Nothing was stored.
    Refused(Vec<(usize, Refusal)>),
    /// The rights that the caller came with were changed in between: look at the caller again.
    RightsChanged,
}

/// The request that a key belongs to; its answer is written from the event ids.
#[derive(Clone)]
pub struct Key {
    pub key: String,
    pub scope: String,
    pub request_hash: [u8; 32],
    pub status: u16,
    pub response: fn(&[(EventId, usize)]) -> String,
}

/// Publishes for every tenant of this node.
#[derive(Clone)]
pub struct Publisher {
    db: Db,
    ambient: Arc<dyn Ambient>,
    configs: Arc<Configs>,
    lanes: Lanes,
    /// Present on nodes with the worker role: accepted work may be handed over without a claim.
    sender: Option<Arc<Sender>>,
    /// `limits.event_bytes`, for what is published inside the process too.
    event_bytes: usize,
}

struct Prepared {
    accept: Accept,
    counts: Vec<(EventId, usize)>,
    /// Slots taken for what is inserted leased, in the order of the deliveries.
    slots: Vec<Option<Slot>>,
}

impl Publisher {
    pub fn new(db: Db, ambient: Arc<dyn Ambient>, configs: Arc<Configs>, lanes: Lanes, sender: Option<Arc<Sender>>) -> Self {
        Self { db, ambient, configs, lanes, sender, event_bytes: EVENT_BYTES_DEFAULT }
    }

    /// The same with another limit to what a payload may weigh.
    #[must_use]
    pub fn taking(self, event_bytes: usize) -> Self {
        Self { event_bytes, ..self }
    }

    /// Publishes events of one tenant, all or none. `rights` are the epochs of tenant and platform
    /// that the caller's permission was judged at. Goes on when the caller goes away: what was
    /// committed is handed over in any case.
    pub async fn publish(
        &self,
        tenant: TenantId,
        rights: Rights,
        events: Arc<[Outgoing]>,
        key: Option<Key>,
    ) -> Result<Published, StoreError> {
        let publisher = self.clone();
        let work = tokio::spawn(async move { publisher.publish_to_the_end(tenant, rights, events, key.as_ref()).await });
        work.await.unwrap_or_else(|error| Err(StoreError::Bug(error.to_string())))
    }

    async fn publish_to_the_end(
        &self,
        tenant: TenantId,
        rights: Rights,
        events: Arc<[Outgoing]>,
        key: Option<&Key>,
    ) -> Result<Published, StoreError> {
        let (mut judged_by, mut fresh): (Option<Arc<Catalogue>>, bool) = (None, false);
        let mut config = match self.configs.cached(tenant) {
            Some(config) => config,
            None => self.reload(tenant).await?,
        };
        for _ in 0..TRIES {
            if rights.tenant.is_some_and(|epoch| epoch != config.epoch) {
                if rights.tenant.is_some_and(|epoch| epoch < config.epoch) {
                    return Ok(Published::RightsChanged);
                }
                config = self.reload(tenant).await?;
                continue;
            }
            let catalogue = &config.catalogue;
            if !catalogue.is_open() && judged_by.as_ref().is_none_or(|judge| !Arc::ptr_eq(judge, catalogue)) {
                let refused = judged(catalogue, &events).await?;
                if refused.is_empty() {
                    judged_by = Some(catalogue.clone());
                } else if fresh {
                    return self.refused(tenant, key, refused).await;
                } else {
                    // Nothing is stored that would notice an old copy: what it refuses is looked at anew.
                    (config, fresh) = (self.reload(tenant).await?, true);
                    continue;
                }
            }
            let leased_from = Instant::now();
            let prepared = self.prepare(&config, rights, &events, key);
            match self.db.accept(prepared.accept.clone()).await? {
                Accepted::Stored => {
                    let counts = prepared.counts.clone();
                    self.hand_over(&config, prepared, &events, leased_from);
                    return Ok(Published::Stored(counts));
                }
                Accepted::Repeated { status, response } => return Ok(Published::Repeated { status, response }),
                Accepted::KeyReused => return Ok(Published::KeyReused),
                // The tenant's configuration or the platform's rights changed, or the same key is being written.
                Accepted::Stale => {
                    let epoch = config.epoch;
                    config = self.reload(tenant).await?;
                    if config.epoch == epoch && rights.platform.is_some() {
                        return Ok(Published::RightsChanged);
                    }
                }
            }
        }
        Err(StoreError::Overloaded)
    }

    /// What was accepted before under this key stays accepted, whatever the catalogue says since.
    async fn refused(
        &self,
        tenant: TenantId,
        key: Option<&Key>,
        refused: Vec<(usize, Refusal)>,
    ) -> Result<Published, StoreError> {
        let Some(key) = key else { return Ok(Published::Refused(refused)) };
        let (name, scope, hash) = (key.key.clone(), key.scope.clone(), key.request_hash);
        let store = self.db.for_tenant(tenant);
        let found = store.read(move |tx| Box::pin(async move { idempotency::answer(tx, &name, &scope, &hash).await })).await?;
        Ok(match found {
            Some((status, response)) => Published::Repeated { status, response },
            None => Published::Refused(refused),
        })
    }

    async fn reload(&self, tenant: TenantId) -> Result<Arc<TenantConfig>, StoreError> {
        let config = self.configs.reload(tenant).await?;
        config.ok_or_else(|| StoreError::Corrupt("the tenant is gone".to_owned()))
    }

    fn prepare(&self, config: &TenantConfig, rights: Rights, events: &[Outgoing], key: Option<&Key>) -> Prepared {
        let ambient = &*self.ambient;
        let (mut rows, mut counts, mut slots) = (Vec::with_capacity(events.len()), Vec::new(), Vec::new());
        for event in events {
            let id: EventId = ambient.fresh();
            let mut deliveries = Vec::new();
            for outlet in &config.outlets {
                if !outlet.wants(event.event_type.as_str(), event.meta.group_id) {
                    continue;
                }
                let key = outlet.config.line(event.meta.ordering_key.as_deref());
                let slot = match &self.sender {
                    // Whether it is the head of its key is known to the commit alone.
                    Some(_) if key.is_none() && outlet.hold.is_none() && !config.sending_paused => {
                        let of = Of { tenant: config.tenant, destination: outlet.id, limits: outlet.config.limits() };
                        self.lanes.reserve(of, event.payload.len())
                    }
                    _ => None,
                };
                deliveries.push(NewDelivery { id: ambient.fresh(), destination: outlet.id, leased: slot.is_some(), key });
                slots.push(slot);
            }
            counts.push((id, deliveries.len()));
            rows.push(queue::NewEvent {
                id,
                event_type: event.event_type.as_str().to_owned(),
                payload: event.payload.clone(),
                meta: serde_json::to_string(&event.meta).unwrap_or_else(|_| "{}".to_owned()),
                deliveries,
            });
        }
        let remember = key.map(|key| Remember {
            key: key.key.clone(),
            scope: key.scope.clone(),
            request_hash: key.request_hash,
            status: key.status,
            response: (key.response)(&counts),
        });
        let accept = Accept {
            tenant: config.tenant,
            epoch: config.epoch,
            platform_epoch: rights.platform,
            events: rows,
            remember,
            lease_ms: LEASE_MS,
        };
        Prepared { accept, counts, slots }
    }

    /// After the commit: what was inserted leased goes to its sender, what wasn't wakes the worker.
    fn hand_over(&self, config: &Arc<TenantConfig>, prepared: Prepared, events: &[Outgoing], leased_from: Instant) {
        let mut slots = prepared.slots.into_iter();
        let mut waiting = false;
        for (row, event) in prepared.accept.events.iter().zip(events) {
            for (delivery, slot) in row.deliveries.iter().zip(slots.by_ref()) {
                let (Some(slot), Some(sender)) = (slot, &self.sender) else {
                    waiting = true;
                    continue;
                };
                sender.take(InHand {
                    slot,
                    leased_from,
                    config: Some(config.clone()),
                    claimed: queue::Claimed::at_accept(config.tenant, config.epoch, row, delivery),
                    meta: Some(event.meta.clone()),
                });
            }
        }
        if waiting {
            self.lanes.wake.notify_one();
        }
    }

    /// Publishes inside a transaction that changes something else too: the event exists if and
    /// only if the change does. It keeps the limits of what clients publish.
    pub async fn publish_in(&self, tx: &mut Tx, event: NewEvent) -> Result<EventId, PublishError> {
        if event.depth > CAUSATION_DEPTH_MAX {
            return Err(PublishError::Loop(event.depth));
        }
        let (payload, max) = (Bytes::from(event.payload.to_string()), self.event_bytes);
        if payload.len() > max {
            return Err(PublishError::TooLarge { event_type: event.event_type, bytes: payload.len(), max });
        }
        let id = insert_as(tx, &self.configs, &*self.ambient, event, payload).await?;
        self.wake_after(tx);
        Ok(id)
    }

    /// The same for news that cost nothing where no destination asks for them by name.
    pub async fn tell_in(&self, tx: &mut Tx, event: NewEvent) -> Result<(), PublishError> {
        let config = self.configs.within(tx).await?;
        let wants = |outlet: &Arc<Outlet>| outlet.wants(event.event_type.as_str(), event.group_id);
        if config.is_some_and(|config| config.outlets.iter().any(wants)) {
            self.publish_in(tx, event).await?;
        }
        Ok(())
    }

    /// Wakes the worker once the transaction is committed.
    pub fn wake_after(&self, tx: &mut Tx) {
        let wake = self.lanes.wake.clone();
        tx.after_commit(move || wake.notify_one());
    }

    /// A person lets a destination go on: once that is committed its failures are forgotten, and the
    /// worker looks.
    pub fn goes_on_after(&self, tx: &mut Tx, destination: DestinationId) {
        let lanes = self.lanes.clone();
        tx.after_commit(move || {
            lanes.forget_failures(destination);
            lanes.wake.notify_one();
        });
    }
}

/// Inserts an event with its fan-out, as the configuration is inside this transaction.
pub(super) async fn insert(
    tx: &mut Tx,
    configs: &Configs,
    ambient: &dyn Ambient,
    event: NewEvent,
) -> Result<EventId, StoreError> {
    let payload = event.payload.to_string().into();
    insert_as(tx, configs, ambient, event, payload).await
}

async fn insert_as(
    tx: &mut Tx,
    configs: &Configs,
    ambient: &dyn Ambient,
    event: NewEvent,
    payload: Bytes,
) -> Result<EventId, StoreError> {
    let config = configs.within(tx).await?;
    let config = config.ok_or_else(|| StoreError::Corrupt("the tenant is gone".to_owned()))?;
    let meta = Meta {
        group_id: event.group_id,
        correlation_id: event.correlation_id,
        causation_id: event.causation_id,
        depth: event.depth,
        references: event.references,
        source: event.source.to_owned(),
        ..Meta::default()
    };
    let wanted = config.outlets.iter().filter(|outlet| outlet.wants(event.event_type.as_str(), meta.group_id));
    let deliveries = wanted.map(|outlet| NewDelivery {
        id: ambient.fresh(),
        destination: outlet.id,
        leased: false,
        key: outlet.config.line(meta.ordering_key.as_deref()),
    });
    let row = queue::NewEvent {
        id: ambient.fresh(),
        event_type: event.event_type.as_str().to_owned(),
        payload,
        meta: serde_json::to_string(&meta).map_err(|error| StoreError::Bug(error.to_string()))?,
        deliveries: deliveries.collect(),
    };
    queue::insert_event(tx, &row, LEASE_MS).await?;
    Ok(row.id)
}

/// Refusals by place. Comparing payloads with schemas takes processor time, which is not the runtime's.
async fn judged(catalogue: &Arc<Catalogue>, events: &Arc<[Outgoing]>) -> Result<Vec<(usize, Refusal)>, StoreError> {
    let judge = |catalogue: &Catalogue, events: &[Outgoing]| {
        let refusal = |(place, event): (usize, &Outgoing)| {
            catalogue.refusal(event.event_type.as_str(), &event.payload).map(|refusal| (place, refusal))
        };
        events.iter().enumerate().filter_map(refusal).take(MISMATCHES_MAX).collect()
    };
    if !events.iter().any(|event| catalogue.has_schema(event.event_type.as_str())) {
        return Ok(judge(catalogue, events));
    }
    let (catalogue, events) = (catalogue.clone(), events.clone());
    let judged = tokio::task::spawn_blocking(move || judge(&catalogue, &events)).await;
    judged.map_err(|error| StoreError::Bug(format!("comparing with a schema: {error}")))
}

/// The epochs at which a caller's permission to publish was judged. `None`: judged in this very
/// moment, from the primary.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rights {
    pub tenant: Option<i64>,
    pub platform: Option<i64>,
}
