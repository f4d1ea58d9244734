//! Idle connections, by whose they are. One short lock; nothing is closed while it is held.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use hookswitch_domain::egress::Target;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::exchange::Live;

/// However busy, a connection is given up after this: the name may lead elsewhere by now.
const AGE_MAX: Duration = Duration::from_secs(60);

pub(super) struct Pool {
    shelf: Mutex<Shelf>,
    idle_for: Duration,
    per_key: usize,
    total: usize,
}

#[derive(Default)]
struct Shelf {
    by_key: HashMap<Uuid, Vec<Idle>>,
    count: usize,
    reaping: bool,
}

struct Idle {
    live: Box<Live>,
    since: Instant,
}

impl Pool {
    pub(super) fn new(idle_for: Duration, per_key: usize, total: usize) -> Self {
        Self { shelf: Mutex::default(), idle_for, per_key, total }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        // Nothing below panics half-way; and connections are only a saving.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection to the target that is still open, the most recently used one first.
    pub(super) fn take(&self, key: Uuid, target: &Target) -> Option<Box<Live>> {
        loop {
            let Idle { mut live, since } = self.shelf().pop(key)?;
            if since.elapsed() >= self.idle_for || !live.leads_to(target) {
                continue;
            }
            live.settle();
            if live.is_reusable() {
                return Some(live);
            }
        }
    }

    /// Keeps a connection, unless there are enough.
    pub(super) fn put(self: &Arc<Self>, key: Uuid, live: Box<Live>) {
        if live.made().elapsed() >= AGE_MAX {
            return;
        }
        let surplus = {
            let mut shelf = self.shelf();
            let full = shelf.count >= self.total || shelf.by_key.get(&key).is_some_and(|idle| idle.len() >= self.per_key);
            if full {
                Some(live)
            } else {
                shelf.by_key.entry(key).or_default().push(Idle { live, since: Instant::now() });
                shelf.count += 1;
                if !shelf.reaping {
                    shelf.reaping = true;
                    tokio::spawn(reap(Arc::downgrade(self)));
                }
                None
            }
        };
        drop(surplus);
    }

    /// Takes out what lay idle too long. `None` if nothing is left, and so nobody need come again.
    fn sweep(&self) -> Option<Vec<Idle>> {
        let mut shelf = self.shelf();
        let mut old = Vec::new();
        for idle in shelf.by_key.values_mut() {
            let fresh = idle.partition_point(|one| one.since.elapsed() >= self.idle_for);
            old.extend(idle.drain(..fresh));
        }
        shelf.by_key.retain(|_, idle| !idle.is_empty());
        shelf.count -= old.len();
        if shelf.by_key.is_empty() && old.is_empty() {
            shelf.reaping = false;
            return None;
        }
        Some(old)
    }
}

impl Shelf {
    fn pop(&mut self, key: Uuid) -> Option<Idle> {
        let idle = self.by_key.get_mut(&key)?.pop()?;
        self.count -= 1;
        Some(idle)
    }
}

/// Closes what nobody takes any more. Lives only while there is something to watch.
async fn reap(pool: Weak<Pool>) {
    while let Some(pause) = pool.upgrade().map(|pool| pool.idle_for / 2) {
        sleep(pause.max(Duration::from_millis(10))).await;
        let Some(pool) = pool.upgrade() else { return };
        if pool.sweep().is_none() {
            return;
        }
    }
}
