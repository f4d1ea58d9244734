//! A sample of what a webhook gets: the first request that verifies within the window, kept sealed,
//! without the headers that the log drops. A new window replaces it; the one that is there stays
//! until then.

use std::time::Duration;

use data_encoding::BASE64;
use hookswitch_domain::secret::Secret;
use hookswitch_domain::time::Timestamp;
use hookswitch_store::inbound::{self, Webhook};
use hookswitch_store::{StoreError, TenantStore, secret};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::accept::{Receiver, Verified};

/// How long the next request is waited for.
pub const WINDOW: Duration = Duration::from_secs(300);
/// The purpose that is bound into a sample's seal.
const PURPOSE: &str = "inbound_sample";

/// A request as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    pub method: String,
    pub headers: Value,
    body: String,
}

impl Sample {
    pub fn body(&self) -> Vec<u8> {
        BASE64.decode(self.body.as_bytes()).unwrap_or_default()
    }
}

impl Receiver {
    /// Keeps the request, if one is waited for. What fails here costs the sender nothing.
    pub(super) async fn capture(&self, verified: &Verified) {
        let now = self.ambient.now();
        if verified.webhook.capture.until.is_none_or(|until| until <= now) {
            return;
        }
        if let Err(error) = self.keep_sample(verified, now).await {
            tracing::warn!(tenant = %verified.tenant, webhook = %verified.webhook.id, %error, "a sample could not be kept");
        }
    }

    async fn keep_sample(&self, verified: &Verified, now: Timestamp) -> Result<(), StoreError> {
        let received = &verified.received;
        let body = BASE64.encode(received.body.as_deref().unwrap_or_default());
        let sample = Sample { method: received.method.clone(), headers: received.headers.clone(), body };
        let text = serde_json::to_string(&sample).map_err(|error| StoreError::Bug(error.to_string()))?;
        let (secrets, ambient, webhook) = (self.secrets.clone(), self.ambient.clone(), verified.webhook.id);
        let store = self.db.for_tenant(verified.tenant);
        let job = store.write(move |tx| {
            Box::pin(async move {
                let sealed = secrets.seal(tx, &*ambient, PURPOSE, &Secret::from(text)).await?;
                if !inbound::capture(tx, webhook, sealed, now).await? {
                    // Another request was faster.
                    secret::delete(tx, sealed).await?;
                }
                Ok(())
            })
        });
        job.await
    }

    /// The webhook's sample, and when it came.
    pub async fn sample(&self, store: &TenantStore, webhook: &Webhook) -> Result<Option<(Sample, Timestamp)>, StoreError> {
        let Some((id, at)) = webhook.capture.sample else { return Ok(None) };
        let row = store.read::<_, StoreError, _>(move |tx| Box::pin(secret::get(tx, id))).await?;
        let Some(row) = row else { return Ok(None) };
        let opened = self.secrets.open(row.tenant, row.id, &row.key_id, &row.sealed, PURPOSE);
        let opened = opened.map_err(|error| StoreError::Unavailable(format!("a sample can't be opened: {error}")))?;
        let sample = serde_json::from_slice(opened.expose());
        sample.map(|sample| Some((sample, at))).map_err(|error| StoreError::Corrupt(format!("a sample: {error}")))
    }
}
