//! SQLite: one writer on its own OS thread, which is also the group committer ([`writer`]), and a
//! pool of read-only connections. WAL; what was answered survives a power cut ([`disk`]).

mod disk;
mod writer;

use std::path::{Path, PathBuf};
use std::pin::pin;
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

use crate::db::{Inner, Settings, Tx};
use crate::error::StoreError;
use crate::value::{Row, Value};
use disk::Disk;
use writer::{How, Job, Queue, Ran, Reply};

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
        let mut connection = Connection::open(path, OpenFlags::default(), ambient.clone())?;
        connection.0.execute_batch(
            "PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;
             PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -16000;
             PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;",
        )?;
        let queue = Arc::new(Queue::new(settings.queue_bytes));
        let disk = Disk::open(path, &mut connection, &queue, ambient.clone())?;
        let theirs = queue.clone();
        let writer = std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || writer::write_until_closed(connection, &theirs, disk))
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
        let how = How { tenant, bytes: 1024, savepoint: true, patient: false };
        self.queue_job(how, move |tx| run_at_once(job(tx))).await
    }

    /// Queues rows: `job` must not fail after its first change, for it has no savepoint. `patient`:
    /// nobody waits for it, and it shares the next commit if that comes soon.
    pub(crate) async fn write_rows<T, F>(&self, bytes: usize, patient: bool, job: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut Tx) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let how = How { tenant: hookswitch_domain::tenant::PLATFORM, bytes, savepoint: false, patient };
        self.queue_job(how, job).await
    }

    async fn queue_job<T, E, F>(&self, how: How, job: F) -> Result<T, E>
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
        self.queue.push(Job { how, run: Box::new(run) })?;
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
            let mut tx = Tx { inner: Inner::Sqlite(connection), tenant, group: None, after_commit: Vec::new() };
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

fn run(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    connection.0.prepare_cached(sql)?.execute([])?;
    Ok(())
}
