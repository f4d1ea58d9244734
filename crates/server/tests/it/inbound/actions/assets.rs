//! Assets by the sender's own id: plain fields, and devices of every management product on one path.

use hookswitch_desk::asset::PROVIDERS;
use hookswitch_server::app::COMPONENTS;
use serde_json::{Value, json};

use super::Desk;
use crate::engines::Engine;
use crate::on_both_engines;

const FIELDS: [&str; 8] = [
    "external_id",
    "client_id",
    "client_external_id",
    "name",
    "asset_type",
    "serial_number",
    "rmm_snapshot",
    "external_scope_id",
];

async fn a_plain_asset_is_made_and_then_changed_where_it_is_mapped(engine: &Engine) {
    let desk = Desk::open(engine).await;
    let hook = desk.hook("rmm", "upsertAssetByExternalId", &FIELDS).await;
    let made = desk.does(&hook, json!({"external_id": "a-1", "name": "Printer 1", "asset_type": "printer"})).await;
    assert_eq!(made["result"], "created");
    let asset = desk.read("assets", &made["entity_id"]).await;
    let general = desk.named("clients", "client_name", "General").await;
    assert_eq!((&asset["asset_type"], &asset["client_id"]), (&json!("printer"), &general["id"]));
    desk.does(&hook, json!({"external_id": "a-1", "serial_number": "S-1"})).await;
    let asset = desk.read("assets", &made["entity_id"]).await;
    assert_eq!((&asset["name"], &asset["serial_number"]), (&json!("Printer 1"), &json!("S-1")));
    assert_eq!(asset["external_refs"], json!([{"integration_type": "rmm", "external_id": "a-1"}]));
    desk.names(&hook, json!({"external_id": "a-2", "asset_type": "No Such!"}), "asset_type").await;
    desk.refuses(&hook, json!({"external_id": "a-2", "client_external_id": "c-1"}), 422, "lookup_miss").await;
    assert_eq!(desk.list("assets").await.len(), 1);
}

fn snapshot(provider: &str, more: Value) -> Value {
    let base = json!({
        "provider": provider, "integrationId": "int-1", "externalDeviceId": "d-1", "externalScopeId": "org-1",
        "lifecycleState": "active", "assetType": "server", "displayName": "SRV-01", "serialNumber": "S-1", "agentStatus": "online",
        "lastSeenAt": "2026-01-31T12:00:00Z",
        "extension": {"osType": "linux", "cpuCores": 8, "ramGb": 31.5, "diskUsage": [{"name": "/", "total_gb": 100, "free_gb": 3}]},
    });
    crate::outbound::merged(base, more)
}

async fn every_products_devices_come_in_alike(engine: &Engine) {
    let desk = Desk::open(engine).await;
    let client = desk.make("clients", json!({"client_name": "Acme"})).await;
    let hook = desk.hook("rmm", "upsertAssetByExternalId", &FIELDS).await;
    for (number, provider) in PROVIDERS.iter().enumerate() {
        desk.link(provider, "client", &client["id"], "org-1").await;
        let external = format!("x-{number}");
        let made = desk.does(&hook, json!({"external_id": external, "rmm_snapshot": snapshot(provider, json!({}))})).await;
        assert_eq!((&made["result"], &made["ingestion"]), (&json!("created"), &json!("created")), "{provider}");
        let asset = desk.read("assets", &made["entity_id"]).await;
        let told = ["name", "asset_type", "client_id", "asset_tag", "serial_number", "rmm_device_id", "agent_status"]
            .map(|field| &asset[field]);
        let tag = json!(format!("{provider}:d-1"));
        let wanted = [&json!("SRV-01"), &json!("server"), &client["id"], &tag, &json!("S-1"), &json!("d-1"), &json!("online")];
        assert_eq!(told, wanted);
        assert_eq!(
            (&asset["extension"]["os_type"], &asset["extension"]["disk_usage"][0]["free_gb"]),
            (&json!("linux"), &json!(3.0))
        );
        // Known by the product's id and by the sender's.
        assert_eq!(asset["external_refs"].as_array().unwrap().len(), 2);
    }
    assert_eq!(desk.list("assets").await.len(), PROVIDERS.len());
}

async fn a_device_is_followed_through_its_life(engine: &Engine) {
    let desk = Desk::open(engine).await;
    let client = desk.make("clients", json!({"client_name": "Acme"})).await;
    let hook = desk.hook("rmm", "upsertAssetByExternalId", &FIELDS).await;
    let report =
        |more: Value| json!({"external_id": "x-1", "client_id": client["id"], "rmm_snapshot": snapshot("ninjaone", more)});
    let made = desk.does(&hook, report(json!({}))).await;
    let id = &made["entity_id"];
    let less = json!({"extension": {"osVersion": "13"}, "serialNumber": null, "agentStatus": "overdue"});
    assert_eq!(desk.does(&hook, report(less)).await["result"], "updated");
    let asset = desk.read("assets", id).await;
    assert_eq!((&asset["serial_number"], &asset["agent_status"]), (&json!("S-1"), &json!("overdue")));
    assert_eq!((&asset["extension"]["os_type"], &asset["extension"]["os_version"]), (&json!("linux"), &json!("13")));
    let gone = desk.does(&hook, report(json!({"lifecycleState": "deleted"}))).await;
    assert_eq!((&gone["ingestion"], &gone["entity_id"]), (&json!("marked_deleted"), id));
    let asset = desk.read("assets", id).await;
    assert_eq!((&asset["status"], &asset["agent_status"]), (&json!("inactive"), &json!("offline")));
    let mapping = desk.list("external-mappings?integration_type=ninjaone").await.remove(0);
    assert_eq!((&mapping["sync_status"], &mapping["metadata"]["deleted"]), (&json!("error"), &json!(true)));
    desk.does(&hook, report(json!({}))).await;
    assert_eq!(desk.read("assets", id).await["status"], "active");
    assert_eq!(desk.list("external-mappings?integration_type=ninjaone").await[0]["sync_status"], "synced");
    // The same device in another scope, and one whose mapping is lost, are the same asset still.
    desk.does(&hook, report(json!({"externalScopeId": "org-2"}))).await;
    let mapping = desk.list("external-mappings?integration_type=ninjaone").await.remove(0);
    let path = format!("/api/v1/external-mappings/{}", mapping["id"].as_str().unwrap());
    desk.house.admin.delete(&path).await.expect(204);
    assert_eq!(desk.does(&hook, report(json!({}))).await["entity_id"], *id);
    assert_eq!(desk.list("assets").await.len(), 1);
    let happened = desk.list(&format!("record-history?record_id={}", id.as_str().unwrap())).await;
    assert_eq!(happened.last().unwrap()["what"], "created");
    assert!(happened.iter().any(|row| row["changes"]["status"]["new"] == "inactive"), "{happened:?}");
}

async fn what_is_no_device_of_ours_is_refused(engine: &Engine) {
    let desk = Desk::open(engine).await;
    let hook = desk.hook("rmm", "upsertAssetByExternalId", &FIELDS).await;
    let report = |snapshot: Value| json!({"external_id": "x-1", "rmm_snapshot": snapshot});
    for (field, snapshot) in [
        ("rmm_snapshot.provider", snapshot("another", json!({}))),
        ("rmm_snapshot.agentStatus", snapshot("datto", json!({"agentStatus": "asleep"}))),
        ("rmm_snapshot.extension.cpuCores", snapshot("datto", json!({"extension": {"cpuCores": "many"}}))),
        ("rmm_snapshot", json!({"provider": "datto"})),
    ] {
        desk.names(&hook, report(snapshot), field).await;
    }
    // Nobody knows whose it is; and nobody misses what is gone.
    desk.refuses(&hook, report(snapshot("datto", json!({}))), 422, "device_skipped").await;
    desk.refuses(&hook, report(snapshot("datto", json!({"lifecycleState": "tombstoned"}))), 422, "device_skipped").await;
    assert!(desk.list("assets").await.is_empty() && desk.list("external-mappings").await.is_empty());
    // An external id that names another asset already is not taken over.
    let client = desk.named("clients", "client_name", "General").await;
    desk.does(&hook, json!({"external_id": "x-1", "name": "another"})).await;
    let body = json!({"external_id": "x-1", "client_id": client["id"], "rmm_snapshot": snapshot("datto", json!({}))});
    desk.refuses(&hook, body, 422, "already_exists").await;
    assert_eq!(desk.list("assets").await.len(), 1);
}

on_both_engines!(
    a_plain_asset_is_made_and_then_changed_where_it_is_mapped,
    every_products_devices_come_in_alike,
    a_device_is_followed_through_its_life,
    what_is_no_device_of_ours_is_refused,
);
