//! Slots, turns and rooms, without a store.

use std::time::Duration;

use hookswitch_domain::flow::{Class, Limits, Said};
use hookswitch_domain::id::{DestinationId, TenantId};
use tokio::time::Instant;

use super::*;

const COUNT_MAX: usize = 4_096;
const BYTES_MAX: usize = 64 << 20;

fn destination(number: u128) -> DestinationId {
    DestinationId(uuid::Uuid::from_u128(number))
}

fn lane(tenant: u128, number: u128, max_in_flight: u32) -> Of {
    let tenant = TenantId(uuid::Uuid::from_u128(tenant));
    Of { tenant, destination: destination(number), limits: Limits { max_in_flight, rate_per_second: None } }
}

fn paced(number: u128, per_second: u32) -> Of {
    let limits = Limits { max_in_flight: 10, rate_per_second: Some(per_second) };
    Of { limits, ..lane(1, number, 10) }
}

/// Lets time pass for whoever looks by this value.
fn later(lanes: &mut Lanes, by: Duration) {
    lanes.began = lanes.began.checked_sub(by).unwrap();
}

fn fail(slot: &mut Slot, times: u32) -> Changes {
    (0..times).map(|_| slot.answered(Said::Failed, Instant::now(), 0.0)).last().unwrap()
}

#[tokio::test]
async fn a_full_lane_sends_newcomers_to_the_store_until_its_backlog_is_claimed() {
    let lanes = Lanes::default();
    let of = lane(1, 1, 1);
    let one = lanes.reserve(of, 10).unwrap();
    assert!(lanes.reserve(of, 10).is_none());
    drop(one);
    assert!(lanes.reserve(of, 10).is_none(), "what waits in the store goes first");
    lanes.set_backlog(of.destination, Class::Fresh, false);
    assert!(lanes.reserve(of, 10).is_some());
}

#[tokio::test]
async fn waiting_retries_and_replays_never_hold_fresh_work_back() {
    let lanes = Lanes::default();
    let of = lane(1, 1, 2);
    drop(lanes.reserve(of, 1).unwrap());
    lanes.set_backlog(of.destination, Class::Retry, true);
    lanes.set_backlog(of.destination, Class::Replay, true);
    assert!(lanes.reserve(of, 1).is_some());
}

#[tokio::test]
async fn one_lane_never_takes_another_ones_slots() {
    let lanes = Lanes::default();
    let _full = lanes.reserve(lane(1, 1, 1), 10).unwrap();
    assert!(lanes.reserve(lane(1, 1, 1), 10).is_none());
    assert!(lanes.reserve(lane(1, 2, 1), 10).is_some());
}

#[tokio::test]
async fn the_nodes_byte_budget_bounds_what_is_accepted_and_what_is_claimed() {
    let lanes = Lanes::default();
    let _big: Vec<_> = (0..5).map(|tenant| lanes.reserve(lane(tenant, tenant, 5), BYTES_MAX / 5).unwrap()).collect();
    assert!(lanes.reserve(lane(9, 9, 5), 1 << 20).is_none());
    assert_eq!(lanes.capacity(), 0);
}

#[tokio::test]
async fn a_tenant_leaves_room_for_others_and_more_while_they_wait() {
    let lanes = Lanes::default();
    let mut hers: Vec<_> = (0..).map_while(|number| lanes.reserve(lane(1, number, 1), 1)).collect();
    assert_eq!(hers.len(), COUNT_MAX / 5 * 4, "alone it has four fifths");
    let other = lane(2, 1 << 70, 1);
    let _his = lanes.reserve(other, 1).unwrap();
    assert!(lanes.reserve(other, 1).is_none(), "and waits for its own lane alone");
    hers.truncate(COUNT_MAX / 5);
    assert!(lanes.reserve(lane(1, 1 << 60, 1), 1).is_none(), "a fifth while another one waits");
    assert_eq!(lanes.tenant_room(lane(1, 0, 1).tenant), 0);
    assert!(lanes.tenant_room(other.tenant) > 0);
}

#[tokio::test]
async fn everything_given_back_leaves_nothing_behind() {
    let mut lanes = Lanes::default();
    drop((0..10).map(|n| lanes.reserve(lane(n % 3, n, 1), 7).unwrap()).collect::<Vec<_>>());
    drop((0..10).map(|n| lanes.claimed(lane(n % 3, n, 1), Class::Replay, 7)).collect::<Vec<_>>());
    assert!(lanes.reserve(lane(7, 7, 1), BYTES_MAX + 1).is_none());
    later(&mut lanes, Duration::from_secs(61));
    lanes.tidy();
    assert!(lanes.hands().is_empty());
}

#[tokio::test]
async fn only_so_many_get_through_at_once_and_the_rest_in_turn() {
    let lanes = Lanes::default();
    let of = lane(1, 1, 2);
    let mut slots: Vec<_> = (0..4).map(|_| lanes.claimed(of, Class::Fresh, 1)).collect();
    let (mut fourth, mut third) = (slots.pop().unwrap(), slots.pop().unwrap());
    for slot in &mut slots {
        assert!(slot.turn().await);
    }
    let third = tokio::spawn(async move { third.turn().await.then_some(third) });
    tokio::task::yield_now().await;
    let fourth = tokio::spawn(async move { fourth.turn().await.then_some(fourth) });
    tokio::task::yield_now().await;
    assert!(!third.is_finished() && !fourth.is_finished());
    slots.pop();
    let _third = third.await.unwrap().unwrap();
    assert!(!fourth.is_finished());
    slots.pop();
    assert!(fourth.await.unwrap().is_some());
}

#[tokio::test]
async fn an_open_breaker_sends_back_what_waits_and_lets_one_probe_through_in_time() {
    let mut lanes = Lanes::default();
    let of = lane(1, 1, 1);
    let mut first = lanes.claimed(of, Class::Fresh, 1);
    assert!(first.turn().await);
    let mut second = lanes.claimed(of, Class::Fresh, 1);
    let second = tokio::spawn(async move { second.turn().await });
    tokio::task::yield_now().await;
    assert!(fail(&mut first, 10).breaker.is_some());
    drop(first);
    assert!(!second.await.unwrap(), "nothing is sent any more");
    assert!(lanes.reserve(of, 1).is_none());
    assert!(lanes.room(of).is_none());
    later(&mut lanes, Duration::from_secs(31));
    assert!(lanes.reserve(of, 1).is_none(), "a probe is claimed, not handed over");
    let room = lanes.room(of);
    assert!(room.probe && room.fresh == 1);
    let mut probe = lanes.claimed(of, Class::Retry, 1);
    assert!(lanes.room(of).is_none(), "one at a time");
    assert!(probe.turn().await);
    drop(probe);
    assert!(lanes.room(of).probe, "what was not sent was no probe");
}

#[tokio::test]
async fn a_rate_is_kept_by_what_is_handed_over_and_by_what_was_claimed() {
    let lanes = Lanes::default();
    let of = paced(1, 3);
    let mut handed: Vec<_> = (0..3).map(|_| lanes.reserve(of, 1).unwrap()).collect();
    assert!(lanes.reserve(of, 1).is_none(), "over its rate it waits in the store");
    let began = Instant::now();
    for slot in &mut handed {
        assert!(slot.turn().await);
    }
    assert!(began.elapsed() < Duration::from_millis(10), "a burst of the limit's size goes at once");
    let mut claimed: Vec<_> = (0..6).map(|_| lanes.claimed(of, Class::Fresh, 1)).collect();
    for slot in &mut claimed {
        assert!(slot.turn().await);
    }
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
    assert!(lanes.room(of).is_none() || lanes.room(of).fresh <= 3);
}

#[tokio::test]
async fn retries_and_replays_have_a_bounded_share() {
    let lanes = Lanes::default();
    let of = lane(1, 1, 10);
    let _one = lanes.claimed(of, Class::Fresh, 1);
    lanes.set_backlog(of.destination, Class::Fresh, true);
    let room = lanes.room(of);
    assert_eq!((room.fresh, room.replays), (19, 2), "of a lane, while fresh work waits");
    let late: Vec<_> = (0..COUNT_MAX as u128 / 10).map(|n| lanes.claimed(lane(2, 100 + n, 1), Class::Replay, 1)).collect();
    assert_eq!(lanes.room(lane(3, 2, 10)).replays, 0, "and of the node");
    assert!(lanes.room(lane(3, 2, 10)).fresh > 0);
    drop(late);
    assert!(lanes.room(lane(3, 2, 10)).replays > 0);
}

#[tokio::test]
async fn retries_beyond_their_budget_wait() {
    let mut lanes = Lanes::default();
    let of = lane(1, 1, 100);
    let retries: Vec<_> = (0..10).map(|_| lanes.claimed(of, Class::Retry, 1)).collect();
    let room = lanes.room(of);
    assert_eq!(room.retries, 0);
    assert!(room.until.is_some() && room.fresh > 0 && room.replays > 0);
    drop(retries);
    later(&mut lanes, Duration::from_secs(1));
    assert_eq!(lanes.room(of).retries, 10);
}

#[tokio::test]
async fn a_lane_that_flows_takes_more_in_hand_until_somebody_waits_for_long() {
    let lanes = Lanes::default();
    let of = lane(1, 1, 2);
    assert_eq!(lanes.room(of).fresh, 4);
    for _ in 0..3 {
        let mut slot = lanes.reserve(of, 1).unwrap();
        assert!(slot.turn().await);
        slot.answered(Said::Good, Instant::now(), 0.0);
    }
    assert_eq!(lanes.room(of).fresh, 16);
    let mut slots: Vec<_> = (0..).map_while(|_| lanes.reserve(of, 1)).collect();
    assert_eq!(slots.len(), 16, "eight times what may be in the air");
    let mut last = slots.pop().unwrap();
    let last = tokio::spawn(async move { last.turn().await.then_some(last) });
    tokio::task::yield_now().await;
    assert!(!last.is_finished(), "no more than two are in the air");
    lanes.hands().waited(&mut slots[0].place, Duration::from_millis(250));
    slots.clear();
    assert!(last.await.unwrap().is_some());
    lanes.set_backlog(of.destination, Class::Fresh, false);
    assert_eq!(lanes.room(of).fresh, 4, "one who waited for long ends it");
}

#[tokio::test]
async fn a_slow_receiver_is_not_given_more_in_hand() {
    let lanes = Lanes::default();
    let of = lane(1, 1, 1);
    for _ in 0..4 {
        let mut slot = lanes.reserve(of, 1).unwrap();
        slot.answered(Said::Good, Instant::now(), 0.0);
        slot.place.taken = Timestamp::from_millis(slot.place.taken.millis() - 250);
    }
    let _one = lanes.reserve(of, 1).unwrap();
    assert!(lanes.reserve(of, 1).is_none());
}
