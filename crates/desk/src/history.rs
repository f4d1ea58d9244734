//! A record's history: what happened to it, who did it, and what each field was before. Written in the
//! transaction of the change; nothing changes it afterwards.

use hookswitch_domain::id::to_text;
use hookswitch_domain::time::Timestamp;
use hookswitch_store::{Page, Row, StoreError, Tx, params};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::change::Change;
use crate::id::HistoryId;
use crate::kinds;
use crate::list::Conditions;

/// One thing that happened to a record.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Happening {
    #[schema(value_type = String, example = "his_01jd8r7c5tevzs9c1ghvzv3hkp")]
    pub id: HistoryId,
    #[schema(example = "asset")]
    pub kind: String,
    #[schema(example = "ast_01jd8r7c5tevzs9c1ghvzv3hkp")]
    pub record_id: String,
    /// `created`, `updated` or `deleted`.
    pub what: String,
    #[schema(example = "webhook:rmm-alerts")]
    pub actor: String,
    /// The inbound delivery that led to it.
    pub causation_id: Option<String>,
    /// `{field: {previous, new}}`
    #[schema(value_type = Object)]
    pub changes: Map<String, Value>,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

pub(crate) async fn note(
    tx: &mut Tx,
    change: &Change<'_>,
    kind: &str,
    record: Uuid,
    what: &str,
    changes: &Map<String, Value>,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO record_history (id, tenant, kind, record_id, what, actor, causation_id, changes, at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let id: HistoryId = change.ambient.fresh();
    let (tenant, actor, cause) = (tx.tenant(), change.actor.to_string(), change.causation_id.as_deref());
    let changes = Value::Object(changes.clone());
    tx.execute(sql, params![id, tenant, kind, record, what, actor, cause, changes, change.ambient.now()]).await?;
    Ok(())
}

/// Newest first.
pub async fn list(tx: &mut Tx, record: Option<Uuid>, page: &Page) -> Result<Vec<Happening>, StoreError> {
    let select = "SELECT id, kind, what, actor, causation_id, changes, at, record_id FROM record_history";
    let conditions = Conditions::of_tenant(tx, "record_history").equal("record_id", record);
    let (sql, values) = conditions.page("id", page).after(select);
    tx.query(&sql, &values).await?.into_iter().map(happening_of).collect()
}

fn happening_of(mut row: Row) -> Result<Happening, StoreError> {
    let kind: String = row.get(1)?;
    let prefix = kinds::named(&kind).map_or("", |kind| kind.prefix);
    Ok(Happening {
        id: row.get(0)?,
        record_id: to_text(prefix, row.get(7)?),
        kind,
        what: row.get(2)?,
        actor: row.get(3)?,
        causation_id: row.get(4)?,
        changes: match row.get(5)? {
            Value::Object(changes) => changes,
            _ => return Err(StoreError::Corrupt("a history's changes are no object".to_owned())),
        },
        at: row.get(6)?,
    })
}
