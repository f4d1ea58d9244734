//! Deliveries and their attempts: what was sent, when, and what came back.

pub mod request;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use hookswitch_domain::delivery::State as DeliveryState;
use hookswitch_domain::id::{AttemptId, AuditId, DeliveryId, DestinationId, EventId, made_at, uuid_v7};
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::outbound::publish::LEASE_MS;
use hookswitch_store::dead_letter::{self, Replay};
use hookswitch_store::delivery::{self as rows, Attempt as AttemptRow, Delivery as Row, Filter};
use hookswitch_store::{Tx, trail};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::caller::Caller;
use super::idempotency::{Created, Once};
use super::list::{List, Listed, PageParams};
use super::path::Id;
use super::problem::Problem;
use crate::app::App;

/// One event on its way to one destination.
#[derive(Serialize, ToSchema)]
pub struct Delivery {
    #[schema(value_type = String, example = "dlv_01jd8r7c5tevzs9c1ghvzv3hkp")]
    id: DeliveryId,
    #[schema(value_type = String)]
    event_id: EventId,
    event_type: String,
    #[schema(value_type = String)]
    destination_id: DestinationId,
    /// Null once the destination is deleted.
    destination_name: Option<String>,
    /// `pending`, `delivering`, `delivered`, `filtered`, `retry_scheduled`, `parked`, `dead_lettered`, `failed`, `discarded` or `cancelled`.
    #[schema(value_type = String, example = "delivered")]
    state: DeliveryState,
    /// For `parked`: `destination_disabled`, `destination_paused`, `tenant_paused`, `installation_paused`, `secret_unavailable`, `receiver_gone` or `exhausted`.
    parked_reason: Option<String>,
    attempt_count: u32,
    #[schema(value_type = Option<String>, format = DateTime)]
    next_attempt_at: Option<Timestamp>,
    correlation_id: Option<String>,
    /// Of its event: an ordered destination gets what has the same key one after the other.
    ordering_key: Option<String>,
    /// What the event is about: `alert_id`, `evidence_id`, `ticket_id` and the like, and `actor_id`, who caused it.
    #[schema(value_type = Object)]
    references: serde_json::Map<String, Value>,
    /// Its first entry in the audit trail; `/api/v1/audit?target=` with the delivery's id lists all of them.
    #[schema(value_type = String, example = "aud_01jd8r7c5tevzs9c1ghvzv3hkp")]
    audit_id: AuditId,
    #[schema(value_type = Option<String>)]
    replayed_from: Option<DeliveryId>,
    last_status: Option<u32>,
    last_reason: Option<String>,
    /// The record that the receiver made of it, where its adapter creates records.
    external_ref: Option<ExternalRef>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// A record of somebody else's. Ours stays the canonical one.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ExternalRef {
    /// Whose record it is.
    #[schema(example = "jira")]
    system: String,
    #[schema(example = "OPS-4711")]
    id: String,
    /// Where people look at it.
    #[schema(example = "https://acme.atlassian.net/browse/OPS-4711")]
    url: Option<String>,
}

impl From<Row> for Delivery {
    fn from(row: Row) -> Self {
        Self {
            created_at: made_at(row.id.uuid()),
            audit_id: trail::scheduled(row.id),
            id: row.id,
            event_id: row.event_id,
            event_type: row.event_type,
            destination_id: row.destination_id,
            destination_name: row.destination_name,
            state: row.state,
            parked_reason: row.parked_reason,
            attempt_count: row.attempt_count,
            next_attempt_at: row.next_attempt_at,
            correlation_id: row.meta.correlation_id,
            ordering_key: row.meta.ordering_key,
            references: row.meta.references,
            replayed_from: row.replayed_from,
            last_status: row.last_status,
            last_reason: row.last_reason,
            external_ref: row.external_ref.and_then(|stored| serde_json::from_value(stored).ok()),
            updated_at: row.updated_at,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    state: Option<DeliveryState>,
    destination_id: Option<DestinationId>,
    event_id: Option<EventId>,
}

/// Deliveries, newest first. With filters a page looks at a bounded number of rows: it may be short, or even
/// empty, although there is more; `next_cursor` then says where to go on.
#[utoipa::path(get, path = "/api/v1/integrations/deliveries", operation_id = "listDeliveries", tag = "deliveries",
    params(PageParams, ("state" = Option<String>, Query, description = "Only this state"),
        ("destination_id" = Option<String>, Query, description = "Only to this destination"),
        ("event_id" = Option<String>, Query, description = "Only of this event")),
    extensions(("x-permission" = json!("delivery:read")), ("x-portal" = json!(true))),
    responses((status = 200, description = "A page of deliveries", body = Listed<Delivery>)))]
pub async fn list(caller: Caller, List { page, filter }: List<Query>) -> Result<axum::Json<Listed<Delivery>>, Problem> {
    let filter = Filter { state: filter.state, destination: filter.destination_id, event: filter.event_id };
    let found =
        caller.store.read::<_, Problem, _>(move |tx| Box::pin(async move { Ok(rows::list(tx, &page, &filter).await?) })).await?;
    Ok(axum::Json(Listed::walked(found, Delivery::from)))
}

/// One delivery.
#[utoipa::path(get, path = "/api/v1/integrations/deliveries/{id}", operation_id = "getDelivery", tag = "deliveries",
    params(("id" = String, Path, description = "`dlv_...`")), extensions(("x-permission" = json!("delivery:read")), ("x-portal" = json!(true))),
    responses((status = 200, description = "The delivery", body = Delivery)))]
pub async fn get(caller: Caller, Id(id): Id<DeliveryId>) -> Result<axum::Json<Delivery>, Problem> {
    let found = caller.store.read::<_, Problem, _>(move |tx| Box::pin(find(tx, id))).await?;
    Ok(axum::Json(found.into()))
}

/// One try of a delivery.
#[derive(Serialize, ToSchema)]
pub struct Attempt {
    #[schema(value_type = String, example = "att_01jd8r7c5tevzs9c1ghvzv3hkp")]
    id: AttemptId,
    /// 1, 2, 3; null where nothing was sent, which costs no attempt.
    number: Option<u32>,
    sent: bool,
    /// `accepted`, `retryable`, `exhausted`, `terminal`, `gone`, `refused`, `secret_unavailable`, `filtered` or `interrupted`.
    outcome: String,
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    duration_ms: f64,
    /// The receiver's HTTP status.
    status: Option<u32>,
    /// Whether another attempt follows.
    retryable: bool,
    /// Plain language: `connection refused`, `answered 500`.
    #[schema(example = "answered 500")]
    reason: String,
    /// The head of the answer as text, bounded; null for callers who see things redacted.
    response_summary: Option<String>,
    remote_address: Option<String>,
    timings: Timings,
}

/// How long each phase took, in microseconds; null for phases that didn't happen (a kept connection).
#[derive(Serialize, ToSchema)]
pub struct Timings {
    dns_us: Option<u64>,
    connect_us: Option<u64>,
    tls_us: Option<u64>,
    first_byte_us: Option<u64>,
    total_us: Option<u64>,
}

impl Attempt {
    pub(super) fn of(delivery: DeliveryId, row: AttemptRow, redacted: bool) -> Self {
        let number = |name: &str| row.detail.get(name).and_then(Value::as_u64);
        let flag = |name: &str| row.detail.get(name).and_then(Value::as_bool).unwrap_or(false);
        let text = |name: &str| row.detail.get(name).and_then(Value::as_str).map(str::to_owned);
        Self {
            id: attempt_id(delivery, row.record, row.started_at),
            number: row.number,
            sent: flag("sent"),
            started_at: row.started_at,
            duration_ms: number("total_us").unwrap_or(0) as f64 / 1_000.0,
            status: row.status,
            retryable: flag("retryable"),
            response_summary: text("response").filter(|_| !redacted),
            remote_address: text("remote"),
            timings: Timings {
                dns_us: number("dns_us"),
                connect_us: number("connect_us"),
                tls_us: number("tls_us"),
                first_byte_us: number("first_byte_us"),
                total_us: number("total_us"),
            },
            outcome: row.outcome,
            reason: row.reason,
        }
    }
}

/// An attempt is stored under its delivery and number; its id is made of them.
fn attempt_id(delivery: DeliveryId, record: u32, at: Timestamp) -> AttemptId {
    let mut random = [0; 10];
    random[..6].copy_from_slice(&delivery.uuid().as_bytes()[10..]);
    random[6..].copy_from_slice(&record.to_be_bytes());
    AttemptId(uuid_v7(at, random))
}

/// Every try of a delivery, the first one first.
#[derive(Serialize, ToSchema)]
pub struct Attempts {
    data: Vec<Attempt>,
}

/// What was tried: attempts, and what was refused or interrupted before anything was sent.
#[utoipa::path(get, path = "/api/v1/integrations/deliveries/{id}/attempts", operation_id = "listAttempts", tag = "deliveries",
    params(("id" = String, Path, description = "`dlv_...`")), extensions(("x-permission" = json!("delivery:read")), ("x-portal" = json!(true))),
    responses((status = 200, description = "All tries, the first one first", body = Attempts)))]
pub async fn attempts(caller: Caller, Id(id): Id<DeliveryId>) -> Result<axum::Json<Attempts>, Problem> {
    let redacted = caller.redacted;
    let job = caller.store.read::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            find(tx, id).await?;
            Ok(rows::attempts(tx, id).await?)
        })
    });
    Ok(axum::Json(Attempts { data: job.await?.into_iter().map(|row| Attempt::of(id, row, redacted)).collect() }))
}

/// The new delivery.
#[derive(Serialize, ToSchema)]
pub struct Replayed {
    #[schema(value_type = String, example = "dlv_01jd8r7c5tevzs9c1ghvzv3hkp")]
    pub(super) delivery_id: DeliveryId,
}

/// Send the event to the same destination again: a new delivery with the same `webhook-id`, linked to this one.
#[utoipa::path(post, path = "/api/v1/integrations/deliveries/{id}/replay", operation_id = "replayDelivery", tag = "deliveries",
    params(("id" = String, Path, description = "`dlv_...`")), extensions(("x-permission" = json!("delivery:replay")), ("x-portal" = json!(true))),
    responses((status = 202, description = "On its way", body = Replayed),
        (status = 409, description = "It isn't finished, its destination is deleted, or its payload was removed by retention")))]
pub async fn replay(
    caller: Caller,
    State(app): State<Arc<App>>,
    Id(id): Id<DeliveryId>,
    once: Once,
) -> Result<Response, Problem> {
    let store = caller.store.clone();
    once.run(&store, move |tx| {
        Box::pin(async move {
            let row = find(tx, id).await?;
            let delivery_id = send_again(tx, &app, &caller, &row).await?;
            Created::with_status(StatusCode::ACCEPTED, &Replayed { delivery_id })
        })
    })
    .await
}

/// Sends what this delivery sent once more: a new delivery that is linked to it.
pub(super) async fn send_again(tx: &mut Tx, app: &App, caller: &Caller, row: &Row) -> Result<DeliveryId, Problem> {
    let fresh: DeliveryId = app.ambient.fresh();
    match dead_letter::replay(tx, row.id, fresh, false, LEASE_MS).await? {
        Replay::Made => {}
        Replay::NotNow => {
            return Err(Problem::conflict("not_finished", "this delivery isn't finished; it will be tried by itself"));
        }
        Replay::Gone if row.destination_name.is_some() => return Err(payload_purged()),
        Replay::Gone => return Err(Problem::conflict("destination_deleted", "its destination is deleted")),
    }
    caller.record(tx, app, "delivery.replayed", row.id, json!({ "delivery_id": fresh })).await?;
    app.engine.publisher.wake_after(tx);
    Ok(fresh)
}

/// There is nothing left that could be sent.
pub fn payload_purged() -> Problem {
    Problem::conflict("payload_purged", "retention has removed the event's payload, so that it can't be sent again")
}

/// Stop a delivery that isn't finished. What is in the air may still arrive.
#[utoipa::path(post, path = "/api/v1/integrations/deliveries/{id}/cancel", operation_id = "cancelDelivery", tag = "deliveries",
    params(("id" = String, Path, description = "`dlv_...`")), extensions(("x-permission" = json!("delivery:cancel")), ("x-portal" = json!(true))),
    responses((status = 200, description = "Cancelled", body = Delivery), (status = 409, description = "It is finished already")))]
pub async fn cancel(
    caller: Caller,
    State(app): State<Arc<App>>,
    Id(id): Id<DeliveryId>,
) -> Result<axum::Json<Delivery>, Problem> {
    let store = caller.store.clone();
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            find(tx, id).await?;
            if !rows::end(tx, id, DeliveryState::Cancelled).await? {
                return Err(Problem::conflict("finished", "this delivery is finished already"));
            }
            caller.record(tx, &app, "delivery.cancelled", id, json!({})).await?;
            find(tx, id).await
        })
    });
    Ok(axum::Json(job.await?.into()))
}

async fn find(tx: &mut Tx, id: DeliveryId) -> Result<Row, Problem> {
    rows::get(tx, id).await?.ok_or_else(Problem::not_found)
}
