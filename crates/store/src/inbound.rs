//! Inbound webhooks, what they received, and whose idempotency key is whose.

mod alias;
mod log;
mod received;
mod repeat;
mod revision;
mod rotation;
mod sample;
mod webhook;

pub use alias::{Alias, aliases, of_slug, remove_alias, rename};
pub use log::*;
pub use received::*;
pub use repeat::*;
pub use revision::{REVISIONS_KEPT, handler_at};
pub use rotation::{end_rotation, end_some, rotate};
pub use sample::*;
pub use webhook::*;
