//! IN: `accept` takes a request in (find, verify, limit, parse, claim its key, log it), `process`
//! makes of it what its webhook says (map, act, write the outcome), and `takeover` finishes what a
//! dead node left.
//!
//! `auth` holds one file per scheme, `action` is the registry of what can be done, and `mapping`
//! turns a body into an action's fields.

pub mod accept;
pub mod action;
pub mod auth;
pub mod mapping;
pub mod process;
pub mod rate;
pub mod takeover;
