//! Walks over deliveries in the order of their ids, a bounded number of rows at a time. Lists and
//! jobs ask for what no index answers by itself (a state that is derived, a type among the dead
//! letters): they get what a stretch holds and how far it went, and go on from there. So a page
//! costs the same whatever the history weighs, and no index names a column that settling changes.
//!
//! Four places hold everything: `dead_letter` what failed for good, `due` what isn't finished, `line`
//! what waits for others of its ordering key, and `delivery` the rest.

use hookswitch_domain::delivery::State;
use hookswitch_domain::id::{DeliveryId, DestinationId};
use hookswitch_domain::time::Timestamp;
use uuid::Uuid;

use crate::Row;
use crate::db::Tx;
use crate::delivery::{Around, derive};
use crate::error::StoreError;
use crate::page::Page;
use crate::params;
use crate::queue::{NEVER, state_of};

/// Rows that one walk looks at, at most.
pub const WALK: i64 = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Lists: newest first.
    Down,
    /// Jobs: oldest first, as they would have been sent.
    Up,
}

/// A stretch of ids: `low <= id < high`.
#[derive(Debug, Clone, Copy)]
pub struct Stretch {
    pub way: Way,
    pub low: Uuid,
    pub high: Uuid,
}

impl Stretch {
    pub fn of_page(page: &Page) -> Self {
        Self { way: Way::Down, low: page.floor(), high: page.below() }
    }

    /// Upwards from behind `looked`.
    pub fn up(looked: Option<Uuid>, from: Option<Timestamp>, to: Option<Timestamp>) -> Self {
        let range = Page { after: None, from, to, limit: 0 };
        let behind = looked.map_or(Uuid::nil(), |id| Uuid::from_u128(id.as_u128().saturating_add(1)));
        Self { way: Way::Up, low: range.floor().max(behind), high: range.below() }
    }

    /// What is left behind `id`.
    pub fn behind(mut self, id: Uuid) -> Self {
        match self.way {
            Way::Down => self.high = id,
            Way::Up => self.low = Uuid::from_u128(id.as_u128().saturating_add(1)),
        }
        self
    }

    const fn order(self) -> &'static str {
        match self.way {
            Way::Down => "DESC",
            Way::Up => "ASC",
        }
    }
}

/// A delivery as a walk sees it.
#[derive(Debug, Clone)]
pub struct Found {
    pub id: DeliveryId,
    pub destination: DestinationId,
    /// As it is shown: `delivering` and `parked` are derived.
    pub state: State,
    /// Of a dead letter the last outcome, of what is parked why.
    pub reason: Option<String>,
    /// When it came to this, on the database's clock.
    pub at: Timestamp,
    pub event_type: String,
    pub replayed: bool,
}

/// What a stretch holds.
#[derive(Debug, Default)]
pub struct Walked {
    /// In the order of the walk.
    pub found: Vec<Found>,
    /// The last id that was looked at, if there may be more behind it.
    pub end: Option<Uuid>,
    /// Rows that were looked at.
    pub visited: usize,
}

impl Walked {
    /// Two walks over one stretch become one, as far as both went.
    pub fn and(mut self, other: Self, way: Way) -> Self {
        let (down, ends) = (way == Way::Down, [self.end, other.end]);
        let end = ends.into_iter().flatten().reduce(|one, two| if down { one.max(two) } else { one.min(two) });
        self.found.extend(other.found);
        if let Some(end) = end {
            self.found.retain(|found| if down { found.id.uuid() >= end } else { found.id.uuid() <= end });
        }
        self.found.sort_by_key(|found| found.id);
        self.found.dedup_by_key(|found| found.id);
        if down {
            self.found.reverse();
        }
        Self { found: self.found, end, visited: self.visited + other.visited }
    }

    /// The first `limit` that are wanted, and the id to go on from, if there may be more.
    pub fn pick(self, limit: usize, wanted: impl Fn(&Found) -> bool) -> (Vec<Found>, Option<Uuid>) {
        let mut picked: Vec<Found> = Vec::new();
        for found in self.found.into_iter().filter(|found| wanted(found)) {
            if picked.len() == limit {
                let last = picked.last().map(|found| found.id.uuid());
                return (picked, last);
            }
            picked.push(found);
        }
        (picked, self.end)
    }
}

/// Of which destination, if not of all.
pub type To = Option<DestinationId>;

/// The statement over dead letters; public, so that a test can ask the database for its plan.
pub fn letters_sql(stretch: Stretch, to: To, open: bool) -> String {
    let order = stretch.order();
    let destination = if to.is_some() { "AND l.destination = $5" } else { "" };
    let open = if open { "AND l.replayed_as IS NULL" } else { "" };
    format!(
        "SELECT l.delivery, l.destination, l.state, l.reason, l.at, l.event_type, l.replayed_as FROM dead_letter l
         WHERE l.tenant = $1 AND l.delivery >= $2 AND l.delivery < $3 {destination} {open} ORDER BY l.delivery {order} LIMIT $4"
    )
}

/// What failed for good. `open`: and was not replayed.
pub async fn letters(tx: &mut Tx, stretch: Stretch, to: To, open: bool) -> Result<Walked, StoreError> {
    let (tenant, sql) = (tx.tenant(), letters_sql(stretch, to, open));
    let rows = match to {
        Some(to) => tx.query(&sql, params![tenant, stretch.low, stretch.high, WALK, to]).await?,
        None => tx.query(&sql, params![tenant, stretch.low, stretch.high, WALK]).await?,
    };
    let found = rows.into_iter().map(|mut row| {
        Ok(Found {
            id: row.get(0)?,
            destination: row.get(1)?,
            state: state_of(row.get(2)?)?,
            reason: row.get(3)?,
            at: row.get(4)?,
            event_type: row.get(5)?,
            replayed: row.get::<Option<Uuid>>(6)?.is_some(),
        })
    });
    Ok(walked(found.collect::<Result<_, StoreError>>()?))
}

fn walked(found: Vec<Found>) -> Walked {
    let full = found.len() as i64 == WALK;
    Walked { end: found.last().filter(|_| full).map(|last| last.id.uuid()), visited: found.len(), found }
}

const WAITING: &str = "w.delivery, w.destination, d.state, d.parked_reason, w.leased AND w.next_at > now_ms(), l.hold,
        d.updated_at, e.type";
const WITH: &str = "LEFT JOIN lane l ON l.destination = w.destination AND l.tenant = w.tenant
     LEFT JOIN event e ON e.id = d.event AND e.tenant = d.tenant";

/// Where deliveries wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// For their time, or a sender.
    Due,
    /// For others of their ordering key.
    Line,
}

impl Queue {
    const fn table(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Line => "line",
        }
    }

    const fn leased(self) -> &'static str {
        match self {
            Self::Due => "leased, next_at",
            Self::Line => "FALSE AS leased, CAST(0 AS BIGINT) AS next_at",
        }
    }
}

/// All that waits for a tenant's destinations, or for one. CROSS JOIN keeps the order of the tables
/// on SQLite: the tenant's destinations first, then the lane's index.
pub fn waiting_few_sql(queue: Queue, to: To) -> String {
    let destination = if to.is_some() { "AND t.id = $4" } else { "" };
    let (table, leased) = (queue.table(), queue.leased());
    format!(
        "SELECT {WAITING} FROM integration_destinations t
         CROSS JOIN (SELECT delivery, tenant, destination, class, {leased} FROM {table}) w CROSS JOIN delivery d {WITH}
         WHERE t.tenant = $1 {destination} AND w.destination = t.id AND w.tenant = t.tenant AND w.class IN (0, 1, 2) AND w.next_at < $2
           AND d.id = w.delivery AND d.tenant = w.tenant LIMIT $3"
    )
}

/// A stretch of all that waits, whoever it belongs to; of other tenants' rows only that they are there.
pub fn waiting_many_sql(queue: Queue, stretch: Stretch) -> String {
    let (order, table, leased) = (stretch.order(), queue.table(), queue.leased());
    format!(
        "SELECT {WAITING}, d.id IS NOT NULL AND l.destination IS NOT NULL AND w.next_at < $5
         FROM (SELECT delivery, tenant, destination, {leased} FROM {table}
               WHERE delivery >= $2 AND delivery < $3 ORDER BY delivery {order} LIMIT $4) w
         LEFT JOIN delivery d ON d.id = w.delivery AND d.tenant = w.tenant AND d.tenant = $1 {WITH} ORDER BY w.delivery {order}"
    )
}

/// What isn't finished, but for what only a person lets go on, which is among the dead letters.
/// A tenant with little of it gets all of it at once; one with a backlog walks through `due`.
pub async fn waiting(tx: &mut Tx, stretch: Stretch, to: To) -> Result<Walked, StoreError> {
    let around = Around::read(tx).await?;
    let due = waiting_in(tx, Queue::Due, stretch, to, &around).await?;
    let in_line = waiting_in(tx, Queue::Line, stretch, to, &around).await?;
    Ok(due.and(in_line, stretch.way))
}

async fn waiting_in(tx: &mut Tx, queue: Queue, stretch: Stretch, to: To, around: &Around) -> Result<Walked, StoreError> {
    let (tenant, sql) = (tx.tenant(), waiting_few_sql(queue, to));
    let rows = match to {
        Some(to) => tx.query(&sql, params![tenant, NEVER, WALK + 1, to]).await?,
        None => tx.query(&sql, params![tenant, NEVER, WALK + 1]).await?,
    };
    let visited = rows.len();
    if visited as i64 > WALK {
        return waiting_many(tx, queue, stretch, to, around).await;
    }
    let mut found = rows.into_iter().map(|row| waits(row, around)).collect::<Result<Vec<_>, _>>()?;
    found.retain(|found| (stretch.low..stretch.high).contains(&found.id.uuid()));
    Ok(Walked { found, end: None, visited }.and(Walked::default(), stretch.way))
}

async fn waiting_many(tx: &mut Tx, queue: Queue, stretch: Stretch, to: To, around: &Around) -> Result<Walked, StoreError> {
    let tenant = tx.tenant();
    let rows = tx.query(&waiting_many_sql(queue, stretch), params![tenant, stretch.low, stretch.high, WALK, NEVER]).await?;
    let (visited, mut end, mut found) = (rows.len(), None, Vec::new());
    for mut row in rows {
        let id: DeliveryId = row.get(0)?;
        end = Some(id.uuid());
        if row.get(8)? {
            row.put(0, id);
            found.push(waits(row, around)?);
        }
    }
    found.retain(|found| to.is_none_or(|to| found.destination == to));
    Ok(Walked { found, end: end.filter(|_| visited as i64 == WALK), visited })
}

fn waits(mut row: Row, around: &Around) -> Result<Found, StoreError> {
    let (stored, reason): (State, Option<String>) = (state_of(row.get(2)?)?, row.get(3)?);
    let (in_hand, hold): (bool, Option<String>) = (row.get(4)?, row.get(5)?);
    let (state, reason) = derive(stored, reason, in_hand, hold.as_deref(), around);
    Ok(Found {
        id: row.get(0)?,
        destination: row.get(1)?,
        state,
        reason,
        at: row.get(6)?,
        event_type: row.get::<Option<String>>(7)?.unwrap_or_default(),
        replayed: false,
    })
}

pub fn history_sql(stretch: Stretch) -> String {
    let order = stretch.order();
    format!(
        "SELECT d.id, d.destination, d.state, d.updated_at FROM delivery d
         WHERE d.tenant = $1 AND d.id >= $2 AND d.id < $3 ORDER BY d.id {order} LIMIT $4"
    )
}

/// The tenant's deliveries with their stored states: right for the finished ones.
pub async fn history(tx: &mut Tx, stretch: Stretch, rows: i64) -> Result<Walked, StoreError> {
    let tenant = tx.tenant();
    let read = tx.query(&history_sql(stretch), params![tenant, stretch.low, stretch.high, rows]).await?;
    let visited = read.len();
    let found = read.into_iter().map(|mut row| {
        Ok(Found {
            id: row.get(0)?,
            destination: row.get(1)?,
            state: state_of(row.get(2)?)?,
            reason: None,
            at: row.get(3)?,
            event_type: String::new(),
            replayed: false,
        })
    });
    let found = found.collect::<Result<Vec<_>, StoreError>>()?;
    let end = found.last().filter(|_| visited as i64 == rows).map(|last| last.id.uuid());
    Ok(Walked { found, end, visited })
}
