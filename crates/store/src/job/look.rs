//! What comes next in a job, and how much there is: by the same walks, so that a job does what its
//! `dry_run` counted.

use hookswitch_domain::delivery::State;
use hookswitch_domain::event::EventPattern;
use hookswitch_domain::id::{DeliveryId, DestinationId, InboundDeliveryId, TenantId};
use hookswitch_domain::time::Timestamp;
use uuid::Uuid;

use super::{Selection, Spec};
use crate::db::{Db, Tx};
use crate::dead_letter::{self, Filter};
use crate::destination;
use crate::error::StoreError;
use crate::event::Meta;
use crate::inbound::{self, Chosen};
use crate::params;
use crate::walk::{Stretch, WALK};

/// One thing that a step does: a delivery, or the event that is to become one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    pub(super) id: Uuid,
    /// Rows are touched in the order of their lanes, as claims do.
    pub(super) lane: Uuid,
}

/// What comes next in a job.
#[derive(Debug)]
pub struct Next {
    pub(super) items: Vec<Item>,
    /// Everything up to here was looked at; `None` at the end.
    pub(super) looked: Option<Uuid>,
}

/// Looks for up to `count` items behind `looked`.
pub(super) async fn look(
    tx: &mut Tx,
    spec: &Spec,
    looked: Option<Uuid>,
    before: Timestamp,
    count: usize,
) -> Result<Next, StoreError> {
    match spec {
        Spec::Replay { of: Selection::Ids(ids) } | Spec::Discard { of: Selection::Ids(ids) } => {
            Ok(named(ids.iter().map(|id| id.uuid()), looked, count))
        }
        Spec::InboundReplay { of: Chosen::Ids(ids), .. } => Ok(named(ids.iter().map(|id| id.uuid()), looked, count)),
        Spec::InboundReplay { webhook, of: Chosen::Filter(filter), .. } => {
            let stretch = Stretch::up(looked, filter.from, Some(filter.to.map_or(before, |to| to.min(before))));
            let (found, looked) = inbound::to_replay(tx, *webhook, filter, stretch, count).await?;
            let items = found.into_iter().map(|id| Item { id: id.uuid(), lane: Uuid::nil() }).collect();
            Ok(Next { items, looked })
        }
        Spec::Replay { of: Selection::Filter(filter) } => look_at_letters(tx, filter, false, looked, before, count).await,
        Spec::Discard { of: Selection::Filter(filter) } => look_at_letters(tx, filter, true, looked, before, count).await,
        Spec::Recover { destination, since, until } => {
            let walked = dead_letter::to_replay(tx, Stretch::up(looked, None, None), Some(*destination), before).await?;
            let (found, looked) = walked.pick(count, |found| found.at >= *since && until.is_none_or(|until| found.at < until));
            let items = found.into_iter().map(|found| Item { id: found.id.uuid(), lane: found.destination.uuid() }).collect();
            Ok(Next { items, looked })
        }
        Spec::ReplayMissing { destination, since, until, event_types } => {
            let stretch = Stretch::up(looked, Some(*since), Some(until.map_or(before, |until| until.min(before))));
            look_at_events(tx, *destination, event_types, stretch, count).await
        }
        Spec::CancelBacklog { destination } => {
            let (tenant, limit) = (tx.tenant(), i64::try_from(count).unwrap_or(i64::MAX));
            let sql = "SELECT delivery FROM (SELECT delivery, tenant, destination FROM due UNION ALL
                SELECT delivery, tenant, destination FROM line) w WHERE destination = $1 AND tenant = $2 LIMIT $3";
            let rows = tx.query(sql, params![*destination, tenant, limit]).await?;
            let ids = rows.into_iter().map(|mut row| row.get(0)).collect::<Result<Vec<Uuid>, _>>()?;
            let items: Vec<Item> = ids.into_iter().map(|id| Item { id, lane: destination.uuid() }).collect();
            // What was done is gone: there is no place to remember, only more or no more.
            Ok(Next { looked: (items.len() as i64 == limit).then_some(Uuid::nil()), items })
        }
    }
}

/// The next of those that were named, in the order of their ids.
fn named(ids: impl Iterator<Item = Uuid> + Clone, looked: Option<Uuid>, count: usize) -> Next {
    let left = ids.filter(|id| looked.is_none_or(|looked| *id > looked));
    let items: Vec<Item> = left.clone().take(count).map(|id| Item { id, lane: Uuid::nil() }).collect();
    let looked = items.last().map(|item| item.id).filter(|_| left.count() > items.len());
    Next { items, looked }
}

async fn look_at_letters(
    tx: &mut Tx,
    filter: &Filter,
    discard: bool,
    looked: Option<Uuid>,
    before: Timestamp,
    count: usize,
) -> Result<Next, StoreError> {
    let stretch = Stretch::up(looked, filter.from, filter.to);
    let (found, looked) = dead_letter::to_do(tx, stretch, filter, discard, before).await?.pick(count, |_| true);
    let items = found.into_iter().map(|found| Item { id: found.id.uuid(), lane: found.destination.uuid() }).collect();
    Ok(Next { items, looked })
}

/// Events that the destination wants and has no delivery of, whatever became of it.
async fn look_at_events(
    tx: &mut Tx,
    to: DestinationId,
    only: &[EventPattern],
    stretch: Stretch,
    count: usize,
) -> Result<Next, StoreError> {
    let tenant = tx.tenant();
    let Some(destination) = destination::get(tx, to).await? else { return Ok(Next { items: Vec::new(), looked: None }) };
    let sql = "SELECT e.id, e.type, e.meta,
            EXISTS (SELECT 1 FROM delivery d WHERE d.event = e.id AND d.destination = $5 AND coalesce(d.tenant, d.tenant) = $1)
        FROM event e WHERE e.tenant = $1 AND e.id >= $2 AND e.id < $3 AND length(e.payload) > 0 ORDER BY e.id LIMIT $4";
    let limit = (count as i64 * 8).clamp(100, WALK);
    let rows = tx.query(sql, params![tenant, stretch.low, stretch.high, limit, to]).await?;
    let full = rows.len() as i64 == limit;
    let (mut items, mut last) = (Vec::new(), None);
    for mut row in rows {
        if items.len() == count {
            return Ok(Next { items, looked: last });
        }
        let (id, event_type, meta): (Uuid, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        last = Some(id);
        let meta: Meta = serde_json::from_str(&meta).unwrap_or_default();
        let wanted = only.is_empty() || only.iter().any(|pattern| pattern.matches(&event_type));
        if wanted && !row.get::<bool>(3)? && destination.wants(&event_type, &meta) {
            items.push(Item { id, lane: to.uuid() });
        }
    }
    Ok(Next { items, looked: last.filter(|_| full) })
}

/// How many items a job would have, by the very walk that it would do.
pub async fn count(db: &Db, tenant: TenantId, spec: &Spec) -> Result<i64, StoreError> {
    let (store, mut looked, mut count) = (db.for_tenant(tenant), None, 0);
    let before = store.read(|tx| Box::pin(async move { tx.query_one("SELECT now_ms()", &[]).await?.get(0) })).await?;
    loop {
        let (spec, from) = (spec.clone(), looked);
        let next = store.read(move |tx| Box::pin(async move { count_some(tx, &spec, from, before).await })).await?;
        count += next.0;
        match next.1 {
            Some(end) => looked = Some(end),
            None => return Ok(count),
        }
    }
}

async fn count_some(
    tx: &mut Tx,
    spec: &Spec,
    looked: Option<Uuid>,
    before: Timestamp,
) -> Result<(i64, Option<Uuid>), StoreError> {
    let next = look(tx, spec, looked, before, WALK as usize).await?;
    let mut count = 0;
    for item in &next.items {
        count += i64::from(match spec {
            Spec::Replay { of: Selection::Ids(_) } => letter(tx, item).await?.is_some_and(|letter| letter.can_be_replayed()),
            Spec::Discard { of: Selection::Ids(_) } => {
                letter(tx, item).await?.is_some_and(|letter| letter.delivery.state != State::Failed)
            }
            Spec::InboundReplay { webhook, of: Chosen::Ids(_), original } => {
                inbound::may_repeat(tx, *webhook, InboundDeliveryId(item.id), *original).await?.is_some()
            }
            // The walk has found nothing else.
            _ => true,
        });
    }
    Ok((count, next.looked))
}

async fn letter(tx: &mut Tx, item: &Item) -> Result<Option<dead_letter::Letter>, StoreError> {
    dead_letter::get(tx, DeliveryId(item.id)).await
}
