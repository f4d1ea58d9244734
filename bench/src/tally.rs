//! From the ledger's moments to figures.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::Serialize;

use crate::ledger::Slot;

#[derive(Serialize, Clone, Copy, Default)]
pub struct Quantiles {
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

/// Publishing as fast as answers come, then waiting until all has arrived.
#[derive(Serialize, Clone)]
pub struct Throughput {
    pub accepted: u64,
    pub delivered: u64,
    pub accepted_per_second: f64,
    /// From the first acceptance to the last arrival.
    pub delivered_per_second: f64,
    pub publish: Quantiles,
}

/// Publishing at a fixed rate.
#[derive(Serialize, Clone)]
pub struct Latency {
    pub accepted: u64,
    pub delivered: u64,
    pub publish: Quantiles,
    /// From the publisher having its 202 to the arrival; zero where the delivery was faster than the answer.
    pub accepted_to_received: Quantiles,
    pub published_to_received: Quantiles,
    pub arrived_before_answer: u64,
}

impl Throughput {
    pub fn of(slots: &[Slot]) -> Self {
        let (accepted, delivered) = (count(slots, |slot| &slot.accepted), count(slots, |slot| &slot.arrived));
        let first_sent = first(slots, |slot| &slot.sent);
        let first_accepted = first(slots, |slot| &slot.accepted);
        let (last_accepted, last_arrived) = (last(slots, |slot| &slot.accepted), last(slots, |slot| &slot.arrived));
        Self {
            accepted,
            delivered,
            accepted_per_second: per_second(accepted, first_sent, last_accepted),
            delivered_per_second: per_second(delivered, first_accepted, last_arrived),
            publish: spans(slots, |slot| &slot.sent, |slot| &slot.accepted),
        }
    }
}

impl Latency {
    pub fn of(slots: &[Slot]) -> Self {
        let early = |slot: &&Slot| match (slot.accepted.load(Relaxed), slot.arrived.load(Relaxed)) {
            (0, _) | (_, 0) => false,
            (accepted, arrived) => arrived < accepted,
        };
        Self {
            accepted: count(slots, |slot| &slot.accepted),
            delivered: count(slots, |slot| &slot.arrived),
            publish: spans(slots, |slot| &slot.sent, |slot| &slot.accepted),
            accepted_to_received: spans(slots, |slot| &slot.accepted, |slot| &slot.arrived),
            published_to_received: spans(slots, |slot| &slot.sent, |slot| &slot.arrived),
            arrived_before_answer: slots.iter().filter(early).count() as u64,
        }
    }
}

type Moment = fn(&Slot) -> &AtomicU64;

fn moments(slots: &[Slot], moment: Moment) -> impl Iterator<Item = u64> {
    slots.iter().map(move |slot| moment(slot).load(Relaxed)).filter(|nanos| *nanos > 0)
}

fn count(slots: &[Slot], moment: Moment) -> u64 {
    moments(slots, moment).count() as u64
}

fn first(slots: &[Slot], moment: Moment) -> u64 {
    moments(slots, moment).min().unwrap_or(0)
}

fn last(slots: &[Slot], moment: Moment) -> u64 {
    moments(slots, moment).max().unwrap_or(0)
}

fn per_second(count: u64, from: u64, to: u64) -> f64 {
    count as f64 / (to.saturating_sub(from).max(1) as f64 / 1e9)
}

fn spans(slots: &[Slot], from: Moment, to: Moment) -> Quantiles {
    let span = |slot: &Slot| match (from(slot).load(Relaxed), to(slot).load(Relaxed)) {
        (0, _) | (_, 0) => None,
        (from, to) => Some(to.saturating_sub(from)),
    };
    quantiles(slots.iter().filter_map(span).collect())
}

pub fn quantiles(mut nanos: Vec<u64>) -> Quantiles {
    if nanos.is_empty() {
        return Quantiles::default();
    }
    nanos.sort_unstable();
    let at = |share: f64| nanos[((nanos.len() as f64 * share).ceil() as usize).clamp(1, nanos.len()) - 1] as f64 / 1e6;
    Quantiles { p50_ms: at(0.5), p99_ms: at(0.99), max_ms: at(1.0) }
}

pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.retain(|value| value.is_finite());
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        length if length % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_99th_percentile_of_a_hundred_is_the_ninety_ninth() {
        let nanos = (1..=100).rev().map(|value| value * 1_000_000).collect();
        let found = quantiles(nanos);
        assert_eq!((found.p50_ms, found.p99_ms, found.max_ms), (50.0, 99.0, 100.0));
    }

    #[test]
    fn an_event_that_never_arrived_has_no_latency_and_is_not_counted_as_delivered() {
        let slots = [Slot { sent: 1.into(), accepted: 5.into(), arrived: 0.into() }];
        let latency = Latency::of(&slots);
        assert_eq!((latency.accepted, latency.delivered), (1, 0));
        assert_eq!(latency.accepted_to_received.max_ms, 0.0);
    }
}
