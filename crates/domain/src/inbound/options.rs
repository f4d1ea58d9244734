//! What a webhook's owner may choose beside SEED-3's fields. It is one document in the store, so
//! that a choice more needs no column.

use serde::{Deserialize, Serialize};

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

/// What a sender hears whose request was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AckStyle {
    /// 200 `{delivery_id}`.
    #[default]
    Json,
    /// 200 without a body.
    Empty,
    /// 202 `{delivery_id}`.
    Accepted,
    /// 200 with a text of the owner's, for senders that look for one.
    Text,
}

/// A text is at most this long.
pub const ACK_TEXT_CHARS_MAX: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ack {
    pub style: AckStyle,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Acknowledge also what the mapping or the action refused: for senders that switch a webhook
    /// off after a 4xx.
    pub always: bool,
}

/// When the handler runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Before the answer, which says what became of it.
    #[default]
    Sync,
    /// After the answer, by a worker, with retries.
    Async,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    pub duplicate_response: DuplicateResponse,
    pub ack: Ack,
    pub mode: Mode,
    /// JSONata that gives the list of what came in one request: one delivery each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// Whether GET is taken, its query being the body.
    pub allow_get: bool,
}

/// One request holds at most so many.
pub const SPLIT_MAX: usize = 500;
