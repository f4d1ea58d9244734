//! Inbound webhooks: their configuration, what they received, and the actions that they may call.

mod body;
mod received;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use data_encoding::BASE64URL_NOPAD;
use hookswitch_domain::id::InboundWebhookId;
use hookswitch_domain::secret::Secret;
use hookswitch_pipeline::inbound::accept::PURPOSE;
use hookswitch_store::inbound::{self as rows, Webhook as Row};
use hookswitch_store::{StoreError, Tx, audit, secret};
use http::StatusCode;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

pub use body::{InboundWebhookConfig, InboundWebhookInput};
pub use received::{__path_deliveries, __path_delivery, deliveries, delivery};

use super::body::Json;
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
                let last = rows::last_received(tx, row.id).await?;
                found.push((row, last));
            }
            Ok(found)
        })
    });
    let view = |(row, last)| InboundWebhookConfig::of(row, last, &app, &caller.tenant_slug);
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
    let store = caller.store.clone();
    once.run(&store, move |tx| {
        Box::pin(async move {
            let now = app.ambient.now();
            let shown = draft.auth.has_secret().then(|| draft.secret.clone().unwrap_or_else(|| fresh(&app)));
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
                ip_cidrs: draft.ip_cidrs,
                idempotency_source: draft.idempotency_source,
                idempotency_window_seconds: draft.idempotency_window_seconds,
                handler: draft.handler,
                is_active: draft.is_active,
                rate_limit_per_minute: draft.rate_limit_per_minute,
                auto_disabled_at: None,
                options: draft.options,
                revision: 1,
                created_by: caller.actor.to_string(),
                created_at: now,
                updated_at: now,
            };
            rows::insert(tx, &row).await.map_err(taken)?;
            record(tx, &app, &caller, "inbound_webhook.created", &row).await?;
            let created = Created::new(&InboundWebhookConfig::of(row, None, &app, &caller.tenant_slug))?;
            Ok(match shown {
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
            Ok((rows::last_received(tx, id).await?, row))
        })
    });
    let (last, row) = job.await?;
    Ok(axum::Json(InboundWebhookConfig::of(row, last, &app, &caller.tenant_slug)))
}

/// Replace an inbound webhook's configuration. Its slug stays; without `secret` its secret stays.
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
            if draft.slug != row.slug {
                return Err(Problem::invalid("slug", "immutable", "can't be changed: senders and external mappings use it"));
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
            Ok((rows::last_received(tx, id).await?, find(tx, id).await?))
        })
    });
    let (last, row) = job.await?;
    Ok(axum::Json(InboundWebhookConfig::of(row, last, &views, &slug)))
}

/// A scheme with a secret has one; a given one replaces it, and a scheme without drops it.
async fn replace_secret(tx: &mut Tx, app: &App, row: &mut Row, draft: &body::Draft) -> Result<(), Problem> {
    let keeps = draft.auth.has_secret();
    if keeps && draft.secret.is_none() && row.secret.is_some() {
        return Ok(());
    }
    if keeps && draft.secret.is_none() {
        return Err(Problem::invalid(
            "auth_config.secret",
            "required",
            "must be given when the scheme changes to one with a secret",
        ));
    }
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

/// The new secret, shown this once.
#[derive(Serialize, ToSchema)]
pub struct RotatedSecret {
    secret: String,
}

/// Give the webhook a new secret. The old one stops at once.
#[utoipa::path(post, path = "/api/v1/inbound-webhooks/{id}/rotate-secret", operation_id = "rotateInboundWebhookSecret",
    tag = "inbound", params(("id" = String, Path, description = "`iwh_...`")),
    extensions(("x-permission" = json!("inbound_webhook:update"))),
    responses((status = 200, description = "The new secret, shown this once", body = RotatedSecret)))]
pub async fn rotate(
    caller: Caller,
    State(app): State<Arc<App>>,
    Id(id): Id<InboundWebhookId>,
) -> Result<axum::Json<RotatedSecret>, Problem> {
    let store = caller.store.clone();
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            audit::bump_epoch(tx).await?;
            let mut row = find(tx, id).await?;
            if !row.auth.has_secret() {
                return Err(Problem::bad_request("no_secret", "an address list has no secret to rotate"));
            }
            let shown = fresh(&app);
            let old = row.secret.replace(app.engine.secrets.seal(tx, &*app.ambient, PURPOSE, &shown).await?);
            row.updated_at = app.ambient.now();
            rows::update(tx, &row).await?;
            if let Some(old) = old {
                secret::delete(tx, old).await?;
            }
            record(tx, &app, &caller, "inbound_webhook.secret_rotated", &row).await?;
            Ok(RotatedSecret { secret: shown.expose_text().unwrap_or_default().to_owned() })
        })
    });
    Ok(axum::Json(job.await?))
}

/// All actions, by entity.
#[derive(Serialize, ToSchema)]
pub struct Actions {
    data: Vec<InboundActionDefinition>,
}

/// A typed operation that a webhook may call.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InboundActionDefinition {
    #[schema(example = "createTicket")]
    name: String,
    #[schema(example = "ticket")]
    entity_type: String,
    display_name: String,
    description: String,
    target_fields: Vec<InboundActionTargetField>,
}

/// A field that a mapping may fill.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InboundActionTargetField {
    name: String,
    /// `string`, `int`, `number`, `boolean`, `enum`, `ref` or `json`.
    #[serde(rename = "type")]
    kind: String,
    required: bool,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    enum_values: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ref_entity_type: Option<String>,
}

/// The action registry: what a webhook can do, with the fields that its mapping fills.
#[utoipa::path(get, path = "/api/v1/inbound-webhooks/actions", operation_id = "listInboundActions", tag = "inbound",
    extensions(("x-permission" = json!("inbound_webhook:read"))),
    responses((status = 200, description = "All actions", body = Actions)))]
pub async fn actions(State(app): State<Arc<App>>, _caller: Caller) -> axum::Json<Actions> {
    let data = app.engine.registry.definitions().into_iter().map(|action| InboundActionDefinition {
        name: action.name.to_owned(),
        entity_type: action.entity_type.to_owned(),
        display_name: action.display_name.to_owned(),
        description: action.description.to_owned(),
        target_fields: action.fields.iter().map(target_field).collect(),
    });
    axum::Json(Actions { data: data.collect() })
}

fn target_field(field: &hookswitch_domain::mapping::Field) -> InboundActionTargetField {
    let shown = serde_json::to_value(field).unwrap_or_default();
    let text = |name: &str| shown.get(name).and_then(|value| value.as_str()).map(str::to_owned);
    InboundActionTargetField {
        name: text("name").unwrap_or_default(),
        kind: text("type").unwrap_or_default(),
        required: shown.get("required").and_then(serde_json::Value::as_bool).unwrap_or(false),
        description: text("description").unwrap_or_default(),
        enum_values: shown.get("enumValues").and_then(|list| serde_json::from_value(list.clone()).ok()),
        ref_entity_type: text("refEntityType"),
    }
}

pub(super) async fn find(tx: &mut Tx, id: InboundWebhookId) -> Result<Row, Problem> {
    rows::get(tx, id).await?.ok_or_else(Problem::not_found)
}

async fn record(tx: &mut Tx, app: &App, caller: &Caller, action: &'static str, row: &Row) -> Result<(), Problem> {
    let detail = json!({ "slug": row.slug, "auth_type": row.auth.type_name(), "is_active": row.is_active });
    caller.record(tx, app, action, row.id, detail).await
}
