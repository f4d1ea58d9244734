//! Both engines for a test: SQLite in a folder of its own, PostgreSQL in a database of its own.
//! Other crates include this file by path, so that every store test runs on both.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use hookswitch_domain::id::TenantId;
use hookswitch_domain::time::{Ambient, Timestamp};
use hookswitch_store::{Component, Db, Row, Settings, StoreError, Value};

/// The machine's clock, and numbers that never repeat within a test run.
pub struct TestAmbient;

impl Ambient for TestAmbient {
    #[allow(clippy::disallowed_methods, reason = "tests stand in for the shell")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Timestamp::from_millis(since.as_millis() as i64)
    }

    fn fill(&self, bytes: &mut [u8]) {
        use std::hash::{BuildHasher, Hasher};
        for chunk in bytes.chunks_mut(8) {
            let word = std::collections::hash_map::RandomState::new().build_hasher().finish().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }
}

pub fn ambient() -> Arc<dyn Ambient> {
    Arc::new(TestAmbient)
}

/// A database that vanishes with this value.
pub struct Engine {
    pub name: &'static str,
    pub db: Db,
    pub url: String,
    _folder: Option<tempfile::TempDir>,
    postgres: Option<String>,
}

static COUNT: AtomicU32 = AtomicU32::new(0);

/// Where the tests' PostgreSQL is; `scripts/services.sh` starts one where it isn't running.
pub fn postgres_server() -> String {
    std::env::var("HOOKSWITCH_TEST_POSTGRES").unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432".to_owned())
}

impl Engine {
    pub async fn sqlite(components: &'static [Component]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/test.db", folder.path().display());
        let db = Db::open(&Settings::new(url.clone()), ambient()).await.unwrap();
        db.migrate(components).await.unwrap();
        Self { name: "sqlite", db, url, _folder: Some(folder), postgres: None }
    }

    pub async fn postgres(components: &'static [Component]) -> Self {
        let name = format!("hookswitch_test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        run_sql(&format!("CREATE DATABASE {name}")).await;
        let mut engine = Self::at(&format!("{}/{name}", postgres_server()), components).await;
        engine.postgres = Some(name);
        engine
    }

    /// On an empty PostgreSQL database of the caller's.
    pub async fn at(url: &str, components: &'static [Component]) -> Self {
        let db = Db::open(&Settings { connections: 6, ..Settings::new(url) }, ambient()).await.unwrap();
        db.migrate(components).await.unwrap();
        Self { name: "postgres", db, url: url.to_owned(), _folder: None, postgres: None }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let Some(name) = self.postgres.take() else { return };
        // A thread of its own: the test's runtime may be gone.
        let drop_database = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(run_sql(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")));
        };
        let _ = std::thread::spawn(drop_database).join();
    }
}

/// One statement for a test's set-up or check: the rows it returns.
pub async fn sql(db: &Db, tenant: TenantId, text: &str, params: &[Value]) -> Vec<Row> {
    let (text, params) = (text.to_owned(), params.to_vec());
    let store = db.for_tenant(tenant);
    let done: Result<_, StoreError> = store.write(move |tx| Box::pin(async move { tx.query(&text, &params).await })).await;
    done.unwrap()
}

async fn run_sql(sql: &str) {
    let url = format!("{}/postgres", postgres_server());
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    let task = tokio::spawn(connection);
    client.batch_execute(sql).await.unwrap();
    drop(client);
    let _ = task.await;
}

/// Runs a test on each engine.
#[macro_export]
macro_rules! on_both_engines {
    ($($name:ident),+ $(,)?) => {
        mod sqlite { $(#[tokio::test(flavor = "multi_thread")] async fn $name() {
            super::$name(&$crate::engines::Engine::sqlite(super::COMPONENTS).await).await;
        })+ }
        mod postgres { $(#[tokio::test(flavor = "multi_thread")] async fn $name() {
            super::$name(&$crate::engines::Engine::postgres(super::COMPONENTS).await).await;
        })+ }
    };
}
