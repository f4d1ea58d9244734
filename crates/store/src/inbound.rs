//! Inbound webhooks, what they received, and whose idempotency key is whose.

mod received;
mod webhook;

pub use received::*;
pub use webhook::*;
