//! The desk's rules, on both engines.

#[allow(dead_code, reason = "shared with the store's own suite")]
#[path = "../../../store/tests/it/engines.rs"]
mod engines;
mod existing;
mod filters;
mod fixture;
mod isolation;
mod mapping;
mod ticket;
