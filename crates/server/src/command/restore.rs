//! `hookswitch restore FILE`: puts a backup in the place of the configured database. Everything
//! that can be checked is checked before the first byte changes, and a restore that is killed
//! leaves the database as it was.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use hookswitch_pipeline::secrets::{MasterKey, Secrets};
use hookswitch_store::backup::{self, Ledger};
use hookswitch_store::migrate::Schema;
use hookswitch_store::{Db, Settings, StoreError, secret};
use serde_json::json;

use super::files::sqlite_path;
use super::{Global, ambient, open, postgres_tool, settings};
use crate::app::COMPONENTS;
use crate::config::Config;

#[derive(Args)]
pub struct Arguments {
    /// A file that `hookswitch backup` wrote.
    file: PathBuf,
    /// Replace a database that holds something; on PostgreSQL, everything in its schema goes.
    #[arg(long)]
    force: bool,
}

pub async fn run(global: &Global, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let notes = restore(&global.config()?, &arguments.file, arguments.force).await?;
    let file = arguments.file.display();
    if global.json {
        println!("{}", json!({ "restored": file.to_string(), "notes": notes }));
    } else {
        println!("The database is now that of {file}.");
        notes.iter().for_each(|note| println!("{note}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Restores, and says what is left to do.
pub(super) async fn restore(config: &Config, file: &Path, force: bool) -> anyhow::Result<Vec<String>> {
    let mut head = [0; 16];
    let mut opened = File::open(file).with_context(|| file.display().to_string())?;
    opened.read_exact(&mut head).with_context(|| format!("{} is no backup", file.display()))?;
    match sqlite_path(config) {
        Some(database) if head.starts_with(backup::SQLITE_MAGIC) => {
            let file = file.to_owned();
            tokio::task::spawn_blocking(move || restore_sqlite(&file, &database, force)).await??;
        }
        None if head.starts_with(backup::POSTGRES_MAGIC) => restore_postgres(config, file, force).await?,
        Some(_) if head.starts_with(backup::POSTGRES_MAGIC) => {
            bail!("{} is a backup of PostgreSQL, but database.url names SQLite", file.display())
        }
        None if head.starts_with(backup::SQLITE_MAGIC) => {
            bail!("{} is a backup of SQLite, but database.url names PostgreSQL", file.display())
        }
        _ => bail!("{} is no backup", file.display()),
    }
    what_is_left(config).await
}

fn restore_sqlite(file: &Path, database: &Path, force: bool) -> anyhow::Result<()> {
    let ledger = backup::examine_sqlite(file).with_context(|| format!("{} is damaged", file.display()))?;
    refuse_newer(&ledger)?;
    if let Some(folder) = database.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let made = OpenOptions::new().append(true).create(true).mode(0o600).open(database);
    made.with_context(|| database.display().to_string())?;
    let alone = backup::Alone::with(database).with_context(|| {
        format!("{} is in use or no database: stop the server and every other command first", database.display())
    })?;
    if !force && !alone.is_empty()? {
        refuse_full()?;
    }
    Ok(alone.fill_from(file)?)
}

async fn restore_postgres(config: &Config, file: &Path, force: bool) -> anyhow::Result<()> {
    let path = file.display().to_string();
    // Reads the archive's index and one small table, and so finds most kinds of damage.
    let args = ["--data-only", "--table=schema_migration", "--file=-", &path];
    let ledger = read_ledger(&String::from_utf8_lossy(&postgres_tool::run(config, "pg_restore", &args).await?));
    if ledger.is_empty() {
        bail!("{path} is an archive of pg_dump, but none of ours: it has no schema_migration");
    }
    refuse_newer(&ledger)?;
    let listed = postgres_tool::run(config, "pg_restore", &["--list", &path]).await?;
    let tables = read_tables(&String::from_utf8_lossy(&listed));
    // One connection, so that all others are somebody else's.
    let alone = Settings { connections: 1, ..settings(config) };
    let db = Db::open(&alone, ambient()).await.context("opening the database (database.url)")?;
    let (others, empty) = (backup::postgres_others(&db).await?, backup::postgres_is_empty(&db, tables).await?);
    db.close().await;
    if others > 0 {
        bail!("{others} connections of hookswitch use this database: stop every server and command first");
    }
    if !force && !empty {
        refuse_full()?;
    }
    postgres_tool::replace(config, file).await
}

/// The tables in the list of `pg_restore`: `217; 1259 16391 TABLE public tenant postgres`.
fn read_tables(list: &str) -> Vec<String> {
    let table = |line: &str| {
        let mut words = line.split_whitespace().skip(3);
        (words.next()? == "TABLE").then(|| words.nth(1).map(str::to_owned))?
    };
    list.lines().filter_map(table).collect()
}

/// The rows of `schema_migration` in the text of `pg_restore`: component, version, name, time.
fn read_ledger(text: &str) -> Ledger {
    let rows = text.lines().skip_while(|line| !line.starts_with("COPY ")).skip(1).take_while(|line| *line != "\\.");
    let row = |line: &str| {
        let mut columns = line.split('\t');
        Some((columns.next()?.to_owned(), columns.next()?.parse().ok()?))
    };
    rows.filter_map(row).collect()
}

fn refuse_newer(ledger: &Ledger) -> anyhow::Result<()> {
    if backup::is_newer(ledger, COMPONENTS) {
        bail!("the backup was made by a newer hookswitch: restore it with that one");
    }
    Ok(())
}

fn refuse_full() -> anyhow::Result<()> {
    bail!("the database holds tenants or users already; back it up, then replace it with --force")
}

async fn what_is_left(config: &Config) -> anyhow::Result<Vec<String>> {
    let mut notes = Vec::new();
    let db = open(config).await?;
    match db.schema(COMPONENTS).await? {
        Schema::Current if key_is_missing(config, &db).await? => {
            let key = config.master_key_file.display();
            notes.push(format!("Its secrets don't open with {key}: put the key file of that time there."));
        }
        Schema::Current => {}
        _ => notes.push("Its tables are older than this program: run hookswitch migrate.".to_owned()),
    }
    db.close().await;
    Ok(notes)
}

async fn key_is_missing(config: &Config, db: &Db) -> anyhow::Result<bool> {
    let sealed = db.system().read::<_, StoreError, _>(|tx| Box::pin(secret::get(tx, secret::MARKER))).await?;
    let opens = match MasterKey::load(&config.master_key_file) {
        Ok(master) => Secrets::new(Arc::new(master), false).check(db).await.is_ok(),
        Err(_) => false,
    };
    Ok(sealed.is_some() && !opens)
}
