//! Which assets a ticket is about.

use axum::Json as Answer;
use axum::extract::State;
use axum::response::Response;
use hookswitch_desk::Change;
use hookswitch_desk::asset::association::{self, AFFECTED, Association};
use hookswitch_desk::id::{AssetId, AssociationId, TicketId};
use hookswitch_desk::input::check_name;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::caller::Caller;
use super::idempotency::{Create, Created};
use super::list::{List, Listed, PageParams};
use super::path::Id;
use super::problem::{Checks, Problem};
use super::records::Application;

/// Narrows a list to one asset or one ticket.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    asset_id: Option<String>,
    ticket_id: Option<String>,
}

/// An asset's part in a ticket.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssociationBody {
    #[schema(value_type = String, example = "ast_01jd8r7c5tevzs9c1ghvzv3hkp")]
    asset_id: AssetId,
    #[schema(value_type = String, example = "tkt_01jd8r7c5tevzs9c1ghvzv3hkp")]
    ticket_id: TicketId,
    /// Default: `affected`.
    #[schema(max_length = 50)]
    relationship_type: Option<String>,
}

/// List which assets tickets are about, newest first.
#[utoipa::path(get, path = "/api/v1/asset-associations", operation_id = "listAssetAssociations", tag = "desk",
    params(PageParams, Filter),
    responses((status = 200, description = "A page", body = Listed<Association>)),
    extensions(("x-permission" = json!("desk:read"))))]
pub async fn list(caller: Caller, List { page, filter }: List<Filter>) -> Result<Answer<Listed<Association>>, Problem> {
    let mut checks = Checks::default();
    let asset = filter.asset_id.and_then(|text| checks.take("asset_id", text.parse()));
    let ticket = filter.ticket_id.and_then(|text| checks.take("ticket_id", text.parse()));
    checks.finish()?;
    let rows = caller.store.read(move |tx| Box::pin(async move { association::list(tx, asset, ticket, &page).await })).await?;
    Ok(Answer(Listed::of(&page, rows, |row| row.id.uuid(), |row| row)))
}

/// Say that a ticket is about an asset. Saying it again changes nothing.
#[utoipa::path(post, path = "/api/v1/asset-associations", operation_id = "associateAsset", tag = "desk",
    request_body = AssociationBody,
    responses((status = 201, description = "Linked", body = Association)),
    extensions(("x-permission" = json!("desk:write"))))]
pub async fn create(State(app): Application, caller: Caller, asked: Create<AssociationBody>) -> Result<Response, Problem> {
    let Create { body, once } = asked;
    let relationship = body.relationship_type.unwrap_or_else(|| AFFECTED.to_owned());
    check_name("relationship_type", &relationship, 50)?;
    let store = caller.store.clone();
    let job = once.run(&store, move |tx| {
        Box::pin(async move {
            let change = Change::by(caller.actor.clone(), &*app.ambient, &app.engine.publisher);
            let made = association::associate(tx, &change, "asset_id", body.asset_id, body.ticket_id, &relationship).await?;
            caller.record(tx, &app, "ticket.asset.linked", made.ticket_id, json!({ "asset_id": made.asset_id })).await?;
            Created::new(&made)
        })
    });
    job.await
}

/// Say that a ticket is no longer about an asset.
#[utoipa::path(delete, path = "/api/v1/asset-associations/{id}", operation_id = "removeAssetAssociation", tag = "desk",
    params(("id" = String, Path, description = "The association's id")),
    responses((status = 204, description = "Removed")),
    extensions(("x-permission" = json!("desk:write"))))]
pub async fn remove(State(app): Application, caller: Caller, Id(id): Id<AssociationId>) -> Result<StatusCode, Problem> {
    let store = caller.store.clone();
    let job = store.write(move |tx| {
        Box::pin(async move {
            let change = Change::by(caller.actor.clone(), &*app.ambient, &app.engine.publisher);
            if !association::remove(tx, &change, id).await? {
                return Err(Problem::not_found());
            }
            caller.record(tx, &app, "ticket.asset.unlinked", id, json!({})).await?;
            Ok::<_, Problem>(StatusCode::NO_CONTENT)
        })
    });
    job.await
}
