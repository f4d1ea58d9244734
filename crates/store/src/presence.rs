//! Who sends. A process that is gone leaves leases behind, which would run out by themselves; whoever
//! starts and is alone frees them at once.
//!
//! On SQLite there is one process. On PostgreSQL each that sends shares an advisory lock, on a
//! connection of its own, for as long as it lives: the database lets go of it when the process dies,
//! however that happens. Who can have the lock to itself is alone. Only leases from before its own start
//! are freed then; they are told apart by their ends, on the database's clock.

use std::time::Duration;

use deadpool_postgres::{Object, Pool};
use hookswitch_domain::lease::LEASE;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use crate::db::{Db, Engine};
use crate::error::StoreError;
use crate::{params, postgres};

/// Any fixed number serves that nothing else locks; this one follows that of the migrations.
const KEY: i64 = 448_378_203_244;
/// The connections of a process that was killed are gone after a moment, not at once.
const TRIES: [Duration; 4] = [Duration::ZERO, Duration::from_millis(200), Duration::from_millis(800), Duration::from_secs(3)];
const STRAGGLERS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];
/// A connection that was lost is made anew after this.
const LOOK: Duration = Duration::from_secs(5);

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
            keep(&sessions, session).await;
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
        let free = "UPDATE due SET next_at = now_ms() WHERE leased AND next_at > now_ms() AND next_at <= $1";
        let lanes = "UPDATE lane SET next_at = now_ms() WHERE hold IS NULL AND next_at > now_ms()
            AND EXISTS (SELECT 1 FROM due WHERE due.destination = lane.destination AND due.leased)";
        let system = self.system();
        let job = system.write(move |tx| {
            Box::pin(async move {
                let freed = tx.execute(free, params![before]).await?;
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

/// Looks now and then whether the lock's connection lives.
async fn keep(sessions: &Pool, mut session: Object) {
    loop {
        sleep(LOOK).await;
        if session.batch_execute("SELECT 1").await.is_ok() {
            continue;
        }
        drop(Object::take(session));
        session = loop {
            let again = async {
                let session = sessions.get().await?;
                share(&session).await.map(|()| session)
            };
            match again.await {
                Ok(session) => break session,
                Err(error) => tracing::warn!(%error, "the lock that says that this process sends could not be had again"),
            }
            sleep(LOOK).await;
        };
    }
}
