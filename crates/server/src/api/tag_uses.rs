//! Tags on records.

use axum::Json as Answer;
use axum::extract::State;
use axum::response::Response;
use hookswitch_desk::id::{TagId, TagMappingId};
use hookswitch_desk::tag::Tag;
use hookswitch_desk::tag::uses::{self, TagUse};
use hookswitch_desk::{Change, kinds, record};
use hookswitch_domain::id::AnyId;
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

/// Narrows a list to one record or one tag.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// A ticket, client, contact, project or project task.
    record_id: Option<String>,
    tag_id: Option<String>,
}

/// A tag for a record.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTagUse {
    #[schema(value_type = String, example = "tag_01jd8r7c5tevzs9c1ghvzv3hkp")]
    tag_id: TagId,
    /// A record of the tag's kind.
    #[schema(example = "tkt_01jd8r7c5tevzs9c1ghvzv3hkp")]
    record_id: String,
}

/// List tags on records, newest first.
#[utoipa::path(get, path = "/api/v1/record-tags", operation_id = "listRecordTags", tag = "desk", params(PageParams, Filter),
    responses((status = 200, description = "A page", body = Listed<TagUse>)),
    extensions(("x-permission" = json!("desk:read"))))]
pub async fn list(caller: Caller, List { page, filter }: List<Filter>) -> Result<Answer<Listed<TagUse>>, Problem> {
    let mut checks = Checks::default();
    let record = filter.record_id.and_then(|text| checks.take("record_id", text.parse::<AnyId>()));
    let tag = filter.tag_id.and_then(|text| checks.take("tag_id", text.parse()));
    checks.finish()?;
    let record = record.map(|id| id.uuid);
    let rows = caller.store.read(move |tx| Box::pin(async move { uses::list(tx, record, tag, &page).await })).await?;
    Ok(Answer(Listed::of(&page, rows, |row| row.id.uuid(), |row| row)))
}

/// Put a tag on a record of its kind. A record that has it keeps it once.
#[utoipa::path(post, path = "/api/v1/record-tags", operation_id = "tagRecord", tag = "desk", request_body = NewTagUse,
    responses((status = 201, description = "The tag on the record", body = TagUse)),
    extensions(("x-permission" = json!("desk:write"))))]
pub async fn add(State(app): Application, caller: Caller, asked: Create<NewTagUse>) -> Result<Response, Problem> {
    let Create { body, once } = asked;
    let store = caller.store.clone();
    let job = once.run(&store, move |tx| {
        Box::pin(async move {
            let unknown = || Problem::invalid("tag_id", "invalid", "names no tag of this tenant");
            let tag = record::get::<Tag>(tx, body.tag_id).await?.ok_or_else(unknown)?;
            let kind = kinds::named(tag.fields.tagged_type.as_str()).ok_or_else(unknown)?;
            let record = kinds::record(tx, kind, "record_id", &body.record_id).await?;
            let change = Change::by(caller.actor.clone(), &*app.ambient, &app.engine.publisher);
            let (made, put) = uses::put(tx, &change, &tag, record).await?;
            if put {
                caller.record(tx, &app, "tag.added", &made.tagged_id, json!({ "tag_id": made.tag_id })).await?;
            }
            Created::new(&made)
        })
    });
    job.await
}

/// Take a tag off its record.
#[utoipa::path(delete, path = "/api/v1/record-tags/{id}", operation_id = "untagRecord", tag = "desk",
    params(("id" = String, Path, description = "The id of the tag on the record")),
    responses((status = 204, description = "Taken off")),
    extensions(("x-permission" = json!("desk:write"))))]
pub async fn remove(State(app): Application, caller: Caller, Id(id): Id<TagMappingId>) -> Result<StatusCode, Problem> {
    let store = caller.store.clone();
    let job = store.write(move |tx| {
        Box::pin(async move {
            let change = Change::by(caller.actor.clone(), &*app.ambient, &app.engine.publisher);
            let taken = uses::take_off(tx, &change, id).await?.ok_or_else(Problem::not_found)?;
            caller.record(tx, &app, "tag.removed", &taken.tagged_id, json!({ "tag_id": taken.tag_id })).await?;
            Ok::<_, Problem>(StatusCode::NO_CONTENT)
        })
    });
    job.await
}
