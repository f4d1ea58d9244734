//! Finishing what a dead node left: deliveries that were logged and acknowledged to a duplicate, or
//! failed for our own fault, are processed again until they have an outcome.

use std::sync::Arc;
use std::time::Duration;

use hookswitch_domain::id::{InboundDeliveryId, TenantId};
use hookswitch_domain::inbound::DispatchStatus;
use hookswitch_store::StoreError;
use hookswitch_store::inbound::{self, Outcome};
use serde_json::json;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::accept::{LEASE_MS, Receiver};
use super::process::Work;

const POLL: Duration = Duration::from_secs(5);
const BATCH: i64 = 32;
/// After so many tries the delivery is failed for good; it can be replayed.
const TRIES_MAX: u32 = 20;

/// Looks for abandoned deliveries until `stop`.
pub async fn run(receiver: Arc<Receiver>, stop: CancellationToken) {
    loop {
        if let Err(error) = round(&receiver, &stop).await {
            tracing::warn!(%error, "taking over abandoned inbound deliveries failed");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(POLL) => {}
        }
    }
}

async fn round(receiver: &Receiver, stop: &CancellationToken) -> Result<(), StoreError> {
    let taken = receiver.db.system().write(|tx| Box::pin(inbound::take_over(tx, BATCH, LEASE_MS))).await?;
    for (tenant, delivery, tries) in taken {
        // What isn't begun keeps its lease and is taken over again.
        if stop.is_cancelled() {
            break;
        }
        again(receiver, tenant, delivery, tries).await?;
    }
    Ok(())
}

async fn again(receiver: &Receiver, tenant: TenantId, id: InboundDeliveryId, tries: u32) -> Result<(), StoreError> {
    let store = receiver.db.for_tenant(tenant);
    let read = store.read::<_, StoreError, _>(move |tx| {
        Box::pin(async move {
            let Some(delivery) = inbound::delivery(tx, id).await? else { return Ok(None) };
            let Some(webhook) = delivery.received.webhook else { return Ok(None) };
            Ok(inbound::get(tx, webhook).await?.map(|webhook| (webhook, delivery.received.body.unwrap_or_default())))
        })
    });
    let found = read.await?;
    let Some((webhook, body)) = found.filter(|_| tries <= TRIES_MAX) else {
        let outcome = Outcome {
            status: DispatchStatus::Failed,
            handler_outcome: json!({ "code": "abandoned", "reason": "its webhook is gone, or processing kept failing" }),
            response_status: 503,
            response_body: String::new(),
            duration_ms: 0,
        };
        return store.write(move |tx| Box::pin(async move { inbound::finish(tx, id, &outcome).await.map(drop) })).await;
    };
    let work = Work { tenant, webhook, delivery: id, body };
    receiver.process(work, Instant::now()).await;
    Ok(())
}
