//! External mappings: which record of ours is which record of somebody else's.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::response::Response;
use hookswitch_desk::id::MappingId;
use hookswitch_desk::input::{NAME_CHARS_MAX, check_name};
use hookswitch_desk::mapping::{self, External, LinkError, Mapping, store};
use hookswitch_domain::audit::{Actor, Entry};
use hookswitch_domain::tenant::Slug;
use hookswitch_domain::time::Ambient;
use hookswitch_store::{Page, Tx, audit};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, json};
use utoipa::{IntoParams, ToSchema};

use super::caller::Caller;
use super::idempotency::{Create, Created};
use super::list::{List, Listed, PageParams};
use super::path::Id;
use super::problem::Problem;
use crate::app::App;

/// What a list of mappings is narrowed to.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// An inbound webhook's slug.
    integration_type: Option<String>,
    /// `ticket`, `client`, `asset`, ...: the kind of record.
    #[serde(alias = "alga_entity_type")]
    entity_type: Option<String>,
    /// Our record's id.
    #[serde(alias = "alga_entity_id")]
    entity_id: Option<String>,
    /// The sender's own id.
    #[serde(alias = "external_entity_id")]
    external_id: Option<String>,
}

impl Filter {
    fn parse(self) -> Result<store::Filter, Problem> {
        let checked = |field: &str, text: Option<String>| match text {
            Some(text) => check_name(field, &text, NAME_CHARS_MAX).map(|()| Some(text)),
            None => Ok(None),
        };
        Ok(store::Filter {
            integration_type: checked("integration_type", self.integration_type)?,
            entity_type: checked("entity_type", self.entity_type)?,
            entity_id: checked("entity_id", self.entity_id)?,
            external_id: checked("external_id", self.external_id)?,
        })
    }
}

/// A link between a record of ours and one of somebody else's.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MappingBody {
    /// The inbound webhook's slug.
    #[schema(example = "monitoring", max_length = 64)]
    integration_type: String,
    /// `ticket`, `client`, `asset`, ...: the kind of record.
    #[schema(example = "client")]
    alga_entity_type: String,
    #[schema(example = "cli_01jd8r7c5tevzs9c1ghvzv3hkp")]
    alga_entity_id: String,
    #[schema(example = "customer-17", max_length = 255)]
    external_entity_id: String,
    external_realm_id: Option<String>,
}

/// List external mappings, newest first.
#[utoipa::path(get, path = "/api/v1/external-mappings", operation_id = "listExternalMappings", tag = "desk",
    params(PageParams, Filter),
    responses((status = 200, description = "A page of mappings", body = Listed<Mapping>)),
    extensions(("x-permission" = json!("desk:read"))))]
pub async fn list(caller: Caller, List { page, filter }: List<Filter>) -> Result<Answer<Listed<Mapping>>, Problem> {
    let filter = filter.parse()?;
    let rows = caller.store.read(move |tx| Box::pin(async move { store::list(tx, &filter, &page).await })).await?;
    Ok(Answer(Listed::of(&page, rows, |mapping| mapping.id.uuid(), |mapping| mapping)))
}

/// Link a record to an external id, so that inbound webhooks find it. The same link again changes
/// nothing; a record that had another external id of this integration gets this one.
#[utoipa::path(post, path = "/api/v1/external-mappings", operation_id = "linkExternal", tag = "desk",
    request_body = MappingBody,
    responses(
        (status = 201, description = "Linked", body = Mapping),
        (status = 409, description = "The external id names another record")),
    extensions(("x-permission" = json!("desk:write"))))]
pub async fn create(State(app): State<Arc<App>>, caller: Caller, asked: Create<MappingBody>) -> Result<Response, Problem> {
    let Create { body, once } = asked;
    let job = once.run(&caller.store, move |tx| {
        Box::pin(async move {
            let linked = link(tx, &*app.ambient, &caller.actor, body).await?;
            Created::new(&linked)
        })
    });
    job.await
}

/// Unlink a record from an external id. The record stays.
#[utoipa::path(delete, path = "/api/v1/external-mappings/{id}", operation_id = "unlinkExternal", tag = "desk",
    params(("id" = String, Path, description = "The mapping's id")),
    responses((status = 204, description = "Unlinked")),
    extensions(("x-permission" = json!("desk:write"))))]
pub async fn remove(State(app): State<Arc<App>>, caller: Caller, Id(id): Id<MappingId>) -> Result<StatusCode, Problem> {
    let store = caller.store.clone();
    let job = store.write(move |tx| {
        Box::pin(async move {
            let gone = store::delete(tx, id).await?.ok_or_else(Problem::not_found)?;
            let detail = json!({"integration_type": gone.integration_type});
            caller.record(tx, &app, "external_mapping.unlinked", gone.alga_entity_id, detail).await?;
            Ok::<_, Problem>(StatusCode::NO_CONTENT)
        })
    });
    job.await
}

async fn link(tx: &mut Tx, ambient: &dyn Ambient, actor: &Actor, body: MappingBody) -> Result<Mapping, Problem> {
    check_name("integration_type", &body.integration_type, Slug::MAX)?;
    check_name("external_entity_id", &body.external_entity_id, NAME_CHARS_MAX)?;
    body.external_realm_id.as_deref().map_or(Ok(()), |realm| check_name("external_realm_id", realm, NAME_CHARS_MAX))?;
    let entity_type = mapping::entity(tx, &body.alga_entity_type, &body.alga_entity_id).await?;
    let external = External {
        realm: body.external_realm_id,
        ..External::new(&body.integration_type, entity_type, &body.external_entity_id)
    };
    mapping::link(tx, ambient, &external, &body.alga_entity_id, Map::new()).await.map_err(|error| match error {
        LinkError::Taken { entity_id } => {
            Problem::conflict("already_exists", format!("external_entity_id: already names {entity_id}"))
        }
        LinkError::Store(error) => error.into(),
    })?;
    let filter = store::Filter {
        integration_type: Some(body.integration_type),
        entity_type: Some(body.alga_entity_type),
        entity_id: Some(body.alga_entity_id),
        external_id: None,
    };
    let linked = store::list(tx, &filter, &Page::first(1)).await?.pop();
    let linked = linked.ok_or_else(|| Problem::internal("a mapping that was just written isn't there"))?;
    let entry = Entry {
        action: "external_mapping.linked",
        target: linked.alga_entity_id.clone(),
        correlation_id: None,
        detail: json!({"integration_type": linked.integration_type}),
    };
    audit::append(tx, ambient, actor, entry).await?;
    Ok(linked)
}
