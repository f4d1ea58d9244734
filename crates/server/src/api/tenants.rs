//! Tenants, for the platform alone.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::response::Response;
use hookswitch_domain::id::TenantId;
use hookswitch_domain::tenant::{PLATFORM, Slug};
use hookswitch_domain::time::Timestamp;
use hookswitch_store::tenant::{self, Tenant};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::body::Json;
use super::caller::Caller;
use super::idempotency::{Create, Created};
use super::list::{List, Listed, PageParams};
use super::path::Id;
use super::problem::{Checks, Problem};
use crate::app::App;
use crate::identity;

/// A tenant.
#[derive(Serialize, ToSchema)]
#[schema(as = Tenant)]
pub struct TenantView {
    #[schema(value_type = String, example = "ten_01jd8r7c5tevzs9c1ghvzv3hkp")]
    id: TenantId,
    /// Stands in URLs and never changes.
    #[schema(example = "acme")]
    slug: String,
    #[schema(example = "Acme Ltd")]
    name: String,
    sending_paused: bool,
    inbound_webhooks_enabled: bool,
    #[schema(value_type = String, format = DateTime, example = "2026-01-31T12:00:00.000Z")]
    created_at: Timestamp,
}

impl From<Tenant> for TenantView {
    fn from(tenant: Tenant) -> Self {
        let Tenant { id, slug, name, sending_paused, inbound_webhooks_enabled, created_at, .. } = tenant;
        Self { id, slug, name, sending_paused, inbound_webhooks_enabled, created_at }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTenant {
    /// 1 to 64 of a-z, 0-9 and inner hyphens.
    #[schema(min_length = 1, max_length = 64, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", example = "acme")]
    slug: String,
    #[schema(min_length = 1, max_length = 200, example = "Acme Ltd")]
    name: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantChange {
    #[schema(min_length = 1, max_length = 200, example = "Acme Ltd")]
    name: String,
}

/// List all tenants.
#[utoipa::path(get, path = "/api/v1/tenants", operation_id = "listTenants", tag = "tenants", params(PageParams),
    responses((status = 200, description = "A page of tenants", body = Listed<TenantView>)),
    extensions(("x-permission" = json!("tenant:read"))))]
pub async fn list(State(app): State<Arc<App>>, caller: Caller, list: List) -> Result<Answer<Listed<TenantView>>, Problem> {
    for_the_platform(&caller)?;
    let page = list.page;
    let rows = app.db.system().read(move |tx| Box::pin(async move { tenant::list(tx, &page).await })).await?;
    Ok(Answer(Listed::of(&page, rows, |tenant| tenant.id.uuid(), TenantView::from)))
}

/// Show a tenant.
#[utoipa::path(get, path = "/api/v1/tenants/{id}", operation_id = "getTenant", tag = "tenants",
    params(("id" = String, Path, description = "The tenant's id", example = "ten_01jd8r7c5tevzs9c1ghvzv3hkp")),
    responses((status = 200, description = "The tenant", body = TenantView)),
    extensions(("x-permission" = json!("tenant:read"))))]
pub async fn get(State(app): State<Arc<App>>, caller: Caller, Id(id): Id<TenantId>) -> Result<Answer<TenantView>, Problem> {
    for_the_platform(&caller)?;
    let found = app.db.for_tenant(id).read(|tx| Box::pin(tenant::own(tx))).await?;
    found.map(|tenant| Answer(tenant.into())).ok_or_else(Problem::not_found)
}

/// Create a tenant, with what every tenant starts with.
#[utoipa::path(post, path = "/api/v1/tenants", operation_id = "createTenant", tag = "tenants", request_body = NewTenant,
    responses(
        (status = 201, description = "The tenant was created", body = TenantView),
        (status = 409, description = "Another tenant has this slug")),
    extensions(("x-permission" = json!("tenant:write"))))]
pub async fn create(State(app): State<Arc<App>>, caller: Caller, new: Create<NewTenant>) -> Result<Response, Problem> {
    for_the_platform(&caller)?;
    let NewTenant { slug, name } = new.body;
    let mut checks = Checks::default();
    let slug = checks.take("slug", slug.parse::<Slug>());
    checks.name("name", &name);
    checks.finish()?;
    let Some(slug) = slug else { return Err(Problem::internal("a slug without a complaint")) };
    let (ambient, actor) = (app.ambient.clone(), caller.actor);
    let store = app.db.for_tenant(ambient.fresh());
    let job = new.once.run(&store, move |tx| {
        Box::pin(async move {
            let made = identity::create_tenant(tx, &*ambient, &actor, &slug, &name).await?;
            Created::new(&TenantView::from(made))
        })
    });
    job.await
}

/// Rename a tenant.
#[utoipa::path(patch, path = "/api/v1/tenants/{id}", operation_id = "changeTenant", tag = "tenants", request_body = TenantChange,
    params(("id" = String, Path, description = "The tenant's id", example = "ten_01jd8r7c5tevzs9c1ghvzv3hkp")),
    responses((status = 200, description = "The tenant as it is now", body = TenantView)),
    extensions(("x-permission" = json!("tenant:write"))))]
pub async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<TenantId>,
    Json(change): Json<TenantChange>,
) -> Result<Answer<TenantView>, Problem> {
    for_the_platform(&caller)?;
    let mut checks = Checks::default();
    checks.name("name", &change.name);
    checks.finish()?;
    let (ambient, actor) = (app.ambient.clone(), caller.actor);
    let store = app.db.for_tenant(id);
    let job = store.write(move |tx| {
        Box::pin(async move {
            tenant::rename(tx, &change.name).await?;
            let after = tenant::own(tx).await?.ok_or_else(Problem::not_found)?;
            let detail = json!({"name": change.name});
            identity::note(tx, &*ambient, &actor, "tenant.updated", id.to_string(), detail).await?;
            Ok::<_, Problem>(after)
        })
    });
    Ok(Answer(job.await?.into()))
}

/// The permission alone would do today; this holds even if a tenant's own role came to carry it.
pub(super) fn for_the_platform(caller: &Caller) -> Result<(), Problem> {
    let home = caller.platform || caller.tenant == PLATFORM;
    if home { Ok(()) } else { Err(Problem::forbidden("this is the platform's")) }
}
