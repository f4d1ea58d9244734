//! The desk: the first host of the gateway. It keeps tickets and what they refer to, and plugs in
//! through the two public seams, the action registry and the publisher, exactly as an application
//! that embeds the gateway would: own tables, own migrations, nothing of it known further down.
//!
//! * A **ticket** lies on a **board**, has one of that board's **statuses**, a **priority**, perhaps
//!   a **client**, a **category** and an assignee. Its number counts up per tenant, without a gap.
//! * An **external mapping** says which record of ours is which record of somebody else's.
//! * A **group** of users has **tasks**, which its members do for points and may **swap**.
//! * Whatever happens to a ticket is published in the transaction in which it happens.
//!
//! Each entity is a folder: `mod.rs` has its fields and rules, `actions.rs` what inbound webhooks may do
//! with it. What all entities have in common (SQL, versions, events, history) stands once, in `record`;
//! a ticket is more than its fields and has a `store.rs` of its own.

mod action;
pub mod alert;
pub mod asset;
pub mod board;
pub mod change;
pub mod client;
pub mod contact;
mod events;
pub mod evidence;
pub mod group;
pub mod history;
pub mod id;
pub mod input;
pub mod invoice;
pub mod kinds;
mod list;
pub mod location;
pub mod mapping;
pub mod project;
pub mod record;
mod seed;
pub mod service;
pub mod tag;
pub mod task;
pub mod team;
pub mod ticket;
pub mod time;
pub mod words;

use std::sync::Arc;

use hookswitch_pipeline::inbound::action::{Action, Duplicate, Registry};
use hookswitch_store::{Component, migration};

pub use change::Change;
pub use events::event_types;
pub use seed::seed_tenant;

/// The desk's tables, for the ledger of migrations.
pub const COMPONENT: Component = Component {
    name: "desk",
    migrations: &[
        migration!(1, "../migrations", "0001_desk"),
        migration!(2, "../migrations", "0002_records"),
        migration!(3, "../migrations", "0003_tasks"),
        migration!(4, "../migrations", "0004_indexes"),
        migration!(18, "../migrations", "0018_links"),
    ],
};

/// The desk's actions: one line each.
pub fn register(registry: &mut Registry) -> Result<(), Duplicate> {
    let actions: [Arc<dyn Action>; 14] = [
        Arc::new(ticket::actions::CreateTicket),
        Arc::new(ticket::actions::UpdateTicket),
        Arc::new(ticket::actions::AddTicketComment),
        Arc::new(ticket::actions::ChangeTicketStatus),
        Arc::new(client::actions::UpsertClient),
        Arc::new(client::actions::SetClientActive),
        Arc::new(contact::actions::UpsertContact),
        Arc::new(asset::actions::UpsertAsset),
        Arc::new(invoice::actions::MarkInvoicePaid),
        Arc::new(invoice::actions::UpdateInvoiceStatus),
        Arc::new(time::actions::CreateTimeEntry),
        Arc::new(project::actions::CreateProjectTask),
        Arc::new(project::actions::UpdateProjectTaskStatus),
        Arc::new(tag::actions::AddTag),
    ];
    actions.into_iter().try_for_each(|action| registry.register(action))
}
