//! What people do with alerts: acknowledge them, take them on, make a ticket of them, be done with them.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use hookswitch_desk::Change;
use hookswitch_desk::alert::{self, Alert, Handling};
use hookswitch_desk::id::AlertId;
use hookswitch_desk::record::{self, Record};
use hookswitch_desk::ticket::Ticket;
use hookswitch_domain::audit::Actor;
use hookswitch_domain::id::UserId;
use hookswitch_domain::permission::Permission;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::body::Json;
use super::caller::Caller;
use super::path::Id;
use super::problem::Problem;
use super::records::{Application, shown, tagged};
use crate::app::App;

type Shown = Record<Alert>;

/// To whom an alert is given.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// A user of the tenant; left out: whoever asks. Others are assigned by those who edit records.
    #[schema(value_type = Option<String>)]
    user_id: Option<UserId>,
}

/// Acknowledge an alert. Acknowledging it again changes nothing.
#[utoipa::path(post, path = "/api/v1/alerts/{id}/acknowledge", operation_id = "acknowledgeAlert", tag = "desk",
    params(("id" = String, Path, description = "The alert's id")),
    responses((status = 200, description = "The alert as it is now", body = Shown)),
    extensions(("x-permission" = json!("alert:handle"))))]
pub async fn acknowledge(State(app): Application, caller: Caller, Id(id): Id<AlertId>) -> Result<Response, Problem> {
    handle(&app, caller, id, Handling::Acknowledge, "alert.acknowledged").await
}

/// Give an alert to somebody: to oneself, unless a user is named.
#[utoipa::path(post, path = "/api/v1/alerts/{id}/assign", operation_id = "assignAlert", tag = "desk", request_body = Assignment,
    params(("id" = String, Path, description = "The alert's id")),
    responses((status = 200, description = "The alert as it is now", body = Shown),
        (status = 422, description = "The caller is no user to whom an alert could be given")),
    extensions(("x-permission" = json!("alert:handle"))))]
pub async fn assign(
    State(app): Application,
    caller: Caller,
    Id(id): Id<AlertId>,
    Json(asked): Json<Assignment>,
) -> Result<Response, Problem> {
    let found = caller.store.read(move |tx| Box::pin(async move { record::get::<Alert>(tx, id).await })).await?;
    found.ok_or_else(Problem::not_found)?;
    let myself = match &caller.actor {
        Actor::User(user) => Some(*user),
        _ => None,
    };
    let user = match asked.user_id {
        Some(user) if Some(user) != myself => {
            caller.require(Permission::DeskWrite)?;
            user
        }
        _ => {
            myself.ok_or_else(|| Problem::rule("no_user", "a token is nobody whom an alert could be given to; name a user_id"))?
        }
    };
    handle(&app, caller, id, Handling::AssignTo(user), "alert.assigned").await
}

/// Be done with an alert.
#[utoipa::path(post, path = "/api/v1/alerts/{id}/resolve", operation_id = "resolveAlert", tag = "desk",
    params(("id" = String, Path, description = "The alert's id")),
    responses((status = 200, description = "The alert as it is now", body = Shown)),
    extensions(("x-permission" = json!("desk:write"))))]
pub async fn resolve(State(app): Application, caller: Caller, Id(id): Id<AlertId>) -> Result<Response, Problem> {
    handle(&app, caller, id, Handling::Resolve, "alert.resolved").await
}

/// Open an alert again.
#[utoipa::path(post, path = "/api/v1/alerts/{id}/reopen", operation_id = "reopenAlert", tag = "desk",
    params(("id" = String, Path, description = "The alert's id")),
    responses((status = 200, description = "The alert as it is now", body = Shown)),
    extensions(("x-permission" = json!("desk:write"))))]
pub async fn reopen(State(app): Application, caller: Caller, Id(id): Id<AlertId>) -> Result<Response, Problem> {
    handle(&app, caller, id, Handling::Reopen, "alert.reopened").await
}

async fn handle(
    app: &std::sync::Arc<App>,
    caller: Caller,
    id: AlertId,
    what: Handling,
    name: &'static str,
) -> Result<Response, Problem> {
    let (app, store) = (app.clone(), caller.store.clone());
    let job = store.write(move |tx| {
        Box::pin(async move {
            let change = Change::by(caller.actor.clone(), &*app.ambient, &app.engine.publisher);
            let changed = alert::handle(tx, &change, id, what).await?.ok_or_else(Problem::not_found)?;
            if !changed.changes.is_empty() {
                caller.record(tx, &app, name, id, json!({})).await?;
            }
            Ok::<_, Problem>(tagged(StatusCode::OK, changed.record.version, shown(&caller, &changed.record)?))
        })
    });
    job.await
}

/// Make a ticket of an alert: once, and linked to it.
#[utoipa::path(post, path = "/api/v1/alerts/{id}/ticket", operation_id = "createTicketFromAlert", tag = "desk",
    params(("id" = String, Path, description = "The alert's id")),
    responses((status = 201, description = "The ticket was made", body = Ticket),
        (status = 200, description = "The ticket that was made before", body = Ticket)),
    extensions(("x-permission" = json!("desk:write"))))]
pub async fn ticket(State(app): Application, caller: Caller, Id(id): Id<AlertId>) -> Result<Response, Problem> {
    let store = caller.store.clone();
    let job = store.write(move |tx| {
        Box::pin(async move {
            let change = Change::by(caller.actor.clone(), &*app.ambient, &app.engine.publisher);
            let (ticket, made) = alert::to_ticket(tx, &change, id).await?.ok_or_else(Problem::not_found)?;
            if made {
                caller.record(tx, &app, "ticket.created", ticket.id, json!({ "alert_id": id })).await?;
            }
            let status = if made { StatusCode::CREATED } else { StatusCode::OK };
            Ok::<_, Problem>((status, axum::Json(ticket)).into_response())
        })
    });
    job.await
}
