//! What a tenant chooses about its own traffic.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use hookswitch_store::tenant::{self, Settings as Row};
use hookswitch_store::{Tx, audit};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::body::Json;
use super::caller::Caller;
use super::problem::Problem;
use crate::app::App;

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct Settings {
    /// Whether only registered event types may be published; off until switched on.
    strict_event_types: bool,
    /// Whether a webhook destination answers a challenge before anything is sent to it; off until switched on.
    require_ownership_challenge: bool,
}

impl From<Row> for Settings {
    fn from(Row { strict_event_types, require_ownership_challenge }: Row) -> Self {
        Self { strict_event_types, require_ownership_challenge }
    }
}

/// What is absent stays.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[schema(as = SettingsChange)]
#[serde(deny_unknown_fields)]
pub struct Change {
    #[schema(example = false)]
    strict_event_types: Option<bool>,
    #[schema(example = false)]
    require_ownership_challenge: Option<bool>,
}

/// Show the tenant's settings.
#[utoipa::path(get, path = "/api/v1/settings", operation_id = "getSettings", tag = "features",
    responses((status = 200, description = "The settings", body = Settings)),
    extensions(("x-permission" = json!("feature:read"))))]
pub async fn get(caller: Caller) -> Result<Answer<Settings>, Problem> {
    let found = caller.store.read::<_, Problem, _>(|tx| Box::pin(own(tx))).await?;
    Ok(Answer(found.into()))
}

/// Change settings. Destinations that are enabled already stay so.
#[utoipa::path(put, path = "/api/v1/settings", operation_id = "putSettings", tag = "features", request_body = Change,
    responses((status = 200, description = "The settings as they are now", body = Settings)),
    extensions(("x-permission" = json!("feature:write"))))]
pub async fn put(State(app): State<Arc<App>>, caller: Caller, Json(change): Json<Change>) -> Result<Answer<Settings>, Problem> {
    let store = caller.store.clone();
    let written = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            audit::bump_epoch(tx).await?;
            let before = own(tx).await?;
            let settings = Row {
                strict_event_types: change.strict_event_types.unwrap_or(before.strict_event_types),
                require_ownership_challenge: change.require_ownership_challenge.unwrap_or(before.require_ownership_challenge),
            };
            tenant::set_settings(tx, settings).await?;
            let target = tx.tenant();
            caller.record(tx, &app, "settings.changed", target, json!(Settings::from(settings))).await?;
            Ok(settings)
        })
    });
    Ok(Answer(written.await?.into()))
}

async fn own(tx: &mut Tx) -> Result<Row, Problem> {
    Ok(tenant::own(tx).await?.ok_or_else(Problem::not_found)?.settings)
}
