//! One delivery through one attempt: look at the destination, sign, send, settle.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hookswitch_domain::delivery::{self, Next, Outcome, State};
use hookswitch_domain::flow::Said;
use hookswitch_domain::lease::{self, Before, Begin};
use hookswitch_domain::secret::Secret;
use hookswitch_domain::signature::message_id;
use hookswitch_domain::time::{Ambient, Timestamp};
use hookswitch_store::event::Meta;
use hookswitch_store::queue::{AttemptRecord, Claimed, Settle};
use hookswitch_store::{Db, StoreError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::adapter::{Delivered, Dispatch, ExternalRef};
use super::configs::{Configs, NoTarget, Outlet, TenantConfig};
use super::content::{Prepared, Ready};
use super::credential::{Authorization, Resolver, oauth2::Tokens};
use super::envelope;
use super::health::Wish;
use super::lanes::Slot;
use super::link::{Links, Made};
use super::news::{self, News};
use super::publish::Publisher;
use crate::http::Client;
use crate::sandbox::Sandbox;

/// Between two tries of settling.
const SETTLE_PAUSE: Duration = Duration::from_millis(50);
const SETTLE_PAUSE_MAX: Duration = Duration::from_secs(2);

/// Whoever waited longer than this for its turn is looked at again before it is sent: rarely enough
/// to cost nothing on a lane that flows.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Made while the installation allowed it, or with the tenant's default.
const UNSIGNED: &str = "not sent: unsigned requests are switched off here (signing.allow_unsigned); choose a signing profile";
const GIVEN_UP: &str = "given up: five senders stopped in the middle of this delivery";

/// A delivery that this node has leased.
pub struct InHand {
    pub slot: Slot,
    pub claimed: Claimed,
    /// The configuration that it was accepted with, where it comes straight from there.
    pub config: Option<Arc<TenantConfig>>,
    /// Read from `claimed.meta` where absent.
    pub meta: Option<Meta>,
    /// On the local monotonic clock, from before the commit that leased it.
    pub leased_from: Instant,
}

/// Sends what this node has in hand.
pub struct Sender {
    pub db: Db,
    pub ambient: Arc<dyn Ambient>,
    pub configs: Arc<Configs>,
    pub client: Client,
    pub tokens: Tokens,
    pub links: Arc<dyn Links>,
    /// Where destinations' expressions are evaluated.
    pub sandbox: Arc<Sandbox>,
    /// Publishes what is to be told of destinations.
    pub publisher: Publisher,
    pub tasks: TaskTracker,
    /// Set at the end: what is in hand and not yet sent is given back.
    pub stop: CancellationToken,
}

/// What is recorded of a try besides its columns.
#[derive(serde::Serialize)]
struct Detail<'a> {
    sent: bool,
    retryable: bool,
    #[serde(flatten)]
    timings: Timings,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote: Option<std::net::SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_ref: Option<&'a ExternalRef>,
}

#[derive(serde::Serialize)]
struct Timings {
    #[serde(skip_serializing_if = "Option::is_none")]
    dns_us: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connect_us: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_us: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_byte_us: Option<u32>,
    total_us: u32,
}

impl Sender {
    /// Takes a delivery and answers for it until it is settled.
    pub fn take(self: &Arc<Self>, work: InHand) {
        let sender = self.clone();
        self.tasks.spawn(async move { sender.carry(work).await });
    }

    async fn carry(&self, mut work: InHand) {
        let came = Instant::now();
        // The end of an ordered key's head makes the next one due.
        let next = work.claimed.key.is_some().then(|| work.slot.wake());
        let done = match work.slot.turn().await {
            // Nothing may be sent to it now: what it costs is this write, and no attempt.
            false => self.release(&work.claimed).await,
            true if came.elapsed() >= LOOK_AGAIN => self.after_a_wait(&mut work).await,
            true => self.attempt(&mut work).await,
        };
        if let Err(error) = done {
            let claimed = &work.claimed;
            // The lease runs out by itself and the work is claimed again: nothing is lost.
            tracing::warn!(tenant = %claimed.tenant, delivery = %claimed.delivery, %error, "a delivery could not be settled");
        }
        if let Some(wake) = next {
            drop(work);
            wake.notify_one();
        }
    }

    /// Behind a slow receiver much can happen: what was cancelled meanwhile is dropped, and a pause
    /// or a change of the destination counts.
    async fn after_a_wait(&self, work: &mut InHand) -> Result<(), StoreError> {
        let (tenant, id, claim) = (work.claimed.tenant, work.claimed.delivery, work.claimed.claim);
        let store = self.db.for_tenant(tenant);
        let held = store.read(move |tx| Box::pin(hookswitch_store::delivery::still_held(tx, id, claim))).await?;
        let Some(epoch) = held else { return Ok(()) };
        work.config = self.configs.at(tenant, epoch).await?;
        self.attempt(work).await
    }

    async fn attempt(&self, work: &mut InHand) -> Result<(), StoreError> {
        let claimed = &work.claimed;
        let config = match &work.config {
            Some(config) => Some(config.clone()),
            None => self.configs.at(claimed.tenant, claimed.epoch).await?,
        };
        let outlet = config.as_ref().and_then(|config| config.outlet(claimed.destination));
        let (Some(config), Some(outlet)) = (&config, outlet) else {
            // Deleted since: its deliveries were cancelled in the same transaction.
            return Ok(());
        };
        let begin = |begun: Instant| {
            lease::begin(Before {
                held: outlet.hold.is_some() || config.sending_paused,
                stopping: self.stop.is_cancelled(),
                interruptions: claimed.interruptions,
                timeout: outlet.policy.timeout(),
                lease_left: (work.leased_from + lease::LEASE).saturating_duration_since(begun),
            })
        };
        match begin(Instant::now()) {
            Begin::Send => {}
            Begin::Release => return self.release(claimed).await,
            Begin::GiveUp => {
                let unsent = Delivered::unsent(Outcome::Forbidden, GIVEN_UP);
                return self.settle(work, config, outlet, self.ambient.now(), unsent).await;
            }
        }
        let meta = meta(work);
        let mut ready = match self.prepare(work, config, outlet, &meta).await? {
            Prepared::Send(ready) => ready,
            Prepared::Unsent(unsent) => return self.settle(work, config, outlet, self.ambient.now(), unsent).await,
        };
        let begun = Instant::now(); // preparing may have waited for the sandbox
        if begin(begun) != Begin::Send {
            return self.release(claimed).await;
        }
        let deadline = begun + outlet.policy.timeout();
        let (started_at, started) = (self.ambient.now(), Instant::now());
        let delivered = self.send(work, config, outlet, (&meta, ready.as_ref()), started_at, deadline).await;
        let timed_out = delivered.status.is_none() && Instant::now() >= deadline;
        let changes = Said::of(&delivered.outcome, delivered.status, timed_out)
            .map(|said| work.slot.answered(said, started, self.ambient.unit()));
        if let Some(ready) = ready.as_mut().filter(|_| delivered.outcome.may_come_again())
            && let Err(error) = self.keep(work, ready).await
        {
            tracing::warn!(delivery = %work.claimed.delivery, %error, "a body could not be kept: the next attempt makes it again");
        }
        self.settle(work, config, outlet, started_at, delivered).await?;
        match changes.filter(|changes| !changes.is_empty()) {
            Some(changes) => self.follow(work, changes).await,
            None => Ok(()),
        }
    }

    async fn send(
        &self,
        work: &InHand,
        config: &TenantConfig,
        outlet: &Outlet,
        (meta, ready): (&Meta, Option<&Ready>),
        now: Timestamp,
        deadline: Instant,
    ) -> Delivered {
        let claimed = &work.claimed;
        let target = match &outlet.target {
            Ok(target) => target,
            Err(NoTarget::Refused(reason)) => return Delivered::unsent(Outcome::Forbidden, reason.clone()),
            Err(NoTarget::Unopened(reason)) => return Delivered::unsent(Outcome::SecretUnavailable, reason.clone()),
        };
        if outlet.unsigned() && !self.configs.allow_unsigned() {
            return Delivered::unsent(Outcome::SecretUnavailable, UNSIGNED);
        }
        let secrets = match outlet.signing_secrets(self.configs.secrets(), now) {
            Ok(secrets) => secrets,
            Err(error) => return Delivered::unsent(Outcome::SecretUnavailable, format!("signing secret: {error}")),
        };
        let store = self.db.for_tenant(config.tenant);
        let credentials = Resolver { store: &store, secrets: self.configs.secrets(), client: &self.client, tokens: &self.tokens };
        let authorization = match outlet.credential {
            None => None,
            Some(id) => match credentials.authorization(id, deadline).await {
                Ok(found) => found,
                Err(reason) => return Delivered::unsent(Outcome::SecretUnavailable, format!("credential: {reason}")),
            },
        };
        let made = ready.map(|ready| ready.bytes.clone());
        let Some(body) = made.or_else(|| body(claimed, config, outlet, meta)) else {
            return Delivered::unsent(Outcome::Forbidden, "the stored payload is no JSON");
        };
        let event_headers: Vec<_> = meta.headers.iter().map(|header| (header.name.clone(), header.value.clone())).collect();
        let dispatch = Dispatch {
            client: &self.client,
            target,
            settings: &outlet.config.settings,
            message_id: &message_id(claimed.tenant, claimed.event, claimed.destination),
            event_id: claimed.event,
            event_type: &claimed.event_type,
            delivery_id: claimed.delivery,
            destination_id: claimed.destination,
            attempt: claimed.attempts + 1,
            now,
            body,
            profile: &outlet.profile,
            secrets: &secrets,
            headers: &outlet.headers,
            event_headers: &event_headers,
            authorization: authorization.as_ref().map(shown),
            traceparent: meta.traceparent.as_deref(),
            replay: claimed.replayed_from.is_some(),
            repeat: claimed.records > 0 || claimed.replayed_from.is_some(),
            deadline,
        };
        let delivered = outlet.adapter.deliver(&dispatch).await;
        match (delivered.status, &authorization) {
            // A fetched token may have been revoked before its time: once more with a fresh one.
            (Some(401), Some(refused)) => match credentials.after_refusal(refused, deadline).await {
                Some(fresh) => outlet.adapter.deliver(&Dispatch { authorization: Some(shown(&fresh)), ..dispatch }).await,
                None => delivered,
            },
            _ => delivered,
        }
    }

    async fn settle(
        &self,
        work: &InHand,
        config: &TenantConfig,
        outlet: &Outlet,
        started_at: Timestamp,
        done: Delivered,
    ) -> Result<(), StoreError> {
        let claimed = &work.claimed;
        let leased_until = work.leased_from + lease::LEASE;
        let now = self.ambient.now();
        let in_hand = delivery::InHand { attempts_made: claimed.attempts };
        let settled = in_hand.settle(&done.outcome, &outlet.policy, now, self.ambient.unit());
        let retryable = matches!(settled.next, Next::Retry { .. });
        let detail = Detail {
            sent: done.outcome.was_sent(),
            retryable,
            timings: Timings {
                dns_us: done.timings.dns_us,
                connect_us: done.timings.connect_us,
                tls_us: done.timings.tls_us,
                first_byte_us: done.timings.first_byte_us,
                total_us: done.timings.total_us,
            },
            remote: done.remote_addr,
            response: done.response_summary.as_deref(),
            external_ref: done.external.as_ref(),
        };
        let settle = Settle {
            tenant: claimed.tenant,
            delivery: claimed.delivery,
            destination: claimed.destination,
            claim: claimed.claim,
            state: settled.next.state(),
            after: lease::after(settled.next, now),
            attempts: settled.attempt_number.unwrap_or(claimed.attempts),
            parked_reason: match settled.next {
                Next::Park { reason, .. } => Some(reason.as_str()),
                _ => None,
            },
            record: AttemptRecord {
                record: claimed.records + 1,
                number: settled.attempt_number,
                outcome: outcome_name(&done.outcome, retryable),
                started_at,
                status: done.status,
                reason: done.reason,
                detail: serde_json::to_string(&detail).unwrap_or_else(|_| "{}".to_owned()),
            },
            key: claimed.key.clone(),
        };
        let state = settle.state;
        if let Some(external) = done.external {
            self.link(claimed, external).await;
        }
        if let Some(wish) = Wish::of(settled.disable_destination, done.pause) {
            // Held before the delivery is due again, so that nobody claims it in between.
            self.hold(claimed, outlet.revision, wish).await?;
        }
        let news = news::of(config, work, &settle);
        let patient = settle.state == State::Delivered && settle.key.is_none() && !work.slot.is_waited_for();
        if !self.settle_until(settle, news, patient, leased_until).await? {
            metrics::counter!("hookswitch_settle_stale_total").increment(1);
            return Ok(());
        }
        count(state, &done.timings);
        Ok(())
    }

    /// The store may be busy or away for a moment: what was sent must not be sent again for that.
    async fn settle_until(
        &self,
        settle: Settle,
        news: Option<News>,
        patient: bool,
        leased_until: Instant,
    ) -> Result<bool, StoreError> {
        let mut pause = SETTLE_PAUSE;
        loop {
            let settled = match &news {
                None if patient => self.db.settle_in_passing(settle.clone()).await,
                None => self.db.settle(settle.clone()).await,
                Some(news) => news.settle(self, settle.clone()).await,
            };
            match settled {
                Err(error) if Instant::now() + pause < leased_until => {
                    tracing::warn!(delivery = %settle.delivery, %error, "settling failed; trying again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(SETTLE_PAUSE_MAX);
                }
                result => return result,
            }
        }
    }

    /// Tells the host what was made of its record elsewhere. Before settling: a crash in between is
    /// a repeat, which finds the same again. Should it fail, the attempt has the reference all the
    /// same, and what was sent is not sent again for that.
    async fn link(&self, claimed: &Claimed, external: ExternalRef) {
        let references = serde_json::from_str::<Meta>(&claimed.meta).unwrap_or_default().references;
        if references.is_empty() {
            return;
        }
        let made = Made { external, delivery: claimed.delivery, destination: claimed.destination, references };
        let (links, ambient) = (self.links.clone(), self.ambient.clone());
        let store = self.db.for_tenant(claimed.tenant);
        let noted = store.write(move |tx| Box::pin(async move { links.made(tx, &*ambient, &made).await }));
        if let Err(error) = noted.await {
            tracing::warn!(tenant = %claimed.tenant, delivery = %claimed.delivery, %error, "an external record could not be noted");
        }
    }

    async fn release(&self, claimed: &Claimed) -> Result<(), StoreError> {
        let (id, claim) = (claimed.delivery, claimed.claim);
        let store = self.db.for_tenant(claimed.tenant);
        store.write(move |tx| Box::pin(hookswitch_store::delivery::release(tx, id, claim))).await
    }
}

fn shown(authorization: &Authorization) -> (&str, &Secret) {
    (&authorization.name, &authorization.value)
}

fn meta(work: &InHand) -> Cow<'_, Meta> {
    match &work.meta {
        Some(meta) => Cow::Borrowed(meta),
        None => Cow::Owned(serde_json::from_str(&work.claimed.meta).unwrap_or_default()),
    }
}

fn body(claimed: &Claimed, config: &TenantConfig, outlet: &Outlet, meta: &Meta) -> Option<Bytes> {
    envelope::body(outlet.config.body, &config.slug, claimed.event, &claimed.event_type, &claimed.payload, meta)
}

fn outcome_name(outcome: &Outcome, retryable: bool) -> &'static str {
    match outcome {
        Outcome::Accepted => "accepted",
        Outcome::Retryable { .. } if retryable => "retryable",
        Outcome::Retryable { .. } => "exhausted",
        Outcome::Terminal => "terminal",
        Outcome::Gone => "gone",
        Outcome::Forbidden => "refused",
        Outcome::SecretUnavailable => "secret_unavailable",
        Outcome::Filtered => "filtered",
        Outcome::SandboxUnavailable => "sandbox_unavailable",
    }
}

fn count(state: State, timings: &crate::http::Timings) {
    metrics::counter!("hookswitch_deliveries_total", "state" => state.as_str()).increment(1);
    metrics::histogram!("hookswitch_attempt_seconds").record(f64::from(timings.total_us) / 1e6);
}
