//! `hookswitch backup FILE`: one moment of the database, taken while it runs, in one file that only
//! its owner may read. The master key is not in it, so that a lost backup tells no secrets.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use hookswitch_store::backup;
use serde_json::json;

use super::files::{refuse_missing_database, refuse_own, settle, sqlite_path};
use super::{Global, open_current, postgres_tool};
use crate::config::Config;

#[derive(Args)]
pub struct Arguments {
    /// Where the backup goes.
    file: PathBuf,
    /// Replace a file of this name.
    #[arg(long)]
    force: bool,
}

pub async fn run(global: &Global, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let config = global.config()?;
    let bytes = write(&config, &arguments.file, arguments.force).await?;
    let (file, key) = (arguments.file.display(), config.master_key_file.display());
    if global.json {
        println!("{}", json!({ "file": file.to_string(), "bytes": bytes }));
    } else {
        println!("{file}: {bytes} bytes");
        println!("The secrets in it open with {key} only. Keep a copy of that file too, in another place.");
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn write(config: &Config, file: &Path, force: bool) -> anyhow::Result<u64> {
    refuse_own(config, file)?;
    refuse_missing_database(config)?;
    if file.exists() && !force {
        bail!("{} is there already; choose another name, or replace it with --force", file.display());
    }
    // Says what is wrong with a database that isn't ours before anything is written.
    open_current(config).await?.close().await;
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    let partial = PathBuf::from(name);
    let done = write_partial(config, &partial).await.and_then(|()| settle(&partial, file));
    if let Err(error) = done {
        let _ = fs::remove_file(&partial);
        return Err(error);
    }
    Ok(fs::metadata(file)?.len())
}

async fn write_partial(config: &Config, partial: &Path) -> anyhow::Result<()> {
    // A leftover of a backup that was killed may have another mode.
    let _ = fs::remove_file(partial);
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(partial);
    made.with_context(|| partial.display().to_string())?;
    match sqlite_path(config) {
        Some(database) => {
            let partial = partial.to_owned();
            let copy = move || backup::copy_sqlite(&database, &partial);
            Ok(tokio::task::spawn_blocking(copy).await??)
        }
        None => {
            let file = format!("--file={}", partial.display());
            postgres_tool::run(config, "pg_dump", &["--format=custom", &file]).await.map(drop)
        }
    }
}
