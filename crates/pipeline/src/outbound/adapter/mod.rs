//! Adapters: how one kind of destination is spoken to. A new one is a file here and a line in
//! [`ALL`]; the list is served with each adapter's settings schema, and the console renders its
//! form from that.
//!
//! An adapter gets everything resolved (target judged, secrets read) and tells what came of the
//! try. It never sees the store, and it never fails: whatever happens is an [`Outcome`].

mod exchange;
mod jira;
mod mock;
mod settings;
mod slack;
mod summary;
mod teams;
mod template;
mod templated;
mod webhook;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use hookswitch_domain::delivery::Outcome;
use hookswitch_domain::egress::Target;
use hookswitch_domain::id::{DeliveryId, DestinationId, EventId};
use hookswitch_domain::secret::Secret;
use hookswitch_domain::signature::Profile;
use hookswitch_domain::time::Timestamp;
use serde::Serialize;
use tokio::time::Instant;

use crate::http::{Client, Timings};

pub use summary::summarise;
pub(super) use webhook::post;

/// Every adapter, in the order in which a console offers them.
pub static ALL: &[&dyn Adapter] =
    &[&webhook::Webhook, &slack::Slack, &teams::Teams, &jira::Jira, &templated::Templated, &mock::Mock];

/// The adapter of this kind.
pub fn find(kind: &str) -> Option<&'static dyn Adapter> {
    ALL.iter().copied().find(|adapter| adapter.kind() == kind)
}

pub trait Adapter: Send + Sync {
    /// What destinations name it by: `adapter_type`.
    fn kind(&self) -> &'static str;

    /// Its name for people.
    fn title(&self) -> &'static str;

    /// One sentence for whoever chooses.
    fn description(&self) -> &'static str;

    /// JSON Schema of a destination's `settings`; each property has a title and a description.
    fn settings_schema(&self) -> serde_json::Value;

    /// Checks a destination's `settings` when they are saved.
    fn check_settings(&self, settings: &serde_json::Value) -> Result<(), SettingsError> {
        settings::check(&self.settings_schema(), settings)
    }

    /// Whether requests are signed. Who doesn't know signatures is spoken to by URL and credential.
    fn signs(&self) -> bool {
        false
    }

    /// Refused outside local, dev and test.
    fn development_only(&self) -> bool {
        false
    }

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
    /// Something of this delivery may have reached the receiver already: an attempt, a sender that
    /// was interrupted, the delivery that this one replays. Who makes records looks first.
    pub repeat: bool,
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
    /// What the receiver calls the record that it made of this.
    pub external: Option<ExternalRef>,
    /// The receiver asks that nothing more be sent to this destination until a person resumes it.
    pub pause: bool,
}

/// A record of somebody else's that a delivery led to. It is kept with the attempt, and is a
/// reference: what it refers to never takes the place of a record of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExternalRef {
    /// `jira`, `servicenow`: whose record it is.
    pub system: String,
    pub id: String,
    /// Where people look at it.
    pub url: Option<String>,
}

/// An id in somebody's answer is hostile text like the rest: short, visible, or none.
fn external_id(value: &serde_json::Value) -> Option<String> {
    let text = match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let plain = (1..=128).contains(&text.len()) && text.bytes().all(|byte| (b'!'..=b'~').contains(&byte));
    plain.then_some(text)
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
            external: None,
            pause: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The fields of a schema, with those below them.
    fn fields<'s>(schema: &'s Value, found: &mut Vec<(String, &'s Value)>) {
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            found.push((name.clone(), field));
            fields(field, found);
        }
        if let Some(items) = schema.get("items") {
            fields(items, found);
        }
    }

    fn keywords(schema: &Value, found: &mut Vec<String>) {
        found.extend(schema.as_object().into_iter().flatten().map(|(name, _)| name.clone()));
        let below = schema["properties"].as_object().into_iter().flatten().map(|(_, field)| field);
        below.chain(schema.get("items")).for_each(|field| keywords(field, found));
    }

    #[test]
    fn each_adapter_is_found_by_its_kind_and_describes_its_settings() {
        for adapter in ALL {
            let (kind, schema) = (adapter.kind(), adapter.settings_schema());
            assert!(std::ptr::addr_eq(find(kind).unwrap(), *adapter));
            assert!(adapter.title().len() > 3 && adapter.description().ends_with('.'), "{kind}");
            assert_eq!((&schema["type"], &schema["additionalProperties"]), (&json!("object"), &json!(false)), "{kind}");
            let unknown = adapter.check_settings(&json!({"no_such_setting": 1})).unwrap_err();
            assert!(unknown.field.starts_with("settings."), "{kind}: {unknown}");
            let mut all = Vec::new();
            fields(&schema, &mut all);
            for (name, field) in all {
                let said = |what: &str| field[what].as_str().is_some_and(|text| text.len() > 2);
                assert!(said("title") && said("description"), "{kind}: {name} has no title or no description");
            }
            let mut used = Vec::new();
            keywords(&schema, &mut used);
            let unchecked = used.iter().find(|word| !settings::KNOWN.contains(&word.as_str()));
            assert_eq!(unchecked, None, "{kind} uses a keyword that nobody checks");
        }
        assert!(find("carrier_pigeon").is_none());
    }

    #[test]
    fn an_id_of_somebody_elses_is_short_and_visible() {
        assert_eq!(external_id(&json!("OPS-1")).as_deref(), Some("OPS-1"));
        assert_eq!(external_id(&json!(42)).as_deref(), Some("42"));
        for odd in [json!(""), json!("a b"), json!("a\nb"), json!("x".repeat(129)), json!({"id": 1}), json!(null)] {
            assert_eq!(external_id(&odd), None, "{odd}");
        }
    }
}
