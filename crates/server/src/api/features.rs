//! What is switched on for a tenant.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use hookswitch_store::tenant;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::body::Json;
use super::caller::Caller;
use super::problem::Problem;
use crate::app::App;
use crate::identity::note;

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Features {
    /// Whether inbound webhooks receive; off until switched on.
    #[schema(example = true)]
    pub inbound_webhooks_enabled: bool,
}

/// Show what is switched on.
#[utoipa::path(get, path = "/api/v1/features", operation_id = "getFeatures", tag = "features",
    responses((status = 200, description = "What is switched on", body = Features)),
    extensions(("x-permission" = json!("feature:read"))))]
pub async fn get(caller: Caller) -> Answer<Features> {
    Answer(Features { inbound_webhooks_enabled: caller.inbound_webhooks_enabled })
}

/// Switch features on and off.
#[utoipa::path(put, path = "/api/v1/features", operation_id = "putFeatures", tag = "features", request_body = Features,
    responses((status = 200, description = "What is switched on now", body = Features)),
    extensions(("x-permission" = json!("feature:write"))))]
pub async fn put(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(features): Json<Features>,
) -> Result<Answer<Features>, Problem> {
    let (ambient, actor) = (app.ambient.clone(), caller.actor);
    let job = caller.store.write(move |tx| {
        Box::pin(async move {
            tenant::set_inbound_webhooks(tx, features.inbound_webhooks_enabled).await?;
            let target = tx.tenant().to_string();
            note(tx, &*ambient, &actor, "features.updated", target, json!(features)).await?;
            Ok::<_, Problem>(())
        })
    });
    job.await?;
    Ok(Answer(features))
}
