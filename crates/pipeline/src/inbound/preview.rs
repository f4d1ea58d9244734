//! What a webhook would do with a document, without doing it: the key, each rule's condition, each
//! field's value or error with its place, and what the action would come to. The action runs for
//! that in a transaction that never commits.

use std::sync::Arc;

use bytes::Bytes;
use hookswitch_domain::id::TenantId;
use hookswitch_domain::inbound::{Handler, IdempotencySource};
use hookswitch_domain::mapping::ExpressionError;
use hookswitch_store::StoreError;
use hookswitch_store::inbound::Webhook;
use serde_json::Value;

use super::accept::Receiver;
use super::action::{Action, ActionError, Context, Done, Input};
use super::batch::SplitError;
use super::failure::Failure;
use super::key::KeyError;
use super::mapping::{self, Traced};
use super::plan::{Judged, Planner};

/// What is tried out.
pub struct Subject<'a> {
    pub tenant: TenantId,
    pub webhook: &'a Webhook,
    /// The request's headers: the key may stand in one.
    pub headers: &'a [(String, Vec<u8>)],
    pub document: &'a Bytes,
}

#[derive(Debug)]
pub struct Preview {
    pub key: Result<Option<String>, ExpressionError>,
    /// What each rule's condition says, in their order.
    pub rules: Vec<Judged>,
    /// The rule that would run.
    pub rule: Option<usize>,
    pub action: Option<String>,
    pub fields: Vec<Traced>,
    pub effect: Effect,
}

/// What would become of the request.
#[derive(Debug)]
pub enum Effect {
    /// No rule is true.
    Skipped,
    /// The action would do this.
    Done(Done),
    /// Nothing would be done, for this reason.
    Refused(Failure),
}

/// Of a request that holds several, the part that is looked at.
#[derive(Debug)]
pub struct Parts {
    pub count: usize,
    pub chosen: Bytes,
}

impl Receiver {
    /// The part of this place; None where nothing is split. Beyond the last one there is none.
    pub async fn part_of(&self, subject: &Subject<'_>, place: usize) -> Result<Option<Parts>, PartError> {
        let Some(split) = &subject.webhook.options.split else { return Ok(None) };
        let parts = self.split(subject.tenant.uuid(), subject.document, split).await.map_err(PartError)?;
        let chosen = parts.get(place).map(ToString::to_string).unwrap_or_default().into();
        Ok(Some(Parts { count: parts.len(), chosen }))
    }

    pub async fn preview(&self, subject: &Subject<'_>) -> Result<Preview, Failure> {
        let key = self.preview_key(subject).await?;
        let planner = Planner { sandbox: &self.sandbox, registry: &self.registry, tenant: subject.tenant.uuid() };
        let mut preview =
            Preview { key, rules: Vec::new(), rule: None, action: None, fields: Vec::new(), effect: Effect::Skipped };
        match &subject.webhook.handler {
            None => preview.effect = Effect::Refused(Failure::not_configured()),
            Some(handler) => self.follow(subject, &planner, handler, &mut preview).await?,
        }
        if let Err(error) = &preview.key {
            let detail = format!("idempotency_source: {}", error.message);
            preview.effect = Effect::Refused(Failure::theirs(400, "idempotency_failed", detail));
        }
        Ok(preview)
    }

    async fn follow(
        &self,
        subject: &Subject<'_>,
        planner: &Planner<'_>,
        handler: &Handler,
        preview: &mut Preview,
    ) -> Result<(), Failure> {
        preview.rules = planner.judge(subject.document, handler.rules()).await?;
        let first = preview.rules.iter().position(|judged| !matches!(judged, Ok(false)));
        let Some(place) = first else { return Ok(()) };
        if let Some(Err(error)) = preview.rules.get(place) {
            preview.effect = Effect::Refused(Failure::condition(place, error.clone()));
            return Ok(());
        }
        let Some(rule) = handler.rules().get(place) else { return Ok(()) };
        (preview.rule, preview.action) = (Some(place), Some(rule.action.clone()));
        let action = match planner.action(rule) {
            Ok(action) => action,
            Err(failure) => {
                preview.effect = Effect::Refused(failure);
                return Ok(());
            }
        };
        let fields = action.definition().fields;
        let traced = mapping::trace(&self.sandbox, subject.tenant.uuid(), subject.document, fields, &rule.field_mapping).await;
        preview.fields = traced?;
        preview.effect = match mapping::input_of(&preview.fields) {
            Some(input) => self.rehearse(subject, action, input).await?,
            None => Effect::Refused(Failure::theirs(400, "mapping_failed", "the mapping could not fill the action's fields")),
        };
        Ok(())
    }

    async fn preview_key(&self, subject: &Subject<'_>) -> Result<Result<Option<String>, ExpressionError>, Failure> {
        let source = subject.webhook.idempotency_source.as_ref();
        if let Some(IdempotencySource::Header(_)) | None = source
            && subject.headers.is_empty()
        {
            return Ok(Ok(None));
        }
        match self.key(subject.tenant, subject.webhook, subject.headers, subject.document).await {
            Ok(key) => Ok(Ok(key)),
            Err(KeyError::Expression(error)) => Ok(Err(error)),
            Err(KeyError::Body) => Err(Failure::theirs(400, "invalid_json", "the body is no JSON document")),
            Err(KeyError::Sandbox(error)) => Err(Failure::ours(error.to_string())),
        }
    }

    /// Runs the action in a transaction that is undone in any case.
    async fn rehearse(&self, subject: &Subject<'_>, action: Arc<dyn Action>, input: Input) -> Result<Effect, Failure> {
        let (publisher, ambient) = (self.publisher.clone(), self.ambient.clone());
        let slug = subject.webhook.slug.clone();
        let delivery = ambient.fresh();
        let store = self.db.for_tenant(subject.tenant);
        let job = store.write::<(), Rehearsed, _>(move |tx| {
            Box::pin(async move {
                let context = Context { ambient: &*ambient, publisher: &publisher, integration: &slug, delivery, depth: 1 };
                Err(match action.run(tx, &input, &context).await {
                    Ok(done) => Rehearsed::Done(done),
                    Err(error) => Rehearsed::Failed(error),
                })
            })
        });
        match job.await {
            Ok(()) => Err(Failure::ours("a rehearsal was committed")),
            Err(Rehearsed::Done(done)) => Ok(Effect::Done(done)),
            Err(Rehearsed::Failed(ActionError::Store(error)) | Rehearsed::Store(error)) => Err(error.into()),
            Err(Rehearsed::Failed(error)) => Ok(Effect::Refused(error.into())),
        }
    }
}

/// Why a document can't be taken apart.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct PartError(SplitError);

impl PartError {
    /// Whether the fault is ours: the same may work in a moment.
    pub const fn is_ours(&self) -> bool {
        matches!(self.0, SplitError::Sandbox(_))
    }
}

/// How a rehearsal ended. All of it is an error, so that nothing is committed.
enum Rehearsed {
    Done(Done),
    Failed(ActionError),
    Store(StoreError),
}

impl From<StoreError> for Rehearsed {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Where two previews differ: the names of fields, and `rule`, `action` or `effect`.
pub fn differences(one: &Preview, other: &Preview) -> Vec<String> {
    let mut found = Vec::new();
    if one.rule != other.rule {
        found.push("rule".to_owned());
    }
    if one.action != other.action {
        found.push("action".to_owned());
    }
    let value = |preview: &Preview, name: &str| -> Option<(Option<Value>, Option<String>)> {
        let field = preview.fields.iter().find(|field| field.name == name)?;
        Some((field.value.clone(), field.error.as_ref().map(|error| error.code.clone())))
    };
    let mut names: Vec<&str> = one.fields.iter().chain(&other.fields).map(|field| field.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    found.extend(names.into_iter().filter(|name| value(one, name) != value(other, name)).map(|name| format!("fields.{name}")));
    if one.effect.gist() != other.effect.gist() {
        found.push("effect".to_owned());
    }
    found
}

impl Effect {
    /// What it comes to, without what a rehearsal makes up.
    fn gist(&self) -> (&str, &str, Option<&str>) {
        match self {
            Self::Skipped => ("skipped", "", None),
            Self::Done(done) => ("done", &done.result, (done.result != "created").then_some(done.entity_id.as_str())),
            Self::Refused(failure) => ("refused", &failure.code, None),
        }
    }
}
