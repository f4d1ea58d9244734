//! Who watches a tenant's work hears what happens: one watcher per tenant and process looks at the
//! store twice a second and tells everybody who listens. It reads what any node wrote, so that the
//! stream is the same whichever node one is connected to; nothing is added to the work itself, and
//! while nobody listens nobody looks.
//!
//! New events and deliveries are found by their time-ordered ids, and followed until they end. Of
//! what was there before, those whose turn comes soon are followed too. Listeners that don't keep
//! up are told so, and so are all if more happened than is followed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use hookswitch_domain::id::{DeliveryId, EventId, InboundDeliveryId, TenantId};
use hookswitch_domain::time::{Ambient, Timestamp};
use hookswitch_store::delivery::{Attempt, Delivery};
use hookswitch_store::live::{self as rows, Inbound, Mark, Published};
use hookswitch_store::queue::state_of;
use hookswitch_store::{Db, StoreError, TenantStore};
use tokio::sync::{Mutex, broadcast};
use tokio::time::sleep;

const PAUSE: Duration = Duration::from_millis(500);
/// An id is made before its commit, and on a machine whose clock may be off by a little.
const WINDOW: Duration = Duration::from_secs(15);
/// What comes due within this is followed from now on.
const AHEAD_MS: i64 = 3_000;
const AHEAD_PER_LANE: i64 = 20;
/// More that is new at one look is not told one by one.
const NEW_MAX: i64 = 500;
/// So many unfinished deliveries are followed, the newest ones.
const FOLLOWED_MAX: usize = 1_000;
/// A listener may be so far behind.
const BEHIND_MAX: usize = 1_024;
/// Listeners of one tenant on one node.
pub const LISTENERS_MAX: usize = 20;

/// Something that happened.
#[derive(Debug)]
pub enum Notice {
    Published(Published),
    /// A delivery, new or changed, with its last try.
    Delivery(Box<Delivery>, Option<Attempt>),
    Inbound(Inbound),
    /// More happened than was told.
    Skipped,
}

/// There are enough listeners.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("{LISTENERS_MAX} others listen to this tenant already")]
    Full,
    #[error(transparent)]
    Store(#[from] StoreError),
}

type Told = broadcast::Sender<Arc<Notice>>;

/// The watchers of this process.
#[derive(Clone)]
pub struct Live {
    db: Db,
    ambient: Arc<dyn Ambient>,
    watched: Arc<Mutex<HashMap<TenantId, Told>>>,
}

impl Live {
    pub fn new(db: Db, ambient: Arc<dyn Ambient>) -> Self {
        Self { db, ambient, watched: Arc::default() }
    }

    /// Whatever happens from now on.
    pub async fn listen(&self, tenant: TenantId) -> Result<broadcast::Receiver<Arc<Notice>>, ListenError> {
        let mut watched = self.watched.lock().await;
        if let Some(told) = watched.get(&tenant) {
            return if told.receiver_count() < LISTENERS_MAX { Ok(told.subscribe()) } else { Err(ListenError::Full) };
        }
        let mut watch = Watch::new(self.db.for_tenant(tenant), self.ambient.clone());
        // What is there already is no news.
        watch.look().await?;
        let (told, listener) = broadcast::channel(BEHIND_MAX);
        watched.insert(tenant, told.clone());
        tokio::spawn(self.clone().run(tenant, watch, told));
        Ok(listener)
    }

    async fn run(self, tenant: TenantId, mut watch: Watch, told: Told) {
        loop {
            sleep(PAUSE).await;
            let mut watched = self.watched.lock().await;
            if told.receiver_count() == 0 {
                watched.remove(&tenant);
                return;
            }
            drop(watched);
            match watch.look().await {
                // Nobody there any more: the next round ends.
                Ok(notices) => notices.into_iter().for_each(|notice| drop(told.send(Arc::new(notice)))),
                Err(error) => tracing::warn!(%tenant, %error, "looking for what is new failed; trying again"),
            }
        }
    }
}

/// What was seen, so that only news is told.
struct Watch {
    store: TenantStore,
    ambient: Arc<dyn Ambient>,
    since: Timestamp,
    events: BTreeSet<EventId>,
    deliveries: BTreeMap<DeliveryId, Mark>,
    inbound: BTreeMap<InboundDeliveryId, Inbound>,
}

struct Seen {
    published: Vec<Published>,
    /// Made within the window; of other marked ones a first sight is no news.
    fresh: Vec<DeliveryId>,
    marks: Vec<Mark>,
    inbound: Vec<Inbound>,
}

impl Watch {
    fn new(store: TenantStore, ambient: Arc<dyn Ambient>) -> Self {
        let since = ambient.now();
        Self { store, ambient, since, events: BTreeSet::new(), deliveries: BTreeMap::new(), inbound: BTreeMap::new() }
    }

    async fn look(&mut self) -> Result<Vec<Notice>, StoreError> {
        self.since = self.ambient.now().minus(WINDOW);
        let seen = self.read().await?;
        let full = seen.published.len() as i64 >= NEW_MAX || seen.fresh.len() as i64 >= NEW_MAX;
        let mut notices = Vec::new();
        for published in seen.published.into_iter().rev() {
            if self.events.insert(published.id) {
                notices.push(Notice::Published(published));
            }
        }
        let changed = self.changed(&seen.fresh, seen.marks);
        let changed = self.store.read(move |tx| Box::pin(async move { rows::deliveries(tx, &changed).await })).await?;
        notices.extend(changed.into_iter().map(|(row, attempt)| Notice::Delivery(Box::new(row), attempt)));
        for received in seen.inbound.into_iter().rev() {
            if self.inbound.get(&received.id) != Some(&received) {
                self.inbound.insert(received.id, received.clone());
                notices.push(Notice::Inbound(received));
            }
        }
        if full | self.forget() {
            notices.push(Notice::Skipped);
        }
        Ok(notices)
    }

    async fn read(&self) -> Result<Seen, StoreError> {
        let since = self.since;
        let mut asked: Vec<DeliveryId> = self.deliveries.values().filter(|mark| is_open(mark)).map(|mark| mark.id).collect();
        let pending: Vec<InboundDeliveryId> =
            self.inbound.values().filter(|inbound| inbound.dispatch_status == "pending").map(|inbound| inbound.id).collect();
        self.store
            .read(move |tx| {
                Box::pin(async move {
                    let published = rows::published_since(tx, since, NEW_MAX).await?;
                    let fresh = rows::deliveries_since(tx, since, NEW_MAX).await?;
                    asked.extend(&fresh);
                    asked.extend(rows::deliveries_soon_due(tx, AHEAD_MS, AHEAD_PER_LANE).await?);
                    asked.sort_unstable();
                    asked.dedup();
                    let marks = rows::marks(tx, &asked).await?;
                    let mut inbound = rows::inbound_since(tx, since, NEW_MAX).await?;
                    inbound.extend(rows::inbound(tx, &pending).await?);
                    Ok(Seen { published, fresh, marks, inbound })
                })
            })
            .await
    }

    /// Notes how everything stands, and names what is news, the oldest first.
    fn changed(&mut self, fresh: &[DeliveryId], mut marks: Vec<Mark>) -> Vec<DeliveryId> {
        marks.sort_unstable_by_key(|mark| mark.id);
        let mut changed = Vec::new();
        for mark in marks {
            let news = match self.deliveries.insert(mark.id, mark) {
                Some(before) => before != mark,
                None => fresh.contains(&mark.id),
            };
            if news {
                changed.push(mark.id);
            }
        }
        changed
    }

    /// Drops what is finished and out of the window. `true`: something that isn't finished, too.
    fn forget(&mut self) -> bool {
        let floor = hookswitch_domain::id::uuid_floor(self.since);
        self.events.retain(|id| id.uuid() >= floor);
        self.inbound.retain(|id, inbound| id.uuid() >= floor || inbound.dispatch_status == "pending");
        self.deliveries.retain(|id, mark| id.uuid() >= floor || is_open(mark));
        let open = self.deliveries.values().filter(|mark| is_open(mark)).count();
        let surplus = open.saturating_sub(FOLLOWED_MAX);
        let oldest: Vec<DeliveryId> =
            self.deliveries.values().filter(|mark| is_open(mark)).take(surplus).map(|mark| mark.id).collect();
        for id in &oldest {
            self.deliveries.remove(id);
        }
        surplus > 0
    }
}

fn is_open(mark: &Mark) -> bool {
    state_of(mark.state).is_ok_and(|state| !state.is_terminal())
}
