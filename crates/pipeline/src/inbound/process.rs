//! Making of a delivery what its webhook says: map the body, run the action and write the outcome,
//! the last two in one transaction. The action's result is recorded under a step key, so that a
//! repeat after a crash finds it instead of acting twice.

use std::sync::Arc;

use hookswitch_domain::id::{InboundDeliveryId, TenantId};
use hookswitch_domain::inbound::{DispatchStatus, Handler};
use hookswitch_store::inbound::{self, Outcome, Webhook};
use hookswitch_store::{StoreError, Tx, effect};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::accept::{FieldProblem, Receiver, Reply, failed, unavailable};
use super::action::{Action, ActionError, Context, Done, Input};
use super::mapping::{self, MappingError};
use crate::outbound::publish::Publisher;

/// A delivery that is logged as pending and ours.
pub struct Work {
    pub tenant: TenantId,
    pub webhook: Webhook,
    pub delivery: InboundDeliveryId,
    pub body: Vec<u8>,
}

/// Why a delivery failed, and what its sender is told.
struct Failure {
    status: u16,
    code: String,
    detail: String,
    errors: Vec<FieldProblem>,
    /// Our fault: the delivery stays pending and is tried again.
    ours: bool,
}

impl Failure {
    fn theirs(status: u16, code: &str, detail: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), detail: detail.into(), errors: Vec::new(), ours: false }
    }

    fn ours(detail: impl Into<String>) -> Self {
        Self { status: 503, code: "unavailable".to_owned(), detail: detail.into(), errors: Vec::new(), ours: true }
    }
}

impl Receiver {
    /// Processes a delivery and says what its sender hears.
    pub async fn process(&self, work: Work, started: Instant) -> Reply {
        let (tenant, delivery) = (work.tenant, work.delivery);
        let failure = match self.map_and_act(work, started).await {
            Ok(()) => return Reply::Accepted { delivery, duplicate: false },
            Err(failure) => failure,
        };
        if failure.ours {
            // Still pending: the lease runs out and it is tried again, whether the sender comes back or not.
            tracing::error!(%tenant, %delivery, detail = %failure.detail, "an inbound delivery could not be processed");
            return failed(Some(delivery), 503, "unavailable", "kept, and tried again");
        }
        let taken_in = failure.status == 200;
        let response_body = match taken_in {
            true => json!({ "delivery_id": delivery }),
            false => json!({ "code": failure.code, "detail": failure.detail, "delivery_id": delivery }),
        };
        let outcome = Outcome {
            status: DispatchStatus::Failed,
            handler_outcome: json!({ "code": failure.code, "reason": failure.detail, "errors": failure.errors }),
            response_status: failure.status,
            response_body: response_body.to_string(),
            duration_ms: started.elapsed().as_millis() as i64,
        };
        let store = self.db.for_tenant(tenant);
        let written = store.write(move |tx| Box::pin(async move { inbound::finish(tx, delivery, &outcome).await })).await;
        if let Err(error) = written {
            return unavailable(&error);
        }
        if taken_in {
            return Reply::Accepted { delivery, duplicate: false };
        }
        let Failure { status, code, detail, errors, .. } = failure;
        Reply::Failed { delivery: Some(delivery), status, code, detail, errors }
    }

    async fn map_and_act(&self, work: Work, started: Instant) -> Result<(), Failure> {
        let Some(Handler::DirectAction { action, field_mapping }) = &work.webhook.handler else {
            // The sender can do nothing about it (CONTRACT 6): it is taken in, kept, and not done.
            return Err(Failure::theirs(200, "not_configured", "the webhook has no handler yet"));
        };
        let Some(action) = self.registry.get(action).cloned() else {
            return Err(Failure::theirs(422, "unknown_action", format!("there is no action {action}")));
        };
        let fields = action.definition().fields;
        let mapped = mapping::map(&self.sandbox, work.tenant.uuid(), &work.body, fields, field_mapping).await;
        let input = mapped.map_err(|error| match error {
            MappingError::Fields { errors } => Failure {
                errors: errors
                    .into_iter()
                    .map(|error| FieldProblem { field: error.field, code: error.code.to_string(), detail: error.detail })
                    .collect(),
                ..Failure::theirs(400, "mapping_failed", "the mapping could not fill the action's fields")
            },
            MappingError::Body => Failure::theirs(400, "invalid_json", "the body is no JSON document"),
            MappingError::Sandbox(error) => Failure::ours(error.to_string()),
        })?;
        let job = Job {
            action,
            input,
            slug: work.webhook.slug.clone(),
            delivery: work.delivery,
            publisher: self.publisher.clone(),
            ambient: self.ambient.clone(),
            started,
        };
        let store = self.db.for_tenant(work.tenant);
        store.write(move |tx| Box::pin(act(tx, job))).await.map_err(|error| match error {
            ActError::Action(ActionError::Invalid { field, detail }) => Failure {
                errors: vec![FieldProblem { field: field.clone(), code: "invalid".to_owned(), detail: detail.clone() }],
                ..Failure::theirs(400, "mapping_failed", format!("{field}: {detail}"))
            },
            ActError::Action(error @ ActionError::LookupMiss { .. }) => Failure::theirs(422, "lookup_miss", error.to_string()),
            ActError::Action(ActionError::Rule { code, detail }) => Failure::theirs(422, code, detail),
            ActError::Action(ActionError::Store(error)) | ActError::Store(error) => Failure::ours(error.to_string()),
            ActError::EndedElsewhere => Failure::ours("somebody else has finished this delivery"),
        })
    }
}

struct Job {
    action: Arc<dyn Action>,
    input: Input,
    slug: String,
    delivery: InboundDeliveryId,
    publisher: Publisher,
    ambient: Arc<dyn hookswitch_domain::time::Ambient>,
    started: Instant,
}

enum ActError {
    Action(ActionError),
    Store(StoreError),
    EndedElsewhere,
}

impl From<StoreError> for ActError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// One transaction: the action, its effect row, and the delivery's outcome.
async fn act(tx: &mut Tx, job: Job) -> Result<(), ActError> {
    let step_key = format!("inbound:{}", job.delivery);
    let done: Value = match effect::find(tx, &step_key).await? {
        Some(done) => done,
        None => {
            let context = Context {
                ambient: &*job.ambient,
                publisher: &job.publisher,
                integration: &job.slug,
                delivery: job.delivery,
                depth: 1,
            };
            let done: Done = job.action.run(tx, &job.input, &context).await.map_err(ActError::Action)?;
            let done = serde_json::to_value(done).map_err(|error| StoreError::Bug(error.to_string()))?;
            effect::record(tx, &step_key, &done).await?;
            done
        }
    };
    let outcome = Outcome {
        status: DispatchStatus::Dispatched,
        handler_outcome: done,
        response_status: 200,
        response_body: json!({ "delivery_id": job.delivery }).to_string(),
        duration_ms: job.started.elapsed().as_millis() as i64,
    };
    if !inbound::finish(tx, job.delivery, &outcome).await? {
        return Err(ActError::EndedElsewhere);
    }
    Ok(())
}
