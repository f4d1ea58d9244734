//! What a group's webhook was sent, and sending it again.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::response::Response;
use hookswitch_domain::delivery::State as DeliveryState;
use hookswitch_domain::id::{DeliveryId, DestinationId, EventId, made_at};
use hookswitch_domain::time::Timestamp;
use hookswitch_store::Tx;
use hookswitch_store::delivery::{self as rows, Delivery as Row, Filter};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::{InGroup, WebhookSent, found};
use crate::api::caller::Caller;
use crate::api::deliveries;
use crate::api::idempotency::{Created, Once};
use crate::api::list::{Filtered, List, Listed, PageParams};
use crate::api::path::{Id, Ids};
use crate::api::problem::Problem;
use crate::app::App;

/// One event on its way to a webhook.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookDelivery {
    #[schema(value_type = String, example = "dlv_01jd8r7c5tevzs9c1ghvzv3hkp")]
    id: DeliveryId,
    #[schema(value_type = String)]
    event_id: EventId,
    #[schema(example = "task.completed")]
    event: String,
    /// What it is about, and nothing of what it says.
    #[schema(example = "task.completed of tsk_01jd8r7c5tevzs9c1ghvzv3hkp")]
    payload_summary: String,
    /// `queued` while it goes on by itself; then `delivered`, `failed` (given up, filtered or cancelled) or `dead-letter`.
    #[schema(value_type = String, example = "delivered")]
    status: &'static str,
    attempts: u32,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_attempt_at: Option<Timestamp>,
    error_message: Option<String>,
    /// Of a replay: which delivery it repeats.
    #[schema(value_type = Option<String>)]
    replayed_from: Option<DeliveryId>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// A page of a log, newest first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookDeliveries {
    data: Vec<WebhookDelivery>,
    /// Send it as `cursor` to go on; null at the end.
    next_cursor: Option<String>,
}

const fn status(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Delivered => "delivered",
        DeliveryState::DeadLettered => "dead-letter",
        state if state.is_terminal() => "failed",
        _ => "queued",
    }
}

/// The references by which an event says what it is about, the most particular first.
const ABOUT: [&str; 4] = ["swap_id", "task_id", "member_id", "group_id"];

impl WebhookDelivery {
    async fn of(tx: &mut Tx, row: Row) -> Result<Self, Problem> {
        let last = match row.attempt_count {
            0 => None,
            _ => rows::attempts(tx, row.id).await?.into_iter().rev().find(|attempt| attempt.number.is_some()),
        };
        let about = ABOUT.iter().find_map(|name| row.meta.references.get(*name)?.as_str());
        Ok(Self {
            payload_summary: about.map_or_else(|| row.event_type.clone(), |id| format!("{} of {id}", row.event_type)),
            error_message: row.last_reason.filter(|_| row.state != DeliveryState::Delivered),
            status: status(row.state),
            attempts: row.attempt_count,
            last_attempt_at: last.map(|attempt| attempt.started_at),
            replayed_from: row.replayed_from,
            created_at: made_at(row.id.uuid()),
            id: row.id,
            event_id: row.event_id,
            event: row.event_type,
        })
    }
}

/// What was sent to a webhook, newest first: look again to see how it goes on.
#[utoipa::path(get, path = "/api/integrations/webhooks/{id}/deliveries", operation_id = "listGroupWebhookDeliveries",
    tag = "groups", params(("id" = String, Path, description = "`dst_...`"), PageParams, InGroup),
    responses((status = 200, description = "A page of deliveries", body = WebhookDeliveries)),
    extensions(("x-permission" = json!("group:admin"))))]
pub async fn deliveries(
    caller: Caller,
    Id(id): Id<DestinationId>,
    List { page, filter: asked }: List<InGroup>,
) -> Result<Answer<WebhookDeliveries>, Problem> {
    let store = caller.store.clone();
    let job = store.read::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            found(tx, &caller, id, asked).await?;
            let filter = Filter { destination: Some(id), ..Filter::default() };
            let rows::Listing { rows, next } = rows::list(tx, &page, &filter).await?;
            let mut told = Vec::with_capacity(rows.len());
            for row in rows {
                told.push(WebhookDelivery::of(tx, row).await?);
            }
            Ok(rows::Listing { rows: told, next })
        })
    });
    let Listed { data, next_cursor } = Listed::walked(job.await?, |told| told);
    Ok(Answer(WebhookDeliveries { data, next_cursor }))
}

/// Send a finished delivery's event again, whether it failed or was delivered: a new delivery that names this one.
#[utoipa::path(post, path = "/api/integrations/webhooks/{id}/replay/{delivery_id}", operation_id = "replayGroupWebhookDelivery",
    tag = "groups",
    params(("id" = String, Path, description = "`dst_...`"), ("delivery_id" = String, Path, description = "`dlv_...`"), InGroup),
    responses((status = 202, description = "On its way", body = WebhookSent),
        (status = 409, description = "It isn't finished, or its payload was removed by retention")),
    extensions(("x-permission" = json!("group:admin"))))]
pub async fn replay(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(id, delivery): Ids<DestinationId, DeliveryId>,
    Filtered(asked): Filtered<InGroup>,
    once: Once,
) -> Result<Response, Problem> {
    let store = caller.store.clone();
    let job = once.run(&store, move |tx| {
        Box::pin(async move {
            found(tx, &caller, id, asked).await?;
            let row = rows::get(tx, delivery).await?.filter(|row| row.destination_id == id).ok_or_else(Problem::not_found)?;
            let delivery_id = deliveries::send_again(tx, &app, &caller, &row).await?;
            Created::with_status(StatusCode::ACCEPTED, &WebhookSent { delivery_id })
        })
    });
    job.await
}
