//! `Db` and `Tx` over both engines: everything that is dialect. The rest of the store writes one
//! SQL text with `$1` placeholders, `RETURNING` and `ON CONFLICT`, which both understand.
//!
//! A transaction is an async closure over `&mut Tx`. It awaits the database and nothing else. On
//! PostgreSQL it runs on a pooled connection. On SQLite it runs on the one writer thread, under a
//! savepoint inside a shared transaction, and never yields, because there every statement is
//! answered at once.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hookswitch_domain::id::{GroupId, TenantId};
use hookswitch_domain::tenant::PLATFORM;
use hookswitch_domain::time::Ambient;

use crate::error::StoreError;
use crate::postgres::{self, Postgres};
use crate::sqlite::{self, Sqlite};
use crate::value::{Row, Value};

/// How to open a database.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `sqlite://path` (or `sqlite::memory:` nowhere: two connections must see one database) or `postgres://...`.
    pub url: String,
    /// By-passes a pooler for migrations.
    pub direct_url: Option<String>,
    /// PostgreSQL connections; SQLite readers.
    pub connections: usize,
    /// Bytes that may wait for the group committer before callers get `Overloaded`.
    pub queue_bytes: usize,
    /// Whether a PostgreSQL that acknowledges before it has written is accepted (tests only).
    pub allow_unsafe_sync: bool,
}

impl Settings {
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), direct_url: None, connections: 8, queue_bytes: 64 << 20, allow_unsafe_sync: false }
    }
}

/// An open database. Cloning is cheap.
#[derive(Clone)]
pub struct Db {
    pub(crate) engine: Arc<Engine>,
}

pub(crate) enum Engine {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Db {
    pub async fn open(settings: &Settings, ambient: Arc<dyn Ambient>) -> Result<Self, StoreError> {
        let engine = match settings.url.strip_prefix("sqlite://") {
            Some(path) => Engine::Sqlite(Sqlite::open(path.as_ref(), settings, ambient)?),
            None if settings.url.starts_with("postgres://") || settings.url.starts_with("postgresql://") => {
                Engine::Postgres(Postgres::open(settings).await?)
            }
            None => return Err(StoreError::Bug("database.url must start with sqlite:// or postgres://".to_owned())),
        };
        Ok(Self { engine: Arc::new(engine) })
    }

    /// `sqlite` or `postgres`, for metrics and `doctor`.
    pub fn engine_name(&self) -> &'static str {
        match *self.engine {
            Engine::Sqlite(_) => "sqlite",
            Engine::Postgres(_) => "postgres",
        }
    }

    /// The only way to a tenant's rows.
    pub fn for_tenant(&self, tenant: TenantId) -> TenantStore {
        TenantStore { db: self.clone(), tenant, group: None }
    }

    /// What belongs to no tenant: finding a caller, claiming work, upkeep.
    pub fn system(&self) -> TenantStore {
        self.for_tenant(PLATFORM)
    }

    /// Ends the writer after what is queued; further writes are `Unavailable`.
    pub async fn close(&self) {
        match &*self.engine {
            Engine::Sqlite(sqlite) => sqlite.close().await,
            Engine::Postgres(postgres) => postgres.close(),
        }
    }
}

/// The database as one tenant sees it.
#[derive(Clone)]
pub struct TenantStore {
    db: Db,
    tenant: TenantId,
    group: Option<GroupId>,
}

impl TenantStore {
    /// Narrowed to one group: of destinations and deliveries nobody else's are there.
    #[must_use]
    pub fn within(mut self, group: Option<GroupId>) -> Self {
        self.group = group;
        self
    }

    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Reads on the primary, from one snapshot.
    pub async fn read<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match &*self.db.engine {
            Engine::Sqlite(sqlite) => sqlite.read(self.tenant, narrowed(self.group, job)).await,
            Engine::Postgres(postgres) => postgres.read(self.tenant, narrowed(self.group, job)).await,
        }
    }

    /// Writes. `Ok` means committed and on disk; on `Err` nothing happened.
    pub async fn write<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match &*self.db.engine {
            Engine::Sqlite(sqlite) => sqlite.write(self.tenant, narrowed(self.group, job)).await,
            Engine::Postgres(postgres) => postgres.transact(self.tenant, narrowed(self.group, job)).await,
        }
    }
}

/// The job, in a transaction that knows the group which it is about.
fn narrowed<T, E, F>(
    group: Option<GroupId>,
    job: F,
) -> impl for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static
where
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    move |tx: &mut Tx| {
        tx.group = group;
        job(tx)
    }
}

/// What happens after the commit, and not at all if there is none.
pub type AfterCommit = Box<dyn FnOnce() + Send>;

/// A transaction of one tenant.
pub struct Tx {
    pub(crate) inner: Inner,
    pub(crate) tenant: TenantId,
    /// Only this group's destinations and deliveries are there; `None`: the whole tenant's.
    pub(crate) group: Option<GroupId>,
    pub(crate) after_commit: Vec<AfterCommit>,
}

pub(crate) enum Inner {
    Sqlite(sqlite::Connection),
    Postgres(postgres::Connection),
}

impl Tx {
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Whether a destination with this group belongs to what this transaction is about.
    pub fn covers(&self, group: Option<GroupId>) -> bool {
        self.group.is_none() || self.group == group
    }

    /// What this transaction is narrowed to.
    pub fn group(&self) -> Option<GroupId> {
        self.group
    }

    pub fn is_sqlite(&self) -> bool {
        matches!(self.inner, Inner::Sqlite(_))
    }

    /// Runs a query and returns all its rows.
    pub async fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        match &mut self.inner {
            Inner::Sqlite(connection) => connection.query(sql, params),
            Inner::Postgres(connection) => connection.query(sql, params).await,
        }
    }

    /// The first row, if there is one.
    pub async fn query_opt(&mut self, sql: &str, params: &[Value]) -> Result<Option<Row>, StoreError> {
        Ok(self.query(sql, params).await?.into_iter().next())
    }

    /// The first row of a query that always has one.
    pub async fn query_one(&mut self, sql: &str, params: &[Value]) -> Result<Row, StoreError> {
        self.query_opt(sql, params).await?.ok_or_else(|| StoreError::Corrupt("a row was expected".to_owned()))
    }

    /// Runs a statement and returns how many rows it changed.
    pub async fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, StoreError> {
        match &mut self.inner {
            Inner::Sqlite(connection) => connection.execute(sql, params),
            Inner::Postgres(connection) => connection.execute(sql, params).await,
        }
    }

    /// Does something once the transaction is on disk: hand work over, wake somebody, drop a
    /// cached copy. Must neither block nor fail.
    pub fn after_commit(&mut self, effect: impl FnOnce() + Send + 'static) {
        self.after_commit.push(Box::new(effect));
    }

    /// Runs several statements without parameters (migrations).
    pub(crate) async fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        match &mut self.inner {
            Inner::Sqlite(connection) => connection.batch(sql),
            Inner::Postgres(connection) => connection.batch(sql).await,
        }
    }
}

/// How long a caller waits for a connection or the writer before it hears `Unavailable`.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(10);
