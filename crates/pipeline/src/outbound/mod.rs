//! OUT: `publish` accepts an event and fans it out, `worker` claims what waits, `deliver` carries
//! one delivery through one attempt, an `adapter` speaks to the receiver.
//!
//! `content` makes what a destination with a filter or a transform is sent of an event.
//!
//! `lanes` knows how much of each destination is in this node's hands and may be sent now, `health`
//! what becomes of one that fails, and `configs` holds a copy of each tenant's configuration that is
//! compared by its epoch before it is relied on. `link` is how a host hears what an adapter made of
//! its records elsewhere. `jobs` does what people ask for in bulk.

pub mod adapter;
pub mod builtin;
pub mod catalogue;
pub mod challenge;
pub mod configs;
pub mod content;
pub mod credential;
pub mod deliver;
pub mod envelope;
pub mod health;
pub mod jobs;
pub mod lanes;
pub mod link;
mod news;
pub mod publish;
pub mod worker;
