//! For load balancers and monitoring.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::Problem;
use crate::app::App;

/// How long /readyz waits for the database before it says no.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Serialize, ToSchema)]
pub struct Health {
    #[schema(value_type = String, example = "ok")]
    status: &'static str,
    #[schema(value_type = String, example = "0.1.0")]
    version: &'static str,
    /// `up`, or `away`: limits are then each process's own. Absent where none is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "up")]
    redis: Option<&'static str>,
}

const FINE: Health = Health { status: "ok", version: env!("CARGO_PKG_VERSION"), redis: None };

/// Whether the process lives.
#[utoipa::path(get, path = "/healthz", operation_id = "healthz", tag = "health",
    responses((status = 200, description = "It does", body = Health)),
    extensions(("x-permission" = json!("public"))))]
pub async fn healthz() -> Json<Health> {
    Json(FINE)
}

/// Whether it can work: the database answers, and nobody has asked it to stop. Without Redis it works on.
#[utoipa::path(get, path = "/readyz", operation_id = "readyz", tag = "health",
    responses((status = 200, description = "Send it requests", body = Health)),
    extensions(("x-permission" = json!("public"))))]
pub async fn readyz(State(app): State<Arc<App>>) -> Result<Json<Health>, Problem> {
    if app.stopping.load(Ordering::Relaxed) {
        return Err(Problem::unavailable("stopping"));
    }
    let store = app.db.system();
    let ask = store.read(|tx| Box::pin(async move { tx.query("SELECT now_ms()", &[]).await }));
    match tokio::time::timeout(PATIENCE, ask).await {
        Ok(Ok(_)) => {
            let redis = app.engine.shared.as_ref().map(|shared| if shared.is_up() { "up" } else { "away" });
            Ok(Json(Health { redis, ..FINE }))
        }
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(Problem::unavailable("the database takes too long")),
    }
}

/// Figures in the Prometheus text format. They name no tenant.
#[utoipa::path(get, path = "/metrics", operation_id = "metrics", tag = "health",
    responses((status = 200, description = "The figures", content_type = "text/plain", body = String)),
    extensions(("x-permission" = json!("audit:read"))))]
pub async fn metrics(State(app): State<Arc<App>>) -> Response {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.metrics.render()).into_response()
}
