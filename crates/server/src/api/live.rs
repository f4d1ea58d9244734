//! What happens, as it happens: server-sent events of a tenant's events, deliveries and inbound
//! deliveries. What is told is found by `pipeline::live`; here is who hears it, and in which words.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hookswitch_domain::event::EventPattern;
use hookswitch_domain::id::{DestinationId, EventId, InboundDeliveryId, InboundWebhookId, made_at};
use hookswitch_domain::permission::Permission;
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::live::{ListenError, Notice};
use hookswitch_store::{destination, live as rows};
use http::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::time::{Interval, MissedTickBehavior, interval};
use utoipa::ToSchema;

use super::caller::{self, Caller};
use super::deliveries::{Attempt, Delivery};
use super::list::Filtered;
use super::problem::Problem;
use crate::app::App;

/// Between two looks at whether the process ends.
const BEAT: Duration = Duration::from_secs(1);
/// So many beats pass between two looks at whether the caller still may.
const BEATS_PER_CHECK: u64 = 2;
const BEATS_PER_HEARTBEAT: u64 = 15;
/// A server that is full says when to come again.
const FULL_RETRY_S: u64 = 10;

/// One item of the stream; its `event:` line says which.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "for the OpenAPI document: each is written by itself")]
pub enum LiveItem {
    Published(LiveEvent),
    Delivery(Box<LiveDelivery>),
    InboundDelivery(LiveInbound),
}

/// `event: published`.
#[derive(Serialize, ToSchema)]
pub struct LiveEvent {
    #[schema(value_type = String)]
    event_id: EventId,
    event_type: String,
    source: String,
    correlation_id: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// `event: delivery`: as it stands now, with its last try.
#[derive(Serialize, ToSchema)]
pub struct LiveDelivery {
    delivery: Delivery,
    attempt: Option<Attempt>,
}

/// `event: inbound_delivery`.
#[derive(Serialize, ToSchema)]
pub struct LiveInbound {
    #[schema(value_type = String)]
    inbound_delivery_id: InboundDeliveryId,
    #[schema(value_type = Option<String>)]
    inbound_webhook_id: Option<InboundWebhookId>,
    auth_status: String,
    dispatch_status: String,
    response_status: Option<u32>,
    duration_ms: Option<i64>,
    source_ip: String,
    #[schema(value_type = String, format = DateTime)]
    received_at: Timestamp,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    destination_id: Option<DestinationId>,
    event_type: Option<EventPattern>,
}

/// What happens, as it happens.
///
/// Server-sent events: `ready` once everything from now on is told; `published`, `delivery` and
/// `inbound_delivery`, each as far as the caller may read them; `lagged` where more happened than was
/// told, so that a list has the rest; a comment every 15 s; `end` with its `reason` when the token or
/// session ends, or the server does. With a filter, inbound deliveries are left out. The stream is the
/// same on every node, half a second behind what happens.
#[utoipa::path(get, path = "/api/v1/integrations/live", operation_id = "watchLive", tag = "deliveries",
    params(("destination_id" = Option<String>, Query, description = "Deliveries to this destination alone"),
        ("event_type" = Option<String>, Query, description = "Only this type, or all below it: `ticket.*`")),
    extensions(("x-permission" = json!("delivery:read"))),
    responses((status = 200, description = "The stream", body = LiveItem, content_type = "text/event-stream")))]
pub async fn live(caller: Caller, State(app): State<Arc<App>>, Filtered(query): Filtered<Query>) -> Result<Response, Problem> {
    if let Some(id) = query.destination_id {
        let job = caller.store.read::<_, Problem, _>(move |tx| Box::pin(async move { Ok(destination::get(tx, id).await?) }));
        job.await?.ok_or_else(Problem::not_found)?;
    }
    let told = app.live.listen(caller.tenant).await.map_err(|error| match error {
        ListenError::Full => Problem::too_many(error.to_string(), FULL_RETRY_S),
        ListenError::Store(error) => error.into(),
    })?;
    let mut beat = interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let stream = Stream { app, caller, query, told, beat, beats: 0, next: Some(frame("ready", &json!({}))), ended: false };
    let body = Body::from_stream(futures_util::stream::unfold(stream, Stream::step));
    let headers = [(CONTENT_TYPE.as_str(), "text/event-stream"), ("x-accel-buffering", "no")];
    Ok((headers, body).into_response())
}

struct Stream {
    app: Arc<App>,
    caller: Caller,
    query: Query,
    told: Receiver<Arc<Notice>>,
    beat: Interval,
    beats: u64,
    next: Option<Bytes>,
    ended: bool,
}

impl Stream {
    async fn step(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        loop {
            if let Some(next) = self.next.take() {
                return Some((Ok(next), self));
            }
            if self.ended {
                return None;
            }
            self.next = tokio::select! {
                told = self.told.recv() => self.hear(told),
                _ = self.beat.tick() => self.check().await,
            };
        }
    }

    fn hear(&mut self, told: Result<Arc<Notice>, RecvError>) -> Option<Bytes> {
        match told {
            Ok(notice) => self.words(&notice),
            Err(RecvError::Lagged(missed)) => Some(frame("lagged", &json!({ "missed": missed }))),
            Err(RecvError::Closed) => self.end("nobody watches any more"),
        }
    }

    /// Whether to go on, and a sign of life now and then.
    async fn check(&mut self) -> Option<Bytes> {
        self.beats += 1;
        if self.app.stopping.load(Ordering::Relaxed) {
            return self.end("the server is stopping");
        }
        if self.beats.is_multiple_of(BEATS_PER_CHECK)
            && let Err(problem) = caller::still(&self.app, &mut self.caller, Permission::DeliveryRead).await
            && problem.status.is_client_error()
        {
            return self.end(&problem.detail);
        }
        self.beats.is_multiple_of(BEATS_PER_HEARTBEAT).then(|| Bytes::from_static(b": still here\n\n"))
    }

    fn end(&mut self, reason: &str) -> Option<Bytes> {
        self.ended = true;
        Some(frame("end", &json!({ "reason": reason })))
    }

    /// `None` for what this listener didn't ask for, or may not see.
    fn words(&self, notice: &Notice) -> Option<Bytes> {
        let wanted = |event_type: &str| self.query.event_type.as_ref().is_none_or(|pattern| pattern.matches(event_type));
        match notice {
            Notice::Published(event) => {
                let may = self.query.destination_id.is_none() && self.caller.permissions.allow(Permission::EventRead);
                (may && wanted(&event.event_type)).then(|| frame("published", &LiveEvent::of(event)))
            }
            Notice::Delivery(row, attempt) => {
                let there = self.query.destination_id.is_none_or(|id| id == row.destination_id);
                let attempt = attempt.clone().map(|attempt| Attempt::of(row.id, attempt, self.caller.redacted));
                let item = || LiveDelivery { delivery: Delivery::from((**row).clone()), attempt };
                (there && wanted(&row.event_type)).then(|| frame("delivery", &item()))
            }
            Notice::Inbound(received) => {
                let all = self.query.destination_id.is_none() && self.query.event_type.is_none();
                let may = all && self.caller.permissions.allow(Permission::InboundRead);
                may.then(|| frame("inbound_delivery", &LiveInbound::of(received)))
            }
            Notice::Skipped => Some(frame("lagged", &json!({ "missed": null }))),
        }
    }
}

impl LiveEvent {
    fn of(event: &rows::Published) -> Self {
        Self {
            event_id: event.id,
            event_type: event.event_type.clone(),
            source: event.meta.source.clone(),
            correlation_id: event.meta.correlation_id.clone(),
            created_at: made_at(event.id.uuid()),
        }
    }
}

impl LiveInbound {
    fn of(received: &rows::Inbound) -> Self {
        Self {
            inbound_delivery_id: received.id,
            inbound_webhook_id: received.webhook,
            auth_status: received.auth_status.clone(),
            dispatch_status: received.dispatch_status.clone(),
            response_status: received.response_status,
            duration_ms: received.duration_ms,
            source_ip: received.source_ip.clone(),
            received_at: made_at(received.id.uuid()),
        }
    }
}

/// JSON has no line breaks of its own, so that a frame is two lines.
fn frame(name: &str, item: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(item).unwrap_or_default();
    format!("event: {name}\ndata: {data}\n\n").into()
}
