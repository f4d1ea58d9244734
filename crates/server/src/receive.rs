//! The receiver's HTTP: `/api/inbound/{tenant}/{webhook}`, CONTRACT 6. It knows nothing of what a
//! request means; it hands raw bytes over and turns the reply into a status and a body.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use hookswitch_pipeline::inbound::accept::{self, Reply};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::body;
use crate::api::problem::{FieldError, Problem};
use crate::app::App;
use crate::edge::Arrival;

/// What a sender hears when its request was taken.
#[derive(Serialize, ToSchema)]
pub struct InboundAccepted {
    #[schema(example = "ind_01jd8r7c5tevzs9c1ghvzv3hkp")]
    delivery_id: String,
    /// True where the same key came before: `delivery_id` is then the first one's.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    duplicate: bool,
}

/// Receive a request for an inbound webhook. Unknown and inactive webhooks and failed authentication are alike: 401 without a body.
#[utoipa::path(post, path = "/api/inbound/{tenant_slug}/{webhook_slug}", operation_id = "receiveInboundWebhook", tag = "receiver",
    params(("tenant_slug" = String, Path, description = "The tenant"), ("webhook_slug" = String, Path, description = "The webhook"),
        ("x-signature" = Option<String>, Header, description = "The signature, in the header that the webhook names"),
        ("x-idempotency-key" = Option<String>, Header, description = "The key, where the webhook takes it from a header")),
    request_body(content = serde_json::Value, content_type = "application/json", description = "Whatever the sender sends"),
    extensions(("x-permission" = json!("public"))),
    responses((status = 200, description = "Taken", body = InboundAccepted),
        (status = 400, description = "No JSON, or the mapping could not fill the action's fields"),
        (status = 401, description = "Not let in"), (status = 404, description = "Receiving is switched off for the tenant"),
        (status = 409, description = "A duplicate, where the webhook asks for this answer"),
        (status = 413, description = "Too large"), (status = 415, description = "Not JSON, or encoded"),
        (status = 422, description = "A record isn't there, or a rule stands against it"),
        (status = 429, description = "More than the webhook's rate allows")))]
pub async fn receive(
    State(app): State<Arc<App>>,
    Path((tenant_slug, webhook_slug)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    take(app, tenant_slug, webhook_slug, request).await
}

/// Receive a PUT.
#[utoipa::path(put, path = "/api/inbound/{tenant_slug}/{webhook_slug}", operation_id = "receiveInboundWebhookPut", tag = "receiver",
    params(("tenant_slug" = String, Path, description = "The tenant"), ("webhook_slug" = String, Path, description = "The webhook")),
    request_body(content = serde_json::Value, content_type = "application/json", description = "Whatever the sender sends"),
    extensions(("x-permission" = json!("public"))),
    responses((status = 200, description = "Taken", body = InboundAccepted), (status = 401, description = "Not let in"),
        (status = 404, description = "Receiving is switched off for the tenant"), (status = 409, description = "A duplicate"),
        (status = 422, description = "A record isn't there, or a rule stands against it"), (status = 429, description = "Too fast")))]
pub async fn receive_put(
    State(app): State<Arc<App>>,
    Path((tenant_slug, webhook_slug)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    take(app, tenant_slug, webhook_slug, request).await
}

/// Receive a PATCH.
#[utoipa::path(patch, path = "/api/inbound/{tenant_slug}/{webhook_slug}", operation_id = "receiveInboundWebhookPatch", tag = "receiver",
    params(("tenant_slug" = String, Path, description = "The tenant"), ("webhook_slug" = String, Path, description = "The webhook")),
    request_body(content = serde_json::Value, content_type = "application/json", description = "Whatever the sender sends"),
    extensions(("x-permission" = json!("public"))),
    responses((status = 200, description = "Taken", body = InboundAccepted), (status = 401, description = "Not let in"),
        (status = 404, description = "Receiving is switched off for the tenant"), (status = 409, description = "A duplicate"),
        (status = 422, description = "A record isn't there, or a rule stands against it"), (status = 429, description = "Too fast")))]
pub async fn receive_patch(
    State(app): State<Arc<App>>,
    Path((tenant_slug, webhook_slug)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    take(app, tenant_slug, webhook_slug, request).await
}

async fn take(app: Arc<App>, tenant_slug: String, webhook_slug: String, request: Request) -> Result<Response, Problem> {
    let source = request.extensions().get::<Arrival>().map(|arrival| arrival.client);
    let (parts, body) = request.into_parts();
    let body = body::take(&parts.headers, body, app.config.limits.inbound_bytes).await?;
    let headers = parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect();
    let request = accept::Request {
        tenant_slug,
        webhook_slug,
        method: parts.method.as_str().to_owned(),
        headers,
        query: parts.uri.query().unwrap_or_default().to_owned(),
        body,
        source,
    };
    answer(app.engine.receiver.receive(request).await)
}

fn answer(reply: Reply) -> Result<Response, Problem> {
    let taken = |delivery: String, duplicate| axum::Json(InboundAccepted { delivery_id: delivery, duplicate });
    match reply {
        // Byte for byte the same, whatever was wrong.
        Reply::Unauthorized => Ok(StatusCode::UNAUTHORIZED.into_response()),
        Reply::NotFound => Err(Problem::not_found()),
        Reply::Accepted { delivery, duplicate } => Ok(taken(delivery.to_string(), duplicate).into_response()),
        Reply::Conflict { delivery } => {
            Err(Problem::conflict("duplicate", "this request was received before").with_delivery(delivery))
        }
        Reply::Limited { delivery, retry_after } => {
            let seconds = retry_after.as_secs_f64().ceil() as u64;
            Err(Problem::too_many("more requests than the webhook's rate allows", seconds).with_delivery(delivery))
        }
        Reply::Failed { delivery, status, code, detail, errors } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut problem = Problem::new(status, code, detail);
            problem.errors = errors.into_iter().map(|error| FieldError::new(error.field, error.code, error.detail)).collect();
            if status == StatusCode::SERVICE_UNAVAILABLE {
                problem.retry_after_s = Some(5);
            }
            Err(match delivery {
                Some(delivery) => problem.with_delivery(delivery),
                None => problem,
            })
        }
    }
}
