//! Sample traffic: a burst to begin with, then an event now and then, while the demo runs.

use std::time::Duration;

use hookswitch_domain::time::Ambient;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::Inside;

const PAUSE: Duration = Duration::from_secs(20);
const BURST: u32 = 8;

/// Publishes for each tenant until `stop`; `burst` only on the very first start.
pub async fn run(tenants: Vec<Inside>, ambient: std::sync::Arc<dyn Ambient>, burst: bool, stop: CancellationToken) {
    let mut number = 0;
    for _ in 0..if burst { BURST } else { 0 } {
        publish(&tenants, &*ambient, number).await;
        number += 1;
    }
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
        publish(&tenants, &*ambient, number).await;
        number += 1;
    }
}

async fn publish(tenants: &[Inside], ambient: &dyn Ambient, number: u32) {
    for tenant in tenants {
        if let Err(error) = tenant.post("/api/v1/events", &sample(ambient, number)).await {
            tracing::warn!(%error, "a sample event could not be published");
        }
    }
}

fn sample(ambient: &dyn Ambient, number: u32) -> Value {
    let reference = u16::from_le_bytes(ambient.random());
    let correlation = format!("sample-{reference:04x}");
    let (event_type, payload) = match number % 4 {
        0 => ("order.created", json!({ "order": format!("SO-{reference}"), "items": 1 + number % 5, "total": 4_990 })),
        1 => ("customer.updated", json!({ "customer": format!("C-{reference}"), "changed": ["billing_address"] })),
        2 => ("invoice.paid", json!({ "invoice": format!("INV-{reference}"), "amount": 12_900, "currency": "EUR" })),
        _ => ("order.shipped", json!({ "order": format!("SO-{reference}"), "carrier": "DHL", "parcels": 2 })),
    };
    json!({ "event_type": event_type, "payload": payload, "correlation_id": correlation })
}
