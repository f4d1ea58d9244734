//! Which assets a ticket is about.

use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::{Page, Row, StoreError, Tx, params};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::Asset;
use crate::change::Change;
use crate::id::{AssetId, AssociationId, TicketId};
use crate::list::Conditions;
use crate::record::{Reference, check_reference, store};

/// The relationship that a ticket's own asset has.
pub const AFFECTED: &str = "affected";

/// An asset's part in a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Association {
    #[schema(value_type = String, example = "asc_01jd8r7c5tevzs9c1ghvzv3hkp")]
    pub id: AssociationId,
    #[schema(value_type = String)]
    pub asset_id: AssetId,
    #[schema(value_type = String)]
    pub ticket_id: TicketId,
    #[schema(example = "affected")]
    pub relationship_type: String,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

const ASSOCIATION: &str = "SELECT id, asset_id, ticket_id, relationship_type, created_at FROM asset_association";

fn association_of(mut row: Row) -> Result<Association, StoreError> {
    Ok(Association {
        id: row.get(0)?,
        asset_id: row.get(1)?,
        ticket_id: row.get(2)?,
        relationship_type: row.get(3)?,
        created_at: row.get(4)?,
    })
}

/// Says that a ticket is about an asset; saying it again changes nothing.
pub async fn associate(
    tx: &mut Tx,
    change: &Change<'_>,
    field: &'static str,
    asset_id: AssetId,
    ticket_id: TicketId,
    relationship_type: &str,
) -> Result<Association, ActionError> {
    check_reference(tx, Reference::to::<Asset>(field, asset_id)).await?;
    check_reference(tx, Reference::to_ticket("ticket_id", ticket_id)).await?;
    let sql = "INSERT INTO asset_association (id, tenant, asset_id, ticket_id, relationship_type, created_at)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
    let id: AssociationId = change.ambient.fresh();
    let made =
        tx.execute(sql, params![id, tx.tenant(), asset_id, ticket_id, relationship_type, change.ambient.now()]).await? == 1;
    let sql = format!("{ASSOCIATION} WHERE asset_id = $1 AND ticket_id = $2 AND tenant = $3");
    let found = association_of(tx.query_one(&sql, params![asset_id, ticket_id, tx.tenant()]).await?)?;
    if made {
        change.publish(tx, "ticket.asset.linked", ("ticket_id", ticket_id.to_string()), json!({ "association": found })).await?;
    }
    Ok(found)
}

pub async fn list(
    tx: &mut Tx,
    asset: Option<AssetId>,
    ticket: Option<TicketId>,
    page: &Page,
) -> Result<Vec<Association>, StoreError> {
    let conditions = Conditions::of_tenant(tx, "asset_association").equal("asset_id", asset).equal("ticket_id", ticket);
    let (sql, values) = conditions.page("id", page).after(ASSOCIATION);
    tx.query(&sql, &values).await?.into_iter().map(association_of).collect()
}

/// None if there is none.
pub async fn remove(tx: &mut Tx, change: &Change<'_>, id: AssociationId) -> Result<bool, ActionError> {
    let sql = format!("{ASSOCIATION} WHERE id = $1 AND tenant = $2");
    let Some(found) = tx.query_opt(&sql, params![id, tx.tenant()]).await?.map(association_of).transpose()? else {
        return Ok(false);
    };
    store::delete_where(tx, "asset_association", "id", id.uuid()).await?;
    let ticket = ("ticket_id", found.ticket_id.to_string());
    change.publish(tx, "ticket.asset.unlinked", ticket, json!({ "association": found })).await?;
    Ok(true)
}
