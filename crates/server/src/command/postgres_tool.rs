//! Runs PostgreSQL's own `pg_dump` and `pg_restore`: nothing else can copy a PostgreSQL database
//! whole and consistently. Connection and password go by the environment.

use std::process::Stdio;

use anyhow::{Context, bail};
use hookswitch_store::backup;
use tokio::process::Command;

use crate::config::Config;

/// What the tool printed. A pooler in front would break a dump, so that the direct URL goes first.
pub async fn run(config: &Config, tool: &str, args: &[&str]) -> anyhow::Result<Vec<u8>> {
    let url = config.database.direct_url.as_ref().unwrap_or(&config.database.url);
    let mut command = Command::new(tool);
    command.args(args).arg("--no-password").envs(backup::postgres_environment(url)?);
    let started = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = match started {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => bail!(
            "{tool} is not on the PATH. It comes with PostgreSQL's client programs (package postgresql-client), \
             in a version at least as new as the server"
        ),
        other => other.with_context(|| tool.to_owned())?,
    };
    if !output.status.success() {
        bail!("{tool} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output.stdout)
}

/// The name of the database that `database.url` means.
pub fn database_name(config: &Config) -> anyhow::Result<String> {
    let environment = backup::postgres_environment(&config.database.url)?;
    let find = |wanted: &str| environment.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.clone());
    find("PGDATABASE").or_else(|| find("PGUSER")).context("database.url names no database")
}
