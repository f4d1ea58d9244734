//! What a destination is sent of an event, where it has a filter, a field allow-list or a transform:
//! between `worker` and `deliver` of the outbound line. A preview and a delivery come through the
//! same function, so that what was shown is what is sent.
//!
//! The filter sees the whole envelope. The transform sees what the allow-list leaves, and its result
//! is the body. It is done once per delivery, before the first attempt; from a failed attempt on the
//! bytes are kept beside the delivery.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use hookswitch_domain::content::{AllowList, is_true, is_volatile};
use hookswitch_domain::delivery::Outcome;
use hookswitch_domain::destination::{Body, Config};
use hookswitch_domain::id::{EventId, TenantId};
use hookswitch_domain::mapping::ExpressionError;
use hookswitch_store::event::Meta;
use hookswitch_store::{StoreError, delivery_body};
use serde_json::Value;

use super::adapter::Delivered;
use super::configs::{Outlet, TenantConfig};
use super::deliver::{InHand, Sender};
use super::envelope;
use crate::sandbox::{Expr, Sandbox, SandboxError};

/// Evaluations may take this long, in milliseconds: some 50 times what an ordinary one takes.
const FILTER_LIMIT_MS: u32 = 50;
const TRANSFORM_LIMIT_MS: u32 = 200;

/// Between tries where too many evaluations of the tenant are waiting already.
const BUSY_PAUSES: [Duration; 3] = [Duration::from_millis(50), Duration::from_millis(250), Duration::from_secs(1)];

/// The source of test events.
const TEST: &str = "test";

/// A destination's filter, allow-list and transform, as they were saved.
#[derive(Debug, Clone)]
pub struct Content {
    pub filter: Option<String>,
    pub fields: Option<AllowList>,
    pub transform: Option<String>,
    pub body: Body,
}

impl Content {
    /// `None` where the event itself is sent.
    pub fn of(config: &Config) -> Option<Self> {
        config.makes_body().then(|| Self {
            filter: config.filter.clone(),
            // What was saved was checked; a list that can't be read must not widen what is sent.
            fields: AllowList::parse(&config.payload_fields).unwrap_or_else(|_| Some(AllowList::default())),
            transform: config.transform.clone(),
            body: config.body,
        })
    }

    fn is_volatile(&self) -> bool {
        self.transform.as_deref().is_some_and(is_volatile)
    }
}

/// The event that it is made from.
pub struct Subject<'a> {
    pub tenant: TenantId,
    pub slug: &'a str,
    pub id: EventId,
    pub event_type: &'a str,
    pub payload: &'a Bytes,
    pub meta: &'a Meta,
}

impl Subject<'_> {
    fn body(&self, kind: Body, payload: &Bytes) -> Result<Bytes, Unmade> {
        let made = envelope::body(kind, self.slug, self.id, self.event_type, payload, self.meta);
        made.ok_or_else(|| Unmade::Payload("the stored payload is no JSON".to_owned()))
    }
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Made {
    Body(Bytes),
    /// The filter isn't true for this event.
    Filtered,
}

/// Why nothing came of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Unmade {
    /// `filter` or `transform`, and what went wrong in it.
    Expression(&'static str, ExpressionError),
    Payload(String),
    /// Ours: it may work in a moment.
    Sandbox(SandboxError),
}

impl From<SandboxError> for Unmade {
    fn from(error: SandboxError) -> Self {
        match error {
            SandboxError::Input(reason) => Self::Payload(format!("the payload can't be worked on: {reason}")),
            error => Self::Sandbox(error),
        }
    }
}

/// Evaluates in one round trip, or in two where an allow-list stands between filter and transform.
pub async fn make(sandbox: &Sandbox, content: &Content, subject: &Subject<'_>) -> Result<Made, Unmade> {
    let Some(fields) = &content.fields else {
        return make_whole(sandbox, content, subject).await;
    };
    if let Some(filter) = &content.filter {
        let whole = subject.body(Body::Envelope, subject.payload)?;
        let results = evaluate(sandbox, subject.tenant, &whole, Some(filter), None).await?;
        if !is_true(results.filter?.as_ref()) {
            return Ok(Made::Filtered);
        }
    }
    let kept = fields.select(subject.payload).ok_or_else(|| Unmade::Payload("the stored payload is no JSON".to_owned()))?;
    let kept = Bytes::from(kept);
    let Some(transform) = &content.transform else {
        return Ok(Made::Body(subject.body(content.body, &kept)?));
    };
    let left = subject.body(Body::Envelope, &kept)?;
    evaluate(sandbox, subject.tenant, &left, None, Some(transform)).await?.transform?.into_body()
}

async fn make_whole(sandbox: &Sandbox, content: &Content, subject: &Subject<'_>) -> Result<Made, Unmade> {
    let whole = subject.body(Body::Envelope, subject.payload)?;
    let (filter, transform) = (content.filter.as_deref(), content.transform.as_deref());
    let results = evaluate(sandbox, subject.tenant, &whole, filter, transform).await?;
    if filter.is_some() && !is_true(results.filter?.as_ref()) {
        return Ok(Made::Filtered);
    }
    match transform {
        Some(_) => results.transform?.into_body(),
        None => Ok(Made::Body(subject.body(content.body, subject.payload)?)),
    }
}

/// The value that a transform gave.
struct Transformed(Option<Value>);

impl Transformed {
    fn into_body(self) -> Result<Made, Unmade> {
        let nothing = || ExpressionError::new("no_result", "it gave nothing for this event");
        let value = self.0.ok_or_else(|| Unmade::Expression("transform", nothing()))?;
        Ok(Made::Body(value.to_string().into()))
    }
}

struct Results {
    filter: Result<Option<Value>, Unmade>,
    transform: Result<Transformed, Unmade>,
}

async fn evaluate(
    sandbox: &Sandbox,
    tenant: TenantId,
    input: &[u8],
    filter: Option<&str>,
    transform: Option<&str>,
) -> Result<Results, Unmade> {
    let filter = filter.map(|text| Expr { id: "filter", text, limit_ms: FILTER_LIMIT_MS });
    let transform = transform.map(|text| Expr { id: "transform", text, limit_ms: TRANSFORM_LIMIT_MS });
    let asked: Vec<Expr<'_>> = filter.into_iter().chain(transform).collect();
    let mut results = Results { filter: Ok(None), transform: Ok(Transformed(None)) };
    for (expression, evaluated) in asked.iter().zip(sandbox.evaluate(tenant.uuid(), input, &asked).await?) {
        match expression.id {
            "filter" => results.filter = evaluated.result.map_err(|error| Unmade::Expression("filter", error)),
            _ => {
                let value = evaluated.result.map(Transformed);
                results.transform = value.map_err(|error| Unmade::Expression("transform", error));
            }
        }
    }
    Ok(results)
}

impl Unmade {
    /// How a delivery ends, or waits, for this.
    fn unsent(self) -> Delivered {
        match self {
            Self::Expression(which, error) => {
                let place = error.position.map(|at| format!(" (at character {at})")).unwrap_or_default();
                let reason = format!("the destination's {which} failed: {} {}{place}", error.code, error.message);
                Delivered::unsent(Outcome::Forbidden, reason)
            }
            Self::Payload(reason) => Delivered::unsent(Outcome::Forbidden, reason),
            Self::Sandbox(error) => {
                let reason = format!("the destination's expressions can't be evaluated just now: {error}");
                Delivered::unsent(Outcome::SandboxUnavailable, reason)
            }
        }
    }
}

/// A body that was made for a delivery, now or before an earlier attempt.
pub(super) struct Ready {
    pub bytes: Bytes,
    pub kept: bool,
}

/// What is to be done with a delivery.
pub(super) enum Prepared {
    /// Send this; `None`: the event itself.
    Send(Option<Ready>),
    /// It ends, or waits, without a request.
    Unsent(Delivered),
}

impl Sender {
    /// Makes the delivery's body, or finds what an earlier attempt was sent with.
    pub(super) async fn prepare(
        &self,
        work: &InHand,
        config: &TenantConfig,
        outlet: &Outlet,
        meta: &Meta,
    ) -> Result<Prepared, StoreError> {
        let claimed = &work.claimed;
        if outlet.config.made_bodies && claimed.records > 0 {
            let (store, id) = (self.db.for_tenant(claimed.tenant), claimed.delivery);
            if let Some(bytes) = store.read(move |tx| Box::pin(delivery_body::get(tx, id))).await? {
                return Ok(Prepared::Send(Some(Ready { bytes: bytes.into(), kept: true })));
            }
        }
        let Some(content) = &outlet.content else { return Ok(Prepared::Send(None)) };
        let mut content = Cow::Borrowed(content);
        if meta.source == TEST {
            // A test goes out whatever the destination wants; what it gets is made as always.
            content.to_mut().filter = None;
        }
        let subject = Subject {
            tenant: claimed.tenant,
            slug: &config.slug,
            id: claimed.event,
            event_type: &claimed.event_type,
            payload: &claimed.payload,
            meta,
        };
        let bytes = match self.make_patiently(&content, &subject).await {
            Ok(Made::Body(bytes)) => bytes,
            Ok(Made::Filtered) => {
                let reason = "the destination's filter isn't true for this event";
                return Ok(Prepared::Unsent(Delivered::unsent(Outcome::Filtered, reason)));
            }
            Err(unmade) => return Ok(Prepared::Unsent(unmade.unsent())),
        };
        let mut ready = Ready { bytes, kept: false };
        // A second evaluation after a crash would give other bytes: these are on disk before they are sent.
        if content.is_volatile() {
            self.keep(work, &mut ready).await?;
        }
        Ok(Prepared::Send(Some(ready)))
    }

    /// A queue that is full is so for moments.
    async fn make_patiently(&self, content: &Content, subject: &Subject<'_>) -> Result<Made, Unmade> {
        for pause in BUSY_PAUSES {
            match make(&self.sandbox, content, subject).await {
                Err(Unmade::Sandbox(SandboxError::Busy)) => tokio::time::sleep(pause).await,
                result => return result,
            }
        }
        make(&self.sandbox, content, subject).await
    }

    /// Keeps the body for the next attempt.
    pub(super) async fn keep(&self, work: &InHand, ready: &mut Ready) -> Result<(), StoreError> {
        if ready.kept {
            return Ok(());
        }
        let (id, bytes) = (work.claimed.delivery, ready.bytes.clone());
        let store = self.db.for_tenant(work.claimed.tenant);
        store.write(move |tx| Box::pin(async move { delivery_body::keep(tx, id, &bytes).await })).await?;
        ready.kept = true;
        Ok(())
    }
}
