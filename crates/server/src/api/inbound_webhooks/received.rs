//! What an inbound webhook received, and what became of it.

use hookswitch_domain::id::{InboundDeliveryId, InboundWebhookId};
use hookswitch_domain::inbound::{AuthStatus, DispatchStatus};
use hookswitch_domain::time::Timestamp;
use hookswitch_store::inbound::{self as rows, Delivery as Row, Filter, Origin, Shelf};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::find;
use crate::api::caller::Caller;
use crate::api::list::{List, Listed, PageParams};
use crate::api::path::{Id, Ids};
use crate::api::problem::Problem;

/// One request that a webhook received.
#[derive(Serialize, ToSchema)]
pub struct InboundWebhookDelivery {
    #[schema(value_type = String, example = "ind_01jd8r7c5tevzs9c1ghvzv3hkp")]
    id: InboundDeliveryId,
    #[schema(value_type = Option<String>)]
    inbound_webhook_id: Option<InboundWebhookId>,
    idempotency_key: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    received_at: Timestamp,
    request_method: String,
    request_path: String,
    /// Without whatever carries credentials.
    #[schema(value_type = Object)]
    request_headers: Value,
    /// The body as text; null for what was rejected.
    request_body: Option<String>,
    /// How long the body was, where retention has cut it to its head.
    request_body_bytes: Option<i64>,
    source_ip: String,
    user_agent: Option<String>,
    /// `verified`, `rejected_signature`, `rejected_bearer`, `rejected_ip` or `rejected_no_auth`.
    #[schema(value_type = String)]
    auth_status: AuthStatus,
    /// `pending`, `dispatched`, `duplicate` or `failed`.
    #[schema(value_type = String)]
    dispatch_status: DispatchStatus,
    /// What the action did, or why nothing was done.
    #[schema(value_type = Option<Object>)]
    handler_outcome: Option<Value>,
    response_status: Option<u32>,
    response_body: Option<String>,
    duration_ms: Option<i64>,
    retry_count: u32,
    is_replay: bool,
    #[schema(value_type = Option<String>)]
    replayed_from: Option<InboundDeliveryId>,
    /// The request that this came in, together with others.
    #[schema(value_type = Option<String>)]
    split_from: Option<InboundDeliveryId>,
    /// Made up by a person who tries the webhook out.
    is_test: bool,
    /// When it was given up, after its sender was told that it is taken.
    #[schema(value_type = Option<String>, format = DateTime)]
    dead_lettered_at: Option<Timestamp>,
    /// The revision of the configuration that it was worked on with.
    revision: Option<i64>,
    /// For what failed: why, in one line.
    error: Option<String>,
}

impl From<Row> for InboundWebhookDelivery {
    fn from(row: Row) -> Self {
        let received = row.received;
        let (replayed_from, split_from) = (received.origin.repeats(), received.origin.whole());
        let failed = row.dispatch_status == DispatchStatus::Failed;
        let reason = row.handler_outcome.as_ref().and_then(|outcome| outcome.get("reason")?.as_str().map(str::to_owned));
        Self {
            id: received.id,
            inbound_webhook_id: received.webhook,
            idempotency_key: received.idempotency_key,
            received_at: received.received_at,
            request_method: received.method,
            request_path: received.path,
            request_headers: received.headers,
            request_body: received.body.map(|body| String::from_utf8_lossy(&body).into_owned()),
            request_body_bytes: row.body_bytes,
            source_ip: received.source_ip,
            user_agent: received.user_agent,
            auth_status: received.auth_status,
            dispatch_status: row.dispatch_status,
            handler_outcome: row.handler_outcome,
            response_status: row.response_status,
            response_body: row.response_body,
            duration_ms: row.duration_ms,
            retry_count: row.retry_count,
            is_replay: replayed_from.is_some(),
            replayed_from,
            split_from,
            is_test: received.origin == Origin::Test,
            dead_lettered_at: row.dead_lettered_at,
            revision: received.revision,
            error: reason.filter(|_| failed),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    status: Option<DispatchStatus>,
    auth_status: Option<AuthStatus>,
    dead_lettered: Option<bool>,
    is_replay: Option<bool>,
    search: Option<String>,
}

/// A search is at most this long.
const SEARCH_CHARS_MAX: usize = 200;

/// An empty search finds everything; a long one nothing.
pub(super) fn searched(field: &str, text: Option<String>) -> Result<Option<String>, Problem> {
    match text {
        Some(text) if text.chars().count() > SEARCH_CHARS_MAX => {
            Err(Problem::invalid(field, "length", "must have 200 characters at most"))
        }
        text => Ok(text.filter(|text| !text.is_empty())),
    }
}

/// What a webhook received, newest first. A page may be short although there is more: `next_cursor` says so.
#[utoipa::path(get, path = "/api/v1/inbound-webhooks/{id}/deliveries", operation_id = "listInboundDeliveries", tag = "inbound",
    params(PageParams, ("id" = String, Path, description = "`iwh_...`"),
        ("status" = Option<String>, Query, description = "Only this dispatch status"),
        ("auth_status" = Option<String>, Query, description = "Only this one"),
        ("dead_lettered" = Option<bool>, Query, description = "Only what was given up, or only what wasn't"),
        ("is_replay" = Option<bool>, Query, description = "Only replays, or none"),
        ("search" = Option<String>, Query,
            description = "A part of the idempotency key, the outcome, the address, the user agent or the path")),
    extensions(("x-permission" = json!("inbound_webhook:read"))),
    responses((status = 200, description = "A page of deliveries", body = Listed<InboundWebhookDelivery>)))]
pub async fn deliveries(
    caller: Caller,
    Id(id): Id<InboundWebhookId>,
    List { page, filter }: List<Query>,
) -> Result<axum::Json<Listed<InboundWebhookDelivery>>, Problem> {
    let filter = Filter {
        status: filter.status,
        auth_status: filter.auth_status,
        webhook: None,
        dead: filter.dead_lettered,
        replay: filter.is_replay,
        search: searched("search", filter.search)?,
    };
    let job = caller.store.read::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            find(tx, id).await?;
            Ok(rows::deliveries(tx, Shelf::Webhook(id), &page, &filter).await?)
        })
    });
    Ok(axum::Json(Listed::walked(job.await?, InboundWebhookDelivery::from)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Narrow {
    webhook_id: Option<InboundWebhookId>,
    search: Option<String>,
}

async fn shelf(caller: Caller, shelf: Shelf, list: List<Narrow>) -> Result<axum::Json<Listed<InboundWebhookDelivery>>, Problem> {
    let List { page, filter } = list;
    let filter = Filter { webhook: filter.webhook_id, search: searched("search", filter.search)?, ..Filter::default() };
    let job = caller
        .store
        .read::<_, Problem, _>(move |tx| Box::pin(async move { Ok(rows::deliveries(tx, shelf, &page, &filter).await?) }));
    Ok(axum::Json(Listed::walked(job.await?, InboundWebhookDelivery::from)))
}

/// What was turned away at the door, newest first, also where no webhook has the slug. Bounded, without bodies, and kept for a week.
#[utoipa::path(get, path = "/api/v1/inbound-webhooks/rejected", operation_id = "listRejectedInbound", tag = "inbound",
    params(PageParams, ("webhook_id" = Option<String>, Query, description = "Only this webhook's"),
        ("search" = Option<String>, Query, description = "A part of the reason, the address, the user agent or the path")),
    extensions(("x-permission" = json!("inbound_webhook:read"))),
    responses((status = 200, description = "A page of deliveries", body = Listed<InboundWebhookDelivery>)))]
pub async fn rejected(caller: Caller, list: List<Narrow>) -> Result<axum::Json<Listed<InboundWebhookDelivery>>, Problem> {
    shelf(caller, Shelf::Rejected, list).await
}

/// What was given up after its sender was told that it is taken, newest first. A replay that works takes it off this list.
#[utoipa::path(get, path = "/api/v1/inbound-webhooks/dead-letters", operation_id = "listInboundDeadLetters", tag = "inbound",
    params(PageParams, ("webhook_id" = Option<String>, Query, description = "Only this webhook's"),
        ("search" = Option<String>, Query, description = "A part of the key, the outcome, the address, the user agent or the path")),
    extensions(("x-permission" = json!("inbound_webhook:read"))),
    responses((status = 200, description = "A page of deliveries", body = Listed<InboundWebhookDelivery>)))]
pub async fn dead_letters(caller: Caller, list: List<Narrow>) -> Result<axum::Json<Listed<InboundWebhookDelivery>>, Problem> {
    shelf(caller, Shelf::Dead, list).await
}

/// One request that this webhook received.
#[utoipa::path(get, path = "/api/v1/inbound-webhooks/{id}/deliveries/{delivery_id}", operation_id = "getInboundDelivery",
    tag = "inbound", params(("id" = String, Path, description = "`iwh_...`"), ("delivery_id" = String, Path, description = "`ind_...`")),
    extensions(("x-permission" = json!("inbound_webhook:read"))),
    responses((status = 200, description = "The delivery", body = InboundWebhookDelivery)))]
pub async fn delivery(
    caller: Caller,
    Ids(webhook, delivery): Ids<InboundWebhookId, InboundDeliveryId>,
) -> Result<axum::Json<InboundWebhookDelivery>, Problem> {
    let found =
        caller.store.read::<_, Problem, _>(move |tx| Box::pin(async move { Ok(rows::delivery(tx, delivery).await?) })).await?;
    let found = found.filter(|found| found.received.webhook == Some(webhook)).ok_or_else(Problem::not_found)?;
    Ok(axum::Json(found.into()))
}
