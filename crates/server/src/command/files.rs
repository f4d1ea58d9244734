//! Files of the installation, as `backup` and `restore` handle them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::bail;

use crate::config::Config;

/// The path of an embedded database; `None` on PostgreSQL.
pub fn sqlite_path(config: &Config) -> Option<PathBuf> {
    config.database.url.strip_prefix("sqlite://").map(PathBuf::from)
}

/// A mistyped path must be an error here, not a new database.
pub fn refuse_missing_database(config: &Config) -> anyhow::Result<()> {
    match sqlite_path(config).filter(|path| !path.exists()) {
        Some(path) => bail!("there is no database at {}: look at database.url", path.display()),
        None => Ok(()),
    }
}

/// A slip must not cost the database or the key.
pub fn refuse_own(config: &Config, file: &Path) -> anyhow::Result<()> {
    let same = |own: &PathBuf| match (fs::canonicalize(own), fs::canonicalize(file)) {
        (Ok(own), Ok(file)) => own == file,
        _ => false,
    };
    let beside = |end: &str| sqlite_path(config).map(|path| PathBuf::from(format!("{}{end}", path.display())));
    let database = ["", "-wal", "-shm", "-journal"].into_iter().filter_map(beside);
    match database.chain([config.master_key_file.clone()]).find(same) {
        Some(own) => bail!("{} belongs to the installation itself: choose another name", own.display()),
        None => Ok(()),
    }
}

/// Gives a finished file its name, on disk.
pub fn settle(from: &Path, to: &Path) -> anyhow::Result<()> {
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(from)?.sync_all()?;
    fs::rename(from, to)?;
    Ok(File::open(folder)?.sync_all()?)
}
