//! One event to the local server: fetched, signed now, sent once, and told in one line.

use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use hookswitch_domain::destination::Body;
use hookswitch_domain::id::{DeliveryId, DestinationId, EventId, to_text};
use hookswitch_domain::secret::Secret;
use hookswitch_domain::signature::{Message, Profile, sign};
use http::Method;
use http_body_util::{BodyExt, Limited};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout};
use url::Url;

use super::{Arguments, Item};
use crate::command::ambient;
use crate::command::remote::{Api, Refused};

const USER_AGENT: &str = concat!("Hookswitch/", env!("CARGO_PKG_VERSION"), " (listen)");
/// More of the local answer is not waited for.
const ANSWER_BYTES_MAX: usize = 64 << 10;

pub struct Forwarder {
    api: Api,
    to: Url,
    destination: Option<DestinationId>,
    profile: Profile,
    body: Body,
    /// The destination has a filter, an allow-list or a transformation.
    shaped: bool,
    secret: Secret,
    patience: Duration,
    json: bool,
}

/// What is read of a destination.
#[derive(Deserialize)]
struct Shape {
    id: DestinationId,
    signing: Option<Signing>,
    body: Body,
    filter: Option<String>,
    payload_fields: Vec<String>,
    transform: Option<String>,
}

impl Shape {
    fn is_shaped(&self) -> bool {
        self.filter.is_some() || !self.payload_fields.is_empty() || self.transform.is_some()
    }
}

/// What a destination would get of an event.
#[derive(Deserialize)]
struct Previewed {
    body: Option<Box<RawValue>>,
    errors: Vec<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    detail: String,
}

#[derive(Deserialize)]
struct Signing {
    profile: Profile,
}

/// The payload's own bytes.
#[derive(Deserialize)]
struct Envelope {
    payload: Box<RawValue>,
}

impl Forwarder {
    pub async fn new(api: Api, arguments: &Arguments, secret: &str, json: bool) -> anyhow::Result<Self> {
        let shape = match &arguments.destination {
            Some(id) => {
                let found = api.bytes(Method::GET, &format!("/api/v1/integrations/destinations/{id}"), None).await;
                let found = found.with_context(|| format!("--destination {id}"))?;
                Some(serde_json::from_slice::<Shape>(&found).context("the destination can't be read")?)
            }
            None => None,
        };
        let shaped = shape.as_ref().is_some_and(Shape::is_shaped);
        let (destination, signing, body) = match shape {
            Some(shape) => (Some(shape.id), shape.signing, shape.body),
            None => (None, None, Body::Envelope),
        };
        // What a listener gets is always signed: its secret is its own.
        let profile = signing.map_or(Profile::Standard, |signing| signing.profile);
        let profile = if profile == Profile::None { Profile::Standard } else { profile };
        let patience = Duration::from_secs(arguments.timeout);
        let to = arguments.forward_to.clone();
        Ok(Self { api, to, destination, profile, body, shaped, secret: secret.into(), patience, json })
    }

    /// An error is the server's; what the local one does is told and no error.
    pub async fn forward(&self, item: &Item) -> anyhow::Result<()> {
        let begun = Instant::now();
        let body = match self.body_of(item).await {
            Ok(Some(Ok(body))) => body,
            Ok(Some(Err(fault))) => {
                self.tell(item, Err(anyhow::anyhow!(fault)), begun.elapsed());
                return Ok(());
            }
            Ok(None) => return Ok(()),
            // Gone meanwhile: nothing to forward.
            Err(error) if is_gone(&error) => return Ok(()),
            Err(error) => return Err(error),
        };
        let headers = self.headers(item, &body)?;
        let begun = Instant::now();
        let outcome = timeout(self.patience, self.send(&headers, body)).await;
        let outcome = outcome.unwrap_or_else(|_| Err(anyhow::anyhow!("no answer within {} s", self.patience.as_secs())));
        self.tell(item, outcome, begun.elapsed());
        Ok(())
    }

    /// The body as the destination gets it; `None` where its filter refuses the event.
    async fn body_of(&self, item: &Item) -> anyhow::Result<Option<Result<Bytes, String>>> {
        if let Some(id) = self.destination.filter(|_| self.shaped) {
            let ask = serde_json::to_vec(&json!({ "event_id": item.event_id }))?;
            let path = format!("/api/v1/integrations/destinations/{id}/preview");
            let previewed: Previewed = serde_json::from_slice(&self.api.bytes(Method::POST, &path, Some(ask)).await?)?;
            let body = previewed.body.map(|body| Bytes::from(body.get().to_owned()));
            let faults: Vec<_> = previewed.errors.into_iter().map(|fault| fault.detail).collect();
            return Ok(if faults.is_empty() { body.map(Ok) } else { Some(Err(faults.join("; "))) });
        }
        let envelope = self.api.bytes(Method::GET, &format!("/api/v1/events/{}/envelope", item.event_id), None).await?;
        Ok(Some(Ok(match self.body {
            Body::Envelope => envelope,
            Body::Payload => Bytes::from(serde_json::from_slice::<Envelope>(&envelope)?.payload.get().to_owned()),
        })))
    }

    fn headers(&self, item: &Item, body: &Bytes) -> anyhow::Result<Vec<(String, String)>> {
        let ambient = ambient();
        let event_id: EventId = item.event_id.parse().context("the event's id")?;
        let id = to_text("msg", event_id.uuid());
        let message = Message {
            id: &id,
            event_id,
            event_type: &item.event_type,
            delivery_id: item.id.parse().unwrap_or_else(|_| ambient.fresh::<DeliveryId>()),
            destination_id: self.destination.unwrap_or_else(|| ambient.fresh()),
            attempt: 1,
            timestamp: ambient.now(),
            body,
        };
        let signature = sign(&self.profile, std::slice::from_ref(&self.secret), &message)
            .context("signing: --secret is none for this destination's profile")?;
        let mut headers =
            vec![("content-type".to_owned(), "application/json".to_owned()), ("user-agent".to_owned(), USER_AGENT.to_owned())];
        if item.replay {
            headers.push(("hookswitch-replay".to_owned(), "true".to_owned()));
        }
        headers.extend(signature.into_iter().map(|(name, value)| (name.to_string(), value)));
        Ok(headers)
    }

    async fn send(&self, headers: &[(String, String)], body: Bytes) -> anyhow::Result<u16> {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let answer = self.api.direct.send(Method::POST, &self.to, &headers, body).await?;
        // To its end, so that the local server isn't cut off; what it says is its own console's matter.
        let _read = Limited::new(answer.body, ANSWER_BYTES_MAX).collect().await;
        Ok(answer.status.as_u16())
    }

    fn tell(&self, item: &Item, outcome: anyhow::Result<u16>, took: Duration) {
        let millis = took.as_millis() as u64;
        let (status, error) = match outcome {
            Ok(status) => (Some(status), None),
            Err(error) => (None, Some(format!("{error:#}"))),
        };
        if self.json {
            let line = json!({ "id": item.id, "event_id": item.event_id, "event_type": item.event_type, "status": status,
                "error": error, "latency_ms": millis });
            return println!("{line}");
        }
        let result = status.map_or_else(|| error.unwrap_or_default(), |status| status.to_string());
        println!("{} {} {} -> {result} ({millis} ms)", item.created_at, item.event_type, item.id);
    }
}

fn is_gone(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Refused>().is_some_and(|refused| refused.status == http::StatusCode::NOT_FOUND)
}
