//! Slack: what a channel gets, and what each of Slack's words comes to.

use hookswitch_domain::delivery::Outcome;
use hookswitch_pipeline::outbound::adapter::find;
use serde_json::{Value, json};

use super::{LATER, Try, served_by, weighs};
use crate::adapter::fake;

#[tokio::test]
async fn an_event_becomes_a_message_in_which_a_payload_mentions_nobody() {
    let receiver = served_by(fake::of("slack").service).await;
    let blocks = json!([
        {"type": "section", "text": {"type": "mrkdwn", "text": "*{{event.payload.title}}* {{event.references.alert_id}}"}},
        {"type": "actions", "elements": [{"type": "button", "url": "{{event.payload.url}}", "text": {"type": "plain_text", "text": "Open"}}]}
    ]);
    let settings = json!({"text": "{{event.event_type}}: {{event.payload.title}}", "blocks": blocks});
    let mut attempt = Try::at("slack", receiver.url("/services/T0/B0/x"), settings);
    attempt.payload = json!({"title": "<!channel> a & b", "url": "https://example.com/?a=1&b=2"});
    let delivered = attempt.go().await;
    assert_eq!((delivered.outcome, delivered.reason.as_str()), (Outcome::Accepted, "answered 200 ok"));
    let taken = receiver.taken().remove(0);
    assert_eq!((taken.method.as_str(), taken.path.as_str()), ("POST", "/services/T0/B0/x"));
    assert_eq!(taken.header("content-type"), "application/json");
    assert_eq!(taken.header("webhook-signature"), "", "Slack knows no signatures");
    let message = taken.json();
    assert_eq!(message["text"], "alert.raised: &lt;!channel&gt; a &amp; b");
    assert_eq!(message["blocks"][0]["text"]["text"], "*&lt;!channel&gt; a &amp; b* a-1");
    assert_eq!(message["blocks"][1]["elements"][0]["url"], "https://example.com/?a=1&b=2");
}

#[tokio::test]
async fn without_settings_the_type_and_the_payload_are_posted() {
    let receiver = served_by(fake::of("slack").service).await;
    let mut attempt = Try::at("slack", receiver.url("/"), json!({}));
    attempt.payload = json!({"a": "x".repeat(5000)});
    assert_eq!(attempt.go().await.outcome, Outcome::Accepted);
    let text = receiver.taken().remove(0).json()["text"].as_str().unwrap().to_owned();
    assert!(text.starts_with("*alert.raised*\n{\"a\":\"xxx") && text.ends_with('…') && text.len() < 2100, "{text}");
}

#[tokio::test]
async fn slacks_words_are_weighed() {
    let terminal = Outcome::Terminal;
    weighs(
        "slack",
        &json!({}),
        &[
            (200, "ok", Outcome::Accepted, "answered 200 ok"),
            (200, "<html>", terminal.clone(), "answered 200 without ok: is this an incoming webhook's URL?"),
            (
                400,
                "invalid_payload",
                terminal.clone(),
                "answered 400 invalid_payload: Slack does not understand the message: look at text and blocks",
            ),
            (
                403,
                "action_prohibited",
                terminal.clone(),
                "answered 403 action_prohibited: an admin of the workspace does not allow this post",
            ),
            (
                404,
                "no_service",
                terminal.clone(),
                "answered 404 no_service: this webhook was switched off or removed in Slack: make a new one",
            ),
            (
                404,
                "channel_not_found",
                terminal.clone(),
                "answered 404 channel_not_found: the channel to which the webhook posts is gone",
            ),
            (410, "channel_is_archived", terminal.clone(), "answered 410 channel_is_archived: the channel is archived"),
            (404, "", terminal.clone(), "answered 404: Slack knows no webhook at this URL"),
            (410, "", terminal, "answered 410: the channel or the webhook is gone"),
            (429, "rate_limited", LATER, "answered 429: Slack asks for fewer requests"),
            (500, "rollup_error", LATER, "answered 500"),
        ],
    )
    .await;
}

#[test]
fn wrong_settings_name_their_field() {
    let wrong = |settings: Value| find("slack").unwrap().check_settings(&settings).unwrap_err().field;
    assert_eq!(wrong(json!({"text": ""})), "settings.text");
    assert_eq!(wrong(json!({"text": "{{payload.a}}"})), "settings.text");
    assert_eq!(wrong(json!({"blocks": [{"text": {"text": "{{event"}}]})), "settings.blocks[0].text.text");
    assert_eq!(wrong(json!({"blocks": "[]"})), "settings.blocks");
    assert_eq!(wrong(json!({"channel": "#ops"})), "settings.channel");
}
