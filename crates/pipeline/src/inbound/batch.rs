//! A request that holds several things: each part is a delivery with its own key and its own
//! outcome, and the request is logged as the whole that they came in. All are logged in one commit.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use hookswitch_domain::id::InboundDeliveryId;
use hookswitch_domain::inbound::{DispatchStatus, IdempotencySource, SPLIT_MAX};
use hookswitch_domain::mapping::wrap_body;
use hookswitch_store::StoreError;
use hookswitch_store::inbound::{self, Claim, Origin, Outcome, Received};
use serde_json::{Value, json};

use super::accept::{Receiver, Reply, Verified, unavailable};
use super::ack::{Part, Said, Taken, said};
use super::failure::Failure;
use super::key::{KeyError, bounded};
use super::process::{Ended, Work};
use crate::sandbox::{Expr, ExpressionError, SandboxError};

/// Taking a body apart may take this long.
const SPLIT_LIMIT_MS: u32 = 500;
/// Parts that are worked on at once.
const AT_ONCE: usize = 4;

/// Why a body can't be taken apart.
#[derive(Debug, thiserror::Error)]
pub enum SplitError {
    #[error("split: {0}")]
    Expression(ExpressionError),
    #[error("the body is no JSON document")]
    Body,
    #[error("split gives {0} parts, and one request may hold {SPLIT_MAX}")]
    TooMany(usize),
    #[error(transparent)]
    Sandbox(SandboxError),
}

impl Receiver {
    /// The parts of a document. What is no list is one part, and nothing is none.
    pub(super) async fn split(&self, tenant: uuid::Uuid, document: &[u8], split: &str) -> Result<Vec<Value>, SplitError> {
        let body = wrap_body(document).ok_or(SplitError::Body)?;
        let expression = [Expr { id: "split", text: split, limit_ms: SPLIT_LIMIT_MS }];
        let evaluated = self.sandbox.evaluate(tenant, &body, &expression).await.map_err(SplitError::Sandbox)?;
        let found = evaluated.into_iter().next().map(|only| only.result).transpose().map_err(SplitError::Expression)?;
        match found.flatten() {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(parts)) if parts.len() > SPLIT_MAX => Err(SplitError::TooMany(parts.len())),
            Some(Value::Array(parts)) => Ok(parts),
            Some(only) => Ok(vec![only]),
        }
    }

    pub(super) async fn batch(&self, verified: Verified, document: &Bytes, split: &str) -> Reply {
        let parts = match self.split(verified.tenant.uuid(), document, split).await {
            Ok(parts) => parts,
            Err(error) => return self.refuse(&verified, error.into()).await,
        };
        let mut received = Vec::with_capacity(parts.len());
        for (place, part) in parts.iter().enumerate() {
            match self.part(&verified, place, part, Origin::Part(verified.received.id)).await {
                Ok(part) => received.push(part),
                Err(error) => return self.no_key(&verified, error).await,
            }
        }
        let claims = match self.begin_all(&verified, &received).await {
            Ok(claims) => claims,
            Err(error) => return unavailable(&error),
        };
        if verified.waits() {
            self.wake.notify_one();
            let parts: Vec<Part> = received.iter().zip(&claims).map(|(part, claim)| begun(part, *claim)).collect();
            return self.reply(&verified, &parts, None).await;
        }
        self.process_all(&verified, received, claims).await
    }

    /// A part as it is logged: a request of its own, whose body is this.
    pub(super) async fn part(
        &self,
        verified: &Verified,
        place: usize,
        part: &Value,
        origin: Origin,
    ) -> Result<Received, KeyError> {
        let whole = &verified.received;
        let document = part.to_string();
        // Whoever tries a webhook out uses no key up.
        let asked = whole.origin != Origin::Test;
        let idempotency_key = match verified.webhook.idempotency_source.as_ref().filter(|_| asked) {
            None => None,
            Some(IdempotencySource::Header(_)) => {
                let key = self.key(verified.tenant, &verified.webhook, &verified.headers, b"").await?;
                key.map(|key| bounded(format!("{key}#{place}")))
            }
            Some(IdempotencySource::Jsonata(_)) => self.key(verified.tenant, &verified.webhook, &[], document.as_bytes()).await?,
        };
        let mut headers = whole.headers.clone();
        if let Some(headers) = headers.as_object_mut() {
            headers.insert("content-type".to_owned(), "application/json".into());
        }
        Ok(Received {
            id: self.ambient.fresh(),
            origin,
            idempotency_key,
            // Its body is a document and no query.
            method: "POST".to_owned(),
            headers,
            body: Some(document.into_bytes()),
            ..whole.clone()
        })
    }

    async fn begin_all(&self, verified: &Verified, parts: &[Received]) -> Result<Vec<Claim>, StoreError> {
        let (window, lease_ms) = (verified.webhook.idempotency_window_seconds, verified.lease_ms());
        let (whole, outcome) = (verified.received.clone(), verified.whole(&[], None));
        let ack = verified.webhook.options.ack.clone();
        let (parts, elapsed) = (parts.to_vec(), verified.elapsed_ms());
        let store = self.db.for_tenant(verified.tenant);
        let job = store.write(move |tx| {
            Box::pin(async move {
                inbound::log(tx, &whole, &outcome).await?;
                let mut claims = Vec::with_capacity(parts.len());
                for part in &parts {
                    let claim = inbound::begin(tx, part, window, lease_ms).await?;
                    if let Claim::Duplicate(original) = claim {
                        let Said { status, body, .. } = said(&ack, original, Taken::Duplicate);
                        let outcome = Outcome {
                            status: DispatchStatus::Duplicate,
                            handler_outcome: json!({ "duplicate_of": original }),
                            response_status: status,
                            response_body: body,
                            duration_ms: elapsed,
                            dead: false,
                        };
                        inbound::log(tx, part, &outcome).await?;
                    }
                    claims.push(claim);
                }
                Ok(claims)
            })
        });
        job.await
    }

    pub(super) async fn process_all(&self, verified: &Verified, received: Vec<Received>, claims: Vec<Claim>) -> Reply {
        let each = received.into_iter().zip(claims).enumerate().map(|(place, (part, claim))| async move {
            if claim != Claim::Fresh {
                return (place, begun(&part, claim), None);
            }
            let work = Work {
                tenant: verified.tenant,
                webhook: verified.webhook.clone(),
                delivery: part.id,
                origin: part.origin,
                document: part.body.clone().unwrap_or_default().into(),
                tries: 1,
            };
            let mut ended = begun(&part, claim);
            // A whole is processed by way of its parts; no part is a whole.
            match Box::pin(self.process(work, verified.started)).await {
                Reply::Taken { taken, .. } => {
                    ended.skipped = taken == Ended::Skipped;
                    (place, ended, None)
                }
                Reply::Failed { status, code, detail, errors, .. } => {
                    ended.failed = Some(code.clone());
                    let detail = format!("part {place}: {detail}");
                    let delivery = Some(verified.received.id);
                    (place, ended, Some(Reply::Failed { delivery, status, code, detail, errors }))
                }
                other => (place, ended, Some(other)),
            }
        });
        let mut ended: Vec<_> = stream::iter(each).buffer_unordered(AT_ONCE).collect().await;
        ended.sort_by_key(|(place, ..)| *place);
        let (parts, replies): (Vec<Part>, Vec<_>) = ended.into_iter().map(|(_, part, reply)| (part, reply)).unzip();
        // What is our fault comes first: the sender should try again.
        let mut failures: Vec<Reply> = replies.into_iter().flatten().collect();
        failures.sort_by_key(|reply| !matches!(reply, Reply::Failed { status: 500.., .. }));
        self.reply(verified, &parts, failures.into_iter().next()).await
    }

    /// Writes what became of the whole beside it, and says it.
    async fn reply(&self, verified: &Verified, parts: &[Part], failed: Option<Reply>) -> Reply {
        let (id, outcome) = (verified.received.id, verified.whole(parts, failed.as_ref()));
        let store = self.db.for_tenant(verified.tenant);
        let written = store.write(move |tx| Box::pin(async move { inbound::amend(tx, id, &outcome).await })).await;
        if let Err(error) = written {
            // Its parts are on disk, each with its outcome.
            tracing::warn!(delivery = %id, %error, "what became of a batch could not be noted");
        }
        let taken = if parts.is_empty() { Ended::Skipped } else { Ended::Done };
        let said = said(&verified.webhook.options.ack, id, spoken(parts));
        failed.unwrap_or(Reply::Taken { delivery: id, taken, said })
    }
}

impl From<SplitError> for Failure {
    fn from(error: SplitError) -> Self {
        match error {
            SplitError::Sandbox(error) => Self::ours(error.to_string()),
            error => Self::theirs(400, "split_failed", error.to_string()),
        }
    }
}

fn spoken(parts: &[Part]) -> Taken<'_> {
    if parts.is_empty() { Taken::Skipped } else { Taken::Batch(parts) }
}

fn begun(part: &Received, claim: Claim) -> Part {
    let (delivery, duplicate): (InboundDeliveryId, bool) = match claim {
        Claim::Fresh => (part.id, false),
        Claim::Duplicate(original) => (original, true),
    };
    Part { delivery, duplicate, skipped: false, failed: None }
}

impl Verified {
    /// The outcome of the request that the parts came in.
    pub(super) fn whole(&self, parts: &[Part], failed: Option<&Reply>) -> Outcome {
        let Said { status, body, .. } = said(&self.webhook.options.ack, self.received.id, spoken(parts));
        let (response_status, response_body) = match failed {
            Some(Reply::Failed { status, code, detail, .. }) => {
                (*status, json!({ "code": code, "detail": detail, "delivery_id": self.received.id }).to_string())
            }
            _ => (status, body),
        };
        Outcome {
            status: DispatchStatus::Dispatched,
            handler_outcome: json!({ "parts": parts.iter().map(Part::document).collect::<Vec<_>>() }),
            response_status,
            response_body,
            duration_ms: self.elapsed_ms(),
            dead: false,
        }
    }
}
