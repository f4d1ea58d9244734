//! Teams: the card that a workflow gets, and what its answers come to.

use hookswitch_domain::delivery::Outcome;
use hookswitch_pipeline::outbound::adapter::find;
use serde_json::{Value, json};

use super::{LATER, Try, served_by, weighs};
use crate::adapter::fake;

#[tokio::test]
async fn an_event_becomes_a_card_in_which_a_payload_is_text() {
    let receiver = served_by(fake::of("teams").service).await;
    let settings = json!({
        "title": "{{event.payload.title}}", "text": "{{event.payload.description}}",
        "facts": [{"label": "Alert", "value": "{{event.references.alert_id}}"}]
    });
    let mut attempt = Try::at("teams", receiver.url("/workflows/1?sig=abc"), settings);
    attempt.payload = json!({"title": "[click](https://evil.example)", "description": "**bold**"});
    let delivered = attempt.go().await;
    assert_eq!((delivered.outcome, delivered.reason.as_str()), (Outcome::Accepted, "answered 202"));
    let taken = receiver.taken().remove(0);
    assert_eq!(taken.path, "/workflows/1?sig=abc");
    let card = &taken.json()["attachments"][0]["content"];
    assert_eq!(card["body"][0]["type"], "RichTextBlock", "a text block would be Markdown");
    assert_eq!(card["body"][0]["inlines"][0]["text"], "[click](https://evil.example)");
    assert_eq!(card["body"][1]["inlines"][0]["text"], "**bold**");
    assert_eq!(
        card["body"][2]["inlines"],
        json!([{"type": "TextRun", "text": "Alert: ", "weight": "Bolder"}, {"type": "TextRun", "text": "a-1"}])
    );
}

#[tokio::test]
async fn a_card_of_ones_own_is_filled_and_one_that_is_too_large_is_not_sent() {
    let receiver = served_by(fake::of("teams").service).await;
    let card =
        json!({"type": "AdaptiveCard", "version": "1.4", "body": [{"type": "TextBlock", "text": "{{event.payload.title}}"}]});
    assert_eq!(Try::at("teams", receiver.url("/"), json!({"card": card})).go().await.outcome, Outcome::Accepted);
    assert_eq!(receiver.taken()[0].json()["attachments"][0]["content"]["body"][0]["text"], "Disk full");

    let mut large = Try::at("teams", receiver.url("/"), json!({"text": "{{event.payload.description}}".repeat(20)}));
    large.payload = json!({"description": "x".repeat(3000)});
    let delivered = large.go().await;
    assert_eq!((delivered.outcome, delivered.status), (Outcome::Forbidden, None));
    assert!(delivered.reason.contains("Teams takes 28672 at most"), "{}", delivered.reason);
    assert_eq!(receiver.count(), 1);
}

#[tokio::test]
async fn a_workflows_answers_are_weighed() {
    let terminal = Outcome::Terminal;
    let throttled = "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429";
    weighs(
        "teams",
        &json!({}),
        &[
            (202, "", Outcome::Accepted, "answered 202"),
            (200, "1", Outcome::Accepted, "answered 200"),
            (200, throttled, LATER, "answered 200, but says that Teams did not take the message"),
            (
                400,
                r#"{"error":{"code":"TriggerInputSchemaMismatch"}}"#,
                terminal.clone(),
                "answered 400: the workflow does not take this card",
            ),
            (
                401,
                "",
                terminal.clone(),
                "answered 401: the URL's signature is not valid, or the workflow takes requests of its own organisation alone",
            ),
            (404, "", terminal.clone(), "answered 404: the workflow was deleted or switched off: make a new webhook"),
            (413, "", terminal, "answered 413: the message is larger than Teams takes"),
            (410, "", Outcome::Gone, "answered 410: the receiver says that it is gone for good"),
            (429, "", LATER, "answered 429: Teams asks for fewer requests"),
            (502, "", LATER, "answered 502"),
        ],
    )
    .await;
}

#[test]
fn wrong_settings_name_their_field() {
    let wrong = |settings: Value| find("teams").unwrap().check_settings(&settings).unwrap_err().field;
    assert_eq!(wrong(json!({"facts": [{"label": "x"}]})), "settings.facts[0].value");
    assert_eq!(wrong(json!({"facts": [{"label": "x", "value": "{{x}}"}]})), "settings.facts[0].value");
    assert_eq!(wrong(json!({"card": []})), "settings.card");
    assert_eq!(wrong(json!({"title": 1})), "settings.title");
}
