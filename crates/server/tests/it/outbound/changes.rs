//! Saving a destination: what is refused stores nothing, and what is changed counts at once.

use hookswitch_server::app::COMPONENTS;
use serde_json::json;

use super::{DESTINATIONS, Line};
use crate::engines::Engine;
use crate::on_both_engines;

const PRIVATE: &str = "endpoint_url must not target a private or reserved address";

/// Spellings of addresses inside; the receiver's own is allowed by its port alone.
const INSIDE: [&str; 18] = [
    "http://169.254.169.254/latest/meta-data/",
    "http://127.0.0.1:9000/",
    "http://127.0.0.1/",
    "http://10.0.0.5/",
    "http://192.168.1.1:8080/",
    "http://172.16.0.1/",
    "http://100.64.0.1/",
    "http://0.0.0.0/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://017700000001/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[fe80::1]/",
    "http://[fd00::1]/",
    "http://[64:ff9b::a00:5]/",
    "http://[2002:7f00:1::]/",
    "http://localhost:9000/",
];

async fn private_addresses_are_refused_in_the_contracts_words_and_nothing_is_stored(engine: &Engine) {
    let line = Line::open(engine).await;
    for url in INSIDE {
        // Whatever else is wrong: who points inside hears that.
        for body in [json!({"name": "x", "endpoint_url": url}), json!({"name": "", "endpoint_url": url, "max_in_flight": 0})] {
            let answer = line.admin.post(DESTINATIONS, body).await.expect(400);
            assert_eq!(answer.header("content-type"), "application/problem+json");
            let problem = answer.json();
            assert_eq!((&problem["detail"], &problem["errors"][0]["field"]), (&json!(PRIVATE), &json!("endpoint_url")), "{url}");
        }
    }
    for url in [
        "",
        "nonsense",
        "ftp://example.com/",
        "http://user:secret@example.com/",
        "http://example.com/#a",
        "http:///x",
        "http://exa mple.com/",
        "https://example.com:0/",
    ] {
        let answer = line.admin.post(DESTINATIONS, json!({"name": "x", "endpoint_url": url})).await.expect(400);
        assert_eq!(answer.json()["errors"][0]["field"], "endpoint_url", "{url}");
        assert!(!answer.text().contains("secret"), "{}", answer.text());
    }
    assert_eq!(line.admin.get(DESTINATIONS).await.expect(200).json()["data"], json!([]));
    let trail = line.admin.get("/api/v1/audit?action=destination.created").await.expect(200).json();
    assert_eq!(trail["data"], json!([]));
}

async fn a_changed_url_is_judged_again_and_an_absent_one_stays(engine: &Engine) {
    let line = Line::open(engine).await;
    let destination = line.destination(json!({})).await;
    for url in INSIDE {
        let change = json!({"name": "changed", "endpoint_url": url});
        let refused = line.admin.patch(&destination.path(""), change).await.expect(400).json();
        assert_eq!(refused["detail"], PRIVATE, "{url}");
    }
    let unchanged = line.admin.get(&destination.path("")).await.expect(200).json();
    assert_eq!(unchanged["name"], "a receiver", "nothing of a refused change is kept");
    line.publish("a.b", json!(1)).await;
    line.admin.patch(&destination.path(""), json!({"name": "renamed", "event_types": ["a.*"]})).await.expect(200);
    line.publish("a.b", json!(2)).await;
    line.admin.patch(&destination.path(""), json!({"endpoint_url": line.receiver.url("/moved")})).await.expect(200);
    line.publish("a.b", json!(3)).await;
    line.receiver.wait(3).await;
    let paths = |path| line.receiver.at(path).iter().map(|taken| taken.json()["payload"].clone()).collect::<Vec<_>>();
    let mut first = paths("/hook");
    first.sort_by_key(serde_json::Value::as_i64);
    assert_eq!((first, paths("/moved")), (vec![json!(1), json!(2)], vec![json!(3)]));
}

async fn bad_fields_are_named_all_at_once_and_nothing_is_stored(engine: &Engine) {
    let line = Line::open(engine).await;
    let body = json!({
        "name": "", "endpoint_url": line.receiver.url("/"), "adapter_type": "carrier_pigeon", "event_types": [],
        "max_in_flight": 201, "policy": {"max_attempts": 0}, "headers": [{"name": "Host", "value": "x"}]
    });
    let problem = line.admin.post(DESTINATIONS, body).await.expect(400).json();
    let named: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
    for field in ["name", "adapter_type", "event_types", "max_in_flight", "policy.max_attempts", "headers"] {
        assert!(named.contains(&field), "{field}: {problem}");
    }
    let unknown = [
        (json!({"credential_id": "crd_01jd8r7c5tevzs9c1ghvzv3hkp"}), "credential_id"),
        (json!({"event_types": ["Ticket.*"]}), "event_types[0]"),
        (json!({"settings": {"verb": "POST"}}), "settings.verb"),
        (json!({"no_such_field": 1}), "no_such_field"),
        (json!({"signing": {"profile": {"custom": {"signature_header": "X-S", "template": "nothing"}}}}), "signing.profile"),
    ];
    for (more, field) in unknown {
        let body = super::merged(json!({"name": "x", "endpoint_url": line.receiver.url("/")}), more);
        let problem = line.admin.post(DESTINATIONS, body).await.expect(400).json();
        let named = problem["errors"][0]["field"].as_str().unwrap();
        assert!(named.starts_with(field), "{field}: {problem}");
    }
    assert_eq!(line.admin.get(DESTINATIONS).await.expect(200).json()["data"], json!([]));
}

async fn a_deleted_destination_takes_what_waits_with_it(engine: &Engine) {
    let line = Line::open(engine).await;
    let destination = line.destination(json!({})).await;
    let kept = line.destination_at("/kept", json!({})).await;
    line.publish("a.b", json!(1)).await;
    line.all_settled(&destination, 1, "delivered").await;
    line.command(&destination, "pause").await;
    let waiting = line.publish("a.b", json!(2)).await;
    line.all_settled(&kept, 2, "delivered").await;
    line.admin.delete(&destination.path("")).await.expect(204);
    line.admin.get(&destination.path("")).await.expect(404);
    let found = line.deliveries(&format!("destination_id={}", destination.id)).await;
    let states: Vec<_> = found.iter().map(|delivery| (delivery["state"].as_str().unwrap(), &delivery["parked_reason"])).collect();
    assert_eq!(states, [("cancelled", &json!(null)), ("delivered", &json!(null))], "what was delivered stays readable");
    assert!(found.iter().all(|delivery| delivery["destination_name"].is_null() && delivery["next_attempt_at"].is_null()));
    assert_eq!(line.act(&found[1], "replay").await.expect(409).code(), "destination_deleted");
    line.publish("a.b", json!(3)).await;
    line.all_settled(&kept, 3, "delivered").await;
    assert_eq!(line.receiver.at("/hook").len(), 1, "nothing more is sent there");
    assert_eq!(line.deliveries(&format!("event_id={waiting}")).await.len(), 2);
}

on_both_engines!(
    private_addresses_are_refused_in_the_contracts_words_and_nothing_is_stored,
    a_changed_url_is_judged_again_and_an_absent_one_stays,
    bad_fields_are_named_all_at_once_and_nothing_is_stored,
    a_deleted_destination_takes_what_waits_with_it,
);
