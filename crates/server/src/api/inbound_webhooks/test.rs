//! Trying a webhook out with a made-up request: all that a sender's would do is done, and logged as
//! a test. No socket is opened.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use hookswitch_domain::id::{InboundDeliveryId, InboundWebhookId};
use hookswitch_pipeline::inbound::again::Trial;
use hookswitch_store::inbound as rows;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::find;
use super::preview::document;
use super::received::InboundWebhookDelivery;
use crate::api::body::Json;
use crate::api::caller::Caller;
use crate::api::path::Id;
use crate::api::problem::{Checks, Problem};
use crate::app::App;

const HEADERS_MAX: usize = 50;

/// A made-up request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InboundTestInput {
    /// The body: any JSON, or a text together with `content_type`.
    #[schema(value_type = serde_json::Value, example = json!({"alert": {"id": 17, "message": "disk full"}}))]
    body: Box<RawValue>,
    content_type: Option<String>,
    #[serde(default)]
    #[schema(required = false)]
    headers: BTreeMap<String, String>,
}

/// What became of a test.
#[derive(Serialize, ToSchema)]
pub struct InboundTested {
    #[schema(value_type = String, example = "ind_01jd8r7c5tevzs9c1ghvzv3hkp")]
    delivery_id: InboundDeliveryId,
    /// As the log has it, with what a sender would have heard.
    delivery: InboundWebhookDelivery,
}

/// Do with this request what would be done with a sender's: the action runs. It uses up no idempotency key.
#[utoipa::path(post, path = "/api/v1/inbound-webhooks/{id}/test", operation_id = "testInboundWebhook", tag = "inbound",
    params(("id" = String, Path, description = "`iwh_...`")), request_body = InboundTestInput,
    extensions(("x-permission" = json!("inbound_webhook:update"))),
    responses((status = 200, description = "Done, and logged", body = InboundTested),
        (status = 409, description = "The webhook is switched off, or receiving is for the tenant")))]
pub async fn test(
    caller: Caller,
    State(app): State<Arc<App>>,
    Id(id): Id<InboundWebhookId>,
    Json(ask): Json<InboundTestInput>,
) -> Result<axum::Json<InboundTested>, Problem> {
    let row = caller.store.read::<_, Problem, _>(move |tx| Box::pin(find(tx, id))).await?;
    check_headers(&ask.headers)?;
    let document = document(&ask.body, ask.content_type.as_deref()).await?;
    if !caller.inbound_webhooks_enabled {
        return Err(Problem::conflict("feature_off", "inbound webhooks are switched off for this tenant"));
    }
    if !row.is_active {
        return Err(Problem::conflict("inactive", "this webhook is switched off; switch it on to test it"));
    }
    let media = ask.content_type.unwrap_or_else(|| "application/json".to_owned());
    let text = serde_json::from_str::<String>(ask.body.get()).ok();
    let body = if media == "application/json" { document.to_vec() } else { text.unwrap_or_default().into_bytes() };
    let mut headers: Vec<(String, String)> =
        ask.headers.into_iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-type")).collect();
    headers.push(("content-type".to_owned(), media));
    let source_ip = caller.arrival.client.to_string();
    let trial = Trial { method: "POST".to_owned(), headers, document, body, source_ip };
    audit(&caller, &app, id).await?;
    let delivery_id = app.engine.receiver.test(caller.tenant, row, trial).await;
    let read =
        caller.store.read::<_, Problem, _>(move |tx| Box::pin(async move { Ok(rows::delivery(tx, delivery_id).await?) })).await?;
    let delivery = read.ok_or_else(|| Problem::unavailable("a test could not be logged"))?;
    Ok(axum::Json(InboundTested { delivery_id, delivery: delivery.into() }))
}

async fn audit(caller: &Caller, app: &Arc<App>, id: InboundWebhookId) -> Result<(), Problem> {
    let (app, who) = (app.clone(), caller.clone());
    let job = caller.store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move { who.record(tx, &app, "inbound_webhook.tested", id, json!({})).await })
    });
    job.await
}

fn check_headers(headers: &BTreeMap<String, String>) -> Result<(), Problem> {
    let mut checks = Checks::default();
    if headers.len() > HEADERS_MAX {
        checks.fail("headers", "length", "must have 50 entries at most");
    }
    for (name, value) in headers {
        let known = name.parse::<http::HeaderName>().is_ok() && value.parse::<http::HeaderValue>().is_ok();
        if !known || value.len() > 4_096 {
            checks.fail("headers", "invalid", "must be names and values of HTTP headers");
            break;
        }
    }
    checks.finish()
}
