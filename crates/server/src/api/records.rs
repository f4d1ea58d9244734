//! Records of the desk over HTTP: list, read, create, change and remove, alike for every kind. A noun is
//! one line in `nouns.rs`; what is particular to a kind of record stands with its entity.
//!
//! Every answer carries the record's version as its ETag. `If-Match` with an older one is a 412, a
//! `version` in the body that is not the newest a 409, and nothing is changed.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use hookswitch_desk::Change;
use hookswitch_desk::input::{NAME_CHARS_MAX, check_name};
use hookswitch_desk::record::{self, Entity, Filter, FilterKind, Filters, IN_USE, Record, STALE};
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::value::UuidValue;
use http::header::{ETAG, IF_MATCH};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use serde_json::{Map, Value, json};
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use super::body::Json;
use super::caller::Caller;
use super::idempotency::{Create, Created};
use super::list::{List, Listed};
use super::problem::{Checks, Problem};
use crate::app::App;

/// Stands for what isn't shown.
pub(super) const REDACTED: &str = "[redacted]";

/// The fields that a body names.
type Given = Map<String, Value>;

/// The list parameters of a kind of record, for the OpenAPI document.
pub struct FiltersOf<E>(PhantomData<E>);

impl<E: Entity> utoipa::IntoParams for FiltersOf<E> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let parameter = |name: &str, about: String, kind: Type| {
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Query)
                .required(Required::False)
                .description(Some(about))
                .schema(Some(ObjectBuilder::new().schema_type(kind).build()))
                .build()
        };
        let mut all = vec![
            parameter("q", "How what it is looked up by begins, in any case".to_owned(), Type::String),
            parameter("external_id", "The sender's own id, in whichever integration".to_owned(), Type::String),
        ];
        all.extend(E::FILTERS.iter().map(|filter| match filter.kind {
            FilterKind::Flag => parameter(filter.name, format!("Only those whose {} is this", filter.name), Type::Boolean),
            _ => parameter(filter.name, format!("Only those with this {}", filter.name), Type::String),
        }));
        all
    }
}

fn filters<E: Entity>(asked: BTreeMap<String, String>) -> Result<Filters, Problem> {
    let mut filters = Filters::default();
    let mut checks = Checks::default();
    for (name, text) in asked {
        if matches!(name.as_str(), "q" | "external_id") {
            check_name(&name, &text, NAME_CHARS_MAX)?;
            if name == "q" {
                filters.q = Some(text)
            } else {
                filters.external_id = Some(text)
            }
            continue;
        }
        let Some(filter) = E::FILTERS.iter().find(|filter| filter.name == name) else {
            let known: Vec<&str> = E::FILTERS.iter().map(|filter| filter.name).collect();
            let detail = format!("is no parameter here; known: q, external_id, {}", known.join(", "));
            return Err(Problem::invalid(name, "unknown_parameter", detail));
        };
        if let Some(value) = checks.take(filter.name, value_of(filter, &text)) {
            filters.exact.push((*filter, value));
        }
    }
    checks.finish().map(|()| filters)
}

fn value_of(filter: &Filter, text: &str) -> Result<hookswitch_store::Value, String> {
    match filter.kind {
        FilterKind::Id(prefix) | FilterKind::Within(prefix, _) => {
            hookswitch_domain::id::from_text(prefix, text).map(Into::into).map_err(|error| error.to_string())
        }
        FilterKind::Text if text.chars().count() > NAME_CHARS_MAX => {
            Err(format!("must be at most {NAME_CHARS_MAX} characters long"))
        }
        FilterKind::Text => Ok(text.into()),
        FilterKind::Flag => text.parse::<bool>().map(Into::into).map_err(|_| "must be true or false".to_owned()),
    }
}

/// Whoever sees records redacted sees that one is there and how it stands, not what it says.
pub fn shown<E: Entity>(caller: &Caller, record: &Record<E>) -> Result<Value, Problem> {
    let mut shown = serde_json::to_value(record).map_err(|error| Problem::internal(error.to_string()))?;
    if let (true, Some(fields)) = (caller.redacted, shown.as_object_mut()) {
        for name in E::PRIVATE {
            fields.entry(*name).and_modify(redact);
        }
    }
    Ok(shown)
}

pub fn redact(value: &mut Value) {
    match value {
        Value::String(text) => REDACTED.clone_into(text),
        Value::Array(list) => list.clear(),
        Value::Object(fields) => fields.values_mut().for_each(|value| *value = json!(REDACTED)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The version that a request is meant for: its `If-Match`.
#[derive(Debug, Clone, Copy)]
pub struct IfMatch(pub Option<i64>);

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(IF_MATCH) else { return Ok(Self(None)) };
        let text = value.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(Self(None));
        }
        let number = text.strip_prefix("W/").unwrap_or(text).trim_matches('"').parse().ok();
        let version = number.ok_or_else(|| Problem::invalid("If-Match", "invalid", "must be the ETag of the record, or *"))?;
        Ok(Self(Some(version)))
    }
}

/// The version that a body names, taken out of it.
pub fn named_version(given: &mut Given) -> Result<Option<i64>, Problem> {
    match given.shift_remove("version") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_i64() {
            Some(version) => Ok(Some(version)),
            None => Err(Problem::invalid("version", "wrong_type", "must be a whole number")),
        },
    }
}

/// Says an action's refusal as HTTP does, where a request has preconditions.
pub fn refused(error: ActionError, by_header: bool) -> Problem {
    match error {
        ActionError::Rule { code: STALE, detail } if by_header => Problem::new(StatusCode::PRECONDITION_FAILED, STALE, detail),
        ActionError::Rule { code: code @ (STALE | IN_USE), detail } => Problem::conflict(code, detail),
        other => other.into(),
    }
}

/// An answer with the version as its ETag.
pub fn tagged(status: StatusCode, version: i64, body: Value) -> Response {
    let mut response = (status, Answer(body)).into_response();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

pub async fn list<E: Entity>(caller: Caller, list: List<BTreeMap<String, String>>) -> Result<Answer<Listed<Value>>, Problem> {
    let (page, filters) = (list.page, filters::<E>(list.filter)?);
    let store = caller.store.clone();
    let rows = store.read(move |tx| Box::pin(async move { record::store::list::<E>(tx, &filters, &page).await })).await?;
    let rows =
        rows.iter().map(|row| Ok((row.id.into(), shown(&caller, row)?))).collect::<Result<Vec<(UuidValue, Value)>, Problem>>()?;
    Ok(Answer(Listed::of(&page, rows, |(id, _)| *id, |(_, shown)| shown)))
}

pub async fn get<E: Entity>(caller: Caller, id: E::Id) -> Result<Response, Problem> {
    let found = caller.store.read(move |tx| Box::pin(async move { record::get::<E>(tx, id).await })).await?;
    let found = found.ok_or_else(Problem::not_found)?;
    Ok(tagged(StatusCode::OK, found.version, shown(&caller, &found)?))
}

pub async fn create<E: Entity>(app: Arc<App>, caller: Caller, asked: Create<Given>) -> Result<Response, Problem> {
    let Create { body, once } = asked;
    let store = caller.store.clone();
    let job = once.run(&store, move |tx| {
        Box::pin(async move {
            let change = Change::by(caller.actor.clone(), &*app.ambient, &app.engine.publisher);
            let made = record::create::<E>(tx, &change, &body).await?;
            caller.record(tx, &app, E::EVENTS.created, made.id, json!({})).await?;
            Created::new(&made)
        })
    });
    let mut response = job.await?;
    response.headers_mut().insert(ETAG, HeaderValue::from_static("\"1\""));
    Ok(response)
}

pub async fn change<E: Entity>(
    app: Arc<App>,
    caller: Caller,
    id: E::Id,
    IfMatch(wanted): IfMatch,
    mut given: Given,
) -> Result<Response, Problem> {
    let named = named_version(&mut given)?;
    let store = caller.store.clone();
    let job = store.write(move |tx| {
        Box::pin(async move {
            let change = Change::by(caller.actor.clone(), &*app.ambient, &app.engine.publisher);
            let changed = record::change::<E>(tx, &change, id, &given, wanted.or(named)).await;
            let changed = changed.map_err(|error| refused(error, wanted.is_some()))?.ok_or_else(Problem::not_found)?;
            if !changed.changes.is_empty() {
                let fields: Vec<&String> = changed.changes.keys().collect();
                caller.record(tx, &app, E::EVENTS.updated, id, json!({ "fields": fields })).await?;
            }
            Ok::<_, Problem>(tagged(StatusCode::OK, changed.record.version, shown(&caller, &changed.record)?))
        })
    });
    job.await
}

pub async fn remove<E: Entity>(
    app: Arc<App>,
    caller: Caller,
    id: E::Id,
    IfMatch(wanted): IfMatch,
) -> Result<StatusCode, Problem> {
    let store = caller.store.clone();
    let job = store.write(move |tx| {
        Box::pin(async move {
            let change = Change::by(caller.actor.clone(), &*app.ambient, &app.engine.publisher);
            let removed = record::remove::<E>(tx, &change, id, wanted).await;
            if !removed.map_err(|error| refused(error, wanted.is_some()))? {
                return Err(Problem::not_found());
            }
            caller.record(tx, &app, E::EVENTS.deleted, id, json!({})).await?;
            Ok::<_, Problem>(StatusCode::NO_CONTENT)
        })
    });
    job.await
}

/// For handlers of a noun.
pub type Application = State<Arc<App>>;
pub type Body = Json<Given>;
pub type FormBody = Create<Given>;
pub type Asked = List<BTreeMap<String, String>>;
