//! Changing an inbound webhook: all of it, its slug and its secret among it, or whether it is on.

use std::sync::Arc;

use axum::extract::State;
use hookswitch_domain::id::InboundWebhookId;
use hookswitch_pipeline::inbound::accept::PURPOSE;
use hookswitch_store::inbound::{self as rows, Webhook as Row};
use hookswitch_store::{StoreError, Tx, audit, secret};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::body::{self, InboundWebhookConfig, InboundWebhookInput};
use super::{beside, find, record, rotation, taken};
use crate::api::body::Json;
use crate::api::caller::Caller;
use crate::api::path::Id;
use crate::api::problem::Problem;
use crate::app::App;

/// Replace an inbound webhook's configuration. Without `secret` its secret stays. Another `slug` renames it: its external
/// mappings go along, and the old URL leads here until it is removed from `aliases`.
#[utoipa::path(put, path = "/api/v1/inbound-webhooks/{id}", operation_id = "updateInboundWebhook", tag = "inbound",
    params(("id" = String, Path, description = "`iwh_...`")), request_body = InboundWebhookInput,
    extensions(("x-permission" = json!("inbound_webhook:update"))),
    responses((status = 200, description = "The webhook as it is now", body = InboundWebhookConfig)))]
pub async fn update(
    caller: Caller,
    State(app): State<Arc<App>>,
    Id(id): Id<InboundWebhookId>,
    Json(body): Json<InboundWebhookInput>,
) -> Result<axum::Json<InboundWebhookConfig>, Problem> {
    let draft = body.check(&app).await?;
    let (store, slug, views) = (caller.store.clone(), caller.tenant_slug.clone(), app.clone());
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            audit::bump_epoch(tx).await?;
            let mut row = find(tx, id).await?;
            rename(tx, &app, &caller, &mut row, &draft.slug).await?;
            if let Some(wanted) = &draft.aliases {
                keep_aliases(tx, &row, wanted).await?;
            }
            replace_secret(tx, &app, &mut row, &draft).await?;
            row.name = draft.name;
            row.description = draft.description;
            row.auth = draft.auth;
            row.ip_cidrs = draft.ip_cidrs;
            row.idempotency_source = draft.idempotency_source;
            row.idempotency_window_seconds = draft.idempotency_window_seconds;
            row.handler = draft.handler;
            row.is_active = draft.is_active;
            row.rate_limit_per_minute = draft.rate_limit_per_minute;
            row.options = draft.options;
            row.updated_at = app.ambient.now();
            rows::update(tx, &row).await?;
            record(tx, &app, &caller, "inbound_webhook.changed", &row).await?;
            Ok((beside(tx, id).await?, find(tx, id).await?))
        })
    });
    let (beside, row) = job.await?;
    Ok(axum::Json(InboundWebhookConfig::of(row, beside, &views, &slug)))
}

/// Another slug: the external mappings that are named after it go along, in this transaction.
async fn rename(tx: &mut Tx, app: &App, caller: &Caller, row: &mut Row, slug: &str) -> Result<(), Problem> {
    if row.slug == slug {
        return Ok(());
    }
    rows::rename(tx, row.id, &row.slug, slug, app.ambient.now()).await.map_err(taken)?;
    let moved = hookswitch_desk::mapping::store::rename_integration(tx, &row.slug, slug).await;
    let moved = moved.map_err(|error| match error {
        StoreError::Conflict(_) => {
            let detail = "slug: external mappings of this name are there already, and name the same records or ids";
            Problem::conflict("mappings_in_the_way", detail)
        }
        other => other.into(),
    })?;
    let detail = json!({ "from": row.slug, "to": slug, "external_mappings": moved });
    caller.record(tx, app, "inbound_webhook.renamed", row.id, detail).await?;
    row.slug = slug.to_owned();
    Ok(())
}

/// The former slugs that are left out lead nowhere from now on.
async fn keep_aliases(tx: &mut Tx, row: &Row, wanted: &[String]) -> Result<(), Problem> {
    let there = rows::aliases(tx, row.id).await?;
    for (place, slug) in wanted.iter().enumerate() {
        if !there.iter().any(|alias| alias.slug == *slug) {
            let detail = "is no former slug of this webhook";
            return Err(Problem::invalid(format!("aliases[{place}]"), "unknown", detail));
        }
    }
    for alias in there.iter().filter(|alias| !wanted.contains(&alias.slug)) {
        rows::remove_alias(tx, row.id, &alias.slug).await?;
    }
    Ok(())
}

/// Whether a webhook takes requests.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InboundWebhookPatch {
    #[schema(example = true)]
    is_active: bool,
}

/// Switch an inbound webhook on or off. Off, its URL answers 401. One that was switched off by its failures begins anew.
#[utoipa::path(patch, path = "/api/v1/inbound-webhooks/{id}", operation_id = "setInboundWebhookActive", tag = "inbound",
    params(("id" = String, Path, description = "`iwh_...`")), request_body = InboundWebhookPatch,
    extensions(("x-permission" = json!("inbound_webhook:update"))),
    responses((status = 200, description = "The webhook as it is now", body = InboundWebhookConfig)))]
pub async fn set_active(
    caller: Caller,
    State(app): State<Arc<App>>,
    Id(id): Id<InboundWebhookId>,
    Json(patch): Json<InboundWebhookPatch>,
) -> Result<axum::Json<InboundWebhookConfig>, Problem> {
    let (store, slug, views) = (caller.store.clone(), caller.tenant_slug.clone(), app.clone());
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            audit::bump_epoch(tx).await?;
            let mut row = find(tx, id).await?;
            row.is_active = patch.is_active;
            row.updated_at = app.ambient.now();
            rows::update(tx, &row).await?;
            record(tx, &app, &caller, "inbound_webhook.changed", &row).await?;
            Ok((beside(tx, id).await?, find(tx, id).await?))
        })
    });
    let (beside, row) = job.await?;
    Ok(axum::Json(InboundWebhookConfig::of(row, beside, &views, &slug)))
}

/// A scheme with a secret has one; a given one replaces it, and a scheme without drops it.
async fn replace_secret(tx: &mut Tx, app: &App, row: &mut Row, draft: &body::Draft) -> Result<(), Problem> {
    let keeps = draft.auth.has_secret();
    if keeps && draft.secret.is_none() && row.secret.is_some() {
        return rotation::check_kept(tx, app, row, &draft.auth).await;
    }
    if keeps && draft.secret.is_none() {
        return Err(Problem::invalid(
            "auth_config.secret",
            "required",
            "must be given when the scheme changes to one with a secret",
        ));
    }
    rows::end_rotation(tx, row.id).await?;
    let old = row.secret.take();
    if let Some(value) = draft.secret.as_ref().filter(|_| keeps) {
        row.secret = Some(app.engine.secrets.seal(tx, &*app.ambient, PURPOSE, value).await?);
    }
    if let Some(old) = old {
        // The row still names it: the update that follows in this transaction takes that away.
        secret::delete(tx, old).await?;
    }
    Ok(())
}
