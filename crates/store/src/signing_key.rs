//! Ed25519 keys of destinations. The private half is sealed (`secret`), under the id of its row
//! here; the public half may be seen by everybody. One key is current; those before it sign
//! until their time is over.

use hookswitch_domain::id::{DestinationId, SecretId};
use hookswitch_domain::time::Timestamp;

use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::{Row, params};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Its private half's row in `secret`.
    pub id: SecretId,
    pub destination: DestinationId,
    /// `whpk_...`
    pub public_key: String,
    pub created_at: Timestamp,
    /// It signs until then; `None` for the current one.
    pub signs_until: Option<Timestamp>,
}

const COLUMNS: &str = "id, destination, public_key, created_at, signs_until";

fn read(mut row: Row) -> Result<SigningKey, StoreError> {
    Ok(SigningKey {
        id: row.get(0)?,
        destination: row.get(1)?,
        public_key: row.get(2)?,
        created_at: row.get(3)?,
        signs_until: row.get(4)?,
    })
}

pub async fn insert(tx: &mut Tx, key: &SigningKey) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let sql =
        "INSERT INTO signing_key (id, tenant, destination, public_key, created_at, signs_until) VALUES ($1, $2, $3, $4, $5, $6)";
    let row = params![key.id, tenant, key.destination, key.public_key.as_str(), key.created_at, key.signs_until];
    tx.execute(sql, row).await?;
    Ok(())
}

/// The keys of one destination, the newest first.
pub async fn of(tx: &mut Tx, destination: DestinationId) -> Result<Vec<SigningKey>, StoreError> {
    let tenant = tx.tenant();
    let sql = format!("SELECT {COLUMNS} FROM signing_key WHERE tenant = $1 AND destination = $2 ORDER BY id DESC");
    tx.query(&sql, params![tenant, destination]).await?.into_iter().map(read).collect()
}

/// The keys of all destinations of the tenant, each one's newest first.
pub async fn all(tx: &mut Tx) -> Result<Vec<SigningKey>, StoreError> {
    let tenant = tx.tenant();
    let sql = format!("SELECT {COLUMNS} FROM signing_key WHERE tenant = $1 ORDER BY destination, id DESC");
    tx.query(&sql, params![tenant]).await?.into_iter().map(read).collect()
}

/// The current key of a destination signs until then, and what was before it no longer.
pub async fn retire_current(tx: &mut Tx, destination: DestinationId, until: Timestamp) -> Result<(), StoreError> {
    delete_retired(tx, destination).await?;
    let tenant = tx.tenant();
    let sql = "UPDATE signing_key SET signs_until = $3 WHERE tenant = $1 AND destination = $2";
    tx.execute(sql, params![tenant, destination, until]).await?;
    Ok(())
}

/// Removes the keys that a rotation has replaced, with their private halves.
pub async fn delete_retired(tx: &mut Tx, destination: DestinationId) -> Result<u64, StoreError> {
    delete_where(tx, destination, "signs_until IS NOT NULL").await
}

/// Removes all keys of a destination, with their private halves.
pub async fn delete_all(tx: &mut Tx, destination: DestinationId) -> Result<u64, StoreError> {
    delete_where(tx, destination, "1 = 1").await
}

async fn delete_where(tx: &mut Tx, destination: DestinationId, which: &str) -> Result<u64, StoreError> {
    let tenant = tx.tenant();
    let chosen = format!("SELECT id FROM signing_key WHERE tenant = $1 AND destination = $2 AND {which}");
    let sql = format!("DELETE FROM secret WHERE tenant = $1 AND id IN ({chosen})");
    tx.execute(&sql, params![tenant, destination]).await?;
    let sql = format!("DELETE FROM signing_key WHERE tenant = $1 AND destination = $2 AND {which}");
    tx.execute(&sql, params![tenant, destination]).await
}

/// Ends a rotation: what it replaced is gone for good. `false`: there was nothing to end.
pub async fn end_rotation(tx: &mut Tx, destination: DestinationId) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let keys = delete_retired(tx, destination).await?;
    let sql = "DELETE FROM secret WHERE tenant = $1
        AND id = (SELECT previous_secret FROM integration_destinations WHERE tenant = $1 AND id = $2)";
    let secrets = tx.execute(sql, params![tenant, destination]).await?;
    let sql = "UPDATE integration_destinations SET previous_secret = NULL, previous_until = NULL
        WHERE tenant = $1 AND id = $2 AND (previous_secret IS NOT NULL OR previous_until IS NOT NULL)";
    let overlaps = tx.execute(sql, params![tenant, destination]).await?;
    Ok(keys + secrets + overlaps > 0)
}

/// Ends rotations whose overlap is over: an old secret doesn't outlive its use, not even sealed.
/// At most 100 a call; returns how many.
pub async fn end_some(db: &Db) -> Result<usize, StoreError> {
    let system = db.system();
    let over = system.read::<_, StoreError, _>(|tx| {
        Box::pin(async move {
            let sql = "SELECT tenant, id FROM integration_destinations WHERE previous_until <= now_ms() LIMIT 100";
            let rows = tx.query(sql, params![]).await?;
            rows.into_iter().map(|mut row| Ok((row.get(0)?, row.get(1)?))).collect::<Result<Vec<_>, StoreError>>()
        })
    });
    let over = over.await?;
    let count = over.len();
    for (tenant, destination) in over {
        let store = db.for_tenant(tenant);
        let job = store.write::<_, StoreError, _>(move |tx| {
            Box::pin(async move {
                // A rotation since then has an overlap of its own.
                let sql = "SELECT 1 FROM integration_destinations WHERE tenant = $1 AND id = $2 AND previous_until <= now_ms()";
                let still = tx.query_opt(sql, params![tx.tenant(), destination]).await?.is_some();
                if still {
                    end_rotation(tx, destination).await?;
                }
                Ok(())
            })
        });
        job.await?;
    }
    Ok(count)
}
