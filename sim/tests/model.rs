//! The pure transition functions, checked exhaustively: two workers, two deliveries, a crash or a
//! stall at every step, every answer a receiver can give. Breadth first over all reachable states;
//! what must hold is judged at every state and every step (numbers: reliability.md 3).
//!
//! Time is abstract: a place in the queue is due or not yet, and "time passes" is a step of its
//! own, so that every order of events is tried. Claim numbers are kept apart by nothing but whether
//! they are the latest, which is all that the rules look at.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use hookswitch_domain::delivery::{InHand, Next, Outcome, ParkedReason, State};
use hookswitch_domain::lease::{self, After, Before, Begin, Due, LEASE, NEVER, Written};
use hookswitch_domain::retry::Policy;
use hookswitch_domain::time::Timestamp;

/// What is shown to hold, over every reachable state.
const PROPERTIES: [&str; 9] = [
    "1: a delivery is either waiting or ended, never both and never neither",
    "4: one live lease at most",
    "5: what an old holder writes changes nothing",
    "7: attempts count 1, 2, 3; what wasn't sent costs none",
    "8: never more attempts than the policy allows",
    "10: at most one more send per sender that stopped",
    "11: what ended stays as it ended, and nothing is sent any more",
    "13: the last attempt and the end are one write",
    "19: from everywhere the end can be reached",
];

const MAX_ATTEMPTS: u32 = 2;
/// Senders that stop or stall in one history.
const TROUBLES: u8 = 2;
const DUE: i64 = 0;
const LATER: i64 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Delivery {
    due: Option<Due>,
    state: State,
    attempts: u32,
    interruptions: u32,
    /// Requests that left for the receiver.
    sends: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Hand {
    Empty,
    /// `lapsed`: on the holder's own clock the lease has run out.
    Holds {
        delivery: usize,
        claim: i64,
        attempts: u32,
        interruptions: u32,
        lapsed: bool,
    },
    Tried {
        delivery: usize,
        claim: i64,
        attempts: u32,
        outcome: Answer,
    },
}

/// [`Outcome`] without its figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Answer {
    Accepted,
    Failed,
    Terminal,
    Gone,
    SecretUnavailable,
    GivenUp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct World {
    deliveries: [Delivery; 2],
    hands: [Hand; 2],
    held: bool,
    troubles: u8,
}

impl Answer {
    const SENT: [Self; 4] = [Self::Accepted, Self::Failed, Self::Terminal, Self::Gone];

    fn outcome(self) -> Outcome {
        match self {
            Self::Accepted => Outcome::Accepted,
            Self::Failed => Outcome::Retryable { retry_after: None },
            Self::Terminal => Outcome::Terminal,
            Self::Gone => Outcome::Gone,
            Self::SecretUnavailable => Outcome::SecretUnavailable,
            Self::GivenUp => Outcome::Forbidden,
        }
    }
}

fn policy() -> Policy {
    Policy { max_attempts: MAX_ATTEMPTS, schedule_seconds: vec![0, 5], jitter: 0.0, ..Policy::default() }
}

fn fresh(due: Due, interruptions: u32) -> Delivery {
    Delivery { due: Some(due), state: State::Pending, attempts: 0, interruptions, sends: 0 }
}

/// One delivery waits, the other is in the first worker's hands since it was accepted; or one of
/// them has seen four senders die already.
fn beginnings() -> Vec<World> {
    let handed = Hand::Holds { delivery: 1, claim: 1, attempts: 0, interruptions: 0, lapsed: false };
    let begin = |interruptions| World {
        deliveries: [fresh(Due::at(DUE), interruptions), fresh(Due::handed_over(DUE, LATER), 0)],
        hands: [handed, Hand::Empty],
        held: false,
        troubles: 0,
    };
    vec![begin(0), begin(4)]
}

/// Every state that one step leads to.
fn steps(world: &World, holds_claims: bool) -> Vec<World> {
    let mut found = Vec::new();
    for place in 0..2 {
        found.extend(time_passes(world, place));
        found.extend(cancelled(world, place));
    }
    for worker in 0..2 {
        match world.hands[worker] {
            Hand::Empty => found.extend((0..2).filter_map(|place| taken(world, worker, place))),
            Hand::Holds { .. } => found.extend(begun(world, worker)),
            Hand::Tried { .. } => found.push(settled(world, worker, holds_claims)),
        }
        if world.hands[worker] != Hand::Empty && world.troubles < TROUBLES {
            let mut crashed = World { troubles: world.troubles + 1, ..*world };
            crashed.hands[worker] = Hand::Empty;
            found.push(crashed);
        }
    }
    found.push(World { held: !world.held, ..*world });
    found.into_iter().map(canonical).collect()
}

/// The moment that a delivery waits for has come, or its holder's lease has run out. A live holder
/// whose lease runs out is a stall, and those are counted.
fn time_passes(world: &World, place: usize) -> Option<World> {
    let mut next = *world;
    let due = next.deliveries[place].due.as_mut().filter(|due| due.next_at == LATER)?;
    due.next_at = DUE;
    let (leased, claim) = (due.leased, due.claim);
    for hand in next.hands.iter_mut().filter(|hand| leased && holder(hand) == Some((place, claim))) {
        next.troubles += 1;
        if let Hand::Holds { lapsed, .. } = hand {
            *lapsed = true;
        }
    }
    (next.troubles <= TROUBLES).then_some(next)
}

fn cancelled(world: &World, place: usize) -> Option<World> {
    let mut next = *world;
    next.deliveries[place].due.take()?;
    next.deliveries[place].state = State::Cancelled;
    Some(next)
}

fn taken(world: &World, worker: usize, place: usize) -> Option<World> {
    if world.held {
        return None;
    }
    let mut next = *world;
    let delivery = &mut next.deliveries[place];
    let (due, interrupted) = delivery.due?.take(DUE, LATER)?;
    delivery.due = Some(due);
    delivery.interruptions += u32::from(interrupted);
    let (attempts, interruptions) = (delivery.attempts, delivery.interruptions);
    next.hands[worker] = Hand::Holds { delivery: place, claim: due.claim, attempts, interruptions, lapsed: false };
    Some(next)
}

/// The sender looks once more, and gives it back, gives it up, or sends: whatever comes of that.
fn begun(world: &World, worker: usize) -> Vec<World> {
    let Hand::Holds { delivery: place, claim, attempts, interruptions, lapsed } = world.hands[worker] else { return Vec::new() };
    let due = world.deliveries[place].due;
    let lease_left = if lapsed { Duration::ZERO } else { LEASE };
    let before = Before { held: world.held, stopping: false, interruptions, timeout: policy().timeout(), lease_left };
    let mut next = *world;
    next.hands[worker] = Hand::Empty;
    match lease::begin(before) {
        Begin::Release => {
            if let Some(Written::Kept(released)) = due.map(|due| due.release(claim, DUE)) {
                next.deliveries[place].due = Some(released);
            }
            vec![next]
        }
        Begin::GiveUp => {
            next.hands[worker] = Hand::Tried { delivery: place, claim, attempts, outcome: Answer::GivenUp };
            vec![next]
        }
        Begin::Send => {
            let tried = |outcome, sends| {
                let mut next = next;
                next.deliveries[place].sends += sends;
                next.hands[worker] = Hand::Tried { delivery: place, claim, attempts, outcome };
                next
            };
            let sent = Answer::SENT.into_iter().map(|answer| tried(answer, 1));
            sent.chain([tried(Answer::SecretUnavailable, 0)]).collect()
        }
    }
}

fn settled(world: &World, worker: usize, holds_claims: bool) -> World {
    let Hand::Tried { delivery: place, claim, attempts, outcome } = world.hands[worker] else { return *world };
    let mut next = *world;
    next.hands[worker] = Hand::Empty;
    let Some(due) = world.deliveries[place].due else { return next };
    let now = Timestamp::default();
    let settled = InHand { attempts_made: attempts }.settle(&outcome.outcome(), &policy(), now, 0.0);
    let claim = if holds_claims { claim } else { due.claim };
    let written = due.settle(claim, lease::after(settled.next, now), DUE);
    if written == Written::Stale {
        return next;
    }
    // Held before the delivery is due again, as the sender does it.
    next.held |= settled.disable_destination;
    let delivery = &mut next.deliveries[place];
    delivery.state = settled.next.state();
    delivery.attempts = settled.attempt_number.unwrap_or(attempts);
    delivery.due = match written {
        Written::Kept(due) => Some(due),
        _ => None,
    };
    next
}

fn holder(hand: &Hand) -> Option<(usize, i64)> {
    match *hand {
        Hand::Empty => None,
        Hand::Holds { delivery, claim, .. } | Hand::Tried { delivery, claim, .. } => Some((delivery, claim)),
    }
}

/// Times become due or later, claim numbers the latest (1) or an older one (0); which worker is
/// which makes no difference.
fn canonical(mut world: World) -> World {
    for place in 0..2 {
        let latest = world.deliveries[place].due.map(|due| due.claim);
        for hand in &mut world.hands {
            if let Hand::Holds { delivery, claim, .. } | Hand::Tried { delivery, claim, .. } = hand
                && *delivery == place
            {
                *claim = i64::from(latest == Some(*claim));
            }
        }
        if let Some(due) = &mut world.deliveries[place].due {
            due.claim = 1;
            if due.next_at > LATER && due.next_at != NEVER {
                due.next_at = LATER;
            }
        }
    }
    world.hands.sort();
    world
}

/// What holds in every state.
fn judge_state(world: &World) -> Result<(), &'static str> {
    for (place, delivery) in world.deliveries.iter().enumerate() {
        if delivery.due.is_some() == delivery.state.is_terminal() {
            return Err(PROPERTIES[0]);
        }
        let holders = world.hands.iter().filter(|hand| holder(hand) == Some((place, 1))).count();
        if holders > 1 || (holders == 1 && delivery.due.is_none()) {
            return Err(PROPERTIES[1]);
        }
        if delivery.attempts > MAX_ATTEMPTS {
            return Err(PROPERTIES[4]);
        }
        let tried = world.hands.iter().any(|hand| matches!(hand, Hand::Tried { delivery, .. } if *delivery == place));
        let open = u32::from(tried || delivery.due.is_some_and(|due| due.leased) || delivery.state == State::Cancelled);
        if delivery.sends > delivery.attempts + delivery.interruptions + open {
            return Err(PROPERTIES[5]);
        }
    }
    Ok(())
}

/// What holds from one state to the next.
fn judge_step(from: &World, to: &World) -> Result<(), &'static str> {
    for place in 0..2 {
        let (before, after) = (&from.deliveries[place], &to.deliveries[place]);
        if before.state.is_terminal() && (before.state != after.state || before.attempts != after.attempts) {
            return Err(PROPERTIES[6]);
        }
        // Whoever held it while a person cancelled it doesn't know yet.
        if before.state.is_terminal() && before.state != State::Cancelled && after.sends > before.sends {
            return Err(PROPERTIES[6]);
        }
        if after.attempts != before.attempts && after.attempts != before.attempts + 1 {
            return Err(PROPERTIES[3]);
        }
        let used_up = after.attempts > before.attempts && after.attempts == MAX_ATTEMPTS;
        if used_up && !after.state.is_terminal() && after.state != State::Parked {
            return Err(PROPERTIES[7]);
        }
        let refused = stale_results(from, place) > stale_results(to, place);
        let crashed = to.troubles > from.troubles;
        if refused && !crashed && before != after {
            return Err(PROPERTIES[2]);
        }
    }
    Ok(())
}

/// Results of this delivery that an old holder is about to write.
fn stale_results(world: &World, place: usize) -> usize {
    world.hands.iter().filter(|hand| matches!(hand, Hand::Tried { delivery, claim: 0, .. } if *delivery == place)).count()
}

struct Explored {
    states: usize,
    steps: usize,
    broken: Option<(&'static str, World)>,
}

fn explore(holds_claims: bool) -> Explored {
    let mut seen: HashMap<World, usize> = HashMap::new();
    let mut leads_from: Vec<Vec<usize>> = Vec::new();
    let mut ends = VecDeque::new();
    let mut queue: VecDeque<World> = beginnings().into();
    for world in &queue {
        seen.insert(*world, seen.len());
        leads_from.push(Vec::new());
    }
    let mut count = 0;
    while let Some(world) = queue.pop_front() {
        let place = seen[&world];
        if let Err(property) = judge_state(&world) {
            return Explored { states: seen.len(), steps: count, broken: Some((property, world)) };
        }
        if world.deliveries.iter().all(|delivery| delivery.state.is_terminal()) {
            ends.push_back(place);
        }
        for next in steps(&world, holds_claims) {
            count += 1;
            if let Err(property) = judge_step(&world, &next) {
                return Explored { states: seen.len(), steps: count, broken: Some((property, next)) };
            }
            let fresh = seen.len();
            let to = *seen.entry(next).or_insert_with(|| {
                queue.push_back(next);
                leads_from.push(Vec::new());
                fresh
            });
            // What only a person's cancelling ends would be stuck.
            if !cancels(&world, &next) {
                leads_from[to].push(place);
            }
        }
    }
    let broken = trapped(&seen, &leads_from, ends).map(|world| (PROPERTIES[8], world));
    Explored { states: seen.len(), steps: count, broken }
}

fn cancels(from: &World, to: &World) -> bool {
    from.deliveries.iter().zip(&to.deliveries).any(|(old, new)| new.state == State::Cancelled && old.state != new.state)
}

/// A state from which no end can be reached.
fn trapped(seen: &HashMap<World, usize>, leads_from: &[Vec<usize>], mut ends: VecDeque<usize>) -> Option<World> {
    let mut reaches = vec![false; leads_from.len()];
    ends.iter().for_each(|place| reaches[*place] = true);
    while let Some(place) = ends.pop_front() {
        for &from in &leads_from[place] {
            if !reaches[from] {
                reaches[from] = true;
                ends.push_back(from);
            }
        }
    }
    seen.iter().find(|(_, place)| !reaches[**place]).map(|(world, _)| *world)
}

#[test]
fn every_property_holds_in_every_reachable_state() {
    let explored = explore(true);
    assert_eq!(explored.broken, None, "{} states", explored.states);
    println!("{} states, {} steps, {} properties", explored.states, explored.steps, PROPERTIES.len());
    assert!(explored.states > 10_000, "{} states: the model has lost its steps", explored.states);
}

#[test]
fn a_write_that_ignores_its_claim_number_is_found() {
    let explored = explore(false);
    assert!(explored.broken.is_some(), "{} states and nothing found", explored.states);
}

/// 410 and exhaustion under `park` leave a delivery that only a person moves.
#[test]
fn what_is_parked_for_people_is_due_only_when_they_say_so() {
    let parked = Next::Park { reason: ParkedReason::Exhausted, look_again: None };
    assert_eq!(lease::after(parked, Timestamp::default()), After::Held);
    let gone = Next::Park { reason: ParkedReason::ReceiverGone, look_again: None };
    assert_eq!(lease::after(gone, Timestamp::default()), After::DueIn(0), "behind its held lane it waits like the rest");
}
