//! The webhook adapter: the event's bytes as one signed HTTP request.

use futures_util::future::BoxFuture;
use hookswitch_domain::delivery::Outcome;
use hookswitch_domain::say::Say;
use hookswitch_domain::signature::{Message, sign};
use http::{HeaderName, HeaderValue, Method, header};
use serde_json::{Value, json};

use super::exchange::{JSON, USER_AGENT, Unsent, authorization, failed, header, summary, traceparent};
use super::summary::SIGNATURE_BYTES_MIN;
use super::{Adapter, Delivered, Dispatch};
use crate::http::{Exchange, Request};

const REPLAY: HeaderName = HeaderName::from_static("hookswitch-replay");

/// Receivers of plain HTTP.
pub struct Webhook;

impl Adapter for Webhook {
    fn kind(&self) -> &'static str {
        "webhook"
    }

    fn title(&self) -> &'static str {
        "Webhook"
    }

    fn description(&self) -> &'static str {
        "Sends each event as a signed HTTP request to a URL."
    }

    fn settings_schema(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "method": {
                    "type": "string",
                    "enum": ["POST", "PUT", "PATCH"],
                    "default": "POST",
                    "title": "Method",
                    "description": "The HTTP method that the receiver expects."
                }
            },
            "additionalProperties": false
        })
    }

    fn signs(&self) -> bool {
        true
    }

    fn deliver<'a>(&'a self, dispatch: &'a Dispatch<'a>) -> BoxFuture<'a, Delivered> {
        Box::pin(deliver(dispatch))
    }
}

fn named_method(value: &Value) -> Option<Method> {
    match value.as_str()? {
        "POST" => Some(Method::POST),
        "PUT" => Some(Method::PUT),
        "PATCH" => Some(Method::PATCH),
        _ => None,
    }
}

async fn deliver(dispatch: &Dispatch<'_>) -> Delivered {
    match post(dispatch).await {
        Ok((signatures, exchange)) => judge(dispatch, &signatures, exchange),
        Err((outcome, reason)) => Delivered::unsent(outcome, reason),
    }
}

/// One signed request and what came back, unjudged, with the headers whose values an answer must not show.
pub(in crate::outbound) async fn post(dispatch: &Dispatch<'_>) -> Result<(Vec<HeaderValue>, Exchange), Unsent> {
    let headers = headers(dispatch)?;
    let signatures: Vec<HeaderValue> =
        headers.iter().filter(|(_, value)| value.is_sensitive()).map(|(_, value)| value.clone()).collect();
    let method = dispatch.settings.get("method").and_then(named_method).unwrap_or(Method::POST);
    let request = Request {
        pool_key: dispatch.destination_id.uuid(),
        method,
        target: dispatch.target,
        headers,
        body: dispatch.body.clone(),
        deadline: dispatch.deadline,
    };
    Ok((signatures, dispatch.client.send(request).await))
}

/// All headers, the weakest claim first: what stands later replaces what stands earlier, so that
/// nobody's own header overrides a signature.
fn headers(dispatch: &Dispatch<'_>) -> Result<Vec<(HeaderName, HeaderValue)>, Unsent> {
    let message = Message {
        id: dispatch.message_id,
        event_id: dispatch.event_id,
        event_type: dispatch.event_type,
        delivery_id: dispatch.delivery_id,
        destination_id: dispatch.destination_id,
        attempt: dispatch.attempt,
        timestamp: dispatch.now,
        body: &dispatch.body,
    };
    let signature = sign(dispatch.profile, dispatch.secrets, &message)
        .map_err(|error| (Outcome::SecretUnavailable, format!("not signed: {error}")))?;

    let mut headers = Vec::with_capacity(8 + dispatch.headers.len() + dispatch.event_headers.len());
    for (name, value) in dispatch.headers.iter().chain(dispatch.event_headers) {
        headers.push(header(name, value)?);
    }
    headers.extend(authorization(dispatch)?);
    headers.extend(traceparent(dispatch)?);
    if dispatch.replay {
        headers.push((REPLAY, HeaderValue::from_static("true")));
    }
    headers.push((header::CONTENT_TYPE, JSON));
    headers.push((header::USER_AGENT, USER_AGENT));
    for (name, value) in &signature {
        let (name, mut parsed) = header(name, value)?;
        // Ids and timestamps stand beside it, and may be shown.
        parsed.set_sensitive(value.len() >= SIGNATURE_BYTES_MIN && value != dispatch.message_id);
        headers.push((name, parsed));
    }
    Ok(headers)
}

fn judge(dispatch: &Dispatch<'_>, signatures: &[HeaderValue], exchange: Exchange) -> Delivered {
    let Exchange { result, timings, remote_addr } = exchange;
    let answer = match result {
        Ok(answer) => answer,
        Err(error) => return failed(&error, timings, remote_addr),
    };
    let say = Say::read(|name| answer.headers.get_all(name).iter().map(HeaderValue::as_bytes).collect(), dispatch.now);
    let (outcome, reason) = weigh(answer.status, &say);
    let response_summary = summary(&answer, dispatch, signatures);
    let (status, pause) = (Some(answer.status), say.pause);
    Delivered { outcome, status, reason, response_summary, timings, remote_addr, external: None, pause }
}

fn weigh(status: u16, say: &Say) -> (Outcome, String) {
    match status {
        200..=299 => (Outcome::Accepted, format!("answered {status}{}", say.pause_reason())),
        410 => (Outcome::Gone, "answered 410: the receiver says that it is gone for good".to_owned()),
        _ => {
            let (outcome, asked) = say.outcome();
            let redirect = if (300..=399).contains(&status) { ": redirects are not followed" } else { "" };
            (outcome, format!("answered {status}{redirect}{asked}"))
        }
    }
}
