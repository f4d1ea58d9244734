//! All kinds of records, for what handles them alike: external mappings, tags, the event catalogue.

use hookswitch_domain::id::from_text;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::Tx;
use uuid::Uuid;

use crate::alert::Alert;
use crate::asset::Asset;
use crate::board::{Board, Category, Priority, Status};
use crate::client::Client;
use crate::contact::Contact;
use crate::evidence::Evidence;
use crate::group::Group;
use crate::id::TicketId;
use crate::input::invalid;
use crate::invoice::Invoice;
use crate::location::Location;
use crate::project::{Phase, Project, ProjectStatus, ProjectTask};
use crate::record::{Kind, store};
use crate::service::Service;
use crate::tag::Tag;
use crate::task::Task;
use crate::task::swap::Swap;
use crate::team::Team;
use crate::time::{TimeEntry, TimePeriod, TimeSheet};

/// A ticket is more than its fields, and has SQL of its own.
const TICKET: Kind = Kind { name: "ticket", table: "ticket", prefix: TicketId::PREFIX };

/// One line per kind.
pub const KINDS: &[Kind] = &[
    TICKET,
    Kind::of::<Client>(),
    Kind::of::<Location>(),
    Kind::of::<Contact>(),
    Kind::of::<Asset>(),
    Kind::of::<Invoice>(),
    Kind::of::<Service>(),
    Kind::of::<TimePeriod>(),
    Kind::of::<TimeSheet>(),
    Kind::of::<TimeEntry>(),
    Kind::of::<Project>(),
    Kind::of::<Phase>(),
    Kind::of::<ProjectStatus>(),
    Kind::of::<ProjectTask>(),
    Kind::of::<Tag>(),
    Kind::of::<Team>(),
    Kind::of::<Board>(),
    Kind::of::<Status>(),
    Kind::of::<Priority>(),
    Kind::of::<Category>(),
    Kind::of::<Alert>(),
    Kind::of::<Evidence>(),
    Kind::of::<Group>(),
    Kind::of::<Task>(),
    Kind::of::<Swap>(),
];

pub fn named(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// The record of this kind that an id names, in the transaction's tenant.
pub async fn record(tx: &mut Tx, kind: &'static Kind, field: &str, id: &str) -> Result<Uuid, ActionError> {
    let uuid = from_text(kind.prefix, id).map_err(|error| invalid(field, error.to_string()))?;
    match store::exists(tx, kind.table, uuid).await? {
        true => Ok(uuid),
        false => Err(invalid(field, format!("names no {} of this tenant", kind.name.replace('_', " ")))),
    }
}
