//! The receiver's HTTP: `/api/inbound/{tenant}/{webhook}`, CONTRACT 6. It knows nothing of what a
//! request means; it hands raw bytes over and turns the reply into a status and a body.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hookswitch_domain::preset::Answer;
use hookswitch_pipeline::inbound::accept::{self, Reply};
use hookswitch_pipeline::inbound::document::Format;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::body;
use crate::api::problem::{FieldError, Problem};
use crate::app::App;
use crate::edge::Arrival;

/// What a body may be.
const TAKEN: &str = "send application/json, a form, multipart/form-data, XML or text/plain, in UTF-8";

/// What a sender hears when its request was taken.
#[derive(Serialize, ToSchema)]
pub struct InboundAccepted {
    #[schema(example = "ind_01jd8r7c5tevzs9c1ghvzv3hkp")]
    delivery_id: String,
    /// True where the same key came before: `delivery_id` is then the first one's.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    duplicate: bool,
    /// True where none of the webhook's rules is meant for the request.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    skipped: bool,
    /// Each part of a request that the webhook takes apart.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    deliveries: Vec<InboundAcceptedPart>,
}

/// A part of a request, and what became of it.
#[derive(Serialize, ToSchema)]
pub struct InboundAcceptedPart {
    delivery_id: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    duplicate: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    skipped: bool,
    /// What went wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
}

/// What a sender may hear.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "documents what answer says")]
enum Answers {
    /// Taken; a webhook may have it said without a body, or by a text
    #[response(status = 200)]
    Taken(InboundAccepted),
    /// Taken, where the webhook has it said like this
    #[response(status = 202)]
    Accepted(InboundAccepted),
    /// The body can't be read, or the mapping could not fill the action's fields
    #[response(status = 400)]
    Bad,
    /// Not let in
    #[response(status = 401)]
    Stranger,
    /// Receiving is switched off for the tenant
    #[response(status = 404)]
    Off,
    /// Not taken by this method
    #[response(status = 405)]
    Method,
    /// A duplicate, where the webhook asks for this answer
    #[response(status = 409)]
    Duplicate,
    /// Too large
    #[response(status = 413)]
    TooLarge,
    /// No media type that is taken, or encoded
    #[response(status = 415)]
    Media,
    /// A record isn't there, or a rule stands against it
    #[response(status = 422)]
    Refused,
    /// More than the webhook's rate allows
    #[response(status = 429)]
    Limited,
}

/// Receive a request for an inbound webhook. Unknown and inactive webhooks and failed authentication are alike: 401 without a body.
#[utoipa::path(post, path = "/api/inbound/{tenant_slug}/{webhook_slug}", operation_id = "receiveInboundWebhook", tag = "receiver",
    params(("tenant_slug" = String, Path, description = "The tenant"), ("webhook_slug" = String, Path, description = "The webhook"),
        ("x-signature" = Option<String>, Header, description = "The signature, in the header that the webhook names"),
        ("x-idempotency-key" = Option<String>, Header, description = "The key, where the webhook takes it from a header")),
    request_body(description = "Whatever the sender sends",
        content((serde_json::Value = "application/json"), (String = "application/x-www-form-urlencoded"),
            (String = "multipart/form-data"), (String = "application/xml"), (String = "text/plain"))),
    extensions(("x-permission" = json!("public"))), responses(Answers))]
pub async fn receive(
    State(app): State<Arc<App>>,
    Path((tenant_slug, webhook_slug)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    take(app, tenant_slug, webhook_slug, request).await
}

/// Receive a PUT.
#[utoipa::path(put, path = "/api/inbound/{tenant_slug}/{webhook_slug}", operation_id = "receiveInboundWebhookPut", tag = "receiver",
    params(("tenant_slug" = String, Path, description = "The tenant"), ("webhook_slug" = String, Path, description = "The webhook"),
        ("x-signature" = Option<String>, Header, description = "The signature, in the header that the webhook names"),
        ("x-idempotency-key" = Option<String>, Header, description = "The key, where the webhook takes it from a header")),
    request_body(description = "Whatever the sender sends",
        content((serde_json::Value = "application/json"), (String = "application/x-www-form-urlencoded"),
            (String = "multipart/form-data"), (String = "application/xml"), (String = "text/plain"))),
    extensions(("x-permission" = json!("public"))), responses(Answers))]
pub async fn receive_put(
    State(app): State<Arc<App>>,
    Path((tenant_slug, webhook_slug)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    take(app, tenant_slug, webhook_slug, request).await
}

/// Receive a PATCH.
#[utoipa::path(patch, path = "/api/inbound/{tenant_slug}/{webhook_slug}", operation_id = "receiveInboundWebhookPatch", tag = "receiver",
    params(("tenant_slug" = String, Path, description = "The tenant"), ("webhook_slug" = String, Path, description = "The webhook"),
        ("x-signature" = Option<String>, Header, description = "The signature, in the header that the webhook names"),
        ("x-idempotency-key" = Option<String>, Header, description = "The key, where the webhook takes it from a header")),
    request_body(description = "Whatever the sender sends",
        content((serde_json::Value = "application/json"), (String = "application/x-www-form-urlencoded"),
            (String = "multipart/form-data"), (String = "application/xml"), (String = "text/plain"))),
    extensions(("x-permission" = json!("public"))), responses(Answers))]
pub async fn receive_patch(
    State(app): State<Arc<App>>,
    Path((tenant_slug, webhook_slug)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    take(app, tenant_slug, webhook_slug, request).await
}

/// Receive a GET, whose query is the body. A webhook has to allow it; all others answer 405.
#[utoipa::path(get, path = "/api/inbound/{tenant_slug}/{webhook_slug}", operation_id = "receiveInboundWebhookGet", tag = "receiver",
    params(("tenant_slug" = String, Path, description = "The tenant"), ("webhook_slug" = String, Path, description = "The webhook"),
        ("x-signature" = Option<String>, Header, description = "The signature, in the header that the webhook names"),
        ("x-idempotency-key" = Option<String>, Header, description = "The key, where the webhook takes it from a header")),
    extensions(("x-permission" = json!("public"))), responses(Answers))]
pub async fn receive_get(
    State(app): State<Arc<App>>,
    Path((tenant_slug, webhook_slug)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    take(app, tenant_slug, webhook_slug, request).await
}

async fn take(app: Arc<App>, tenant_slug: String, webhook_slug: String, request: Request) -> Result<Response, Problem> {
    let source = request.extensions().get::<Arrival>().map(|arrival| arrival.client);
    let (parts, body) = request.into_parts();
    let (body, format) = match parts.method {
        Method::GET => (Bytes::new(), Format::Form),
        // A GET without its body is nothing that a sender sends.
        Method::HEAD => return Ok(wrong_method()),
        _ => {
            let media = |media: &str| Format::of(media).ok_or(TAKEN);
            body::take_as(&parts.headers, body, app.config.limits.inbound_bytes, media).await?
        }
    };
    let headers = parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect();
    let request = accept::Request {
        tenant_slug,
        webhook_slug,
        method: parts.method.as_str().to_owned(),
        url: format!("{}{}", app.config.base_url(), parts.uri.path_and_query().map_or("/", |path| path.as_str())),
        headers,
        query: parts.uri.query().unwrap_or_default().to_owned(),
        format,
        body,
        source,
    };
    answer(app.engine.receiver.receive(request).await)
}

/// What a sender asked for, in words that no browser runs.
fn told(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    if let Some(media) = answer.media {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
    }
    response
}

fn wrong_method() -> Response {
    let detail = "this path doesn't take this method; the Allow header says which it takes";
    let mut refused = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).into_response();
    refused.headers_mut().insert(ALLOW, HeaderValue::from_static("POST, PUT, PATCH"));
    refused
}

fn answer(reply: Reply) -> Result<Response, Problem> {
    match reply {
        // Byte for byte the same, whatever was wrong.
        Reply::Unauthorized => Ok(StatusCode::UNAUTHORIZED.into_response()),
        Reply::NotFound => Err(Problem::not_found()),
        Reply::Handshake(answer) => Ok(told(answer)),
        Reply::WrongMethod => Ok(wrong_method()),
        Reply::Taken { said, .. } => {
            let status = StatusCode::from_u16(said.status).unwrap_or(StatusCode::OK);
            let Some(media) = said.media else { return Ok(status.into_response()) };
            Ok((status, [(CONTENT_TYPE, HeaderValue::from_static(media))], said.body).into_response())
        }
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
