//! The audit trail: who changed what, chained by hash; and what happened to deliveries, which is read
//! from their own rows. /verify walks the chain and compares what it anchors.

use axum::Json as Answer;
use data_encoding::HEXLOWER;
use hookswitch_domain::audit::Actor;
use hookswitch_domain::id::AuditId;
use hookswitch_domain::time::Timestamp;
use hookswitch_store::Page;
use hookswitch_store::audit::{self, AuditRow, Filter, Head};
use hookswitch_store::trail::{self, Told};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::caller::Caller;
use super::list::{Cursored, List, Listed, PageParams, bad_cursor, seal};
use super::problem::Problem;

/// An entry of the trail: a link of the chain, or something that happened to a delivery.
#[derive(Serialize, ToSchema)]
pub struct AuditEntry {
    #[schema(value_type = String, example = "aud_01jd8r7c5tevzs9c1ghvzv3hkp")]
    id: AuditId,
    /// Its place in the chain: 1, 2, 3 without a gap. Null for deliveries, whose digests are anchored each minute.
    #[schema(example = 42)]
    seq: Option<i64>,
    #[schema(value_type = String, format = DateTime, example = "2026-01-31T12:00:00.000Z")]
    at: Timestamp,
    #[schema(example = "user:usr_01jd8r7c5tevzs9c1ghvzv3hkp")]
    actor: String,
    /// `token.created` and the like; of deliveries `delivery.scheduled`, `.delivered`, `.retry`, `.failed`,
    /// `.dead_lettered`, `.parked`, `.filtered` and `.interrupted`.
    #[schema(example = "token.created")]
    action: String,
    #[schema(example = "tok_01jd8r7c5tevzs9c1ghvzv3hkp")]
    target: String,
    correlation_id: Option<String>,
    /// What changed. Null where it was erased, and for callers who see the trail redacted.
    #[schema(value_type = Option<Object>, example = json!({"name": "billing service"}))]
    detail: Option<serde_json::Value>,
    /// SHA-256 over this entry and the one before, in hex; null for deliveries.
    hash: Option<String>,
}

#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditFilter {
    /// `user:usr_...`, `token:tok_...`, `operator`, `system`.
    actor: Option<String>,
    /// `token.created`, `delivery.retry` and the like.
    action: Option<String>,
    /// The id of what was changed, or of a delivery.
    target: Option<String>,
    correlation_id: Option<String>,
}

/// List the trail, newest first: changes and privileged actions, and what happened to deliveries. A delivery's
/// entries stand together. With `correlation_id` a page may be short, or empty, before the end: `next_cursor` says.
#[utoipa::path(get, path = "/api/v1/audit", operation_id = "listAudit", tag = "audit", params(PageParams, AuditFilter),
    responses((status = 200, description = "A page of the trail", body = Listed<AuditEntry>)),
    extensions(("x-permission" = json!("audit:read"))))]
pub async fn list(caller: Caller, asked: Cursored<AuditFilter>) -> Result<Answer<Listed<AuditEntry>>, Problem> {
    let Cursored { list: List { page, filter }, cursor } = asked;
    let start = cursor.map_or(Some(Place::START), |bytes| Place::read(&bytes)).ok_or_else(bad_cursor)?;
    let job = caller.store.read::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let chain = chain(&filter, &page, start);
            let links = audit::list(tx, &chain).await?;
            let Some(deliveries) = deliveries(&filter, &page) else { return Ok((links, Vec::new(), trail::Place::END)) };
            let (told, end) = trail::list(tx, &deliveries, start.told, page.limit as usize + 1).await?;
            Ok((links, told, end))
        })
    });
    let (links, told, end) = job.await?;
    let (data, next) = merge(start, page.limit as usize, links, told, end);
    let data = data.into_iter().map(|entry| entry.redacted(caller.redacted)).collect();
    Ok(Answer(Listed { data, next_cursor: next.map(|place| seal(&place.bytes())) }))
}

/// The same list has two sources; each has a place of its own in it.
#[derive(Clone, Copy)]
struct Place {
    /// Links of the chain before this one.
    seq: i64,
    told: trail::Place,
}

impl Place {
    const START: Self = Self { seq: i64::MAX, told: trail::Place::START };

    fn bytes(self) -> Vec<u8> {
        [&self.seq.to_be_bytes()[..], self.told.delivery.as_bytes(), &self.told.record.to_be_bytes()].concat()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(i64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let delivery = Uuid::from_slice(bytes.get(8..24)?).ok()?;
        let place = Self { seq: number(0)?, told: trail::Place { delivery, record: number(24)? } };
        (bytes.len() == 32).then_some(place)
    }
}

fn chain(filter: &AuditFilter, page: &Page, start: Place) -> Filter {
    Filter {
        actor: filter.actor.clone(),
        action: filter.action.clone(),
        target: filter.target.clone(),
        correlation_id: filter.correlation_id.clone(),
        from: page.from,
        to: page.to,
        before: Some(start.seq),
        limit: page.limit,
    }
}

/// What the list shows of deliveries; `None` where nothing of theirs fits.
fn deliveries(filter: &AuditFilter, page: &Page) -> Option<trail::Filter> {
    let system = filter.actor.as_deref().is_none_or(|actor| actor == "system");
    let theirs = filter.action.as_deref().is_none_or(|action| action.starts_with("delivery."));
    if !system || !theirs {
        return None;
    }
    let delivery = match &filter.target {
        Some(target) => Some(target.parse().ok()?),
        None => None,
    };
    Some(trail::Filter {
        delivery,
        correlation_id: filter.correlation_id.clone(),
        action: filter.action.clone(),
        from: page.from,
        to: page.to,
    })
}

/// The newest of both, and where the next page begins.
fn merge(
    mut place: Place,
    limit: usize,
    links: Vec<AuditRow>,
    told: Vec<Told>,
    end: trail::Place,
) -> (Vec<AuditEntry>, Option<Place>) {
    let (mut links, mut told) = (links.into_iter().peekable(), told.into_iter().peekable());
    let mut data = Vec::with_capacity(limit);
    while data.len() < limit {
        let link_first = match (links.peek(), told.peek()) {
            (Some(link), Some(told)) => link.at >= told.at,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => break,
        };
        if link_first && let Some(link) = links.next() {
            place.seq = link.seq;
            data.push(AuditEntry::from(link));
        } else if let Some(entry) = told.next() {
            place.told = entry.place;
            data.push(AuditEntry::from(entry));
        }
    }
    let more = links.peek().is_some() || told.peek().is_some();
    if told.peek().is_none() {
        // All that was looked at is shown; what was passed over needn't be looked at again.
        place.told = end;
    }
    let next = (more || end != trail::Place::END).then_some(place);
    (data, next)
}

impl From<AuditRow> for AuditEntry {
    fn from(row: AuditRow) -> Self {
        let AuditRow { id, seq, at, actor, action, target, correlation_id, detail, hash } = row;
        Self { id, seq: Some(seq), at, actor, action, target, correlation_id, detail, hash: Some(HEXLOWER.encode(&hash)) }
    }
}

impl From<Told> for AuditEntry {
    fn from(told: Told) -> Self {
        Self {
            id: told.id,
            seq: None,
            at: told.at,
            actor: Actor::System.to_string(),
            action: told.action.to_owned(),
            target: told.delivery.to_string(),
            correlation_id: told.correlation_id,
            detail: Some(told.detail),
            hash: None,
        }
    }
}

impl AuditEntry {
    fn redacted(self, redacted: bool) -> Self {
        Self { detail: self.detail.filter(|_| !redacted), ..self }
    }
}

/// Whether the chain holds.
#[derive(Serialize, ToSchema)]
pub struct Verdict {
    intact: bool,
    /// How many entries were walked, up to the first that doesn't fit.
    #[schema(example = 42)]
    rows: i64,
    /// Entries that anchor attempts; each was compared with the attempts themselves.
    #[schema(example = 7)]
    digests: i64,
    /// Those of them whose attempts are gone by retention.
    #[schema(example = 0)]
    digests_gone: i64,
    /// The chain's end: keep it elsewhere, and send it as `seq` and `hash` later.
    head: Option<ChainHead>,
    /// Where it broke and how.
    broken: Option<BrokenAt>,
}

#[derive(Serialize, ToSchema)]
pub struct ChainHead {
    #[schema(example = 42)]
    seq: i64,
    /// Hex.
    hash: String,
}

#[derive(Serialize, ToSchema)]
pub struct BrokenAt {
    #[schema(example = 17)]
    seq: i64,
    #[schema(example = "the row was changed")]
    why: String,
}

#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SavedHead {
    /// Place of a head that was kept elsewhere.
    seq: Option<i64>,
    /// Its hash in hex.
    hash: Option<String>,
}

/// Walk the tenant's chain and say whether it holds.
#[utoipa::path(get, path = "/api/v1/audit/verify", operation_id = "verifyAudit", tag = "audit", params(SavedHead),
    responses((status = 200, description = "The verdict, good or bad", body = Verdict)),
    extensions(("x-permission" = json!("audit:read"))))]
pub async fn verify(caller: Caller, list: List<SavedHead>) -> Result<Answer<Verdict>, Problem> {
    let saved = saved_head(list.filter)?;
    let verdict = match audit::verify(&caller.store, saved).await? {
        Ok(intact) => {
            let head = ChainHead { seq: intact.head.seq, hash: HEXLOWER.encode(&intact.head.hash) };
            let audit::Intact { rows, digests, digests_gone, .. } = intact;
            Verdict { intact: true, rows, digests, digests_gone, head: Some(head), broken: None }
        }
        Err(broken) => {
            let at = BrokenAt { seq: broken.seq, why: broken.why };
            Verdict { intact: false, rows: at.seq.max(1) - 1, digests: 0, digests_gone: 0, head: None, broken: Some(at) }
        }
    };
    Ok(Answer(verdict))
}

fn saved_head(filter: SavedHead) -> Result<Option<Head>, Problem> {
    let (seq, hash) = match (filter.seq, filter.hash) {
        (None, None) => return Ok(None),
        (Some(seq), Some(hash)) if seq > 0 => (seq, hash),
        _ => return Err(Problem::invalid("seq", "invalid", "must be 1 or more, together with hash")),
    };
    let hash = HEXLOWER.decode(hash.as_bytes()).ok().filter(|hash| hash.len() == 32);
    let hash = hash.ok_or_else(|| Problem::invalid("hash", "invalid", "must be 64 hexadecimal digits"))?;
    Ok(Some(Head { seq, hash }))
}
