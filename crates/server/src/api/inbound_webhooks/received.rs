//! What an inbound webhook received, and what became of it.

use hookswitch_domain::id::{InboundDeliveryId, InboundWebhookId};
use hookswitch_domain::inbound::{AuthStatus, DispatchStatus};
use hookswitch_domain::time::Timestamp;
use hookswitch_store::inbound::{self as rows, Delivery as Row};
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
    /// For what failed: why, in one line.
    error: Option<String>,
}

impl From<Row> for InboundWebhookDelivery {
    fn from(row: Row) -> Self {
        let received = row.received;
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
            source_ip: received.source_ip,
            user_agent: received.user_agent,
            auth_status: received.auth_status,
            dispatch_status: row.dispatch_status,
            handler_outcome: row.handler_outcome,
            response_status: row.response_status,
            response_body: row.response_body,
            duration_ms: row.duration_ms,
            retry_count: row.retry_count,
            is_replay: row.is_replay,
            replayed_from: row.replayed_from,
            error: reason.filter(|_| failed),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    status: Option<DispatchStatus>,
}

/// What a webhook received, newest first.
#[utoipa::path(get, path = "/api/v1/inbound-webhooks/{id}/deliveries", operation_id = "listInboundDeliveries", tag = "inbound",
    params(PageParams, ("id" = String, Path, description = "`iwh_...`"),
        ("status" = Option<String>, Query, description = "Only this dispatch status")),
    extensions(("x-permission" = json!("inbound_webhook:read"))),
    responses((status = 200, description = "A page of deliveries", body = Listed<InboundWebhookDelivery>)))]
pub async fn deliveries(
    caller: Caller,
    Id(id): Id<InboundWebhookId>,
    List { page, filter }: List<Query>,
) -> Result<axum::Json<Listed<InboundWebhookDelivery>>, Problem> {
    let job = caller.store.read::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            find(tx, id).await?;
            Ok(rows::deliveries(tx, id, &page, filter.status).await?)
        })
    });
    Ok(axum::Json(Listed::of(&page, job.await?, |row| row.received.id.uuid(), InboundWebhookDelivery::from)))
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
