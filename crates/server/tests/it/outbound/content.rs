//! Filters, allow-lists and transforms, evaluated by the real sandbox.

use hookswitch_server::app::COMPONENTS;
use serde_json::{Value, json};

use super::{DELIVERIES, DESTINATIONS, Line, merged, standard_signature};
use crate::engines::Engine;
use crate::harness::{Client, SANDBOX, spawn_with};
use crate::on_both_engines;
use crate::receiver::until;

const PREVIEW: &str = "/api/v1/integrations/destinations/preview";
/// It never ends by itself.
const ENDLESS: &str = "($f := function($n) { $f($n + 1) }; $f(1))";

async fn what_the_filter_refuses_ends_filtered_and_is_never_sent(engine: &Engine) {
    let line = Line::open(engine).await;
    let filter = "payload.amount > 10 and references.ticket_id = 't-1' and event_type = 'a.b' and correlation_id = 'c'";
    line.destination(json!({"filter": filter})).await;
    let event = |amount: u32| json!({"event_type": "a.b", "payload": {"amount": amount}, "references": {"ticket_id": "t-1"}, "correlation_id": "c"});
    for amount in [10, 11] {
        line.admin.post("/api/v1/events", event(amount)).await.expect(202);
    }
    let other = line.publish("a.b", json!({"amount": 11})).await;
    let filtered = line.settled(&other, "filtered").await;
    assert_eq!((&filtered["attempt_count"], &filtered["next_attempt_at"]), (&json!(0), &json!(null)));
    let attempts = line.attempts(&filtered).await;
    assert_eq!((attempts.len(), &attempts[0]["outcome"], &attempts[0]["number"]), (1, &json!("filtered"), &json!(null)));
    let delivered = until("one delivered and two filtered", || async {
        let found = line.deliveries("").await;
        let count = |state: &str| found.iter().filter(|delivery| delivery["state"] == state).count();
        (count("delivered") == 1 && count("filtered") == 2).then_some(found)
    });
    delivered.await;
    assert_eq!(line.receiver.count(), 1);
    assert_eq!(line.receiver.taken()[0].json()["payload"]["amount"], 11);
}

async fn every_attempt_sends_the_bytes_of_the_first(engine: &Engine) {
    let line = Line::start(engine, |place, _| if place < 2 { 500.into() } else { 200.into() }).await;
    line.schedule(&[0, 0, 0]).await;
    let transform = "{'id': event_id, 'at': $millis(), 'n': payload.n}";
    let destination = line.destination(json!({"transform": transform})).await;
    let event = line.publish("a.b", json!({"n": 7})).await;
    line.settled(&event, "delivered").await;
    let taken = line.receiver.taken();
    assert_eq!(taken.len(), 3);
    assert_eq!((taken[0].json()["id"].as_str(), &taken[0].json()["n"]), (Some(event.as_str()), &json!(7)));
    for attempt in &taken {
        assert_eq!(attempt.body, taken[0].body);
        assert_eq!(attempt.header("webhook-signature"), standard_signature(&destination.secret, attempt));
    }
}

/// The receiver may have worked on the first attempt's bytes under this very id.
async fn a_changed_transform_counts_for_later_events_alone(engine: &Engine) {
    let line = Line::start(engine, |place, _| if place == 0 { 500.into() } else { 200.into() }).await;
    line.schedule(&[0, 1]).await;
    let destination = line.destination(json!({"transform": "{'first': payload}", "payload_fields": ["a"]})).await;
    let event = line.publish("a.b", json!({"a": 1, "secret": 2})).await;
    line.settled(&event, "retry_scheduled").await;
    let change = json!({"transform": null, "payload_fields": []});
    line.admin.patch(&destination.path(""), change).await.expect(200);
    line.settled(&event, "delivered").await;
    let bodies: Vec<Value> = line.receiver.taken().iter().map(|taken| taken.json()).collect();
    assert_eq!(bodies, [json!({"first": {"a": 1}}), json!({"first": {"a": 1}})]);
    let later = line.publish("a.b", json!({"a": 1, "secret": 2})).await;
    line.settled(&later, "delivered").await;
    assert_eq!(line.receiver.taken()[2].json()["payload"]["secret"], 2);
}

async fn nothing_leaves_that_the_allow_list_does_not_name(engine: &Engine) {
    let line = Line::open(engine).await;
    let fields = json!({"payload_fields": ["id", "customer.id", "lines.sku"]});
    line.destination_at("/envelope", fields.clone()).await;
    line.destination_at("/payload", merged(fields.clone(), json!({"body": "payload"}))).await;
    // The filter sees all of it; the transform sees what is left.
    let all = json!({"filter": "payload.secret = 's3cret'", "transform": "{'all': payload, 'leak': payload.secret}"});
    line.destination_at("/transform", merged(fields, all)).await;
    let payload = "{\"id\": 12345678901234567890123, \"secret\":\"s3cret\", \"customer\": {\"id\": 1, \"name\":\"s3cret\"}, \"lines\": [{\"sku\": 2, \"cost\":\"s3cret\"}]}";
    line.publish_raw(&format!("{{\"event_type\":\"a.b\",\"payload\":{payload}}}")).await;
    let taken = line.receiver.wait(3).await;
    assert!(taken.iter().all(|taken| !String::from_utf8_lossy(&taken.body).contains("s3cret")));
    let kept = r#"{"id":12345678901234567890123,"customer":{"id": 1},"lines":[{"sku": 2}]}"#.replace(": ", ":");
    assert_eq!(std::str::from_utf8(&line.receiver.at("/payload")[0].body).unwrap(), kept);
    let envelope = line.receiver.at("/envelope")[0].body.clone();
    assert!(String::from_utf8_lossy(&envelope).ends_with(&format!("\"payload\":{kept}}}")));
    assert_eq!(line.receiver.at("/transform")[0].json()["all"]["lines"], json!([{"sku": 2}]));
}

async fn a_preview_is_what_is_sent_and_does_nothing(engine: &Engine) {
    let line = Line::open(engine).await;
    let content =
        json!({"filter": "payload.n > 1", "transform": "{'n': payload.n, 'who': tenant, 'id': event_id, 'at': timestamp}"});
    let event = line.publish("a.b", json!({"n": 2})).await;
    let before = line.deliveries("").await.len();
    let shown = line.admin.post(PREVIEW, merged(content.clone(), json!({"event_id": event}))).await.expect(200);
    assert_eq!((&shown.json()["matches"], &shown.json()["errors"]), (&json!(true), &json!([])));
    let destination = line.destination(content.clone()).await;
    let again = line.admin.post(&destination.path("/preview"), json!({"event_id": event})).await.expect(200);
    assert_eq!(again.bytes, shown.bytes);
    let plain = json!({"event_id": event, "filter": null, "transform": null});
    let plain = line.admin.post(&destination.path("/preview"), plain).await.expect(200);
    let all = json!({"event_id": event, "filter": "false"});
    let refused = line.admin.post(&destination.path("/preview"), all).await.expect(200).json();
    assert_eq!((&refused["matches"], &refused["body"]), (&json!(false), &json!(null)));
    assert_eq!((line.deliveries("").await.len(), line.receiver.count()), (before, 0));

    // The same event, sent: byte for byte what was shown.
    line.destination_at("/plain", json!({"event_types": ["b.c"]})).await;
    let event = line.publish("b.c", json!({"n": 2, "x": 1.10})).await;
    for path in ["/hook", "/plain"] {
        until("both", || async { line.receiver.at(path).pop() }).await;
    }
    let shown = line.admin.post(&destination.path("/preview"), json!({"event_id": event})).await.expect(200);
    let body = |taken: &[crate::receiver::Taken]| format!("\"body\":{}", String::from_utf8_lossy(&taken[0].body));
    assert!(shown.text().contains(&body(&line.receiver.at("/hook"))), "{}", shown.text());
    let shown = line.admin.post(PREVIEW, json!({"event_id": event})).await.expect(200);
    assert!(shown.text().contains(&body(&line.receiver.at("/plain"))), "{}", shown.text());
    assert!(plain.text().contains("\"payload\":{\"n\":2}"));
}

async fn a_preview_tells_all_that_is_wrong(engine: &Engine) {
    let line = Line::open(engine).await;
    let event = json!({"event_type": "a.b", "payload": {"n": "text"}});
    let ask = json!({"event": event, "filter": "payload.n >", "transform": "{'a': 1"});
    let shown = line.admin.post(PREVIEW, ask).await.expect(200).json();
    let told: Vec<_> = shown["errors"].as_array().unwrap().iter().map(|error| (&error["field"], &error["position"])).collect();
    assert_eq!(told, [(&json!("filter"), &json!(11)), (&json!("transform"), &json!(7))], "{shown}");
    assert_eq!((&shown["matches"], &shown["body"]), (&json!(null), &json!(null)));
    for (field, ask, matches) in [
        ("filter", json!({"filter": "payload.n * 2 > 1"}), json!(null)),
        ("transform", json!({"transform": "payload.n * 2"}), json!(true)),
        ("transform", json!({"transform": "payload.nothing"}), json!(true)),
        ("payload_fields[0]", json!({"payload_fields": ["a..b"]}), json!(null)),
    ] {
        let shown = line.admin.post(PREVIEW, merged(json!({"event": event}), ask)).await.expect(200).json();
        assert_eq!((&shown["errors"][0]["field"], &shown["matches"]), (&json!(field), &matches), "{shown}");
    }
    for bad in [json!({}), json!({"event_id": "evt_01jd8r7c5tevzs9c1ghvzv3hkp"}), json!({"event": {"event_type": "a.b"}})] {
        line.admin.post(PREVIEW, bad).await.expect(400);
    }
    // Another tenant's event is not there.
    let mine = line.publish("a.b", json!(1)).await;
    line.server.admin("globex").await.post(PREVIEW, json!({"event_id": mine})).await.expect(400);
}

async fn what_can_not_be_compiled_is_not_saved(engine: &Engine) {
    let line = Line::open(engine).await;
    let destination = line.destination(json!({"filter": "true"})).await;
    for (more, field, position) in [
        (json!({"filter": "payload.n >"}), "filter", json!(11)),
        (json!({"transform": "{'a': 1"}), "transform", json!(7)),
        (json!({"filter": "a".repeat(9000)}), "filter", json!(null)),
        (json!({"payload_fields": ["ok", ""]}), "payload_fields[1]", json!(null)),
        (json!({"payload_fields": vec!["a"; 101]}), "payload_fields", json!(null)),
    ] {
        let body = merged(json!({"name": "x", "endpoint_url": line.receiver.url("/")}), more.clone());
        for answer in [line.admin.post(DESTINATIONS, body).await, line.admin.patch(&destination.path(""), more).await] {
            let problem = answer.expect(400).json();
            assert_eq!((&problem["errors"][0]["field"], &problem["errors"][0]["position"]), (&json!(field), &position));
        }
    }
    let list = line.admin.get(DESTINATIONS).await.expect(200).json();
    assert_eq!((list["data"].as_array().unwrap().len(), &list["data"][0]["filter"]), (1, &json!("true")));
}

/// Nobody wrote anything wrong: it is no 400.
async fn without_a_sandbox_nothing_is_saved_and_the_fault_is_ours(engine: &Engine) {
    let server = spawn_with(engine, &[(SANDBOX, "/nowhere/hookswitch")]).await;
    let admin = server.admin("acme").await;
    let body = json!({"name": "x", "endpoint_url": "https://hooks.example.com/", "filter": "true"});
    let webhook = json!({"name": "x", "slug": "x", "auth_type": "bearer", "auth_config": {"type": "bearer"}, "handler_config":
        {"type": "direct_action", "action": "createTicket", "field_mapping": {"title": "a"}}});
    let source = json!({"name": "y", "slug": "y", "auth_type": "bearer", "auth_config": {"type": "bearer"},
        "idempotency_source": {"type": "jsonata", "value": "a"}});
    let event = json!({"event": {"event_type": "a.b", "payload": 1}, "filter": "true"});
    let asks =
        [(DESTINATIONS, body), ("/api/v1/inbound-webhooks", webhook), ("/api/v1/inbound-webhooks", source), (PREVIEW, event)];
    for (path, body) in asks {
        let answer = admin.post(path, body).await.expect(503);
        assert_eq!(answer.code(), "sandbox_unavailable", "{path}");
        assert_ne!(answer.header("retry-after"), "");
    }
    assert_eq!(admin.get(DESTINATIONS).await.expect(200).json()["data"], json!([]));
    assert_eq!(admin.get("/api/v1/inbound-webhooks").await.expect(200).json()["data"], json!([]));
}

async fn an_error_ends_the_delivery_in_plain_words(engine: &Engine) {
    let line = Line::open(engine).await;
    line.destination(json!({"filter": "payload.n * 2 > 1"})).await;
    let event = line.publish("a.b", json!({"n": "text"})).await;
    let dead = line.settled(&event, "dead_lettered").await;
    let reason = line.attempts(&dead).await[0]["reason"].as_str().unwrap().to_owned();
    assert!(reason.starts_with("the destination's filter failed: T2001 "), "{reason}");
    assert_eq!((dead["attempt_count"].as_i64(), line.receiver.count()), (Some(0), 0));
    // Of one that is right, the same destination gets what it wants.
    let good = line.publish("a.b", json!({"n": 1})).await;
    line.settled(&good, "delivered").await;
}

async fn a_sandbox_that_is_away_costs_no_attempt(engine: &Engine) {
    let line = Line::open(engine).await;
    let destination = line.destination(json!({"filter": "true", "enabled": false})).await;
    line.server.stop().await;
    let settings = [("egress.allow_cidrs", &*line.receiver.allowed()), (SANDBOX, "/nowhere/hookswitch")];
    let second = line.server.another(engine, &settings, true).await;
    let mut admin: Client = line.admin.clone();
    admin.address.clone_from(&second.address);
    admin.patch(&destination.path(""), json!({"enabled": true})).await.expect(200);
    admin.post("/api/v1/events", json!({"event_type": "a.b", "payload": 1})).await.expect(202);
    let waiting = until("a try that could not be made", || async {
        let list = admin.get(DELIVERIES).await.expect(200).json();
        (list["data"][0]["state"] == "retry_scheduled").then(|| list["data"][0].clone())
    });
    let waiting = waiting.await;
    assert_eq!((&waiting["attempt_count"], line.receiver.count()), (&json!(0), 0));
    let path = format!("{DELIVERIES}/{}/attempts", super::id_of(&waiting));
    let attempts = admin.get(&path).await.expect(200).json();
    assert_eq!((&attempts["data"][0]["number"], &attempts["data"][0]["outcome"]), (&json!(null), &json!("sandbox_unavailable")));
}

async fn an_endless_filter_ends_and_holds_up_nobody_else(engine: &Engine) {
    let line = Line::open(engine).await;
    let hostile = line.destination_at("/hostile", json!({"filter": ENDLESS})).await;
    let globex = line.server.admin("globex").await;
    let body = json!({"name": "x", "endpoint_url": line.receiver.url("/other"), "filter": "payload >= 0"});
    globex.post(DESTINATIONS, body).await.expect(201);
    for number in 0..20 {
        line.publish("a.b", json!(number)).await;
        globex.post("/api/v1/events", json!({"event_type": "a.b", "payload": number})).await.expect(202);
    }
    until("the other tenant's deliveries", || async { (line.receiver.at("/other").len() == 20).then_some(()) }).await;
    line.all_settled(&hostile, 20, "dead_lettered").await;
    assert_eq!(line.receiver.at("/hostile").len(), 0);
}

async fn a_test_goes_out_whatever_the_filter_wants(engine: &Engine) {
    let line = Line::open(engine).await;
    let destination = line.destination(json!({"filter": "false", "transform": "{'kind': event_type}"})).await;
    line.admin.send(http::Method::POST, &destination.path("/test"), None).await.expect(202);
    assert_eq!(line.receiver.wait(1).await[0].json(), json!({"kind": "webhook.test"}));
}

async fn a_group_gets_its_own_events_alone(engine: &Engine) {
    let line = Line::open(engine).await;
    let (blue, red) = ("grp_01jd8r7c5tevzs9c1ghvzv3hkp", "grp_01jd8r7c5tevzs9c1ghvzv3hkq");
    let destination = line.destination_at("/blue", json!({"group_id": blue})).await;
    line.destination_at("/all", json!({"event_types": ["ticket.*"]})).await;
    for (group, kind, matched) in [(json!(blue), "ticket.a.b.c", 2), (json!(red), "ticket.a", 1), (json!(null), "ticket", 0)] {
        let event = json!({"event_type": kind, "payload": 1, "group_id": group, "ordering_key": "k"});
        let answer = line.admin.post("/api/v1/events", event).await.expect(202).json();
        assert_eq!(answer["matched_destinations"], matched, "{kind}");
        let path = format!("/api/v1/events/{}", answer["event_id"].as_str().unwrap());
        let shown = line.admin.get(&path).await.expect(200).json();
        assert_eq!((&shown["group_id"], &shown["ordering_key"]), (&group, &json!("k")));
    }
    line.receiver.wait(3).await;
    assert_eq!(line.receiver.at("/blue")[0].json()["group_id"], blue);
    let open = line.admin.patch(&destination.path(""), json!({"group_id": null})).await.expect(200).json();
    assert_eq!(open["group_id"], json!(null));
    line.admin.patch(&destination.path(""), json!({"group_id": "dst_01jd8r7c5tevzs9c1ghvzv3hkp"})).await.expect(400);
}

on_both_engines!(
    what_the_filter_refuses_ends_filtered_and_is_never_sent,
    every_attempt_sends_the_bytes_of_the_first,
    a_changed_transform_counts_for_later_events_alone,
    nothing_leaves_that_the_allow_list_does_not_name,
    a_preview_is_what_is_sent_and_does_nothing,
    a_preview_tells_all_that_is_wrong,
    what_can_not_be_compiled_is_not_saved,
    without_a_sandbox_nothing_is_saved_and_the_fault_is_ours,
    an_error_ends_the_delivery_in_plain_words,
    a_sandbox_that_is_away_costs_no_attempt,
    an_endless_filter_ends_and_holds_up_nobody_else,
    a_test_goes_out_whatever_the_filter_wants,
    a_group_gets_its_own_events_alone,
);
