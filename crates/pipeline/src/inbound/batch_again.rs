//! A request that holds several things, done again as the whole that it came as: it is taken apart
//! anew, and each part names the one that it repeats.

use hookswitch_domain::id::InboundDeliveryId;
use hookswitch_store::StoreError;
use hookswitch_store::inbound::{self, Claim, Origin, Received};
use serde_json::Value;
use tokio::time::Instant;

use super::accept::{LEASE_MS, Receiver, Reply, Verified, failed, unavailable};
use super::failure::Failure;
use super::process::Work;

impl Receiver {
    /// Does a request again that was taken apart, or is to be by now.
    pub(super) async fn batch_again(&self, work: Work, started: Instant) -> Reply {
        let (tenant, webhook) = (work.tenant, work.webhook.clone());
        let (received, before) = match self.logged_whole(&work).await {
            Ok(Some(found)) => found,
            Ok(None) => return self.fail(&work, Failure::ours("its row is gone"), started).await,
            Err(error) => return self.fail(&work, error.into(), started).await,
        };
        let headers = lines(&received.headers);
        let verified = Verified { tenant, webhook, received, headers, started };
        let parts = match self.parts_again(&verified, &work.document, &before).await {
            Ok(parts) => parts,
            Err(failure) => return self.fail(&work, failure, started).await,
        };
        let (whole, outcome) = (verified.received.id, verified.whole(&[], None));
        let (rows, window) = (parts.clone(), verified.webhook.idempotency_window_seconds);
        let store = self.db.for_tenant(tenant);
        let begun = store.write(move |tx| {
            Box::pin(async move {
                if !inbound::finish(tx, whole, &outcome).await? {
                    return Ok(false);
                }
                for part in &rows {
                    inbound::begin_anyway(tx, part, window, LEASE_MS).await?;
                }
                Ok(true)
            })
        });
        match begun.await {
            Err(error) => unavailable(&error),
            Ok(false) => failed(Some(whole), 503, "unavailable", "somebody else does this delivery"),
            Ok(true) => {
                let claims = vec![Claim::Fresh; parts.len()];
                self.process_all(&verified, parts, claims).await
            }
        }
    }

    /// A repeat as it is logged, and the parts of what it repeats.
    async fn logged_whole(&self, work: &Work) -> Result<Option<(Received, Vec<InboundDeliveryId>)>, StoreError> {
        let (id, of) = (work.delivery, work.origin.repeats());
        let store = self.db.for_tenant(work.tenant);
        let read = store.read(move |tx| {
            Box::pin(async move {
                let Some(found) = inbound::delivery(tx, id).await? else { return Ok(None) };
                let original = match of {
                    Some(of) => inbound::delivery(tx, of).await?,
                    None => None,
                };
                Ok(Some((found.received, original.and_then(|original| original.parts()).unwrap_or_default())))
            })
        });
        read.await
    }

    /// The parts as they are now, each linked to the one that stood in its place.
    async fn parts_again(
        &self,
        verified: &Verified,
        document: &[u8],
        before: &[InboundDeliveryId],
    ) -> Result<Vec<Received>, Failure> {
        let (whole, origin) = (verified.received.id, verified.received.origin);
        let split = verified.webhook.options.split.as_deref().unwrap_or("$");
        let parts = self.split(verified.tenant.uuid(), document, split).await?;
        let same = parts.len() == before.len();
        let mut received = Vec::with_capacity(parts.len());
        for (place, part) in parts.iter().enumerate() {
            let of = before.get(place).copied().filter(|_| same).or(origin.repeats()).unwrap_or(whole);
            received.push(self.part(verified, place, part, Origin::PartAgain { of, whole }).await?);
        }
        Ok(received)
    }
}

/// Logged headers, as a request has them.
fn lines(headers: &Value) -> Vec<(String, Vec<u8>)> {
    let fields = headers.as_object().into_iter().flatten();
    fields.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().as_bytes().to_vec())).collect()
}
