//! Invoices by the sender's own id.

use hookswitch_desk::invoice::InvoiceStatus;
use hookswitch_server::app::COMPONENTS;
use serde_json::{Value, json};

use super::Desk;
use crate::engines::Engine;
use crate::on_both_engines;

async fn invoice(desk: &Desk, slug: &str) -> Value {
    let made = desk.make("invoices", json!({"total_amount": 12900, "status": "sent"})).await;
    desk.link(slug, "invoice", &made["id"], "i-1").await;
    made
}

async fn a_payment_is_noted_once(engine: &Engine) {
    let desk = Desk::open(engine).await;
    let before = invoice(&desk, "pay").await;
    assert_eq!(before["invoice_number"], "INV-000001");
    let hook = desk.hook("pay", "markInvoicePaidByExternalId", &["external_id", "paid_at", "payment_reference"]).await;
    desk.refuses(&hook, json!({"external_id": "i-2"}), 422, "lookup_miss").await;
    desk.names(&hook, json!({"external_id": "i-1", "paid_at": "soon"}), "paid_at").await;
    assert_eq!(desk.read("invoices", &before["id"]).await, before_with_refs(&desk, &before).await);
    let paid = json!({"external_id": "i-1", "paid_at": "2026-01-31", "payment_reference": "ch_1"});
    assert_eq!(desk.does(&hook, paid.clone()).await["result"], "updated");
    let after = desk.read("invoices", &before["id"]).await;
    assert_eq!((&after["status"], &after["payment_reference"]), (&json!("paid"), &json!("ch_1")));
    assert_eq!(after["paid_at"], "2026-01-31T00:00:00.000Z");
    let again = json!({"external_id": "i-1", "paid_at": "2026-02-01", "payment_reference": "ch_2"});
    assert_eq!(desk.does(&hook, again).await["result"], "unchanged");
    assert_eq!(desk.read("invoices", &before["id"]).await, after, "paid is paid: not one field is different");
    assert_eq!((desk.events("invoice.marked_paid").await, desk.events("invoice.updated").await), (1, 1));
}

/// As it was made, with the name that was given to it since.
async fn before_with_refs(_: &Desk, before: &Value) -> Value {
    let mut before = before.clone();
    before["external_refs"] = json!([{"integration_type": "pay", "external_id": "i-1"}]);
    before
}

async fn an_invoice_takes_each_status_and_no_other(engine: &Engine) {
    let desk = Desk::open(engine).await;
    let invoice = invoice(&desk, "status").await;
    let hook = desk.hook("status", "updateInvoiceStatusByExternalId", &["external_id", "status"]).await;
    assert_eq!(InvoiceStatus::WORDS.len(), 8);
    for status in InvoiceStatus::WORDS {
        desk.does(&hook, json!({"external_id": "i-1", "status": status})).await;
        assert_eq!(desk.read("invoices", &invoice["id"]).await["status"], *status);
    }
    assert_eq!(desk.read("invoices", &invoice["id"]).await["paid_at"], Value::Null, "it is not paid any more");
    desk.names(&hook, json!({"external_id": "i-1", "status": "lost"}), "status").await;
    desk.refuses(&hook, json!({"external_id": "i-2", "status": "sent"}), 422, "lookup_miss").await;
    assert_eq!(desk.read("invoices", &invoice["id"]).await["status"], "partially_applied");
}

on_both_engines!(a_payment_is_noted_once, an_invoice_takes_each_status_and_no_other);
