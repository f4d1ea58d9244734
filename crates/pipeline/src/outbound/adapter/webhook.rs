//! The webhook adapter: the event's bytes as one signed HTTP request.

use data_encoding::BASE64;
use futures_util::future::BoxFuture;
use hookswitch_domain::delivery::Outcome;
use hookswitch_domain::retry::retry_after;
use hookswitch_domain::secret::Secret;
use hookswitch_domain::signature::{Message, sign};
use http::{HeaderName, HeaderValue, Method, header};
use serde_json::{Value, json};

use super::summary::SECRET_BYTES_MIN;
use super::{Adapter, Delivered, Dispatch, SettingsError, summarise};
use crate::http::{Answer, Exchange, Request, SendError};

const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("Hookswitch/", env!("CARGO_PKG_VERSION")));
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const REPLAY: HeaderName = HeaderName::from_static("hookswitch-replay");

/// Receivers of plain HTTP.
pub struct Webhook;

impl Adapter for Webhook {
    fn kind(&self) -> &'static str {
        "webhook"
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

    fn check_settings(&self, settings: &Value) -> Result<(), SettingsError> {
        let fail = |field: &str, rule: &str| Err(SettingsError { field: field.to_owned(), rule: rule.to_owned() });
        let fields = match settings {
            Value::Null => return Ok(()),
            Value::Object(fields) => fields,
            _ => return fail("settings", "must be an object"),
        };
        if let Some(unknown) = fields.keys().find(|name| *name != "method") {
            return fail(&format!("settings.{unknown}"), "is unknown: the webhook adapter has method alone");
        }
        match fields.get("method").is_none_or(|method| named_method(method).is_some()) {
            true => Ok(()),
            false => fail("settings.method", "must be POST, PUT or PATCH"),
        }
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

/// Why nothing was sent.
type Unsent = (Outcome, String);

async fn deliver(dispatch: &Dispatch<'_>) -> Delivered {
    let headers = match headers(dispatch) {
        Ok(headers) => headers,
        Err((outcome, reason)) => return Delivered::unsent(outcome, reason),
    };
    let method = dispatch.settings.get("method").and_then(named_method).unwrap_or(Method::POST);
    let request = Request {
        pool_key: dispatch.destination_id.uuid(),
        method,
        target: dispatch.target,
        headers,
        body: dispatch.body.clone(),
        deadline: dispatch.deadline,
    };
    judge(dispatch, dispatch.client.send(request).await)
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
    if let Some((name, value)) = dispatch.authorization {
        let (name, mut value) = header(name, value.expose_text().unwrap_or_default())?;
        value.set_sensitive(true);
        headers.push((name, value));
    }
    if let Some(traceparent) = dispatch.traceparent {
        headers.push((TRACEPARENT, header("traceparent", traceparent)?.1));
    }
    if dispatch.replay {
        headers.push((REPLAY, HeaderValue::from_static("true")));
    }
    headers.push((header::CONTENT_TYPE, JSON));
    headers.push((header::USER_AGENT, USER_AGENT));
    for (name, value) in &signature {
        headers.push(header(name, value)?);
    }
    Ok(headers)
}

/// Headers are checked when they are saved; one that can't be sent all the same ends the delivery.
fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Unsent> {
    let parsed = HeaderName::from_bytes(name.as_bytes()).ok().zip(HeaderValue::from_str(value).ok());
    parsed.ok_or_else(|| (Outcome::Forbidden, format!("the header {name:?} can't be sent: its name or value is no HTTP")))
}

fn judge(dispatch: &Dispatch<'_>, exchange: Exchange) -> Delivered {
    let Exchange { result, timings, remote_addr } = exchange;
    let answer = match result {
        Ok(answer) => answer,
        Err(error) => {
            let outcome = match error {
                SendError::Forbidden(_) | SendError::Unsendable(_) => Outcome::Forbidden,
                _ => Outcome::Retryable { retry_after: None },
            };
            return Delivered { timings, remote_addr, ..Delivered::unsent(outcome, error.to_string()) };
        }
    };
    let (outcome, reason) = weigh(&answer, dispatch);
    // Short answers, which are most of them, can echo nothing.
    let confided = if answer.body_head.len() < SECRET_BYTES_MIN { Vec::new() } else { confided(dispatch) };
    let response_summary = summarise(&answer.body_head, &confided);
    Delivered { outcome, status: Some(answer.status), reason, response_summary, timings, remote_addr }
}

/// Shorter parts of a URL are words rather than tokens, and masking them would mangle answers.
const URL_TOKEN_CHARS_MIN: usize = 12;

/// What the receiver was told in confidence and might echo: the signing secrets, the credential as
/// it was sent and as it can be read, and whatever of the URL may be a token.
fn confided(dispatch: &Dispatch<'_>) -> Vec<Secret> {
    let mut all = dispatch.secrets.to_vec();
    if let Some((_, value)) = dispatch.authorization {
        all.push(value.clone());
        let token = value.expose_text().and_then(|text| text.split_once(' ')).map(|(_, token)| token);
        all.extend(token.map(Secret::from));
        // A basic credential: `user:password`, and the password.
        let pair = token.and_then(|token| BASE64.decode(token.as_bytes()).ok()).and_then(|pair| String::from_utf8(pair).ok());
        if let Some((pair, (_, password))) = pair.as_deref().and_then(|pair| Some((pair, pair.split_once(':')?))) {
            all.extend([Secret::from(pair), Secret::from(password)]);
        }
    }
    let url = dispatch.target.path_and_query();
    let parts = url.split(['/', '?', '&', '=', ';']).filter(|part| part.len() >= URL_TOKEN_CHARS_MIN);
    all.extend(parts.map(Secret::from));
    let readable = url::form_urlencoded::parse(url.split_once('?').map_or("", |(_, query)| query).as_bytes());
    all.extend(readable.filter(|(_, value)| value.len() >= URL_TOKEN_CHARS_MIN).map(|(_, value)| Secret::from(&*value)));
    all
}

fn weigh(answer: &Answer, dispatch: &Dispatch<'_>) -> (Outcome, String) {
    let status = answer.status;
    match status {
        200..=299 => (Outcome::Accepted, format!("answered {status}")),
        410 => (Outcome::Gone, "answered 410: the receiver says that it is gone for good".to_owned()),
        _ => {
            let wish = answer.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
            let retry_after = wish.and_then(|wish| retry_after(wish, dispatch.now));
            let reason = match status {
                300..=399 => format!("answered {status}: redirects are not followed"),
                _ => format!("answered {status}"),
            };
            (Outcome::Retryable { retry_after }, reason)
        }
    }
}
