//! What a webhook would do, shown before anybody relies on it: on its sample, on a logged request or
//! on a pasted body, as it is saved or with changes that aren't. Nothing is done and nothing is kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use bytes::Bytes;
use hookswitch_domain::id::{InboundDeliveryId, InboundWebhookId};
use hookswitch_domain::mapping::ExpressionError;
use hookswitch_pipeline::inbound::accept::FieldProblem;
use hookswitch_pipeline::inbound::document::Format;
use hookswitch_pipeline::inbound::failure::{Failure, Kind};
use hookswitch_pipeline::inbound::mapping::Traced;
use hookswitch_pipeline::inbound::preview::{self as work, Effect, Parts, Subject};
use hookswitch_store::inbound::{self as rows, Webhook as Row};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::find;
use super::handler::{InboundWebhookHandlerConfig, check_split};
use crate::api::body::Json;
use crate::api::caller::Caller;
use crate::api::path::Id;
use crate::api::problem::{Checks, FieldError, Problem};
use crate::app::App;

/// What to try. Without `body` and `delivery_id` the webhook's sample is taken.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InboundPreviewInput {
    /// The body: any JSON, or a text together with `content_type`.
    #[schema(value_type = Option<serde_json::Value>, example = json!({"alert": {"id": 17, "message": "disk full"}}))]
    body: Option<Box<RawValue>>,
    /// How a text is to be read: `application/xml`, `application/x-www-form-urlencoded`, ...
    content_type: Option<String>,
    /// A logged request instead: `ind_...`.
    #[schema(value_type = Option<String>)]
    delivery_id: Option<InboundDeliveryId>,
    /// Headers of the request; the idempotency key may stand in one.
    #[serde(default)]
    #[schema(required = false)]
    headers: BTreeMap<String, String>,
    /// A handler that isn't saved yet.
    handler_config: Option<InboundWebhookHandlerConfig>,
    /// A `split` that isn't saved yet; an empty text: none.
    split: Option<String>,
    /// Of a request that holds several, which one is looked at, from 0.
    #[serde(default)]
    #[schema(default = 0, minimum = 0)]
    part: u32,
}

/// What would be done with a request; nothing was.
#[derive(Serialize, ToSchema)]
pub struct InboundPreview {
    /// The body as the expressions see it.
    #[schema(value_type = Option<serde_json::Value>)]
    document: Option<Value>,
    /// How many there are, where the request is taken apart.
    parts: Option<usize>,
    idempotency_key: Option<String>,
    /// What is wrong with the expression of the key.
    idempotency_error: Option<FieldError>,
    /// Each rule's condition.
    rules: Vec<InboundPreviewRule>,
    /// The first rule that is true; null: none is.
    rule: Option<usize>,
    /// Its action.
    action: Option<String>,
    /// The action's fields that are mapped, or would have to be.
    fields: Vec<InboundPreviewField>,
    effect: InboundPreviewEffect,
}

/// What became of a rule's condition.
#[derive(Serialize, ToSchema)]
pub struct InboundPreviewRule {
    /// Null where it can't be told.
    is_true: Option<bool>,
    error: Option<FieldError>,
}

/// What became of one field.
#[derive(Serialize, ToSchema)]
pub struct InboundPreviewField {
    name: String,
    /// `string`, `int`, `number`, `boolean`, `enum`, `ref` or `json`; null: the action has no such field.
    #[serde(rename = "type")]
    kind: Option<String>,
    required: bool,
    /// Null: it isn't mapped.
    expression: Option<String>,
    /// As the action gets it; null: nothing.
    #[schema(value_type = Option<serde_json::Value>)]
    value: Option<Value>,
    /// What is wrong, and at which character of the expression.
    error: Option<FieldError>,
}

/// What would become of the request.
#[derive(Serialize, ToSchema)]
pub struct InboundPreviewEffect {
    /// `done`, `skipped` or `refused`.
    #[schema(example = "done")]
    kind: &'static str,
    /// What the action would do: `created`, `updated`, `unchanged`.
    result: Option<String>,
    entity_type: Option<String>,
    /// The record that there is already.
    entity_id: Option<String>,
    /// What the sender would hear, where it is refused.
    status: Option<u16>,
    code: Option<String>,
    detail: Option<String>,
    errors: Vec<FieldError>,
}

/// Show what this webhook would do with its sample, a logged request or a pasted body. Nothing is done.
#[utoipa::path(post, path = "/api/v1/inbound-webhooks/{id}/preview", operation_id = "previewInboundWebhook", tag = "inbound",
    params(("id" = String, Path, description = "`iwh_...`")), request_body = InboundPreviewInput,
    extensions(("x-permission" = json!("inbound_webhook:update"))),
    responses((status = 200, description = "What would be done; nothing was", body = InboundPreview)))]
pub async fn preview(
    caller: Caller,
    State(app): State<Arc<App>>,
    Id(id): Id<InboundWebhookId>,
    Json(ask): Json<InboundPreviewInput>,
) -> Result<axum::Json<InboundPreview>, Problem> {
    let mut row = caller.store.read::<_, Problem, _>(move |tx| Box::pin(find(tx, id))).await?;
    let mut checks = Checks::default();
    // What a mapping that isn't saved yet lacks is shown by field; only what has no form is refused.
    if let Some(config) = ask.handler_config.clone() {
        match config.clone().handler() {
            Some(handler) => row.handler = Some(handler),
            None => drop(config.check(&mut checks, &app).await?),
        }
    }
    if let Some(split) = ask.split.clone() {
        row.options.split = Some(split).filter(|split| !split.is_empty());
        check_split(&mut checks, row.options.split.as_deref(), &app).await?;
    }
    checks.finish()?;
    let part = ask.part as usize;
    let (document, headers) = chosen(&caller, &app, &mut row, ask).await?;
    Ok(axum::Json(show(&app, &caller, &row, &headers, document, part).await?))
}

/// The document that is looked at, with the request's headers.
async fn chosen(
    caller: &Caller,
    app: &App,
    row: &mut Row,
    ask: InboundPreviewInput,
) -> Result<(Bytes, Vec<(String, Vec<u8>)>), Problem> {
    let asked: Vec<(String, Vec<u8>)> = ask.headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
    match (ask.body, ask.delivery_id) {
        (Some(_), Some(_)) => Err(Problem::invalid("body", "conflict", "give body or delivery_id, not both")),
        (Some(body), None) => Ok((document(&body, ask.content_type.as_deref()).await?, asked)),
        (None, Some(id)) => {
            let webhook = row.id;
            let read =
                caller.store.read::<_, Problem, _>(move |tx| Box::pin(async move { Ok(rows::delivery(tx, id).await?) })).await?;
            let found = read.filter(|found| found.received.webhook == Some(webhook));
            let found = found.ok_or_else(|| Problem::invalid("delivery_id", "unknown", "this webhook has no such delivery"))?;
            let headers = lines(&found.received.headers);
            let again = app.engine.receiver.again(row, found).await;
            let again = again.map_err(|error| Problem::invalid("delivery_id", error.code(), error.to_string()))?;
            if again.original.received.origin.whole().is_some() {
                // It is a part already.
                row.options.split = None;
            }
            Ok((again.document, if asked.is_empty() { headers } else { asked }))
        }
        (None, None) => {
            let sample = app.engine.receiver.sample(&caller.store, row).await?;
            let detail = "there is no sample yet: give a body, name a delivery, or capture a sample first";
            let (sample, _) = sample.ok_or_else(|| Problem::invalid("body", "required", detail))?;
            let format = Format::of_logged(&sample.method, &sample.headers).unwrap_or(Format::Text);
            let document = format.read(&sample.body().into()).await;
            let document = document.map_err(|error| Problem::invalid("body", "invalid", format!("the sample: {error}")))?;
            Ok((document, if asked.is_empty() { lines(&sample.headers) } else { asked }))
        }
    }
}

/// A pasted body: JSON as it is, or a text that is read as its media type says.
pub(super) async fn document(body: &RawValue, content_type: Option<&str>) -> Result<Bytes, Problem> {
    let Some(media) = content_type else { return Ok(Bytes::from(body.get().to_owned())) };
    let format = Format::of(media);
    let format = format.ok_or_else(|| Problem::invalid("content_type", "unsupported", "is no media type that is taken"))?;
    let text = serde_json::from_str::<String>(body.get());
    let text = text.map_err(|_| Problem::invalid("body", "wrong_type", "must be a text where content_type is given"))?;
    format.read(&text.into()).await.map_err(|error| Problem::invalid("body", "invalid", error.to_string()))
}

fn lines(headers: &Value) -> Vec<(String, Vec<u8>)> {
    let fields = headers.as_object().into_iter().flatten();
    fields.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().as_bytes().to_vec())).collect()
}

/// What this webhook, as it is given, would do.
pub(super) async fn show(
    app: &App,
    caller: &Caller,
    row: &Row,
    headers: &[(String, Vec<u8>)],
    document: Bytes,
    part: usize,
) -> Result<InboundPreview, Problem> {
    let whole = Subject { tenant: caller.tenant, webhook: row, headers, document: &document };
    let parts = match app.engine.receiver.part_of(&whole, part).await {
        Ok(parts) => parts,
        Err(error) if error.is_ours() => return Err(Problem::unavailable(error.to_string())),
        Err(error) => return Ok(refused(&document, Failure::theirs(400, "split_failed", error.to_string()))),
    };
    let (count, document) = match parts {
        None => (None, document.clone()),
        Some(Parts { count: 0, .. }) => {
            let nothing = refused(&document, Failure::theirs(200, "skipped", "split gives nothing"));
            let effect = InboundPreviewEffect { kind: "skipped", status: None, code: None, ..nothing.effect };
            return Ok(InboundPreview { parts: Some(0), effect, ..nothing });
        }
        Some(Parts { count, .. }) if part >= count => {
            return Err(Problem::invalid("part", "invalid", format!("there are {count} parts; the last one is {}", count - 1)));
        }
        Some(Parts { count, chosen }) => (Some(count), chosen),
    };
    let subject = Subject { tenant: caller.tenant, webhook: row, headers, document: &document };
    let made = app.engine.receiver.preview(&subject).await.map_err(problem)?;
    Ok(InboundPreview::of(&document, made).of_parts(count))
}

fn refused(document: &Bytes, failure: Failure) -> InboundPreview {
    let nothing = work::Preview {
        key: Ok(None),
        rules: Vec::new(),
        rule: None,
        action: None,
        fields: Vec::new(),
        effect: Effect::Refused(failure),
    };
    InboundPreview::of(document, nothing)
}

/// What can't even be looked at.
pub(super) fn problem(failure: Failure) -> Problem {
    match failure.kind {
        Kind::Ours => Problem::unavailable(failure.detail),
        Kind::Theirs | Kind::Refused => Problem::invalid("body", failure.code, failure.detail),
    }
}

impl InboundPreview {
    /// Of a request that is taken apart, how many there are.
    pub(super) fn of_parts(self, parts: Option<usize>) -> Self {
        Self { parts, ..self }
    }

    pub(super) fn of(document: &Bytes, made: work::Preview) -> Self {
        let (idempotency_key, idempotency_error) = match made.key {
            Ok(key) => (key, None),
            Err(error) => (None, Some(FieldError::expression("idempotency_source", error))),
        };
        let rule = |(place, judged): (usize, Result<bool, ExpressionError>)| match judged {
            Ok(is_true) => InboundPreviewRule { is_true: Some(is_true), error: None },
            Err(error) => {
                let error = Some(FieldError::expression(format!("rules[{place}].when"), error));
                InboundPreviewRule { is_true: None, error }
            }
        };
        Self {
            document: serde_json::from_slice(document).ok(),
            parts: None,
            idempotency_key,
            idempotency_error,
            rules: made.rules.into_iter().enumerate().map(rule).collect(),
            rule: made.rule,
            action: made.action,
            fields: made.fields.into_iter().map(InboundPreviewField::from).collect(),
            effect: made.effect.into(),
        }
    }
}

impl From<Traced> for InboundPreviewField {
    fn from(traced: Traced) -> Self {
        let kind = traced.field.and_then(|field| serde_json::to_value(field.kind).ok()?.as_str().map(str::to_owned));
        Self {
            kind,
            required: traced.field.is_some_and(|field| field.required),
            error: traced.error.map(|error| FieldError::expression(traced.name.clone(), error)),
            name: traced.name,
            expression: traced.expression,
            value: traced.value,
        }
    }
}

impl From<Effect> for InboundPreviewEffect {
    fn from(effect: Effect) -> Self {
        let nothing = Self {
            kind: "skipped",
            result: None,
            entity_type: None,
            entity_id: None,
            status: None,
            code: None,
            detail: None,
            errors: Vec::new(),
        };
        match effect {
            Effect::Skipped => nothing,
            Effect::Done(done) => Self {
                kind: "done",
                // A record that isn't made has no id.
                entity_id: Some(done.entity_id).filter(|_| done.result != "created"),
                result: Some(done.result),
                entity_type: Some(done.entity_type),
                ..nothing
            },
            Effect::Refused(failure) => Self {
                kind: "refused",
                status: Some(failure.status),
                code: Some(failure.code),
                detail: Some(failure.detail),
                errors: failure.errors.into_iter().map(shown).collect(),
                ..nothing
            },
        }
    }
}

fn shown(error: FieldProblem) -> FieldError {
    FieldError::new(error.field, error.code, error.detail)
}
