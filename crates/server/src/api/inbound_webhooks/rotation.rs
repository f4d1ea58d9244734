//! New secrets for inbound webhooks: at once, or with an overlap in which the old one lets in too.

use std::sync::Arc;

use axum::extract::State;
use hookswitch_domain::id::InboundWebhookId;
use hookswitch_domain::inbound::AuthError;
use hookswitch_domain::secret::Secret;
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::inbound::accept::PURPOSE;
use hookswitch_store::inbound::{self as rows, Webhook as Row};
use hookswitch_store::{Tx, audit, secret};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{InboundWebhookConfig, beside, find, fresh};
use crate::api::body::OrDefault;
use crate::api::caller::Caller;
use crate::api::path::Id;
use crate::api::problem::Problem;
use crate::app::App;

const OVERLAP_SECONDS_MAX: u32 = 30 * 86_400;

/// How a rotation goes. Without a body, the old secret ends at once.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InboundRotation {
    /// How long the old secret lets in beside the new one.
    #[serde(default)]
    #[schema(default = 0, maximum = 2592000)]
    overlap_seconds: u32,
    /// The new secret or public key, where the sender makes it. Else one is generated.
    #[schema(value_type = Option<String>, write_only)]
    secret: Option<Secret>,
}

/// The new secret, shown this once.
#[derive(Serialize, ToSchema)]
pub struct RotatedSecret {
    /// Absent where the caller brought it.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// Until then the old secret lets in too; null without an overlap.
    #[schema(value_type = Option<String>, format = DateTime)]
    previous_secret_until: Option<Timestamp>,
}

/// Give the webhook a new secret. The old one stops at once, or after the overlap that is asked for.
#[utoipa::path(post, path = "/api/v1/inbound-webhooks/{id}/rotate-secret", operation_id = "rotateInboundWebhookSecret",
    tag = "inbound", params(("id" = String, Path, description = "`iwh_...`")), request_body = InboundRotation,
    extensions(("x-permission" = json!("inbound_webhook:update"))),
    responses((status = 200, description = "The new secret, shown this once", body = RotatedSecret)))]
pub async fn rotate(
    caller: Caller,
    State(app): State<Arc<App>>,
    Id(id): Id<InboundWebhookId>,
    OrDefault(rotation): OrDefault<InboundRotation>,
) -> Result<axum::Json<RotatedSecret>, Problem> {
    if rotation.overlap_seconds > OVERLAP_SECONDS_MAX {
        return Err(Problem::invalid("overlap_seconds", "invalid", "must be 0 to 2592000"));
    }
    let store = caller.store.clone();
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            audit::bump_epoch(tx).await?;
            let row = find(tx, id).await?;
            let (value, shown) = new_secret(&app, &row, rotation.secret.as_ref())?;
            let sealed = app.engine.secrets.seal(tx, &*app.ambient, PURPOSE, &value).await?;
            rows::rotate(tx, &row, sealed, rotation.overlap_seconds).await?;
            let until = find(tx, id).await?.previous_until;
            let detail = json!({ "slug": row.slug, "overlap_seconds": rotation.overlap_seconds, "previous_secret_until": until,
                "brought": rotation.secret.is_some() });
            caller.record(tx, &app, "inbound_webhook.secret_rotated", id, detail).await?;
            Ok(RotatedSecret { secret: shown, previous_secret_until: until })
        })
    });
    Ok(axum::Json(job.await?))
}

/// What is sealed, and what is shown of it.
fn new_secret(app: &App, row: &Row, brought: Option<&Secret>) -> Result<(Secret, Option<String>), Problem> {
    if !row.auth.has_secret() {
        return Err(Problem::bad_request("no_secret", "an address list has no secret to rotate"));
    }
    match brought {
        Some(brought) => {
            let refused = |AuthError { field, rule }| Problem::invalid(field, "invalid", rule);
            Ok((row.auth.read_secret(brought).map_err(refused)?, None))
        }
        None if row.auth.public_key().is_some() => {
            Err(Problem::invalid("secret", "required", "must be the sender's new public key: nothing of ours could replace it"))
        }
        None => {
            let value = fresh(app);
            let shown = value.expose_text().map(str::to_owned);
            Ok((value, shown))
        }
    }
}

/// End a rotation's overlap now: the old secret never lets in again. Without one, nothing changes.
#[utoipa::path(post, path = "/api/v1/inbound-webhooks/{id}/finalize-rotation", operation_id = "finalizeInboundWebhookRotation",
    tag = "inbound", params(("id" = String, Path, description = "`iwh_...`")),
    extensions(("x-permission" = json!("inbound_webhook:update"))),
    responses((status = 200, description = "The new secret lets in alone", body = InboundWebhookConfig)))]
pub async fn finalize(
    caller: Caller,
    State(app): State<Arc<App>>,
    Id(id): Id<InboundWebhookId>,
) -> Result<axum::Json<InboundWebhookConfig>, Problem> {
    let (store, slug, views) = (caller.store.clone(), caller.tenant_slug.clone(), app.clone());
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            audit::bump_epoch(tx).await?;
            find(tx, id).await?;
            let ended = rows::end_rotation(tx, id).await?;
            let shown = (beside(tx, id).await?, find(tx, id).await?);
            if ended {
                let detail = json!({ "slug": shown.1.slug });
                caller.record(tx, &app, "inbound_webhook.rotation_finalized", id, detail).await?;
            }
            Ok(shown)
        })
    });
    let (beside, row) = job.await?;
    Ok(axum::Json(InboundWebhookConfig::of(row, beside, &views, &slug)))
}

/// The secret that a changed scheme would keep: it has to fit.
pub(super) async fn check_kept(
    tx: &mut Tx,
    app: &App,
    row: &Row,
    auth: &hookswitch_domain::inbound::Auth,
) -> Result<(), Problem> {
    let Some(id) = row.secret.filter(|_| row.auth != *auth) else { return Ok(()) };
    let sealed = secret::get(tx, id).await?.ok_or_else(|| Problem::internal("the webhook's secret is gone"))?;
    let opened = app.engine.secrets.open(sealed.tenant, sealed.id, &sealed.key_id, &sealed.sealed, PURPOSE);
    let opened = opened.map_err(|error| Problem::internal(error.to_string()))?;
    let misfit = |error: AuthError| {
        let why = format!("must be given: the one that is kept doesn't fit the changed scheme ({})", error.rule);
        Problem::invalid("auth_config.secret", "required", why)
    };
    auth.read_secret(&opened).map(drop).map_err(misfit)
}
