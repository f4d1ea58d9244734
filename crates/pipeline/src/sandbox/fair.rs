//! Who is next for a worker. Tenants wait in queues of their own and are served in turn, so that one with a
//! thousand requests delays the others by one evaluation, not by a thousand. While others wait, a tenant
//! holds all slots but one at most; a tenant that was slow or deadly lately ([`Fair::suspect`]) shares those
//! with its like even when nobody waits: there is always a slot that such a tenant can't hold.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use uuid::Uuid;

/// How long a tenant stays suspect.
const SUSPICION: Duration = Duration::from_secs(60);
const WAITING_PER_TENANT_MAX: usize = 256;
const WAITING_MAX: usize = 2_048;

/// `T` is whatever waits; it is handed back when its turn has come.
#[derive(Debug)]
pub struct Fair<T> {
    slots: usize,
    running: HashMap<Uuid, usize>,
    suspects: HashMap<Uuid, Instant>,
    waiting: HashMap<Uuid, VecDeque<T>>,
    /// Tenants with somebody waiting, next first.
    turn: VecDeque<Uuid>,
}

impl<T> Fair<T> {
    pub fn new(slots: usize) -> Self {
        Self {
            slots: slots.max(1),
            running: HashMap::new(),
            suspects: HashMap::new(),
            waiting: HashMap::new(),
            turn: VecDeque::new(),
        }
    }

    /// False if too many wait already.
    #[must_use]
    pub fn enqueue(&mut self, tenant: Uuid, who: T) -> bool {
        if self.waiting.values().map(VecDeque::len).sum::<usize>() >= WAITING_MAX {
            return false;
        }
        let queue = self.waiting.entry(tenant).or_default();
        if queue.len() >= WAITING_PER_TENANT_MAX {
            return false;
        }
        if queue.is_empty() {
            self.turn.push_back(tenant);
        }
        queue.push_back(who);
        true
    }

    /// A slot for a newcomer at once, if it would not overtake anybody. The hot path.
    pub fn try_enter(&mut self, tenant: Uuid, now: Instant) -> bool {
        let free = self.turn.is_empty() && self.may_run(tenant, now);
        if free {
            *self.running.entry(tenant).or_default() += 1;
        }
        free
    }

    /// Whoever's turn it is, with a slot; None while no slot may be given.
    pub fn next(&mut self, now: Instant) -> Option<(Uuid, T)> {
        let share = (self.slots - 1).max(1);
        let within_share = |tenant: &Uuid| self.running.get(tenant).copied().unwrap_or(0) < share;
        let place = (self.turn.iter().position(|tenant| within_share(tenant) && self.may_run(*tenant, now)))
            .or_else(|| self.turn.iter().position(|tenant| self.may_run(*tenant, now)))?;
        let tenant = self.turn.remove(place)?;
        let queue = self.waiting.get_mut(&tenant)?;
        let who = queue.pop_front()?;
        if queue.is_empty() {
            self.waiting.remove(&tenant);
        } else {
            self.turn.push_back(tenant);
        }
        *self.running.entry(tenant).or_default() += 1;
        Some((tenant, who))
    }

    /// A slot is free again.
    pub fn leave(&mut self, tenant: Uuid) {
        if let Some(count) = self.running.get_mut(&tenant) {
            *count -= 1;
            if *count == 0 {
                self.running.remove(&tenant);
            }
        }
    }

    /// The tenant held a worker for long, or killed it.
    pub fn suspect(&mut self, tenant: Uuid, now: Instant) {
        self.suspects.retain(|_, until| now < *until);
        self.suspects.insert(tenant, now + SUSPICION);
    }

    fn may_run(&self, tenant: Uuid, now: Instant) -> bool {
        if self.running.values().sum::<usize>() >= self.slots {
            return false;
        }
        let suspect = |tenant: &Uuid| self.suspects.get(tenant).is_some_and(|until| now < *until);
        if !suspect(&tenant) {
            return true;
        }
        let held: usize = self.running.iter().filter(|(tenant, _)| suspect(tenant)).map(|(_, count)| count).sum();
        held < (self.slots - 1).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const A: Uuid = Uuid::from_u128(1);
    const B: Uuid = Uuid::from_u128(2);
    const C: Uuid = Uuid::from_u128(3);

    fn order(fair: &mut Fair<u32>, now: Instant) -> Vec<u32> {
        let mut served = Vec::new();
        while let Some((tenant, who)) = fair.next(now) {
            served.push(who);
            fair.leave(tenant);
        }
        served
    }

    #[test]
    fn tenants_are_served_in_turn() {
        let (mut fair, now) = (Fair::new(2), Instant::now());
        for (tenant, who) in [(A, 1), (A, 2), (A, 3), (B, 10), (C, 20), (B, 11)] {
            assert!(fair.enqueue(tenant, who));
        }
        assert_eq!(order(&mut fair, now), [1, 10, 20, 2, 11, 3]);
    }

    #[test]
    fn a_tenant_holds_all_slots_only_while_nobody_else_waits() {
        let (mut fair, now) = (Fair::new(2), Instant::now());
        assert!(fair.try_enter(A, now) && fair.try_enter(A, now));
        assert!(!fair.try_enter(B, now));
        assert!(fair.enqueue(A, 1) && fair.enqueue(B, 2));
        fair.leave(A);
        assert_eq!(fair.next(now), Some((B, 2)));
    }

    #[test]
    fn suspects_leave_a_slot_to_the_others() {
        let (mut fair, now) = (Fair::<u32>::new(2), Instant::now());
        fair.suspect(A, now);
        fair.suspect(B, now);
        assert!(fair.try_enter(A, now));
        assert!(!fair.try_enter(A, now) && !fair.try_enter(B, now));
        assert!(fair.try_enter(C, now));
        fair.leave(C);
        assert!(fair.try_enter(B, now + SUSPICION), "suspicion ends");
    }

    #[test]
    fn a_lone_slot_is_for_everybody() {
        let (mut fair, now) = (Fair::<u32>::new(1), Instant::now());
        fair.suspect(A, now);
        assert!(fair.try_enter(A, now));
        assert!(!fair.try_enter(B, now));
    }

    #[test]
    fn the_queues_are_bounded() {
        let mut fair = Fair::new(1);
        assert!((0..WAITING_PER_TENANT_MAX).all(|who| fair.enqueue(A, who)));
        assert!(!fair.enqueue(A, 0));
        assert!(fair.enqueue(B, 0), "another tenant may wait still");
    }

    proptest! {
        #[test]
        fn slots_are_never_exceeded_and_everybody_is_served(slots in 1_usize..5, joins in prop::collection::vec(0_u128..4, 1..60)) {
            let (mut fair, now) = (Fair::new(slots), Instant::now());
            fair.suspect(Uuid::from_u128(0), now);
            for (who, tenant) in joins.iter().enumerate() {
                prop_assert!(fair.enqueue(Uuid::from_u128(*tenant), who));
            }
            let (mut held, mut served) = (VecDeque::new(), 0);
            loop {
                while let Some((tenant, _)) = fair.next(now) {
                    held.push_back(tenant);
                }
                prop_assert!(held.len() <= slots);
                let Some(tenant) = held.pop_front() else { break };
                fair.leave(tenant);
                served += 1;
            }
            prop_assert_eq!(served, joins.len());
        }
    }
}
