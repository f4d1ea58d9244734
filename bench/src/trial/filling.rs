//! Fills a stopped installation's database through the store's own functions, in this process: what a million
//! requests would leave behind, in half a minute.

use std::sync::Arc;

use anyhow::Result;
use hookswitch_domain::id::{InboundWebhookId, TenantId};
use hookswitch_domain::inbound::{AuthStatus, DispatchStatus};
use hookswitch_domain::time::Ambient;
use hookswitch_pipeline::ambient::System;
use hookswitch_store::inbound::{self, Origin, Outcome, Received};
use hookswitch_store::{Db, Settings, StoreError, TenantStore, effect};
use serde_json::json;

/// Rows of one transaction.
const STEP: u64 = 2_000;
const WINDOW_SECONDS: u32 = 86_400;
const LEASE_MS: i64 = 60_000;

pub struct Filler {
    db: Db,
    store: TenantStore,
    pub ambient: Arc<dyn Ambient>,
}

impl Filler {
    pub async fn open(url: String, tenant: &str) -> Result<Self> {
        let ambient: Arc<dyn Ambient> = Arc::new(System);
        let db = Db::open(&Settings::new(url), ambient.clone()).await?;
        let tenant: TenantId = tenant.parse()?;
        Ok(Self { store: db.for_tenant(tenant), db, ambient })
    }

    pub fn store(&self) -> &TenantStore {
        &self.store
    }

    /// Ends its threads, so that the server finds the database closed.
    pub async fn close(self) {
        self.db.close().await;
    }

    /// Requests that were taken in, done and answered, each with its key, its effect and its outcome.
    pub async fn log(&self, webhook: &str, path: &str, body: impl Fn(u64) -> Vec<u8>, rows: u64) -> Result<()> {
        let webhook: InboundWebhookId = webhook.parse()?;
        let mut done = 0;
        while done < rows {
            let count = STEP.min(rows - done);
            let step: Vec<Received> =
                (done..done + count).map(|number| self.received(webhook, path, number, body(number))).collect();
            let job = self.store.write(move |tx| {
                Box::pin(async move {
                    for received in &step {
                        inbound::begin(tx, received, WINDOW_SECONDS, LEASE_MS).await?;
                        let result = json!({ "entity_type": "ticket", "entity_id": "tkt_01jd8r7c5tevzs9c1ghvzv3hkp", "result": "created" });
                        effect::record(tx, &format!("inbound:{}", received.id), &result).await?;
                        let outcome = Outcome {
                            status: DispatchStatus::Dispatched,
                            handler_outcome: result,
                            response_status: 200,
                            response_body: json!({ "delivery_id": received.id }).to_string(),
                            duration_ms: 2,
                            dead: false,
                        };
                        inbound::finish(tx, received.id, &outcome).await?;
                    }
                    Ok::<_, StoreError>(())
                })
            });
            job.await?;
            done += count;
        }
        Ok(())
    }

    fn received(&self, webhook: InboundWebhookId, path: &str, number: u64, body: Vec<u8>) -> Received {
        Received {
            id: self.ambient.fresh(),
            webhook: Some(webhook),
            origin: Origin::Sender,
            idempotency_key: Some(format!("filled-{number}")),
            received_at: self.ambient.now(),
            method: "POST".to_owned(),
            path: path.to_owned(),
            headers: json!({ "content-type": "application/json", "user-agent": "bench" }),
            body: Some(body),
            source_ip: "127.0.0.1".to_owned(),
            user_agent: Some("bench".to_owned()),
            auth_status: AuthStatus::Verified,
            revision: Some(1),
        }
    }
}
