//! Filters, field allow-lists and transforms of destinations: checked when they are saved, and tried
//! out before. A preview goes the way of a delivery up to its body, and stores and sends nothing.

use std::sync::Arc;

use axum::extract::State;
use hookswitch_domain::content::{AllowList, PATHS_MAX};
use hookswitch_domain::destination::{Body, Config};
use hookswitch_domain::id::{DestinationId, EventId};
use hookswitch_domain::permission::Permission;
use hookswitch_pipeline::outbound::content::{Content, Made, Subject, Unmade, make};
use hookswitch_pipeline::outbound::envelope;
use hookswitch_pipeline::outbound::publish::Outgoing;
use hookswitch_store::event;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::super::body::Json;
use super::super::caller::Caller;
use super::super::events::NewEvent;
use super::super::path::Id;
use super::super::problem::{Checks, FieldError, Problem};
use super::body::present;
use super::find;
use crate::app::App;

/// Checks what is to be saved: paths here, expressions by compiling them in the sandbox.
pub(super) async fn check(
    checks: &mut Checks,
    filter: Option<&str>,
    payload_fields: &[String],
    transform: Option<&str>,
    app: &App,
) -> Result<(), Problem> {
    for (field, text) in [("filter", filter), ("transform", transform)] {
        if let Some(text) = text
            && let Err(error) = app.engine.sandbox.check(text).await?
        {
            checks.push(FieldError::expression(field, error));
        }
    }
    if payload_fields.len() > PATHS_MAX {
        checks.fail("payload_fields", "length", "must have 100 entries at most");
    } else if let Err(error) = AllowList::parse(payload_fields) {
        checks.fail(format!("payload_fields[{}]", error.0), "invalid", error.to_string());
    }
    Ok(())
}

/// What to try, on which event. Of a destination that is there, what is absent is as it was saved.
#[derive(Deserialize, ToSchema)]
#[schema(as = DestinationPreview)]
#[serde(deny_unknown_fields)]
pub struct Preview {
    /// A real event: `evt_...`.
    #[schema(value_type = Option<String>)]
    event_id: Option<EventId>,
    /// Or this one, written as for publishing. It is not published.
    #[schema(value_type = Option<Object>, example = json!({"event_type": "invoice.paid", "payload": {"amount": 4200}}))]
    event: Option<NewEvent>,
    /// JSONata over the envelope; null: none.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "payload.amount > 1000")]
    filter: Option<Option<String>>,
    /// Dotted paths into the payload; empty: all of it.
    payload_fields: Option<Vec<String>>,
    /// JSONata over the envelope; null: none.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    transform: Option<Option<String>>,
    /// `envelope` or `payload`.
    #[schema(value_type = Option<String>)]
    body: Option<Body>,
}

/// What would be sent.
#[derive(Serialize, ToSchema)]
pub struct Previewed {
    /// Whether the filter lets the event through; null where it can't be told.
    matches: Option<bool>,
    /// The request's body; null where nothing would be sent.
    #[schema(value_type = Option<serde_json::Value>)]
    body: Option<Box<RawValue>>,
    /// What is wrong with the expressions, with the character at fault.
    errors: Vec<FieldError>,
}

/// Show what a destination with this filter, allow-list and transform would get of an event.
#[utoipa::path(post, path = "/api/v1/integrations/destinations/preview", operation_id = "previewNewDestination",
    tag = "destinations", request_body = Preview, extensions(("x-permission" = json!("destination:update")), ("x-portal" = json!(true))),
    responses((status = 200, description = "What would be sent; nothing was", body = Previewed)))]
pub async fn preview(
    caller: Caller,
    State(app): State<Arc<App>>,
    Json(ask): Json<Preview>,
) -> Result<axum::Json<Previewed>, Problem> {
    show(&caller, &app, ask, Config::default()).await
}

/// Show what this destination would get of an event, as it is or with changes that aren't saved yet.
#[utoipa::path(post, path = "/api/v1/integrations/destinations/{id}/preview", operation_id = "previewDestination",
    tag = "destinations", params(("id" = String, Path, description = "`dst_...`")), request_body = Preview,
    extensions(("x-permission" = json!("destination:update")), ("x-portal" = json!(true))),
    responses((status = 200, description = "What would be sent; nothing was", body = Previewed)))]
pub async fn preview_of(
    caller: Caller,
    State(app): State<Arc<App>>,
    Id(id): Id<DestinationId>,
    Json(ask): Json<Preview>,
) -> Result<axum::Json<Previewed>, Problem> {
    let row = caller.store.read::<_, Problem, _>(move |tx| Box::pin(find(tx, id))).await?;
    show(&caller, &app, ask, row.config).await
}

async fn show(caller: &Caller, app: &App, mut ask: Preview, saved: Config) -> Result<axum::Json<Previewed>, Problem> {
    let (id, event) = chosen(caller, app, &mut ask).await?;
    let config = Config {
        filter: ask.filter.unwrap_or(saved.filter),
        payload_fields: ask.payload_fields.unwrap_or(saved.payload_fields),
        transform: ask.transform.unwrap_or(saved.transform),
        body: ask.body.unwrap_or(saved.body),
        ..Config::default()
    };
    let mut checks = Checks::default();
    check(&mut checks, config.filter.as_deref(), &config.payload_fields, config.transform.as_deref(), app).await?;
    if let Err(problem) = checks.finish() {
        return Ok(axum::Json(Previewed { matches: None, body: None, errors: problem.errors }));
    }
    let (slug, kind) = (&*caller.tenant_slug, event.event_type.as_str());
    let subject = Subject { tenant: caller.tenant, slug, id, event_type: kind, payload: &event.payload, meta: &event.meta };
    let made = match Content::of(&config) {
        Some(content) => make(&app.engine.sandbox, &content, &subject).await,
        None => {
            let body = envelope::body(config.body, slug, id, kind, &event.payload, &event.meta);
            body.map(Made::Body).ok_or_else(|| Unmade::Payload("it is no JSON".to_owned()))
        }
    };
    let failed = |matches, error| Previewed { matches, body: None, errors: vec![error] };
    Ok(axum::Json(match made {
        Ok(Made::Body(bytes)) => Previewed { matches: Some(true), body: Some(raw(&bytes)?), errors: Vec::new() },
        Ok(Made::Filtered) => Previewed { matches: Some(false), body: None, errors: Vec::new() },
        Err(Unmade::Expression("filter", error)) => failed(None, FieldError::expression("filter", error)),
        Err(Unmade::Expression(which, error)) => failed(Some(true), FieldError::expression(which, error)),
        Err(Unmade::Payload(reason)) => failed(None, FieldError::new("payload", "invalid", reason)),
        Err(Unmade::Sandbox(error)) => return Err(error.into()),
    }))
}

fn raw(bytes: &[u8]) -> Result<Box<RawValue>, Problem> {
    serde_json::from_slice(bytes).map_err(|error| Problem::internal(error.to_string()))
}

/// The event that is previewed: a stored one of the tenant, or the one in the request.
async fn chosen(caller: &Caller, app: &App, ask: &mut Preview) -> Result<(EventId, Outgoing), Problem> {
    match (ask.event_id, ask.event.take()) {
        (Some(id), None) => {
            caller.require(Permission::EventRead)?;
            let job = caller.store.read::<_, Problem, _>(move |tx| Box::pin(async move { Ok(event::get(tx, id).await?) }));
            let found = job.await?.ok_or_else(|| Problem::invalid("event_id", "unknown", "there is no such event"))?;
            let event_type = found.event_type.parse().map_err(|_| Problem::internal("a stored event's type"))?;
            Ok((id, Outgoing { event_type, payload: found.payload.into(), meta: found.meta }))
        }
        (None, Some(event)) => Ok((app.ambient.fresh(), event.check(app, &caller.arrival).map_err(|bad| bad.within("event"))?)),
        (Some(_), Some(_)) => Err(Problem::invalid("event", "conflict", "give event_id or event, not both")),
        (None, None) => Err(Problem::invalid("event_id", "required", "name an event, or write one in event")),
    }
}
