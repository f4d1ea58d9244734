//! A fresh database for one measurement, and what it holds at the end. PostgreSQL is reached through
//! `psql`, since the benchmark links no database driver.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use anyhow::{Context, Result, ensure};
use url::Url;

use crate::process;

#[derive(Clone)]
pub enum Engine {
    Sqlite,
    /// A role that may create databases: `postgres://user@host/any`.
    Postgres(Url),
}

impl FromStr for Engine {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "postgres" | "postgresql") => Ok(Self::Postgres(url)),
            _ if text == "sqlite" => Ok(Self::Sqlite),
            _ => Err("is sqlite or postgres://user@host/database".into()),
        }
    }
}

/// Removed when dropped: the file with its directory, the PostgreSQL database here.
pub enum Database {
    Sqlite { file: PathBuf },
    Postgres { server: Url, own: Url, name: String },
}

impl Database {
    pub fn create(engine: &Engine, dir: &Path) -> Result<Self> {
        match engine {
            Engine::Sqlite => Ok(Self::Sqlite { file: dir.join("hookswitch.db") }),
            Engine::Postgres(server) => {
                static COUNT: AtomicU32 = AtomicU32::new(0);
                let name = format!("hookswitch_bench_{}_{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
                psql(server, &format!("CREATE DATABASE {name}"))?;
                let mut own = server.clone();
                own.set_path(&name);
                Ok(Self::Postgres { server: server.clone(), own, name })
            }
        }
    }

    /// The value of `database.url`.
    pub fn url(&self) -> String {
        match self {
            Self::Sqlite { file } => format!("sqlite://{}", file.display()),
            Self::Postgres { own, .. } => own.to_string(),
        }
    }

    /// Bytes at rest. For SQLite only after the server has stopped, which is when its log is folded in.
    pub fn stored_bytes(&self) -> Result<u64> {
        match self {
            Self::Sqlite { file } => {
                let log = file.with_extension("db-wal");
                Ok(fs::metadata(file)?.len() + fs::metadata(log).map_or(0, |meta| meta.len()))
            }
            Self::Postgres { own, .. } => Ok(psql(own, "SELECT pg_database_size(current_database())")?.parse()?),
        }
    }

    /// Processor time of the database's own processes; SQLite has none.
    pub fn cpu_seconds(&self) -> f64 {
        match self {
            Self::Sqlite { .. } => 0.0,
            Self::Postgres { name, .. } => process::postgres_cpu_seconds(name),
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Self::Postgres { server, name, .. } = self
            && let Err(error) = psql(server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        {
            eprintln!("{error:#}");
        }
    }
}

/// Why PostgreSQL cannot be measured here, if it cannot.
pub fn postgres_obstacle(server: &Url) -> Option<String> {
    psql(server, "SELECT 1").err().map(|error| format!("{error:#}"))
}

fn psql(url: &Url, statement: &str) -> Result<String> {
    let output = Command::new("psql")
        .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--command", statement, "--dbname", url.as_str()])
        .output()
        .context("psql is needed to make a database")?;
    ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
