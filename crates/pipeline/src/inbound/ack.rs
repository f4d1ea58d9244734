//! What a sender hears whose request was taken: by the webhook's own choice, and as the log keeps it.

use hookswitch_domain::id::InboundDeliveryId;
use hookswitch_domain::inbound::{Ack, AckStyle};
use serde_json::{Map, Value, json};

/// An answer, word for word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub status: u16,
    /// None: there is no body.
    pub media: Option<&'static str>,
    pub body: String,
}

/// What there is to say of a request that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken<'a> {
    Done,
    /// No rule was true.
    Skipped,
    /// The first one's id is said.
    Duplicate,
    /// Of a batch, each part and what became of it.
    Batch(&'a [Part]),
}

/// One part of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub delivery: InboundDeliveryId,
    pub duplicate: bool,
    pub skipped: bool,
    /// The code of what went wrong.
    pub failed: Option<String>,
}

pub fn said(ack: &Ack, delivery: InboundDeliveryId, taken: Taken<'_>) -> Said {
    let json = || document(delivery, taken).to_string();
    match ack.style {
        AckStyle::Json => Said { status: 200, media: Some("application/json"), body: json() },
        AckStyle::Accepted => Said { status: 202, media: Some("application/json"), body: json() },
        AckStyle::Empty => Said { status: 200, media: None, body: String::new() },
        AckStyle::Text => {
            Said { status: 200, media: Some("text/plain; charset=utf-8"), body: ack.text.clone().unwrap_or_default() }
        }
    }
}

fn document(delivery: InboundDeliveryId, taken: Taken<'_>) -> Value {
    let mut said = Map::from_iter([("delivery_id".to_owned(), json!(delivery))]);
    match taken {
        Taken::Done => {}
        Taken::Skipped => drop(said.insert("skipped".to_owned(), true.into())),
        Taken::Duplicate => drop(said.insert("duplicate".to_owned(), true.into())),
        Taken::Batch(parts) => drop(said.insert("deliveries".to_owned(), parts.iter().map(Part::document).collect())),
    }
    Value::Object(said)
}

impl Part {
    pub(super) fn document(&self) -> Value {
        let mut said = Map::from_iter([("delivery_id".to_owned(), json!(self.delivery))]);
        for (name, is_so) in [("duplicate", self.duplicate), ("skipped", self.skipped)] {
            if is_so {
                said.insert(name.to_owned(), true.into());
            }
        }
        if let Some(code) = &self.failed {
            said.insert("code".to_owned(), json!(code));
        }
        Value::Object(said)
    }
}
