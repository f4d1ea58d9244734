//! The Microsoft Teams adapter: the event as an Adaptive Card to the webhook of a workflow ("When a
//! Teams webhook request is received"). The URL is the secret.
//!
//! What comes from the event stands in text runs, which Teams shows as they are: in a text block it
//! would be Markdown, and a payload could make links. The workflow answers 202 when it has taken the
//! request; whether it posts the card is told in the workflow's own history alone.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use hookswitch_domain::delivery::Outcome;
use http::Method;
use serde_json::{Value, json};

use super::exchange::{self, Call, Reply, call, refused, scope};
use super::template::{Escape, Filler, Refused};
use super::{Adapter, Delivered, Dispatch};

const TITLE: &str = "{{event.event_type}}";
const TEXT: &str = "{{event.payload}}";
/// Teams takes no larger message.
const MESSAGE_BYTES_MAX: usize = 28 * 1024;
/// Four bytes a character and a few values still fit.
const VALUE_CHARS_MAX: usize = 2_000;

pub struct Teams;

impl Adapter for Teams {
    fn kind(&self) -> &'static str {
        "teams"
    }

    fn title(&self) -> &'static str {
        "Microsoft Teams"
    }

    fn description(&self) -> &'static str {
        "Posts each event as a card to a Teams channel or chat, by a workflow's webhook URL."
    }

    fn settings_schema(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "title": {
                    "type": "string", "format": "template", "minLength": 1, "maxLength": 1000, "default": TITLE,
                    "title": "Title",
                    "description": "The card's first line, with {{event.payload.title}} and the like filled in."
                },
                "text": {
                    "type": "string", "format": "template", "maxLength": 8000, "default": TEXT,
                    "title": "Text",
                    "description": "What stands below the title; shown as it is, without Markdown."
                },
                "facts": {
                    "type": "array", "maxItems": 20,
                    "title": "Facts",
                    "description": "Lines of a label and a value below the text.",
                    "items": {
                        "type": "object", "required": ["label", "value"], "additionalProperties": false,
                        "properties": {
                            "label": {
                                "type": "string", "minLength": 1, "maxLength": 100, "title": "Label",
                                "description": "What the value is."
                            },
                            "value": {
                                "type": "string", "format": "template", "minLength": 1, "maxLength": 1000, "title": "Value",
                                "description": "A template like {{event.payload.priority}}."
                            }
                        }
                    }
                },
                "card": {
                    "type": "object", "format": "json-template",
                    "title": "Card",
                    "description": "An Adaptive Card of your own with templates in its texts, in place of title, text and facts."
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
    let card = match card(dispatch) {
        Ok(card) => card,
        Err(error) => return refused(&error),
    };
    let attachment = json!({ "contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": card });
    let body = json!({ "type": "message", "attachments": [attachment] }).to_string();
    if body.len() > MESSAGE_BYTES_MAX {
        let reason =
            format!("the card has {} bytes and Teams takes {MESSAGE_BYTES_MAX} at most: shorten its templates", body.len());
        return Delivered::unsent(Outcome::Forbidden, reason);
    }
    let post = Call { target: dispatch.target, method: Method::POST, body: Bytes::from(body), headers: Vec::new(), makes: false };
    match call(dispatch, post).await {
        Ok(reply) => {
            let (outcome, reason) = weigh(&reply, dispatch);
            reply.becomes(outcome, reason)
        }
        Err(done) => done,
    }
}

fn card(dispatch: &Dispatch<'_>) -> Result<Value, Refused> {
    let (scope, settings) = (scope(dispatch), dispatch.settings);
    let mut filler = Filler::new(&scope, VALUE_CHARS_MAX);
    if let Some(card) = settings.get("card") {
        return filler.json(card, &|_| Escape::Json);
    }
    let title = filler.text(settings["title"].as_str().unwrap_or(TITLE), Escape::Json)?;
    let text = filler.text(settings["text"].as_str().unwrap_or(TEXT), Escape::Json)?;
    let mut body = vec![runs(json!([{ "type": "TextRun", "text": title, "weight": "Bolder", "size": "Medium" }]))];
    if !text.is_empty() {
        body.push(runs(json!([{ "type": "TextRun", "text": text }])));
    }
    for fact in settings["facts"].as_array().into_iter().flatten() {
        let label = format!("{}: ", fact["label"].as_str().unwrap_or_default());
        let value = filler.text(fact["value"].as_str().unwrap_or_default(), Escape::Json)?;
        let label = json!({ "type": "TextRun", "text": label, "weight": "Bolder" });
        body.push(runs(json!([label, { "type": "TextRun", "text": value }])));
    }
    Ok(json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "msteams": { "width": "Full" }
    }))
}

fn runs(inlines: Value) -> Value {
    json!({ "type": "RichTextBlock", "inlines": inlines })
}

/// With these words, and 200, a connector says that Teams did not take the message after all.
const NOT_POSTED: &[u8] = b"Webhook message delivery failed";

fn weigh(reply: &Reply, dispatch: &Dispatch<'_>) -> (Outcome, String) {
    let status = reply.answer.status;
    let terminal = |why: &str| (Outcome::Terminal, format!("answered {status}: {why}"));
    match status {
        200..=299 if reply.answer.body_head.starts_with(NOT_POSTED) => {
            let outcome = Outcome::Retryable { retry_after: reply.wish(dispatch) };
            (outcome, format!("answered {status}, but says that Teams did not take the message"))
        }
        200 | 202 => (Outcome::Accepted, format!("answered {status}")),
        400 => terminal("the workflow does not take this card"),
        401 | 403 => terminal("the URL's signature is not valid, or the workflow takes requests of its own organisation alone"),
        404 => terminal("the workflow was deleted or switched off: make a new webhook"),
        _ => exchange::weigh(reply, dispatch, "Teams"),
    }
}
