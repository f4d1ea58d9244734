//! What arrives at a receiver, and for whom.

use hookswitch_domain::time::Timestamp;
use hookswitch_server::app::COMPONENTS;
use serde_json::json;

use super::{DESTINATIONS, Line, standard_signature};
use crate::engines::{Engine, ambient};
use crate::on_both_engines;

/// Spacing, digits, doubled keys and escapes that no parser would write like this.
const ODD: &str = "{ \"b\":1.10,\t\"big\": 123456789012345678901234567890 , \"e\":1E400,\"a\":null,\n \"a\":\"\\u00e9\\/\" }";
const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

async fn an_event_arrives_as_a_signed_post_with_its_payload_untouched(engine: &Engine) {
    let line = Line::open(engine).await;
    let destination = line.destination(json!({})).await;
    let body = format!(
        "{{\"event_type\":\"invoice.paid\",\"correlation_id\":\"order-4711\",\"references\":{{\"ticket_id\":\"t-1\"}},\"payload\":{ODD}}}"
    );
    let traced = Line { admin: line.admin.with("traceparent", TRACE), ..line };
    let event = traced.publish_raw(&body).await;
    assert_eq!(event["matched_destinations"], 1);
    let taken = traced.receiver.wait(1).await.remove(0);
    assert_eq!((taken.method.as_str(), taken.path.as_str()), ("POST", "/hook"));
    assert_eq!(taken.header("content-type"), "application/json");
    assert_eq!(taken.header("user-agent"), concat!("Hookswitch/", env!("CARGO_PKG_VERSION")));
    assert_eq!(taken.header("traceparent"), TRACE);
    assert_eq!(taken.header("hookswitch-replay"), "");
    assert_eq!(taken.header("webhook-signature"), standard_signature(&destination.secret, &taken));
    let at: i64 = taken.header("webhook-timestamp").parse().unwrap();
    assert!((ambient().now().seconds() - at).abs() < 30, "unix seconds: {at}");
    assert!(!taken.header("webhook-id").contains('.'));

    let text = std::str::from_utf8(&taken.body).unwrap();
    assert!(text.contains(ODD), "the publisher's bytes: {text}");
    let envelope: serde_json::Value = serde_json::from_str(&text.replace(ODD, "{}")).unwrap();
    assert_eq!(envelope["event_id"], event["event_id"]);
    assert_eq!((envelope["event_type"].as_str(), envelope["tenant"].as_str()), (Some("invoice.paid"), Some("acme")));
    assert_eq!((envelope["correlation_id"].as_str(), &envelope["causation_id"]), (Some("order-4711"), &json!(null)));
    assert_eq!((&envelope["references"], &envelope["source"]), (&json!({"ticket_id": "t-1"}), &json!("api")));
    assert!(envelope["schema_version"].is_string() && envelope.get("group_id").is_some());
    let made: Timestamp = envelope["timestamp"].as_str().unwrap().parse().unwrap();
    assert!((made.seconds() - at).abs() < 30);

    let delivery = traced.settled(event["event_id"].as_str().unwrap(), "delivered").await;
    assert_eq!((&delivery["correlation_id"], &delivery["references"]), (&json!("order-4711"), &json!({"ticket_id": "t-1"})));
    assert_eq!((&delivery["attempt_count"], &delivery["next_attempt_at"]), (&json!(1), &json!(null)));
    let shown = traced.admin.get(&format!("/api/v1/events/{}", event["event_id"].as_str().unwrap())).await.expect(200);
    assert!(shown.text().contains(ODD), "shown as it was published: {}", shown.text());
}

async fn a_destination_that_wants_the_payload_gets_its_very_bytes(engine: &Engine) {
    let line = Line::open(engine).await;
    let destination = line.destination(json!({"body": "payload", "settings": {"method": "PUT"}})).await;
    for payload in [ODD, "  [1, 2 ]", "\"text\"", "12345678901234567890.0", "null"] {
        let before = line.receiver.count();
        line.publish_raw(&format!("{{\"event_type\":\"a.b\",\"payload\":{payload}}}")).await;
        let taken = line.receiver.wait(before + 1).await.remove(before);
        assert_eq!(std::str::from_utf8(&taken.body).unwrap(), payload.trim());
        assert_eq!(taken.method, http::Method::PUT);
        assert_eq!(taken.header("webhook-signature"), standard_signature(&destination.secret, &taken));
    }
}

async fn an_event_goes_to_each_destination_of_its_tenant_that_wants_its_type(engine: &Engine) {
    let line = Line::open(engine).await;
    let wishes = [
        ("/all", json!(["*"])),
        ("/below", json!(["ticket.*"])),
        ("/one", json!(["ticket.created", "invoice.paid"])),
        // Not `integration.*`, which would bring what is told of these deliveries too.
        ("/own", json!(["integration.mine.*"])),
    ];
    for (path, types) in &wishes {
        line.destination_at(path, json!({"event_types": types})).await;
    }
    let other = line.server.admin("globex").await;
    let foreign = json!({"name": "another tenant's", "endpoint_url": line.receiver.url("/globex")});
    other.post(DESTINATIONS, foreign).await.expect(201);

    let expected: [(&str, &[&str]); 7] = [
        ("ticket.created", &["/all", "/below", "/one"]),
        ("ticket.comment.added", &["/all", "/below"]),
        ("ticket", &["/all"]),
        ("ticketing.created", &["/all"]),
        ("invoice.paid", &["/all", "/one"]),
        ("integration.mine.happened", &["/own"]),
        ("integrations", &["/all"]),
    ];
    let (mut sent, mut got) = (Vec::new(), Vec::new());
    for (event_type, paths) in expected {
        let event = line.publish_raw(&json!({"event_type": event_type, "payload": {}}).to_string()).await;
        assert_eq!(event["matched_destinations"], paths.len(), "{event_type}");
        sent.extend(paths.iter().map(|path| (event_type.to_owned(), (*path).to_owned())));
    }
    let mut ids = std::collections::HashSet::new();
    for taken in line.receiver.wait(sent.len()).await {
        got.push((taken.json()["event_type"].as_str().unwrap().to_owned(), taken.path.clone()));
        assert!(ids.insert(taken.header("webhook-id").to_owned()), "each event and destination has an id of its own");
    }
    sent.sort();
    got.sort();
    assert_eq!(got, sent);
}

async fn headers_of_destination_and_event_and_a_credential_go_along_and_forge_nothing(engine: &Engine) {
    let line = Line::open(engine).await;
    let credential = json!({"name": "key", "type": "header", "value": "Bearer open sesame"});
    let credential = line.admin.post("/api/v1/integrations/credentials", credential).await.expect(201).id();
    let headers = json!([{"name": "X-Region", "value": "eu"}, {"name": "X-Team", "value": "blue"}]);
    line.destination(json!({"headers": headers, "credential_id": credential})).await;
    let own = json!([{"name": "X-Team", "value": "red"}]);
    line.admin.post("/api/v1/events", json!({"event_type": "a.b", "payload": 1, "headers": own})).await.expect(202);
    let taken = line.receiver.wait(1).await.remove(0);
    assert_eq!((taken.header("x-region"), taken.header("x-team")), ("eu", "red"), "the event's own wins");
    assert_eq!(taken.headers.get_all("x-team").iter().count(), 1);
    assert_eq!(taken.header("authorization"), "Bearer open sesame");
    for name in ["Webhook-Id", "webhook-signature", "hookswitch-replay", "Host", "Content-Length", "Authorization"] {
        let headers = json!([{"name": name, "value": "x"}]);
        let refused = line.admin.post("/api/v1/events", json!({"event_type": "a.b", "payload": 1, "headers": headers})).await;
        assert_eq!(refused.expect(400).json()["errors"][0]["field"], "headers", "{name}");
        let body = json!({"name": "x", "endpoint_url": line.receiver.url("/"), "headers": headers});
        line.admin.post(DESTINATIONS, body).await.expect(400);
    }
}

async fn a_test_goes_to_its_destination_alone_whatever_that_subscribes_to(engine: &Engine) {
    let line = Line::open(engine).await;
    let tested = line.destination(json!({"event_types": ["never.published"]})).await;
    line.destination_at("/bystander", json!({})).await;
    let sent = line.admin.send(http::Method::POST, &tested.path("/test"), None).await.expect(202).json();
    let taken = line.receiver.wait(1).await.remove(0);
    assert_eq!((taken.path.as_str(), taken.json()["event_type"].as_str()), ("/hook", Some("webhook.test")));
    assert_eq!(taken.header("webhook-signature"), standard_signature(&tested.secret, &taken));
    let delivery = line.all_settled(&tested, 1, "delivered").await.remove(0);
    assert_eq!(delivery["id"], sent["delivery_id"]);
    assert_eq!(line.deliveries("").await.len(), 1, "nobody else has one");
}

on_both_engines!(
    an_event_arrives_as_a_signed_post_with_its_payload_untouched,
    a_destination_that_wants_the_payload_gets_its_very_bytes,
    an_event_goes_to_each_destination_of_its_tenant_that_wants_its_type,
    headers_of_destination_and_event_and_a_credential_go_along_and_forge_nothing,
    a_test_goes_to_its_destination_alone_whatever_that_subscribes_to,
);
