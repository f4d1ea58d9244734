//! The management API: every route, one list. A new endpoint is its handler, with what the OpenAPI
//! document says of it above it, and one line here.

#![allow(unused_qualifications, reason = "the macros that describe operations write whole paths")]

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::{console, edge, receive};

mod audit;
mod boards;
pub mod body;
pub mod caller;
mod clients;
mod credentials;
mod dead_letters;
mod deliveries;
mod describe;
mod destinations;
mod docs;
mod event_types;
mod events;
mod external_mappings;
mod features;
pub mod guard;
mod health;
pub mod idempotency;
mod inbound_webhooks;
mod installation;
mod integrations;
mod jobs;
pub mod known;
pub mod list;
mod live;
mod notifications;
pub mod path;
mod policy;
pub mod problem;
mod public_keys;
mod roles;
pub mod session;
mod settings;
mod statistics;
mod tenants;
mod tickets;
mod tokens;
mod users;

use problem::Problem;

/// Which parts of the HTTP surface a process has; health and metrics always.
#[derive(Debug, Clone, Copy)]
pub struct Surface {
    pub api: bool,
    pub receiver: bool,
}

impl Surface {
    pub const ALL: Self = Self { api: true, receiver: true };
}

/// The management API.
fn management() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(session::sign_in, session::who_am_i, session::sign_out))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::get, users::change, users::remove))
        .routes(routes!(roles::list, roles::create))
        .routes(routes!(roles::remove))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::get, tokens::revoke))
        .routes(routes!(tenants::list, tenants::create))
        .routes(routes!(tenants::get, tenants::change))
        .routes(routes!(features::get, features::put))
        .routes(routes!(settings::get, settings::put))
        .routes(routes!(audit::list))
        .routes(routes!(audit::verify))
        .routes(routes!(events::list, events::publish))
        .routes(routes!(events::publish_batch))
        .routes(routes!(events::get))
        .routes(routes!(event_types::list, event_types::create))
        .routes(routes!(event_types::get, event_types::change, event_types::remove))
        .routes(routes!(events::envelope))
        .routes(routes!(destinations::list, destinations::create))
        .routes(routes!(destinations::get, destinations::change, destinations::remove))
        .routes(routes!(destinations::preview))
        .routes(routes!(destinations::preview_of))
        .routes(routes!(destinations::verify))
        .routes(routes!(destinations::reveal))
        .routes(routes!(destinations::signing::rotate))
        .routes(routes!(destinations::signing::finalize))
        .routes(routes!(destinations::pause))
        .routes(routes!(destinations::resume))
        .routes(routes!(destinations::test))
        .routes(routes!(public_keys::get))
        .routes(routes!(statistics::stats))
        .routes(routes!(statistics::health))
        .routes(routes!(credentials::list, credentials::create))
        .routes(routes!(credentials::get, credentials::change, credentials::remove))
        .routes(routes!(integrations::adapters))
        .routes(routes!(integrations::pause))
        .routes(routes!(integrations::resume))
        .routes(routes!(policy::get, policy::put))
        .routes(routes!(notifications::list, notifications::create))
        .routes(routes!(notifications::get, notifications::change, notifications::remove))
        .routes(routes!(notifications::test))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::get))
        .routes(routes!(deliveries::attempts))
        .routes(routes!(deliveries::replay))
        .routes(routes!(deliveries::cancel))
        .routes(routes!(live::live))
        .routes(routes!(dead_letters::list))
        .routes(routes!(dead_letters::get))
        .routes(routes!(jobs::start::replay))
        .routes(routes!(jobs::start::discard))
        .routes(routes!(jobs::start::recover))
        .routes(routes!(jobs::start::replay_missing))
        .routes(routes!(jobs::list))
        .routes(routes!(jobs::get))
        .routes(routes!(jobs::pause))
        .routes(routes!(jobs::resume))
        .routes(routes!(jobs::cancel))
        .routes(routes!(installation::get))
        .routes(routes!(installation::pause))
        .routes(routes!(installation::resume))
        .routes(routes!(inbound_webhooks::list, inbound_webhooks::create))
        .routes(routes!(inbound_webhooks::actions))
        .routes(routes!(inbound_webhooks::get, inbound_webhooks::update, inbound_webhooks::remove))
        .routes(routes!(inbound_webhooks::rotate))
        .routes(routes!(inbound_webhooks::deliveries))
        .routes(routes!(inbound_webhooks::delivery))
        .routes(routes!(tickets::list, tickets::create))
        .routes(routes!(tickets::get))
        .routes(routes!(tickets::comments))
        .routes(routes!(clients::list, clients::create))
        .routes(routes!(clients::get))
        .routes(routes!(boards::boards))
        .routes(routes!(boards::statuses))
        .routes(routes!(boards::priorities))
        .routes(routes!(boards::categories))
        .routes(routes!(external_mappings::list, external_mappings::create))
}

/// Inbound webhooks.
fn receiving() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(receive::receive, receive::receive_put, receive::receive_patch))
}

/// For load balancers and monitoring.
fn health() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(health::healthz)).routes(routes!(health::readyz)).routes(routes!(health::metrics))
}

/// The OpenAPI document: all of it, whatever a process serves.
pub fn document() -> OpenApi {
    let routes = OpenApiRouter::with_openapi(describe::Document::openapi());
    let mut document = routes.merge(management()).merge(receiving()).merge(health()).into_openapi();
    describe::complete(&mut document);
    document
}

/// The HTTP surface of a process.
pub fn router(app: &Arc<App>, surface: Surface) -> Result<Router, guard::Unguarded> {
    let document = document();
    let guard = Arc::new(guard::Guard::new(app.clone(), &document)?);
    let mut operations = health();
    let mut pages = Router::new();
    if surface.receiver {
        operations = operations.merge(receiving());
    }
    if surface.api {
        operations = operations.merge(management());
        pages = session::link_route().merge(docs::routes(&document)).merge(console::routes());
    }
    let (operations, _) = operations.split_for_parts();
    let router = operations
        .route_layer(from_fn_with_state(guard, guard::guard))
        .merge(pages)
        .method_not_allowed_fallback(wrong_method)
        .fallback(nothing_here);
    Ok(router.layer(from_fn_with_state(app.clone(), edge::edge)).with_state(app.clone()))
}

/// `telemetry.metrics_listen`: figures without a token, on an address that only the monitoring reaches.
pub fn metrics_router(app: &Arc<App>) -> Router {
    let router = Router::new().route("/metrics", axum::routing::get(health::metrics)).fallback(nothing_here);
    router.layer(from_fn_with_state(app.clone(), edge::edge)).with_state(app.clone())
}

async fn nothing_here() -> Problem {
    Problem::not_found()
}

async fn wrong_method() -> Problem {
    let detail = "this path doesn't take this method; the Allow header says which it takes";
    Problem::new(http::StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}
