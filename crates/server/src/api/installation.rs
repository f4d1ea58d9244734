//! What holds for every tenant: the installation's own switch for sending. For the platform alone,
//! and noted in the platform's trail.

use std::sync::Arc;

use axum::extract::State;
use hookswitch_store::installation;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::caller::Caller;
use super::problem::Problem;
use super::tenants::for_the_platform;
use crate::app::App;

/// Whether anything is sent at all.
#[derive(Serialize, ToSchema)]
pub struct Installation {
    sending_paused: bool,
}

/// What holds for every tenant.
#[utoipa::path(get, path = "/api/v1/installation", operation_id = "getInstallation", tag = "tenants",
    extensions(("x-permission" = json!("tenant:read"))),
    responses((status = 200, description = "What holds for every tenant", body = Installation)))]
pub async fn get(caller: Caller, State(app): State<Arc<App>>) -> Result<axum::Json<Installation>, Problem> {
    for_the_platform(&caller)?;
    let sending_paused = app.db.system().read(|tx| Box::pin(installation::sending_paused(tx))).await?;
    Ok(axum::Json(Installation { sending_paused }))
}

/// Stop sending for every tenant. Events are accepted and wait, shown as parked for `installation_paused`.
#[utoipa::path(post, path = "/api/v1/installation/pause", operation_id = "pauseInstallation", tag = "tenants",
    extensions(("x-permission" = json!("tenant:write"))),
    responses((status = 200, description = "Nothing is sent any more", body = Installation)))]
pub async fn pause(caller: Caller, State(app): State<Arc<App>>) -> Result<axum::Json<Installation>, Problem> {
    set(caller, app, true).await
}

/// Send again, but for tenants that are paused themselves; what waited goes out now.
#[utoipa::path(post, path = "/api/v1/installation/resume", operation_id = "resumeInstallation", tag = "tenants",
    extensions(("x-permission" = json!("tenant:write"))),
    responses((status = 200, description = "Sending again", body = Installation)))]
pub async fn resume(caller: Caller, State(app): State<Arc<App>>) -> Result<axum::Json<Installation>, Problem> {
    set(caller, app, false).await
}

async fn set(caller: Caller, app: Arc<App>, paused: bool) -> Result<axum::Json<Installation>, Problem> {
    for_the_platform(&caller)?;
    let system = app.db.system();
    let job = system.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            if installation::set_sending_paused(tx, paused).await? {
                let action = if paused { "installation.paused" } else { "installation.resumed" };
                caller.record(tx, &app, action, "installation", json!({})).await?;
                app.engine.publisher.wake_after(tx);
            }
            Ok(Installation { sending_paused: paused })
        })
    });
    Ok(axum::Json(job.await?))
}
