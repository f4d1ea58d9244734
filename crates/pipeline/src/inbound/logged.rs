//! The log's rows as the receiver writes them: what was taken, what was turned away.

use hookswitch_domain::id::{InboundDeliveryId, TenantId};
use hookswitch_domain::inbound::{AuthStatus, DispatchStatus, is_kept};
use hookswitch_domain::tenant::Slug;
use hookswitch_store::StoreError;
use hookswitch_store::inbound::{self, Origin, Outcome, Received, Webhook};
use serde_json::json;
use tokio::time::Instant;

use super::accept::{Receiver, Request, Verified};

/// Rejected requests of one tenant that are logged per minute; the others are only counted.
const REJECTED_PER_MINUTE: u32 = 60;

impl Receiver {
    pub(super) async fn log(&self, verified: &Verified, outcome: Outcome) -> Result<(), StoreError> {
        let received = verified.received.clone();
        let store = self.db.for_tenant(verified.tenant);
        store.write(move |tx| Box::pin(async move { inbound::log(tx, &received, &outcome).await })).await
    }

    /// A bounded log of what was turned away, without bodies. It is written after the answer: a tenant
    /// that exists must not be told by the time of a commit from one that doesn't.
    pub(super) fn log_rejected(
        &self,
        request: &Request,
        tenant: TenantId,
        webhook: Option<&Webhook>,
        status: AuthStatus,
        why: &str,
    ) {
        metrics::counter!("hookswitch_inbound_rejected_total", "reason" => status.as_str()).increment(1);
        let bucket = hookswitch_domain::id::InboundWebhookId(webhook.map_or(tenant.uuid(), |webhook| webhook.id.uuid()));
        if self.rejected.take(bucket, REJECTED_PER_MINUTE, Instant::now()).is_err() {
            return;
        }
        let received = self.received(request, webhook, status, None);
        let outcome = Outcome {
            status: DispatchStatus::Failed,
            handler_outcome: json!({ "reason": why }),
            response_status: 401,
            response_body: String::new(),
            duration_ms: 0,
            dead: false,
        };
        let store = self.db.for_tenant(tenant);
        tokio::spawn(async move {
            let logged: Result<(), StoreError> =
                store.write(move |tx| Box::pin(async move { inbound::log(tx, &received, &outcome).await })).await;
            if let Err(error) = logged {
                tracing::warn!(%tenant, %error, "a rejected request could not be logged");
            }
        });
    }

    pub(super) fn received(
        &self,
        request: &Request,
        webhook: Option<&Webhook>,
        auth_status: AuthStatus,
        body: Option<Vec<u8>>,
    ) -> Received {
        let proving = webhook.and_then(|webhook| webhook.auth.proving_header());
        let kept = request.headers.iter().filter(|(name, _)| is_kept(name, proving));
        let headers = kept.map(|(name, value)| (name.to_ascii_lowercase(), String::from_utf8_lossy(value).into_owned().into()));
        let agent = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("user-agent"));
        Received {
            id: self.ambient.fresh(),
            webhook: webhook.map(|webhook| webhook.id),
            origin: Origin::Sender,
            idempotency_key: None,
            received_at: self.ambient.now(),
            method: request.method.clone(),
            path: format!("/api/inbound/{}/{}", shown(&request.tenant_slug), shown(&request.webhook_slug)),
            headers: serde_json::Value::Object(headers.collect()),
            body,
            source_ip: request.source.map(|address| address.to_string()).unwrap_or_default(),
            user_agent: agent.map(|(_, value)| String::from_utf8_lossy(value).into_owned()),
            auth_status,
            revision: webhook.map(|webhook| webhook.revision),
        }
    }
}

impl Verified {
    /// That a request came before.
    pub(super) fn duplicate_of(&self, original: InboundDeliveryId, response_status: u16, response_body: String) -> Outcome {
        Outcome {
            status: DispatchStatus::Duplicate,
            handler_outcome: json!({ "duplicate_of": original }),
            response_status,
            response_body,
            duration_ms: self.elapsed_ms(),
            dead: false,
        }
    }

    pub(super) fn elapsed_ms(&self) -> i64 {
        self.started.elapsed().as_millis() as i64
    }

    pub(super) fn failure(&self, status: u16, code: &str, detail: &str) -> Outcome {
        Outcome {
            status: DispatchStatus::Failed,
            handler_outcome: json!({ "code": code, "reason": detail }),
            response_status: status,
            response_body: json!({ "code": code, "detail": detail, "delivery_id": self.received.id }).to_string(),
            duration_ms: self.elapsed_ms(),
            dead: false,
        }
    }
}

/// A part of a path as it stands in the log: bounded and printable, whatever was asked for.
fn shown(slug: &str) -> String {
    slug.chars().take(Slug::MAX).flat_map(char::escape_default).collect()
}
