//! Who is served next: deficit round robin over tenants, and over each tenant's lanes within its
//! turn. A tenant with a million deliveries that wait and one with a single one get turns of the
//! same size, and a round that ends in the middle goes on there.
//!
//! Pure and deterministic: the same calls give the same shares, whatever the keys hash to.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Deliveries that a tenant may take in one turn.
pub const TENANT_QUANTUM: u32 = 16;
/// Deliveries that a lane may take within its tenant's turn before the next lane has its own.
pub const LANE_QUANTUM: u32 = 4;

/// A lane with work that waits, and how much of it there is room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting<T, L> {
    pub tenant: T,
    pub lane: L,
    pub room: u32,
}

/// What a lane may take of this round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share<L> {
    pub lane: L,
    pub count: u32,
}

/// Whose turn it is, from round to round.
#[derive(Debug, Clone)]
pub struct Schedule<T, L> {
    tenants: VecDeque<Turn<T, L>>,
}

#[derive(Debug, Clone)]
struct Turn<T, L> {
    tenant: T,
    deficit: u32,
    lanes: VecDeque<(L, u32)>,
}

impl<T, L> Default for Schedule<T, L> {
    fn default() -> Self {
        Self { tenants: VecDeque::new() }
    }
}

impl<T: Copy + Eq + Hash, L: Copy + Eq + Hash> Schedule<T, L> {
    /// Shares `capacity` out. `tenant_room` says how much more a tenant may have in hand. A lane
    /// that isn't among those that wait loses its turn, and what it had saved. Shares are in the
    /// order in which they were given, one per lane.
    pub fn share(&mut self, waiting: &[Waiting<T, L>], capacity: u32, tenant_room: impl Fn(&T) -> u32) -> Vec<Share<L>> {
        self.follow(waiting);
        let mut rooms: HashMap<L, u32> = waiting.iter().map(|each| (each.lane, each.room)).collect();
        let mut tenant_rooms: HashMap<T, u32> =
            self.tenants.iter().map(|turn| (turn.tenant, tenant_room(&turn.tenant))).collect();
        let (mut left, mut shares) = (capacity, Shares::default());
        // Each pass over the ring gives everybody something or takes it out of this round.
        let mut resting = Vec::new();
        while left > 0 {
            let Some(mut turn) = self.tenants.pop_front() else { break };
            let room = tenant_rooms.entry(turn.tenant).or_default();
            if turn.deficit == 0 {
                turn.deficit = TENANT_QUANTUM;
            }
            let given = turn.serve(turn.deficit.min(*room).min(left), &mut rooms, &mut shares);
            *room -= given;
            left -= given;
            turn.deficit -= given;
            let wants_more = *room > 0 && turn.lanes.iter().any(|(lane, _)| rooms.get(lane).is_some_and(|room| *room > 0));
            if !wants_more {
                // Served or full: nothing is saved up for later.
                turn.deficit = 0;
                resting.push(turn);
            } else if turn.deficit == 0 {
                self.tenants.push_back(turn);
            } else {
                // The round's capacity ended within its turn, which goes on in the next round.
                self.tenants.push_front(turn);
            }
        }
        self.tenants.extend(resting);
        shares.list
    }

    /// Keeps the order of those who still wait; newcomers come last.
    fn follow(&mut self, waiting: &[Waiting<T, L>]) {
        let mut lanes: HashMap<T, Vec<L>> = HashMap::new();
        let mut arrived = Vec::new();
        for each in waiting.iter().filter(|each| each.room > 0) {
            let known = lanes.entry(each.tenant).or_default();
            if known.is_empty() {
                arrived.push(each.tenant);
            }
            known.push(each.lane);
        }
        let mut kept: HashMap<T, Turn<T, L>> = HashMap::new();
        let mut order = Vec::new();
        for mut turn in self.tenants.drain(..) {
            let Some(now) = lanes.get(&turn.tenant) else { continue };
            turn.follow(now);
            order.push(turn.tenant);
            kept.insert(turn.tenant, turn);
        }
        for tenant in arrived {
            kept.entry(tenant).or_insert_with(|| {
                order.push(tenant);
                let lanes = lanes.remove(&tenant).unwrap_or_default();
                Turn { tenant, deficit: 0, lanes: lanes.into_iter().map(|lane| (lane, 0)).collect() }
            });
        }
        self.tenants = order.into_iter().filter_map(|tenant| kept.remove(&tenant)).collect();
    }
}

impl<T, L: Copy + Eq + Hash> Turn<T, L> {
    fn follow(&mut self, now: &[L]) {
        let waiting: std::collections::HashSet<L> = now.iter().copied().collect();
        self.lanes.retain(|(lane, _)| waiting.contains(lane));
        let known: std::collections::HashSet<L> = self.lanes.iter().map(|(lane, _)| *lane).collect();
        self.lanes.extend(now.iter().filter(|lane| !known.contains(lane)).map(|lane| (*lane, 0)));
    }

    /// Gives up to `count` to the lanes in turn; returns how much was taken.
    fn serve(&mut self, count: u32, rooms: &mut HashMap<L, u32>, shares: &mut Shares<L>) -> u32 {
        let (mut left, mut full) = (count, 0);
        while left > 0 && full < self.lanes.len() {
            let Some((lane, saved)) = self.lanes.pop_front() else { break };
            let room = rooms.entry(lane).or_default();
            let deficit = if saved == 0 { LANE_QUANTUM } else { saved };
            let given = deficit.min(*room).min(left);
            *room -= given;
            left -= given;
            full = if given == 0 { full + 1 } else { 0 };
            shares.add(lane, given);
            match deficit - given {
                // Its turn is not over: it goes on when its tenant does.
                saved if saved > 0 && *room > 0 => self.lanes.push_front((lane, saved)),
                _ => self.lanes.push_back((lane, 0)),
            }
        }
        count - left
    }
}

/// Shares in the order in which they were given first.
struct Shares<L> {
    list: Vec<Share<L>>,
    places: HashMap<L, usize>,
}

impl<L> Default for Shares<L> {
    fn default() -> Self {
        Self { list: Vec::new(), places: HashMap::new() }
    }
}

impl<L: Copy + Eq + Hash> Shares<L> {
    fn add(&mut self, lane: L, count: u32) {
        if count == 0 {
            return;
        }
        let place = *self.places.entry(lane).or_insert_with(|| {
            self.list.push(Share { lane, count: 0 });
            self.list.len() - 1
        });
        self.list[place].count += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn waiting(all: &[(u8, u16, u32)]) -> Vec<Waiting<u8, u16>> {
        all.iter().map(|(tenant, lane, room)| Waiting { tenant: *tenant, lane: *lane, room: *room }).collect()
    }

    fn given(shares: &[Share<u16>], lane: u16) -> u32 {
        shares.iter().filter(|share| share.lane == lane).map(|share| share.count).sum()
    }

    #[test]
    fn a_tenant_with_a_hundred_busy_lanes_gets_no_more_than_one_with_a_single_one() {
        let mut all: Vec<_> = (0..100).map(|lane| (1, lane, 1_000)).collect();
        all.push((2, 500, 1_000));
        let shares = Schedule::default().share(&waiting(&all), 128, |_| u32::MAX);
        assert_eq!(given(&shares, 500), 64);
        assert_eq!(shares.iter().map(|share| share.count).sum::<u32>(), 128);
    }

    #[test]
    fn what_a_quiet_tenant_leaves_goes_to_the_others() {
        let shares = Schedule::default().share(&waiting(&[(1, 1, 1_000), (2, 2, 3)]), 100, |_| u32::MAX);
        assert_eq!((given(&shares, 1), given(&shares, 2)), (97, 3));
    }

    #[test]
    fn a_round_that_ends_in_the_middle_goes_on_there() {
        let (mut schedule, mut sums) = (Schedule::default(), HashMap::new());
        let all: Vec<_> = (0..50).map(|tenant| (tenant, u16::from(tenant), 1_000)).collect();
        for _ in 0..100 {
            for share in schedule.share(&waiting(&all), 24, |_| u32::MAX) {
                *sums.entry(share.lane).or_insert(0) += share.count;
            }
        }
        assert!(sums.values().all(|sum| *sum == 48), "{sums:?}");
    }

    #[test]
    fn lanes_of_one_tenant_take_turns() {
        let shares = Schedule::default().share(&waiting(&[(1, 1, 1_000), (1, 2, 1_000), (1, 3, 1)]), 41, |_| u32::MAX);
        assert_eq!((given(&shares, 1), given(&shares, 2), given(&shares, 3)), (20, 20, 1));
    }

    #[test]
    fn a_tenants_own_limit_leaves_the_rest_to_others() {
        let room = |tenant: &u8| if *tenant == 1 { 5 } else { u32::MAX };
        let shares = Schedule::default().share(&waiting(&[(1, 1, 1_000), (2, 2, 1_000)]), 100, room);
        assert_eq!((given(&shares, 1), given(&shares, 2)), (5, 95));
    }

    proptest! {
        #[test]
        fn nothing_is_given_beyond_room_or_capacity_and_nothing_is_left_over(
            rooms in proptest::collection::vec((0u8..6, 0u32..40), 0..40), capacity in 0u32..300, rounds in 1usize..5,
        ) {
            let all: Vec<_> = rooms.iter().enumerate().map(|(lane, (tenant, room))| (*tenant, lane as u16, *room)).collect();
            let mut schedule = Schedule::default();
            for _ in 0..rounds {
                let shares = schedule.share(&waiting(&all), capacity, |_| u32::MAX);
                for (_, lane, room) in &all {
                    prop_assert!(given(&shares, *lane) <= *room);
                }
                let wanted: u32 = all.iter().map(|(_, _, room)| room).sum();
                prop_assert_eq!(shares.iter().map(|share| share.count).sum::<u32>(), wanted.min(capacity));
            }
        }

        /// Over many rounds no tenant that always waits falls behind another by more than two turns.
        #[test]
        fn whoever_always_waits_gets_the_same(lanes in proptest::collection::vec(1u16..20, 2..8), capacity in 1u32..200) {
            let all: Vec<_> = lanes.iter().enumerate()
                .flat_map(|(tenant, count)| (0..*count).map(move |lane| (tenant as u8, tenant as u16 * 100 + lane, u32::MAX / 4))).collect();
            let (mut schedule, mut sums) = (Schedule::default(), vec![0u32; lanes.len()]);
            for _ in 0..50 {
                for share in schedule.share(&waiting(&all), capacity, |_| u32::MAX) {
                    sums[usize::from(share.lane / 100)] += share.count;
                }
            }
            let (least, most) = (sums.iter().min().unwrap(), sums.iter().max().unwrap());
            prop_assert!(most - least <= 2 * TENANT_QUANTUM, "{:?}", sums);
        }
    }
}
