//! What waits for a worker: the deliveries of asynchronous webhooks, whatever is tried again, and
//! what a dead node left. All of it lies in one queue, in the order in which it is due.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use hookswitch_domain::id::{InboundDeliveryId, TenantId};
use hookswitch_domain::inbound::DispatchStatus;
use hookswitch_store::inbound::{self, Outcome};
use hookswitch_store::{StoreError, Tx};
use serde_json::json;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::accept::{LEASE_MS, Receiver};
use super::document::Format;
use super::failing::Watch;
use super::process::Work;

/// What other nodes take in is seen after this.
const POLL: Duration = Duration::from_secs(1);
const BATCH: i64 = 64;
/// Deliveries that are worked on at once.
const AT_ONCE: usize = 8;
/// So many tries are made, whatever becomes of them: a process that dies at each ends there too.
const TRIES_MAX: u32 = 20;

/// Does what is due until `stop`.
pub async fn run(receiver: Arc<Receiver>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match round(&receiver, &stop).await {
            // There may be more.
            Ok(taken) if taken == BATCH as usize => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "looking for inbound deliveries that are due failed"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = receiver.wake.notified() => {}
            () = sleep(POLL) => {}
        }
    }
}

/// How many were taken.
async fn round(receiver: &Receiver, stop: &CancellationToken) -> Result<usize, StoreError> {
    let system = receiver.db.system();
    if !system.read::<_, StoreError, _>(|tx| Box::pin(inbound::is_due(tx))).await? {
        return Ok(0);
    }
    let taken = system.write(|tx| Box::pin(inbound::take_over(tx, BATCH, LEASE_MS))).await?;
    let count = taken.len();
    let each = taken.into_iter().map(|(tenant, delivery, tries)| async move {
        // What isn't begun keeps its lease and is taken over again.
        if stop.is_cancelled() {
            return;
        }
        if let Err(error) = again(receiver, tenant, delivery, tries).await {
            tracing::warn!(%tenant, %delivery, %error, "an inbound delivery could not be taken over");
        }
    });
    stream::iter(each).buffer_unordered(AT_ONCE).collect::<()>().await;
    Ok(count)
}

async fn again(receiver: &Receiver, tenant: TenantId, id: InboundDeliveryId, tries: u32) -> Result<(), StoreError> {
    let store = receiver.db.for_tenant(tenant);
    let found = store.read::<_, StoreError, _>(move |tx| Box::pin(find(tx, id))).await?;
    let why = match found.filter(|_| tries <= TRIES_MAX) {
        None => "its webhook is gone, or processing kept failing".to_owned(),
        Some((webhook, delivery)) => {
            let received = delivery.received;
            let body = received.body.unwrap_or_default().into();
            let format = Format::of_logged(&received.method, &received.headers).unwrap_or(Format::Json);
            match format.read(&body).await {
                Ok(document) => {
                    let work = Work { tenant, webhook, delivery: id, origin: received.origin, document, tries };
                    receiver.process(work, Instant::now()).await;
                    return Ok(());
                }
                Err(error) => error.0,
            }
        }
    };
    let outcome = Outcome {
        status: DispatchStatus::Failed,
        handler_outcome: json!({ "code": "abandoned", "reason": why }),
        response_status: 503,
        response_body: String::new(),
        duration_ms: 0,
        dead: true,
    };
    let watch = Watch::of(receiver);
    let job = store.write(move |tx| {
        Box::pin(async move {
            if inbound::finish(tx, id, &outcome).await? {
                watch.dead(tx, id, None, &outcome.handler_outcome).await?;
            }
            Ok(())
        })
    });
    job.await
}

/// A delivery and its webhook; of a replay, with the handler that it is meant for.
async fn find(tx: &mut Tx, id: InboundDeliveryId) -> Result<Option<(inbound::Webhook, inbound::Delivery)>, StoreError> {
    let Some(delivery) = inbound::delivery(tx, id).await? else { return Ok(None) };
    let Some(webhook) = delivery.received.webhook else { return Ok(None) };
    let Some(mut webhook) = inbound::get(tx, webhook).await? else { return Ok(None) };
    let wanted = delivery.received.revision.filter(|revision| *revision != webhook.revision);
    if let (Some(_), Some(revision)) = (delivery.received.origin.repeats(), wanted)
        && let Some(handler) = inbound::handler_at(tx, webhook.id, revision).await?
    {
        webhook.handler = handler;
    }
    Ok(Some((webhook, delivery)))
}
