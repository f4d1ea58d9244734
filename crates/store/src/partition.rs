//! PostgreSQL's daily partitions of the tables that only grow. They are made ahead of time, so
//! that retention drops a whole day at once; a row outside them lands in the table's `_rest`
//! partition, where it is just as safe.

use std::time::Duration;

use hookswitch_domain::id::uuid_floor;
use hookswitch_domain::time::Timestamp;

use crate::db::Db;
use crate::error::StoreError;

/// Partitioned tables, and whether their rows are updated (and so want room on their pages).
const TABLES: [(&str, bool); 4] =
    [("event", false), ("delivery", true), ("attempt", false), ("inbound_webhook_deliveries", true)];
const DAYS_AHEAD: u32 = 3;
const DAY: Duration = Duration::from_secs(86_400);

/// Makes the partitions of today and the next days, where they are missing. Nothing to do on SQLite.
pub async fn ensure(db: &Db) -> Result<(), StoreError> {
    if db.engine_name() == "sqlite" {
        return Ok(());
    }
    let today: i64 =
        db.system().read(|tx| Box::pin(async move { tx.query_one("SELECT now_ms() / 86400000", &[]).await?.get(0) })).await?;
    for ahead in 0..=DAYS_AHEAD {
        let from = Timestamp::from_millis((today + i64::from(ahead)) * DAY.as_millis() as i64);
        for (table, updated) in TABLES {
            let sql = statement(table, updated, from);
            let made: Result<(), StoreError> = db.system().write(move |tx| Box::pin(async move { tx.batch(&sql).await })).await;
            // Rows of that day already lie in the `_rest` partition: they stay there.
            if let Err(error) = made {
                tracing::warn!(table, day = %from, %error, "a daily partition could not be made");
            }
        }
    }
    Ok(())
}

fn statement(table: &str, updated: bool, from: Timestamp) -> String {
    let day = &from.to_string()[..10].replace('-', "");
    let (low, high) = (uuid_floor(from), uuid_floor(from.plus(DAY)));
    let room = if updated { " WITH (fillfactor = 85)" } else { "" };
    format!("CREATE TABLE IF NOT EXISTS {table}_p{day} PARTITION OF {table} FOR VALUES FROM ('{low}') TO ('{high}'){room}")
}
