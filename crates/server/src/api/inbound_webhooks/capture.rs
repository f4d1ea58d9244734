//! The sample of a webhook: waited for, shown with what is private masked, and forgotten.

use std::sync::Arc;

use axum::extract::State;
use hookswitch_domain::id::InboundWebhookId;
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::inbound::capture::WINDOW;
use hookswitch_pipeline::inbound::document::Format;
use hookswitch_store::inbound as rows;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{find, record};
use crate::api::caller::Caller;
use crate::api::list::Filtered;
use crate::api::path::Id;
use crate::api::problem::Problem;
use crate::app::App;

/// A sample is waited for.
#[derive(Serialize, ToSchema)]
pub struct InboundCapture {
    /// The next request that verifies until then is kept.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Keep the next request that verifies within five minutes as the webhook's sample. The sample that is there stays until then.
#[utoipa::path(post, path = "/api/v1/inbound-webhooks/{id}/capture-sample", operation_id = "captureInboundSample",
    tag = "inbound", params(("id" = String, Path, description = "`iwh_...`")),
    extensions(("x-permission" = json!("inbound_webhook:update"))),
    responses((status = 200, description = "Waiting", body = InboundCapture)))]
pub async fn start_capture(
    caller: Caller,
    State(app): State<Arc<App>>,
    Id(id): Id<InboundWebhookId>,
) -> Result<axum::Json<InboundCapture>, Problem> {
    let store = caller.store.clone();
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let row = find(tx, id).await?;
            let expires_at = app.ambient.now().plus(WINDOW);
            rows::open_capture(tx, id, expires_at).await?;
            record(tx, &app, &caller, "inbound_webhook.capture_started", &row).await?;
            Ok(InboundCapture { expires_at })
        })
    });
    Ok(axum::Json(job.await?))
}

/// Stop waiting, and forget the sample.
#[utoipa::path(delete, path = "/api/v1/inbound-webhooks/{id}/capture-sample", operation_id = "clearInboundSample",
    tag = "inbound", params(("id" = String, Path, description = "`iwh_...`")),
    extensions(("x-permission" = json!("inbound_webhook:update"))),
    responses((status = 204, description = "There is no sample any more")))]
pub async fn clear_capture(
    caller: Caller,
    State(app): State<Arc<App>>,
    Id(id): Id<InboundWebhookId>,
) -> Result<StatusCode, Problem> {
    let store = caller.store.clone();
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let row = find(tx, id).await?;
            rows::clear_capture(tx, id).await?;
            record(tx, &app, &caller, "inbound_webhook.sample_cleared", &row).await
        })
    });
    job.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A request that was kept as an example.
#[derive(Serialize, ToSchema)]
pub struct InboundSample {
    /// Until when the next request is waited for; null: none is.
    #[schema(value_type = Option<String>, format = DateTime)]
    capture_expires_at: Option<Timestamp>,
    /// Null: there is no sample, nor anything below.
    #[schema(value_type = Option<String>, format = DateTime)]
    captured_at: Option<Timestamp>,
    method: Option<String>,
    /// Without whatever carries credentials.
    #[schema(value_type = Option<Object>)]
    headers: Option<Value>,
    /// The body as the expressions see it.
    #[schema(value_type = Option<serde_json::Value>)]
    document: Option<Value>,
    /// Whether what looks private stands masked in `document`.
    masked: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reveal {
    #[serde(default)]
    reveal: bool,
}

/// Show the sample. Addresses, card numbers and what is called a secret are masked, unless they are to be revealed, which is audited.
#[utoipa::path(get, path = "/api/v1/inbound-webhooks/{id}/capture-sample", operation_id = "getInboundSample",
    tag = "inbound", params(("id" = String, Path, description = "`iwh_...`"),
        ("reveal" = Option<bool>, Query, description = "Show everything as it came")),
    extensions(("x-permission" = json!("inbound_webhook:update"))),
    responses((status = 200, description = "The sample, if there is one", body = InboundSample)))]
pub async fn sample(
    caller: Caller,
    State(app): State<Arc<App>>,
    Id(id): Id<InboundWebhookId>,
    Filtered(Reveal { reveal }): Filtered<Reveal>,
) -> Result<axum::Json<InboundSample>, Problem> {
    let store = caller.store.clone();
    let row = store.read::<_, Problem, _>(move |tx| Box::pin(find(tx, id))).await?;
    let now = app.ambient.now();
    let mut shown = InboundSample {
        capture_expires_at: row.capture.until.filter(|until| *until > now),
        captured_at: None,
        method: None,
        headers: None,
        document: None,
        masked: !reveal,
    };
    let Some((sample, at)) = app.engine.receiver.sample(&store, &row).await? else { return Ok(axum::Json(shown)) };
    if reveal {
        let audited = store.write::<_, Problem, _>(move |tx| {
            Box::pin(async move { record(tx, &app, &caller, "inbound_webhook.sample_revealed", &row).await })
        });
        audited.await?;
    }
    let format = Format::of_logged(&sample.method, &sample.headers).unwrap_or(Format::Text);
    let document = format.read(&sample.body().into()).await.ok();
    let document = document.and_then(|text| serde_json::from_slice::<Value>(&text).ok());
    shown.document = document.map(|document| if reveal { document } else { masked(document, "") });
    (shown.captured_at, shown.method, shown.headers) = (Some(at), Some(sample.method), Some(sample.headers));
    Ok(axum::Json(shown))
}

/// Names of members whose values are nobody's business.
const PRIVATE: [&str; 8] = ["password", "passwd", "secret", "token", "api_key", "apikey", "authorization", "signature"];

/// The document with what looks private masked; its shape stays, so that expressions can be written.
fn masked(value: Value, name: &str) -> Value {
    match value {
        Value::String(text) => {
            let lower = name.to_lowercase();
            match PRIVATE.iter().any(|private| lower.contains(private)) {
                true => Value::from("***"),
                false => Value::from(masked_text(&text)),
            }
        }
        Value::Number(number) if is_card(&number.to_string()) => Value::from("************"),
        Value::Array(items) => items.into_iter().map(|item| masked(item, name)).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name.clone(), masked(value, &name))).collect(),
        other => other,
    }
}

/// Word by word: addresses and card numbers.
fn masked_text(text: &str) -> String {
    if is_card(text) {
        return "************".to_owned();
    }
    let word = |word: &str| {
        let bare = word.trim_matches(|letter: char| !letter.is_alphanumeric());
        let address = bare.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
        match address || is_card(bare) {
            true => word.replace(bare, if address { "***@***" } else { "************" }),
            false => word.to_owned(),
        }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// 13 to 19 digits with the check digit of a card's number.
fn is_card(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter(|letter| !matches!(letter, ' ' | '-')).map_while(|d| d.to_digit(10)).collect();
    let only_digits = text.chars().all(|letter| letter.is_ascii_digit() || matches!(letter, ' ' | '-'));
    if !only_digits || !(13..=19).contains(&digits.len()) {
        return false;
    }
    let doubled = |(place, digit): (usize, &u32)| match place % 2 {
        0 => *digit,
        _ => (digit * 2) / 10 + (digit * 2) % 10,
    };
    digits.iter().rev().enumerate().map(doubled).sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_looks_private_is_masked_and_the_rest_stays() {
        let body = json!({
            "from": "ann@example.com", "text": "call <bob@example.org>, please", "card": "4242 4242 4242 4242",
            "number": 4_242_424_242_424_242u64, "api_token": "abc", "nested": [{"Password": "x", "id": 17}], "id": "4242424242424243",
        });
        let shown = masked(body, "");
        assert_eq!(
            shown,
            json!({
                "from": "***@***", "text": "call <***@***>, please", "card": "************", "number": "************",
                "api_token": "***", "nested": [{"Password": "***", "id": 17}], "id": "4242424242424243",
            })
        );
    }
}
