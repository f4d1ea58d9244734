//! Inbound webhooks: their configuration, what they received, and the actions that they may call.

mod actions;
mod auth;
mod body;
mod bulk;
mod capture;
mod change;
mod handler;
mod presets;
mod preview;
mod received;
mod replay;
mod rotation;
mod test;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use data_encoding::BASE64URL_NOPAD;
use hookswitch_domain::id::InboundWebhookId;
use hookswitch_domain::secret::Secret;
use hookswitch_pipeline::inbound::accept::PURPOSE;
use hookswitch_store::inbound::{self as rows, Webhook as Row};
use hookswitch_store::{StoreError, Tx, audit};
use http::StatusCode;
use serde_json::json;

pub use actions::{__path_actions, actions};
pub use body::{InboundWebhookConfig, InboundWebhookInput};
pub use bulk::{
    __path_bulk_replay, __path_cancel_job, __path_job, __path_jobs, __path_pause_job, __path_resume_job, bulk_replay, cancel_job,
    job, jobs, pause_job, resume_job,
};
pub use capture::{__path_clear_capture, __path_sample, __path_start_capture, clear_capture, sample, start_capture};
pub use change::{__path_set_active, __path_update, set_active, update};
pub use presets::{__path_list_presets, list_presets};
pub use preview::{__path_preview, preview};
pub use received::{
    __path_dead_letters, __path_deliveries, __path_delivery, __path_rejected, dead_letters, deliveries, delivery, rejected,
};
pub use replay::{__path_replay, __path_replay_preview, replay, replay_preview};
pub use rotation::{__path_finalize, __path_rotate, finalize, rotate};
pub use test::{__path_test, test};

use body::Beside;

use super::caller::Caller;
use super::idempotency::{Create, Created};
use super::list::{List, Listed, PageParams};
use super::path::Id;
use super::problem::Problem;
use crate::app::App;

/// Inbound webhooks, newest first.
#[utoipa::path(get, path = "/api/v1/inbound-webhooks", operation_id = "listInboundWebhooks", tag = "inbound",
    params(PageParams), extensions(("x-permission" = json!("inbound_webhook:read"))),
    responses((status = 200, description = "A page of inbound webhooks", body = Listed<InboundWebhookConfig>)))]
pub async fn list(
    caller: Caller,
    State(app): State<Arc<App>>,
    List { page, .. }: List,
) -> Result<axum::Json<Listed<InboundWebhookConfig>>, Problem> {
    let job = caller.store.read::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let mut found = Vec::new();
            for row in rows::list(tx, &page).await? {
                let beside = beside(tx, row.id).await?;
                found.push((row, beside));
            }
            Ok(found)
        })
    });
    let view = |(row, beside)| InboundWebhookConfig::of(row, beside, &app, &caller.tenant_slug);
    Ok(axum::Json(Listed::of(&page, job.await?, |(row, _)| row.id.uuid(), view)))
}

/// Create an inbound webhook. Its secret, where the scheme has one, is in this answer and in no other.
#[utoipa::path(post, path = "/api/v1/inbound-webhooks", operation_id = "createInboundWebhook", tag = "inbound",
    request_body = InboundWebhookInput, extensions(("x-permission" = json!("inbound_webhook:create"))),
    responses((status = 201, description = "Created; `secret` is shown this once", body = InboundWebhookConfig),
        (status = 409, description = "The tenant has a webhook of this slug")))]
pub async fn create(
    caller: Caller,
    State(app): State<Arc<App>>,
    Create { body, once }: Create<InboundWebhookInput>,
) -> Result<Response, Problem> {
    let draft = body.check(&app).await?;
    if draft.auth.public_key().is_some() && draft.secret.is_none() {
        return Err(Problem::invalid("auth_config.secret", "required", "must be the public key that the sender shows"));
    }
    if draft.aliases.is_some_and(|aliases| !aliases.is_empty()) {
        return Err(Problem::invalid("aliases", "invalid", "a webhook has aliases once it was renamed"));
    }
    let store = caller.store.clone();
    once.run(&store, move |tx| {
        Box::pin(async move {
            // Whoever renames one to this slug waits, or is waited for.
            audit::bump_epoch(tx).await?;
            let now = app.ambient.now();
            let shown = draft.auth.has_secret().then(|| draft.secret.clone().unwrap_or_else(|| fresh(&app)));
            let public = draft.auth.public_key().is_some();
            let secret = match &shown {
                Some(value) => Some(app.engine.secrets.seal(tx, &*app.ambient, PURPOSE, value).await?),
                None => None,
            };
            let row = Row {
                id: app.ambient.fresh(),
                name: draft.name,
                slug: draft.slug,
                description: draft.description,
                auth: draft.auth,
                secret,
                previous_secret: None,
                previous_until: None,
                ip_cidrs: draft.ip_cidrs,
                idempotency_source: draft.idempotency_source,
                idempotency_window_seconds: draft.idempotency_window_seconds,
                handler: draft.handler,
                is_active: draft.is_active,
                rate_limit_per_minute: draft.rate_limit_per_minute,
                auto_disabled_at: None,
                failing_since: None,
                capture: rows::Capture::default(),
                options: draft.options,
                revision: 1,
                created_by: caller.actor.to_string(),
                created_at: now,
                updated_at: now,
            };
            rows::insert(tx, &row).await.map_err(taken)?;
            record(tx, &app, &caller, "inbound_webhook.created", &row).await?;
            let created = Created::new(&InboundWebhookConfig::of(row, Beside::default(), &app, &caller.tenant_slug))?;
            Ok(match shown.filter(|_| !public) {
                Some(value) => created.secret("secret", value.expose_text().unwrap_or_default().to_owned()),
                None => created,
            })
        })
    })
    .await
}

/// 32 random bytes, as senders can store them.
fn fresh(app: &App) -> Secret {
    Secret::from(BASE64URL_NOPAD.encode(&app.ambient.random::<32>()))
}

fn taken(error: StoreError) -> Problem {
    match error {
        StoreError::Conflict(_) => Problem::conflict("slug_taken", "slug: this tenant has an inbound webhook of this slug"),
        other => other.into(),
    }
}

/// One inbound webhook, without its secret.
#[utoipa::path(get, path = "/api/v1/inbound-webhooks/{id}", operation_id = "getInboundWebhook", tag = "inbound",
    params(("id" = String, Path, description = "`iwh_...`")), extensions(("x-permission" = json!("inbound_webhook:read"))),
    responses((status = 200, description = "The webhook", body = InboundWebhookConfig)))]
pub async fn get(
    caller: Caller,
    State(app): State<Arc<App>>,
    Id(id): Id<InboundWebhookId>,
) -> Result<axum::Json<InboundWebhookConfig>, Problem> {
    let job = caller.store.read::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let row = find(tx, id).await?;
            Ok((beside(tx, id).await?, row))
        })
    });
    let (beside, row) = job.await?;
    Ok(axum::Json(InboundWebhookConfig::of(row, beside, &app, &caller.tenant_slug)))
}

/// Delete an inbound webhook and its secret. What it received stays readable to people with the database.
#[utoipa::path(delete, path = "/api/v1/inbound-webhooks/{id}", operation_id = "deleteInboundWebhook", tag = "inbound",
    params(("id" = String, Path, description = "`iwh_...`")), extensions(("x-permission" = json!("inbound_webhook:delete"))),
    responses((status = 204, description = "Deleted; its URL answers 401")))]
pub async fn remove(caller: Caller, State(app): State<Arc<App>>, Id(id): Id<InboundWebhookId>) -> Result<StatusCode, Problem> {
    let store = caller.store.clone();
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let row = find(tx, id).await?;
            rows::delete(tx, &row).await?;
            record(tx, &app, &caller, "inbound_webhook.deleted", &row).await
        })
    });
    job.await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn beside(tx: &mut Tx, id: InboundWebhookId) -> Result<Beside, Problem> {
    Ok(Beside { last_delivery_at: rows::last_received(tx, id).await?, aliases: rows::aliases(tx, id).await? })
}

pub(super) async fn find(tx: &mut Tx, id: InboundWebhookId) -> Result<Row, Problem> {
    rows::get(tx, id).await?.ok_or_else(Problem::not_found)
}

async fn record(tx: &mut Tx, app: &App, caller: &Caller, action: &'static str, row: &Row) -> Result<(), Problem> {
    let detail = json!({ "slug": row.slug, "auth_type": row.auth.type_name(), "is_active": row.is_active });
    caller.record(tx, app, action, row.id, detail).await
}
