//! What becomes of a request that was let in: failures name what is wrong, and are kept.

use hookswitch_server::app::COMPONENTS;
use http::Method;
use serde_json::{Value, json};

use super::{House, alert, alerts, delivery_id, mapping};
use crate::engines::Engine;
use crate::harness::Answer;
use crate::on_both_engines;

/// A problem document with this status and code that names its delivery; returns that one's id.
fn failed(answer: &Answer, status: u16, code: &str) -> String {
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/problem+json");
    delivery_id(answer)
}

async fn what_is_no_json_is_refused_and_its_raw_text_kept(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = house.webhook(alerts(json!({}))).await;
    for body in ["", "{\"alert\": ", "alert=1&message=2", "{} {}", "{\"a\": \"\\ud800\"}", "nul"] {
        let answer = webhook.post("k-1", body).await;
        let row = house.logged(&webhook, &failed(&answer, 400, "invalid_json")).await;
        assert_eq!((&row["request_body"], &row["dispatch_status"]), (&json!(body), &json!("failed")));
        assert_eq!((&row["response_status"], &row["auth_status"]), (&json!(400), &json!("verified")));
        assert!(row["error"].as_str().is_some_and(|error| !error.is_empty()), "{row}");
    }
    let no_text = b"{\"alert\": \"\xff\xfe\"}";
    let answer = webhook.signed(no_text).raw(Method::POST, &webhook.path(), &no_text[..]).await;
    failed(&answer, 400, "invalid_json");
    let deep = "[".repeat(100_000);
    failed(&webhook.post("k-1", &deep).await, 400, "invalid_json");
    assert_eq!(webhook.post("k-1", &alert("x")).await.expect(200).json()["duplicate"], json!(null), "none of them took the key");
    assert_eq!(house.tickets().await.len(), 1);
}

async fn a_mapping_that_fails_names_every_field_at_once(engine: &Engine) {
    let house = House::open(engine).await;
    let fields = json!({
        "title": "alert.nothing", "priority_id": "alert.id", "on_existing": "'maybe'", "attributes": "alert.message",
        "description": "$sum(alert.message)", "external_id": "$string(alert.id)"
    });
    let webhook = house.webhook(alerts(json!({"handler_config": mapping(fields)}))).await;
    let answer = webhook.post("k-1", &alert("do not repeat me")).await;
    let id = failed(&answer, 400, "mapping_failed");
    let problem = answer.json();
    let mut named: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
    named.sort_unstable();
    assert_eq!(named, ["attributes", "description", "on_existing", "priority_id", "title"], "{problem}");
    let row = house.logged(&webhook, &id).await;
    assert_eq!((&row["dispatch_status"], &row["handler_outcome"]["code"]), (&json!("failed"), &json!("mapping_failed")));
    assert_eq!(row["handler_outcome"]["errors"].as_array().unwrap().len(), 5);
    assert_eq!(row["response_status"], 400);
    assert!(house.tickets().await.is_empty());
    assert_eq!(house.admin.get("/api/v1/external-mappings").await.expect(200).json()["data"], json!([]));
}

async fn a_value_that_the_action_refuses_is_a_mapping_error_too(engine: &Engine) {
    let house = House::open(engine).await;
    let cases: [(Value, &str); 5] = [
        (json!({"title": "'   '"}), "title"),
        (json!({"title": "alert.message & $pad('', 501, 'x')"}), "title"),
        (json!({"title": "'x'", "board_id": "'brd_01jd8r7c5tevzs9c1ghvzv3hkp'"}), "board_id"),
        (json!({"title": "'x'", "due_date": "'tomorrow'"}), "due_date"),
        (json!({"title": "'a\\u0000b'"}), "title"),
    ];
    for (place, (fields, field)) in cases.into_iter().enumerate() {
        let body = alerts(json!({"slug": format!("case-{place}"), "handler_config": mapping(fields)}));
        let webhook = house.webhook(body).await;
        let answer = webhook.post("k-1", &alert("x")).await;
        failed(&answer, 400, "mapping_failed");
        assert_eq!(answer.json()["errors"][0]["field"], field, "{}", answer.text());
    }
    assert!(house.tickets().await.is_empty(), "nothing of it is kept");
}

async fn an_unknown_external_id_is_a_lookup_miss_until_it_is_linked(engine: &Engine) {
    let house = House::open(engine).await;
    let fields = json!({"title": "alert.message", "client_external_id": "$string(alert.id)"});
    let webhook = house.webhook(alerts(json!({"handler_config": mapping(fields)}))).await;
    let answer = webhook.post("k-1", &alert("x")).await;
    let row = house.logged(&webhook, &failed(&answer, 422, "lookup_miss")).await;
    assert_eq!((&row["dispatch_status"], &row["response_status"]), (&json!("failed"), &json!(422)));
    assert!(house.tickets().await.is_empty());
    let client = house.admin.post("/api/v1/clients", json!({"client_name": "Customer 17"})).await.expect(201).id();
    let link = json!({
        "integration_type": "alerts", "alga_entity_type": "client", "alga_entity_id": client, "external_entity_id": "17"
    });
    house.admin.post("/api/v1/external-mappings", link).await.expect(201);
    webhook.post("k-1", &alert("x")).await.expect(200);
    let tickets = house.tickets().await;
    assert_eq!((&tickets[0]["client_id"], &tickets[0]["client_name"]), (&json!(client), &json!("Customer 17")));
    // Another webhook's sender knows nobody by that id.
    let fields = json!({"title": "alert.message", "client_external_id": "$string(alert.id)"});
    let other = house.webhook(alerts(json!({"slug": "other", "handler_config": mapping(fields)}))).await;
    failed(&other.post("k-1", &alert("x")).await, 422, "lookup_miss");
}

/// CONTRACT 6: while nobody has saved a mapping, senders are taken in and their requests kept.
async fn without_a_mapping_a_request_is_taken_in_and_kept(engine: &Engine) {
    let house = House::open(engine).await;
    let unfinished = alerts(json!({"handler_type": null, "handler_config": null}));
    let webhook = house.webhook(unfinished).await;
    let answer = webhook.post("k-1", &alert("first")).await.expect(200);
    let id = delivery_id(&answer);
    assert_eq!(answer.json(), json!({"delivery_id": id}));
    let row = house.logged(&webhook, &id).await;
    assert_eq!((&row["dispatch_status"], &row["handler_outcome"]["code"]), (&json!("failed"), &json!("not_configured")));
    assert_eq!((&row["request_body"], &row["response_status"]), (&json!(alert("first")), &json!(200)));
    house.admin.put(&webhook.api(""), alerts(json!({}))).await.expect(200);
    assert_eq!(webhook.post("k-1", &alert("first")).await.expect(200).json()["duplicate"], json!(null));
    assert_eq!(house.tickets().await.len(), 1);
}

async fn over_its_rate_a_sender_hears_when_to_come_again(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = house.webhook(alerts(json!({"rate_limit_per_minute": 1}))).await;
    let other = house.webhook(alerts(json!({"slug": "other", "rate_limit_per_minute": 1}))).await;
    // Who isn't let in uses nothing up.
    webhook.signed(b"other").raw(Method::POST, &webhook.path(), alert("x")).await.expect(401);
    webhook.post("k-1", &alert("x")).await.expect(200);
    let answer = webhook.post("k-2", &alert("x")).await;
    let row = house.logged(&webhook, &failed(&answer, 429, "rate_limited")).await;
    let seconds: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!((&row["dispatch_status"], &row["response_status"]), (&json!("failed"), &json!(429)));
    other.post("k-1", &alert("x")).await.expect(200);
    assert_eq!(house.tickets().await.len(), 2, "each webhook has its own rate");
}

/// One tenant's expression that never ends costs its own sender an answer and nobody else anything.
async fn an_expression_that_never_ends_is_told_as_a_failure(engine: &Engine) {
    let house = House::open(engine).await;
    let endless = json!({"title": "($f := function($n) { $f($n + 1) }; $f(0))"});
    let hostile = house.webhook(alerts(json!({"slug": "hostile", "handler_config": mapping(endless)}))).await;
    let webhook = house.webhook(alerts(json!({}))).await;
    let attack = tokio::spawn(async move { hostile.post("k-1", &alert("x")).await });
    webhook.post("k-1", &alert("x")).await.expect(200);
    let answer = attack.await.unwrap();
    failed(&answer, 400, "mapping_failed");
    assert_eq!(answer.json()["errors"][0]["field"], "title", "{}", answer.text());
    assert_eq!(house.tickets().await.len(), 1);
}

on_both_engines!(
    what_is_no_json_is_refused_and_its_raw_text_kept,
    a_mapping_that_fails_names_every_field_at_once,
    a_value_that_the_action_refuses_is_a_mapping_error_too,
    an_unknown_external_id_is_a_lookup_miss_until_it_is_linked,
    without_a_mapping_a_request_is_taken_in_and_kept,
    over_its_rate_a_sender_hears_when_to_come_again,
    an_expression_that_never_ends_is_told_as_a_failure,
);
