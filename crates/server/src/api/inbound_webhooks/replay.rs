//! Doing a logged request again, and what that would come to with the configuration of now and of then.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::response::Response;
use hookswitch_domain::id::{InboundDeliveryId, InboundWebhookId};
use hookswitch_domain::inbound::DispatchStatus;
use hookswitch_pipeline::inbound::again::{Again, Config, NoReplay};
use hookswitch_pipeline::inbound::preview::{Subject, differences};
use hookswitch_store::inbound::{self as rows, Delivery, Webhook as Row};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;
use utoipa::ToSchema;

use super::find;
use super::preview::{InboundPreview, problem};
use crate::api::caller::Caller;
use crate::api::idempotency::{Create, Created};
use crate::api::list::Filtered;
use crate::api::path::Ids;
use crate::api::problem::Problem;
use crate::app::App;

/// How a request is done again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InboundReplayInput {
    #[serde(default)]
    #[schema(required = false)]
    config: InboundReplayConfig,
}

/// `current`: with the webhook's configuration of now; `original`: with that of then.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InboundReplayConfig {
    #[default]
    Current,
    Original,
}

impl From<InboundReplayConfig> for Config {
    fn from(config: InboundReplayConfig) -> Self {
        match config {
            InboundReplayConfig::Current => Self::Current,
            InboundReplayConfig::Original => Self::Original,
        }
    }
}

/// The new delivery.
#[derive(Serialize, ToSchema)]
pub struct InboundReplayed {
    #[schema(value_type = String, example = "ind_01jd8r7c5tevzs9c1ghvzv3hkp")]
    delivery_id: InboundDeliveryId,
    #[schema(value_type = String)]
    replayed_from: InboundDeliveryId,
}

/// Do a logged request again: a new delivery, linked to this one, whose action runs anew. It has ended when this is answered.
/// One that holds several is taken apart anew.
#[utoipa::path(post, path = "/api/v1/inbound-webhooks/{id}/deliveries/{delivery_id}/replay",
    operation_id = "replayInboundDelivery", tag = "inbound",
    params(("id" = String, Path, description = "`iwh_...`"), ("delivery_id" = String, Path, description = "`ind_...`")),
    request_body = InboundReplayInput, extensions(("x-permission" = json!("inbound_webhook:replay"))),
    responses((status = 202, description = "Done again; the new delivery says with what outcome", body = InboundReplayed),
        (status = 409, description = "It was turned away at the door, isn't finished or has no body any more; or the webhook is switched off")))]
pub async fn replay(
    caller: Caller,
    State(app): State<Arc<App>>,
    Ids(webhook, delivery): Ids<InboundWebhookId, InboundDeliveryId>,
    Create { body, once }: Create<InboundReplayInput>,
) -> Result<Response, Problem> {
    let (row, original) = both(&caller, webhook, delivery).await?;
    let again = app.engine.receiver.again(&row, original).await.map_err(refusal)?;
    let config = Config::from(body.config);
    let used = configured(&app, &caller, &row, &again, config).await?;
    // Filled if this very request makes the delivery, and not by a repeat of it.
    let made = Arc::new(Mutex::new(None));
    let (store, slot, engine) = (caller.store.clone(), made.clone(), app.clone());
    let answered = once.within(&delivery.to_string()).run(&store, move |tx| {
        Box::pin(async move {
            if !find(tx, webhook).await?.is_active {
                let detail = "this webhook is switched off; switch it on to replay what it received";
                return Err(Problem::conflict("inactive", detail));
            }
            let work = app.engine.receiver.begin_again(tx, used, again).await?;
            let fresh = work.delivery;
            let detail = json!({ "delivery_id": fresh, "config": config });
            caller.record(tx, &app, "inbound_delivery.replayed", delivery, detail).await?;
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(work);
            let replayed = InboundReplayed { delivery_id: fresh, replayed_from: delivery };
            Created::with_status(StatusCode::ACCEPTED, &replayed)
        })
    });
    let answer = answered.await?;
    let work = made.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(work) = work {
        engine.engine.receiver.process(work, Instant::now()).await;
    }
    Ok(answer)
}

/// What a request came to, and what it would come to.
#[derive(Serialize, ToSchema)]
pub struct InboundReplayPreview {
    /// What became of it: `dispatched`, `duplicate` or `failed`.
    #[schema(value_type = String)]
    dispatch_status: DispatchStatus,
    #[schema(value_type = Option<Object>)]
    handler_outcome: Option<Value>,
    /// With the configuration of now.
    current: InboundPreview,
    /// With that of then; null: it isn't kept any more.
    original: Option<InboundPreview>,
    /// Where the two differ: `fields.title`, `rule`, `action`, `effect`.
    differences: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    #[serde(default)]
    part: u32,
}

/// Show what replaying a request would do with the configuration of now and with that of then, field by field. Nothing is done.
#[utoipa::path(get, path = "/api/v1/inbound-webhooks/{id}/deliveries/{delivery_id}/replay-preview",
    operation_id = "previewInboundReplay", tag = "inbound",
    params(("id" = String, Path, description = "`iwh_...`"), ("delivery_id" = String, Path, description = "`ind_...`"),
        ("part" = Option<u32>, Query, description = "Of a request that holds several, which one is looked at, from 0")),
    extensions(("x-permission" = json!("inbound_webhook:replay"))),
    responses((status = 200, description = "What would be done; nothing was", body = InboundReplayPreview),
        (status = 409, description = "It can't be replayed")))]
pub async fn replay_preview(
    caller: Caller,
    State(app): State<Arc<App>>,
    Ids(webhook, delivery): Ids<InboundWebhookId, InboundDeliveryId>,
    Filtered(Part { part }): Filtered<Part>,
) -> Result<axum::Json<InboundReplayPreview>, Problem> {
    let (row, original) = both(&caller, webhook, delivery).await?;
    let again = app.engine.receiver.again(&row, original).await.map_err(refusal)?;
    let then = match app.engine.receiver.as_then(&caller.store, &row, &again.original).await {
        Ok(then) => Some(then),
        Err(NoReplay::RevisionGone) => None,
        Err(error) => return Err(refusal(error)),
    };
    let whole = Subject { tenant: caller.tenant, webhook: &row, headers: &[], document: &again.document };
    // A part that is done again is no whole any more.
    let parts = match again.original.received.origin.whole() {
        Some(_) => None,
        None => app.engine.receiver.part_of(&whole, part as usize).await.map_err(|error| match error.is_ours() {
            true => Problem::unavailable(error.to_string()),
            false => Problem::conflict("split_failed", error.to_string()),
        })?,
    };
    if parts.as_ref().is_some_and(|parts| part as usize >= parts.count.max(1)) {
        return Err(Problem::invalid("part", "invalid", "there are not so many"));
    }
    let count = parts.as_ref().map(|parts| parts.count);
    let document = parts.filter(|parts| parts.count > 0).map_or(again.document, |parts| parts.chosen);
    let subject = |webhook| Subject { tenant: caller.tenant, webhook, headers: &[], document: &document };
    let now = app.engine.receiver.preview(&subject(&row)).await.map_err(problem)?;
    let then = match &then {
        Some(then) => Some(app.engine.receiver.preview(&subject(then)).await.map_err(problem)?),
        None => None,
    };
    Ok(axum::Json(InboundReplayPreview {
        dispatch_status: again.original.dispatch_status,
        handler_outcome: again.original.handler_outcome.clone(),
        differences: then.as_ref().map(|then| differences(then, &now)).unwrap_or_default(),
        current: InboundPreview::of(&document, now).of_parts(count),
        original: then.map(|then| InboundPreview::of(&document, then).of_parts(count)),
    }))
}

async fn both(caller: &Caller, webhook: InboundWebhookId, delivery: InboundDeliveryId) -> Result<(Row, Delivery), Problem> {
    let job = caller.store.read::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let row = find(tx, webhook).await?;
            let found = rows::delivery(tx, delivery).await?.filter(|found| found.received.webhook == Some(webhook));
            Ok((row, found.ok_or_else(Problem::not_found)?))
        })
    });
    job.await
}

/// The webhook with the handler that is asked for.
async fn configured(app: &App, caller: &Caller, row: &Row, again: &Again, config: Config) -> Result<Row, Problem> {
    match config {
        Config::Current => Ok(row.clone()),
        Config::Original => app.engine.receiver.as_then(&caller.store, row, &again.original).await.map_err(refusal),
    }
}

fn refusal(error: NoReplay) -> Problem {
    match error {
        NoReplay::Store(error) => error.into(),
        other => Problem::conflict(other.code(), other.to_string()),
    }
}
