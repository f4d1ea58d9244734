//! IN: `accept` takes a request in (find, verify, limit, parse, claim its key, log it), `process`
//! makes of it what its webhook says (plan, act, write the outcome), and `takeover` does what waits
//! for a worker and finishes what a dead node left.
//!
//! `auth` holds one file per scheme, `action` is the registry of what can be done, `document` makes
//! JSON of a body, `plan` finds the rule and `mapping` fills its action's fields. `preview` says
//! what would happen, `again` does tests and replays, `batch` takes a request apart, and `batch_again` does one again as a whole.

pub mod accept;
pub mod ack;
pub mod action;
pub mod again;
pub mod auth;
mod batch;
mod batch_again;
pub mod capture;
pub mod document;
pub mod failing;
pub mod failure;
mod key;
mod logged;
pub mod mapping;
pub mod plan;
pub mod preview;
pub mod process;
pub mod rate;
pub mod takeover;
