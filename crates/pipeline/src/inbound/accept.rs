//! Taking a request in, in the order of CONTRACT 6: find the webhook, verify raw bytes, limit,
//! parse, claim the idempotency key and log the delivery in one commit. What was taken in is
//! processed at once; if this process dies in between, `takeover` does it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hookswitch_domain::id::{InboundDeliveryId, TenantId};
use hookswitch_domain::inbound::{
    Auth, AuthStatus, DispatchStatus, DuplicateResponse, IdempotencySource, KEY_CHARS_MAX, is_kept,
};
use hookswitch_domain::secret::Secret;
use hookswitch_domain::tenant::Slug;
use hookswitch_domain::time::Ambient;
use hookswitch_store::inbound::{self, Claim, Door, Outcome, Received, Webhook};
use hookswitch_store::secret::Sealed;
use hookswitch_store::{Db, StoreError};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::action::Registry;
use super::auth::{self, Knock};
use super::process;
use super::rate::Rates;
use crate::outbound::publish::Publisher;
use crate::sandbox::{Expr, Sandbox};
use crate::secrets::Secrets;

/// The purpose that is bound into the seal of a webhook's secret.
pub const PURPOSE: &str = "inbound_webhook";
/// Whoever works on a delivery has this long before it is taken over.
pub const LEASE_MS: i64 = 60_000;
/// One expression finds the key (SEED-3: 500 ms).
const KEY_LIMIT_MS: u32 = 500;
/// Rejected requests of one tenant that are logged per minute; the others are only counted.
const REJECTED_PER_MINUTE: u32 = 60;

/// A request as the HTTP layer hands it over.
pub struct Request {
    pub tenant_slug: String,
    pub webhook_slug: String,
    pub method: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub query: String,
    pub body: Bytes,
    pub source: Option<IpAddr>,
}

/// What the sender hears.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// 401 without a word.
    Unauthorized,
    /// The feature is off for the tenant.
    NotFound,
    /// 200.
    Accepted {
        delivery: InboundDeliveryId,
        duplicate: bool,
    },
    /// 409: only where the webhook asks for it.
    Conflict {
        delivery: InboundDeliveryId,
    },
    Limited {
        delivery: InboundDeliveryId,
        retry_after: Duration,
    },
    /// 4xx or 5xx with a stable code.
    Failed {
        delivery: Option<InboundDeliveryId>,
        status: u16,
        code: String,
        detail: String,
        errors: Vec<FieldProblem>,
    },
}

/// A field of the mapping that could not be filled.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct FieldProblem {
    pub field: String,
    pub code: String,
    pub detail: String,
}

/// Everything that receiving needs.
pub struct Receiver {
    pub db: Db,
    pub ambient: Arc<dyn Ambient>,
    pub secrets: Secrets,
    pub sandbox: Arc<Sandbox>,
    pub registry: Arc<Registry>,
    pub publisher: Publisher,
    pub rates: Rates,
    pub rejected: Rates,
}

/// A request whose webhook is known and whose sender is, too.
struct Verified {
    tenant: TenantId,
    webhook: Webhook,
    received: Received,
    started: Instant,
}

impl Receiver {
    pub async fn receive(&self, request: Request) -> Reply {
        let started = Instant::now();
        let (tenant_slug, webhook_slug) = (sought(&request.tenant_slug), sought(&request.webhook_slug));
        let system = self.db.system();
        let door = system.read(move |tx| Box::pin(async move { inbound::door(tx, &tenant_slug, &webhook_slug).await })).await;
        match door {
            Ok(door) => self.at_the_door(request, door, started).await,
            Err(error) => unavailable(&error),
        }
    }

    async fn at_the_door(&self, request: Request, door: Option<Door>, started: Instant) -> Reply {
        let knock = Knock { headers: &request.headers, query: &request.query, body: &request.body, source: request.source };
        let Some(door) = door else {
            auth::check_nothing(&knock);
            metrics::counter!("hookswitch_inbound_unknown_tenant_total").increment(1);
            return Reply::Unauthorized;
        };
        let Some((webhook, sealed)) = door.webhook.filter(|(webhook, _)| webhook.is_active) else {
            auth::check_nothing(&knock);
            self.log_rejected(&request, door.tenant, None, AuthStatus::RejectedNoAuth, "no active webhook has this slug");
            return Reply::Unauthorized;
        };
        let secret = sealed.and_then(|row| self.open(&row));
        if let Err(refused) = auth::check(&webhook.auth, &webhook.ip_cidrs, secret.as_ref(), &knock) {
            self.log_rejected(&request, door.tenant, Some(&webhook), refused.status, &refused.reason);
            return Reply::Unauthorized;
        }
        if !door.enabled {
            return Reply::NotFound;
        }
        let received = self.received(&request, Some(&webhook), AuthStatus::Verified, Some(request.body.to_vec()));
        self.verified(Verified { tenant: door.tenant, webhook, received, started }, &request).await
    }

    fn open(&self, row: &Sealed) -> Option<Secret> {
        let opened = self.secrets.open(row.tenant, row.id, &row.key_id, &row.sealed, PURPOSE);
        opened.inspect_err(|error| tracing::error!(tenant = %row.tenant, %error, "a webhook's secret can't be opened")).ok()
    }

    async fn verified(&self, mut verified: Verified, request: &Request) -> Reply {
        let (id, webhook) = (verified.received.id, &verified.webhook);
        if let Err(wait) = self.rates.take(webhook.id, webhook.rate_limit_per_minute, Instant::now()) {
            let outcome = verified.failure(429, "rate_limited", "more requests than the webhook's rate allows");
            return match self.log(&verified, outcome).await {
                Ok(()) => Reply::Limited { delivery: id, retry_after: wait },
                Err(error) => unavailable(&error),
            };
        }
        if serde_json::from_slice::<serde::de::IgnoredAny>(&request.body).is_err() {
            let detail = "the body is no JSON document";
            let outcome = verified.failure(400, "invalid_json", detail);
            return match self.log(&verified, outcome).await {
                Ok(()) => failed(Some(id), 400, "invalid_json", detail),
                Err(error) => unavailable(&error),
            };
        }
        match self.key(verified.tenant, webhook, request).await {
            Ok(key) => verified.received.idempotency_key = key,
            Err(detail) => {
                let outcome = verified.failure(400, "idempotency_failed", &detail);
                return match self.log(&verified, outcome).await {
                    Ok(()) => failed(Some(id), 400, "idempotency_failed", &detail),
                    Err(error) => unavailable(&error),
                };
            }
        }
        self.begin(verified).await
    }

    async fn begin(&self, verified: Verified) -> Reply {
        let (id, window) = (verified.received.id, verified.webhook.idempotency_window_seconds);
        let store = self.db.for_tenant(verified.tenant);
        let received = verified.received.clone();
        let claim = store.write(move |tx| Box::pin(async move { inbound::begin(tx, &received, window, LEASE_MS).await })).await;
        match claim {
            Err(error) => unavailable(&error),
            Ok(Claim::Duplicate(original)) => self.duplicate(&verified, original).await,
            Ok(Claim::Fresh) => {
                let work = process::Work {
                    tenant: verified.tenant,
                    webhook: verified.webhook,
                    delivery: id,
                    body: verified.received.body.unwrap_or_default(),
                };
                self.process(work, verified.started).await
            }
        }
    }

    async fn duplicate(&self, verified: &Verified, original: InboundDeliveryId) -> Reply {
        let conflict = verified.webhook.options.duplicate_response == DuplicateResponse::Conflict;
        let outcome = Outcome {
            status: DispatchStatus::Duplicate,
            handler_outcome: json!({ "duplicate_of": original }),
            response_status: if conflict { 409 } else { 200 },
            response_body: json!({ "delivery_id": original, "duplicate": true }).to_string(),
            duration_ms: verified.elapsed_ms(),
        };
        match self.log(verified, outcome).await {
            Err(error) => unavailable(&error),
            Ok(()) if conflict => Reply::Conflict { delivery: original },
            Ok(()) => Reply::Accepted { delivery: original, duplicate: true },
        }
    }

    /// The request's idempotency key. A request without one is taken in; an expression that fails isn't.
    async fn key(&self, tenant: TenantId, webhook: &Webhook, request: &Request) -> Result<Option<String>, String> {
        let found = match &webhook.idempotency_source {
            None => None,
            Some(IdempotencySource::Header(name)) => {
                let line = request.headers.iter().find(|(line, _)| line.eq_ignore_ascii_case(name));
                // A list counts by its first entry.
                line.and_then(|(_, value)| std::str::from_utf8(value).ok())
                    .map(|value| value.split(',').next().unwrap_or("").trim().to_owned())
            }
            Some(IdempotencySource::Jsonata(text)) => self.key_by_expression(tenant, text, &request.body).await?,
        };
        Ok(found.filter(|key| !key.is_empty()).map(bounded))
    }

    async fn key_by_expression(&self, tenant: TenantId, text: &str, body: &[u8]) -> Result<Option<String>, String> {
        let expression = [Expr { id: "idempotency_source", text, limit_ms: KEY_LIMIT_MS }];
        let Some(body) = hookswitch_domain::mapping::wrap_body(body) else {
            return Err("the body is no JSON document".to_owned());
        };
        let evaluated = self.sandbox.evaluate(tenant.uuid(), &body, &expression).await.map_err(|error| error.to_string())?;
        let Some(only) = evaluated.into_iter().next() else { return Ok(None) };
        match only.result.map_err(|error| format!("idempotency_source: {}", error.message))? {
            None | Some(serde_json::Value::Null) => Ok(None),
            Some(serde_json::Value::String(text)) => Ok(Some(text.trim().to_owned())),
            Some(other) => Ok(Some(other.to_string())),
        }
    }

    async fn log(&self, verified: &Verified, outcome: Outcome) -> Result<(), StoreError> {
        let received = verified.received.clone();
        let store = self.db.for_tenant(verified.tenant);
        store.write(move |tx| Box::pin(async move { inbound::log(tx, &received, &outcome).await })).await
    }

    /// A bounded log of what was turned away, without bodies. It is written after the answer: a tenant
    /// that exists must not be told by the time of a commit from one that doesn't.
    fn log_rejected(&self, request: &Request, tenant: TenantId, webhook: Option<&Webhook>, status: AuthStatus, why: &str) {
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

    fn received(&self, request: &Request, webhook: Option<&Webhook>, auth_status: AuthStatus, body: Option<Vec<u8>>) -> Received {
        let signature = webhook.and_then(|webhook| match &webhook.auth {
            Auth::HmacSha256 { signature_header } => Some(signature_header.as_str()),
            _ => None,
        });
        let kept = request.headers.iter().filter(|(name, _)| is_kept(name, signature));
        let headers = kept.map(|(name, value)| (name.to_ascii_lowercase(), String::from_utf8_lossy(value).into_owned().into()));
        let agent = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("user-agent"));
        Received {
            id: self.ambient.fresh(),
            webhook: webhook.map(|webhook| webhook.id),
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
    fn elapsed_ms(&self) -> i64 {
        self.started.elapsed().as_millis() as i64
    }

    fn failure(&self, status: u16, code: &str, detail: &str) -> Outcome {
        Outcome {
            status: DispatchStatus::Failed,
            handler_outcome: json!({ "code": code, "reason": detail }),
            response_status: status,
            response_body: json!({ "code": code, "detail": detail, "delivery_id": self.received.id }).to_string(),
            duration_ms: self.elapsed_ms(),
        }
    }
}

/// What can be no slug is not looked for, but something is: the time of the answer tells nothing.
fn sought(slug: &str) -> String {
    if slug.parse::<Slug>().is_ok() { slug.to_owned() } else { String::new() }
}

/// A part of a path as it stands in the log: bounded and printable, whatever was asked for.
fn shown(slug: &str) -> String {
    slug.chars().take(Slug::MAX).flat_map(char::escape_default).collect()
}

/// A key as it can be stored; PostgreSQL keeps no NUL in a text.
fn bounded(key: String) -> String {
    if key.chars().count() <= KEY_CHARS_MAX && !key.contains('\0') {
        return key;
    }
    format!("sha256:{}", data_encoding::HEXLOWER.encode(&Sha256::digest(key.as_bytes())))
}

pub(super) fn failed(delivery: Option<InboundDeliveryId>, status: u16, code: &str, detail: &str) -> Reply {
    Reply::Failed { delivery, status, code: code.to_owned(), detail: detail.to_owned(), errors: Vec::new() }
}

pub(super) fn unavailable(error: &StoreError) -> Reply {
    tracing::error!(%error, "an inbound request could not be stored");
    failed(None, 503, "unavailable", "the request could not be stored; send it again")
}
