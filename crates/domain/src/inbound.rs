//! Inbound webhooks: a URL with an auth scheme, an idempotency source and one handler; and the
//! words for what became of a request.

use std::collections::BTreeMap;
use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Slugs that name bundled integrations: an external mapping's `integration_type` is the slug, so
/// that a webhook of this name would answer for somebody else's ids.
pub const RESERVED_SLUGS: [&str; 22] = [
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
    "system",
];

pub const WINDOW_SECONDS_DEFAULT: u32 = 86_400;
pub const WINDOW_SECONDS_MAX: u32 = 2_592_000;
pub const RATE_PER_MINUTE_DEFAULT: u32 = 600;
pub const RATE_PER_MINUTE_MAX: u32 = 60_000;
/// A secret that people enter has at least this many characters; a generated one has 32 random bytes.
pub const SECRET_CHARS_MIN: usize = 16;
/// An idempotency key longer than this is hashed.
pub const KEY_CHARS_MAX: usize = 255;

/// How a sender proves itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Auth {
    /// HMAC-SHA256 of the raw body as hex, plain or after `sha256=`, in this header.
    HmacSha256 {
        #[serde(default = "default_signature_header")]
        signature_header: String,
    },
    /// `Authorization: Bearer <secret>`.
    Bearer {},
    /// The sender's address is in one of these networks.
    IpAllowlist { ip_cidrs: Vec<IpNet> },
    /// The secret in a query parameter, for senders that can set nothing else. It is never logged.
    PathToken {
        #[serde(default = "default_param")]
        param: String,
    },
}

fn default_signature_header() -> String {
    "X-Alga-Signature".to_owned()
}

fn default_param() -> String {
    "token".to_owned()
}

impl Auth {
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::HmacSha256 { .. } => "hmac_sha256",
            Self::Bearer {} => "bearer",
            Self::IpAllowlist { .. } => "ip_allowlist",
            Self::PathToken { .. } => "path_token",
        }
    }

    /// Whether the scheme has a secret to keep, to show once and to rotate.
    pub const fn has_secret(&self) -> bool {
        !matches!(self, Self::IpAllowlist { .. })
    }
}

/// Where the idempotency key of a request stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum IdempotencySource {
    Header(String),
    Jsonata(String),
}

/// What a verified request does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Handler {
    /// One action, with an expression for each of its fields.
    DirectAction { action: String, field_mapping: BTreeMap<String, String> },
}

impl Handler {
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::DirectAction { .. } => "direct_action",
        }
    }
}

/// How a duplicate is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DuplicateResponse {
    /// 200 with the original's id.
    #[default]
    Acknowledge,
    /// 409 with it.
    Conflict,
}

/// Options that SEED-3 doesn't name: one document in the store.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    pub duplicate_response: DuplicateResponse,
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

/// Headers that are kept with a delivery: credentials of any kind are dropped.
pub fn is_kept(header: &str, signature_header: Option<&str>) -> bool {
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
    !DROPPED.contains(&lower.as_str()) && signature_header.is_none_or(|name| !name.eq_ignore_ascii_case(&lower))
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
    fn schemes_read_as_seed_3_writes_them() {
        let auth: Auth = serde_json::from_str(r#"{"type":"hmac_sha256","signature_header":"X-Sig"}"#).unwrap();
        assert_eq!((auth.type_name(), auth.has_secret()), ("hmac_sha256", true));
        let source: IdempotencySource = serde_json::from_str(r#"{"type":"jsonata","value":"alert.id"}"#).unwrap();
        assert_eq!(source, IdempotencySource::Jsonata("alert.id".to_owned()));
        assert!(serde_json::from_str::<Auth>(r#"{"type":"telepathy"}"#).is_err());
        assert!(serde_json::from_str::<Auth>(r#"{"type":"ip_allowlist","ip_cidrs":["10.0.0.0/33"]}"#).is_err());
    }
}
