//! The program from outside: real HTTP, real processes, real databases.

#[allow(dead_code, reason = "shared with the store's suite")]
#[path = "../../../store/tests/it/engines.rs"]
mod engines;

mod custody;
