//! OAuth 2 client credentials (RFC 6749, 4.4): an access token is fetched through the guard, used by
//! every delivery of its credential on this node, and fetched anew shortly before it runs out.
//!
//! * One request at a time: who comes meanwhile waits for its answer.
//! * A token belongs to a version of its credential: a changed secret or setting counts at once.
//! * A failure is remembered for seconds, so that a backlog doesn't storm an endpoint that is down.
//!   The deliveries are parked and looked at again; none costs an attempt.
//! * A receiver's 401 makes us forget the token, once: one that replaced a refused token stays for a
//!   minute, whatever is answered to it.
//!
//! What the endpoint says is hostile: sizes are bounded, its error is quoted only where it is one of
//! the words that the standard knows, and no text of its answer is shown or logged.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use data_encoding::BASE64;
use hookswitch_domain::egress::parse_target;
use hookswitch_domain::id::{CredentialId, TenantId};
use hookswitch_domain::secret::Secret;
use hookswitch_store::credential::Credential;
use http::{HeaderName, HeaderValue, Method, header};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};
use url::form_urlencoded::{Serializer, byte_serialize};

use super::{Resolver, prefixed};
use crate::http::{Answer, Request};

/// A token endpoint gets at most this, and never more than half of the time that is left.
const FETCH_MAX: Duration = Duration::from_secs(10);
/// After a failure the endpoint is left alone for so long: a quarter of what a parked delivery waits
/// before it asks again.
const FAILURE_KEPT: Duration = Duration::from_secs(15);
/// A token that replaced a refused one isn't doubted again before this.
const TRUSTED: Duration = Duration::from_secs(60);
/// Used so much shorter than it holds, or a fifth of its time if that is less.
const MARGIN_MAX: Duration = Duration::from_secs(60);
/// Where the endpoint doesn't say how long a token holds, and the longest that one is kept.
const HOLDS: Duration = Duration::from_secs(300);
const HOLDS_MAX: Duration = Duration::from_secs(24 * 3600);
/// It goes into a header.
const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// More credentials than this on one node, and their tokens are fetched anew.
const KEPT_MAX: usize = 10_000;

/// This node's tokens.
#[derive(Default)]
pub struct Tokens {
    slots: std::sync::Mutex<HashMap<(TenantId, CredentialId), SharedSlot>>,
}

type SharedSlot = Arc<Mutex<Slot>>;

/// One credential's token. Whoever fetches holds the lock.
#[derive(Default)]
struct Slot {
    version: i64,
    token: Option<Token>,
    failed: Option<(Instant, String)>,
    /// A token was refused and forgotten: the next one replaces it.
    doubted: bool,
}

struct Token {
    /// As it is sent: `Bearer ...`.
    value: Secret,
    until: Instant,
    /// It replaced a refused one, and stays until then.
    trusted_until: Option<Instant>,
}

impl Tokens {
    fn slot(&self, tenant: TenantId, id: CredentialId) -> SharedSlot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= KEPT_MAX {
            slots.clear();
        }
        slots.entry((tenant, id)).or_default().clone()
    }

    /// The header's value: a token that holds, fetched if there is none.
    pub(super) async fn token(&self, by: &Resolver<'_>, credential: &Credential, deadline: Instant) -> Result<Secret, String> {
        let now = Instant::now();
        let deadline = now + FETCH_MAX.min(deadline.saturating_duration_since(now) / 2);
        let slot = self.slot(by.store.tenant(), credential.id);
        let waited = timeout_at(deadline, slot.lock()).await;
        let mut slot = waited.map_err(|_| "the token endpoint has not answered yet".to_owned())?;
        if slot.version != credential.version {
            *slot = Slot { version: credential.version, ..Slot::default() };
        }
        if let Some(token) = slot.token.as_ref().filter(|token| token.until > Instant::now()) {
            // A grant that was withdrawn counts at once, as it does for every other secret.
            let reference = credential.reference.parse().map_err(|_| "its reference is no reference")?;
            by.secrets.permit(by.store, &reference).await.map_err(|error| error.to_string())?;
            return Ok(token.value.clone());
        }
        if let Some((_, why)) = slot.failed.as_ref().filter(|(since, _)| since.elapsed() < FAILURE_KEPT) {
            return Err(why.clone());
        }
        let secret = by.value(credential).await?;
        match fetch(by, credential, &secret, deadline).await {
            Ok((value, holds)) => {
                let now = Instant::now();
                let trusted_until = std::mem::take(&mut slot.doubted).then_some(now + TRUSTED);
                let until = now + holds - MARGIN_MAX.min(holds / 5);
                slot.failed = None;
                slot.token = Some(Token { value: value.clone(), until, trusted_until });
                Ok(value)
            }
            Err(why) => {
                metrics::counter!("hookswitch_token_failures_total").increment(1);
                slot.failed = Some((Instant::now(), why.clone()));
                Err(why)
            }
        }
    }

    /// Whether another token than the refused one may be had.
    pub(super) async fn refused(&self, tenant: TenantId, id: CredentialId, value: &Secret) -> bool {
        let slot = self.slot(tenant, id);
        let mut slot = slot.lock().await;
        match &slot.token {
            Some(token) if token.value == *value => {
                if token.trusted_until.is_some_and(|until| until > Instant::now()) {
                    return false;
                }
                slot.token = None;
                slot.doubted = true;
                true
            }
            // Somebody else was refused, too, and has seen to it.
            _ => true,
        }
    }
}

async fn fetch(
    by: &Resolver<'_>,
    credential: &Credential,
    secret: &Secret,
    deadline: Instant,
) -> Result<(Secret, Duration), String> {
    let url = credential.settings["token_url"].as_str().unwrap_or_default();
    let target = parse_target(url, by.client.rules()).map_err(|error| error.to_string().replace("endpoint_url", "token_url"))?;
    let (headers, body) = asking(&credential.settings, secret)?;
    let pool_key = credential.id.uuid();
    let request = Request { pool_key, method: Method::POST, target: &target, headers, body, deadline };
    let exchange = by.client.send(request).await;
    read(&exchange.result.map_err(|error| format!("the token endpoint: {error}"))?)
}

/// Headers and form of a request for a token.
fn asking(settings: &Value, secret: &Secret) -> Result<(Vec<(HeaderName, HeaderValue)>, Bytes), String> {
    let setting = |name: &str| settings[name].as_str();
    let client_id = setting("client_id").unwrap_or_default();
    let text = secret.expose_text().ok_or("the client's secret is no text")?;
    let mut headers = vec![
        (header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded")),
        (header::ACCEPT, HeaderValue::from_static("application/json")),
    ];
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials");
    for name in ["scope", "audience"] {
        setting(name).map(|value| form.append_pair(name, value));
    }
    match setting("client_authentication") {
        Some("basic") => headers.push(basic(client_id, text)?),
        _ => drop(form.append_pair("client_id", client_id).append_pair("client_secret", text)),
    }
    Ok((headers, Bytes::from(form.finish())))
}

/// RFC 6749, 2.3.1: both halves are form-encoded first.
fn basic(client_id: &str, secret: &str) -> Result<(HeaderName, HeaderValue), String> {
    let half = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let pair = Secret::from(format!("{}:{}", half(client_id), half(secret)));
    let value = prefixed("Basic ", &BASE64.encode(pair.expose()));
    let mut value = HeaderValue::from_bytes(value.expose()).map_err(|_| "the client's id or secret can't be sent")?;
    value.set_sensitive(true);
    Ok((header::AUTHORIZATION, value))
}

/// What an answer's `error` may be (RFC 6749, 5.2); other text isn't repeated.
const ERRORS: [&str; 6] =
    ["invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope"];

fn read(answer: &Answer) -> Result<(Secret, Duration), String> {
    let body: Value = serde_json::from_slice(&answer.body_head).unwrap_or_default();
    if answer.status != 200 {
        let known = ERRORS.iter().find(|known| body["error"] == **known);
        let why = known.map_or_else(String::new, |known| format!(": {known}"));
        return Err(format!("the token endpoint answered {}{why}", answer.status));
    }
    let token = body["access_token"].as_str().unwrap_or_default();
    let plain = (1..=TOKEN_BYTES_MAX).contains(&token.len()) && token.bytes().all(|byte| (b'!'..=b'~').contains(&byte));
    if !plain {
        return Err("the token endpoint answered 200 without an access_token that a header can carry".to_owned());
    }
    if !body["token_type"].as_str().is_none_or(|kind| kind.eq_ignore_ascii_case("bearer")) {
        return Err("the token endpoint gave a token that is no bearer token".to_owned());
    }
    // Some endpoints write the number as text.
    let seconds = body["expires_in"].as_u64().or_else(|| body["expires_in"].as_str()?.parse().ok());
    let holds = seconds.map_or(HOLDS, Duration::from_secs).min(HOLDS_MAX);
    Ok((prefixed("Bearer ", token), holds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, headers: http::HeaderMap::new(), body_head: Bytes::from(body.to_owned()), truncated: false }
    }

    #[test]
    fn an_answer_is_read_as_the_standard_has_it_and_nothing_of_it_is_repeated() {
        let (value, holds) = read(&answer(200, r#"{"access_token":"abc","token_type":"bearer","expires_in":3600}"#)).unwrap();
        assert_eq!((value.expose(), holds.as_secs()), (&b"Bearer abc"[..], 3600));
        let held =
            |expires: &str| read(&answer(200, &format!(r#"{{"access_token":"a","expires_in":{expires}}}"#))).unwrap().1.as_secs();
        assert_eq!((held("\"90\""), held("null"), held("1e300"), held("999999999")), (90, 300, 300, 86_400));
        for (status, body, said) in [
            (
                401,
                r#"{"error":"invalid_client","error_description":"marker"}"#,
                "the token endpoint answered 401: invalid_client",
            ),
            (400, r#"{"error":"marker marker"}"#, "the token endpoint answered 400"),
            (503, "<h1>marker</h1>", "the token endpoint answered 503"),
            (302, "", "the token endpoint answered 302"),
            (200, "{}", "the token endpoint answered 200 without an access_token that a header can carry"),
            (
                200,
                "{\"access_token\":\"a\\r\\nmarker: 1\"}",
                "the token endpoint answered 200 without an access_token that a header can carry",
            ),
            (200, r#"{"access_token":"a","token_type":"mac"}"#, "the token endpoint gave a token that is no bearer token"),
        ] {
            assert_eq!(read(&answer(status, body)).unwrap_err(), said);
        }
    }

    #[test]
    fn basic_authentication_encodes_both_halves() {
        let (_, value) = basic("a:b", "p w%ü").unwrap();
        let text = BASE64.decode(&value.as_bytes()["Basic ".len()..]).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), "a%3Ab:p+w%25%C3%BC");
        assert!(value.is_sensitive());
    }
}
