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

mod alert_handling;
mod asset_links;
mod audit;
pub mod body;
pub mod caller;
mod credentials;
mod dead_letters;
mod deliveries;
mod describe;
mod destinations;
pub mod docs;
mod event_types;
mod events;
mod external_mappings;
mod features;
mod groups;
pub mod guard;
mod health;
mod history;
pub mod idempotency;
mod inbound_webhooks;
mod installation;
mod integrations;
mod jobs;
pub mod known;
pub mod list;
mod live;
mod notifications;
mod nouns;
mod ordered;
pub mod path;
mod policy;
mod portal_sessions;
pub mod problem;
mod public_keys;
mod records;
mod roles;
pub mod session;
mod settings;
mod statistics;
mod tag_uses;
mod tenants;
mod test_endpoint;
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
        .routes(routes!(portal_sessions::list, portal_sessions::create))
        .routes(routes!(portal_sessions::open))
        .routes(routes!(portal_sessions::get, portal_sessions::revoke))
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
        .routes(routes!(test_endpoint::get, test_endpoint::put))
        .routes(routes!(integrations::pause))
        .routes(routes!(integrations::resume))
        .routes(routes!(policy::get, policy::put))
        .routes(routes!(notifications::list, notifications::create))
        .routes(routes!(notifications::get, notifications::change, notifications::remove))
        .routes(routes!(notifications::test))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::get))
        .routes(routes!(deliveries::attempts))
        .routes(routes!(deliveries::request::get))
        .routes(routes!(deliveries::replay))
        .routes(routes!(deliveries::cancel))
        .routes(routes!(ordered::keys))
        .routes(routes!(ordered::skip))
        .routes(routes!(ordered::retry))
        .routes(routes!(ordered::dead_letter))
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
        .routes(routes!(inbound_webhooks::list_presets))
        .routes(routes!(inbound_webhooks::rejected))
        .routes(routes!(inbound_webhooks::dead_letters))
        .routes(routes!(inbound_webhooks::get, inbound_webhooks::update, inbound_webhooks::set_active, inbound_webhooks::remove))
        .routes(routes!(inbound_webhooks::rotate))
        .routes(routes!(inbound_webhooks::finalize))
        .routes(routes!(inbound_webhooks::preview))
        .routes(routes!(inbound_webhooks::test))
        .routes(routes!(inbound_webhooks::sample, inbound_webhooks::start_capture, inbound_webhooks::clear_capture))
        .routes(routes!(inbound_webhooks::deliveries))
        .routes(routes!(inbound_webhooks::delivery))
        .routes(routes!(inbound_webhooks::replay))
        .routes(routes!(inbound_webhooks::replay_preview))
        .routes(routes!(inbound_webhooks::bulk_replay))
        .routes(routes!(inbound_webhooks::jobs))
        .routes(routes!(inbound_webhooks::job))
        .routes(routes!(inbound_webhooks::pause_job))
        .routes(routes!(inbound_webhooks::resume_job))
        .routes(routes!(inbound_webhooks::cancel_job))
        .routes(routes!(tickets::list, tickets::create))
        .routes(routes!(tickets::get, tickets::change, tickets::remove))
        .routes(routes!(tickets::comments, tickets::say))
        .routes(routes!(asset_links::list, asset_links::create))
        .routes(routes!(asset_links::remove))
        .routes(routes!(tag_uses::list, tag_uses::add))
        .routes(routes!(tag_uses::remove))
        .routes(routes!(history::list))
        .routes(routes!(alert_handling::acknowledge))
        .routes(routes!(alert_handling::assign))
        .routes(routes!(alert_handling::resolve))
        .routes(routes!(alert_handling::reopen))
        .routes(routes!(alert_handling::ticket))
        .routes(routes!(nouns::clients::list, nouns::clients::create))
        .routes(routes!(nouns::clients::get, nouns::clients::change, nouns::clients::remove))
        .routes(routes!(nouns::locations::list, nouns::locations::create))
        .routes(routes!(nouns::locations::get, nouns::locations::change, nouns::locations::remove))
        .routes(routes!(nouns::contacts::list, nouns::contacts::create))
        .routes(routes!(nouns::contacts::get, nouns::contacts::change, nouns::contacts::remove))
        .routes(routes!(nouns::teams::list, nouns::teams::create))
        .routes(routes!(nouns::teams::get, nouns::teams::change, nouns::teams::remove))
        .routes(routes!(nouns::boards::list, nouns::boards::create))
        .routes(routes!(nouns::boards::get, nouns::boards::change, nouns::boards::remove))
        .routes(routes!(nouns::statuses::list, nouns::statuses::create))
        .routes(routes!(nouns::statuses::get, nouns::statuses::change, nouns::statuses::remove))
        .routes(routes!(nouns::priorities::list, nouns::priorities::create))
        .routes(routes!(nouns::priorities::get, nouns::priorities::change, nouns::priorities::remove))
        .routes(routes!(nouns::categories::list, nouns::categories::create))
        .routes(routes!(nouns::categories::get, nouns::categories::change, nouns::categories::remove))
        .routes(routes!(nouns::assets::list, nouns::assets::create))
        .routes(routes!(nouns::assets::get, nouns::assets::change, nouns::assets::remove))
        .routes(routes!(nouns::invoices::list, nouns::invoices::create))
        .routes(routes!(nouns::invoices::get, nouns::invoices::change, nouns::invoices::remove))
        .routes(routes!(nouns::services::list, nouns::services::create))
        .routes(routes!(nouns::services::get, nouns::services::change, nouns::services::remove))
        .routes(routes!(nouns::time_periods::list, nouns::time_periods::create))
        .routes(routes!(nouns::time_periods::get, nouns::time_periods::change, nouns::time_periods::remove))
        .routes(routes!(nouns::time_sheets::list, nouns::time_sheets::create))
        .routes(routes!(nouns::time_sheets::get, nouns::time_sheets::change, nouns::time_sheets::remove))
        .routes(routes!(nouns::time_entries::list, nouns::time_entries::create))
        .routes(routes!(nouns::time_entries::get, nouns::time_entries::change, nouns::time_entries::remove))
        .routes(routes!(nouns::projects::list, nouns::projects::create))
        .routes(routes!(nouns::projects::get, nouns::projects::change, nouns::projects::remove))
        .routes(routes!(nouns::phases::list, nouns::phases::create))
        .routes(routes!(nouns::phases::get, nouns::phases::change, nouns::phases::remove))
        .routes(routes!(nouns::project_statuses::list, nouns::project_statuses::create))
        .routes(routes!(nouns::project_statuses::get, nouns::project_statuses::change, nouns::project_statuses::remove))
        .routes(routes!(nouns::project_tasks::list, nouns::project_tasks::create))
        .routes(routes!(nouns::project_tasks::get, nouns::project_tasks::change, nouns::project_tasks::remove))
        .routes(routes!(nouns::tags::list, nouns::tags::create))
        .routes(routes!(nouns::tags::get, nouns::tags::change, nouns::tags::remove))
        .routes(routes!(nouns::alerts::list, nouns::alerts::create))
        .routes(routes!(nouns::alerts::get, nouns::alerts::change, nouns::alerts::remove))
        .routes(routes!(nouns::evidence::list, nouns::evidence::create))
        .routes(routes!(nouns::evidence::get, nouns::evidence::change, nouns::evidence::remove))
        .routes(routes!(groups::list, groups::create))
        .routes(routes!(groups::join))
        .routes(routes!(groups::get, groups::change, groups::remove))
        .routes(routes!(groups::renew_code))
        .routes(routes!(groups::members, groups::add_member))
        .routes(routes!(groups::change_member, groups::remove_member))
        .routes(routes!(groups::get_inbound, groups::put_inbound))
        .routes(routes!(groups::rotate_inbound))
        .routes(routes!(groups::finalize_inbound))
        .routes(routes!(groups::tasks::list, groups::tasks::create))
        .routes(routes!(groups::tasks::get, groups::tasks::change, groups::tasks::remove))
        .routes(routes!(groups::tasks::complete))
        .routes(routes!(groups::tasks::approve))
        .routes(routes!(groups::tasks::reject))
        .routes(routes!(groups::tasks::history))
        .routes(routes!(groups::swaps::list, groups::swaps::create))
        .routes(routes!(groups::swaps::get))
        .routes(routes!(groups::swaps::approve))
        .routes(routes!(groups::swaps::reject))
        .routes(routes!(groups::webhooks::list, groups::webhooks::create))
        .routes(routes!(groups::webhooks::get, groups::webhooks::change, groups::webhooks::remove))
        .routes(routes!(groups::webhooks::rotate))
        .routes(routes!(groups::webhooks::test))
        .routes(routes!(groups::webhooks::deliveries))
        .routes(routes!(groups::webhooks::replay))
        .routes(routes!(external_mappings::list, external_mappings::create))
        .routes(routes!(external_mappings::remove))
}

/// Inbound webhooks.
fn receiving() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(receive::receive, receive::receive_put, receive::receive_patch, receive::receive_get))
        .routes(routes!(groups::receive::receive))
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
        pages = session::link_route().merge(docs::routes(&document)).merge(console::routes(&app.config.portal));
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
