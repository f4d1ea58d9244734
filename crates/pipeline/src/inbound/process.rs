//! Making of a delivery what its webhook says: map the body, run the action and write the outcome,
//! the last two in one transaction. The action's result is recorded under a step key, so that a
//! repeat after a crash finds it instead of acting twice.

use std::sync::Arc;

use bytes::Bytes;
use hookswitch_domain::id::{InboundDeliveryId, InboundWebhookId, TenantId};
use hookswitch_domain::inbound::{DispatchStatus, Mode};
use hookswitch_store::inbound::{self, Origin, Outcome, Webhook};
use hookswitch_store::{StoreError, Tx, effect};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::accept::{Receiver, Reply, failed, unavailable};
use super::ack::{Said, Taken, said};
use super::action::{Action, ActionError, Context, Done, Input};
use super::failing;
use super::failure::{Failure, Kind};
use super::plan::{Plan, Planner};
use crate::outbound::publish::Publisher;

/// What is tried again is tried after so many seconds, and then given up: five hours and a half.
pub const RETRY_SECONDS: [i64; 8] = [5, 30, 120, 600, 1_800, 3_600, 5_400, 7_200];

/// A delivery that is logged as pending and ours.
pub struct Work {
    pub tenant: TenantId,
    /// As it is to be used: a replay may be meant for a former handler.
    pub webhook: Webhook,
    pub delivery: InboundDeliveryId,
    /// The body as a JSON document.
    pub document: Bytes,
    /// Which try this is, from 1.
    pub tries: u32,
    pub origin: Origin,
}

impl Work {
    /// A person asked for it: their tries say nothing about the sender's.
    fn asked_for(&self) -> bool {
        self.origin.asked_for()
    }

    /// A repeat of a request that is yet to be taken apart. What a sender sends is taken apart before it
    /// is logged as work.
    fn is_whole(&self) -> bool {
        matches!(self.origin, Origin::Replay(_)) && self.webhook.options.split.is_some()
    }

    /// Its sender went away with an acknowledgement, or was told that it is kept.
    fn answered(&self) -> bool {
        self.webhook.options.mode == Mode::Async || self.tries > 1
    }

    /// After so long it is tried again, if it is.
    fn again_after_ms(&self, kind: Kind) -> Option<i64> {
        let waits = match kind {
            Kind::Theirs => false,
            // Somebody waits for the answer and may send again.
            Kind::Refused => self.webhook.options.mode == Mode::Async && !self.asked_for(),
            Kind::Ours => true,
        };
        let step = usize::try_from(self.tries.saturating_sub(1)).unwrap_or(usize::MAX);
        RETRY_SECONDS.get(step).filter(|_| waits).map(|seconds| seconds * 1_000)
    }
}

impl Receiver {
    /// Processes a delivery and says what its sender hears.
    pub async fn process(&self, work: Work, started: Instant) -> Reply {
        if work.is_whole() {
            return self.batch_again(work, started).await;
        }
        let failure = match self.plan_and_act(&work, started).await {
            Ok(taken) => {
                return Reply::Taken {
                    delivery: work.delivery,
                    taken,
                    said: said(&work.webhook.options.ack, work.delivery, taken.into()),
                };
            }
            Err(failure) => failure,
        };
        self.fail(&work, failure, started).await
    }

    /// Tried again later, or given up.
    pub(super) async fn fail(&self, work: &Work, failure: Failure, started: Instant) -> Reply {
        match work.again_after_ms(failure.kind) {
            Some(wait_ms) => self.put_off(work, &failure, wait_ms).await,
            None => self.give_up(work, failure, started).await,
        }
    }

    /// Still pending: it is tried again, whether the sender comes back or not.
    async fn put_off(&self, work: &Work, failure: &Failure, wait_ms: i64) -> Reply {
        let (tenant, delivery) = (work.tenant, work.delivery);
        if failure.kind == Kind::Ours {
            tracing::error!(%tenant, %delivery, detail = %failure.detail, "an inbound delivery could not be processed");
        }
        let why = json!({ "code": failure.code, "reason": failure.detail, "errors": failure.errors, "tries": work.tries });
        let store = self.db.for_tenant(tenant);
        let written = store.write(move |tx| Box::pin(async move { inbound::put_off(tx, delivery, wait_ms, &why).await })).await;
        if let Err(error) = written {
            // Its lease runs out, which is as good.
            tracing::warn!(%tenant, %delivery, %error, "an inbound delivery could not be put off");
        }
        failed(Some(delivery), 503, "unavailable", "kept, and tried again")
    }

    async fn give_up(&self, work: &Work, failure: Failure, started: Instant) -> Reply {
        let (tenant, delivery) = (work.tenant, work.delivery);
        let taken_in = failure.status == 200 || work.webhook.options.ack.always || work.answered();
        let Said { status, body, .. } = said(&work.webhook.options.ack, delivery, Taken::Done);
        let (response_status, response_body) = match taken_in {
            true => (status, body),
            false => {
                let told = json!({ "code": failure.code, "detail": failure.detail, "delivery_id": delivery });
                (failure.status, told.to_string())
            }
        };
        let outcome = Outcome {
            status: DispatchStatus::Failed,
            handler_outcome: failure.outcome(),
            response_status,
            response_body,
            duration_ms: started.elapsed().as_millis() as i64,
            dead: work.answered() && !work.asked_for(),
        };
        let counts = failure.kind != Kind::Theirs && !work.asked_for();
        let (watch, webhook) = (failing::Watch::of(self), work.webhook.id);
        let store = self.db.for_tenant(tenant);
        let written = store.write(move |tx| {
            Box::pin(async move {
                if inbound::finish(tx, delivery, &outcome).await? && outcome.dead {
                    watch.dead(tx, delivery, Some(webhook), &outcome.handler_outcome).await?;
                }
                if counts { watch.failed(tx, webhook).await } else { Ok(()) }
            })
        });
        if let Err(error) = written.await {
            return unavailable(&error);
        }
        if taken_in {
            let said = said(&work.webhook.options.ack, delivery, Taken::Done);
            return Reply::Taken { delivery, taken: Ended::Failed, said };
        }
        let Failure { status, code, detail, errors, .. } = failure;
        Reply::Failed { delivery: Some(delivery), status, code, detail, errors }
    }

    async fn plan_and_act(&self, work: &Work, started: Instant) -> Result<Ended, Failure> {
        let handler = work.webhook.handler.as_ref().ok_or_else(Failure::not_configured)?;
        let planner = Planner { sandbox: &self.sandbox, registry: &self.registry, tenant: work.tenant.uuid() };
        let plan = planner.plan(&work.document, handler).await?;
        let ended = if matches!(plan, Plan::Skip) { Ended::Skipped } else { Ended::Done };
        let job = Job {
            step: match plan {
                Plan::Skip => None,
                Plan::Act { rule, action, input } => {
                    Some(Step { action, input, rule: (handler.rules().len() > 1).then_some(rule) })
                }
            },
            slug: work.webhook.slug.clone(),
            webhook: work.webhook.id,
            well_again: work.webhook.failing_since.is_some() && !work.asked_for(),
            delivery: work.delivery,
            origin: work.origin,
            publisher: self.publisher.clone(),
            ambient: self.ambient.clone(),
            said: said(&work.webhook.options.ack, work.delivery, ended.into()),
            started,
        };
        let store = self.db.for_tenant(work.tenant);
        store.write(move |tx| Box::pin(act(tx, job))).await.map_err(|error| match error {
            ActError::Action(error) => error.into(),
            ActError::Store(error) => error.into(),
            ActError::EndedElsewhere => Failure::ours("somebody else has finished this delivery"),
        })?;
        Ok(ended)
    }
}

/// How a delivery ended that its sender hears of as taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Done,
    Skipped,
    /// Acknowledged although it failed: the webhook's owner wants that, or nobody waits any more.
    Failed,
}

impl From<Ended> for Taken<'static> {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Done | Ended::Failed => Taken::Done,
            Ended::Skipped => Taken::Skipped,
        }
    }
}

struct Step {
    action: Arc<dyn Action>,
    input: Input,
    /// Which of several rules it was.
    rule: Option<usize>,
}

struct Job {
    /// None: no rule was true.
    step: Option<Step>,
    slug: String,
    webhook: InboundWebhookId,
    /// The handler has been failing, and works now.
    well_again: bool,
    delivery: InboundDeliveryId,
    origin: Origin,
    publisher: Publisher,
    ambient: Arc<dyn hookswitch_domain::time::Ambient>,
    said: Said,
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
    let done = match &job.step {
        None => json!({ "outcome": "skipped", "reason": "no rule's condition is true" }),
        Some(step) => run_once(tx, &job, step).await?,
    };
    let outcome = Outcome {
        status: DispatchStatus::Dispatched,
        handler_outcome: done,
        response_status: job.said.status,
        response_body: job.said.body,
        duration_ms: job.started.elapsed().as_millis() as i64,
        dead: false,
    };
    if !inbound::finish(tx, job.delivery, &outcome).await? {
        return Err(ActError::EndedElsewhere);
    }
    if let Some(original) = job.origin.repeats() {
        inbound::resurrect(tx, original).await?;
    }
    if job.well_again && job.step.is_some() {
        inbound::forget_failures(tx, job.webhook).await?;
    }
    Ok(())
}

async fn run_once(tx: &mut Tx, job: &Job, step: &Step) -> Result<Value, ActError> {
    let step_key = format!("inbound:{}", job.delivery);
    if let Some(done) = effect::find(tx, &step_key).await? {
        return Ok(done);
    }
    let context =
        Context { ambient: &*job.ambient, publisher: &job.publisher, integration: &job.slug, delivery: job.delivery, depth: 1 };
    let mut done: Done = step.action.run(tx, &step.input, &context).await.map_err(ActError::Action)?;
    if let Some(rule) = step.rule {
        done.more.insert("rule".to_owned(), rule.into());
    }
    let done = serde_json::to_value(done).map_err(|error| StoreError::Bug(error.to_string()))?;
    effect::record(tx, &step_key, &done).await?;
    Ok(done)
}
