//! What was tried, counted per destination and span of time. A duty (`account`) adds what is new;
//! a reader adds what the duty hasn't counted yet, so that the figures always equal the rows.

use std::collections::HashMap;

use hookswitch_domain::delivery::State;
use hookswitch_domain::flow::Class;
use hookswitch_domain::id::{DestinationId, TenantId};
use hookswitch_domain::time::Timestamp;

use crate::account::{self, Logged};
use crate::db::Tx;
use crate::error::StoreError;
use crate::params;
use crate::queue::state_of;
use crate::value::{Row, Value};

/// Spans that are counted: charts of an hour, and of a day or a week.
pub const MINUTE_MS: i64 = 60_000;
pub const HOUR_MS: i64 = 3_600_000;
pub(crate) const WIDTHS: [i64; 2] = [MINUTE_MS, HOUR_MS];

/// Upper bounds of the histogram's buckets in milliseconds; the last one is open.
const BOUNDS_MS: [i64; 14] = [2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 15_000, 30_000];
const BUCKETS: usize = BOUNDS_MS.len() + 1;
/// What the open bucket ends with: longer than any attempt may take.
const LONGEST_MS: i64 = 60_000;

/// Counted attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Requests that left us.
    pub attempts: i64,
    /// Deliveries that were taken.
    pub delivered: i64,
    /// Attempts that failed and are followed by another.
    pub retries: i64,
    /// Deliveries that ended as dead letters.
    pub dead_lettered: i64,
    /// Deliveries that ended without one.
    pub failed: i64,
    latency: [i64; BUCKETS],
}

impl Counts {
    /// Counts one row.
    pub(crate) fn count(&mut self, row: &Logged) {
        if row.number.is_some() {
            self.attempts += 1;
            let millis = row.total_us / 1_000;
            self.latency[BOUNDS_MS.partition_point(|bound| *bound <= millis)] += 1;
        }
        match row.outcome.as_str() {
            "accepted" => self.delivered += 1,
            "retryable" => self.retries += 1,
            // The row that ended its delivery; a person may have discarded the dead letter since.
            "exhausted" | "terminal" | "refused" => match row.ended {
                Some(State::Failed) => self.failed += 1,
                Some(State::DeadLettered | State::Discarded) => self.dead_lettered += 1,
                _ => {}
            },
            _ => {}
        }
    }

    pub fn add(&mut self, other: &Self) {
        self.attempts += other.attempts;
        self.delivered += other.delivered;
        self.retries += other.retries;
        self.dead_lettered += other.dead_lettered;
        self.failed += other.failed;
        self.latency.iter_mut().zip(other.latency).for_each(|(own, more)| *own += more);
    }

    /// Which part of the deliveries that ended was taken; `None` where none ended.
    pub fn success_rate(&self) -> Option<f64> {
        let ended = self.delivered + self.dead_lettered + self.failed;
        (ended > 0).then(|| self.delivered as f64 / ended as f64)
    }

    /// The time within which this part of the attempts ended, from the histogram: exact to the
    /// width of its bucket.
    pub fn percentile_ms(&self, part: f64) -> Option<f64> {
        let all: i64 = self.latency.iter().sum();
        if all == 0 {
            return None;
        }
        let wanted = part * all as f64;
        let (mut below, mut floor) = (0, 0);
        for (place, count) in self.latency.iter().enumerate() {
            let ceiling = BOUNDS_MS.get(place).copied().unwrap_or(LONGEST_MS);
            if *count > 0 && (below + count) as f64 >= wanted {
                let within = (wanted - below as f64) / *count as f64;
                return Some(floor as f64 + within * (ceiling - floor) as f64);
            }
            below += count;
            floor = ceiling;
        }
        Some(LONGEST_MS as f64)
    }

    fn values(&self) -> impl Iterator<Item = i64> + use<> {
        [self.attempts, self.delivered, self.retries, self.dead_lettered, self.failed].into_iter().chain(self.latency)
    }

    fn read(row: &mut Row, first: usize) -> Result<Self, StoreError> {
        let mut counts = Self {
            attempts: row.get(first)?,
            delivered: row.get(first + 1)?,
            retries: row.get(first + 2)?,
            dead_lettered: row.get(first + 3)?,
            failed: row.get(first + 4)?,
            latency: [0; BUCKETS],
        };
        for (place, slot) in counts.latency.iter_mut().enumerate() {
            *slot = row.get(first + 5 + place)?;
        }
        Ok(counts)
    }
}

fn columns() -> Vec<String> {
    let named = ["attempts", "delivered", "retries", "dead_lettered", "failed"].map(str::to_owned);
    named.into_iter().chain((0..BUCKETS).map(|place| format!("h{place}"))).collect()
}

/// A span of time of a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    pub tenant: TenantId,
    pub destination: DestinationId,
    pub minute: i64,
}

/// Adds to the counters, in the order of their keys.
pub(crate) async fn add(tx: &mut Tx, counted: &HashMap<Place, Counts>) -> Result<(), StoreError> {
    let mut sums: std::collections::BTreeMap<(TenantId, i64, i64, DestinationId), Counts> = std::collections::BTreeMap::new();
    for (place, counts) in counted {
        for width in WIDTHS {
            let bucket = place.minute - place.minute.rem_euclid(width);
            sums.entry((place.tenant, width, bucket, place.destination)).or_default().add(counts);
        }
    }
    let columns = columns();
    let marks: Vec<_> = (5..5 + columns.len()).map(|place| format!("${place}")).collect();
    let sets: Vec<_> = columns.iter().map(|name| format!("{name} = delivery_stat.{name} + excluded.{name}")).collect();
    let sql = format!(
        "INSERT INTO delivery_stat (tenant, width, bucket, destination, {}) VALUES ($1, $2, $3, $4, {})
         ON CONFLICT (tenant, width, bucket, destination) DO UPDATE SET {}",
        columns.join(", "),
        marks.join(", "),
        sets.join(", ")
    );
    for ((tenant, width, bucket, destination), counts) in sums {
        let mut values = params![tenant, width, bucket, destination].to_vec();
        values.extend(counts.values().map(Value::from));
        tx.execute(&sql, &values).await?;
    }
    Ok(())
}

/// The tenant's counts since `from`, per destination and bucket of `width`: what is rolled up, and
/// the rows that are not yet. One snapshot holds both.
pub async fn since(
    tx: &mut Tx,
    width: i64,
    from: Timestamp,
    only: Option<DestinationId>,
) -> Result<HashMap<(DestinationId, i64), Counts>, StoreError> {
    let tenant = tx.tenant();
    let any = uuid::Uuid::nil();
    let sql = format!(
        "SELECT destination, bucket, {} FROM delivery_stat
         WHERE tenant = $1 AND width = $2 AND bucket >= $3 AND (destination = $4 OR $4 = $5)",
        columns().join(", ")
    );
    let wanted = only.map_or(any, DestinationId::uuid);
    let mut found = HashMap::new();
    for mut row in tx.query(&sql, params![tenant, width, from, wanted, any]).await? {
        found.insert((row.get(0)?, row.get(1)?), Counts::read(&mut row, 2)?);
    }
    for row in account::uncounted(tx).await? {
        let Some(destination) = row.destination.filter(|own| only.is_none_or(|only| only == *own)) else { continue };
        let at = row.started_at.millis();
        let bucket = at - at.rem_euclid(width);
        if bucket >= from.millis() {
            found.entry((destination, bucket)).or_insert_with(Counts::default).count(&row);
        }
    }
    Ok(found)
}

/// What a destination has in hand and before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waiting {
    /// Never tried yet.
    pub pending: i64,
    pub delivering: i64,
    pub retrying: i64,
    /// Held by themselves: a missing secret, attempts used up.
    pub parked: i64,
    pub oldest_due_at: Option<Timestamp>,
    /// There is more than was counted.
    pub more: bool,
}

/// Counts a destination's unfinished deliveries, at most `limit` of them.
pub async fn waiting(tx: &mut Tx, destination: DestinationId, limit: i64) -> Result<Waiting, StoreError> {
    let tenant = tx.tenant();
    let sql = "SELECT d.state, x.in_hand, count(*) FROM (
            SELECT delivery, tenant, (leased AND next_at > now_ms()) AS in_hand FROM due
            WHERE destination = $1 AND tenant = $2 ORDER BY class, next_at LIMIT $3) x
        JOIN delivery d ON d.id = x.delivery AND d.tenant = x.tenant GROUP BY d.state, x.in_hand";
    let mut waiting = Waiting::default();
    let mut all = 0;
    for mut row in tx.query(sql, params![destination, tenant, limit]).await? {
        let (state, in_hand, count) = (state_of(row.get(0)?)?, row.get::<bool>(1)?, row.get::<i64>(2)?);
        all += count;
        match state {
            _ if in_hand => waiting.delivering += count,
            State::Pending => waiting.pending += count,
            State::Parked => waiting.parked += count,
            _ => waiting.retrying += count,
        }
    }
    let in_line = "SELECT count(*) FROM (SELECT 1 FROM line WHERE destination = $1 AND tenant = $2 LIMIT $3) x";
    let in_line: i64 = tx.query_one(in_line, params![destination, tenant, limit]).await?.get(0)?;
    waiting.pending += in_line;
    waiting.more = all >= limit || in_line >= limit;
    // The lane's index knows the oldest of each class.
    for class in Class::ALL {
        let oldest = "SELECT min(next_at) FROM due WHERE destination = $1 AND tenant = $2 AND class = $3 AND next_at <= now_ms()";
        let oldest: Option<Timestamp> = tx.query_one(oldest, params![destination, tenant, class.code()]).await?.get(0)?;
        waiting.oldest_due_at = waiting.oldest_due_at.into_iter().chain(oldest).min();
    }
    Ok(waiting)
}

/// Deletes counters whose time is over; returns how many rows went.
pub async fn forget(tx: &mut Tx, width: i64, before: Timestamp, limit: i64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM delivery_stat WHERE (tenant, width, bucket, destination) IN
        (SELECT tenant, width, bucket, destination FROM delivery_stat WHERE width = $1 AND bucket < $2 ORDER BY bucket LIMIT $3)";
    tx.execute(sql, params![width, before, limit]).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_lie_inside_the_bucket_that_holds_them() {
        let mut counts = Counts::default();
        assert_eq!(counts.percentile_ms(0.5), None);
        counts.latency[2] = 90; // 5 to 10 ms
        counts.latency[8] = 10; // 500 to 1000 ms
        let (half, tail) = (counts.percentile_ms(0.5).unwrap(), counts.percentile_ms(0.95).unwrap());
        assert!((5.0..10.0).contains(&half) && (500.0..=1_000.0).contains(&tail), "{half} {tail}");
        counts.latency[BUCKETS - 1] = 1_000;
        assert!(counts.percentile_ms(1.0).unwrap() <= 60_000.0);
    }

    #[test]
    fn a_rate_needs_something_that_ended() {
        let mut counts = Counts { retries: 5, attempts: 5, ..Counts::default() };
        assert_eq!(counts.success_rate(), None);
        counts.add(&Counts { delivered: 3, dead_lettered: 1, ..Counts::default() });
        assert_eq!(counts.success_rate(), Some(0.75));
    }
}
