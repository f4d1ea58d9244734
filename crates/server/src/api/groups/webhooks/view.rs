//! A destination in SEED-4's words, and SEED-4's bodies in a destination's.

use std::collections::BTreeMap;

use hookswitch_domain::destination::Hold;
use hookswitch_domain::event::EventPattern;
use hookswitch_domain::id::{DestinationId, GroupId};
use hookswitch_domain::retry::Policy;
use hookswitch_domain::secret::Secret;
use hookswitch_domain::time::Timestamp;
use hookswitch_store::destination::Destination as Row;
use hookswitch_store::{Tx, policy};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::api::body;
use crate::api::problem::Problem;

/// What a group's webhook is sent, unless somebody changes it: `{event, groupId, timestamp, actorId, data}`. Of an
/// event about a task `data` is the task, with what changed and why; of a swap it is the request with both tasks.
const TRANSFORM: &str = r#"(
  $camel := function($name) { $replace($name, /_([a-z])/, function($found) { $uppercase($found.groups[0]) }) };
  $seed4 := function($fields) { $merge($each($fields, function($value, $name) { { $camel($name): $value } })) };
  $plain := function($record) { $seed4($sift($record, function($value, $name) { $not($name in ["version", "external_refs"]) })) };
  $told := function($about) { $merge([$plain($about.task), { "changes": $seed4($about.changes) }]) };
  {
    "event": event_type,
    "groupId": group_id,
    "timestamp": timestamp,
    "actorId": references.actor_id ? references.actor_id : null,
    "data": payload.task ? $merge([$told(payload), payload.reason ? { "reason": payload.reason } : {}])
      : payload.swap and payload.requester
        ? $merge([$plain(payload.swap), { "requester": $told(payload.requester), "target": $told(payload.target) }])
      : payload.swap ? $merge([$plain(payload.swap), { "changes": $seed4(payload.changes) }])
      : payload
  }
)"#;

/// How long a failed delivery waits: the first delay in seconds, doubled each time; or each delay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Backoff {
    #[schema(example = 30)]
    Doubled(u64),
    Each(Vec<u64>),
}

/// No delay is longer than a week.
const DELAY_MAX: u64 = 604_800;

impl Backoff {
    /// The delay before each attempt, the first one's being none.
    fn schedule(&self, attempts: u32) -> Vec<u64> {
        let delays: Vec<u64> = match self {
            Self::Doubled(first) => {
                let doubled = |turn: u32| first.saturating_mul(1 << turn.min(20)).min(DELAY_MAX);
                (0..attempts.clamp(2, 50) - 1).map(doubled).collect()
            }
            Self::Each(delays) => delays.clone(),
        };
        std::iter::once(0).chain(delays).collect()
    }

    fn of(policy: &Policy) -> Self {
        let delays = policy.schedule_seconds.get(1..).unwrap_or_default();
        match delays.first() {
            Some(first) if Self::Doubled(*first).schedule(delays.len() as u32 + 1).get(1..) == Some(delays) => {
                Self::Doubled(*first)
            }
            _ => Self::Each(delays.to_vec()),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetryPolicy {
    #[schema(example = 5)]
    max_attempts: u32,
    backoff_seconds: Backoff,
}

/// What is left out is the tenant's.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RetryPolicyBody {
    #[schema(minimum = 1, maximum = 50, example = 5)]
    max_attempts: Option<u32>,
    backoff_seconds: Option<Backoff>,
}

impl RetryPolicyBody {
    fn as_policy(&self) -> Value {
        let mut policy = Map::new();
        if let Some(attempts) = self.max_attempts {
            policy.insert("max_attempts".to_owned(), json!(attempts));
        }
        if let Some(backoff) = &self.backoff_seconds {
            let attempts = self.max_attempts.unwrap_or(10);
            policy.insert("schedule_seconds".to_owned(), json!(backoff.schedule(attempts)));
        }
        Value::Object(policy)
    }
}

/// A webhook of a group.
#[derive(Serialize, ToSchema)]
#[schema(as = GroupWebhook)]
#[serde(rename_all = "camelCase")]
pub struct WebhookView {
    #[schema(value_type = String, example = "dst_01jd8r7c5tevzs9c1ghvzv3hkp")]
    id: DestinationId,
    #[schema(value_type = Option<String>)]
    group_id: Option<GroupId>,
    name: String,
    /// Scheme and host: the rest may hold a token, and is shown to nobody.
    #[schema(example = "https://hooks.example.com")]
    url: String,
    #[schema(value_type = Vec<String>)]
    events: Vec<EventPattern>,
    headers: BTreeMap<String, String>,
    is_active: bool,
    retry_policy: RetryPolicy,
    #[schema(value_type = Option<String>, format = DateTime)]
    previous_secret_until: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// A new webhook, with its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedGroupWebhook)]
pub struct CreatedWebhook {
    #[serde(flatten)]
    webhook: WebhookView,
    /// Shown this once; absent when the answer is repeated for an Idempotency-Key.
    #[schema(example = "whsec_...")]
    secret: Option<String>,
}

pub(super) async fn of(tx: &mut Tx, row: Row) -> Result<WebhookView, Problem> {
    let policy = policy::get(tx).await?.policy.overridden(&row.config.policy);
    Ok(WebhookView {
        id: row.id,
        group_id: row.group_id,
        name: row.name,
        url: row.endpoint,
        events: row.config.event_types,
        headers: row.config.headers.into_iter().map(|header| (header.name, header.value)).collect(),
        is_active: !row.hold.is_some_and(Hold::disables),
        retry_policy: RetryPolicy { max_attempts: policy.max_attempts, backoff_seconds: Backoff::of(&policy) },
        previous_secret_until: row.previous_until,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

/// A webhook to be made.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewGroupWebhook)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NewWebhook {
    /// The group, where the query doesn't name it.
    #[schema(value_type = Option<String>)]
    group_id: Option<GroupId>,
    #[schema(example = "Board of the front office")]
    name: Option<String>,
    /// Where to send. Private and reserved addresses are refused.
    #[schema(value_type = String, example = "https://hooks.example.com/in/7f3a")]
    url: Secret,
    /// Types or patterns: `task.completed`, `task.*`, `*` for everything of the group.
    #[serde(default = "everything")]
    #[schema(value_type = Vec<String>, default = json!(["*"]))]
    events: Vec<EventPattern>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default = "yes")]
    #[schema(default = true)]
    is_active: bool,
    #[serde(default)]
    retry_policy: RetryPolicyBody,
}

fn everything() -> Vec<EventPattern> {
    vec![EventPattern::Everything]
}

fn yes() -> bool {
    true
}

impl NewWebhook {
    pub(super) fn group_id(&self) -> Option<GroupId> {
        self.group_id
    }

    pub(super) fn as_destination(&self, group: GroupId) -> Value {
        json!({
            "name": self.name.as_deref().unwrap_or("Webhook of a group"),
            "endpoint_url": self.url.expose_text(),
            "event_types": self.events,
            "group_id": group,
            "headers": pairs(&self.headers),
            "signing": { "profile": "fr022" },
            "policy": self.retry_policy.as_policy(),
            "transform": TRANSFORM,
            "enabled": self.is_active,
        })
    }
}

fn pairs(headers: &BTreeMap<String, String>) -> Value {
    headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

/// What is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[schema(as = GroupWebhookChange)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct WebhookChange {
    /// May be named, and can't be changed.
    #[schema(value_type = Option<String>)]
    group_id: Option<GroupId>,
    #[schema(example = "Board of the front office")]
    name: Option<String>,
    /// As it is shown, it stays as it is.
    #[schema(value_type = Option<String>)]
    url: Option<Secret>,
    #[schema(value_type = Option<Vec<String>>)]
    events: Option<Vec<EventPattern>>,
    headers: Option<BTreeMap<String, String>>,
    is_active: Option<bool>,
    retry_policy: Option<RetryPolicyBody>,
}

impl WebhookChange {
    pub(super) fn as_change(&self, row: &Row) -> Result<Value, Problem> {
        if self.group_id.is_some_and(|group| Some(group) != row.group_id) {
            return Err(Problem::invalid("groupId", "immutable", "a webhook stays in its group"));
        }
        let mut change = Map::new();
        let mut put = |name: &str, value: Option<Value>| change.extend(value.map(|value| (name.to_owned(), value)));
        put("name", self.name.as_ref().map(|name| json!(name)));
        let url = self.url.as_ref().and_then(Secret::expose_text).filter(|url| *url != row.endpoint);
        put("endpoint_url", url.map(|url| json!(url)));
        put("event_types", self.events.as_ref().map(|events| json!(events)));
        put("headers", self.headers.as_ref().map(pairs));
        put("enabled", self.is_active.map(|active| json!(active)));
        put("policy", self.retry_policy.as_ref().map(RetryPolicyBody::as_policy));
        Ok(Value::Object(change))
    }
}

/// A destination's body, as its own rules read it.
pub(super) fn read<T: DeserializeOwned>(body: Value) -> Result<T, Problem> {
    body::parse(body.to_string().as_bytes()).map_err(in_their_words)
}

/// Their names for a destination's fields.
const WORDS: [(&str, &str); 6] = [
    ("endpoint_url", "url"),
    ("event_types", "events"),
    ("policy.max_attempts", "retryPolicy.maxAttempts"),
    ("policy.schedule_seconds", "retryPolicy.backoffSeconds"),
    ("enabled", "isActive"),
    ("overlap_seconds", "overlapSeconds"),
];

/// A refusal names fields as the caller does.
pub(super) fn in_their_words(mut problem: Problem) -> Problem {
    for error in &mut problem.errors {
        for (ours, theirs) in WORDS {
            if let Some(rest) = error.field.strip_prefix(ours) {
                problem.detail = problem.detail.replace(&format!("{ours}{rest}: "), &format!("{theirs}{rest}: "));
                error.field = format!("{theirs}{rest}");
                break;
            }
        }
    }
    problem
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(schedule_seconds: Vec<u64>) -> Policy {
        Policy { schedule_seconds, ..Policy::default() }
    }

    #[test]
    fn a_backoff_doubles_and_is_shown_as_it_was_given() {
        assert_eq!(Backoff::Doubled(30).schedule(4), [0, 30, 60, 120]);
        assert_eq!(Backoff::Doubled(400_000).schedule(4), [0, 400_000, DELAY_MAX, DELAY_MAX]);
        assert_eq!(Backoff::Each(vec![5, 5, 60]).schedule(2), [0, 5, 5, 60]);
        for (attempts, given) in [(4, Backoff::Doubled(30)), (1, Backoff::Doubled(7)), (50, Backoff::Doubled(1))] {
            assert_eq!(Backoff::of(&policy(given.schedule(attempts))), given);
        }
        let each = Backoff::Each(vec![5, 5, 60]);
        assert_eq!(Backoff::of(&policy(each.schedule(3))), each);
    }
}
