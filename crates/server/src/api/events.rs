//! Events: published here, fanned out in the same commit.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hookswitch_domain::destination::{Body, Header, check_headers};
use hookswitch_domain::event::EventType;
use hookswitch_domain::id::{EventId, GroupId, made_at};
use hookswitch_domain::permission::Permission;
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::outbound::catalogue::{MISMATCHES_MAX, Refusal};
use hookswitch_pipeline::outbound::envelope;
use hookswitch_pipeline::outbound::publish::{Key, Outgoing, Published};
use hookswitch_store::event::{self as rows, Event as Row, Meta};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::body;
use super::caller::{self, Caller};
use super::destinations::EventHeader;
use super::idempotency;
use super::list::{List, Listed, PageParams};
use super::path::Id;
use super::problem::{Checks, FieldError, Problem};
use crate::app::App;
use crate::edge::Arrival;

const BATCH_MAX: usize = 500;
const REFERENCES_MAX: usize = 20;
const REFERENCE_NAME_MAX: usize = 64;

/// An event to be published.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEvent {
    #[schema(value_type = String, example = "invoice.paid")]
    event_type: EventType,
    /// Any JSON value. Its bytes reach the receivers exactly as they are sent here.
    #[schema(value_type = serde_json::Value, example = json!({"invoice": "2026-0042", "amount": 4200}))]
    payload: Box<RawValue>,
    #[schema(example = "order-4711")]
    correlation_id: Option<String>,
    causation_id: Option<String>,
    /// What the event is about: `alert_id`, `evidence_id`, `ticket_id`, ...; values are text.
    #[serde(default)]
    #[schema(value_type = Object, example = json!({"ticket_id": "tkt_01jd8r7c5tevzs9c1ghvzv3hkp"}))]
    references: serde_json::Map<String, serde_json::Value>,
    /// The group that it belongs to: destinations of other groups don't get it.
    #[schema(value_type = Option<String>)]
    group_id: Option<GroupId>,
    /// Ordered destinations get events of one key one after the other.
    ordering_key: Option<String>,
    /// Headers that go out with this event alone.
    #[serde(default)]
    headers: Vec<EventHeader>,
}

/// Accepted: on disk, with a delivery for each destination that it is for.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Accepted {
    #[schema(value_type = String, example = "evt_01jd8r7c5tevzs9c1ghvzv3hkp")]
    event_id: EventId,
    matched_destinations: usize,
}

/// Publish an event.
#[utoipa::path(post, path = "/api/v1/events", operation_id = "publishEvent", tag = "events", request_body = NewEvent,
    extensions(("x-permission" = json!("event:publish"))),
    responses((status = 202, description = "On disk, and on its way", body = Accepted)))]
pub async fn publish(State(app): State<Arc<App>>, caller: Caller, request: Request) -> Result<Response, Problem> {
    let limit = app.config.limits.event_bytes;
    let answer = |counts: &[(EventId, usize)]| match counts {
        [(event_id, matched)] => json!({ "event_id": event_id, "matched_destinations": matched }).to_string(),
        _ => "null".to_owned(),
    };
    let one = Way { limit, answer, place: |_| None };
    accept(&app, &caller, request, one, |bytes| Ok(vec![body::parse::<NewEvent>(bytes)?])).await
}

/// Events of one tenant, all or none.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// 1 to 500.
    events: Vec<NewEvent>,
}

/// One answer per event, in their order.
#[derive(Serialize, ToSchema)]
pub struct AcceptedBatch {
    events: Vec<Accepted>,
}

/// Publish up to 500 events at once, all or none.
#[utoipa::path(post, path = "/api/v1/events/batch", operation_id = "publishEvents", tag = "events", request_body = Batch,
    extensions(("x-permission" = json!("event:publish"))),
    responses((status = 202, description = "All on disk, and on their way", body = AcceptedBatch)))]
pub async fn publish_batch(State(app): State<Arc<App>>, caller: Caller, request: Request) -> Result<Response, Problem> {
    let limit = app.config.limits.event_bytes.saturating_mul(16);
    let answer = |counts: &[(EventId, usize)]| {
        let one = |(event_id, matched): &(EventId, usize)| json!({ "event_id": event_id, "matched_destinations": matched });
        json!({ "events": counts.iter().map(one).collect::<Vec<_>>() }).to_string()
    };
    let many = Way { limit, answer, place: |index| Some(format!("events[{index}]")) };
    accept(&app, &caller, request, many, |bytes| {
        let batch: Batch = body::parse(bytes)?;
        match (1..=BATCH_MAX).contains(&batch.events.len()) {
            true => Ok(batch.events),
            false => Err(Problem::invalid("events", "length", "must have 1 to 500 entries")),
        }
    })
    .await
}

/// A caller whose rights changed meanwhile is looked at anew, which needs no second time.
const TRIES: usize = 32;

/// One event or many.
struct Way {
    limit: usize,
    answer: fn(&[(EventId, usize)]) -> String,
    /// Where the event of this index stands in the body, if not at its top.
    place: fn(usize) -> Option<String>,
}

async fn accept(
    app: &App,
    caller: &Caller,
    request: Request,
    way: Way,
    parse: impl FnOnce(&Bytes) -> Result<Vec<NewEvent>, Problem>,
) -> Result<Response, Problem> {
    let Way { limit, answer, place } = way;
    let key = idempotency::key(request.headers())?;
    let scope = request.extensions().get::<MatchedPath>().map_or_else(String::new, |path| path.as_str().to_owned());
    let bytes = body::read(request, limit).await?;
    let key = key.map(|key| {
        let request_hash = app.fingerprints.of(caller.tenant, &bytes);
        Key { key, scope, request_hash, status: 202, response: answer }
    });
    let events = parse(&bytes)?;
    let check = |(index, event): (usize, NewEvent)| {
        event.check(app, &caller.arrival).map_err(|problem| match place(index) {
            Some(place) => problem.within(&place),
            None => problem,
        })
    };
    let events: Arc<[Outgoing]> = events.into_iter().enumerate().map(check).collect::<Result<_, Problem>>()?;
    let mut caller = caller.clone();
    for _ in 0..TRIES {
        match app.engine.publisher.publish(caller.tenant, caller.rights(), events.clone(), key.clone()).await? {
            Published::Stored(counts) => return Ok(respond(StatusCode::ACCEPTED, answer(&counts))),
            Published::Repeated { status, response } => {
                let mut repeated = respond(StatusCode::from_u16(status).unwrap_or(StatusCode::ACCEPTED), response);
                repeated.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
                return Ok(repeated);
            }
            Published::Refused(refused) => return Err(refuse(refused, place)),
            Published::KeyReused => return Err(idempotency::reused()),
            Published::RightsChanged => caller = caller::again(app, &caller, Permission::EventPublish).await?,
        }
    }
    Err(Problem::unavailable("the tenant's configuration kept changing while this was published"))
}

/// What the catalogue says, ten things at most.
fn refuse(refused: Vec<(usize, Refusal)>, place: fn(usize) -> Option<String>) -> Problem {
    let mut errors = Vec::new();
    let unknown = refused.iter().all(|(_, refusal)| *refusal == Refusal::UnknownType);
    for (index, refusal) in refused {
        let field = |name: &str| place(index).map_or_else(|| name.to_owned(), |place| format!("{place}.{name}"));
        match refusal {
            Refusal::UnknownType => {
                let detail = "is not in the catalogue, which is strict here; register it with POST /api/v1/event-types";
                errors.push(FieldError::new(field("event_type"), "unknown_event_type", detail));
            }
            Refusal::Payload(mismatches) => errors.extend(mismatches.into_iter().map(|mismatch| {
                let detail = format!("{} {}", mismatch.pointer, mismatch.message).trim_start().to_owned();
                FieldError { pointer: Some(mismatch.pointer), ..FieldError::new(field("payload"), "schema_mismatch", detail) }
            })),
        }
    }
    errors.truncate(MISMATCHES_MAX);
    Problem::fields(errors).coded(if unknown { "unknown_event_type" } else { "schema_mismatch" })
}

fn respond(status: StatusCode, body: String) -> Response {
    (status, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

impl NewEvent {
    pub(super) fn check(self, app: &App, arrival: &Arrival) -> Result<Outgoing, Problem> {
        let mut checks = Checks::default();
        let payload = self.payload.get();
        if payload.len() > app.config.limits.event_bytes {
            return Err(Problem::too_large(app.config.limits.event_bytes));
        }
        let texts = [
            ("correlation_id", &self.correlation_id),
            ("causation_id", &self.causation_id),
            ("ordering_key", &self.ordering_key),
        ];
        for (field, text) in texts {
            if text.as_ref().is_some_and(|text| text.is_empty() || text.len() > 200 || text.chars().any(char::is_control)) {
                checks.fail(field, "invalid", "must have 1 to 200 characters without control characters");
            }
        }
        if self.references.len() > REFERENCES_MAX {
            checks.fail("references", "length", "must have 20 entries at most");
        }
        let readable = |name: &str| (1..=REFERENCE_NAME_MAX).contains(&name.len()) && !name.chars().any(char::is_control);
        for (name, value) in self.references.iter().take(REFERENCES_MAX) {
            if !readable(name) {
                checks.fail("references", "invalid", "must have names of 1 to 64 characters without control characters");
            } else if value.as_str().is_none_or(|text| text.len() > 200) {
                checks.fail(format!("references.{name}"), "invalid", "must be a text of 200 characters at most");
            }
        }
        let pairs = self.headers.iter().map(|header| (header.name.as_str(), header.value.as_str()));
        if let Err(error) = check_headers(pairs) {
            checks.fail("headers", "invalid", error.to_string());
        }
        checks.finish()?;
        let payload = Bytes::copy_from_slice(payload.as_bytes());
        let headers = self.headers.into_iter().map(|header| Header { name: header.name, value: header.value });
        let meta = Meta {
            correlation_id: self.correlation_id,
            causation_id: self.causation_id,
            references: self.references,
            group_id: self.group_id,
            ordering_key: self.ordering_key,
            headers: headers.collect(),
            source: "api".to_owned(),
            traceparent: arrival.traceparent.as_deref().map(str::to_owned),
            ..Meta::default()
        };
        Ok(Outgoing { event_type: self.event_type, payload, meta })
    }
}

/// An event as it is shown.
#[derive(Serialize, ToSchema)]
pub struct Event {
    #[schema(value_type = String, example = "evt_01jd8r7c5tevzs9c1ghvzv3hkp")]
    id: EventId,
    event_type: String,
    /// Null for callers who see things redacted.
    #[schema(value_type = Option<serde_json::Value>)]
    payload: Option<Box<RawValue>>,
    /// Retention has removed the payload, which is null from then on.
    payload_purged: bool,
    redacted: bool,
    correlation_id: Option<String>,
    causation_id: Option<String>,
    #[schema(value_type = Object)]
    references: serde_json::Map<String, serde_json::Value>,
    #[schema(value_type = Option<String>)]
    group_id: Option<GroupId>,
    ordering_key: Option<String>,
    /// `api`, `desk`, `test` or `delivery`.
    source: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl Event {
    fn of(row: Row, redacted: bool) -> Self {
        let payload_purged = row.payload.is_empty();
        let payload = String::from_utf8(row.payload).ok().and_then(|text| RawValue::from_string(text).ok());
        Self {
            id: row.id,
            event_type: row.event_type,
            payload: payload.filter(|_| !redacted),
            payload_purged,
            redacted,
            correlation_id: row.meta.correlation_id,
            causation_id: row.meta.causation_id,
            references: row.meta.references,
            group_id: row.meta.group_id,
            ordering_key: row.meta.ordering_key,
            source: row.meta.source,
            created_at: made_at(row.id.uuid()),
        }
    }
}

#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Exactly this type
    event_type: Option<String>,
    correlation_id: Option<String>,
    /// Text that the payload holds, in any case; not for callers who see things redacted.
    text: Option<String>,
}

/// Events, newest first. With `correlation_id` or `text` a page may be short, or empty, before the end:
/// `next_cursor` says.
#[utoipa::path(get, path = "/api/v1/events", operation_id = "listEvents", tag = "events", params(PageParams, Filter),
    extensions(("x-permission" = json!("event:read"))),
    responses((status = 200, description = "A page of events", body = Listed<Event>)))]
pub async fn list(caller: Caller, List { page, filter }: List<Filter>) -> Result<axum::Json<Listed<Event>>, Problem> {
    let redacted = caller.redacted;
    let Filter { event_type, correlation_id, text } = filter;
    // Who may not see payloads must not find out by asking what they hold.
    if redacted && text.is_some() {
        return Err(Problem::forbidden("your role sees events without their payloads"));
    }
    let search = rows::Search { event_type, correlation_id, text };
    let job = caller.store.read::<_, Problem, _>(move |tx| Box::pin(async move { Ok(rows::search(tx, &page, &search).await?) }));
    Ok(axum::Json(Listed::walked(job.await?, |row| Event::of(row, redacted))))
}

/// One event.
#[utoipa::path(get, path = "/api/v1/events/{id}", operation_id = "getEvent", tag = "events",
    params(("id" = String, Path, description = "`evt_...`")), extensions(("x-permission" = json!("event:read"))),
    responses((status = 200, description = "The event", body = Event)))]
pub async fn get(caller: Caller, Id(id): Id<EventId>) -> Result<axum::Json<Event>, Problem> {
    let found = caller.store.read::<_, Problem, _>(move |tx| Box::pin(async move { Ok(rows::get(tx, id).await?) })).await?;
    Ok(axum::Json(Event::of(found.ok_or_else(Problem::not_found)?, caller.redacted)))
}

/// The event's envelope, byte for byte as destinations get it that neither filter nor transform.
#[utoipa::path(get, path = "/api/v1/events/{id}/envelope", operation_id = "getEventEnvelope", tag = "events",
    params(("id" = String, Path, description = "`evt_...`")), extensions(("x-permission" = json!("event:read"))),
    responses((status = 200, description = "The envelope", body = Object)))]
pub async fn envelope(caller: Caller, Id(id): Id<EventId>) -> Result<Response, Problem> {
    let found = caller.store.read::<_, Problem, _>(move |tx| Box::pin(async move { Ok(rows::get(tx, id).await?) })).await?;
    let row = found.ok_or_else(Problem::not_found)?;
    if caller.redacted {
        return Err(Problem::forbidden("your role sees events without their payloads"));
    }
    let bytes = envelope::body(Body::Envelope, &caller.tenant_slug, row.id, &row.event_type, &row.payload.into(), &row.meta);
    let bytes = bytes.ok_or_else(|| Problem::internal("the stored payload is no JSON"))?;
    Ok(([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], bytes).into_response())
}
