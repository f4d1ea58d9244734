//! The desk: the first host of the gateway. It keeps tickets and what they refer to, and plugs in
//! through the two public seams, the action registry and the publisher, exactly as an application
//! that embeds the gateway would: own tables, own migrations, nothing of it known further down.
//!
//! * A **ticket** lies on a **board**, has one of that board's **statuses**, a **priority**, perhaps
//!   a **client**, a **category** and an assignee. Its number counts up per tenant, without a gap.
//! * An **external mapping** says which record of ours is which record of somebody else's.
//! * Whatever happens to a ticket is published in the transaction in which it happens.
//!
//! Each entity is a folder: `mod.rs` has its rules, `store.rs` its SQL, `actions.rs` what inbound
//! webhooks may do with it.

pub mod board;
pub mod change;
pub mod client;
mod events;
pub mod id;
pub mod input;
mod list;
pub mod mapping;
mod seed;
pub mod ticket;

use std::sync::Arc;

use hookswitch_pipeline::inbound::action::{Duplicate, Registry};
use hookswitch_store::{Component, migration};

pub use change::Change;
pub use events::EVENT_TYPES;
pub use seed::seed_tenant;

/// The desk's tables, for the ledger of migrations.
pub const COMPONENT: Component = Component { name: "desk", migrations: &[migration!(1, "../migrations", "0001_desk")] };

/// The desk's actions: one line each.
pub fn register(registry: &mut Registry) -> Result<(), Duplicate> {
    registry.register(Arc::new(ticket::actions::CreateTicket))
}
