//! What a destination's expressions made of an event, kept from a failed attempt to the next one, so
//! that every attempt sends the same bytes. A delivery whose first attempt succeeds never has a row.

use hookswitch_domain::id::DeliveryId;

use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::params;

/// Keeps the bytes; those that are kept already stay.
pub async fn keep(tx: &mut Tx, delivery: DeliveryId, body: &[u8]) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let sql = "INSERT INTO delivery_body (delivery, tenant, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    tx.execute(sql, params![delivery, tenant, body]).await?;
    Ok(())
}

pub async fn get(tx: &mut Tx, delivery: DeliveryId) -> Result<Option<Vec<u8>>, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT body FROM delivery_body WHERE delivery = $1 AND tenant = $2";
    tx.query_opt(sql, params![delivery, tenant]).await?.map(|mut row| row.get(0)).transpose()
}

/// Deletes some bodies of deliveries that are finished; returns how many.
pub async fn sweep(db: &Db, limit: i64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM delivery_body WHERE (delivery, tenant) IN (
        SELECT b.delivery, b.tenant FROM delivery_body b
        WHERE NOT EXISTS (SELECT 1 FROM due WHERE due.delivery = b.delivery AND due.tenant = b.tenant) LIMIT $1)";
    db.system().write(move |tx| Box::pin(async move { tx.execute(sql, params![limit]).await })).await
}
