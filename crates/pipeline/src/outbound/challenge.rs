//! The ownership challenge: before a destination is enabled, where the tenant wants it, whoever
//! answers at its URL repeats a random token. It goes out as a delivery does: through the guard,
//! signed, with the destination's headers and credential, within one deadline. Nothing is stored of
//! it; the next one has another token.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use hookswitch_domain::id::{DeliveryId, EventId};
use hookswitch_domain::time::Ambient;
use hookswitch_store::TenantStore;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::adapter::{self, Dispatch};
use super::configs::{NoTarget, Outlet};
use super::credential::{Resolver, oauth2::Tokens};
use crate::http::{Answer, Client};
use crate::secrets::Secrets;

/// Whoever asks for it waits for the answer.
const TIMEOUT_MAX: Duration = Duration::from_secs(10);
const EVENT_TYPE: &str = "integration.destination.challenge";

/// What a challenge needs besides the destination.
pub struct Means<'a> {
    pub client: &'a Client,
    pub secrets: &'a Secrets,
    pub ambient: &'a dyn Ambient,
    pub store: &'a TenantStore,
}

/// Sends the challenge. The error says why it doesn't count as answered, in words for the tenant.
pub async fn challenge(means: &Means<'_>, tenant: &str, outlet: &Outlet) -> Result<(), String> {
    let target = match &outlet.target {
        Ok(target) => target,
        Err(NoTarget::Refused(reason) | NoTarget::Unopened(reason)) => return Err(reason.clone()),
    };
    let now = means.ambient.now();
    let secrets = outlet.signing_secrets(means.secrets, now).map_err(|error| format!("signing secret: {error}"))?;
    let deadline = Instant::now() + outlet.policy.timeout().min(TIMEOUT_MAX);
    let tokens = Tokens::default();
    let credentials = Resolver { store: means.store, secrets: means.secrets, client: means.client, tokens: &tokens };
    let authorization = match outlet.credential {
        Some(id) => credentials.authorization(id, deadline).await.map_err(|error| format!("credential: {error}"))?,
        None => None,
    };
    let token = BASE64URL_NOPAD.encode(&means.ambient.random::<32>());
    let body = json!({
        "type": "ownership_challenge",
        "challenge": token,
        "tenant": tenant,
        "destination_id": outlet.id,
        "timestamp": now,
    });
    let (event_id, delivery_id): (EventId, DeliveryId) = (means.ambient.fresh(), means.ambient.fresh());
    let dispatch = Dispatch {
        client: means.client,
        target,
        settings: &outlet.config.settings,
        message_id: &event_id.to_string(),
        event_id,
        event_type: EVENT_TYPE,
        delivery_id,
        destination_id: outlet.id,
        attempt: 1,
        now,
        body: body.to_string().into(),
        profile: &outlet.profile,
        secrets: &secrets,
        headers: &outlet.headers,
        event_headers: &[],
        authorization: authorization.as_ref().map(|found| (found.name.as_str(), &found.value)),
        traceparent: None,
        replay: false,
        repeat: false,
        deadline,
    };
    let (_, exchange) = adapter::post(&dispatch).await.map_err(|(_, reason)| reason)?;
    let answer = exchange.result.map_err(|error| error.to_string())?;
    judge(&answer, &token)
}

fn judge(answer: &Answer, token: &str) -> Result<(), String> {
    if !(200..300).contains(&answer.status) {
        return Err(format!("answered {}; a 2xx that repeats the challenge is needed", answer.status));
    }
    match repeats(&answer.body_head, token) {
        true => Ok(()),
        false => Err("the answer doesn't repeat the challenge, as {\"challenge\": \"...\"} or as plain text".to_owned()),
    }
}

/// As JSON or as plain text, with nothing else beside it.
fn repeats(body: &[u8], token: &str) -> bool {
    if body.trim_ascii() == token.as_bytes() {
        return true;
    }
    serde_json::from_slice::<Value>(body).is_ok_and(|answer| answer["challenge"] == token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_itself_is_a_repeat() {
        for good in ["abc", " abc\r\n", "{\"challenge\":\"abc\"}", "{\"ok\":true, \"challenge\":\"abc\"}"] {
            assert!(repeats(good.as_bytes(), "abc"), "{good}");
        }
        for bad in ["", "abcd", "xabc", "\"abc\"", "{\"token\":\"abc\"}", "[\"abc\"]", "{\"challenge\":[\"abc\"]}", "<p>abc</p>"]
        {
            assert!(!repeats(bad.as_bytes(), "abc"), "{bad}");
        }
    }
}
