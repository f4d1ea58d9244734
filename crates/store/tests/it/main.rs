//! The store's conformance suite: every rule, on both engines.

mod engines;
mod queue;
mod transactions;
