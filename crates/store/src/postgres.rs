//! PostgreSQL: a pool of connections. A transaction is one closure on one of them; the hot path's
//! rows go in batches (see `commit`).

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use futures_util::future::BoxFuture;
use hookswitch_domain::id::TenantId;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::types::{ToSql, Type};

use crate::batches::{Batches, Holder};
use crate::db::{Inner, Settings, Tx, WAIT_MAX};
use crate::error::StoreError;
use crate::value::{Row, Value};

/// A pooled connection with its prepared statements.
pub(crate) struct Connection {
    client: Option<Object>,
    open: bool,
}

impl Drop for Connection {
    /// A connection whose transaction was left open (its caller went away) must not reach the next caller.
    fn drop(&mut self) {
        if self.open
            && let Some(client) = self.client.take()
        {
            drop(Object::take(client));
        }
    }
}

impl Connection {
    pub(crate) fn client(&self) -> Result<&Object, StoreError> {
        self.client.as_ref().ok_or_else(|| StoreError::Unavailable("connection closed".to_owned()))
    }

    pub(crate) async fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        let client = self.client()?;
        let statement = client.prepare_cached(sql).await?;
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|value| value as _).collect();
        client.query(&statement, &params).await?.iter().map(owned).collect()
    }

    pub(crate) async fn execute(&self, sql: &str, params: &[Value]) -> Result<u64, StoreError> {
        let client = self.client()?;
        let statement = client.prepare_cached(sql).await?;
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|value| value as _).collect();
        Ok(client.execute(&statement, &params).await?)
    }

    pub(crate) async fn batch(&self, sql: &str) -> Result<(), StoreError> {
        Ok(self.client()?.batch_execute(sql).await?)
    }
}

fn owned(row: &tokio_postgres::Row) -> Result<Row, StoreError> {
    let columns = row.columns().iter().enumerate();
    columns.map(|(place, column)| column_value(row, place, column.type_())).collect::<Result<_, _>>().map(Row)
}

fn column_value(row: &tokio_postgres::Row, place: usize, kind: &Type) -> Result<Value, StoreError> {
    Ok(match *kind {
        Type::BOOL => Value::from(row.try_get::<_, Option<bool>>(place)?),
        Type::INT2 => Value::from(row.try_get::<_, Option<i16>>(place)?.map(i32::from)),
        Type::INT4 => Value::from(row.try_get::<_, Option<i32>>(place)?),
        Type::INT8 => Value::from(row.try_get::<_, Option<i64>>(place)?),
        Type::FLOAT8 => Value::from(row.try_get::<_, Option<f64>>(place)?),
        Type::BYTEA => Value::from(row.try_get::<_, Option<Vec<u8>>>(place)?),
        Type::UUID => Value::from(row.try_get::<_, Option<uuid::Uuid>>(place)?),
        Type::TEXT | Type::VARCHAR | Type::NAME | Type::BPCHAR => Value::from(row.try_get::<_, Option<String>>(place)?),
        Type::VOID => Value::Null,
        _ => return Err(StoreError::Bug(format!("column {place} has the type {kind}, which isn't read here; cast it"))),
    })
}

pub(crate) struct Postgres {
    pool: Pool,
    /// By-passes a pooler.
    pub(crate) direct_url: String,
    pub(crate) batches: Batches,
    /// What this process's leases are known by.
    pub(crate) holder: Arc<Holder>,
}

impl Postgres {
    pub(crate) async fn open(settings: &Settings) -> Result<Self, StoreError> {
        let pool = pool(&settings.url, settings.connections)?;
        let client = pool.get().await?;
        if !settings.allow_unsafe_sync {
            refuse_unsafe_sync(&client).await?;
        }
        drop(client);
        let holder = Arc::new(Holder::default());
        let batches = Batches::start(&pool, settings.queue_bytes, holder.clone());
        let direct_url = settings.direct_url.clone().unwrap_or_else(|| settings.url.clone());
        Ok(Self { pool, direct_url, batches, holder })
    }

    pub(crate) async fn transact<T, E, F>(&self, tenant: TenantId, job: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        E: From<StoreError>,
    {
        transact(&self.pool, "BEGIN", tenant, job).await
    }

    /// One snapshot for all that a job reads.
    pub(crate) async fn read<T, E, F>(&self, tenant: TenantId, job: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        E: From<StoreError>,
    {
        transact(&self.pool, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", tenant, job).await
    }

    pub(crate) fn close(&self) {
        self.pool.close();
    }
}

async fn transact<T, E, F>(pool: &Pool, begin: &str, tenant: TenantId, job: F) -> Result<T, E>
where
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    E: From<StoreError>,
{
    let client = pool.get().await.map_err(StoreError::from)?;
    let connection = Connection { client: Some(client), open: true };
    connection.batch(begin).await?;
    let mut tx = Tx { inner: Inner::Postgres(connection), tenant, group: None, after_commit: Vec::new() };
    let result = job(&mut tx).await;
    let Inner::Postgres(mut connection) = tx.inner else { unreachable!("a job keeps its connection") };
    if result.is_err() {
        connection.batch("ROLLBACK").await?;
        connection.open = false;
        return result;
    }
    connection.batch("COMMIT").await?;
    connection.open = false;
    tx.after_commit.into_iter().for_each(|effect| effect());
    result
}

pub(crate) fn pool(url: &str, size: usize) -> Result<Pool, StoreError> {
    let mut config: tokio_postgres::Config =
        url.parse().map_err(|_| StoreError::Bug("database.url is no PostgreSQL connection URL".to_owned()))?;
    // On the machine itself nobody listens in, and a distribution's self-signed certificate would fail the check.
    if config.get_ssl_mode() == SslMode::Prefer && config.get_hosts().iter().all(is_local) {
        config.ssl_mode(SslMode::Disable);
    }
    config.application_name("hookswitch").connect_timeout(Duration::from_secs(5)).keepalives_idle(Duration::from_secs(30));
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_config(config, tls()?, recycling);
    Pool::builder(manager)
        .max_size(size)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(WAIT_MAX))
        .create_timeout(Some(WAIT_MAX))
        .build()
        .map_err(|error| StoreError::Bug(error.to_string()))
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback()),
        Host::Unix(_) => true,
    }
}

fn tls() -> Result<tokio_postgres_rustls::MakeRustlsConnect, StoreError> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| StoreError::Bug(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(tokio_postgres_rustls::MakeRustlsConnect::new(config))
}

/// 2xx after commit means after fsync: a server that is told otherwise isn't used.
async fn refuse_unsafe_sync(client: &Object) -> Result<(), StoreError> {
    let row = client.query_one("SELECT current_setting('fsync'), current_setting('synchronous_commit')", &[]).await?;
    let (fsync, commit): (String, String) = (row.try_get(0)?, row.try_get(1)?);
    if fsync != "on" || commit == "off" {
        return Err(StoreError::Bug(format!(
            "PostgreSQL runs with fsync={fsync}, synchronous_commit={commit}: an acknowledged event could be lost. Switch both on."
        )));
    }
    Ok(())
}
