//! Adapters: how one kind of destination is spoken to. A new one is a file here and a line in
//! [`ALL`]; the list is served with each adapter's settings schema, and the console renders its
//! form from that.
//!
//! An adapter gets everything resolved (target judged, secrets read) and tells what came of the
//! try. It never sees the store, and it never fails: whatever happens is an [`Outcome`].

mod summary;
mod webhook;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use hookswitch_domain::delivery::Outcome;
use hookswitch_domain::egress::Target;
use hookswitch_domain::id::{DeliveryId, DestinationId, EventId};
use hookswitch_domain::secret::Secret;
use hookswitch_domain::signature::Profile;
use hookswitch_domain::time::Timestamp;
use tokio::time::Instant;

use crate::http::{Client, Timings};

pub use summary::summarise;
pub use webhook::Webhook;

/// Every adapter, by its kind.
pub static ALL: &[&dyn Adapter] = &[&Webhook];

/// The adapter of this kind.
pub fn find(kind: &str) -> Option<&'static dyn Adapter> {
    ALL.iter().copied().find(|adapter| adapter.kind() == kind)
}

pub trait Adapter: Send + Sync {
    /// What destinations name it by: `adapter_type`.
    fn kind(&self) -> &'static str;

    /// One sentence for whoever chooses.
    fn description(&self) -> &'static str;

    /// JSON Schema of a destination's `settings`.
    fn settings_schema(&self) -> serde_json::Value;

    /// Checks a destination's `settings` when they are saved.
    fn check_settings(&self, settings: &serde_json::Value) -> Result<(), SettingsError>;

    /// One try.
    fn deliver<'a>(&'a self, dispatch: &'a Dispatch<'a>) -> BoxFuture<'a, Delivered>;
}

/// A field of a destination's settings is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {rule}")]
pub struct SettingsError {
    /// Like `settings.method`.
    pub field: String,
    pub rule: String,
}

/// One attempt of one delivery, ready to go.
pub struct Dispatch<'a> {
    pub client: &'a Client,
    pub target: &'a Target,
    /// As the adapter's schema describes them; checked when they were saved.
    pub settings: &'a serde_json::Value,
    /// The id that the receiver dedupes by: `signature::message_id`.
    pub message_id: &'a str,
    pub event_id: EventId,
    pub event_type: &'a str,
    pub delivery_id: DeliveryId,
    pub destination_id: DestinationId,
    /// From 1.
    pub attempt: u32,
    /// The moment of this attempt.
    pub now: Timestamp,
    /// The bytes as they are stored; the same on every attempt.
    pub body: Bytes,
    pub profile: &'a Profile,
    /// Signing secrets, the newest first.
    pub secrets: &'a [Secret],
    /// The destination's own headers.
    pub headers: &'a [(String, String)],
    /// The event's own headers; they win over the destination's.
    pub event_headers: &'a [(String, String)],
    /// What a credential adds: a header's name and its secret value.
    pub authorization: Option<(&'a str, &'a Secret)>,
    pub traceparent: Option<&'a str>,
    pub replay: bool,
    pub deadline: Instant,
}

/// What came of a try.
#[derive(Debug)]
pub struct Delivered {
    pub outcome: Outcome,
    /// The receiver's status, if it answered.
    pub status: Option<u16>,
    /// Plain language: `answered 302: redirects are not followed`.
    pub reason: String,
    /// The beginning of the answer's body as harmless text without our secrets.
    pub response_summary: Option<String>,
    pub timings: Timings,
    pub remote_addr: Option<std::net::SocketAddr>,
}

impl Delivered {
    /// Nothing was sent, and this is why.
    pub fn unsent(outcome: Outcome, reason: impl Into<String>) -> Self {
        Self {
            outcome,
            status: None,
            reason: reason.into(),
            response_summary: None,
            timings: Timings::default(),
            remote_addr: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_adapter_is_found_by_its_kind_and_describes_its_settings() {
        for adapter in ALL {
            assert!(std::ptr::addr_eq(find(adapter.kind()).unwrap(), *adapter));
            assert_eq!(adapter.settings_schema()["type"], "object");
            assert_eq!(adapter.settings_schema()["additionalProperties"], false);
            assert!(adapter.check_settings(&serde_json::json!({})).is_ok());
            assert!(adapter.check_settings(&serde_json::json!({"no_such_setting": 1})).is_err());
            assert!(!adapter.description().is_empty());
        }
        assert!(find("carrier_pigeon").is_none());
    }
}
