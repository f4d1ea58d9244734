//! What backup and restore need of the engines. The master key is a file of its own and never
//! passes through here.
//!
//! SQLite is copied by `VACUUM INTO`: one read transaction, so that the copy is one moment of a
//! running database and no writer waits. (The online backup API begins anew whenever somebody else
//! has written, which on a busy database is always; in one step it copies free pages, where deleted
//! secrets may still stand.) Restoring does go through that API: the target is locked by us alone,
//! and a restore that is killed is rolled back like any other transaction.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags};
use tokio_postgres::config::{Host, SslMode};

use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::migrate::Component;

/// The first bytes of a SQLite database, and of a custom-format archive of pg_dump.
pub const SQLITE_MAGIC: &[u8] = b"SQLite format 3\0";
pub const POSTGRES_MAGIC: &[u8] = b"PGDMP";

const PAGES_A_STEP: i32 = 1000;

/// Copies a database, which may be in use, into an empty file that the caller made.
pub fn copy_sqlite(database: &Path, into: &Path) -> Result<(), StoreError> {
    let path = into.to_str().ok_or_else(|| StoreError::Bug("the backup's path must be UTF-8".to_owned()))?;
    let connection = open_to_read(database)?;
    connection.execute("VACUUM INTO ?1", [path])?;
    let copy = fs::File::open(into).and_then(|file| file.sync_all());
    copy.map_err(|error| StoreError::Unavailable(error.to_string()))
}

fn open_to_read(file: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA busy_timeout = 5000;")?;
    Ok(connection)
}

/// Which migrations made a backup: component and version.
pub type Ledger = Vec<(String, i64)>;

/// Whether something in the ledger is unknown to this program.
pub fn is_newer(ledger: &Ledger, components: &[Component]) -> bool {
    let is_known = |name: &str, version: i64| {
        let component = components.iter().find(|component| component.name == name);
        component.is_some_and(|component| component.migrations.iter().any(|migration| migration.version == version))
    };
    !ledger.iter().all(|(name, version)| is_known(name, *version))
}

/// Checks a SQLite backup page by page and says what made it.
pub fn examine_sqlite(file: &Path) -> Result<Ledger, StoreError> {
    let connection = open_to_read(file)?;
    let verdict: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(StoreError::Corrupt(verdict));
    }
    if !has_table(&connection, "schema_migration")? {
        return Err(StoreError::Corrupt("it is a database, but none of ours: it has no schema_migration".to_owned()));
    }
    let mut statement = connection.prepare("SELECT component, version FROM schema_migration")?;
    let ledger = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(ledger.collect::<Result<_, _>>()?)
}

fn has_table(connection: &Connection, name: &str) -> Result<bool, StoreError> {
    let sql = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?1";
    Ok(connection.query_row(sql, [name], |row| row.get::<_, i64>(0))? > 0)
}

/// A SQLite database that nobody else has open, for as long as this lives.
pub struct Alone(Connection);

impl Alone {
    /// `Unavailable` while another process has the database open, even an idle one.
    pub fn with(database: &Path) -> Result<Self, StoreError> {
        let connection = Connection::open(database)?;
        connection.busy_timeout(Duration::from_millis(500))?;
        // Whoever has a database in WAL mode open holds a shared lock on it, so that only a lone
        // connection can leave that mode. From the first lock on, the exclusive mode keeps it.
        connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA locking_mode = EXCLUSIVE;")?;
        let mode: String = connection.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))?;
        if mode != "delete" {
            return Err(StoreError::Unavailable("database is locked".to_owned()));
        }
        connection.execute_batch("PRAGMA synchronous = EXTRA; BEGIN EXCLUSIVE; COMMIT;")?;
        Ok(Self(connection))
    }

    /// Whether nothing would be lost: no tables at all, or ours without tenants and users.
    pub fn is_empty(&self) -> Result<bool, StoreError> {
        let tables: i64 = self.0.query_row("SELECT count(*) FROM sqlite_master WHERE type = 'table'", [], |row| row.get(0))?;
        if tables == 0 {
            return Ok(true);
        }
        if !has_table(&self.0, "tenant")? || !has_table(&self.0, "user_account")? {
            return Ok(false);
        }
        let owned = "SELECT (SELECT count(*) FROM tenant) + (SELECT count(*) FROM user_account)";
        Ok(self.0.query_row(owned, [], |row| row.get::<_, i64>(0))? == 0)
    }

    /// Replaces everything by the backup's content, or nothing.
    pub fn fill_from(mut self, file: &Path) -> Result<(), StoreError> {
        let source = open_to_read(file)?;
        Backup::new(&source, &mut self.0)?.run_to_completion(PAGES_A_STEP, Duration::ZERO, None)?;
        Ok(())
    }
}

/// The environment that makes PostgreSQL's own tools connect as we do. A password stands in no
/// command line, where every user of the machine could read it.
pub fn postgres_environment(url: &str) -> Result<Vec<(&'static str, String)>, StoreError> {
    let config: tokio_postgres::Config =
        url.parse().map_err(|_| StoreError::Bug("database.url is no PostgreSQL connection URL".to_owned()))?;
    let host = |host: &Host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    };
    let hosts: Vec<String> = config.get_hosts().iter().map(host).collect();
    let ports: Vec<String> = config.get_ports().iter().map(u16::to_string).collect();
    let ssl = match config.get_ssl_mode() {
        SslMode::Disable => "disable",
        SslMode::Require => "require",
        _ => "prefer",
    };
    let password = config.get_password().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let all = [
        ("PGHOST", Some(hosts.join(","))),
        ("PGPORT", Some(ports.join(","))),
        ("PGUSER", config.get_user().map(str::to_owned)),
        ("PGPASSWORD", password),
        ("PGDATABASE", config.get_dbname().map(str::to_owned)),
        ("PGOPTIONS", config.get_options().map(str::to_owned)),
        ("PGSSLMODE", Some(ssl.to_owned())),
    ];
    Ok(all.into_iter().filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?))).collect())
}

/// How many other connections of ours a PostgreSQL database has: servers, workers, other commands.
/// Open `db` with one connection to ask.
pub async fn postgres_others(db: &Db) -> Result<i64, StoreError> {
    let sql = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'hookswitch' AND pid <> pg_backend_pid()";
    db.system().read(move |tx| Box::pin(async move { tx.query_one(sql, &[]).await?.get(0) })).await
}

/// Drops the tables, sequences and functions of the schema, whoever made them, and leaves what extensions brought.
pub const POSTGRES_CLEAR: &str = "DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT c.oid::regclass AS name FROM pg_class c
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
    LOOP EXECUTE 'DROP TABLE ' || one.name || ' CASCADE'; END LOOP;
    FOR one IN SELECT c.oid::regclass AS name FROM pg_class c
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'S'
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
    LOOP EXECUTE 'DROP SEQUENCE ' || one.name || ' CASCADE'; END LOOP;
    FOR one IN SELECT p.oid::regprocedure AS name FROM pg_proc p
        WHERE p.pronamespace = current_schema()::regnamespace AND p.prokind = 'f'
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    LOOP EXECUTE 'DROP FUNCTION ' || one.name || ' CASCADE'; END LOOP;
END $$;";

/// As [`Alone::is_empty`], for PostgreSQL, where other programs may have tables too: any table
/// that isn't `ours` is something.
pub async fn postgres_is_empty(db: &Db, ours: Vec<String>) -> Result<bool, StoreError> {
    db.system().read(|tx| Box::pin(is_empty(tx, ours))).await
}

async fn is_empty(tx: &mut Tx, ours: Vec<String>) -> Result<bool, StoreError> {
    let tables = "SELECT relname::text FROM pg_class
        WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition";
    let rows = tx.query(tables, &[]).await?;
    let names = rows.into_iter().map(|mut row| row.get(0)).collect::<Result<Vec<String>, _>>()?;
    let there = |name: &str| names.iter().any(|table| table == name);
    if names.is_empty() {
        return Ok(true);
    }
    if names.iter().any(|name| !ours.contains(name)) || !there("tenant") || !there("user_account") {
        return Ok(false);
    }
    let owned = "SELECT (SELECT count(*) FROM tenant) + (SELECT count(*) FROM user_account)";
    Ok(tx.query_one(owned, &[]).await?.get::<i64>(0)? == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(path: &Path) -> Connection {
        let connection = Connection::open(path).unwrap();
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL;
                 CREATE TABLE schema_migration (component TEXT, version INTEGER);
                 INSERT INTO schema_migration VALUES ('store', 1);
                 CREATE TABLE tenant (slug TEXT); CREATE TABLE user_account (email TEXT);",
            )
            .unwrap();
        connection
    }

    #[test]
    fn a_copy_of_a_database_in_use_is_whole_and_says_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let (source, copy) = (folder.path().join("a.db"), folder.path().join("b.db"));
        let server = database(&source);
        server.execute_batch("BEGIN IMMEDIATE; INSERT INTO tenant VALUES ('not yet committed');").unwrap();
        copy_sqlite(&source, &copy).unwrap();
        let ledger = examine_sqlite(&copy).unwrap();
        assert_eq!(ledger, [("store".to_owned(), 1)]);
        assert!(Alone::with(&copy).unwrap().is_empty().unwrap(), "what wasn't committed is not in the copy");
        assert!(is_newer(&ledger, &[]) && !is_newer(&ledger, &[crate::STORE]));
    }

    #[test]
    fn a_restore_is_refused_while_anybody_has_the_database_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let server = database(&path);
        assert!(matches!(Alone::with(&path), Err(StoreError::Unavailable(_))), "an idle server");
        drop(server);
        let alone = Alone::with(&path).unwrap();
        let other = Connection::open(&path).unwrap();
        assert!(other.execute_batch("INSERT INTO tenant VALUES ('x')").is_err(), "nobody gets in meanwhile");
        drop(alone);
    }

    #[test]
    fn a_restore_replaces_everything_and_damage_is_seen_before() {
        let folder = tempfile::tempdir().unwrap();
        let (source, copy, target) = (folder.path().join("a.db"), folder.path().join("b.db"), folder.path().join("c.db"));
        let server = database(&source);
        server.execute_batch("INSERT INTO tenant VALUES ('acme');").unwrap();
        copy_sqlite(&source, &copy).unwrap();
        database(&target).execute_batch("CREATE TABLE rest (a); INSERT INTO tenant VALUES ('globex');").unwrap();
        let alone = Alone::with(&target).unwrap();
        assert!(!alone.is_empty().unwrap());
        alone.fill_from(&copy).unwrap();
        let restored = Connection::open(&target).unwrap();
        assert_eq!(restored.query_row("SELECT slug FROM tenant", [], |row| row.get::<_, String>(0)).unwrap(), "acme");
        assert!(!has_table(&restored, "rest").unwrap());

        let mut bytes = fs::read(&copy).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 2048].fill(0xA5);
        fs::write(&copy, bytes).unwrap();
        assert!(examine_sqlite(&copy).is_err());
    }

    #[test]
    fn passwords_reach_the_tools_by_the_environment() {
        let environment = postgres_environment("postgres://me:p%40ss@db.example:5433/hooks?sslmode=require").unwrap();
        for wanted in [("PGHOST", "db.example"), ("PGPORT", "5433"), ("PGPASSWORD", "p@ss"), ("PGSSLMODE", "require")] {
            assert!(environment.iter().any(|(name, value)| (*name, value.as_str()) == wanted), "{wanted:?}");
        }
    }
}
