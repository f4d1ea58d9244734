//! The outbound side as a whole: which adapters there are, and the tenant's own switch.

use std::sync::Arc;

use axum::extract::State;
use hookswitch_domain::audit::Actor;
use hookswitch_pipeline::outbound::adapter;
use hookswitch_store::tenant;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
use super::problem::Problem;
use crate::app::App;
use crate::identity::note;

/// All adapters.
#[derive(Serialize, ToSchema)]
pub struct Adapters {
    data: Vec<AdapterKind>,
}

/// How one kind of destination is spoken to.
#[derive(Serialize, ToSchema)]
pub struct AdapterKind {
    #[schema(example = "webhook")]
    adapter_type: &'static str,
    #[schema(example = "Webhook")]
    title: &'static str,
    description: &'static str,
    /// Whether requests carry a signature, so that a destination has a signing secret.
    signs: bool,
    /// JSON Schema of a destination's `settings`. The formats `template` and `json-template` mark
    /// where `{{event.payload.title}}` and the like are filled in.
    #[schema(value_type = Object)]
    settings_schema: serde_json::Value,
}

/// The adapters that a destination may name, each with the schema of its settings.
#[utoipa::path(get, path = "/api/v1/integrations/adapters", operation_id = "listAdapters", tag = "destinations",
    extensions(("x-permission" = json!("destination:read")), ("x-portal" = json!(true))),
    responses((status = 200, description = "All adapters", body = Adapters)))]
pub async fn adapters(_caller: Caller, State(app): State<Arc<App>>) -> axum::Json<Adapters> {
    let lenient = app.config.environment.lenient();
    let data = adapter::ALL.iter().filter(|adapter| lenient || !adapter.development_only()).map(|adapter| AdapterKind {
        adapter_type: adapter.kind(),
        title: adapter.title(),
        signs: adapter.signs(),
        description: adapter.description(),
        settings_schema: adapter.settings_schema(),
    });
    axum::Json(Adapters { data: data.collect() })
}

/// Whether anything is sent for the tenant.
#[derive(Serialize, ToSchema)]
pub struct Sending {
    sending_paused: bool,
}

/// Stop sending for the whole tenant. Events are accepted and wait; it is one write, whatever waits.
#[utoipa::path(post, path = "/api/v1/integrations/pause", operation_id = "pauseSending", tag = "destinations",
    extensions(("x-permission" = json!("destination:update"))),
    responses((status = 200, description = "Nothing is sent any more", body = Sending)))]
pub async fn pause(caller: Caller, State(app): State<Arc<App>>) -> Result<axum::Json<Sending>, Problem> {
    set(caller, app, true).await
}

/// Send again; what waited goes out now.
#[utoipa::path(post, path = "/api/v1/integrations/resume", operation_id = "resumeSending", tag = "destinations",
    extensions(("x-permission" = json!("destination:update"))),
    responses((status = 200, description = "Sending again", body = Sending)))]
pub async fn resume(caller: Caller, State(app): State<Arc<App>>) -> Result<axum::Json<Sending>, Problem> {
    set(caller, app, false).await
}

async fn set(caller: Caller, app: Arc<App>, paused: bool) -> Result<axum::Json<Sending>, Problem> {
    let store = caller.store.clone();
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            tenant::set_sending_paused(tx, paused).await?;
            let action = if paused { "sending.paused" } else { "sending.resumed" };
            let actor: &Actor = &caller.actor;
            note(tx, &*app.ambient, actor, action, caller.tenant_slug.to_string(), serde_json::json!({})).await?;
            app.engine.publisher.wake_after(tx);
            Ok(Sending { sending_paused: paused })
        })
    });
    Ok(axum::Json(job.await?))
}
