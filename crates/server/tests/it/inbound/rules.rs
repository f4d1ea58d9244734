//! Handlers with several rules: the first that is true runs, and where none is the request is skipped.

use hookswitch_server::app::COMPONENTS;
use serde_json::{Value, json};

use super::{House, alerts, delivery_id};
use crate::engines::Engine;
use crate::on_both_engines;

fn rule(when: Value, title: &str) -> Value {
    json!({"when": when, "action": "createTicket", "field_mapping": {"title": title}})
}

fn handler(rules: Value) -> Value {
    json!({"idempotency_source": null, "handler_config": {"type": "direct_action", "rules": rules}})
}

async fn the_first_true_rule_runs_and_none_is_a_skip(engine: &Engine) {
    let house = House::open(engine).await;
    let rules = json!([
        rule(json!("statusCode = 'TRIGGERED' and severity = 'CRITICAL'"), "'critical: ' & message"),
        rule(json!("statusCode = 'TRIGGERED'"), "message"),
    ]);
    let webhook = house.webhook(alerts(handler(rules.clone()))).await;
    let shown = house.admin.get(&webhook.api("")).await.expect(200).json();
    assert_eq!((&shown["handler_config"]["rules"], &shown["handler_type"]), (&rules, &json!("direct_action")));
    let body = |status: &str, severity: &str| json!({"statusCode": status, "severity": severity, "message": "disk"}).to_string();
    let first = delivery_id(&webhook.post("", &body("TRIGGERED", "CRITICAL")).await.expect(200));
    let second = delivery_id(&webhook.post("", &body("TRIGGERED", "MINOR")).await.expect(200));
    assert_eq!(house.logged(&webhook, &first).await["handler_outcome"]["rule"], 0);
    assert_eq!(house.logged(&webhook, &second).await["handler_outcome"]["rule"], 1);
    let skipped = webhook.post("", &body("RESET", "NONE")).await.expect(200).json();
    assert_eq!(skipped["skipped"], true, "{skipped}");
    let row = house.logged(&webhook, skipped["delivery_id"].as_str().unwrap()).await;
    assert_eq!((&row["dispatch_status"], &row["handler_outcome"]["outcome"]), (&json!("dispatched"), &json!("skipped")));
    assert_eq!((&row["response_status"], &row["error"]), (&json!(200), &Value::Null));
    let titles: Vec<_> = house.tickets().await.iter().map(|ticket| ticket["title"].clone()).collect();
    assert_eq!(titles, [json!("disk"), json!("critical: disk")]);
    let ask = json!({"body": {"statusCode": "TRIGGERED", "severity": "MINOR", "message": "m"}});
    let preview = house.admin.post(&webhook.api("/preview"), ask).await.expect(200).json();
    assert_eq!(
        (&preview["rule"], &preview["rules"][0]["is_true"], &preview["rules"][1]["is_true"]),
        (&json!(1), &json!(false), &json!(true))
    );
    let preview = house.admin.post(&webhook.api("/preview"), json!({"body": {}})).await.expect(200).json();
    assert_eq!((&preview["rule"], &preview["effect"]["kind"]), (&Value::Null, &json!("skipped")));
}

async fn a_condition_that_fails_is_told_and_nothing_behind_it_runs(engine: &Engine) {
    let house = House::open(engine).await;
    let rules = json!([rule(json!("$sum(message) > 1"), "message"), rule(Value::Null, "message")]);
    let mut rules = rules;
    rules[1].as_object_mut().unwrap().remove("when");
    let webhook = house.webhook(alerts(handler(rules))).await;
    let problem = webhook.post("", r#"{"message": "x"}"#).await.expect(400).json();
    assert_eq!((&problem["code"], &problem["errors"][0]["field"]), (&json!("mapping_failed"), &json!("rules[0].when")));
    assert!(house.tickets().await.is_empty());
    webhook.post("", r#"{"message": 1}"#).await.expect(200);
    assert_eq!(house.tickets().await[0]["title"], "1");
}

on_both_engines!(the_first_true_rule_runs_and_none_is_a_skip, a_condition_that_fails_is_told_and_nothing_behind_it_runs,);
