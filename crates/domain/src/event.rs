//! Events: facts that happened, immutable. An event's type is a dotted name; destinations
//! subscribe by pattern.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Events about deliveries themselves. `*` leaves them out, so that a destination which subscribes
/// to everything isn't sent the news of its own deliveries.
pub const OWN_PREFIX: &str = "integration.";

/// A chain of events and inbound deliveries that cause each other may be this long; what would
/// make it longer is refused as a loop.
pub const CAUSATION_DEPTH_MAX: u8 = 8;

/// `ticket.created`: dotted segments of `a-z 0-9 _ -`, at most 128 characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventType(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be dotted segments of a-z, 0-9, _ and -, like ticket.created, at most 128 characters")]
pub struct EventTypeError;

impl EventType {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_segment(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-';
    !text.is_empty() && text.bytes().all(allowed)
}

impl FromStr for EventType {
    type Err = EventTypeError;
    fn from_str(text: &str) -> Result<Self, EventTypeError> {
        if text.len() > 128 || !text.split('.').all(is_segment) {
            return Err(EventTypeError);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for EventType {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for EventType {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(from)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// What a destination subscribes to: one type, `ticket.*` for every depth below `ticket.`, or `*`
/// for everything but [`OWN_PREFIX`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventPattern {
    Everything,
    Below(String),
    Exactly(EventType),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be an event type, a type with .* at its end, or *")]
pub struct EventPatternError;

impl EventPattern {
    pub fn matches(&self, event_type: &str) -> bool {
        match self {
            Self::Everything => !event_type.starts_with(OWN_PREFIX),
            Self::Below(prefix) => event_type.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.starts_with('.')),
            Self::Exactly(wanted) => wanted.as_str() == event_type,
        }
    }
}

impl FromStr for EventPattern {
    type Err = EventPatternError;
    fn from_str(text: &str) -> Result<Self, EventPatternError> {
        if text == "*" {
            return Ok(Self::Everything);
        }
        let (name, below) = text.strip_suffix(".*").map_or((text, false), |prefix| (prefix, true));
        let event_type: EventType = name.parse().map_err(|_| EventPatternError)?;
        Ok(if below { Self::Below(event_type.0) } else { Self::Exactly(event_type) })
    }
}

impl fmt::Display for EventPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("*"),
            Self::Below(prefix) => write!(f, "{prefix}.*"),
            Self::Exactly(event_type) => f.write_str(event_type.as_str()),
        }
    }
}

impl Serialize for EventPattern {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EventPattern {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(from)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, event_type: &str) -> bool {
        pattern.parse::<EventPattern>().unwrap().matches(event_type)
    }

    #[test]
    fn a_star_reaches_every_depth_below_its_prefix_and_no_sibling() {
        assert!(matches("ticket.*", "ticket.created"));
        assert!(matches("ticket.*", "ticket.comment.added"));
        assert!(!matches("ticket.*", "ticket"));
        assert!(!matches("ticket.*", "ticketing.created"));
        assert!(matches("ticket.created", "ticket.created"));
        assert!(!matches("ticket.created", "ticket.created.twice"));
    }

    #[test]
    fn everything_leaves_out_our_own_events_which_are_subscribed_by_name() {
        assert!(matches("*", "anything.at.all"));
        assert!(!matches("*", "integration.delivery.failed"));
        assert!(matches("integration.*", "integration.delivery.failed"));
    }

    #[test]
    fn odd_spellings_are_refused() {
        for bad in ["", ".", "a.", ".a", "a..b", "A.b", "a b", "*.*", "**", "a.*.b", "tick*", &"a".repeat(129)] {
            assert!(bad.parse::<EventPattern>().is_err(), "{bad}");
        }
    }
}
