//! SQLite: one writer on its own OS thread, which is also the group committer, and a pool of
//! read-only connections.
//!
//! The writer commits whenever it is idle; whatever arrives while it writes is its next batch, so
//! a lone request waits for nobody and a busy server pays one fsync for many. WAL with
//! `synchronous=FULL`: a commit that was answered survives a power cut.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::future::BoxFuture;
use hookswitch_domain::id::TenantId;
use hookswitch_domain::time::Ambient;
use rusqlite::OpenFlags;
use rusqlite::config::DbConfig;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use tokio::sync::{Semaphore, oneshot};

use crate::db::{AfterCommit, Inner, Settings, Tx};
use crate::error::StoreError;
use crate::value::{Row, Value};

/// Batches stop growing here, so that one commit stays short.
const BATCH_MAX: usize = 512;
const STATEMENTS_CACHED: usize = 128;

/// One connection with its prepared statements.
pub(crate) struct Connection(rusqlite::Connection);

impl Connection {
    fn open(path: &Path, flags: OpenFlags, ambient: Arc<dyn Ambient>) -> Result<Self, StoreError> {
        let connection = rusqlite::Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
        // Without it SQLite (built with STAT4) plans a statement anew whenever a parameter of its
        // WHERE or LIMIT changes: an eighth of all processor time of a busy server.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.create_scalar_function("now_ms", 0, FunctionFlags::SQLITE_UTF8, move |_| Ok(ambient.now().millis()))?;
        Ok(Self(connection))
    }

    /// The driver's own connection, for statements of the hot path.
    pub(crate) fn raw(&self) -> &rusqlite::Connection {
        &self.0
    }

    pub(crate) fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        let mut statement = self.0.prepare_cached(&numbered(sql))?;
        let columns = statement.column_count();
        let mut rows = statement.query(rusqlite::params_from_iter(params))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let values = (0..columns).map(|place| row.get_ref(place).map(owned)).collect::<Result<_, _>>()?;
            found.push(Row(values));
        }
        Ok(found)
    }

    pub(crate) fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, StoreError> {
        let mut statement = self.0.prepare_cached(&numbered(sql))?;
        Ok(statement.execute(rusqlite::params_from_iter(params))? as u64)
    }

    pub(crate) fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        Ok(self.0.execute_batch(sql)?)
    }
}

fn owned(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Real(number) => Value::Float(number),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    }
}

/// `$1` is a named parameter to SQLite and a numbered one to PostgreSQL; `?1` is the numbered one here.
fn numbered(sql: &str) -> String {
    sql.replace('$', "?")
}

/// Runs a transaction's future to its end. It awaits the database alone, which here answers at
/// once, so that a future that isn't ready broke the rule.
fn run_at_once<T, E: From<StoreError>>(future: BoxFuture<'_, Result<T, E>>) -> Result<T, E> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(StoreError::Bug("a transaction awaited something else than the database".to_owned()).into()),
    }
}

/// Told to whoever queued a job once its batch is committed, or is not.
type Reply = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// What a job did with the connection that it was given.
struct Ran {
    tx: Tx,
    good: bool,
    reply: Reply,
}
/// A job runs on the connection, or hears why it can't.
type Run = Box<dyn FnOnce(Result<Tx, StoreError>) -> Option<Ran> + Send>;

struct Job {
    tenant: TenantId,
    bytes: usize,
    /// A job that may fail half-way gets a savepoint, so that it never fails its neighbours.
    savepoint: bool,
    run: Run,
}

struct Queue {
    jobs: Mutex<(VecDeque<Job>, bool)>,
    arrived: std::sync::Condvar,
    bytes: AtomicUsize,
    bytes_max: usize,
}

pub(crate) struct Sqlite {
    queue: Arc<Queue>,
    writer: Mutex<Option<std::thread::JoinHandle<()>>>,
    readers: Arc<Mutex<Vec<Connection>>>,
    reader_slots: Arc<Semaphore>,
    path: PathBuf,
    ambient: Arc<dyn Ambient>,
}

impl Sqlite {
    pub(crate) fn open(path: &Path, settings: &Settings, ambient: Arc<dyn Ambient>) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|error| StoreError::Unavailable(format!("{}: {error}", folder.display())))?;
        }
        private(path)?;
        let connection = Connection::open(path, OpenFlags::default(), ambient.clone())?;
        connection.0.execute_batch(
            "PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 8000; PRAGMA cache_size = -16000;
             PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;",
        )?;
        let queue = Arc::new(Queue {
            jobs: Mutex::new((VecDeque::new(), false)),
            arrived: std::sync::Condvar::new(),
            bytes: AtomicUsize::new(0),
            bytes_max: settings.queue_bytes,
        });
        let theirs = queue.clone();
        let writer = std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || write_until_closed(connection, &theirs))
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Self {
            queue,
            writer: Mutex::new(Some(writer)),
            readers: Arc::default(),
            reader_slots: Arc::new(Semaphore::new(settings.connections)),
            path: path.to_owned(),
            ambient,
        })
    }

    /// Queues a closure for the writer and waits for the commit.
    pub(crate) async fn write<T, E, F>(&self, tenant: TenantId, job: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.queue_job(tenant, 1024, true, move |tx| run_at_once(job(tx))).await
    }

    /// Queues rows: `job` must not fail after its first change, for it has no savepoint.
    pub(crate) async fn write_rows<T, F>(&self, bytes: usize, job: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut Tx) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.queue_job(hookswitch_domain::tenant::PLATFORM, bytes, false, job).await
    }

    async fn queue_job<T, E, F>(&self, tenant: TenantId, bytes: usize, savepoint: bool, job: F) -> Result<T, E>
    where
        F: FnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        // A caller that went away doesn't hear; what it asked for happened all the same.
        let run = move |tx: Result<Tx, StoreError>| {
            let mut tx = match tx {
                Ok(tx) => tx,
                Err(error) => {
                    let _ = tell.send(Err(error.into()));
                    return None;
                }
            };
            let result = job(&mut tx);
            let good = result.is_ok();
            let reply: Reply = Box::new(move |committed| {
                let _ = tell.send(match committed {
                    Ok(()) => result,
                    Err(error) => result.and(Err(error.into())),
                });
            });
            Some(Ran { tx, good, reply })
        };
        self.queue.push(Job { tenant, bytes, savepoint, run: Box::new(run) })?;
        told.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the writer has stopped".to_owned()).into()))
    }

    pub(crate) async fn read<T, E, F>(&self, tenant: TenantId, job: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let slot = self.reader_slots.clone().acquire_owned().await;
        let slot = slot.map_err(|_| StoreError::Unavailable("closed".to_owned()))?;
        let pool = self.readers.clone();
        let pooled = pool.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop();
        let (path, ambient) = (self.path.clone(), self.ambient.clone());
        let work = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            let connection = match pooled {
                Some(connection) => connection,
                None => open_reader(&path, ambient)?,
            };
            connection.0.execute_batch("BEGIN DEFERRED").map_err(StoreError::from)?;
            let mut tx = Tx { inner: Inner::Sqlite(connection), tenant, after_commit: Vec::new() };
            let result = run_at_once(job(&mut tx));
            if let Inner::Sqlite(connection) = tx.inner
                && connection.0.execute_batch("COMMIT").is_ok()
            {
                pool.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(connection);
            }
            result
        });
        work.await.unwrap_or_else(|error| Err(StoreError::Bug(error.to_string()).into()))
    }

    pub(crate) async fn close(&self) {
        self.queue.close();
        let writer = self.writer.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(writer) = writer {
            let _ = tokio::task::spawn_blocking(move || writer.join()).await;
        }
    }
}

/// Makes a new file its owner's alone; the write-ahead log takes its mode over.
fn private(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::OpenOptionsExt;
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(StoreError::Unavailable(format!("{}: {error}", path.display())))
        }
        _ => Ok(()),
    }
}

fn open_reader(path: &Path, ambient: Arc<dyn Ambient>) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open(path, flags, ambient)?;
    connection.0.execute_batch("PRAGMA cache_size = -4000; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;")?;
    Ok(connection)
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl Queue {
    fn push(&self, job: Job) -> Result<(), StoreError> {
        let waiting = self.bytes.fetch_add(job.bytes, Ordering::Relaxed);
        // Bytes of 0: work that only frees room (settling), never shed with the newcomers.
        if job.bytes > 0 && waiting + job.bytes > self.bytes_max {
            self.bytes.fetch_sub(job.bytes, Ordering::Relaxed);
            return Err(StoreError::Overloaded);
        }
        let mut jobs = self.jobs.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if jobs.1 {
            return Err(StoreError::Unavailable("the database is closed".to_owned()));
        }
        jobs.0.push_back(job);
        // The writer only sleeps on an empty queue.
        if jobs.0.len() == 1 {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// The next batch, in order of arrival; `None` once closed and empty.
    fn next_batch(&self) -> Option<Vec<Job>> {
        let mut jobs = self.jobs.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        while jobs.0.is_empty() {
            if jobs.1 {
                return None;
            }
            jobs = self.arrived.wait(jobs).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        let count = jobs.0.len().min(BATCH_MAX);
        let batch: Vec<Job> = jobs.0.drain(..count).collect();
        let bytes = batch.iter().map(|job| job.bytes).sum();
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        Some(batch)
    }

    fn close(&self) {
        self.jobs.lock().unwrap_or_else(std::sync::PoisonError::into_inner).1 = true;
        self.arrived.notify_all();
    }
}

/// However the writer ends, nobody waits for it any more: what is queued is dropped, and with it
/// the ends that the callers listen on.
struct CloseOnExit<'a>(&'a Queue);

impl Drop for CloseOnExit<'_> {
    fn drop(&mut self) {
        self.0.close();
        self.0.jobs.lock().unwrap_or_else(std::sync::PoisonError::into_inner).0.clear();
    }
}

fn write_until_closed(mut connection: Connection, queue: &Queue) {
    let _close = CloseOnExit(queue);
    while let Some(batch) = queue.next_batch() {
        connection = commit_batch(connection, batch);
    }
}

/// One transaction for all jobs of a batch. A failed job is rolled back alone; a failed commit is
/// told to all. Nothing ever runs outside the transaction: without one, or once SQLite has given it
/// up by itself (disk full, I/O error), the jobs hear why instead of running.
fn commit_batch(mut connection: Connection, batch: Vec<Job>) -> Connection {
    let mut replies: Vec<Reply> = Vec::with_capacity(batch.len());
    let mut effects: Vec<AfterCommit> = Vec::new();
    let mut broken = run(&connection, "BEGIN IMMEDIATE").err();
    for job in batch {
        if broken.is_none() && connection.0.is_autocommit() {
            broken = Some(StoreError::Unavailable("the transaction was given up".to_owned()));
        }
        if broken.is_none() && job.savepoint {
            broken = run(&connection, "SAVEPOINT job").err();
        }
        if let Some(error) = &broken {
            (job.run)(Err(StoreError::Unavailable(error.to_string())));
            continue;
        }
        let tx = Tx { inner: Inner::Sqlite(connection), tenant: job.tenant, after_commit: Vec::new() };
        let Some(Ran { tx, good, reply }) = (job.run)(Ok(tx)) else { unreachable!("a job that may run does") };
        let Inner::Sqlite(back) = tx.inner else { unreachable!("a job keeps its connection") };
        connection = back;
        replies.push(reply);
        if good {
            effects.extend(tx.after_commit);
        } else if !job.savepoint {
            broken = Some(StoreError::Unavailable("a neighbour in the same commit failed".to_owned()));
        }
        if job.savepoint {
            let undone = if good { Ok(()) } else { run(&connection, "ROLLBACK TO job") };
            broken = undone.and_then(|()| run(&connection, "RELEASE job")).err();
        }
    }
    let committed = broken.map_or(Ok(()), Err).and_then(|()| match connection.0.is_autocommit() {
        true => Err(StoreError::Unavailable("the transaction was given up".to_owned())),
        false => run(&connection, "COMMIT"),
    });
    if let Err(error) = committed {
        let _ = run(&connection, "ROLLBACK");
        let text = error.to_string();
        replies.into_iter().for_each(|reply| reply(Err(StoreError::Unavailable(text.clone()))));
        return connection;
    }
    effects.into_iter().for_each(|effect| effect());
    replies.into_iter().for_each(|reply| reply(Ok(())));
    connection
}

fn run(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    connection.0.prepare_cached(sql)?.execute([])?;
    Ok(())
}
