//! What a destination receives: the envelope of CONTRACT 7 around the publisher's payload bytes, or
//! those bytes alone. Everything in it was fixed when the event was accepted, so that every attempt
//! sends the same bytes.

use bytes::Bytes;
use hookswitch_domain::destination::Body;
use hookswitch_domain::id::{EventId, GroupId, made_at};
use hookswitch_domain::time::Timestamp;
use hookswitch_store::event::Meta;
use serde::Serialize;
use serde_json::value::RawValue;

const SCHEMA_VERSION: &str = "1";

#[derive(Serialize)]
struct Envelope<'a> {
    event_id: EventId,
    event_type: &'a str,
    schema_version: &'a str,
    tenant: &'a str,
    source: &'a str,
    timestamp: Timestamp,
    correlation_id: Option<&'a str>,
    causation_id: Option<&'a str>,
    group_id: Option<GroupId>,
    references: &'a serde_json::Map<String, serde_json::Value>,
    payload: &'a RawValue,
}

/// The request's body. `None` only if the stored payload is no JSON, which accepting it rules out.
pub fn body(kind: Body, tenant: &str, id: EventId, event_type: &str, payload: &Bytes, meta: &Meta) -> Option<Bytes> {
    if kind == Body::Payload {
        return Some(payload.clone());
    }
    let envelope = Envelope {
        event_id: id,
        event_type,
        schema_version: SCHEMA_VERSION,
        tenant,
        source: &meta.source,
        timestamp: made_at(id.uuid()),
        correlation_id: meta.correlation_id.as_deref(),
        causation_id: meta.causation_id.as_deref(),
        group_id: meta.group_id,
        references: &meta.references,
        payload: serde_json::from_slice(payload).ok()?,
    };
    let mut bytes = Vec::with_capacity(payload.len() + 512);
    serde_json::to_writer(&mut bytes, &envelope).ok()?;
    Some(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_publishers_bytes_stand_untouched_inside() {
        let payload = Bytes::from_static(b"{ \"b\":1.10,\t\"a\": 12345678901234567890 , \"a\":null}");
        let meta = Meta { source: "api".to_owned(), ..Meta::default() };
        let id = EventId::new(Timestamp::from_millis(1_700_000_000_000), [7; 10]);
        let body = body(Body::Envelope, "acme", id, "a.b", &payload, &meta).unwrap();
        let text = std::str::from_utf8(&body).unwrap();
        assert!(text.ends_with(&format!("\"payload\":{}}}", std::str::from_utf8(&payload).unwrap())), "{text}");
        assert!(text.starts_with("{\"event_id\":\"evt_"));
        assert!(text.contains("\"timestamp\":\"2023-11-14T22:13:20.000Z\""));
    }
}
