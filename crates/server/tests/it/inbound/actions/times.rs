//! Booking time.

use hookswitch_server::app::COMPONENTS;
use serde_json::{Value, json};

use super::Desk;
use crate::engines::{Engine, ambient};
use crate::on_both_engines;

const FIELDS: [&str; 9] = [
    "user_id",
    "work_item_type",
    "work_item_id",
    "service_id",
    "start_time",
    "duration_minutes",
    "notes",
    "is_billable",
    "external_id",
];

async fn time_lies_on_the_sheet_of_its_period(engine: &Engine) {
    let desk = Desk::open(engine).await;
    let user = desk.house.server.user("acme", "ann@acme.example", "operator").await;
    let service = desk.named("services", "service_name", "General work").await;
    let ticket = desk.make("tickets", json!({"title": "x"})).await;
    let hook = desk.hook("time", "createTimeEntry", &FIELDS).await;
    let body = |more: Value| {
        let base = json!({
            "user_id": user, "work_item_type": "ticket", "work_item_id": ticket["id"], "service_id": service["id"],
            "start_time": ambient().now().to_string(), "duration_minutes": "45", "external_id": "e-1",
        });
        crate::outbound::merged(base, more)
    };
    let made = desk.does(&hook, body(json!({}))).await;
    assert_eq!((&made["entity_type"], &made["result"]), (&json!("time_entry"), &json!("created")));
    let entry = desk.read("time-entries", &made["entity_id"]).await;
    assert_eq!((&entry["duration_minutes"], &entry["billable_duration"]), (&json!(45), &json!(45)));
    assert_eq!((&entry["approval_status"], &entry["is_billable"]), (&json!("DRAFT"), &json!(true)));
    let sheet = desk.read("time-sheets", &entry["time_sheet_id"]).await;
    assert_eq!((&sheet["user_id"], &sheet["approval_status"]), (&json!(user), &json!("DRAFT")));
    let period = desk.read("time-periods", &sheet["time_period_id"]).await;
    let day = entry["work_date"].as_str().unwrap();
    assert!(period["start_date"].as_str().unwrap() <= day && day <= period["end_date"].as_str().unwrap());
    // The same id books nothing twice; another lies on the same sheet.
    assert_eq!(desk.does(&hook, body(json!({}))).await["result"], "unchanged");
    desk.does(&hook, body(json!({"external_id": "e-2", "is_billable": false, "work_item_type": "ad_hoc", "work_item_id": null})))
        .await;
    let entries = desk.list("time-entries").await;
    assert_eq!(
        (entries.len(), &entries[0]["time_sheet_id"], &entries[0]["billable_duration"]),
        (2, &entry["time_sheet_id"], &json!(0))
    );
    assert_eq!((desk.list("time-sheets").await.len(), desk.events("time_entry.created").await), (1, 2));
    for (field, more) in [
        ("duration_minutes", json!({"duration_minutes": 0})),
        ("duration_minutes", json!({"duration_minutes": "long"})),
        ("work_item_id", json!({"work_item_id": null})),
        ("work_item_id", json!({"work_item_id": "tkt_01jd8r7c5tevzs9c1ghvzv3hkp"})),
        ("work_item_type", json!({"work_item_type": "sleep"})),
        ("user_id", json!({"user_id": "usr_01jd8r7c5tevzs9c1ghvzv3hkp"})),
        ("service_id", json!({"service_id": "svc_01jd8r7c5tevzs9c1ghvzv3hkp"})),
        ("start_time", json!({"start_time": "yesterday"})),
    ] {
        desk.names(&hook, body(crate::outbound::merged(more, json!({"external_id": "e-3"}))), field).await;
    }
    let far = body(json!({"external_id": "e-3", "start_time": "2099-01-01T00:00:00Z"}));
    desk.refuses(&hook, far, 422, "no_time_period").await;
    // What was handed in is not added to.
    let path = format!("/api/v1/time-sheets/{}", sheet["id"].as_str().unwrap());
    desk.house.admin.patch(&path, json!({"approval_status": "SUBMITTED"})).await.expect(200);
    desk.refuses(&hook, body(json!({"external_id": "e-3"})), 422, "time_sheet_closed").await;
    assert_eq!((desk.list("time-entries").await.len(), desk.list("external-mappings").await.len()), (2, 2));
}

on_both_engines!(time_lies_on_the_sheet_of_its_period);
