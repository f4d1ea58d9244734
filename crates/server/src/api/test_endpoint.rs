//! The demo's test endpoint, as the console's first steps use it: where a first destination may point, and
//! a switch that makes it fail, so that a retry, a dead letter and a recovery can be watched. `serve` has none.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Json;
use super::caller::Caller;
use super::problem::Problem;
use crate::app::App;

#[derive(Serialize, ToSchema)]
pub struct TestEndpoint {
    /// Where a destination may point to try things out; null where this installation has no test endpoint.
    #[schema(example = "http://127.0.0.1:9099/acme/try")]
    url: Option<String>,
    /// Whether it answers 503 at the moment.
    broken: bool,
}

fn shown(app: &App, caller: &Caller) -> TestEndpoint {
    let (endpoint, slug) = (app.test_endpoint.get(), &*caller.tenant_slug);
    TestEndpoint {
        url: endpoint.map(|endpoint| endpoint.url(slug)),
        broken: endpoint.is_some_and(|endpoint| endpoint.is_broken(slug)),
    }
}

/// The demo's test endpoint and whether it is broken.
#[utoipa::path(get, path = "/api/v1/test-endpoint", operation_id = "getTestEndpoint", tag = "destinations",
    responses((status = 200, description = "The test endpoint, if there is one", body = TestEndpoint)),
    extensions(("x-permission" = json!("destination:read"))))]
pub async fn get(caller: Caller, State(app): State<Arc<App>>) -> axum::Json<TestEndpoint> {
    axum::Json(shown(&app, &caller))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BreakTestEndpoint {
    broken: bool,
}

/// Break the demo's test endpoint, or mend it.
#[utoipa::path(put, path = "/api/v1/test-endpoint", operation_id = "breakTestEndpoint", tag = "destinations",
    request_body = BreakTestEndpoint,
    responses((status = 200, description = "The test endpoint as it is now", body = TestEndpoint),
        (status = 409, description = "This installation has no test endpoint")),
    extensions(("x-permission" = json!("destination:update"))))]
pub async fn put(
    caller: Caller,
    State(app): State<Arc<App>>,
    Json(change): Json<BreakTestEndpoint>,
) -> Result<axum::Json<TestEndpoint>, Problem> {
    let endpoint = app.test_endpoint.get();
    let none = || Problem::conflict("no_test_endpoint", "only `hookswitch demo` has a test endpoint that can be broken");
    endpoint.ok_or_else(none)?.set_broken(&caller.tenant_slug, change.broken);
    Ok(axum::Json(shown(&app, &caller)))
}
