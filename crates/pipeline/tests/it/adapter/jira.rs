//! Jira: the issue that is made, that it is made once, and what Jira's answers come to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hookswitch_domain::delivery::Outcome;
use hookswitch_pipeline::outbound::adapter::{ExternalRef, find};
use serde_json::{Value, json};

use super::{LATER, MESSAGE_ID, Try, served_by, weighs};
use crate::adapter::fake::Jira;
use crate::door::{Receiver, Say};

#[tokio::test]
async fn an_event_becomes_an_issue_and_its_key_an_external_reference() {
    let jira = Jira::default();
    let receiver = served_by(jira.service()).await;
    let fields = json!({"priority": {"name": "P{{event.payload.priority}}"}, "customfield_1": "{{event.payload.priority}}"});
    let settings = json!({"project": "OPS", "labels": ["from-hookswitch"], "fields": fields});
    let mut attempt = Try::at("jira", receiver.url("/"), settings);
    attempt.payload = json!({"title": "Disk\nfull", "description": "one\n\ntwo {{event.x}}", "priority": 2});
    let delivered = attempt.go().await;
    assert_eq!((delivered.outcome, delivered.reason.as_str()), (Outcome::Accepted, "created OPS-1"));
    let url = receiver.url("/browse/OPS-1");
    assert_eq!(delivered.external, Some(ExternalRef { system: "jira".to_owned(), id: "OPS-1".to_owned(), url: Some(url) }));

    let issue = jira.issues().remove(0);
    assert_eq!(issue["summary"], "Disk full");
    assert_eq!((&issue["priority"], &issue["customfield_1"]), (&json!({"name": "P2"}), &json!(2)));
    assert_eq!(issue["labels"], json!(["from-hookswitch", format!("hookswitch-{MESSAGE_ID}")]));
    let text = |text: &str| json!({"type": "paragraph", "content": [{"type": "text", "text": text}]});
    let empty = json!({"type": "paragraph", "content": []});
    assert_eq!(
        issue["description"]["content"],
        json!([text("one"), empty, text("two {{event.x}}")]),
        "no template in a payload is filled"
    );
    assert_eq!(receiver.taken().remove(0).header("connection"), "close", "what makes a record takes no kept connection");
}

#[tokio::test]
async fn an_issue_whose_answer_was_lost_is_found_and_not_made_again() {
    let (jira, count) = (Jira::default(), Arc::new(AtomicUsize::new(0)));
    let (service, asked) = (jira.service(), count.clone());
    // The first answer comes too late.
    let receiver = Receiver::start(move |place, taken| {
        asked.fetch_add(1, Ordering::Relaxed);
        let after = Duration::from_secs(if place == 0 { 30 } else { 0 });
        Say { after, ..service(taken) }
    })
    .await;
    let mut attempt = Try::at("jira", receiver.url("/"), json!({"project": "OPS"}));
    attempt.timeout = Duration::from_millis(500);
    assert_eq!(attempt.go().await.outcome, LATER);
    (attempt.repeat, attempt.attempt, attempt.timeout) = (true, 2, Duration::from_secs(10));
    let found = attempt.go().await;
    assert_eq!((found.outcome, found.reason.as_str()), (Outcome::Accepted, "an earlier attempt created OPS-1"));
    assert_eq!(found.external.unwrap().id, "OPS-1");
    assert_eq!((jira.issues().len(), count.load(Ordering::Relaxed)), (1, 2));
}

#[tokio::test]
async fn a_repeat_that_finds_nothing_makes_the_issue_and_one_that_cannot_look_makes_none() {
    let jira = Jira::default();
    let receiver = served_by(jira.service()).await;
    let attempt = Try { repeat: true, ..Try::at("jira", receiver.url("/"), json!({"project": "OPS"})) };
    assert_eq!(attempt.go().await.reason, "created OPS-1");
    assert_eq!(
        receiver.taken().iter().map(|taken| taken.path.clone()).collect::<Vec<_>>(),
        ["/rest/api/3/search/jql", "/rest/api/3/issue"]
    );

    for (status, body, outcome) in [(503, "", LATER), (200, "<html>", LATER), (401, "", Outcome::Terminal)] {
        let down = Receiver::start(move |_, _| Say { body: body.to_owned(), ..status.into() }).await;
        let attempt = Try { repeat: true, ..Try::at("jira", down.url("/"), json!({"project": "OPS"})) };
        let delivered = attempt.go().await;
        assert_eq!((delivered.outcome, down.count()), (outcome, 1), "{status}");
        assert!(delivered.reason.starts_with("looking for an issue made before: "), "{}", delivered.reason);
    }
}

#[tokio::test]
async fn behind_the_api_gateway_paths_are_below_the_url() {
    let receiver = Receiver::start(|_, _| Say { body: json!({"key": "OPS-9"}).to_string(), ..201.into() }).await;
    let delivered = Try::at("jira", receiver.url("/ex/jira/11-22/"), json!({"project": "OPS"})).go().await;
    assert_eq!(receiver.taken()[0].path, "/ex/jira/11-22/rest/api/3/issue");
    assert_eq!(delivered.external.unwrap().url, None, "the site's own address isn't known there");
}

#[tokio::test]
async fn jiras_answers_are_weighed() {
    let terminal = Outcome::Terminal;
    let wrong = r#"{"errorMessages":[],"errors":{"summary":"You must specify a summary","customfield_10010":"x","<b>":"y"}}"#;
    weighs(
        "jira",
        &json!({"project": "OPS"}),
        &[
            (201, "{}", LATER, "answered 201 without an issue's key: is this Jira?"),
            (200, "<html>please sign in", LATER, "answered 200 without an issue's key: is this Jira?"),
            (400, wrong, terminal.clone(), "answered 400: Jira refuses summary, customfield_10010"),
            (400, "", terminal.clone(), "answered 400: Jira refuses the issue"),
            (401, "", terminal.clone(), "answered 401: Jira does not take the credential: basic wants e-mail:API token"),
            (403, "", terminal.clone(), "answered 403: the credential may not create issues in this project"),
            (404, "", terminal.clone(), "answered 404: there is no Jira at this URL, or the credential can't see the project"),
            (413, "", terminal, "answered 413: the message is larger than Jira takes"),
            (409, "", LATER, "answered 409"),
            (429, "", LATER, "answered 429: Jira asks for fewer requests"),
            (503, "", LATER, "answered 503"),
        ],
    )
    .await;
}

#[test]
fn wrong_settings_name_their_field() {
    let wrong = |settings: Value| find("jira").unwrap().check_settings(&settings).unwrap_err().field;
    assert_eq!(wrong(json!(null)), "settings.project");
    assert_eq!(wrong(json!({"project": "OPS\" OR 1"})), "settings.project");
    assert_eq!(wrong(json!({"project": "OPS", "labels": ["a", "b c"]})), "settings.labels[1]");
    assert_eq!(wrong(json!({"project": "OPS", "summary": "{{summary}}"})), "settings.summary");
    assert_eq!(wrong(json!({"project": "OPS", "fields": []})), "settings.fields");
}
