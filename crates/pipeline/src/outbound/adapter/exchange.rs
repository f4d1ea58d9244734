//! What the adapters share on the wire: headers that every request carries, one exchange by the one
//! client, and the words for what fails before a receiver has said anything.

use std::time::Duration;

use bytes::Bytes;
use data_encoding::BASE64;
use hookswitch_domain::delivery::Outcome;
use hookswitch_domain::egress::Target;
use hookswitch_domain::retry::retry_after;
use hookswitch_domain::secret::Secret;
use http::{HeaderName, HeaderValue, Method, header};
use serde_json::{Value, json};

use super::summary::{SECRET_BYTES_MIN, summarise_without};
use super::template::Refused;
use super::{Delivered, Dispatch};
use crate::http::{Answer, Exchange, Request, SendError, Timings};

pub(super) const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("Hookswitch/", env!("CARGO_PKG_VERSION")));
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Why nothing was sent.
pub(super) type Unsent = (Outcome, String);

/// One request of an adapter that calls somebody's API.
pub(super) struct Call<'a> {
    pub target: &'a Target,
    pub method: Method,
    pub body: Bytes,
    /// The adapter's own headers; they win over the destination's.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// It makes something anew each time it is worked on. Such a request takes no kept connection:
    /// one that dies would be tried again at once, and nobody looks up in between what came of it.
    pub makes: bool,
}

/// An answer, and the try so far: an adapter adds what it means.
pub(super) struct Reply {
    pub answer: Answer,
    timings: Timings,
    remote_addr: Option<std::net::SocketAddr>,
    summary: Option<String>,
}

impl Reply {
    pub(super) fn becomes(self, outcome: Outcome, reason: impl Into<String>) -> Delivered {
        Delivered {
            outcome,
            status: Some(self.answer.status),
            reason: reason.into(),
            response_summary: self.summary,
            timings: self.timings,
            remote_addr: self.remote_addr,
            external: None,
            pause: false,
        }
    }

    /// The body as JSON; nothing where it is none, or longer than what is read.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.answer.body_head).unwrap_or_default()
    }

    /// The body's text where it is one short word, as some services name their errors.
    pub(super) fn word(&self) -> &str {
        let text = std::str::from_utf8(&self.answer.body_head).unwrap_or_default().trim();
        let is_word = text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        if is_word { text } else { "" }
    }

    /// For how long the receiver asks to be left alone.
    pub(super) fn wish(&self, dispatch: &Dispatch<'_>) -> Option<Duration> {
        wish(&self.answer, dispatch)
    }
}

fn wish(answer: &Answer, dispatch: &Dispatch<'_>) -> Option<Duration> {
    let text = answer.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    text.and_then(|text| retry_after(text, dispatch.now))
}

/// One exchange. `Err`: it failed, or nothing was sent, and this is what came of the try.
pub(super) async fn call(dispatch: &Dispatch<'_>, call: Call<'_>) -> Result<Reply, Delivered> {
    let headers = headers(dispatch, &call).map_err(|(outcome, reason)| Delivered::unsent(outcome, reason))?;
    let request = Request {
        pool_key: if call.makes { dispatch.delivery_id.uuid() } else { dispatch.destination_id.uuid() },
        method: call.method,
        target: call.target,
        headers,
        body: call.body,
        deadline: dispatch.deadline,
    };
    let Exchange { result, timings, remote_addr } = dispatch.client.send(request).await;
    match result {
        Ok(answer) => {
            let summary = summary(&answer, dispatch, &[]);
            Ok(Reply { answer, timings, remote_addr, summary })
        }
        Err(error) => Err(failed(&error, timings, remote_addr)),
    }
}

/// The destination's headers first, so that none of them replaces what the protocol needs.
fn headers(dispatch: &Dispatch<'_>, call: &Call<'_>) -> Result<Vec<(HeaderName, HeaderValue)>, Unsent> {
    let mut headers = Vec::with_capacity(8 + dispatch.headers.len());
    for (name, value) in dispatch.headers {
        headers.push(header(name, value)?);
    }
    headers.extend(call.headers.iter().cloned());
    headers.extend(authorization(dispatch)?);
    headers.extend(traceparent(dispatch)?);
    headers.push((header::USER_AGENT, USER_AGENT));
    headers.push((header::ACCEPT, JSON));
    if !call.body.is_empty() {
        headers.push((header::CONTENT_TYPE, JSON));
    }
    if call.makes {
        headers.push((header::CONNECTION, HeaderValue::from_static("close")));
    }
    Ok(headers)
}

pub(super) fn authorization(dispatch: &Dispatch<'_>) -> Result<Option<(HeaderName, HeaderValue)>, Unsent> {
    let Some((name, value)) = dispatch.authorization else { return Ok(None) };
    let (name, mut value) = header(name, value.expose_text().unwrap_or_default())?;
    value.set_sensitive(true);
    Ok(Some((name, value)))
}

pub(super) fn traceparent(dispatch: &Dispatch<'_>) -> Result<Option<(HeaderName, HeaderValue)>, Unsent> {
    dispatch.traceparent.map(|value| Ok((TRACEPARENT, header("traceparent", value)?.1))).transpose()
}

/// Headers are checked when they are saved; one that can't be sent all the same ends the delivery.
pub(super) fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Unsent> {
    let parsed = HeaderName::from_bytes(name.as_bytes()).ok().zip(HeaderValue::from_str(value).ok());
    parsed.ok_or_else(|| (Outcome::Forbidden, format!("the header {name:?} can't be sent: its name or value is no HTTP")))
}

/// What an exchange without an answer comes to.
pub(super) fn failed(error: &SendError, timings: Timings, remote_addr: Option<std::net::SocketAddr>) -> Delivered {
    let outcome = match error {
        SendError::Forbidden(_) | SendError::Unsendable(_) => Outcome::Forbidden,
        _ => Outcome::Retryable { retry_after: None },
    };
    Delivered { timings, remote_addr, ..Delivered::unsent(outcome, error.to_string()) }
}

/// A template that gives nothing: nothing was sent, and the same event would fail again.
pub(super) fn refused(error: &Refused) -> Delivered {
    Delivered::unsent(Outcome::Forbidden, error.to_string())
}

/// `signatures`: what the request was signed with, which nobody is to see either.
pub(super) fn summary(answer: &Answer, dispatch: &Dispatch<'_>, signatures: &[HeaderValue]) -> Option<String> {
    // Short answers, which are most of them, can echo nothing.
    let confided = if answer.body_head.len() < SECRET_BYTES_MIN { Vec::new() } else { confided(dispatch) };
    summarise_without(&answer.body_head, &confided, signatures)
}

/// Shorter parts of a URL are words rather than tokens, and masking them would mangle answers.
const URL_TOKEN_CHARS_MIN: usize = 12;

/// What the receiver was told in confidence and might echo: the signing secrets, the credential as
/// it was sent and as it can be read, and whatever of the URL may be a token.
pub(super) fn confided(dispatch: &Dispatch<'_>) -> Vec<Secret> {
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
    // People keep keys in plain headers too.
    let own = dispatch.headers.iter().chain(dispatch.event_headers);
    all.extend(own.filter(|(name, _)| sounds_secret(name)).map(|(_, value)| Secret::from(value.as_str())));
    let url = dispatch.target.path_and_query();
    let parts = url.split(['/', '?', '&', '=', ';']).filter(|part| part.len() >= URL_TOKEN_CHARS_MIN);
    all.extend(parts.map(Secret::from));
    let readable = url::form_urlencoded::parse(url.split_once('?').map_or("", |(_, query)| query).as_bytes());
    all.extend(readable.filter(|(_, value)| value.len() >= URL_TOKEN_CHARS_MIN).map(|(_, value)| Secret::from(&*value)));
    all
}

fn sounds_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["key", "token", "secret", "auth", "password", "signature", "cookie"].iter().any(|word| name.contains(word))
}

/// How an API's answer is weighed where the adapter knows no better. `who`: the service's name.
pub(super) fn weigh(reply: &Reply, dispatch: &Dispatch<'_>, who: &str) -> (Outcome, String) {
    let status = reply.answer.status;
    let later = Outcome::Retryable { retry_after: reply.wish(dispatch) };
    match status {
        200..=299 => (Outcome::Accepted, format!("answered {status}")),
        300..=399 => (later, format!("answered {status}: redirects are not followed")),
        401 => (Outcome::Terminal, format!("answered 401: {who} does not take the credential")),
        403 => (Outcome::Terminal, format!("answered 403: {who} does not allow this to the credential")),
        404 => (Outcome::Terminal, format!("answered 404: {who} knows nothing at this URL, or hides it from the credential")),
        408 | 409 | 423 | 425 => (later, format!("answered {status}")),
        410 => (Outcome::Gone, "answered 410: the receiver says that it is gone for good".to_owned()),
        413 => (Outcome::Terminal, format!("answered 413: the message is larger than {who} takes")),
        429 => (later, format!("answered 429: {who} asks for fewer requests")),
        400..=499 => (Outcome::Terminal, format!("answered {status}: {who} refuses what was sent")),
        _ => (later, format!("answered {status}")),
    }
}

/// The event as templates see it: the envelope, or what stands in its place where the destination
/// receives the payload alone or something of its own making.
pub(super) fn scope(dispatch: &Dispatch<'_>) -> Value {
    let body: Value = serde_json::from_slice(&dispatch.body).unwrap_or_default();
    let event_id = dispatch.event_id.to_string();
    let is_envelope = body["event_id"] == event_id.as_str() && body.get("payload").is_some();
    let event = match is_envelope {
        true => body,
        false => json!({ "event_id": event_id, "event_type": dispatch.event_type, "payload": body }),
    };
    json!({ "event": event, "message_id": dispatch.message_id, "delivery_id": dispatch.delivery_id.to_string() })
}
