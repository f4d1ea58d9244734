//! The smaller documents inside a destination's.

use hookswitch_domain::retry::{OnExhausted, PolicyOverride};
use hookswitch_domain::signature::Profile;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a destination is signed.
#[derive(Serialize, ToSchema)]
pub struct Signing {
    /// `standard`, `oneprotect`, `fr022`, `alga`, `none`, or `{"custom": {...}}`.
    #[schema(value_type = Value, example = "standard")]
    pub profile: Profile,
}

/// A header that goes with every request. Secrets belong into a credential.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = CustomHeader)]
#[serde(deny_unknown_fields)]
pub struct HeaderBody {
    #[schema(example = "X-Region")]
    pub name: String,
    #[schema(example = "eu-west")]
    pub value: String,
}

/// A destination's own figures; what is absent is the tenant's.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[schema(as = PolicyOverride)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 50)]
    pub max_attempts: Option<u32>,
    /// Delay before attempt 1, 2, ... in seconds; the last repeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule_seconds: Option<Vec<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1000, maximum = 60000)]
    pub timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1)]
    pub jitter: Option<f64>,
    /// `dead_letter`, `park` or `discard`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "dead_letter")]
    pub on_exhausted: Option<OnExhausted>,
}

impl From<PolicyBody> for PolicyOverride {
    fn from(body: PolicyBody) -> Self {
        let PolicyBody { max_attempts, schedule_seconds, timeout_ms, jitter, on_exhausted } = body;
        Self { max_attempts, schedule_seconds, timeout_ms, jitter, on_exhausted }
    }
}

impl From<PolicyOverride> for PolicyBody {
    fn from(policy: PolicyOverride) -> Self {
        let PolicyOverride { max_attempts, schedule_seconds, timeout_ms, jitter, on_exhausted } = policy;
        Self { max_attempts, schedule_seconds, timeout_ms, jitter, on_exhausted }
    }
}
