//! The event-type catalogue: what events are called and what their payloads look like. What the
//! product emits itself stands in it for every tenant, and can't be changed.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use hookswitch_domain::event::EventType as Name;
use hookswitch_domain::id::EventTypeId;
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::outbound::builtin::BuiltIn;
use hookswitch_pipeline::outbound::catalogue::Compiled;
use hookswitch_store::event_type::{self as rows, EventType as Row};
use hookswitch_store::{Page, Tx, audit};
use http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::body::Json;
use super::caller::Caller;
use super::idempotency::{Create, Created};
use super::list::{List, Listed, PageParams};
use super::path::Id;
use super::problem::{Checks, Problem};
use crate::app::App;

const DESCRIPTION_CHARS_MAX: usize = 2_000;
const EXAMPLE_BYTES_MAX: usize = 32 * 1024;
/// Of one tenant: every node keeps them all.
const TYPES_MAX: usize = 500;
const SCHEMAS_BYTES_MAX: usize = 2 << 20;

/// An event type as it is shown.
#[derive(Serialize, ToSchema)]
pub struct EventType {
    /// Null for what is built in.
    #[schema(value_type = Option<String>, example = "ety_01jd8r7c5tevzs9c1ghvzv3hkp")]
    id: Option<EventTypeId>,
    #[schema(example = "invoice.paid")]
    name: String,
    description: String,
    group_name: Option<String>,
    /// JSON Schema 2020-12 of the payload.
    schema: Option<Value>,
    example: Option<Value>,
    archived: bool,
    /// Counts the changes of the schema.
    version: i64,
    built_in: bool,
    #[schema(value_type = Option<String>, format = DateTime)]
    created_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    updated_at: Option<Timestamp>,
}

impl From<Row> for EventType {
    fn from(row: Row) -> Self {
        Self {
            id: Some(row.id),
            name: row.name,
            description: row.description,
            group_name: row.group_name,
            schema: row.schema,
            example: row.example,
            archived: row.archived,
            version: row.version,
            built_in: false,
            created_at: Some(row.created_at),
            updated_at: Some(row.updated_at),
        }
    }
}

impl From<&BuiltIn> for EventType {
    fn from(known: &BuiltIn) -> Self {
        Self {
            id: None,
            name: known.name.to_owned(),
            description: known.description.to_owned(),
            group_name: None,
            schema: Some((known.schema)()),
            example: None,
            archived: false,
            version: 1,
            built_in: true,
            created_at: None,
            updated_at: None,
        }
    }
}

/// An event type to be registered.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEventType {
    #[schema(value_type = String, example = "invoice.paid")]
    name: Name,
    #[serde(default)]
    description: String,
    group_name: Option<String>,
    /// JSON Schema 2020-12 of the payload. References stay inside of it; `format` is not checked.
    #[serde(default, deserialize_with = "some")]
    #[schema(value_type = Option<Value>, example = json!({"type": "object", "required": ["invoice"]}))]
    schema: Option<Value>,
    /// A payload as it may look.
    #[serde(default, deserialize_with = "some")]
    #[schema(value_type = Option<Value>, example = json!({"invoice": "2026-0042"}))]
    example: Option<Value>,
    #[serde(default)]
    archived: bool,
    /// Where counting begins.
    #[schema(minimum = 1, default = 1)]
    version: Option<i64>,
}

/// What is to be changed; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[schema(as = EventTypeChange)]
#[serde(deny_unknown_fields)]
pub struct Change {
    #[schema(example = "An invoice was paid.")]
    description: Option<String>,
    #[serde(default, deserialize_with = "some")]
    #[schema(value_type = Option<String>)]
    group_name: Option<Option<String>>,
    /// Null takes the schema away.
    #[serde(default, deserialize_with = "some")]
    #[schema(value_type = Option<Value>)]
    schema: Option<Option<Value>>,
    #[serde(default, deserialize_with = "some")]
    #[schema(value_type = Option<Value>)]
    example: Option<Option<Value>>,
    archived: Option<bool>,
    /// The version that this change is meant for; another one is a 409.
    version: Option<i64>,
}

/// Whatever is there, null too.
fn some<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// What a path names a type by: its id, or its name.
pub enum Key {
    Id(EventTypeId),
    Name(String),
}

impl FromStr for Key {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Id(id));
        }
        text.parse::<Name>().map(|name| Self::Name(name.as_str().to_owned())).map_err(|_| ())
    }
}

impl Key {
    async fn find(&self, tx: &mut Tx) -> Result<Option<Row>, Problem> {
        Ok(match self {
            Self::Id(id) => rows::get(tx, *id).await?,
            Self::Name(name) => rows::by_name(tx, name).await?,
        })
    }

    fn built_in<'a>(&self, app: &'a App) -> Option<&'a BuiltIn> {
        match self {
            Self::Name(name) => app.engine.configs.built_in().iter().find(|known| known.name == name),
            Self::Id(_) => None,
        }
    }
}

/// The catalogue, newest first; what is built in stands at its end.
#[utoipa::path(get, path = "/api/v1/event-types", operation_id = "listEventTypes", tag = "events",
    params(PageParams), extensions(("x-permission" = json!("event_type:read")), ("x-portal" = json!(true))),
    responses((status = 200, description = "A page of event types", body = Listed<EventType>)))]
pub async fn list(
    caller: Caller,
    State(app): State<Arc<App>>,
    List { page, .. }: List,
) -> Result<axum::Json<Listed<EventType>>, Problem> {
    let own = caller.store.read::<_, Problem, _>(|tx| Box::pin(async move { Ok(rows::all(tx).await?) })).await?;
    let own = own.into_iter().map(|row| (row.id.uuid(), EventType::from(row)));
    let built_in = app.engine.configs.built_in().iter().enumerate();
    // Older than any id that was ever made.
    let built_in = built_in.rev().map(|(place, known)| (Uuid::from_u128(place as u128 + 1), EventType::from(known)));
    let found = paged(&page, own.chain(built_in).collect());
    Ok(axum::Json(Listed::of(&page, found, |(id, _)| *id, |(_, shown)| shown)))
}

fn paged(page: &Page, all: Vec<(Uuid, EventType)>) -> Vec<(Uuid, EventType)> {
    let within = |id: Uuid| id < page.below() && id >= page.floor();
    all.into_iter().filter(|(id, _)| within(*id)).take(page.fetch() as usize).collect()
}

/// Register an event type.
#[utoipa::path(post, path = "/api/v1/event-types", operation_id = "createEventType", tag = "events",
    request_body = NewEventType, extensions(("x-permission" = json!("event_type:write"))),
    responses((status = 201, description = "Registered", body = EventType),
        (status = 409, description = "The name is taken, or built in")))]
pub async fn create(
    caller: Caller,
    State(app): State<Arc<App>>,
    Create { body, once }: Create<NewEventType>,
) -> Result<Response, Problem> {
    if body.version.is_some_and(|version| version < 1) {
        return Err(Problem::invalid("version", "invalid", "must be 1 or more"));
    }
    if app.engine.configs.built_in().iter().any(|known| known.name == body.name.as_str()) {
        return Err(built_in());
    }
    let now = app.ambient.now();
    let row = Row {
        id: app.ambient.fresh(),
        name: body.name.as_str().to_owned(),
        description: body.description,
        group_name: body.group_name,
        schema: body.schema.filter(|schema| !schema.is_null()),
        example: body.example.filter(|example| !example.is_null()),
        archived: body.archived,
        version: body.version.unwrap_or(1),
        created_at: now,
        updated_at: now,
    };
    let row = checked(row).await?;
    let store = caller.store.clone();
    once.run(&store, move |tx| {
        Box::pin(async move {
            audit::bump_epoch(tx).await?;
            check_room(tx, &row).await?;
            if rows::by_name(tx, &row.name).await?.is_some() {
                return Err(Problem::conflict("already_exists", "an event type of this name is registered already"));
            }
            rows::insert(tx, &row).await?;
            let detail = json!({ "name": row.name, "version": row.version, "schema": row.schema.is_some() });
            caller.record(tx, &app, "event_type.created", row.id, detail).await?;
            Created::new(&EventType::from(row))
        })
    })
    .await
}

/// One event type, by its id or its name.
#[utoipa::path(get, path = "/api/v1/event-types/{id}", operation_id = "getEventType", tag = "events",
    params(("id" = String, Path, description = "`ety_...`, or the type's name")),
    extensions(("x-permission" = json!("event_type:read")), ("x-portal" = json!(true))),
    responses((status = 200, description = "The event type", body = EventType)))]
pub async fn get(caller: Caller, State(app): State<Arc<App>>, Id(key): Id<Key>) -> Result<axum::Json<EventType>, Problem> {
    if let Some(known) = key.built_in(&app) {
        return Ok(axum::Json(known.into()));
    }
    let found = caller.store.read::<_, Problem, _>(move |tx| Box::pin(async move { key.find(tx).await })).await?;
    Ok(axum::Json(found.ok_or_else(Problem::not_found)?.into()))
}

/// Change an event type. A changed schema counts the version up, and counts from the next event on.
#[utoipa::path(patch, path = "/api/v1/event-types/{id}", operation_id = "changeEventType", tag = "events",
    params(("id" = String, Path, description = "`ety_...`, or the type's name")), request_body = Change,
    extensions(("x-permission" = json!("event_type:write"))),
    responses((status = 200, description = "The event type as it is now", body = EventType),
        (status = 409, description = "It is built in, or was changed since")))]
pub async fn change(
    caller: Caller,
    State(app): State<Arc<App>>,
    Id(key): Id<Key>,
    Json(change): Json<Change>,
) -> Result<axum::Json<EventType>, Problem> {
    if key.built_in(&app).is_some() {
        return Err(built_in());
    }
    let store = caller.store.clone();
    // Compiling takes time and stays out of the transaction, which then looks whether it is the same row still.
    let before = store.read::<_, Problem, _>(move |tx| Box::pin(async move { key.find(tx).await })).await?;
    let before = before.ok_or_else(Problem::not_found)?;
    let (id, seen) = (before.id, (before.version, before.updated_at));
    let (row, fields) = change.applied(before, app.ambient.now())?;
    let row = checked(row).await?;
    let changed = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            audit::bump_epoch(tx).await?;
            let now = rows::get(tx, id).await?.ok_or_else(Problem::not_found)?;
            if (now.version, now.updated_at) != seen {
                return Err(stale());
            }
            check_room(tx, &row).await?;
            rows::update(tx, &row).await?;
            let detail = json!({ "name": row.name, "fields": fields, "version": row.version });
            caller.record(tx, &app, "event_type.changed", id, detail).await?;
            Ok(row)
        })
    });
    Ok(axum::Json(changed.await?.into()))
}

/// Take an event type out of the catalogue. Events that were published stay as they are.
#[utoipa::path(delete, path = "/api/v1/event-types/{id}", operation_id = "deleteEventType", tag = "events",
    params(("id" = String, Path, description = "`ety_...`, or the type's name")),
    extensions(("x-permission" = json!("event_type:write"))),
    responses((status = 204, description = "Deleted"), (status = 409, description = "It is built in")))]
pub async fn remove(caller: Caller, State(app): State<Arc<App>>, Id(key): Id<Key>) -> Result<StatusCode, Problem> {
    if key.built_in(&app).is_some() {
        return Err(built_in());
    }
    let store = caller.store.clone();
    let done = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            audit::bump_epoch(tx).await?;
            let row = key.find(tx).await?.ok_or_else(Problem::not_found)?;
            rows::delete(tx, row.id).await?;
            caller.record(tx, &app, "event_type.deleted", row.id, json!({ "name": row.name })).await
        })
    });
    done.await?;
    Ok(StatusCode::NO_CONTENT)
}

fn built_in() -> Problem {
    Problem::conflict("built_in", "this event type is built in; the product emits it itself")
}

fn stale() -> Problem {
    Problem::conflict("stale_version", "the event type was changed since; read it again")
}

impl Change {
    fn applied(self, mut row: Row, now: Timestamp) -> Result<(Row, Vec<&'static str>), Problem> {
        if self.version.is_some_and(|version| version != row.version) {
            return Err(stale());
        }
        let mut fields = Vec::new();
        if let Some(description) = self.description {
            row.description = description;
            fields.push("description");
        }
        if let Some(group_name) = self.group_name {
            row.group_name = group_name;
            fields.push("group_name");
        }
        if let Some(schema) = self.schema {
            row.version += i64::from(schema != row.schema);
            row.schema = schema;
            fields.push("schema");
        }
        if let Some(example) = self.example {
            row.example = example;
            fields.push("example");
        }
        if let Some(archived) = self.archived {
            row.archived = archived;
            fields.push("archived");
        }
        row.updated_at = now;
        Ok((row, fields))
    }
}

/// Everything that a row must be on its own. The schema is compiled, and the example compared with it.
async fn checked(row: Row) -> Result<Row, Problem> {
    let judged = tokio::task::spawn_blocking(move || {
        let mut checks = Checks::default();
        check(&mut checks, &row);
        checks.finish().map(|()| row)
    });
    judged.await.map_err(|error| Problem::internal(error.to_string()))?
}

fn check(checks: &mut Checks, row: &Row) {
    if row.description.chars().count() > DESCRIPTION_CHARS_MAX {
        checks.fail("description", "length", "must have 2000 characters at most");
    } else if row.description.chars().any(|letter| letter.is_control() && letter != '\n' && letter != '\t') {
        checks.fail("description", "invalid", "must not hold control characters");
    }
    if let Some(name) = &row.group_name {
        checks.name("group_name", name);
    }
    if row.example.as_ref().is_some_and(|example| example.to_string().len() > EXAMPLE_BYTES_MAX) {
        checks.fail("example", "length", "must have 32768 bytes at most");
    }
    let Some(schema) = &row.schema else { return };
    match (Compiled::new(schema), &row.example) {
        (Err(error), _) => checks.fail("schema", "invalid", error.to_string()),
        (Ok(compiled), Some(example)) => {
            for mismatch in compiled.mismatches(example) {
                checks.fail("example", "schema_mismatch", format!("{} {}", mismatch.pointer, mismatch.message));
            }
        }
        (Ok(_), None) => {}
    }
}

/// Every node keeps the whole catalogue, so that it has bounds.
async fn check_room(tx: &mut Tx, row: &Row) -> Result<(), Problem> {
    let others: Vec<Row> = rows::all(tx).await?.into_iter().filter(|other| other.id != row.id).collect();
    if others.len() >= TYPES_MAX {
        return Err(Problem::rule("too_many", "a catalogue has 500 event types at most"));
    }
    let bytes = |row: &Row| row.schema.as_ref().map_or(0, |schema| schema.to_string().len());
    if others.iter().map(bytes).sum::<usize>() + bytes(row) > SCHEMAS_BYTES_MAX {
        return Err(Problem::rule("too_large", "the schemas of a catalogue have 2 MiB together at most"));
    }
    Ok(())
}
