//! Inbound webhooks: a URL with an auth scheme, an idempotency source and one handler; and the
//! words for what became of a request.

mod auth;
mod handler;
mod options;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use auth::{Auth, AuthError};
pub use handler::{Handler, RULES_MAX, Rule};
pub use options::*;

/// Slugs that name bundled integrations: an external mapping's `integration_type` is the slug, so
/// that a webhook of this name would answer for somebody else's ids.
pub const RESERVED_SLUGS: [&str; 26] = [
    "ninjaone",
    "tacticalrmm",
    "tactical-rmm",
    "tanium",
    "xero",
    "xero-csv",
    "qbo",
    "quickbooks-online",
    "quickbooks-desktop",
    "quickbooks-csv",
    "entra",
    "entra-id",
    "microsoft-graph",
    "microsoft",
    "google",
    "datto",
    "levelio",
    "connectwise-automate",
    "huntress",
    "intune",
    "jira",
    "servicenow",
    "freshdesk",
    "zendesk",
    "halopsa",
    "system",
];

pub const WINDOW_SECONDS_DEFAULT: u32 = 86_400;
pub const WINDOW_SECONDS_MAX: u32 = 2_592_000;
pub const RATE_PER_MINUTE_DEFAULT: u32 = 600;
pub const RATE_PER_MINUTE_MAX: u32 = 60_000;
/// An idempotency key longer than this is hashed.
pub const KEY_CHARS_MAX: usize = 255;

/// Where the idempotency key of a request stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum IdempotencySource {
    Header(String),
    Jsonata(String),
}

/// Why a request wasn't let in, or that it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthStatus {
    Verified,
    RejectedSignature,
    RejectedBearer,
    RejectedIp,
    RejectedNoAuth,
}

impl AuthStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::RejectedSignature => "rejected_signature",
            Self::RejectedBearer => "rejected_bearer",
            Self::RejectedIp => "rejected_ip",
            Self::RejectedNoAuth => "rejected_no_auth",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DispatchStatus {
    Pending,
    Dispatched,
    Duplicate,
    Failed,
}

impl DispatchStatus {
    pub const ALL: [Self; 4] = [Self::Pending, Self::Dispatched, Self::Duplicate, Self::Failed];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Dispatched => "dispatched",
            Self::Duplicate => "duplicate",
            Self::Failed => "failed",
        }
    }

    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

impl fmt::Display for DispatchStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Headers that are kept with a delivery: credentials of any kind are dropped, also what the
/// webhook's own scheme reads.
pub fn is_kept(header: &str, proving: Option<&str>) -> bool {
    const DROPPED: [&str; 8] = [
        "authorization",
        "cookie",
        "set-cookie",
        "proxy-authorization",
        "x-api-key",
        "x-auth-token",
        "x-gitlab-token",
        "api-key",
    ];
    let lower = header.to_ascii_lowercase();
    !DROPPED.contains(&lower.as_str()) && proving.is_none_or(|name| !name.eq_ignore_ascii_case(&lower))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_never_reach_the_log() {
        for name in ["Authorization", "COOKIE", "X-Api-Key", "proxy-authorization", "Set-Cookie"] {
            assert!(!is_kept(name, None), "{name}");
        }
        assert!(is_kept("content-type", None) && is_kept("X-Request-Id", Some("x-signature")));
        assert!(!is_kept("X-Signature", Some("x-signature")));
    }

    #[test]
    fn a_source_reads_as_seed_3_writes_it() {
        let source: IdempotencySource = serde_json::from_str(r#"{"type":"jsonata","value":"alert.id"}"#).unwrap();
        assert_eq!(source, IdempotencySource::Jsonata("alert.id".to_owned()));
    }
}
