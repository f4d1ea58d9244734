//! Logged requests that are done again: which of them may be, and which of many a job takes. A repeat
//! is a new delivery that names the one it repeats; of each chain of repeats only the last is repeated
//! by a job, so that two jobs over the same rows do each once.

use hookswitch_domain::id::{InboundDeliveryId, InboundWebhookId};
use hookswitch_domain::inbound::{AuthStatus, DispatchStatus};
use hookswitch_domain::time::{Ambient, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::handler_at;
use super::log::{Delivery, Filter, delivery};
use super::received::{Origin, Received, begin_anyway};
use super::webhook::{Webhook, get};
use crate::db::Tx;
use crate::error::StoreError;
use crate::params;
use crate::walk::{Stretch, WALK};

/// Which of a webhook's deliveries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chosen {
    /// In the order of their ids.
    Ids(Vec<InboundDeliveryId>),
    Filter(Wanted),
}

/// What narrows them; what is `None` doesn't.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Wanted {
    pub status: Option<DispatchStatus>,
    /// The code of what went wrong.
    pub code: Option<String>,
    pub dead: Option<bool>,
    pub search: Option<String>,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
}

/// Why a request can't be done again, whatever its webhook says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Barred {
    /// It was turned away at the door.
    Rejected,
    Pending,
    /// Retention has cut its body.
    BodyGone,
}

impl Delivery {
    pub fn barred(&self) -> Option<Barred> {
        if self.received.auth_status != AuthStatus::Verified {
            return Some(Barred::Rejected);
        }
        if self.dispatch_status == DispatchStatus::Pending {
            return Some(Barred::Pending);
        }
        (self.body_bytes.is_some() || self.received.body.is_none()).then_some(Barred::BodyGone)
    }

    /// The deliveries that came in it, if it was taken apart.
    pub fn parts(&self) -> Option<Vec<InboundDeliveryId>> {
        let parts = self.handler_outcome.as_ref()?.get("parts")?.as_array()?;
        Some(parts.iter().filter_map(|part| part.get("delivery_id")?.as_str()?.parse().ok()).collect())
    }
}

impl Received {
    /// The same request under a new id, to be worked on with this revision.
    #[must_use]
    pub fn again(self, ambient: &dyn Ambient, revision: Option<i64>) -> Self {
        let origin = match self.origin.whole() {
            Some(whole) => Origin::PartAgain { of: self.id, whole },
            None => Origin::Replay(self.id),
        };
        Self { id: ambient.fresh(), origin, received_at: ambient.now(), revision, ..self }
    }
}

/// Nothing that nobody may repeat; no tests; no duplicates where they aren't asked for; of a batch its
/// parts, which say each for itself what became of them; and what wasn't repeated yet.
const FREE: &str = "auth_status = 'verified' AND dispatch_status <> 'pending' AND is_test = FALSE AND body_bytes IS NULL
    AND coalesce(handler_outcome, '') NOT LIKE '{\"parts\":%' AND NOT EXISTS
      (SELECT 1 FROM inbound_webhook_deliveries r WHERE r.replayed_from = s.delivery_id AND r.tenant = s.tenant)";

/// Without the bodies.
const LOOKED_AT: &str = "delivery_id, tenant, auth_status, dispatch_status, handler_outcome, is_test, body_bytes,
    dead_lettered_at, idempotency_key, source_ip, user_agent, request_path";

/// Up to `count` of a webhook's deliveries in a stretch, oldest first, and the id to go on from, if
/// there may be more. Looks at a bounded number of rows.
pub async fn to_replay(
    tx: &mut Tx,
    webhook: InboundWebhookId,
    wanted: &Wanted,
    stretch: Stretch,
    count: usize,
) -> Result<(Vec<InboundDeliveryId>, Option<Uuid>), StoreError> {
    let limit = (count as i64).saturating_mul(8).clamp(100, WALK);
    let mut values = vec![webhook.into(), tx.tenant().into(), stretch.low.into(), stretch.high.into()];
    let filter = Filter { status: wanted.status, dead: wanted.dead, search: wanted.search.clone(), ..Filter::default() };
    let mut conditions = filter.conditions(&mut values);
    if wanted.status != Some(DispatchStatus::Duplicate) {
        conditions.push_str(" AND dispatch_status <> 'duplicate'");
    }
    if let Some(code) = &wanted.code {
        values.push(format!("{{\"code\":\"{}\"%", code.replace('_', "!_")).into());
        conditions.push_str(&format!(" AND coalesce(handler_outcome, '') LIKE ${} ESCAPE '!'", values.len()));
    }
    let sql = format!(
        "SELECT delivery_id, ({FREE} AND {conditions}) FROM (SELECT {LOOKED_AT} FROM inbound_webhook_deliveries
            WHERE inbound_webhook_id = $1 AND tenant = $2 AND delivery_id >= $3 AND delivery_id < $4
            ORDER BY delivery_id LIMIT {limit}) s ORDER BY delivery_id"
    );
    let rows = tx.query(&sql, &values).await?;
    let full = rows.len() as i64 == limit;
    let (mut found, mut last) = (Vec::new(), None);
    for mut row in rows {
        if found.len() == count {
            return Ok((found, last));
        }
        let id: InboundDeliveryId = row.get(0)?;
        last = Some(id.uuid());
        if row.get::<bool>(1)? {
            found.push(id);
        }
    }
    Ok((found, last.filter(|_| full)))
}

/// A delivery that a job may repeat, and the webhook that does it. `original`: with the configuration
/// of then.
pub async fn may_repeat(
    tx: &mut Tx,
    webhook: InboundWebhookId,
    id: InboundDeliveryId,
    original: bool,
) -> Result<Option<(Delivery, Webhook)>, StoreError> {
    let tenant = tx.tenant();
    let Some(webhook) = get(tx, webhook).await?.filter(|webhook| webhook.is_active) else { return Ok(None) };
    let Some(found) = delivery(tx, id).await? else { return Ok(None) };
    let apart = found.parts().is_none() || webhook.options.split.is_some();
    if found.received.webhook != Some(webhook.id) || found.barred().is_some() || !apart {
        return Ok(None);
    }
    let sql = "SELECT 1 FROM inbound_webhook_deliveries WHERE replayed_from = $1 AND tenant = $2 LIMIT 1";
    if tx.query_opt(sql, params![id, tenant]).await?.is_some() {
        return Ok(None);
    }
    if original {
        let Some(revision) = found.received.revision else { return Ok(None) };
        if handler_at(tx, webhook.id, revision).await?.is_none() {
            return Ok(None);
        }
    }
    Ok(Some((found, webhook)))
}

/// Logs a repeat that waits for the first worker which looks. `false`: it may not be repeated any more.
pub async fn repeat(
    tx: &mut Tx,
    ambient: &dyn Ambient,
    webhook: InboundWebhookId,
    id: InboundDeliveryId,
    original: bool,
) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    if !tx.is_sqlite() {
        // Two jobs over the same row take turns, so that the second sees what the first has done.
        let sql = "SELECT 1 FROM inbound_webhook_deliveries WHERE delivery_id = $1 AND tenant = $2 FOR UPDATE";
        tx.query(sql, params![id, tenant]).await?;
    }
    let Some((found, webhook)) = may_repeat(tx, webhook, id, original).await? else { return Ok(false) };
    let revision = if original { found.received.revision } else { Some(webhook.revision) };
    let received = found.received.again(ambient, revision);
    begin_anyway(tx, &received, webhook.idempotency_window_seconds, 0).await?;
    Ok(true)
}
