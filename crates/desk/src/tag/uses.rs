//! Which tag is on which record.

use hookswitch_domain::id::to_text;
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::{Page, Row, StoreError, Tx, params};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Tag, TaggedType};
use crate::change::Change;
use crate::id::{TagId, TagMappingId};
use crate::kinds;
use crate::list::Conditions;
use crate::record::Record;

/// A tag on a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TagUse {
    #[schema(value_type = String, example = "tgm_01jd8r7c5tevzs9c1ghvzv3hkp")]
    pub id: TagMappingId,
    #[schema(value_type = String)]
    pub tag_id: TagId,
    pub tag_text: String,
    pub background_color: Option<String>,
    pub text_color: Option<String>,
    pub tagged_type: TaggedType,
    #[schema(example = "tkt_01jd8r7c5tevzs9c1ghvzv3hkp")]
    pub tagged_id: String,
    #[schema(example = "webhook:alerts")]
    pub created_by: String,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

const USE: &str = "SELECT tag_mapping.id, tag_id, tag_text, background_color, text_color, tag_mapping.tagged_type, tagged_id,
        created_by, tag_mapping.created_at
    FROM tag_mapping JOIN tag_definition ON tag_definition.id = tag_mapping.tag_id AND tag_definition.tenant = tag_mapping.tenant";

fn use_of(mut row: Row) -> Result<TagUse, StoreError> {
    let tagged_type: TaggedType = row.get(5)?;
    Ok(TagUse {
        id: row.get(0)?,
        tag_id: row.get(1)?,
        tag_text: row.get(2)?,
        background_color: row.get(3)?,
        text_color: row.get(4)?,
        tagged_type,
        tagged_id: shown_id(tagged_type, row.get(6)?),
        created_by: row.get(7)?,
        created_at: row.get(8)?,
    })
}

fn shown_id(kind: TaggedType, id: Uuid) -> String {
    to_text(kinds::named(kind.as_str()).map_or("", |kind| kind.prefix), id)
}

/// Puts a tag on a record, which is known to be there. False if the record has it already.
pub async fn put(tx: &mut Tx, change: &Change<'_>, tag: &Record<Tag>, record: Uuid) -> Result<(TagUse, bool), ActionError> {
    let sql = "INSERT INTO tag_mapping (id, tenant, tag_id, tagged_type, tagged_id, created_by, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
    let id: TagMappingId = change.ambient.fresh();
    let (kind, by) = (tag.fields.tagged_type, change.actor.to_string());
    let put = tx.execute(sql, params![id, tx.tenant(), tag.id, kind, record, by, change.ambient.now()]).await? == 1;
    let sql = format!("{USE} WHERE tag_mapping.tagged_id = $1 AND tag_mapping.tag_id = $2 AND tag_mapping.tenant = $3");
    let found = use_of(tx.query_one(&sql, params![record, tag.id, tx.tenant()]).await?)?;
    if put {
        tell(tx, change, "tag.added", &found).await?;
    }
    Ok((found, put))
}

/// Takes a tag off its record. None if there is no such use.
pub async fn take_off(tx: &mut Tx, change: &Change<'_>, id: TagMappingId) -> Result<Option<TagUse>, ActionError> {
    let sql = format!("{USE} WHERE tag_mapping.id = $1 AND tag_mapping.tenant = $2");
    let Some(found) = tx.query_opt(&sql, params![id, tx.tenant()]).await?.map(use_of).transpose()? else { return Ok(None) };
    crate::record::store::delete_where(tx, "tag_mapping", "id", id.uuid()).await?;
    tell(tx, change, "tag.removed", &found).await?;
    Ok(Some(found))
}

async fn tell(tx: &mut Tx, change: &Change<'_>, event: &str, tag: &TagUse) -> Result<(), ActionError> {
    let reference = format!("{}_id", tag.tagged_type.as_str());
    change.publish(tx, event, (&reference, tag.tagged_id.clone()), json!({ "tag": tag })).await
}

/// Newest first.
pub async fn list(tx: &mut Tx, record: Option<Uuid>, tag: Option<TagId>, page: &Page) -> Result<Vec<TagUse>, StoreError> {
    let conditions = Conditions::of_tenant(tx, "tag_mapping").equal("tagged_id", record).equal("tag_id", tag);
    let (sql, values) = conditions.page("tag_mapping.id", page).after(USE);
    tx.query(&sql, &values).await?.into_iter().map(use_of).collect()
}
