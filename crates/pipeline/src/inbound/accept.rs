//! Taking a request in, in the order of CONTRACT 6: find the webhook, verify raw bytes, limit,
//! parse, claim the idempotency key and log the delivery in one commit. What was taken in is
//! processed at once; if this process dies in between, `takeover` does it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hookswitch_domain::id::{InboundDeliveryId, TenantId};
use hookswitch_domain::inbound::{AuthStatus, DuplicateResponse, Mode};
use hookswitch_domain::preset::Answer;
use hookswitch_domain::secret::Secret;
use hookswitch_domain::tenant::Slug;
use hookswitch_domain::time::Ambient;
use hookswitch_store::inbound::{self, Claim, Door, Origin, Received, Webhook};
use hookswitch_store::secret::Sealed;
use hookswitch_store::{Db, StoreError};
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::ack::{Said, Taken, said};
use super::action::Registry;
use super::auth::{self, Knock};
use super::document::{Format, query_without};
use super::failure::{Failure, Kind};
use super::key::KeyError;
use super::process::{Ended, Work};
use super::rate::{Limiter, Rates};
use crate::outbound::publish::Publisher;
use crate::sandbox::Sandbox;
use crate::secrets::Secrets;

/// The purpose that is bound into the seal of a webhook's secret.
pub const PURPOSE: &str = "inbound_webhook";
/// Whoever works on a delivery has this long before it is taken over.
pub const LEASE_MS: i64 = 60_000;

/// A request as the HTTP layer hands it over.
pub struct Request {
    pub tenant_slug: String,
    pub webhook_slug: String,
    pub method: String,
    /// As its sender called it, with its query: some sign it.
    pub url: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub query: String,
    /// What its media type announces.
    pub format: Format,
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
    /// The sender asked the URL something, as its preset knows.
    Handshake(Answer),
    /// GET, where it isn't taken.
    WrongMethod,
    /// 2xx, as the webhook's owner has it said.
    Taken {
        delivery: InboundDeliveryId,
        taken: Ended,
        said: Said,
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
    pub rates: Limiter,
    pub rejected: Rates,
    /// Rung when something waits for a worker.
    pub wake: Arc<Notify>,
}

/// A request whose webhook is known and whose sender is, too.
pub(super) struct Verified {
    pub(super) tenant: TenantId,
    pub(super) webhook: Webhook,
    pub(super) received: Received,
    /// As they came: the log keeps fewer.
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) started: Instant,
}

impl Receiver {
    pub async fn receive(&self, request: Request) -> Reply {
        let started = Instant::now();
        let (tenant_slug, webhook_slug) = (sought(&request.tenant_slug), sought(&request.webhook_slug));
        let system = self.db.system();
        let door = system.read(move |tx| Box::pin(async move { inbound::door(tx, &tenant_slug, &webhook_slug).await })).await;
        let is_get = request.method == "GET";
        let reply = match door {
            Ok(door) => self.at_the_door(request, door, started).await,
            Err(error) => unavailable(&error),
        };
        match reply {
            // Whether a URL takes GET is told to nobody who isn't let in.
            Reply::Unauthorized | Reply::NotFound if is_get => Reply::WrongMethod,
            reply => reply,
        }
    }

    async fn at_the_door(&self, request: Request, door: Option<Door>, started: Instant) -> Reply {
        let knock = self.knock(&request);
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
        let handshake = webhook.auth.preset().filter(|_| door.enabled).and_then(|preset| preset.handshake);
        if let Some(answer) = handshake.and_then(|handshake| handshake.unsigned(&request.query)) {
            return Reply::Handshake(answer);
        }
        let is_get = request.method == "GET";
        if is_get && !webhook.options.allow_get {
            auth::check_nothing(&knock);
            return Reply::WrongMethod;
        }
        let secrets: Vec<Secret> = sealed.iter().filter_map(|row| self.open(row)).collect();
        if let Err(refused) = auth::check(&webhook.auth, &webhook.ip_cidrs, &secrets, &knock) {
            self.log_rejected(&request, door.tenant, Some(&webhook), refused.status, &refused.reason);
            return Reply::Unauthorized;
        }
        if !door.enabled {
            return Reply::NotFound;
        }
        if let (Some(handshake), Some(secret)) = (handshake, secrets.first())
            && let Some(answer) = handshake.verified(&request.headers, &request.body, secret)
        {
            return Reply::Handshake(answer);
        }
        let body = if is_get { query_without(&request.query, webhook.auth.query_secret()).into() } else { request.body.to_vec() };
        let received = self.received(&request, Some(&webhook), AuthStatus::Verified, Some(body));
        let verified = Verified { tenant: door.tenant, webhook, received, headers: request.headers, started };
        self.verified(verified, &request.format).await
    }

    fn knock<'r>(&self, request: &'r Request) -> Knock<'r> {
        let Request { method, url, headers, query, body, source, .. } = request;
        Knock { method, url, headers, query, body, source: *source, now: self.ambient.now() }
    }

    fn open(&self, row: &Sealed) -> Option<Secret> {
        let opened = self.secrets.open(row.tenant, row.id, &row.key_id, &row.sealed, PURPOSE);
        opened.inspect_err(|error| tracing::error!(tenant = %row.tenant, %error, "a webhook's secret can't be opened")).ok()
    }

    async fn verified(&self, verified: Verified, format: &Format) -> Reply {
        let (id, webhook) = (verified.received.id, &verified.webhook);
        if let Err(wait) = self.rates.take(webhook.id, webhook.rate_limit_per_minute).await {
            let outcome = verified.failure(429, "rate_limited", "more requests than the webhook's rate allows");
            return match self.log(&verified, outcome).await {
                Ok(()) => Reply::Limited { delivery: id, retry_after: wait },
                Err(error) => unavailable(&error),
            };
        }
        match format.read(&verified.body()).await {
            Err(unreadable) => self.refuse(&verified, Failure::theirs(400, "invalid_json", unreadable.0)).await,
            Ok(document) => {
                self.capture(&verified).await;
                self.take(verified, document).await
            }
        }
    }

    /// Takes a document in: apart, if it holds several; and to the end, if somebody waits for it.
    pub(super) async fn take(&self, mut verified: Verified, document: Bytes) -> Reply {
        if let Some(split) = verified.webhook.options.split.clone() {
            return self.batch(verified, &document, &split).await;
        }
        // Whoever tries a webhook out uses no key up.
        if verified.received.origin == Origin::Sender {
            match self.key(verified.tenant, &verified.webhook, &verified.headers, &document).await {
                Ok(key) => verified.received.idempotency_key = key,
                Err(error) => return self.no_key(&verified, error).await,
            }
        }
        self.begin(verified, document).await
    }

    pub(super) async fn no_key(&self, verified: &Verified, error: KeyError) -> Reply {
        self.refuse(verified, error.into()).await
    }

    /// Logs that nothing was done, and says so.
    pub(super) async fn refuse(&self, verified: &Verified, failure: Failure) -> Reply {
        let (id, ack) = (verified.received.id, &verified.webhook.options.ack);
        let Failure { status, code, detail, .. } = &failure;
        let mut outcome = verified.failure(*status, code, detail);
        // What is our own fault is to be sent again.
        let said = (ack.always && failure.kind == Kind::Theirs).then(|| said(ack, id, Taken::Done));
        if let Some(said) = &said {
            (outcome.response_status, outcome.response_body) = (said.status, said.body.clone());
        }
        match (self.log(verified, outcome).await, said) {
            (Err(error), _) => unavailable(&error),
            (Ok(()), Some(said)) => Reply::Taken { delivery: id, taken: Ended::Failed, said },
            (Ok(()), None) => failed(Some(id), *status, code, detail),
        }
    }

    async fn begin(&self, verified: Verified, document: Bytes) -> Reply {
        let (id, window) = (verified.received.id, verified.webhook.idempotency_window_seconds);
        let store = self.db.for_tenant(verified.tenant);
        let (received, lease_ms) = (verified.received.clone(), verified.lease_ms());
        let claim = store.write(move |tx| Box::pin(async move { inbound::begin(tx, &received, window, lease_ms).await })).await;
        match claim {
            Err(error) => unavailable(&error),
            Ok(Claim::Duplicate(original)) => self.duplicate(&verified, original).await,
            Ok(Claim::Fresh) if verified.waits() => {
                self.wake.notify_one();
                Reply::Taken { delivery: id, taken: Ended::Done, said: said(&verified.webhook.options.ack, id, Taken::Done) }
            }
            Ok(Claim::Fresh) => {
                let started = verified.started;
                self.process(verified.work(document), started).await
            }
        }
    }

    async fn duplicate(&self, verified: &Verified, original: InboundDeliveryId) -> Reply {
        let conflict = verified.webhook.options.duplicate_response == DuplicateResponse::Conflict;
        let said = said(&verified.webhook.options.ack, original, Taken::Duplicate);
        let (status, body) = match conflict {
            true => (409, json!({ "delivery_id": original, "duplicate": true }).to_string()),
            false => (said.status, said.body.clone()),
        };
        match self.log(verified, verified.duplicate_of(original, status, body)).await {
            Err(error) => unavailable(&error),
            Ok(()) if conflict => Reply::Conflict { delivery: original },
            Ok(()) => Reply::Taken { delivery: original, taken: Ended::Done, said },
        }
    }
}

impl Verified {
    /// The body as it came; of a GET its query.
    pub(super) fn body(&self) -> Bytes {
        self.received.body.clone().unwrap_or_default().into()
    }

    /// Whether a worker does it, and nobody waits.
    pub(super) fn waits(&self) -> bool {
        self.webhook.options.mode == Mode::Async && self.received.origin != Origin::Test
    }

    pub(super) fn lease_ms(&self) -> i64 {
        if self.waits() { 0 } else { LEASE_MS }
    }

    /// The first try, at once.
    pub(super) fn work(self, document: Bytes) -> Work {
        Work {
            tenant: self.tenant,
            webhook: self.webhook,
            delivery: self.received.id,
            origin: self.received.origin,
            document,
            tries: 1,
        }
    }
}

/// What can be no slug is not looked for, but something is: the time of the answer tells nothing.
fn sought(slug: &str) -> String {
    if slug.parse::<Slug>().is_ok() { slug.to_owned() } else { String::new() }
}

pub(super) fn failed(delivery: Option<InboundDeliveryId>, status: u16, code: &str, detail: &str) -> Reply {
    Reply::Failed { delivery, status, code: code.to_owned(), detail: detail.to_owned(), errors: Vec::new() }
}

pub(super) fn unavailable(error: &StoreError) -> Reply {
    tracing::error!(%error, "an inbound request could not be stored");
    failed(None, 503, "unavailable", "the request could not be stored; send it again")
}
