//! Destinations: where events go. Whole URLs and secrets go in here and come out once, or never.
//!
//! A change counts the tenant's epoch first: that also makes the tenant's configuration changes wait
//! for each other, so that none overwrites another one's. Its audit row comes last.

mod body;
mod content;
mod parts;
mod portal;
pub mod signing;
mod verify;
mod view;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use hookswitch_domain::destination::Hold;
use hookswitch_domain::id::{DeliveryId, DestinationId, EventId};
use hookswitch_domain::secret::Secret;
use hookswitch_pipeline::outbound::configs::PURPOSE_URL;
use hookswitch_pipeline::outbound::publish::LEASE_MS;
use hookswitch_store::destination::{self as rows, Destination as Row};
use hookswitch_store::queue::{self, NewDelivery, NewEvent};
use hookswitch_store::{Tx, audit, secret};
use http::StatusCode;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use body::Draft;
pub use body::{Change, NewDestination};
pub use content::{__path_preview, __path_preview_of, preview, preview_of};
pub use parts::HeaderBody as EventHeader;
pub use verify::{__path_verify, verify};
pub use view::{CreatedDestination, Destination};

use super::body::Json;
use super::caller::Caller;
use super::idempotency::{Create, Created, Once};
use super::jobs;
use super::list::{List, Listed, PageParams};
use super::path::Id;
use super::problem::Problem;
use crate::app::App;

/// Destinations, newest first. They carry scheme and host of the endpoint, never the whole URL.
#[utoipa::path(get, path = "/api/v1/integrations/destinations", operation_id = "listDestinations", tag = "destinations",
    params(PageParams), extensions(("x-permission" = json!("destination:read")), ("x-portal" = json!(true))),
    responses((status = 200, description = "A page of destinations", body = Listed<Destination>)))]
pub async fn list(
    caller: Caller,
    State(app): State<Arc<App>>,
    List { page, .. }: List,
) -> Result<axum::Json<Listed<Destination>>, Problem> {
    let found = caller.store.read::<_, Problem, _>(move |tx| Box::pin(async move { Ok(rows::list(tx, &page).await?) })).await?;
    let shown = |row| Destination::from(row).live(&app.engine.lanes);
    Ok(axum::Json(Listed::of(&page, found, |row| row.id.uuid(), shown)))
}

/// Create a destination. The signing secret is in this answer and in no other.
#[utoipa::path(post, path = "/api/v1/integrations/destinations", operation_id = "createDestination", tag = "destinations",
    request_body = NewDestination, extensions(("x-permission" = json!("destination:create")), ("x-portal" = json!(true))),
    responses((status = 201, description = "Created; `signing_secret` is shown this once", body = CreatedDestination)))]
pub async fn create(
    caller: Caller,
    State(app): State<Arc<App>>,
    Create { body, once }: Create<NewDestination>,
) -> Result<Response, Problem> {
    let mut draft = body.check(&app).await?;
    portal::claim(&caller, &mut draft)?;
    let store = caller.store.clone();
    once.run(&store, move |tx| {
        Box::pin(async move {
            let (row, shown) = make(tx, &app, &caller, draft).await?;
            let created = Created::new(&CreatedDestination::from(row))?;
            Ok(match shown {
                Some(shown) => created.secret("signing_secret", shown),
                None => created,
            })
        })
    })
    .await
}

/// Writes a new destination. Returns the secret that was made for it, to be shown once.
pub(super) async fn make(tx: &mut Tx, app: &App, caller: &Caller, draft: Draft) -> Result<(Row, Option<String>), Problem> {
    audit::bump_epoch(tx).await?;
    let ambient = &*app.ambient;
    body::check_credential(tx, draft.credential).await?;
    let url = Secret::from(draft.target.expose());
    let url_secret = app.engine.secrets.seal(tx, ambient, PURPOSE_URL, &url).await?;
    let now = ambient.now();
    let mut row = Row {
        id: ambient.fresh(),
        group_id: draft.group_id,
        name: draft.name,
        adapter_type: draft.adapter_type,
        endpoint: draft.target.endpoint(),
        url_secret,
        signing_secret: None,
        previous_secret: None,
        previous_until: None,
        keys: Vec::new(),
        credential: draft.credential,
        config: draft.config,
        revision: 1,
        created_at: now,
        updated_at: now,
        hold: (!draft.enabled).then_some(Hold::Disabled),
        failing: None,
    };
    let shown = signing::equip(tx, app, &mut row, draft.secret.as_ref(), draft.ed25519).await?;
    if draft.enabled {
        row.hold = verify::held_until_verified(tx, &row).await?;
    }
    rows::insert(tx, &row).await?;
    let (signing, brought) = (signing::told(&row), draft.secret.is_some());
    let detail = json!({ "name": row.name, "endpoint": row.endpoint, "adapter_type": row.adapter_type,
        "signing": signing, "brought": brought });
    caller.record(tx, app, "destination.created", row.id, detail).await?;
    Ok((row, shown))
}

/// One destination.
#[utoipa::path(get, path = "/api/v1/integrations/destinations/{id}", operation_id = "getDestination", tag = "destinations",
    params(("id" = String, Path, description = "`dst_...`")), extensions(("x-permission" = json!("destination:read")), ("x-portal" = json!(true))),
    responses((status = 200, description = "The destination", body = Destination)))]
pub async fn get(
    caller: Caller,
    State(app): State<Arc<App>>,
    Id(id): Id<DestinationId>,
) -> Result<axum::Json<Destination>, Problem> {
    let found = caller.store.read::<_, Problem, _>(move |tx| Box::pin(find(tx, id))).await?;
    Ok(axum::Json(Destination::from(found).live(&app.engine.lanes)))
}

/// Change a destination. What is absent stays, the URL too; `enabled` switches it off and on.
#[utoipa::path(patch, path = "/api/v1/integrations/destinations/{id}", operation_id = "changeDestination", tag = "destinations",
    params(("id" = String, Path, description = "`dst_...`")), request_body = Change,
    extensions(("x-permission" = json!("destination:update")), ("x-portal" = json!(true))),
    responses((status = 200, description = "The destination as it is now", body = Destination)))]
pub async fn change(
    caller: Caller,
    State(app): State<Arc<App>>,
    Id(id): Id<DestinationId>,
    Json(change): Json<Change>,
) -> Result<axum::Json<Destination>, Problem> {
    let target = change.check_url(&app)?;
    change.check_content(&app).await?;
    let store = caller.store.clone();
    let changed = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            audit::bump_epoch(tx).await?;
            let mut row = find(tx, id).await?;
            portal::check_change(&caller, &row, &change)?;
            let fields = change.apply(&mut row, &app)?;
            body::check_credential(tx, row.credential).await?;
            let resigned = fields.contains(&"signing");
            if resigned {
                signing::refit(tx, &app, &mut row, change.ed25519()).await?;
            }
            let old_url = target.is_some().then_some(row.url_secret);
            if let Some(target) = &target {
                let url = Secret::from(target.expose());
                row.url_secret = app.engine.secrets.seal(tx, &*app.ambient, PURPOSE_URL, &url).await?;
                row.endpoint = target.endpoint();
            }
            row.updated_at = app.ambient.now();
            rows::update(tx, &row).await?;
            if let Some(old) = old_url {
                secret::delete(tx, old).await?;
            }
            let before = row.hold;
            if let Some(enabled) = change.enabled {
                row.hold = if enabled { row.hold.filter(|hold| *hold == Hold::Paused) } else { Some(Hold::Disabled) };
            }
            // A new URL is a new receiver.
            let opens = change.enabled == Some(true) || (target.is_some() && !row.hold.is_some_and(Hold::disables));
            if opens && let Some(unverified) = verify::held_until_verified(tx, &row).await? {
                row.hold = Some(unverified);
            }
            if change.enabled.is_some() || row.hold != before {
                rows::set_hold(tx, id, row.hold).await?;
            }
            let mut detail = json!({ "fields": fields });
            if resigned {
                detail["signing"] = signing::told(&row);
            }
            caller.record(tx, &app, "destination.changed", id, detail).await?;
            if row.hold.is_none() && change.enabled.is_some() {
                row.failing = None;
                app.engine.publisher.goes_on_after(tx, id);
            }
            app.engine.publisher.wake_after(tx);
            Ok(row)
        })
    });
    Ok(axum::Json(changed.await?.into()))
}

/// Delete a destination. What still waits for it reads as cancelled from this moment on, and a job writes that
/// down little by little; what was delivered stays readable.
#[utoipa::path(delete, path = "/api/v1/integrations/destinations/{id}", operation_id = "deleteDestination", tag = "destinations",
    params(("id" = String, Path, description = "`dst_...`")), extensions(("x-permission" = json!("destination:delete")), ("x-portal" = json!(true))),
    responses((status = 204, description = "Deleted")))]
pub async fn remove(caller: Caller, State(app): State<Arc<App>>, Id(id): Id<DestinationId>) -> Result<StatusCode, Problem> {
    let store = caller.store.clone();
    let done = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            audit::bump_epoch(tx).await?;
            let row = find(tx, id).await?;
            rows::delete(tx, id).await?;
            jobs::cancel_backlog(tx, &app, &caller, id).await?;
            caller.record(tx, &app, "destination.deleted", id, json!({ "name": row.name })).await
        })
    });
    done.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The whole URL of a destination's endpoint.
#[derive(Serialize, ToSchema)]
pub struct Revealed {
    #[schema(example = "https://hooks.example.com/in/7f3a")]
    endpoint_url: String,
}

/// Show the endpoint's whole URL. Each look is audited.
#[utoipa::path(post, path = "/api/v1/integrations/destinations/{id}/reveal", operation_id = "revealDestination",
    tag = "destinations", params(("id" = String, Path, description = "`dst_...`")),
    extensions(("x-permission" = json!("destination:reveal")), ("x-portal" = json!(true))),
    responses((status = 200, description = "The URL", body = Revealed)))]
pub async fn reveal(
    caller: Caller,
    State(app): State<Arc<App>>,
    Id(id): Id<DestinationId>,
) -> Result<axum::Json<Revealed>, Problem> {
    let store = caller.store.clone();
    let shown = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let row = find(tx, id).await?;
            let sealed = secret::get(tx, row.url_secret).await?.ok_or_else(|| Problem::internal("the URL's row is gone"))?;
            let url = app.engine.secrets.open(sealed.tenant, sealed.id, &sealed.key_id, &sealed.sealed, PURPOSE_URL);
            let url = url.map_err(|error| Problem::internal(error.to_string()))?;
            caller.record(tx, &app, "destination.revealed", id, json!({})).await?;
            Ok(Revealed { endpoint_url: url.expose_text().unwrap_or_default().to_owned() })
        })
    });
    Ok(axum::Json(shown.await?))
}

/// Hold a destination: events are accepted and wait. Whatever waits, this is one write.
#[utoipa::path(post, path = "/api/v1/integrations/destinations/{id}/pause", operation_id = "pauseDestination",
    tag = "destinations", params(("id" = String, Path, description = "`dst_...`")),
    extensions(("x-permission" = json!("destination:update")), ("x-portal" = json!(true))),
    responses((status = 200, description = "Paused", body = Destination),
        (status = 409, description = "It is disabled, which holds it already")))]
pub async fn pause(caller: Caller, app: State<Arc<App>>, id: Id<DestinationId>) -> Result<axum::Json<Destination>, Problem> {
    hold(caller, app, id, "destination.paused", |now| match now {
        None | Some(Hold::Paused) => Ok(Some(Hold::Paused)),
        Some(_) => Err(Problem::conflict("disabled", "the destination is disabled, which holds it already")),
    })
    .await
}

/// Let a paused destination go on; what waited is sent now.
#[utoipa::path(post, path = "/api/v1/integrations/destinations/{id}/resume", operation_id = "resumeDestination",
    tag = "destinations", params(("id" = String, Path, description = "`dst_...`")),
    extensions(("x-permission" = json!("destination:update")), ("x-portal" = json!(true))),
    responses((status = 200, description = "Active again", body = Destination),
        (status = 409, description = "It is disabled: enable it with PATCH")))]
pub async fn resume(caller: Caller, app: State<Arc<App>>, id: Id<DestinationId>) -> Result<axum::Json<Destination>, Problem> {
    hold(caller, app, id, "destination.resumed", |now| match now {
        None | Some(Hold::Paused) => Ok(None),
        Some(_) => Err(Problem::conflict("disabled", "the destination is disabled; enable it with PATCH {\"enabled\": true}")),
    })
    .await
}

async fn hold(
    caller: Caller,
    State(app): State<Arc<App>>,
    Id(id): Id<DestinationId>,
    action: &'static str,
    next: fn(Option<Hold>) -> Result<Option<Hold>, Problem>,
) -> Result<axum::Json<Destination>, Problem> {
    let store = caller.store.clone();
    let held = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            audit::bump_epoch(tx).await?;
            let mut row = find(tx, id).await?;
            let wanted = next(row.hold)?;
            if wanted != row.hold {
                row.hold = wanted;
                rows::set_hold(tx, id, wanted).await?;
                caller.record(tx, &app, action, id, json!({})).await?;
                if wanted.is_none() {
                    row.failing = None;
                    app.engine.publisher.goes_on_after(tx, id);
                }
            }
            Ok(row)
        })
    });
    Ok(axum::Json(held.await?.into()))
}

/// The delivery of a test event.
#[derive(Serialize, ToSchema)]
pub struct Sent {
    #[schema(value_type = String, example = "dlv_01jd8r7c5tevzs9c1ghvzv3hkp")]
    delivery_id: DeliveryId,
}

/// Send a `webhook.test` event to this destination alone, whatever it subscribes to.
#[utoipa::path(post, path = "/api/v1/integrations/destinations/{id}/test", operation_id = "testDestination",
    tag = "destinations", params(("id" = String, Path, description = "`dst_...`")),
    extensions(("x-permission" = json!("destination:update")), ("x-portal" = json!(true))),
    responses((status = 202, description = "On its way; look at the delivery", body = Sent)))]
pub async fn test(
    caller: Caller,
    State(app): State<Arc<App>>,
    Id(id): Id<DestinationId>,
    once: Once,
) -> Result<Response, Problem> {
    let store = caller.store.clone();
    once.run(&store, move |tx| {
        Box::pin(async move {
            let delivery_id = send_test(tx, &app, &caller, id).await?;
            Created::with_status(StatusCode::ACCEPTED, &Sent { delivery_id })
        })
    })
    .await
}

/// Sends a test event to this destination alone, in its group.
pub(super) async fn send_test(tx: &mut Tx, app: &App, caller: &Caller, id: DestinationId) -> Result<DeliveryId, Problem> {
    let row = find(tx, id).await?;
    let (event, delivery): (EventId, DeliveryId) = (app.ambient.fresh(), app.ambient.fresh());
    let payload = json!({ "message": "A test from Hookswitch", "destination": row.name, "actor": caller.actor.to_string() });
    let group_id = row.group_id;
    let meta = hookswitch_store::event::Meta { source: "test".to_owned(), group_id, ..Default::default() };
    let event = NewEvent {
        id: event,
        event_type: "webhook.test".to_owned(),
        payload: payload.to_string().into(),
        meta: serde_json::to_string(&meta).map_err(|error| Problem::internal(error.to_string()))?,
        deliveries: vec![NewDelivery { id: delivery, destination: id, leased: false, key: None }],
    };
    queue::insert_event(tx, &event, LEASE_MS).await?;
    caller.record(tx, app, "destination.tested", id, json!({ "delivery_id": delivery })).await?;
    app.engine.publisher.wake_after(tx);
    Ok(delivery)
}

async fn find(tx: &mut Tx, id: DestinationId) -> Result<Row, Problem> {
    rows::get(tx, id).await?.ok_or_else(Problem::not_found)
}
