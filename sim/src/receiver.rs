//! Receivers, each with a temper that changes, and a ledger of its own: what arrived, and what it
//! took. The ledger belongs to the receiver: a crash on our side doesn't touch it.

use std::time::Duration;

use hookswitch_domain::delivery::Outcome;
use hookswitch_domain::retry;
use hookswitch_domain::time::Timestamp;

use crate::rng::Rng;

/// What comes of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// 2xx.
    Takes,
    /// 5xx.
    Fails,
    /// Refuses the connection.
    Refuses,
    /// 429, with a wish: seconds, or the moment that its own clock names.
    Busy { wish: Wish },
    /// 410.
    Gone,
    /// A 4xx that an adapter knows to be final.
    Final,
    /// Never answers.
    Hangs,
    /// Takes it, and the connection breaks before the answer has arrived.
    TakesAndBreaks,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    None,
    Seconds(u64),
    At(Timestamp),
    Absurd,
}

impl Reaction {
    pub const fn takes(self) -> bool {
        matches!(self, Self::Takes | Self::TakesAndBreaks)
    }

    pub const fn status(self) -> u16 {
        match self {
            Self::Takes => 200,
            Self::Fails => 500,
            Self::Busy { .. } => 429,
            Self::Gone => 410,
            Self::Final => 422,
            Self::Refuses | Self::Hangs | Self::TakesAndBreaks => 0,
        }
    }

    /// What the adapter makes of it. `now` is the sending node's clock: a date is read against it,
    /// right or wrong.
    pub fn outcome(self, now: Timestamp) -> Outcome {
        let retryable = |retry_after| Outcome::Retryable { retry_after };
        match self {
            Self::Takes => Outcome::Accepted,
            Self::Gone => Outcome::Gone,
            Self::Final => Outcome::Terminal,
            Self::Fails | Self::Refuses | Self::Hangs | Self::TakesAndBreaks => retryable(None),
            Self::Busy { wish } => retryable(match wish {
                Wish::None => None,
                Wish::Seconds(seconds) => Some(Duration::from_secs(seconds)),
                Wish::At(moment) => Some(moment.since(now)),
                Wish::Absurd => retry::retry_after("999999999999999999999", now),
            }),
        }
    }
}

/// How often in a thousand a receiver does what; the rest is a 2xx.
#[derive(Debug, Clone, Copy, Default)]
pub struct Temper {
    pub fails: u32,
    pub refuses: u32,
    pub busy: u32,
    pub gone: u32,
    pub is_final: u32,
    pub hangs: u32,
    pub breaks: u32,
}

impl Temper {
    pub const GOOD: Self = Self { fails: 0, refuses: 0, busy: 0, gone: 0, is_final: 0, hangs: 0, breaks: 0 };

    pub fn draw(rng: &mut Rng) -> Self {
        let mut often = |most: u64| rng.below(most) as u32;
        match often(5) {
            0 => Self::GOOD,
            1 => Self { fails: 1_000, ..Self::GOOD },
            2 => Self { hangs: 300, breaks: 300, ..Self::GOOD },
            _ => Self {
                fails: often(300),
                refuses: often(100),
                busy: often(150),
                gone: often(20),
                is_final: often(30),
                hangs: often(100),
                breaks: often(150),
            },
        }
    }

    pub fn react(&self, rng: &mut Rng, now: i64) -> Reaction {
        let mut left = rng.below(1_000) as u32;
        for (share, reaction) in [
            (self.fails, Reaction::Fails),
            (self.refuses, Reaction::Refuses),
            (self.gone, Reaction::Gone),
            (self.is_final, Reaction::Final),
            (self.hangs, Reaction::Hangs),
            (self.breaks, Reaction::TakesAndBreaks),
            (self.busy, Reaction::Busy { wish: Wish::None }),
        ] {
            if left < share {
                return match reaction {
                    Reaction::Busy { .. } => Reaction::Busy { wish: wish(rng, now) },
                    other => other,
                };
            }
            left -= share;
        }
        Reaction::Takes
    }
}

fn wish(rng: &mut Rng, now: i64) -> Wish {
    match rng.below(4) {
        0 => Wish::None,
        1 => Wish::Seconds(rng.below(20_000)),
        2 => Wish::At(Timestamp::from_millis(now + rng.between(-600_000, 7_200_000))),
        _ => Wish::Absurd,
    }
}
