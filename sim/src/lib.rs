//! The outbound line in one thread: production's rules against a simulated clock, store, receivers
//! and people, with everything going wrong that a seed can think of. One seed is one history, and
//! the same one each time.
//!
//! * [`memory`] is the queue of `store/src/queue.rs` without a database, [`health`] what it keeps of
//!   destinations that fail.
//! * [`plan`] draws from the seed what a history is made of: nodes with wrong clocks, destinations,
//!   policies, how often what goes wrong.
//! * [`world`] moves the clock from one thing to the next: publishers, nodes, people, crashes.
//!   [`node`] is the shell of a sender; what it decides it asks `hookswitch_domain`: the rules of a
//!   delivery, and the books of what is in hand (breakers, rates, rounds of tenants and lanes).
//! * [`receiver`] answers, and keeps its own ledger of what arrived.
//! * [`check`] holds the invariants of `reliability.md` 3, each by its number, against what the
//!   queue and the receivers say, never against what a node believes.
//! * [`mutant`] lists ways to get it wrong; the tests show that each is found.

pub mod check;
mod claiming;
pub mod health;
pub mod memory;
pub mod mutant;
pub mod node;
mod people;
pub mod plan;
mod publishing;
pub mod receiver;
pub mod rng;
mod sending;
pub mod trace;
mod turns;
pub mod world;

pub use check::Failure;
pub use mutant::Mutant;
pub use world::{Run, run};

/// What went wrong in a history, how to see it again, and its last steps.
pub fn explain(run: &Run, steps: usize) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    let from = run.trace.len().saturating_sub(steps);
    if from > 0 {
        let _ = writeln!(text, "... {from} steps before");
    }
    for step in &run.trace[from..] {
        let _ = writeln!(text, "{step}");
    }
    let end = match &run.failure {
        Some(failure) => failure.to_string(),
        None => format!("every invariant held: {:?}", run.figures),
    };
    let _ = write!(text, "seed {}: {end}\nreplay it with: make simulate SEED={}", run.seed, run.seed);
    text
}
