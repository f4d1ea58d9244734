//! Collectors of a PostgreSQL store: what arrives while the last batch is written is the next one, and
//! goes as one transaction with a few multi-row statements (`commit`). No timer.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use deadpool_postgres::{Object, Pool};
use tokio::sync::{mpsc, oneshot};

use crate::commit::{accept_batch, settle_batch};
use crate::error::StoreError;
use crate::queue::{Accept, Accepted, Settle};

/// Rows that one PostgreSQL statement carries at most.
const BATCH_MAX: usize = 256;

struct Asked<Q, A> {
    ask: Q,
    bytes: usize,
    answer: oneshot::Sender<Result<A, StoreError>>,
}

/// The number under which this process holds leases (`presence`); 0 while it has none.
#[derive(Debug, Default)]
pub(crate) struct Holder(AtomicI64);

impl Holder {
    pub(crate) fn number(&self) -> Option<i64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|number| *number > 0)
    }

    pub(crate) fn set(&self, number: i64) {
        self.0.store(number, Ordering::Relaxed);
    }
}

/// The two collectors of a PostgreSQL store.
pub(crate) struct Batches {
    accepts: mpsc::UnboundedSender<Asked<Accept, Accepted>>,
    settles: mpsc::UnboundedSender<Asked<Settle, bool>>,
    waiting: Arc<AtomicUsize>,
    bytes_max: usize,
}

impl Batches {
    pub(crate) fn start(pool: &Pool, bytes_max: usize, holder: Arc<Holder>) -> Self {
        let waiting = Arc::new(AtomicUsize::new(0));
        let (accepts, to_accept) = mpsc::unbounded_channel();
        let (settles, to_settle) = mpsc::unbounded_channel();
        tokio::spawn(collect(pool.clone(), to_accept, waiting.clone(), move |client, asks: Vec<Accept>| {
            let holder = holder.number();
            Box::pin(async move { accept_batch(client, asks, holder).await })
        }));
        tokio::spawn(collect(pool.clone(), to_settle, waiting.clone(), |client, asks: Vec<Settle>| {
            Box::pin(async move { settle_batch(client, asks).await })
        }));
        Self { accepts, settles, waiting, bytes_max }
    }

    pub(crate) async fn accept(&self, accept: Accept) -> Result<Accepted, StoreError> {
        let bytes = accept.events.iter().map(|event| event.payload.len() + 512).sum();
        self.ask(&self.accepts, accept, bytes).await
    }

    pub(crate) async fn settle(&self, settle: Settle) -> Result<bool, StoreError> {
        // Never shed: what is in hand is bounded already, and unsettled it would be sent again.
        self.ask(&self.settles, settle, 0).await
    }

    async fn ask<Q, A>(&self, to: &mpsc::UnboundedSender<Asked<Q, A>>, ask: Q, bytes: usize) -> Result<A, StoreError> {
        // The queue's real bound is its bytes, counted here.
        if self.waiting.fetch_add(bytes, Ordering::Relaxed) + bytes > self.bytes_max && bytes > 0 {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
            return Err(StoreError::Overloaded);
        }
        let (answer, answered) = oneshot::channel();
        let closed = || StoreError::Unavailable("the database is closed".to_owned());
        to.send(Asked { ask, bytes, answer }).map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }
}

type Batch<'c, A> = futures_util::future::BoxFuture<'c, Result<Vec<A>, StoreError>>;

async fn collect<Q, A, F>(pool: Pool, mut asked: mpsc::UnboundedReceiver<Asked<Q, A>>, waiting: Arc<AtomicUsize>, run: F)
where
    Q: Clone,
    F: for<'c> Fn(&'c Object, Vec<Q>) -> Batch<'c, A>,
{
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while asked.recv_many(&mut batch, BATCH_MAX).await > 0 {
        waiting.fetch_sub(batch.iter().map(|each| each.bytes).sum(), Ordering::Relaxed);
        let (asks, answers): (Vec<Q>, Vec<_>) = batch.drain(..).map(|each| (each.ask, each.answer)).unzip();
        match run_on_pool(&pool, asks.clone(), &run).await {
            Ok(results) => answers.into_iter().zip(results).for_each(|(answer, result)| drop(answer.send(Ok(result)))),
            // One bad row must not fail its neighbours, nor a deadlock all of them: alone, each gets its own answer.
            Err(error) if answers.len() > 1 && !matches!(error, StoreError::Unavailable(_)) => {
                for (ask, answer) in asks.into_iter().zip(answers) {
                    let alone = run_on_pool(&pool, vec![ask], &run).await;
                    let one = alone.and_then(|results| results.into_iter().next().ok_or(StoreError::Overloaded));
                    drop(answer.send(one));
                }
            }
            Err(error) => {
                let text = error.to_string();
                answers.into_iter().for_each(|answer| drop(answer.send(Err(StoreError::Unavailable(text.clone())))));
            }
        }
    }
}

async fn run_on_pool<Q, A, F>(pool: &Pool, asks: Vec<Q>, run: &F) -> Result<Vec<A>, StoreError>
where
    F: for<'c> Fn(&'c Object, Vec<Q>) -> Batch<'c, A>,
{
    let client = pool.get().await?;
    client.batch_execute("BEGIN").await?;
    let results = run(&client, asks).await;
    let ended = client.batch_execute(if results.is_ok() { "COMMIT" } else { "ROLLBACK" }).await;
    if let Err(error) = ended {
        // Whether it was committed is unknown; the connection isn't used again.
        drop(Object::take(client));
        return Err(error.into());
    }
    results
}
