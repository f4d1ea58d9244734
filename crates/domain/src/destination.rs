//! Destinations: where events go. The fields that rules look at; how they are stored and shown is
//! for other layers.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::delivery::ParkedReason;
use crate::event::EventPattern;
use crate::flow::Limits;
use crate::retry::PolicyOverride;
use crate::signature::Profile;
use crate::time::Timestamp;

/// At most this many deliveries of one destination are in the air at once, unless it says otherwise.
pub const MAX_IN_FLIGHT_DEFAULT: u32 = 10;
/// The largest `max_in_flight`.
pub const MAX_IN_FLIGHT_LIMIT: u32 = 200;

/// What a destination receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// The event with its type, ids and references around the payload.
    #[default]
    Envelope,
    /// The publisher's payload bytes alone.
    Payload,
}

/// A header that a destination gets with every request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    pub name: String,
    pub value: String,
}

/// What a destination is configured with, besides its name, address and secrets: one document in
/// the store, so that a new setting needs no migration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    pub event_types: Vec<EventPattern>,
    pub headers: Vec<Header>,
    /// `None`: the tenant's default profile.
    pub profile: Option<Profile>,
    pub policy: PolicyOverride,
    pub max_in_flight: u32,
    /// Requests in any second; `None`: as many as fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit_per_second: Option<u32>,
    pub body: Body,
    /// The adapter's own settings, checked against its schema.
    pub settings: serde_json::Value,
    /// An expression over the envelope: what it isn't true for is not sent.
    pub filter: Option<String>,
    /// Dotted paths into the payload: nothing else of it is sent. Empty: all of it is.
    pub payload_fields: Vec<String>,
    /// An expression over the envelope whose result is the body.
    pub transform: Option<String>,
    /// One of the three was set once, so that deliveries may have a body that was made by it.
    pub made_bodies: bool,
    /// Events of one ordering key are sent one after the other.
    pub ordered: bool,
    /// That was so once: something may still stand in line.
    pub made_lines: bool,
    /// Since when the receiver is known to have answered a challenge at its present URL.
    pub verified_at: Option<Timestamp>,
}

impl Config {
    /// Whether what is sent is made from the event, and isn't the event itself.
    pub fn makes_body(&self) -> bool {
        self.filter.is_some() || !self.payload_fields.is_empty() || self.transform.is_some()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            event_types: vec![EventPattern::Everything],
            headers: Vec::new(),
            profile: None,
            policy: PolicyOverride::default(),
            max_in_flight: MAX_IN_FLIGHT_DEFAULT,
            rate_limit_per_second: None,
            body: Body::default(),
            settings: serde_json::Value::Null,
            filter: None,
            payload_fields: Vec::new(),
            transform: None,
            made_bodies: false,
            ordered: false,
            made_lines: false,
            verified_at: None,
        }
    }
}

impl Config {
    /// The key under which an event stands in line, if this destination keeps an order. What was
    /// published without a key stands in one line of its own.
    pub fn line(&self, ordering_key: Option<&str>) -> Option<String> {
        self.ordered.then(|| ordering_key.unwrap_or_default().to_owned())
    }

    /// How much may be sent, as the flow of its lane takes it.
    pub fn limits(&self) -> Limits {
        Limits { max_in_flight: self.max_in_flight, rate_per_second: self.rate_limit_per_second }
    }
}

/// Why nothing is sent to a destination although it has work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// Switched off by a person.
    Disabled,
    /// Paused by a person for a while.
    Paused,
    /// The receiver answered 410.
    ReceiverGone,
    /// The tenant wants a challenge answered first.
    Unverified,
    /// Disabled by itself after five days of failure alone.
    Failing,
}

impl Hold {
    pub const ALL: [Self; 5] = [Self::Disabled, Self::Paused, Self::ReceiverGone, Self::Unverified, Self::Failing];

    /// Whether the destination counts as switched off, rather than as paused for a while.
    pub const fn disables(self) -> bool {
        !matches!(self, Self::Paused)
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Paused => "paused",
            Self::ReceiverGone => "receiver_gone",
            Self::Unverified => "unverified",
            Self::Failing => "failing",
        }
    }

    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hold| hold.as_str() == text)
    }

    /// How a delivery that waits behind this hold is shown.
    pub const fn parked_reason(self) -> ParkedReason {
        match self {
            Self::Disabled | Self::Failing => ParkedReason::DestinationDisabled,
            Self::Paused => ParkedReason::DestinationPaused,
            Self::ReceiverGone => ParkedReason::ReceiverGone,
            Self::Unverified => ParkedReason::DestinationUnverified,
        }
    }
}

/// A header that carries a secret belongs into a credential, where it is sealed and never shown.
const SECRET_HEADERS: [&str; 6] = ["authorization", "cookie", "x-api-key", "api-key", "x-auth-token", "x-access-token"];

/// Custom headers may not carry what the product itself writes.
const RESERVED: [&str; 14] = [
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "user-agent",
    "traceparent",
    "tracestate",
    "keep-alive",
    "proxy-authorization",
];
const RESERVED_PREFIXES: [&str; 4] = ["webhook-", "hookswitch-", "x-oneprotect-", "x-alga-"];
pub const HEADERS_MAX: usize = 20;
const HEADER_BYTES_MAX: usize = 8 * 1024;

/// Why a custom header is refused; shown to the person who entered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderError(pub String);

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name that a request may carry beside those that the product or the protocol writes itself.
pub fn check_header_name(name: &str) -> Result<(), HeaderError> {
    let lower = name.to_ascii_lowercase();
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(token) {
        return Err(HeaderError(format!("{name:?} is no header name")));
    }
    if RESERVED.contains(&lower.as_str()) || RESERVED_PREFIXES.iter().any(|prefix| lower.starts_with(prefix)) {
        return Err(HeaderError(format!("the header {name} is written by the product and can't be set")));
    }
    Ok(())
}

/// Checks custom headers: token names, visible ASCII values (so no CR or LF), nothing that the
/// product or the protocol writes itself, at most 20 and 8 KiB together.
pub fn check_headers<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<(), HeaderError> {
    let mut bytes = 0;
    let mut count = 0;
    for (name, value) in headers {
        count += 1;
        bytes += name.len() + value.len();
        check_header_name(name)?;
        if SECRET_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(HeaderError(format!("{name} carries a secret: store it as a credential and name that in credential_id")));
        }
        if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) || value.trim() != value {
            return Err(HeaderError(format!("the value of {name} must be visible ASCII without line breaks")));
        }
    }
    if count > HEADERS_MAX || bytes > HEADER_BYTES_MAX {
        return Err(HeaderError("at most 20 headers of 8192 bytes together".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_split_or_forge_are_refused() {
        assert!(check_headers([("X-Team", "blue"), ("x-region", "eu west")]).is_ok());
        assert!(check_headers([("Authorization", "Bearer abc")]).is_err());
        for (name, value) in [
            ("X-A", "b\r\nX-Evil: 1"),
            ("X-A\r\nB", "c"),
            ("", "x"),
            ("Host", "a"),
            ("Webhook-Signature", "v1,"),
            ("content-length", "0"),
            ("x-alga-signature", "1"),
            ("X-A", "ä"),
            ("X-A", " b"),
            ("X A", "b"),
        ] {
            assert!(check_headers([(name, value)]).is_err(), "{name}: {value}");
        }
        let many: Vec<_> = (0..21).map(|n| format!("x-{n}")).collect();
        assert!(check_headers(many.iter().map(|name| (name.as_str(), "1"))).is_err());
        assert!(check_headers([("x-long", "a".repeat(9000).as_str())]).is_err());
    }
}
