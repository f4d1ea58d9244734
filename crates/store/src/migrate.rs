//! Migrations: one ledger `(component, version)` for the store and for every host that brings its
//! own tables. Each migration is a pair of files of the same name, one per engine.

use crate::db::{Db, Engine, Tx};
use crate::error::StoreError;
use crate::params;

/// One step, written for both engines.
pub struct Migration {
    pub version: i64,
    pub name: &'static str,
    pub sqlite: &'static str,
    pub postgres: &'static str,
}

/// A part of the product with tables of its own.
pub struct Component {
    pub name: &'static str,
    pub migrations: &'static [Migration],
}

/// `migration!("../migrations", 1, "0001_frame")`
#[macro_export]
macro_rules! migration {
    ($version:literal, $folder:literal, $name:literal) => {
        $crate::migrate::Migration {
            version: $version,
            name: $name,
            sqlite: include_str!(concat!($folder, "/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!($folder, "/postgres/", $name, ".sql")),
        }
    };
}

pub const STORE: Component = Component {
    name: "store",
    migrations: &[
        migration!(1, "../migrations", "0001_frame"),
        migration!(2, "../migrations", "0002_clustered"),
        migration!(3, "../migrations", "0003_flow"),
        migration!(5, "../migrations", "0005_dead_letters"),
        migration!(7, "../migrations", "0007_content"),
        migration!(8, "../migrations", "0008_signing_key"),
        migration!(10, "../migrations", "0010_accounts"),
        migration!(11, "../migrations", "0011_ordered"),
        migration!(12, "../migrations", "0012_inbound_rotation"),
        migration!(14, "../migrations", "0014_inbound"),
        migration!(16, "../migrations", "0016_inbound_repeats"),
        migration!(17, "../migrations", "0017_portal"),
        migration!(18, "../migrations", "0018_holder"),
        migration!(20, "../migrations", "0020_groups"),
    ],
};

/// What a database has of this program's migrations. Judged by each of them: the newest alone would
/// hide an older one that was never applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schema {
    Empty,
    /// These are missing, oldest first.
    Behind(Vec<&'static str>),
    Current,
    /// It has some that this program doesn't know (component and number): never touched.
    Ahead(Vec<String>),
}

const LEDGER: &str = "CREATE TABLE IF NOT EXISTS schema_migration (
    component TEXT NOT NULL, version BIGINT NOT NULL, name TEXT NOT NULL, applied_at BIGINT NOT NULL,
    PRIMARY KEY (component, version))";

impl Db {
    /// Compares the ledger with what this program brings.
    pub async fn schema(&self, components: &'static [Component]) -> Result<Schema, StoreError> {
        let applied = self.applied().await?;
        if applied.is_empty() {
            return Ok(Schema::Empty);
        }
        let brought = |name: &str, version: i64| {
            let component = components.iter().find(|component| component.name == name);
            component.is_none_or(|component| component.migrations.iter().any(|migration| migration.version == version))
        };
        let unknown = applied.iter().filter(|(name, version)| !brought(name, *version));
        let mut unknown: Vec<String> = unknown.map(|(name, version)| format!("{name} {version}")).collect();
        if !unknown.is_empty() {
            unknown.sort();
            return Ok(Schema::Ahead(unknown));
        }
        let is_there = |name: &str, version: i64| applied.iter().any(|(component, have)| component == name && *have == version);
        let missing = components.iter().flat_map(|component| {
            let missing = component.migrations.iter().filter(|migration| !is_there(component.name, migration.version));
            missing.map(|migration| migration.name)
        });
        let missing: Vec<_> = missing.collect();
        Ok(if missing.is_empty() { Schema::Current } else { Schema::Behind(missing) })
    }

    async fn applied(&self) -> Result<Vec<(String, i64)>, StoreError> {
        self.system().read(|tx| Box::pin(ledger(tx))).await
    }

    /// Brings the schema up to date, one transaction per migration. Returns the names applied.
    /// Two programs that start together don't trip over each other: the second waits and finds nothing to do.
    pub async fn migrate(&self, components: &'static [Component]) -> Result<Vec<&'static str>, StoreError> {
        let mut done = Vec::new();
        for component in components {
            for migration in component.migrations {
                if self.apply(component.name, migration).await? {
                    done.push(migration.name);
                }
            }
        }
        if let Engine::Postgres(_) = &*self.engine {
            crate::partition::ensure(self).await?;
        }
        Ok(done)
    }

    async fn apply(&self, component: &'static str, migration: &'static Migration) -> Result<bool, StoreError> {
        self.system().write(move |tx| Box::pin(apply(tx, component, migration))).await
    }
}

async fn ledger(tx: &mut Tx) -> Result<Vec<(String, i64)>, StoreError> {
    let there = match tx.is_sqlite() {
        true => "SELECT 1 FROM sqlite_master WHERE name = 'schema_migration'",
        false => "SELECT 1 FROM pg_tables WHERE tablename = 'schema_migration' AND schemaname = ANY (current_schemas(false))",
    };
    if tx.query_opt(there, &[]).await?.is_none() {
        return Ok(Vec::new());
    }
    let rows = tx.query("SELECT component, version FROM schema_migration", &[]).await?;
    rows.into_iter().map(|mut row| Ok((row.get(0)?, row.get(1)?))).collect()
}

async fn apply(tx: &mut Tx, component: &'static str, migration: &'static Migration) -> Result<bool, StoreError> {
    if !tx.is_sqlite() {
        // Any fixed number serves; this one spells "hooks".
        tx.batch("SELECT pg_advisory_xact_lock(448378203243)").await?;
    }
    tx.batch(LEDGER).await?;
    let key = params![component, migration.version];
    let found = tx.query_opt("SELECT version FROM schema_migration WHERE component = $1 AND version = $2", key).await?;
    if found.is_some() {
        return Ok(false);
    }
    tx.batch(if tx.is_sqlite() { migration.sqlite } else { migration.postgres }).await?;
    let sql = "INSERT INTO schema_migration (component, version, name, applied_at) VALUES ($1, $2, $3, $4)";
    let at = tx.query_one("SELECT now_ms()", &[]).await?.get::<i64>(0)?;
    tx.execute(sql, params![component, migration.version, migration.name, at]).await?;
    Ok(true)
}
