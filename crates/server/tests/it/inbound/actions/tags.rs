//! Tags on every kind of record that takes them.

use hookswitch_server::app::COMPONENTS;
use serde_json::json;

use super::Desk;
use crate::engines::Engine;
use crate::on_both_engines;

async fn a_tag_is_put_on_each_kind_of_record_once(engine: &Engine) {
    let desk = Desk::open(engine).await;
    let project = desk.make("projects", json!({"project_name": "New office"})).await;
    let records = [
        ("client", desk.make("clients", json!({"client_name": "Acme"})).await),
        ("contact", desk.make("contacts", json!({"full_name": "Bob"})).await),
        ("ticket", desk.make("tickets", json!({"title": "x"})).await),
        ("project_task", desk.make("project-tasks", json!({"project_id": project["id"], "task_name": "x"})).await),
        ("project", project),
    ];
    let hook =
        desk.hook("tags", "addTagToEntityByExternalId", &["entity_type", "external_id", "tag_text", "background_color"]).await;
    for (kind, record) in &records {
        desk.link("tags", kind, &record["id"], "r-1").await;
        let body = json!({"entity_type": kind, "external_id": "r-1", "tag_text": " vip ", "background_color": "#1864ab"});
        let put = desk.does(&hook, body.clone()).await;
        assert_eq!(
            (&put["entity_id"], &put["result"], &put["tag_text"]),
            (&record["id"], &json!("updated"), &json!("vip")),
            "{kind}"
        );
        assert_eq!(desk.does(&hook, body).await["result"], "unchanged");
        let on = desk.list(&format!("record-tags?record_id={}", record["id"].as_str().unwrap())).await;
        assert_eq!((on.len(), &on[0]["tag_text"], &on[0]["background_color"]), (1, &json!("vip"), &json!("#1864ab")));
    }
    assert_eq!((desk.list("tags").await.len(), desk.events("tag.added").await), (5, 5), "a tag is one of its kind");
    let good = json!({"entity_type": "ticket", "external_id": "r-1", "tag_text": "x"});
    let bad = |field: &str, value: &str| crate::outbound::merged(good.clone(), json!({field: value}));
    desk.names(&hook, bad("tag_text", &"x".repeat(51)), "tag_text").await;
    desk.names(&hook, bad("tag_text", "  "), "tag_text").await;
    desk.names(&hook, bad("background_color", "blue"), "background_color").await;
    let answer = desk.refuses(&hook, bad("entity_type", "invoice"), 400, "mapping_failed").await.json();
    assert!(answer["errors"][0]["detail"].as_str().unwrap().contains("project_task"), "{answer}");
    desk.refuses(&hook, bad("external_id", "r-2"), 422, "lookup_miss").await;
    assert_eq!(desk.list("tags").await.len(), 5, "a refusal makes no tag");
}

on_both_engines!(a_tag_is_put_on_each_kind_of_record_once);
