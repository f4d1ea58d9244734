//! A delivery: one event on its way to one destination.
//!
//! ```text
//! pending ─► delivering ─► delivered
//!    ▲            ├──────► filtered           its filter refused the event
//!    │            ├──────► retry_scheduled ─► delivering ...
//!    │            ├──────► parked             held until somebody or something unparks it
//!    │            ├──────► dead_lettered      kept for people: replay or discard
//!    │            └──────► failed             exhausted where the policy says discard
//!    └─ a lease that ran out is claimed again: the old holder's write changes nothing
//! ```
//! `cancelled` and `discarded` are what people do to one that isn't finished.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::retry::{OnExhausted, Policy};
use crate::time::Timestamp;

macro_rules! states {
    ($($name:ident $text:literal;)+) => {
        /// The state as it is stored and shown.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum State { $($name),+ }

        impl State {
            pub const ALL: &'static [Self] = &[$(Self::$name),+];
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
        }
    };
}

states! {
    Pending "pending";
    Delivering "delivering";
    Delivered "delivered";
    Filtered "filtered";
    RetryScheduled "retry_scheduled";
    Parked "parked";
    DeadLettered "dead_lettered";
    Failed "failed";
    Discarded "discarded";
    Cancelled "cancelled";
}

impl State {
    /// Finished: no automatic send follows. Only an audited action of a person leads on from here,
    /// and it makes a new delivery.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Delivered | Self::Filtered | Self::DeadLettered | Self::Failed | Self::Discarded | Self::Cancelled)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no delivery state")]
pub struct UnknownState(pub String);

impl FromStr for State {
    type Err = UnknownState;
    fn from_str(text: &str) -> Result<Self, UnknownState> {
        let found = Self::ALL.iter().copied().find(|state| state.as_str() == text);
        found.ok_or_else(|| UnknownState(text.to_owned()))
    }
}

/// Why a delivery is held, and so who lets it go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParkedReason {
    /// The destination is disabled: enabling it unparks.
    DestinationDisabled,
    /// The destination has not answered the ownership challenge: verifying it unparks.
    DestinationUnverified,
    /// The destination is paused: resuming it unparks.
    DestinationPaused,
    /// Sending is paused for the tenant: `integrations/resume` unparks.
    TenantPaused,
    /// Sending is paused for the whole installation: whoever runs it unparks.
    InstallationPaused,
    /// A secret could not be resolved: looked at again by itself.
    SecretUnavailable,
    /// The receiver answered 410: it was disabled, and enabling it unparks.
    ReceiverGone,
    /// Attempts are used up and the policy says park: recover or replay unparks.
    Exhausted,
}

impl ParkedReason {
    pub const ALL: &'static [Self] = &[
        Self::DestinationDisabled,
        Self::DestinationPaused,
        Self::TenantPaused,
        Self::InstallationPaused,
        Self::SecretUnavailable,
        Self::ReceiverGone,
        Self::Exhausted,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DestinationDisabled => "destination_disabled",
            Self::DestinationUnverified => "destination_unverified",
            Self::DestinationPaused => "destination_paused",
            Self::TenantPaused => "tenant_paused",
            Self::InstallationPaused => "installation_paused",
            Self::SecretUnavailable => "secret_unavailable",
            Self::ReceiverGone => "receiver_gone",
            Self::Exhausted => "exhausted",
        }
    }
}

/// Five takeovers of dead holders and the delivery goes to the dead letters: what kills its
/// senders must not do so for ever.
pub const INTERRUPTIONS_MAX: u32 = 5;

/// A missing secret is looked for again after this.
const SECRET_LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Nobody could evaluate the destination's expressions; a worker is hardly away for longer.
const SANDBOX_LOOK_AGAIN: Duration = Duration::from_secs(10);

/// What one try came to, as an adapter tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver took it.
    Accepted,
    /// The receiver, or the way there, failed in a way that may pass.
    Retryable { retry_after: Option<Duration> },
    /// Trying again can't help (the adapter's own rule).
    Terminal,
    /// 410: the receiver says that it is gone for good.
    Gone,
    /// Refused by our own guard before anything was sent.
    Forbidden,
    /// A secret could not be resolved; nothing was sent.
    SecretUnavailable,
    /// The destination's filter refused the event; nothing was sent.
    Filtered,
    /// The destination's expressions could not be evaluated just now; nothing was sent.
    SandboxUnavailable,
}

impl Outcome {
    /// Whether a request left us, and so an attempt was used.
    pub const fn was_sent(&self) -> bool {
        matches!(self, Self::Accepted | Self::Retryable { .. } | Self::Terminal | Self::Gone)
    }

    /// Whether another try of the same delivery may follow, by itself or by a person.
    pub const fn may_come_again(&self) -> bool {
        matches!(self, Self::Retryable { .. } | Self::Gone | Self::SecretUnavailable | Self::SandboxUnavailable)
    }
}

/// Where a delivery goes from `delivering`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Delivered,
    Filtered,
    Retry {
        at: Timestamp,
    },
    /// Held; `look_again` is when it is tried by itself, `None` if only a person lets it go on.
    Park {
        reason: ParkedReason,
        look_again: Option<Timestamp>,
    },
    DeadLetter,
    Fail,
}

impl Next {
    pub const fn state(self) -> State {
        match self {
            Self::Delivered => State::Delivered,
            Self::Filtered => State::Filtered,
            Self::Retry { .. } => State::RetryScheduled,
            Self::Park { .. } => State::Parked,
            Self::DeadLetter => State::DeadLettered,
            Self::Fail => State::Failed,
        }
    }
}

/// A delivery in the hands of a sender. It is consumed by settling, and only what comes out may
/// be written, under the claim that it was made with.
#[derive(Debug, PartialEq, Eq)]
pub struct InHand {
    /// Requests that left us before this one.
    pub attempts_made: u32,
}

/// What settling an attempt means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    pub next: Next,
    /// The attempt's number, or `None` where nothing was sent: such a row costs no attempt.
    pub attempt_number: Option<u32>,
    /// The destination is to be disabled (410).
    pub disable_destination: bool,
}

impl InHand {
    /// `unit` is a random number in `0.0..1.0` for the jitter.
    pub fn settle(self, outcome: &Outcome, policy: &Policy, now: Timestamp, unit: f64) -> Settled {
        let made = self.attempts_made + u32::from(outcome.was_sent());
        let next = match outcome {
            Outcome::Accepted => Next::Delivered,
            Outcome::Filtered => Next::Filtered,
            Outcome::Forbidden | Outcome::Terminal => Next::DeadLetter,
            Outcome::SecretUnavailable => {
                Next::Park { reason: ParkedReason::SecretUnavailable, look_again: Some(now.plus(SECRET_LOOK_AGAIN)) }
            }
            // It was due already: this is no earlier than the policy says.
            Outcome::SandboxUnavailable => Next::Retry { at: now.plus(SANDBOX_LOOK_AGAIN.mul_f64(1.0 + unit)) },
            // A 410 to the last attempt too: enabling the destination again must not make one more.
            Outcome::Retryable { .. } | Outcome::Gone if made >= policy.max_attempts => match policy.on_exhausted {
                OnExhausted::DeadLetter => Next::DeadLetter,
                OnExhausted::Park => Next::Park { reason: ParkedReason::Exhausted, look_again: None },
                OnExhausted::Discard => Next::Fail,
            },
            Outcome::Gone => Next::Park { reason: ParkedReason::ReceiverGone, look_again: None },
            Outcome::Retryable { retry_after } => Next::Retry { at: now.plus(policy.delay(made + 1, *retry_after, unit)) },
        };
        Settled { next, attempt_number: outcome.was_sent().then_some(made), disable_destination: *outcome == Outcome::Gone }
    }
}

/// What a sender that takes over an expired lease does first: the interruption is recorded and
/// costs no attempt, up to [`INTERRUPTIONS_MAX`].
pub fn after_interruption(interruptions: u32) -> Option<Next> {
    (interruptions >= INTERRUPTIONS_MAX).then_some(Next::DeadLetter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn outcomes() -> impl Strategy<Value = Outcome> {
        prop_oneof![
            Just(Outcome::Accepted),
            proptest::option::of(0u64..100_000)
                .prop_map(|wish| Outcome::Retryable { retry_after: wish.map(Duration::from_secs) }),
            Just(Outcome::Terminal),
            Just(Outcome::Gone),
            Just(Outcome::Forbidden),
            Just(Outcome::SecretUnavailable),
            Just(Outcome::Filtered),
        ]
    }

    proptest! {
        /// reliability.md 3, invariants 7, 8, 12 and 13, over any sequence of outcomes.
        #[test]
        fn attempts_are_gapless_bounded_and_never_early(history in proptest::collection::vec(outcomes(), 1..40), unit in 0.0f64..1.0) {
            let policy = Policy::default();
            let mut made = 0;
            let mut now = Timestamp::from_seconds(1_700_000_000);
            for outcome in history {
                let settled = InHand { attempts_made: made }.settle(&outcome, &policy, now, unit);
                if let Some(number) = settled.attempt_number {
                    prop_assert_eq!(number, made + 1);
                    made = number;
                }
                prop_assert!(made <= policy.max_attempts);
                match settled.next {
                    Next::Retry { at } => {
                        prop_assert!(at >= now.plus(policy.scheduled(made + 1)));
                        now = at;
                    }
                    Next::Park { look_again: Some(at), .. } => {
                        prop_assert!(at > now);
                        now = at;
                    }
                    _ => return Ok(()),
                }
            }
        }
    }

    #[test]
    fn what_our_own_guard_refuses_costs_no_attempt_and_is_terminal() {
        let settled = InHand { attempts_made: 3 }.settle(&Outcome::Forbidden, &Policy::default(), Timestamp::default(), 0.5);
        assert_eq!(settled.next, Next::DeadLetter);
        assert_eq!(settled.attempt_number, None);
    }

    #[test]
    fn a_sandbox_that_is_away_costs_no_attempt_and_is_asked_again_soon() {
        let policy = Policy { max_attempts: 1, ..Policy::default() };
        let now = Timestamp::from_seconds(1_700_000_000);
        let settled = InHand { attempts_made: 0 }.settle(&Outcome::SandboxUnavailable, &policy, now, 0.5);
        assert_eq!(
            settled,
            Settled {
                next: Next::Retry { at: now.plus(Duration::from_secs(15)) },
                attempt_number: None,
                disable_destination: false
            }
        );
    }

    #[test]
    fn exhaustion_follows_the_policy() {
        for (on_exhausted, state) in [
            (OnExhausted::DeadLetter, State::DeadLettered),
            (OnExhausted::Park, State::Parked),
            (OnExhausted::Discard, State::Failed),
        ] {
            let policy = Policy { max_attempts: 2, on_exhausted, ..Policy::default() };
            let failed = Outcome::Retryable { retry_after: None };
            let settled = InHand { attempts_made: 1 }.settle(&failed, &policy, Timestamp::default(), 0.0);
            assert_eq!(settled.next.state(), state);
            assert_eq!(settled.attempt_number, Some(2));
        }
    }
}
