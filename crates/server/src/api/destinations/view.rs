//! What a destination looks like from outside.

use hookswitch_domain::destination::{Body, Header, Hold};
use hookswitch_domain::event::EventPattern;
use hookswitch_domain::id::{CredentialId, DestinationId, GroupId};
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::outbound::lanes::Lanes;
use hookswitch_store::destination::Destination as Row;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::parts::{HeaderBody, PolicyBody, Signing};
use super::signing::PublicKey;

/// How a destination does, and what that holds back.
#[derive(Serialize, ToSchema)]
#[schema(as = DestinationHealth)]
pub struct Health {
    /// `closed`: sent to; `open`: it only failed, and nothing is sent before `next_probe_at`;
    /// `half_open`: one delivery at a time asks whether it is back.
    #[schema(example = "closed")]
    breaker: &'static str,
    #[schema(value_type = Option<String>, format = DateTime)]
    next_probe_at: Option<Timestamp>,
    /// Requests that may be in the air on this node; below `max_in_flight` while the destination is
    /// slow, answers 429, 502 or 504, or has just come back.
    in_flight_limit: u32,
    /// Since when it has only failed. After five days it is disabled.
    #[schema(value_type = Option<String>, format = DateTime)]
    failing_since: Option<Timestamp>,
}

impl Health {
    fn of(row: &Row) -> Self {
        let failing = row.failing;
        let breaker = match failing.filter(|failing| failing.breaker_open).map(|failing| failing.waits) {
            None => "closed",
            Some(true) => "open",
            Some(false) => "half_open",
        };
        Self {
            breaker,
            next_probe_at: failing.filter(|failing| failing.breaker_open && failing.waits).map(|failing| failing.next_probe_at),
            in_flight_limit: row.config.max_in_flight,
            failing_since: failing.map(|failing| failing.failing_since),
        }
    }
}

/// A destination as it is shown.
#[derive(Serialize, ToSchema)]
pub struct Destination {
    #[schema(value_type = String, example = "dst_01jd8r7c5tevzs9c1ghvzv3hkp")]
    id: DestinationId,
    name: String,
    /// Scheme and host; the whole URL may hold a token and is shown by `reveal` alone.
    #[schema(example = "https://hooks.example.com")]
    endpoint: String,
    adapter_type: String,
    #[schema(value_type = Object)]
    settings: Value,
    #[schema(value_type = Option<String>)]
    credential_id: Option<CredentialId>,
    #[schema(value_type = Vec<String>)]
    event_types: Vec<EventPattern>,
    /// Only events of this group are sent; null: of every group.
    #[schema(value_type = Option<String>)]
    group_id: Option<GroupId>,
    filter: Option<String>,
    payload_fields: Vec<String>,
    transform: Option<String>,
    headers: Vec<HeaderBody>,
    /// Null where the tenant's default profile signs.
    signing: Option<Signing>,
    /// What `v1a` signatures are checked with, the newest first; empty unless `signing.ed25519` was asked for. Open to
    /// everybody at `/.well-known/hookswitch/{tenant}/{id}/keys.json`.
    public_keys: Vec<PublicKey>,
    /// Until then the previous secret signs too.
    #[schema(value_type = Option<String>, format = DateTime)]
    previous_secret_until: Option<Timestamp>,
    policy: PolicyBody,
    max_in_flight: u32,
    /// Requests in any second; null without a limit.
    rate_limit_per_second: Option<u32>,
    /// Events of one `ordering_key` are sent one after the other.
    ordered: bool,
    health: Health,
    /// `envelope` or `payload`.
    #[schema(value_type = String)]
    body: Body,
    enabled: bool,
    /// `active`, `paused` or `disabled`.
    state: &'static str,
    /// Why it isn't active: `paused`, `disabled`, `receiver_gone` (it answered 410), `unverified` or
    /// `failing` (for five days).
    #[schema(value_type = Option<String>)]
    held_reason: Option<Hold>,
    /// When the receiver answered the ownership challenge at its present URL.
    #[schema(value_type = Option<String>, format = DateTime)]
    verified_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl Destination {
    /// With what this node knows of the lane.
    #[must_use]
    pub(super) fn live(mut self, lanes: &Lanes) -> Self {
        if let Some(shown) = lanes.shown(self.id) {
            self.health.in_flight_limit = shown.in_flight_limit.min(self.max_in_flight);
        }
        self
    }
}

impl From<Row> for Destination {
    fn from(row: Row) -> Self {
        let health = Health::of(&row);
        let config = row.config;
        Self {
            id: row.id,
            name: row.name,
            endpoint: row.endpoint,
            adapter_type: row.adapter_type,
            settings: if config.settings.is_null() { Value::Object(serde_json::Map::new()) } else { config.settings },
            credential_id: row.credential,
            event_types: config.event_types,
            group_id: row.group_id,
            filter: config.filter,
            payload_fields: config.payload_fields,
            transform: config.transform,
            headers: config.headers.into_iter().map(|Header { name, value }| HeaderBody { name, value }).collect(),
            signing: config.profile.map(|profile| Signing { profile }),
            public_keys: row.keys.into_iter().map(PublicKey::from).collect(),
            previous_secret_until: row.previous_until,
            policy: config.policy.into(),
            max_in_flight: config.max_in_flight,
            rate_limit_per_second: config.rate_limit_per_second,
            ordered: config.ordered,
            health,
            body: config.body,
            enabled: !row.hold.is_some_and(Hold::disables),
            state: match row.hold {
                None => "active",
                Some(hold) if hold.disables() => "disabled",
                Some(_) => "paused",
            },
            verified_at: config.verified_at,
            held_reason: row.hold,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A new destination, with its secret.
#[derive(Serialize, ToSchema)]
pub struct CreatedDestination {
    #[serde(flatten)]
    destination: Destination,
    /// Shown this once. Absent where the caller brought it, where nothing or a key pair alone signs, and when the answer
    /// is repeated for an Idempotency-Key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "whsec_...")]
    signing_secret: Option<String>,
}

impl From<Row> for CreatedDestination {
    /// Without the secret: that is added to the one answer that shows it, and stored nowhere.
    fn from(row: Row) -> Self {
        Self { destination: row.into(), signing_secret: None }
    }
}
