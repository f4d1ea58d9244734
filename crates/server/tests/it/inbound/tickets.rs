//! `createTicket`: what is mapped is what the ticket says, and the news of it goes out.

use hookswitch_server::app::COMPONENTS;
use serde_json::{Value, json};

use super::{House, alert, alerts, delivery_id, mapping};
use crate::engines::Engine;
use crate::harness::spawn_with;
use crate::on_both_engines;
use crate::outbound::{DESTINATIONS, standard_signature};
use crate::receiver::Receiver;

/// The first record of this list whose field has this value.
async fn named(house: &House, path: &str, field: &str, value: &str) -> Value {
    let list = house.admin.get(path).await.expect(200).json();
    let found = list["data"].as_array().unwrap().iter().find(|record| record[field] == value);
    found.unwrap_or_else(|| panic!("no {value} in {list}")).clone()
}

async fn the_tickets_fields_are_what_the_mapping_gave(engine: &Engine) {
    let house = House::open(engine).await;
    let board = named(&house, "/api/v1/boards", "board_name", "Support").await;
    let statuses = format!("/api/v1/statuses?board_id={}", board["id"].as_str().unwrap());
    let status = named(&house, &statuses, "name", "In progress").await;
    let priority = named(&house, "/api/v1/priorities", "priority_name", "Urgent").await;
    let client = house.admin.post("/api/v1/clients", json!({"client_name": "Customer 17"})).await.expect(201).id();
    let fields = json!({
        "title": "$uppercase(alert.severity) & ': ' & alert.message",
        "description": "$join(alert.lines, '\n')",
        "client_id": "alert.client",
        "board_id": "alert.board",
        "status_id": "alert.status",
        "priority_id": "alert.priority",
        "due_date": "alert.due",
        "external_id": "$string(alert.id)",
        "attributes": "{'host': alert.host, 'tags': alert.tags}"
    });
    let webhook = house.webhook(alerts(json!({"handler_config": mapping(fields)}))).await;
    let body = json!({"alert": {
        "id": 9_007_199_254_740_991_i64, "severity": "high", "message": "disk \u{1f4be} 97 %", "lines": ["one", "two"], "client": client,
        "board": board["id"], "status": status["id"], "priority": priority["id"], "due": "2031-01-31", "host": "db1", "tags": ["a", "b"]
    }});
    let id = delivery_id(&webhook.post("k-1", &body.to_string()).await.expect(200));
    let ticket = house.tickets().await.remove(0);
    let expected = json!({
        "title": "HIGH: disk \u{1f4be} 97 %", "description": "one\ntwo", "client_id": client, "client_name": "Customer 17",
        "board_id": board["id"], "status_id": status["id"], "status_name": "In progress", "priority_id": priority["id"],
        "priority_name": "Urgent", "due_date": "2031-01-31T00:00:00.000Z", "ticket_number": 1, "ticket_origin": "api",
        "source": "webhook", "entered_by": "webhook:alerts", "is_closed": false,
        "attributes": {"host": "db1", "tags": ["a", "b"], "inbound_delivery_id": id, "webhook": "alerts"},
        "external_refs": [{"integration_type": "alerts", "external_id": "9007199254740991"}],
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&ticket[field], value, "{field}");
    }
    let row = house.logged(&webhook, &id).await;
    let outcome = ["entity_type", "entity_id", "result", "ticket_number"].map(|field| row["handler_outcome"][field].clone());
    assert_eq!(outcome, [json!("ticket"), ticket["id"].clone(), json!("created"), json!(1)]);
    let link = named(&house, "/api/v1/external-mappings?integration_type=alerts", "external_entity_id", "9007199254740991").await;
    assert_eq!((&link["alga_entity_id"], &link["alga_entity_type"]), (&ticket["id"], &json!("ticket")));
}

async fn what_is_not_mapped_takes_the_tenants_defaults(engine: &Engine) {
    let house = House::open(engine).await;
    let webhook = house.webhook(alerts(json!({"handler_config": mapping(json!({"title": "value[1].message"}))}))).await;
    webhook.post("k-1", "[1, {\"message\": \"from an array\"}]").await.expect(200);
    let ticket = house.tickets().await.remove(0);
    let told = ["title", "client_name", "board_name", "status_name", "priority_name", "due_date", "external_refs"];
    let told = told.map(|field| ticket[field].clone());
    let expected =
        [json!("from an array"), json!("General"), json!("Support"), json!("New"), json!("Medium"), json!(null), json!([])];
    assert_eq!(told, expected);
}

async fn a_known_external_id_does_what_on_existing_says(engine: &Engine) {
    let house = House::open(engine).await;
    let board = named(&house, "/api/v1/boards", "board_name", "Support").await;
    let statuses = format!("/api/v1/statuses?board_id={}", board["id"].as_str().unwrap());
    let closed = named(&house, &statuses, "name", "Closed").await;
    let fields = json!({
        "title": "alert.message", "description": "alert.message", "external_id": "$string(alert.id)", "on_existing": "alert.do",
        "status_id": "alert.status"
    });
    let webhook = house.webhook(alerts(json!({"idempotency_source": null, "handler_config": mapping(fields)}))).await;
    let body = |what: Value, message: &str| {
        json!({"alert": {"id": 17, "message": message, "do": what, "status": closed["id"]}}).to_string()
    };
    webhook.post("", &body(json!(null), "first")).await.expect(200);
    let ticket = house.tickets().await.remove(0);
    assert_eq!(ticket["is_closed"], true);
    let comments = format!("/api/v1/tickets/{}/comments", ticket["id"].as_str().unwrap());
    for (what, status, result, notes, is_closed) in [
        (json!(null), 200, "unchanged", 0, true),
        (json!("return"), 200, "unchanged", 0, true),
        (json!("comment"), 200, "updated", 1, true),
        (json!("reopen"), 200, "updated", 1, false),
        (json!("reopen"), 200, "unchanged", 1, false),
        (json!("fail"), 422, "", 1, false),
    ] {
        let answer = webhook.post("", &body(what.clone(), "again")).await.expect(status);
        let row = house.logged(&webhook, &delivery_id(&answer)).await;
        match status {
            200 => assert_eq!(
                (&row["handler_outcome"]["result"], &row["handler_outcome"]["entity_id"]),
                (&json!(result), &ticket["id"])
            ),
            _ => assert_eq!((answer.code().as_str(), &row["dispatch_status"]), ("already_exists", &json!("failed"))),
        }
        let found = house.admin.get(&comments).await.expect(200).json()["data"].as_array().unwrap().clone();
        assert_eq!(found.len(), notes, "{what}");
        assert!(found.iter().all(|comment| comment["note"] == "again"));
        assert_eq!(house.tickets().await.remove(0)["is_closed"], is_closed, "{what}");
    }
    assert_eq!(house.tickets().await.len(), 1);
    assert_eq!(house.tickets().await[0]["title"], "first");
}

async fn many_alerts_of_one_thing_at_once_make_one_ticket(engine: &Engine) {
    let house = House::open(engine).await;
    let fields = json!({"title": "alert.message", "external_id": "$string(alert.id)"});
    let webhook = house.webhook(alerts(json!({"idempotency_source": null, "handler_config": mapping(fields)}))).await;
    let posts = (0..20).map(|_| {
        let webhook = webhook.clone();
        tokio::spawn(async move { webhook.post("", &alert("disk full")).await.expect(200) })
    });
    for post in posts.collect::<Vec<_>>() {
        post.await.unwrap();
    }
    assert_eq!(house.tickets().await.len(), 1);
    let log = house.log(&webhook).await;
    let created = log.iter().filter(|row| row["handler_outcome"]["result"] == "created").count();
    assert_eq!((log.len(), created), (20, 1));
}

/// In and out are one product: the ticket that a webhook makes is news for a destination.
async fn a_ticket_that_a_webhook_makes_goes_out_and_names_its_cause(engine: &Engine) {
    let receiver = Receiver::start(|_, _| 200.into()).await;
    let house = House::of(spawn_with(engine, &[("egress.allow_cidrs", &receiver.allowed())]).await).await;
    let destination = json!({"name": "x", "endpoint_url": receiver.url("/"), "event_types": ["ticket.*"]});
    let made = house.admin.post(DESTINATIONS, destination).await.expect(201).json();
    let webhook = house.webhook(alerts(json!({}))).await;
    let id = delivery_id(&webhook.post("k-1", &alert("disk full")).await.expect(200));
    let taken = receiver.wait(1).await.remove(0);
    assert_eq!(taken.header("webhook-signature"), standard_signature(made["signing_secret"].as_str().unwrap(), &taken));
    let (event, ticket) = (taken.json(), house.tickets().await.remove(0));
    assert_eq!((&event["event_type"], &event["source"]), (&json!("ticket.created"), &json!("desk")));
    assert_eq!((&event["causation_id"], &event["correlation_id"]), (&json!(id), &json!(id)));
    assert_eq!(event["references"], json!({"ticket_id": ticket["id"]}));
    assert_eq!(event["payload"]["ticket"]["title"], "disk full");
    assert_eq!(event["payload"]["ticket"]["id"], ticket["id"]);
    // A duplicate and a failure are no news.
    webhook.post("k-1", &alert("disk full")).await.expect(200);
    webhook.post("k-2", "{}").await.expect(400);
    webhook.post("k-3", &alert("another")).await.expect(200);
    let titles: Vec<_> = receiver.wait(2).await.iter().map(|taken| taken.json()["payload"]["ticket"]["title"].clone()).collect();
    assert_eq!(titles, ["disk full", "another"]);
}

on_both_engines!(
    the_tickets_fields_are_what_the_mapping_gave,
    what_is_not_mapped_takes_the_tenants_defaults,
    a_known_external_id_does_what_on_existing_says,
    many_alerts_of_one_thing_at_once_make_one_ticket,
    a_ticket_that_a_webhook_makes_goes_out_and_names_its_cause,
);
