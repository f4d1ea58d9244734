//! The writer: one thread that runs what is queued, many jobs to a commit.
//!
//! A lone job is committed at once and waits for nobody, but for work that nobody waits for, which may
//! share the next commit. While the disk is still busy with the last
//! commit, what arrives is run into the next one, which is committed when the disk is done: a busy
//! server pays one fsync for many jobs, and works while the disk does.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hookswitch_domain::id::TenantId;

use super::disk::Disk;
use super::{Connection, run};
use crate::db::{AfterCommit, Inner, Tx};
use crate::error::StoreError;

/// A patient job waits so long for company at most.
const PATIENCE: Duration = Duration::from_millis(5);
/// Batches stop growing here, so that one commit stays short.
const BATCH_MAX: usize = 512;

/// Told to whoever queued a job once its batch is on disk, or is not.
pub(super) type Reply = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// What a job did with the connection that it was given.
pub(super) struct Ran {
    pub tx: Tx,
    pub good: bool,
    pub reply: Reply,
}

/// A job runs on the connection, or hears why it can't.
type Run = Box<dyn FnOnce(Result<Tx, StoreError>) -> Option<Ran> + Send>;

pub(super) struct Job {
    pub how: How,
    pub run: Run,
}

/// How a job is to be run.
pub(super) struct How {
    pub tenant: TenantId,
    pub bytes: usize,
    /// A job that may fail half-way gets a savepoint, so that it never fails its neighbours.
    pub savepoint: bool,
    /// Nobody waits for it: a commit of its own isn't worth an fsync, if another is near.
    pub patient: bool,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    /// Jobs that are not patient.
    hurried: usize,
    /// When the patient ones among themselves are run.
    patient_until: Option<Instant>,
    closed: bool,
    /// The disk has not finished the last commit.
    disk_busy: bool,
}

pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    /// The writer waits on it, and nobody else.
    changed: Condvar,
    bytes: AtomicUsize,
    bytes_max: usize,
}

/// What comes next in an open transaction.
enum Next {
    Run(Vec<Job>),
    Commit,
}

impl Queue {
    pub fn new(bytes_max: usize) -> Self {
        Self { waiting: Mutex::default(), changed: Condvar::new(), bytes: AtomicUsize::new(0), bytes_max }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn push(&self, job: Job) -> Result<(), StoreError> {
        let bytes = self.bytes.fetch_add(job.how.bytes, Ordering::Relaxed);
        // Bytes of 0: work that only frees room (settling), never shed with the newcomers.
        if job.how.bytes > 0 && bytes + job.how.bytes > self.bytes_max {
            self.bytes.fetch_sub(job.how.bytes, Ordering::Relaxed);
            return Err(StoreError::Overloaded);
        }
        let mut waiting = self.waiting();
        if waiting.closed {
            return Err(StoreError::Unavailable("the database is closed".to_owned()));
        }
        let first = if job.how.patient { waiting.jobs.is_empty() } else { waiting.hurried == 0 };
        match job.how.patient {
            true => _ = waiting.patient_until.get_or_insert_with(|| Instant::now() + PATIENCE),
            false => waiting.hurried += 1,
        }
        waiting.jobs.push_back(job);
        // The writer only sleeps before an empty queue, or one of patient jobs.
        if first {
            self.changed.notify_one();
        }
        Ok(())
    }

    fn take(&self, waiting: &mut Waiting, most: usize) -> Vec<Job> {
        let count = waiting.jobs.len().min(most);
        let batch: Vec<Job> = waiting.jobs.drain(..count).collect();
        self.bytes.fetch_sub(batch.iter().map(|job| job.how.bytes).sum(), Ordering::Relaxed);
        waiting.hurried -= batch.iter().filter(|job| !job.how.patient).count();
        waiting.patient_until = waiting.patient_until.filter(|_| waiting.jobs.iter().any(|job| job.how.patient));
        batch
    }

    /// What the next transaction begins with, in order of arrival; `None` once closed and empty.
    fn first(&self) -> Option<Vec<Job>> {
        let mut waiting = self.waiting();
        loop {
            let patient_for = waiting.patient_until.map(|until| until.saturating_duration_since(Instant::now()));
            match patient_for {
                _ if waiting.hurried > 0 || waiting.closed => break,
                None => waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => break,
                Some(rest) => {
                    waiting = self.changed.wait_timeout(waiting, rest).unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
        let batch = self.take(&mut waiting, BATCH_MAX);
        (!batch.is_empty()).then_some(batch)
    }

    /// What else the open transaction takes: whatever arrives before the disk is free.
    fn next(&self, room: usize) -> Next {
        let mut waiting = self.waiting();
        loop {
            if !waiting.disk_busy {
                return Next::Commit;
            }
            if room > 0 && !waiting.jobs.is_empty() {
                return Next::Run(self.take(&mut waiting, room));
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.waiting().jobs.is_empty()
    }

    pub fn disk_is_busy(&self, busy: bool) {
        self.waiting().disk_busy = busy;
        self.changed.notify_one();
    }

    pub fn close(&self) {
        self.waiting().closed = true;
        self.changed.notify_all();
    }
}

/// However the writer ends, nobody waits for it any more: what is queued is dropped, and with it
/// the ends that the callers listen on.
struct CloseOnExit<'a>(&'a Queue);

impl Drop for CloseOnExit<'_> {
    fn drop(&mut self) {
        self.0.close();
        self.0.waiting().jobs.clear();
    }
}

pub(super) fn write_until_closed(mut connection: Connection, queue: &Queue, mut disk: Disk) {
    let _close = CloseOnExit(queue);
    while let Some(jobs) = queue.first() {
        let mut batch = Batch::begin(connection, disk.failure()).run(jobs);
        while let Next::Run(more) = queue.next(BATCH_MAX.saturating_sub(batch.jobs)) {
            batch = batch.run(more);
        }
        connection = batch.commit(queue, &mut disk);
        disk.tidy(&connection);
    }
    // Its threads end before the connection is closed, which then is the last one that can write.
    drop(disk);
}

/// One transaction for many jobs. A failed job is rolled back alone; a failed commit is told to
/// all. Nothing ever runs outside the transaction: without one, or once SQLite has given it up by
/// itself (disk full, I/O error), the jobs hear why instead of running.
struct Batch {
    connection: Connection,
    broken: Option<StoreError>,
    jobs: usize,
    done: Done,
}

/// What follows once a commit is on disk, or is not.
#[derive(Default)]
pub(super) struct Done {
    effects: Vec<AfterCommit>,
    replies: Vec<Reply>,
}

impl Done {
    pub fn tell(self, written: Result<(), StoreError>) {
        let Err(error) = written else {
            self.effects.into_iter().for_each(|effect| effect());
            self.replies.into_iter().for_each(|reply| reply(Ok(())));
            return;
        };
        let text = error.to_string();
        self.replies.into_iter().for_each(|reply| reply(Err(StoreError::Unavailable(text.clone()))));
    }
}

impl Batch {
    fn begin(connection: Connection, failure: Option<StoreError>) -> Self {
        let broken = failure.or_else(|| run(&connection, "BEGIN IMMEDIATE").err());
        Self { connection, broken, jobs: 0, done: Done::default() }
    }

    fn run(mut self, jobs: Vec<Job>) -> Self {
        self.jobs += jobs.len();
        for job in jobs {
            if self.broken.is_none() && self.connection.0.is_autocommit() {
                self.broken = Some(given_up());
            }
            if self.broken.is_none() && job.how.savepoint {
                self.broken = run(&self.connection, "SAVEPOINT job").err();
            }
            if let Some(error) = &self.broken {
                (job.run)(Err(StoreError::Unavailable(error.to_string())));
                continue;
            }
            self = self.run_one(job);
        }
        self
    }

    fn run_one(mut self, job: Job) -> Self {
        let tx = Tx { inner: Inner::Sqlite(self.connection), tenant: job.how.tenant, group: None, after_commit: Vec::new() };
        let Some(Ran { tx, good, reply }) = (job.run)(Ok(tx)) else { unreachable!("a job that may run does") };
        let Inner::Sqlite(connection) = tx.inner else { unreachable!("a job keeps its connection") };
        self.connection = connection;
        self.done.replies.push(reply);
        if good {
            self.done.effects.extend(tx.after_commit);
        } else if !job.how.savepoint {
            self.broken = Some(StoreError::Unavailable("a neighbour in the same commit failed".to_owned()));
        }
        if job.how.savepoint {
            let undone = if good { Ok(()) } else { run(&self.connection, "ROLLBACK TO job") };
            self.broken = undone.and_then(|()| run(&self.connection, "RELEASE job")).err();
        }
        self
    }

    fn commit(self, queue: &Queue, disk: &mut Disk) -> Connection {
        let Self { connection, broken, jobs, done } = self;
        let committed = broken.map_or(Ok(()), Err).and_then(|()| match connection.0.is_autocommit() {
            true => Err(given_up()),
            false => run(&connection, "COMMIT"),
        });
        match committed {
            Ok(()) => disk.write(done, jobs, queue),
            Err(error) => {
                let _ = run(&connection, "ROLLBACK");
                done.tell(Err(error));
            }
        }
        connection
    }
}

fn given_up() -> StoreError {
    StoreError::Unavailable("the transaction was given up".to_owned())
}
