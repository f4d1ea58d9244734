//! Who sends. A process that is gone leaves leases behind, which would run out by themselves; whoever
//! starts and is alone frees them at once, and whoever lives frees those of one that died beside it.
//!
//! On SQLite there is one process. On PostgreSQL each that sends keeps two advisory locks, on a
//! connection of its own, for as long as it lives: the database lets go of them when the process dies,
//! however that happens.
//!
//! * One is shared. Who can have it to itself is alone: all leases from before its own start are freed
//!   then, told apart by their ends, on the database's clock.
//! * One is its own, under a number that its leases bear (`due.holder`) and its row in `node` says. A
//!   number whose lock has been free for [`ABSENT`] is dead: one of the living takes the lock, frees the
//!   leases and forgets the row. A process that only lost its connection has its lock again long before.

use std::collections::HashMap;
use std::time::Duration;

use deadpool_postgres::{Object, Pool};
use hookswitch_domain::lease::LEASE;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

use crate::db::{Db, Engine};
use crate::error::StoreError;
use crate::{params, postgres};

/// Any fixed number serves that nothing else locks; this one follows that of the migrations.
const KEY: i64 = 448_378_203_244;
/// The class of the locks that each process has to itself; with it goes the process's number.
const CLASS: i32 = 448_378_203;
/// The connections of a process that was killed are gone after a moment, not at once.
const TRIES: [Duration; 4] = [Duration::ZERO, Duration::from_millis(200), Duration::from_millis(800), Duration::from_secs(3)];
const STRAGGLERS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];
/// A process looks so often whether its connection lives, and who else does.
const LOOK: Duration = Duration::from_secs(2);
/// Several looks: after a restart of the database everybody has been back for a while.
const ABSENT: Duration = Duration::from_secs(10);

/// Kept by a process that sends, for as long as it does.
pub struct Presence {
    keeper: Option<AbortHandle>,
    freed: oneshot::Receiver<u64>,
}

impl Drop for Presence {
    fn drop(&mut self) {
        if let Some(keeper) = &self.keeper {
            keeper.abort();
        }
    }
}

impl Presence {
    /// How many leases were freed, once it is known whether this process is alone.
    pub async fn freed(&mut self) -> u64 {
        (&mut self.freed).await.unwrap_or(0)
    }
}

impl Db {
    /// Says that this process sends, before it takes the first lease. Whether it is alone, and so what is
    /// freed, is found out meanwhile.
    pub async fn begin_sending(&self) -> Result<Presence, StoreError> {
        let (tell, freed) = oneshot::channel();
        let started = self.clock().await?;
        let Engine::Postgres(postgres) = &*self.engine else {
            let _ = tell.send(told(self.free_leases(started).await?));
            return Ok(Presence { keeper: None, freed });
        };
        // A lock of a session says nothing behind a pooler.
        let sessions = postgres::pool(&postgres.direct_url, 1)?;
        let session = sessions.get().await?;
        share(&session).await?;
        let number = take_number(&session).await?;
        postgres.holder.set(number);
        let db = self.clone();
        let keeper = tokio::spawn(async move {
            let alone = free_if_alone(&db, &session, started).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "whether another process sends could not be found out: leases of a dead one run out by themselves");
                None
            });
            let _ = tell.send(told(alone.unwrap_or(0)));
            if alone.is_some() {
                free_stragglers(&db, started).await;
            }
            Keeper { db, sessions, number, absent: HashMap::new() }.keep(session).await;
        });
        Ok(Presence { keeper: Some(keeper.abort_handle()), freed })
    }

    async fn clock(&self) -> Result<i64, StoreError> {
        let system = self.system();
        system.read(|tx| Box::pin(async move { tx.query_one("SELECT now_ms()", &[]).await?.get(0) })).await
    }

    /// Frees the leases of processes that are gone: what they held is due now, and its claim records the
    /// interruption. Only where no other process sends, and only what was leased before `started`.
    pub async fn free_leases(&self, started: i64) -> Result<u64, StoreError> {
        let before = started.saturating_add(LEASE.as_millis() as i64);
        self.free("next_at <= $1", before).await
    }

    async fn free(&self, which: &'static str, value: i64) -> Result<u64, StoreError> {
        let free = format!("UPDATE due SET next_at = now_ms() WHERE leased AND next_at > now_ms() AND {which}");
        let lanes = "UPDATE lane SET next_at = now_ms() WHERE hold IS NULL AND next_at > now_ms()
            AND EXISTS (SELECT 1 FROM due WHERE due.destination = lane.destination AND due.leased AND due.next_at <= now_ms())";
        let system = self.system();
        let job = system.write(move |tx| {
            Box::pin(async move {
                let freed = tx.execute(&free, params![value]).await?;
                if freed > 0 {
                    tx.execute(lanes, &[]).await?;
                }
                Ok(freed)
            })
        });
        job.await
    }
}

/// Waits for whoever has the lock to itself at this moment.
async fn share(session: &Object) -> Result<(), StoreError> {
    session.batch_execute("SET lock_timeout = '10s'").await?;
    session.execute("SELECT pg_advisory_lock_shared($1)", &[&KEY]).await?;
    Ok(())
}

/// A number that nobody has, with its lock.
async fn take_number(session: &Object) -> Result<i64, StoreError> {
    loop {
        let drawn = session.query_one("SELECT (1 + floor(random() * 2147483646))::int4", &[]).await?;
        let number: i32 = drawn.try_get(0)?;
        if !try_lock(session, number).await? {
            continue;
        }
        if register(session, number.into()).await? {
            return Ok(number.into());
        }
        // A dead one's, which nobody has noticed yet.
        unlock(session, number).await?;
    }
}

/// `false`: it was there.
async fn register(session: &Object, number: i64) -> Result<bool, StoreError> {
    let sql = "INSERT INTO node (id, roles, started_at, seen_at, holder)
        VALUES (gen_random_uuid(), 'worker', now_ms(), now_ms(), $1) ON CONFLICT DO NOTHING";
    Ok(session.execute(sql, &[&number]).await? == 1)
}

async fn try_lock(session: &Object, number: i32) -> Result<bool, StoreError> {
    Ok(session.query_one("SELECT pg_try_advisory_lock($1, $2)", &[&CLASS, &number]).await?.try_get(0)?)
}

async fn unlock(session: &Object, number: i32) -> Result<(), StoreError> {
    session.execute("SELECT pg_advisory_unlock($1, $2)", &[&CLASS, &number]).await?;
    Ok(())
}

fn told(freed: u64) -> u64 {
    if freed > 0 {
        tracing::info!(freed, "deliveries that a process before held are taken up again");
    }
    freed
}

/// How many, or `None` if it isn't alone.
async fn free_if_alone(db: &Db, session: &Object, started: i64) -> Result<Option<u64>, StoreError> {
    for pause in TRIES {
        sleep(pause).await;
        // Nobody shares a lock that somebody has to himself: who starts now waits.
        if session.query_one("SELECT pg_try_advisory_lock($1)", &[&KEY]).await?.try_get(0)? {
            let freed = db.free_leases(started).await;
            session.execute("SELECT pg_advisory_unlock($1)", &[&KEY]).await?;
            return freed.map(Some);
        }
    }
    Ok(None)
}

/// A commit that was on its way when its process died is seen a moment later. Nobody who has started
/// since has leases that end so early.
async fn free_stragglers(db: &Db, started: i64) {
    for pause in STRAGGLERS {
        sleep(pause).await;
        match db.free_leases(started).await {
            Ok(freed) => drop(told(freed)),
            Err(error) => tracing::warn!(%error, "leases of a dead process run out by themselves"),
        }
    }
}

/// Keeps the locks, and frees what those held whose locks are free.
struct Keeper {
    db: Db,
    sessions: Pool,
    number: i64,
    /// Whose lock is free, and since when that is seen.
    absent: HashMap<i64, Instant>,
}

impl Keeper {
    async fn keep(mut self, mut session: Object) {
        loop {
            sleep(LOOK).await;
            match self.look(&session).await {
                Ok(()) => continue,
                Err(error) => tracing::warn!(%error, "who else sends could not be found out"),
            }
            if session.batch_execute("SELECT 1").await.is_ok() {
                continue;
            }
            drop(Object::take(session));
            // What was seen before says nothing: with the database all locks may have been gone.
            self.absent.clear();
            session = loop {
                match self.again().await {
                    Ok(session) => break session,
                    Err(error) => tracing::warn!(%error, "the lock that says that this process sends could not be had again"),
                }
                sleep(LOOK).await;
            };
        }
    }

    async fn again(&self) -> Result<Object, StoreError> {
        let session = self.sessions.get().await?;
        share(&session).await?;
        // Whoever frees our leases at this moment, or the connection that we lost, has it yet.
        session.execute("SELECT pg_advisory_lock($1, $2)", &[&CLASS, &(self.number as i32)]).await?;
        register(&session, self.number).await?;
        Ok(session)
    }

    async fn look(&mut self, session: &Object) -> Result<(), StoreError> {
        let free = "SELECT holder FROM node WHERE holder IS NOT NULL AND NOT EXISTS (SELECT 1 FROM pg_locks l
            WHERE l.locktype = 'advisory' AND l.classid::bigint = $1 AND l.objid::bigint = holder AND l.objsubid = 2 AND l.granted
              AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))";
        let rows = session.query(free, &[&i64::from(CLASS)]).await?;
        let seen = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<i64>, _>>()?;
        self.absent.retain(|number, _| seen.contains(number));
        let now = Instant::now();
        for number in seen {
            if now.duration_since(*self.absent.entry(number).or_insert(now)) >= ABSENT {
                self.bury(session, number as i32).await?;
            }
        }
        Ok(())
    }

    /// With its lock in hand nobody else does the same, and it doesn't come back meanwhile.
    async fn bury(&mut self, session: &Object, number: i32) -> Result<(), StoreError> {
        if !try_lock(session, number).await? {
            return Ok(());
        }
        let freed = self.db.free("holder = $1", number.into()).await;
        if freed.is_ok() {
            session.execute("DELETE FROM node WHERE holder = $1", &[&i64::from(number)]).await?;
            self.absent.remove(&i64::from(number));
        }
        unlock(session, number).await?;
        if let freed @ 1.. = freed? {
            tracing::info!(freed, "deliveries that a process held which is gone are taken up again");
        }
        Ok(())
    }
}
