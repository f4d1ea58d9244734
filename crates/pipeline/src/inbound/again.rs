//! What people have done with a webhook: a test, which goes the sender's way from the parsed body on
//! without a socket, and a replay, which does a logged request again under a new id. A replay runs
//! its action anew, because that is what it is asked for; only a person's `Idempotency-Key` keeps
//! it from running twice.

use bytes::Bytes;
use hookswitch_domain::id::{InboundDeliveryId, TenantId};
use hookswitch_domain::inbound::{AuthStatus, is_kept};
use hookswitch_store::inbound::{self, Barred, Delivery, Origin, Received, Webhook};
use hookswitch_store::{StoreError, TenantStore, Tx};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use super::accept::{LEASE_MS, Receiver, Verified};
use super::document::Format;
use super::process::Work;

/// With which configuration a request is done again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Config {
    #[default]
    Current,
    /// That of the revision with which it was worked on.
    Original,
}

/// Why a request can't be done again.
#[derive(Debug, thiserror::Error)]
pub enum NoReplay {
    #[error("it was turned away at the door: who sent it was never proved")]
    Rejected,
    #[error("it isn't finished yet; wait for its outcome")]
    Pending,
    #[error("it is a batch, and the webhook takes nothing apart any more: replay its parts")]
    Batch,
    #[error("retention has cut its body")]
    BodyGone,
    #[error("its body can't be read: {0}")]
    Unreadable(String),
    #[error("the configuration of then isn't kept any more")]
    RevisionGone,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Barred> for NoReplay {
    fn from(barred: Barred) -> Self {
        match barred {
            Barred::Rejected => Self::Rejected,
            Barred::Pending => Self::Pending,
            Barred::BodyGone => Self::BodyGone,
        }
    }
}

impl NoReplay {
    /// Stable, for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Pending => "not_finished",
            Self::Batch => "batch",
            Self::BodyGone => "body_purged",
            Self::Unreadable(_) => "invalid_json",
            Self::RevisionGone => "revision_gone",
            Self::Store(_) => "unavailable",
        }
    }
}

/// A request of a person's, as a sender's would be.
pub struct Trial {
    pub method: String,
    pub headers: Vec<(String, String)>,
    pub document: Bytes,
    pub body: Vec<u8>,
    pub source_ip: String,
}

/// A logged request that may be done again.
pub struct Again {
    pub original: Delivery,
    pub document: Bytes,
}

impl Receiver {
    /// Does with a made-up request what would be done with a sender's, and logs it as a test. It uses
    /// up neither a key nor the rate.
    pub async fn test(&self, tenant: TenantId, webhook: Webhook, trial: Trial) -> InboundDeliveryId {
        let id = self.ambient.fresh();
        let agent = trial.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("user-agent"));
        let received = Received {
            id,
            webhook: Some(webhook.id),
            origin: Origin::Test,
            idempotency_key: None,
            received_at: self.ambient.now(),
            method: trial.method,
            path: format!("/api/v1/inbound-webhooks/{}/test", webhook.id),
            user_agent: agent.map(|(_, value)| value.clone()),
            headers: kept(&trial.headers),
            body: Some(trial.body),
            source_ip: trial.source_ip,
            auth_status: AuthStatus::Verified,
            revision: Some(webhook.revision),
        };
        let headers = trial.headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
        self.take(Verified { tenant, webhook, received, headers, started: Instant::now() }, trial.document).await;
        id
    }

    /// Whether this webhook can do a logged request again, and what it brought.
    pub async fn again(&self, webhook: &Webhook, original: Delivery) -> Result<Again, NoReplay> {
        let received = &original.received;
        if let Some(barred) = original.barred() {
            return Err(barred.into());
        }
        if webhook.options.split.is_none() && original.parts().is_some() {
            return Err(NoReplay::Batch);
        }
        let body = received.body.clone().ok_or(NoReplay::BodyGone)?;
        let format = Format::of_logged(&received.method, &received.headers);
        let format = format.ok_or_else(|| NoReplay::Unreadable("its media type isn't taken".to_owned()))?;
        let document = format.read(&body.into()).await.map_err(|error| NoReplay::Unreadable(error.0))?;
        Ok(Again { original, document })
    }

    /// The webhook as it was when the request was worked on.
    pub async fn as_then(&self, store: &TenantStore, webhook: &Webhook, original: &Delivery) -> Result<Webhook, NoReplay> {
        let revision = original.received.revision.ok_or(NoReplay::RevisionGone)?;
        let id = webhook.id;
        let read = store.read::<_, StoreError, _>(move |tx| Box::pin(inbound::handler_at(tx, id, revision)));
        let handler = read.await?.ok_or(NoReplay::RevisionGone)?;
        Ok(Webhook { handler, revision, ..webhook.clone() })
    }

    /// Logs the new delivery, linked to the one that it repeats. What is returned is to be processed
    /// once that is committed.
    pub async fn begin_again(&self, tx: &mut Tx, webhook: Webhook, again: Again) -> Result<Work, StoreError> {
        let received = again.original.received.again(&*self.ambient, Some(webhook.revision));
        inbound::begin_anyway(tx, &received, webhook.idempotency_window_seconds, LEASE_MS).await?;
        Ok(Work {
            tenant: tx.tenant(),
            webhook,
            delivery: received.id,
            origin: received.origin,
            document: again.document,
            tries: 1,
        })
    }
}

fn kept(headers: &[(String, String)]) -> Value {
    let kept = headers.iter().filter(|(name, _)| is_kept(name, None));
    Value::Object(kept.map(|(name, value)| (name.to_ascii_lowercase(), value.clone().into())).collect())
}
