//! Tickets by the sender's own id: updated, commented, moved on.

use hookswitch_server::app::COMPONENTS;
use serde_json::{Value, json};

use super::Desk;
use crate::engines::Engine;
use crate::on_both_engines;

/// A ticket that the webhook of this slug knows as `t-1`.
async fn ticket(desk: &Desk, slug: &str) -> Value {
    let body = json!({"title": "Disk full", "description": "97 %", "attributes": {"host": "db1", "rack": 7}});
    let made = desk.make("tickets", body).await;
    desk.link(slug, "ticket", &made["id"], "t-1").await;
    made
}

async fn update_changes_what_is_mapped_and_nothing_else(engine: &Engine) {
    let desk = Desk::open(engine).await;
    let before = ticket(&desk, "up").await;
    let urgent = desk.named("priorities", "priority_name", "Urgent").await;
    let user = desk.house.server.user("acme", "ann@acme.example", "operator").await;
    let fields =
        ["external_id", "title", "priority_id", "assigned_to", "attributes", "status_id", "board_id", "due_date", "asset_id"];
    let hook = desk.hook("up", "updateTicketByExternalId", &fields).await;
    let asset = desk.make("assets", json!({"name": "db1"})).await;
    let body = json!({
        "external_id": "t-1", "priority_id": urgent["id"], "assigned_to": user, "attributes": {"rack": 8}, "due_date": "2031-01-31",
        "asset_id": asset["id"],
    });
    let outcome = desk.does(&hook, body.clone()).await;
    assert_eq!((&outcome["result"], &outcome["entity_id"]), (&json!("updated"), &before["id"]));
    let mut named: Vec<&str> = outcome["updated_fields"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    named.sort_unstable();
    assert_eq!(named, ["assigned_to", "attributes", "due_date", "priority_id"]);
    let after = desk.read("tickets", &before["id"]).await;
    assert_eq!((&after["title"], &after["description"]), (&json!("Disk full"), &json!("97 %")));
    assert_eq!((&after["priority_name"], &after["assigned_to"]), (&json!("Urgent"), &json!(user)));
    assert_eq!(after["attributes"], json!({"host": "db1", "rack": 8}));
    assert_eq!(after["due_date"], "2031-01-31T00:00:00.000Z");
    let about = desk.list(&format!("assets?ticket_id={}", before["id"].as_str().unwrap())).await;
    assert_eq!((about.len(), &about[0]["name"]), (1, &json!("db1")));
    assert_eq!(desk.does(&hook, body).await["result"], "unchanged", "the same again");
    assert_eq!((desk.events("ticket.updated").await, desk.events("ticket.assigned").await), (1, 1));
}

async fn what_an_update_names_must_fit(engine: &Engine) {
    let desk = Desk::open(engine).await;
    let before = ticket(&desk, "up").await;
    let board = desk.make("boards", json!({"board_name": "Second"})).await;
    let theirs = desk.list(&format!("statuses?board_id={}", board["id"].as_str().unwrap())).await;
    let closed = theirs.iter().find(|status| status["is_closed"] == true).unwrap();
    let hook =
        desk.hook("up", "updateTicketByExternalId", &["external_id", "title", "status_id", "board_id", "assigned_to"]).await;
    desk.refuses(&hook, json!({"external_id": "t-2", "title": "x"}), 422, "lookup_miss").await;
    desk.names(&hook, json!({"title": "x"}), "external_id").await;
    for (field, body) in [
        ("status_id", json!({"external_id": "t-1", "title": "x", "status_id": closed["id"]})),
        ("status_id", json!({"external_id": "t-1", "title": "x", "board_id": board["id"]})),
        ("board_id", json!({"external_id": "t-1", "title": "x", "board_id": "brd_01jd8r7c5tevzs9c1ghvzv3hkp"})),
        ("board_id", json!({"external_id": "t-1", "title": "x", "board_id": "no id"})),
        ("assigned_to", json!({"external_id": "t-1", "title": "x", "assigned_to": "usr_01jd8r7c5tevzs9c1ghvzv3hkp"})),
        ("title", json!({"external_id": "t-1", "title": "x".repeat(501)})),
    ] {
        desk.names(&hook, body, field).await;
    }
    assert_eq!(desk.read("tickets", &before["id"]).await, desk.read("tickets", &before["id"]).await);
    assert_eq!(desk.read("tickets", &before["id"]).await["version"], before["version"], "a refusal changes nothing");
    let body = json!({"external_id": "t-1", "board_id": board["id"], "status_id": closed["id"]});
    desk.does(&hook, body).await;
    let after = desk.read("tickets", &before["id"]).await;
    assert_eq!((&after["board_name"], &after["is_closed"]), (&json!("Second"), &json!(true)));
    assert!(after["closed_at"].is_string());
    assert_eq!(desk.events("ticket.closed").await, 1);
}

async fn a_comment_has_one_author_and_is_internal_by_default(engine: &Engine) {
    let desk = Desk::open(engine).await;
    let ticket = ticket(&desk, "say").await;
    let contact = desk.make("contacts", json!({"full_name": "Bob", "email": "bob@example.com"})).await;
    let user = desk.house.server.user("acme", "ann@acme.example", "operator").await;
    let fields = ["external_id", "content", "is_internal", "is_resolution", "author_id", "contact_id"];
    let hook = desk.hook("say", "addTicketCommentByExternalId", &fields).await;
    let outcome = desk.does(&hook, json!({"external_id": "t-1", "content": "seen"})).await;
    assert!(outcome["comment_id"].as_str().unwrap().starts_with("cmt_"));
    let body = json!({"external_id": "t-1", "content": "thanks", "is_internal": false, "contact_id": contact["id"]});
    desk.does(&hook, body).await;
    desk.does(&hook, json!({"external_id": "t-1", "content": "done", "is_resolution": true, "author_id": user})).await;
    let said = desk.list(&format!("tickets/{}/comments", ticket["id"].as_str().unwrap())).await;
    let told: Vec<_> = said.iter().map(|c| [&c["note"], &c["author_type"], &c["is_internal"], &c["is_resolution"]]).collect();
    assert_eq!(told[0], [&json!("done"), &json!("internal"), &json!(true), &json!(true)]);
    assert_eq!(told[1], [&json!("thanks"), &json!("contact"), &json!(false), &json!(false)]);
    assert_eq!(told[2], [&json!("seen"), &json!("system"), &json!(true), &json!(false)]);
    let both = json!({"external_id": "t-1", "content": "x", "contact_id": contact["id"], "author_id": user});
    desk.names(&hook, both, "contact_id").await;
    desk.names(&hook, json!({"external_id": "t-1"}), "content").await;
    desk.names(&hook, json!({"external_id": "t-1", "content": "x", "author_id": "usr_01jd8r7c5tevzs9c1ghvzv3hkp"}), "author_id")
        .await;
    desk.refuses(&hook, json!({"external_id": "t-2", "content": "x"}), 422, "lookup_miss").await;
    assert_eq!(desk.events("ticket.comment.added").await, 3);
}

async fn a_status_is_changed_within_its_board(engine: &Engine) {
    let desk = Desk::open(engine).await;
    let before = ticket(&desk, "move").await;
    let waiting = desk.named("statuses", "name", "Waiting").await;
    let board = desk.make("boards", json!({"board_name": "Second"})).await;
    let other = desk.list(&format!("statuses?board_id={}", board["id"].as_str().unwrap())).await.remove(0);
    let hook = desk.hook("move", "changeTicketStatusByExternalId", &["external_id", "status_id", "board_id"]).await;
    desk.names(&hook, json!({"external_id": "t-1", "status_id": other["id"]}), "status_id").await;
    desk.names(&hook, json!({"external_id": "t-1"}), "status_id").await;
    desk.refuses(&hook, json!({"external_id": "t-9", "status_id": waiting["id"]}), 422, "lookup_miss").await;
    assert_eq!(desk.read("tickets", &before["id"]).await["status_name"], "New");
    desk.does(&hook, json!({"external_id": "t-1", "status_id": waiting["id"]})).await;
    assert_eq!(desk.read("tickets", &before["id"]).await["status_name"], "Waiting");
    let told = desk.list("events?event_type=ticket.status_changed").await;
    let event = desk.read("events", &told[0]["event_id"].as_str().map_or(told[0]["id"].clone(), Value::from)).await;
    let payload = &event["payload"];
    assert_eq!(payload["previous_status_name"], "New");
    assert_eq!(payload["changes"]["status_id"]["new"], waiting["id"]);
    assert!(event["causation_id"].as_str().unwrap().starts_with("ind_"), "{event}");
}

on_both_engines!(
    update_changes_what_is_mapped_and_nothing_else,
    what_an_update_names_must_fit,
    a_comment_has_one_author_and_is_internal_by_default,
    a_status_is_changed_within_its_board,
);
