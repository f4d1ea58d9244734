//! The audit trail: who changed what. Append-only, chained by hash; /verify walks the chain.

use axum::Json as Answer;
use data_encoding::HEXLOWER;
use hookswitch_domain::id::AuditId;
use hookswitch_domain::time::Timestamp;
use hookswitch_store::audit::{self, AuditRow, Filter, Head};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::caller::Caller;
use super::list::{List, Listed, PageParams};
use super::problem::Problem;

/// An entry of the trail.
#[derive(Serialize, ToSchema)]
pub struct AuditEntry {
    #[schema(value_type = String, example = "aud_01jd8r7c5tevzs9c1ghvzv3hkp")]
    id: AuditId,
    /// Its place in the chain: 1, 2, 3 without a gap.
    #[schema(example = 42)]
    seq: i64,
    #[schema(value_type = String, format = DateTime, example = "2026-01-31T12:00:00.000Z")]
    at: Timestamp,
    #[schema(example = "user:usr_01jd8r7c5tevzs9c1ghvzv3hkp")]
    actor: String,
    #[schema(example = "token.created")]
    action: String,
    #[schema(example = "tok_01jd8r7c5tevzs9c1ghvzv3hkp")]
    target: String,
    correlation_id: Option<String>,
    /// What changed. Null where it was erased, and for callers who see the trail redacted.
    #[schema(value_type = Option<Object>, example = json!({"name": "billing service"}))]
    detail: Option<serde_json::Value>,
    /// SHA-256 over this entry and the one before, in hex.
    hash: String,
}

#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditFilter {
    /// `user:usr_...`, `token:tok_...`, `operator`, `system`.
    actor: Option<String>,
    /// `token.created` and the like.
    action: Option<String>,
    /// The id of what was changed.
    target: Option<String>,
    correlation_id: Option<String>,
}

/// List the trail, newest first.
#[utoipa::path(get, path = "/api/v1/audit", operation_id = "listAudit", tag = "audit", params(PageParams, AuditFilter),
    responses((status = 200, description = "A page of the trail", body = Listed<AuditEntry>)),
    extensions(("x-permission" = json!("audit:read"))))]
pub async fn list(caller: Caller, list: List<AuditFilter>) -> Result<Answer<Listed<AuditEntry>>, Problem> {
    let List { page, filter } = list;
    let filter = Filter {
        actor: filter.actor,
        action: filter.action,
        target: filter.target,
        correlation_id: filter.correlation_id,
        from: page.from,
        to: page.to,
        // The chain is paged by its places; a cursor holds 128 bits, of which a place takes 63.
        before: page.after.map(|after| i64::try_from(after.as_u128()).unwrap_or(i64::MAX)),
        limit: page.limit,
    };
    let rows = caller.store.read(move |tx| Box::pin(async move { audit::list(tx, &filter).await })).await?;
    let redacted = caller.redacted;
    let place = |row: &AuditRow| Uuid::from_u128(row.seq.unsigned_abs().into());
    Ok(Answer(Listed::of(&page, rows, place, |row| view(row, redacted))))
}

fn view(row: AuditRow, redacted: bool) -> AuditEntry {
    let AuditRow { id, seq, at, actor, action, target, correlation_id, detail, hash } = row;
    let detail = detail.filter(|_| !redacted);
    AuditEntry { id, seq, at, actor, action, target, correlation_id, detail, hash: HEXLOWER.encode(&hash) }
}

/// Whether the chain holds.
#[derive(Serialize, ToSchema)]
pub struct Verdict {
    intact: bool,
    /// How many entries were walked, up to the first that doesn't fit.
    #[schema(example = 42)]
    rows: i64,
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
            Verdict { intact: true, rows: intact.rows, head: Some(head), broken: None }
        }
        Err(broken) => {
            let at = BrokenAt { seq: broken.seq, why: broken.why };
            Verdict { intact: false, rows: at.seq.max(1) - 1, head: None, broken: Some(at) }
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
