//! Runs PostgreSQL's own programs: nothing else can copy a PostgreSQL database whole and
//! consistently. Connection and password go by the environment, never by a command line, which
//! every user of the machine could read.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, bail};
use hookswitch_store::backup;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};

use crate::config::Config;

/// Runs a program to its end; what it printed.
pub async fn run(config: &Config, tool: &'static str, args: &[&str]) -> anyhow::Result<Vec<u8>> {
    let mut command = command(config, tool, args)?;
    let child = started(tool, command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn())?;
    finished(tool, child).await
}

/// Replaces the schema's content by an archive's, in one transaction. Without the COMMIT at its
/// end, whatever stops this leaves the database as it was.
pub async fn replace(config: &Config, archive: &Path) -> anyhow::Result<()> {
    let quiet = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-"];
    let mut command = command(config, "psql", &quiet)?;
    let mut psql = started("psql", command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn())?;
    let input = psql.stdin.take().context("psql takes no input")?;
    match feed(config, archive, input).await {
        Ok(()) => finished("psql", psql).await.map(drop),
        // psql says better what was wrong, if it ended first.
        Err(error) => finished("psql", psql).await.and(Err(error)),
    }
}

async fn feed(config: &Config, archive: &Path, mut psql: ChildStdin) -> anyhow::Result<()> {
    psql.write_all(format!("BEGIN;\n{}\n", backup::POSTGRES_CLEAR).as_bytes()).await?;
    let path = archive.display().to_string();
    let mut command = command(config, "pg_restore", &["--no-owner", "--no-privileges", "--file=-", &path])?;
    let mut restore = started("pg_restore", command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn())?;
    let mut script = restore.stdout.take().context("pg_restore prints nothing")?;
    tokio::io::copy(&mut script, &mut psql).await?;
    finished("pg_restore", restore).await?;
    psql.write_all(b"\nCOMMIT;\n").await?;
    Ok(psql.shutdown().await?)
}

fn command(config: &Config, tool: &str, args: &[&str]) -> anyhow::Result<Command> {
    // A pooler in front would break a dump, so that the direct URL goes first.
    let url = config.database.direct_url.as_ref().unwrap_or(&config.database.url);
    let mut command = Command::new(tool);
    // Without --no-password the tools would ask on the terminal and wait.
    command.args(args).arg("--no-password").envs(backup::postgres_environment(url)?).stderr(Stdio::piped()).kill_on_drop(true);
    Ok(command)
}

fn started(tool: &'static str, spawned: std::io::Result<Child>) -> anyhow::Result<Child> {
    match spawned {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => bail!(
            "{tool} is not on the PATH. It comes with PostgreSQL's client programs (package postgresql-client), \
             in a version at least as new as the server"
        ),
        other => other.with_context(|| tool.to_owned()),
    }
}

async fn finished(tool: &'static str, child: Child) -> anyhow::Result<Vec<u8>> {
    let output = child.wait_with_output().await.with_context(|| tool.to_owned())?;
    if !output.status.success() {
        bail!("{tool} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output.stdout)
}
