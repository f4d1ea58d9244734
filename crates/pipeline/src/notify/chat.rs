//! Slack and Teams: one JSON document, posted through the guarded client.

use std::time::Duration;

use hookswitch_domain::egress::parse_target;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::Message;
use crate::http::{Client, Request};

const PATIENCE: Duration = Duration::from_secs(15);

/// An incoming webhook of Slack. Its three reserved characters are escaped, so that no name in a
/// message becomes a link or calls everybody.
pub(super) fn slack(message: &Message) -> Value {
    let text = message.text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    json!({ "text": text })
}

/// A workflow of Teams that posts a card.
pub(super) fn teams(message: &Message) -> Value {
    let block = |text: &str, weight: &str| json!({ "type": "TextBlock", "wrap": true, "weight": weight, "text": text });
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": [block(&message.subject, "Bolder"), block(&message.text, "Default")],
            },
        }],
    })
}

pub(super) async fn post(client: &Client, key: Uuid, url: &str, body: Value) -> Result<(), String> {
    let target = parse_target(url, client.rules()).map_err(|error| error.to_string())?;
    let request = Request {
        pool_key: key,
        method: Method::POST,
        target: &target,
        headers: vec![(CONTENT_TYPE, HeaderValue::from_static("application/json"))],
        body: body.to_string().into(),
        deadline: Instant::now() + PATIENCE,
    };
    match client.send(request).await.result {
        Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
        Ok(answer) => Err(format!("the chat service answered {}", answer.status)),
        Err(error) => Err(error.to_string()),
    }
}
