//! What one claim takes: deficit round robin over tenants, then their lanes (`schedule`); within a lane
//! fresh work goes first, but for every tenth round.

use std::hash::Hash;

use super::Room;
use crate::flow::Class;
use crate::schedule::{Schedule, Waiting};

/// Every so many rounds retries and replays go before fresh work, so that neither starves the other.
const LATE_FIRST_EVERY: u64 = 10;

/// A lane that is due and has room.
#[derive(Debug, Clone, Copy)]
pub struct Open<T, L> {
    pub tenant: T,
    pub lane: L,
    pub room: Room,
}

/// What a lane may be claimed of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Portion<L> {
    pub lane: L,
    /// At most so many altogether.
    pub all: u32,
    /// At most so many of each class, in this order.
    pub of: [(Class, u32); 3],
    pub probe: bool,
}

impl<L> Portion<L> {
    /// After the claim: where as much of a class was there as was asked for, there may be more.
    pub fn backlogs(&self, got: impl Fn(Class) -> u32) -> Vec<(Class, bool)> {
        let (mut left, mut backlogs) = (self.all, Vec::with_capacity(3));
        for (class, room) in self.of {
            let asked = room.min(left);
            if asked > 0 {
                let got = got(class);
                left = left.saturating_sub(got);
                backlogs.push((class, got >= asked));
            }
        }
        backlogs
    }
}

/// Whose turn it is, from round to round.
#[derive(Debug, Clone)]
pub struct Rounds<T, L> {
    schedule: Schedule<T, L>,
    count: u64,
}

impl<T, L> Default for Rounds<T, L> {
    fn default() -> Self {
        Self { schedule: Schedule::default(), count: 0 }
    }
}

impl<T: Copy + Eq + Hash, L: Copy + Eq + Hash> Rounds<T, L> {
    /// Shares a claim of `capacity` out. `tenant_room` says how much more a tenant may have in hand.
    pub fn share(&mut self, open: &[Open<T, L>], capacity: u32, tenant_room: impl Fn(&T) -> u32) -> Vec<Portion<L>> {
        self.count += 1;
        let waiting = open.iter().map(|Open { tenant, lane, room }| {
            let room = if room.probe { 1 } else { room.fresh.max(room.retries).max(room.replays) };
            Waiting { tenant: *tenant, lane: *lane, room }
        });
        let waiting: Vec<_> = waiting.collect();
        let rooms: std::collections::HashMap<L, Room> = open.iter().map(|each| (each.lane, each.room)).collect();
        let order = match self.count.is_multiple_of(LATE_FIRST_EVERY) {
            true => [Class::Retry, Class::Replay, Class::Fresh],
            false => Class::ALL,
        };
        let portion = |share: crate::schedule::Share<L>| {
            let room = rooms.get(&share.lane)?;
            let of = order.map(|class| (class, room.of(class)));
            Some(Portion { lane: share.lane, all: share.count, of, probe: room.probe })
        };
        self.schedule.share(&waiting, capacity, tenant_room).into_iter().filter_map(portion).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_work_goes_first_but_for_every_tenth_round() {
        let (mut rounds, room) = (Rounds::default(), Room { fresh: 3, retries: 2, replays: 2, ..Room::default() });
        let open = [Open { tenant: 1, lane: 1, room }];
        let firsts: Vec<_> = (0..10).map(|_| rounds.share(&open, 9, |_| 9)[0].of[0].0).collect();
        assert_eq!((firsts[..9].iter().all(|class| *class == Class::Fresh), firsts[9]), (true, Class::Retry));
    }

    #[test]
    fn a_probe_is_one_delivery_of_whatever_is_due() {
        let room = Room { fresh: 1, retries: 1, replays: 1, probe: true, until: None };
        let portions = Rounds::default().share(&[Open { tenant: 1, lane: 1, room }], 9, |_| 9);
        assert_eq!((portions[0].all, portions[0].probe), (1, true));
    }

    #[test]
    fn as_much_as_was_asked_for_may_mean_more() {
        let portion = Portion { lane: 1, all: 5, of: [(Class::Fresh, 4), (Class::Retry, 4), (Class::Replay, 4)], probe: false };
        let got = |class| if class == Class::Fresh { 4 } else { 0 };
        assert_eq!(portion.backlogs(got), [(Class::Fresh, true), (Class::Retry, false), (Class::Replay, false)]);
        let all = |class| if class == Class::Retry { 1 } else { 4 };
        assert_eq!(portion.backlogs(all), [(Class::Fresh, true), (Class::Retry, true)], "nothing was asked of the last");
    }
}
