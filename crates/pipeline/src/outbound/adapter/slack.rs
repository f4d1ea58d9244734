//! The Slack adapter: the event as one message to an incoming webhook. The URL is the secret; there
//! is no credential beside it.
//!
//! Slack answers 200 `ok`, or a status with one word that says what is wrong. A message that was
//! taken can't be recognised later, so that a retry after a lost answer may post it twice.

use futures_util::future::BoxFuture;
use hookswitch_domain::delivery::Outcome;
use http::Method;
use serde_json::{Value, json};

use super::exchange::{self, Call, Reply, call, refused, scope};
use super::template::{Escape, Filler, Refused};
use super::{Adapter, Delivered, Dispatch};

const TEXT: &str = "*{{event.event_type}}*\n{{event.payload}}";
/// A section holds 3,000 characters; one value leaves room for the words around it.
const VALUE_CHARS_MAX: usize = 2_000;

pub struct Slack;

impl Adapter for Slack {
    fn kind(&self) -> &'static str {
        "slack"
    }

    fn title(&self) -> &'static str {
        "Slack"
    }

    fn description(&self) -> &'static str {
        "Posts each event as a message to a Slack channel, by an incoming webhook's URL."
    }

    fn settings_schema(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "text": {
                    "type": "string", "format": "template", "minLength": 1, "maxLength": 8000, "default": TEXT,
                    "title": "Text",
                    "description": "The message, in Slack's mrkdwn, with {{event.payload.title}} and the like filled in. With blocks it is what notifications show."
                },
                "blocks": {
                    "type": "array", "format": "json-template", "maxItems": 50,
                    "title": "Blocks",
                    "description": "Block Kit, with templates in its texts. Without blocks the text alone is posted."
                }
            },
            "additionalProperties": false
        })
    }

    fn deliver<'a>(&'a self, dispatch: &'a Dispatch<'a>) -> BoxFuture<'a, Delivered> {
        Box::pin(deliver(dispatch))
    }
}

async fn deliver(dispatch: &Dispatch<'_>) -> Delivered {
    let message = match message(dispatch) {
        Ok(message) => message,
        Err(error) => return refused(&error),
    };
    let body = message.to_string().into();
    let post = Call { target: dispatch.target, method: Method::POST, body, headers: Vec::new(), makes: false };
    match call(dispatch, post).await {
        Ok(reply) => {
            let (outcome, reason) = weigh(&reply, dispatch);
            reply.becomes(outcome, reason)
        }
        Err(done) => done,
    }
}

fn message(dispatch: &Dispatch<'_>) -> Result<Value, Refused> {
    let scope = scope(dispatch);
    let mut filler = Filler::new(&scope, VALUE_CHARS_MAX);
    let text = filler.text(dispatch.settings["text"].as_str().unwrap_or(TEXT), Escape::Slack)?;
    let mut message = json!({ "text": text, "unfurl_links": false });
    if let Some(blocks) = dispatch.settings.get("blocks") {
        // Members named text are what Slack reads as mrkdwn; addresses and values are not.
        let escape = |name: &str| if name == "text" { Escape::Slack } else { Escape::Json };
        message["blocks"] = filler.json(blocks, &escape)?;
    }
    Ok(message)
}

/// Slack's words, whatever status they come with, and what to do about each.
const WORDS: [(&str, &str); 16] = [
    ("invalid_payload", "Slack does not understand the message: look at text and blocks"),
    ("invalid_blocks", "Slack does not take these blocks"),
    ("invalid_blocks_format", "Slack does not take these blocks"),
    ("no_text", "the message is empty"),
    ("too_many_attachments", "the message has too many attachments"),
    ("no_service", "this webhook was switched off or removed in Slack: make a new one"),
    ("no_service_id", "the URL is no incoming webhook's"),
    ("no_team", "Slack knows no workspace at this URL"),
    ("team_disabled", "the workspace is disabled"),
    ("invalid_token", "the URL's token is wrong or was revoked: make a new webhook"),
    ("user_not_found", "the user to whom the webhook posts is gone"),
    ("channel_not_found", "the channel to which the webhook posts is gone"),
    ("channel_is_archived", "the channel is archived"),
    ("action_prohibited", "an admin of the workspace does not allow this post"),
    ("posting_to_general_channel_denied", "an admin of the workspace does not allow posts to this channel"),
    ("missing_text_or_fallback_or_attachments", "the message is empty"),
];

fn weigh(reply: &Reply, dispatch: &Dispatch<'_>) -> (Outcome, String) {
    let (status, word) = (reply.answer.status, reply.word());
    if let Some((_, why)) = WORDS.iter().find(|(known, _)| *known == word) {
        return (Outcome::Terminal, format!("answered {status} {word}: {why}"));
    }
    match status {
        200 if word == "ok" => (Outcome::Accepted, "answered 200 ok".to_owned()),
        // Sent again, it might be posted again.
        200..=299 => (Outcome::Terminal, format!("answered {status} without ok: is this an incoming webhook's URL?")),
        404 => (Outcome::Terminal, "answered 404: Slack knows no webhook at this URL".to_owned()),
        410 => (Outcome::Terminal, "answered 410: the channel or the webhook is gone".to_owned()),
        _ => exchange::weigh(reply, dispatch, "Slack"),
    }
}
