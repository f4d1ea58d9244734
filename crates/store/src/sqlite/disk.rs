//! What was committed, on its way to the disk.
//!
//! SQLite appends a commit to its write-ahead log and doesn't wait (`synchronous=NORMAL`). Whoever
//! asked for it hears only after an `fdatasync` of that log: an own thread does it while the writer
//! goes on. Readers may see a commit in that moment before; nobody was told of it yet.
//!
//! A log that grew is copied into the database by another thread, up to where it was when that
//! began; the writer copies the little that came meanwhile, and the log begins anew. The writer
//! alone would hold everybody up for the whole of it, and a thread alone would never catch up.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::mpsc;
use std::thread::{Builder, JoinHandle};

use hookswitch_domain::time::Ambient;
use rusqlite::OpenFlags;

use super::Connection;
use super::writer::{Done, Queue};
use crate::error::StoreError;

/// The log is copied once it has so many pages (16 MiB).
const LOG_PAGES: i32 = 4_000;
/// A commit of so few jobs, with nobody waiting behind it, isn't worth another thread's time.
const ALONE: usize = 2;

pub(super) struct Disk {
    log: Arc<File>,
    /// Once an fdatasync has failed nobody knows what the disk holds: nothing is written any more.
    failed: Arc<AtomicBool>,
    syncer: Option<(mpsc::Sender<Done>, JoinHandle<()>)>,
    copier: Option<(mpsc::Sender<()>, JoinHandle<()>)>,
    /// Pages in the log after the last commit.
    pages: Arc<AtomicI32>,
    copying: Copying,
}

/// Where copying the log stands.
struct Copying {
    asked: bool,
    /// The thread has done what it was asked.
    done: Arc<AtomicBool>,
    /// The log's length at the last look, and the one at which it is copied.
    seen: i32,
    at: i32,
}

impl Disk {
    /// `connection` is the writer's, in WAL mode.
    pub fn open(
        path: &Path,
        connection: &mut Connection,
        queue: &Arc<Queue>,
        ambient: Arc<dyn Ambient>,
    ) -> Result<Self, StoreError> {
        // The first read makes the log.
        connection.0.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        let log = Arc::new(open_log(path)?);
        let pages = Arc::new(AtomicI32::new(0));
        let counted = pages.clone();
        let count = move |_: &mut rusqlite::hooks::Wal, pages: i32| {
            counted.store(pages, Ordering::Relaxed);
            Ok(())
        };
        connection.0.wal_hook(Some(count))?;
        let failed = Arc::new(AtomicBool::new(false));
        let copying = Copying { asked: false, done: Arc::default(), seen: 0, at: LOG_PAGES };
        let (to_sync, commits) = mpsc::channel();
        let (file, fails, free) = (log.clone(), failed.clone(), queue.clone());
        let syncer = spawn("sqlite-disk", move || sync_until_closed(&file, &fails, &free, &commits))?;
        let (to_copy, asked) = mpsc::channel();
        let (database, done) = (path.to_owned(), copying.done.clone());
        let copier = spawn("sqlite-copier", move || copy_until_closed(&database, ambient, &done, &asked))?;
        let (syncer, copier) = (Some((to_sync, syncer)), Some((to_copy, copier)));
        Ok(Self { log, failed, syncer, copier, pages, copying })
    }

    /// Why nothing may be written any more.
    pub fn failure(&self) -> Option<StoreError> {
        self.failed.load(Ordering::Acquire).then(cannot_sync)
    }

    /// Brings a commit to the disk and tells whoever waits for it. The disk is free when this is called.
    pub fn write(&mut self, done: Done, jobs: usize, queue: &Queue) {
        if jobs <= ALONE && queue.is_empty() {
            return done.tell(sync(&self.log, &self.failed));
        }
        queue.disk_is_busy(true);
        let Some((syncer, _)) = &self.syncer else { unreachable!("it ends with this") };
        if let Err(mpsc::SendError(done)) = syncer.send(done) {
            queue.disk_is_busy(false);
            done.tell(sync(&self.log, &self.failed));
        }
    }

    /// Between two transactions: keeps the log short.
    pub fn tidy(&mut self, connection: &Connection) {
        let (pages, copying) = (self.pages.load(Ordering::Relaxed), &mut self.copying);
        if pages < copying.seen {
            // All of it was copied, and it began anew.
            copying.at = LOG_PAGES;
        }
        copying.seen = pages;
        if copying.asked {
            if copying.done.swap(false, Ordering::AcqRel) {
                copy(connection);
                // Somebody may read an old state of the database, and what he needs stays in the log.
                (copying.asked, copying.at) = (false, pages.saturating_add(LOG_PAGES));
            }
        } else if pages >= copying.at
            && let Some((copier, _)) = &self.copier
        {
            copying.asked = copier.send(()).is_ok();
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let syncer = self.syncer.take().map(|(_, thread)| thread);
        let copier = self.copier.take().map(|(_, thread)| thread);
        for thread in [syncer, copier].into_iter().flatten() {
            let _ = thread.join();
        }
    }
}

fn open_log(database: &Path) -> Result<File, StoreError> {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    let name = PathBuf::from(name);
    let log = File::open(&name).and_then(|log| {
        // Its name must outlast a power cut too.
        let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()?;
        Ok(log)
    });
    log.map_err(|error| StoreError::Unavailable(format!("{}: {error}", name.display())))
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    Builder::new().name(name.to_owned()).spawn(work).map_err(|error| StoreError::Unavailable(error.to_string()))
}

fn cannot_sync() -> StoreError {
    StoreError::Unavailable("the disk did not take a commit: nothing is written until a restart".to_owned())
}

fn sync(log: &File, failed: &AtomicBool) -> Result<(), StoreError> {
    if failed.load(Ordering::Acquire) {
        return Err(cannot_sync());
    }
    log.sync_data().map_err(|error| {
        failed.store(true, Ordering::Release);
        tracing::error!(%error, "the write-ahead log could not be written to disk");
        cannot_sync()
    })
}

fn sync_until_closed(log: &File, failed: &AtomicBool, queue: &Queue, commits: &mpsc::Receiver<Done>) {
    for done in commits {
        let written = sync(log, failed);
        queue.disk_is_busy(false);
        done.tell(written);
    }
}

fn copy_until_closed(database: &Path, ambient: Arc<dyn Ambient>, copied: &AtomicBool, asked: &mpsc::Receiver<()>) {
    let mut connection = None;
    for () in asked {
        if connection.is_none() {
            connection = Connection::open(database, OpenFlags::default(), ambient.clone()).ok();
        }
        if let Some(connection) = &connection {
            copy(connection);
        }
        copied.store(true, Ordering::Release);
    }
}

/// Copies what can be copied without waiting for anybody. What could not be is copied the next time.
fn copy(connection: &Connection) {
    let copied = connection.0.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    if let Err(error) = copied {
        tracing::warn!(%error, "the write-ahead log could not be copied into the database");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_failed_sync_nothing_counts_as_written() {
        // A pipe can't be synced.
        let (_reader, writer) = std::io::pipe().unwrap();
        let bad = File::from(std::os::fd::OwnedFd::from(writer));
        let (good, failed) = (tempfile::tempfile().unwrap(), AtomicBool::new(false));
        assert!(sync(&good, &failed).is_ok());
        assert!(sync(&bad, &failed).is_err());
        assert!(sync(&good, &failed).is_err(), "what the disk holds is unknown from then on");
    }
}
