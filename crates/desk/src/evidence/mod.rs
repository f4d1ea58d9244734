//! Evidence: what somebody keeps about an alert or a ticket. The desk holds what it is, where it lies
//! and the hash that shows it is the same still; the thing itself lies elsewhere.

use futures_util::future::BoxFuture;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::Tx;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::alert::Alert;
use crate::id::{AlertId, EvidenceId, TicketId};
use crate::input::invalid;
use crate::record::{Entity, Events, Filter, Reference, Settling, events};
use crate::words::{Free, columns, words};

words! { EvidenceKind { Other "other", File "file", Log "log", Screenshot "screenshot", NetworkCapture "network_capture", Report "report" } }

/// A thing that shows what happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    #[schema(example = "auth.log of db1", min_length = 1, max_length = 255)]
    pub name: String,
    pub description: Option<String>,
    #[serde(default)]
    pub kind: EvidenceKind,
    /// SHA-256 of the thing, 64 hex digits. Never changes.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", pattern = "^[0-9a-f]{64}$")]
    pub hash: String,
    /// Where it lies, in whichever store the tenant keeps such things.
    pub storage_ref: Option<String>,
    #[schema(value_type = Option<String>)]
    pub alert_id: Option<AlertId>,
    #[schema(value_type = Option<String>)]
    pub ticket_id: Option<TicketId>,
    #[serde(default)]
    #[schema(value_type = Object)]
    pub attributes: Free,
}

impl Entity for Evidence {
    type Id = EvidenceId;
    const KIND: &'static str = "evidence";
    const TITLE: &'static str = "Evidence";
    const TABLE: &'static str = "evidence";
    const EVENTS: Events = events!("evidence");
    const FILTERS: &'static [Filter] =
        &[Filter::id("alert_id", "alr"), Filter::id("ticket_id", "tkt"), Filter::text("hash"), Filter::text("kind")];
    const PRIVATE: &'static [&'static str] = &["description", "storage_ref", "attributes"];

    columns!(name, description, kind, hash, storage_ref, alert_id, ticket_id, attributes);

    fn title(&self) -> (&'static str, &str) {
        ("name", &self.name)
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::to::<Alert>("alert_id", self.alert_id), Reference::to_ticket("ticket_id", self.ticket_id)]
    }

    fn settle<'a>(&'a mut self, _: &'a mut Tx, at: &'a Settling<'a, Self>) -> BoxFuture<'a, Result<(), ActionError>> {
        Box::pin(async move {
            let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            if self.hash.len() != 64 || !self.hash.bytes().all(hex) {
                return Err(invalid("hash", "must be 64 lower-case hex digits (SHA-256)"));
            }
            match at.before {
                Some(before) if before.hash != self.hash => {
                    Err(invalid("hash", "never changes; make new evidence of what is new"))
                }
                _ => Ok(()),
            }
        })
    }
}
