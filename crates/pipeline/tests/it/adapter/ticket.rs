//! Ticketing systems: each template against its system, made once, and what their answers come to.

use std::time::Duration;

use hookswitch_domain::delivery::Outcome;
use hookswitch_pipeline::outbound::adapter::find;
use serde_json::{Value, json};

use super::{LATER, MESSAGE_ID, Try, served_by, weighs};
use crate::adapter::fake::{Desk, say};
use crate::door::{Receiver, Say};

fn systems() -> [(&'static str, Desk, Value, &'static str); 4] {
    [
        ("servicenow", Desk::servicenow(), json!({}), "/nav_to.do?uri=incident.do%3Fsys_id%3D00000000000000000000000000000001"),
        ("freshdesk", Desk::freshdesk(), json!({"email": "ops@example.com"}), "/a/tickets/1"),
        ("zendesk", Desk::zendesk(), json!({"priority": "urgent"}), "/agent/tickets/1"),
        ("halopsa", Desk::halopsa(), json!({"ticket_type": 21, "client": 5}), "/tickets?id=2001"),
    ]
}

#[tokio::test]
async fn each_template_makes_a_record_in_its_system_and_keeps_its_id() {
    for (name, desk, values, link) in systems() {
        let receiver = served_by(desk.service()).await;
        let settings = json!({"template": name, "values": values});
        let delivered = Try::at("ticket", receiver.url("/"), settings).go().await;
        assert_eq!(delivered.outcome, Outcome::Accepted, "{name}: {delivered:?}");
        let external = delivered.external.unwrap_or_else(|| panic!("{name} kept no id: {}", delivered.reason));
        assert_eq!((external.system.as_str(), external.url), (name, Some(receiver.url(link))));
        let record = desk.records().remove(0).to_string();
        assert!(record.contains("Disk full") && record.contains("0 bytes left"), "{name}: {record}");
        assert!(!record.contains("{{") && !record.contains("null"), "{name}: {record}");
    }
}

#[tokio::test]
async fn a_record_whose_answer_was_lost_is_found_where_the_system_can_tell() {
    for (name, desk, values, _) in systems().into_iter().take(3) {
        let service = desk.service();
        let late =
            move |place: usize, taken: &_| Say { after: Duration::from_secs(if place == 0 { 30 } else { 0 }), ..service(taken) };
        let receiver = Receiver::start(late).await;
        let mut attempt = Try::at("ticket", receiver.url("/"), json!({"template": name, "values": values}));
        attempt.timeout = Duration::from_millis(500);
        assert_eq!(attempt.go().await.outcome, LATER, "{name}");
        (attempt.repeat, attempt.timeout) = (true, Duration::from_secs(10));
        let found = attempt.go().await;
        assert!(found.reason.starts_with("an earlier attempt created "), "{name}: {}", found.reason);
        assert_eq!((found.outcome, desk.records().len()), (Outcome::Accepted, 1), "{name}");
    }
}

#[tokio::test]
async fn a_system_of_ones_own_is_described_by_settings_alone() {
    let receiver = Receiver::start(|_, _| say(200, json!({"data": [{"ref": "T-7"}]}))).await;
    let settings = json!({
        "method": "PUT", "path": "/queues/{{event.payload.queue}}/items/{{message_id}}?by={{event.payload.by}}",
        "headers": [{"name": "X-Title", "value": "{{event.payload.title}}"}],
        "body": {"subject": "{{event.payload.title}}", "count": "{{event.payload.count}}", "note": "{{event.payload.none}}"},
        "id_path": "data.0.ref", "link": "/t/{{id}}"
    });
    let mut attempt = Try::at("ticket", receiver.url("/api"), settings);
    attempt.payload = json!({"queue": "a/../b?c", "by": "x&admin=1#", "title": "one\r\nX-Evil: 1\", \"admin\": \"1", "count": 3});
    let delivered = attempt.go().await;
    assert_eq!((delivered.outcome, delivered.reason.as_str()), (Outcome::Accepted, "answered 200: created T-7"));
    let external = delivered.external.unwrap();
    assert_eq!((external.system.as_str(), external.url), ("custom", Some(receiver.url("/t/T-7"))));
    let taken = receiver.taken().remove(0);
    assert_eq!(taken.method, http::Method::PUT);
    assert_eq!(taken.path, format!("/api/queues/a%2F..%2Fb%3Fc/items/{MESSAGE_ID}?by=x%26admin%3D1%23"));
    assert_eq!(taken.header("x-title"), "one%0D%0AX-Evil: 1\", \"admin\": \"1");
    assert_eq!(taken.header("x-evil"), "");
    assert_eq!(taken.json(), json!({"subject": "one\r\nX-Evil: 1\", \"admin\": \"1", "count": 3}));

    attempt.payload = json!({"queue": ".."});
    let climbing = attempt.go().await;
    assert_eq!((climbing.outcome, climbing.status, receiver.count()), (Outcome::Forbidden, None, 1), "{}", climbing.reason);
}

#[tokio::test]
async fn answers_are_weighed() {
    let terminal = Outcome::Terminal;
    weighs(
        "ticket",
        &json!({"template": "servicenow"}),
        &[
            (201, r#"{"result":{"sys_id":"a1"}}"#, Outcome::Accepted, "answered 201: created a1"),
            (200, "<html>please sign in", LATER, "answered 200 without an id at result.sys_id: is this the system's API?"),
            (
                201,
                r#"{"result":{"sys_id":"a\nb"}}"#,
                LATER,
                "answered 201 without an id at result.sys_id: is this the system's API?",
            ),
            (400, "", terminal.clone(), "answered 400: the system refuses what was sent"),
            (401, "", terminal.clone(), "answered 401: the system does not take the credential"),
            (403, "", terminal.clone(), "answered 403: the system does not allow this to the credential"),
            (404, "", terminal.clone(), "answered 404: the system knows nothing at this URL, or hides it from the credential"),
            (422, "", terminal, "answered 422: the system refuses what was sent"),
            (409, "", LATER, "answered 409"),
            (410, "", Outcome::Gone, "answered 410: the receiver says that it is gone for good"),
            (429, "", LATER, "answered 429: the system asks for fewer requests"),
            (500, "", LATER, "answered 500"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_success_without_an_id_is_none_where_an_id_was_asked_for() {
    let own = |id_path: Value| json!({"path": "/x", "body": {}, "id_path": id_path});
    let terminal = (200, "{}", Outcome::Terminal, "answered 200 without an id at id: is this the system's API?");
    weighs("ticket", &own(json!("id")), &[terminal]).await;
    weighs("ticket", &json!({"path": "/x", "body": {}}), &[(204, "", Outcome::Accepted, "answered 204")]).await;
}

#[test]
fn wrong_settings_name_their_field() {
    let wrong = |settings: Value| find("ticket").unwrap().check_settings(&settings).unwrap_err().field;
    let own = |more: Value| {
        let mut settings = json!({"path": "/x", "body": {}});
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        settings
    };
    assert!(find("ticket").unwrap().check_settings(&own(json!({}))).is_ok());
    assert_eq!(wrong(json!(null)), "settings.path");
    assert_eq!(wrong(json!({"path": "/x"})), "settings.body");
    assert_eq!(wrong(json!({"template": "remedy"})), "settings.template");
    assert_eq!(wrong(json!({"template": "freshdesk"})), "settings.values.email");
    assert_eq!(wrong(own(json!({"path": "x"}))), "settings.path");
    assert_eq!(wrong(own(json!({"path": "/{{payload.a}}"}))), "settings.path");
    assert_eq!(wrong(own(json!({"headers": [{"name": "Authorization", "value": "x"}]}))), "settings.headers[0].name");
    assert_eq!(wrong(own(json!({"headers": [{"name": "X-A\r\nB", "value": "x"}]}))), "settings.headers[0].name");
    assert_eq!(wrong(own(json!({"lookup": {"path": "/y"}}))), "settings.lookup.id_path");
    assert_eq!(wrong(own(json!({"values": {"a": []}}))), "settings.values.a");
}
