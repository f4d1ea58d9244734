//! Clients and contacts by the sender's own id.

use hookswitch_server::app::COMPONENTS;
use serde_json::json;

use super::Desk;
use crate::engines::Engine;
use crate::on_both_engines;

async fn a_client_is_made_once_and_then_changed_where_it_is_mapped(engine: &Engine) {
    let desk = Desk::open(engine).await;
    let fields = ["external_id", "client_name", "client_type", "email", "is_inactive", "properties", "notes"];
    let hook = desk.hook("crm", "upsertClientByExternalId", &fields).await;
    let body = json!({
        "external_id": 17, "client_name": "Acme", "client_type": "individual", "email": "a@acme.example",
        "properties": {"industry": "steel", "size": 5},
    });
    let made = desk.does(&hook, body).await;
    assert_eq!((&made["entity_type"], &made["result"]), (&json!("client"), &json!("created")));
    let changed = desk.does(&hook, json!({"external_id": "17", "client_name": "Acme Ltd", "properties": {"size": 6}})).await;
    assert_eq!((&changed["entity_id"], &changed["result"]), (&made["entity_id"], &json!("updated")));
    let client = desk.read("clients", &made["entity_id"]).await;
    assert_eq!((&client["client_name"], &client["client_type"]), (&json!("Acme Ltd"), &json!("individual")));
    assert_eq!((&client["email"], &client["is_inactive"]), (&json!("a@acme.example"), &json!(false)));
    assert_eq!(client["properties"], json!({"industry": "steel", "size": 6}));
    assert_eq!(client["external_refs"], json!([{"integration_type": "crm", "external_id": "17"}]));
    assert_eq!(desk.list("external-mappings?integration_type=crm").await.len(), 1);
    assert_eq!((desk.events("client.created").await, desk.events("client.updated").await), (1, 1));
    desk.names(&hook, json!({"external_id": "18", "client_name": "x", "client_type": "planet"}), "client_type").await;
    desk.names(&hook, json!({"external_id": "18"}), "client_name").await;
    desk.names(&hook, json!({"external_id": "18", "client_name": "x", "email": "e".repeat(300)}), "email").await;
    desk.names(&hook, json!({"external_id": "18", "client_name": "x", "properties": [1]}), "properties").await;
    assert_eq!(desk.list("clients").await.len(), 2, "the seeded one and Acme");
    assert_eq!(desk.list("external-mappings?integration_type=crm").await.len(), 1);
}

async fn many_deliveries_of_one_new_client_at_once_make_one(engine: &Engine) {
    let desk = Desk::open(engine).await;
    let hook = desk.hook("crm", "upsertClientByExternalId", &["external_id", "client_name"]).await;
    let posts = (0..12).map(|_| {
        let hook = hook.clone();
        let body = json!({"external_id": "c-1", "client_name": "Acme"}).to_string();
        tokio::spawn(async move { hook.post("", &body).await.expect(200) })
    });
    for post in posts.collect::<Vec<_>>() {
        post.await.unwrap();
    }
    assert_eq!(desk.list("clients").await.len(), 2);
    assert_eq!((desk.events("client.created").await, desk.events("client.updated").await), (1, 0));
}

async fn a_client_is_switched_and_told_only_when_it_changes(engine: &Engine) {
    let desk = Desk::open(engine).await;
    let client = desk.make("clients", json!({"client_name": "Acme"})).await;
    desk.link("crm", "client", &client["id"], "c-1").await;
    let hook = desk.hook("crm", "setClientActiveByExternalId", &["external_id", "active"]).await;
    for (active, result) in [(false, "updated"), (false, "unchanged"), (true, "updated")] {
        assert_eq!(desk.does(&hook, json!({"external_id": "c-1", "active": active})).await["result"], result);
        assert_eq!(desk.read("clients", &client["id"]).await["is_inactive"], !active);
    }
    assert_eq!((desk.events("client.deactivated").await, desk.events("client.activated").await), (1, 1));
    assert_eq!(desk.events("client.updated").await, 2);
    desk.refuses(&hook, json!({"external_id": "c-2", "active": false}), 422, "lookup_miss").await;
    desk.names(&hook, json!({"external_id": "c-1", "active": "perhaps"}), "active").await;
}

async fn a_contact_needs_a_client_that_is_known(engine: &Engine) {
    let desk = Desk::open(engine).await;
    let client = desk.make("clients", json!({"client_name": "Acme"})).await;
    desk.link("crm", "client", &client["id"], "c-1").await;
    let fields = ["external_id", "full_name", "email", "client_external_id", "client_id", "phone", "role", "notes"];
    let hook = desk.hook("crm", "upsertContactByExternalId", &fields).await;
    let base = json!({"external_id": "p-1", "full_name": "Bob", "email": "bob@example.com"});
    desk.names(&hook, base.clone(), "client_id").await;
    let mut miss = base.clone();
    miss["client_external_id"] = json!("c-2");
    desk.refuses(&hook, miss, 422, "lookup_miss").await;
    let mut bad = base.clone();
    (bad["client_external_id"], bad["email"]) = (json!("c-1"), json!("nowhere"));
    desk.names(&hook, bad, "email").await;
    assert!(desk.list("contacts").await.is_empty() && desk.list("external-mappings?entity_type=contact").await.is_empty());
    let mut good = base.clone();
    (good["client_external_id"], good["phone"], good["role"]) = (json!("c-1"), json!("+49 30 1"), json!("boss"));
    let made = desk.does(&hook, good).await;
    let contact = desk.read("contacts", &made["entity_id"]).await;
    assert_eq!((&made["result"], &contact["client_id"]), (&json!("created"), &client["id"]));
    assert_eq!(contact["phone_numbers"][0]["phone_number"], "+49 30 1");
    // Neither the client nor what isn't mapped is needed again.
    let mut again = base;
    (again["full_name"], again["phone"]) = (json!("Robert"), json!("+49 30 2"));
    assert_eq!(desk.does(&hook, again).await["entity_id"], made["entity_id"]);
    let contact = desk.read("contacts", &made["entity_id"]).await;
    assert_eq!((&contact["full_name"], &contact["role"]), (&json!("Robert"), &json!("boss")));
    let numbers = contact["phone_numbers"].as_array().unwrap();
    assert_eq!((numbers.len(), &numbers[0]["phone_number"]), (1, &json!("+49 30 2")));
}

on_both_engines!(
    a_client_is_made_once_and_then_changed_where_it_is_mapped,
    many_deliveries_of_one_new_client_at_once_make_one,
    a_client_is_switched_and_told_only_when_it_changes,
    a_contact_needs_a_client_that_is_known,
);
