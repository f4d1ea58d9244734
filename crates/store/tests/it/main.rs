//! The store's conformance suite: every rule, on both engines.

#[allow(dead_code, reason = "other crates' suites use the rest")]
mod engines;
mod migrations;
mod ordered;
mod queue;
mod transactions;
mod walk;
