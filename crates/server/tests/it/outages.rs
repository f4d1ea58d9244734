//! A disk that is full and a database that restarts, both under load: whoever publishes meanwhile hears
//! 503 as a problem document, what was acknowledged is delivered, and what was not is not stored twice.

mod limit;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use hookswitch_server::app::COMPONENTS;
use hookswitch_store::StoreError;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::engines::{Engine, sql};
use crate::harness::{Answer, Client};
use crate::outbound::Line;

const WRITERS: usize = 4;
/// Longer than anything takes here: only a broken rule waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Publishers that ask again, under the same key, until each event is acknowledged.
struct Load {
    next: AtomicU64,
    refused: AtomicUsize,
    /// No event more than this one.
    last: AtomicU64,
}

impl Load {
    fn start(admin: &Client) -> (Arc<Self>, JoinSet<u64>) {
        let load = Arc::new(Self { next: AtomicU64::new(0), refused: AtomicUsize::new(0), last: AtomicU64::new(u64::MAX) });
        let mut writers = JoinSet::new();
        for _ in 0..WRITERS {
            let (load, admin) = (load.clone(), admin.clone());
            writers.spawn(async move {
                let mut acknowledged = 0;
                loop {
                    let number = load.next.fetch_add(1, Ordering::Relaxed);
                    if number > load.last.load(Ordering::Relaxed) {
                        return acknowledged;
                    }
                    load.publish(&admin, number).await;
                    acknowledged += 1;
                }
            });
        }
        (load, writers)
    }

    async fn publish(&self, admin: &Client, number: u64) {
        let admin = admin.with("idempotency-key", format!("n{number}"));
        let body = json!({"event_type": "a.b", "payload": {"n": number, "weight": "x".repeat(8_000)}});
        loop {
            let answer = admin.post("/api/v1/events", body.clone()).await;
            if answer.status == 202 {
                return;
            }
            is_told(&answer);
            self.refused.fetch_add(1, Ordering::Relaxed);
            sleep(Duration::from_millis(20)).await;
        }
    }

    fn begun(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    /// Waits until so many events were begun, or so many answers were 503.
    async fn until(&self, what: &str, reached: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !reached(self) {
            assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Some more events; returns how many were acknowledged altogether.
    async fn end(&self, writers: JoinSet<u64>) -> u64 {
        self.last.store(self.next.load(Ordering::Relaxed) + 10, Ordering::Relaxed);
        let all = tokio::time::timeout(PATIENCE, writers.join_all()).await;
        all.expect("everything is acknowledged in the end").into_iter().sum()
    }
}

/// What a publisher hears: it may ask again, and when.
fn is_told(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!((answer.code().as_str(), answer.json()["status"].as_u64()), ("unavailable", Some(503)));
    assert!(answer.header("retry-after").parse::<u32>().is_ok());
}

/// Every event that was acknowledged is there once, and has reached the receiver.
async fn nothing_is_lost(line: &Line, acknowledged: u64) {
    let tenant = line.server.tenant("acme").await;
    let count = |table: &'static str| async move {
        let rows = sql(&line.server.db, tenant, &format!("SELECT count(*) FROM {table}"), &[]).await;
        rows.into_iter().next().unwrap().get::<i64>(0).unwrap()
    };
    assert_eq!(count("event").await, acknowledged as i64, "one event for each acknowledgement");
    let begun = Instant::now();
    while count("due").await > 0 {
        assert!(begun.elapsed() < PATIENCE, "{} deliveries still wait", count("due").await);
        sleep(Duration::from_millis(500)).await;
        if begun.elapsed() > Duration::from_secs(5) {
            // Committed, and nobody heard of it: nobody has it in hand until its lease has run out.
            for table in ["due", "lane"] {
                let now =
                    format!("UPDATE {table} SET next_at = now_ms() WHERE next_at > now_ms() AND next_at < now_ms() + 100000");
                sql(&line.server.db, tenant, &now, &[]).await;
            }
        }
    }
    let taken = line.receiver.taken();
    let received: std::collections::BTreeSet<u64> =
        taken.iter().map(|taken| taken.json()["payload"]["n"].as_u64().unwrap()).collect();
    assert!(received.into_iter().eq(0..acknowledged), "an acknowledged event did not arrive");
    let delivered = "delivery WHERE state = 2";
    assert_eq!(count(delivered).await, acknowledged as i64);
}

/// SQLite says the same of a disk that has no room: SQLITE_FULL, in the middle of a commit of several.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_503_and_loses_nothing() {
    let engine = Engine::sqlite(COMPONENTS).await;
    let line = Line::open(&engine).await;
    line.destination(json!({})).await;
    let db = &engine.db;
    // Where it shares a commit with what has no room it is refused too, and asked again.
    let pages = |pragma: String| async move {
        let begun = Instant::now();
        loop {
            let asked = pragma.clone();
            let done: Result<_, StoreError> =
                db.system().write(move |tx| Box::pin(async move { tx.query_one(&asked, &[]).await?.get::<i64>(0) })).await;
            match done {
                Ok(pages) => return pages,
                Err(error) => assert!(begun.elapsed() < PATIENCE, "{error}"),
            }
        }
    };
    let (load, writers) = Load::start(&line.admin);
    load.until("some events", |load| load.begun() > 20).await;
    let now = pages("PRAGMA page_count".to_owned()).await;
    pages(format!("PRAGMA max_page_count = {}", now + 50)).await;
    load.until("a full disk", |load| load.refused() > 3 * WRITERS).await;
    // Whoever only reads is served meanwhile.
    line.admin.get("/api/v1/integrations/destinations").await.expect(200);
    pages("PRAGMA max_page_count = 1000000".to_owned()).await;
    let acknowledged = load.end(writers).await;
    nothing_is_lost(&line, acknowledged).await;
}

/// A PostgreSQL of this test alone, which may be killed.
struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    port: u16,
}

impl Cluster {
    async fn start() -> Self {
        let programs = programs().expect("PostgreSQL's own programs (initdb, pg_ctl) are needed; Debian: apt install postgresql");
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let folder = std::env::temp_dir().join(format!("hookswitch-cluster-{}-{port}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&folder));
        }
        let cluster = Self { folder, programs, port };
        run(cluster.command("initdb").args(["-U", "postgres", "-A", "trust", "--no-sync"]));
        cluster.up();
        cluster
    }

    /// PostgreSQL refuses to run as root.
    fn command(&self, program: &str) -> Command {
        let path = self.programs.join(program);
        let mut command = match is_root() {
            true => {
                let mut command = Command::new("runuser");
                command.args(["-u", "postgres", "--"]).arg(path);
                command
            }
            false => Command::new(path),
        };
        command.arg("-D").arg(self.data()).current_dir(&self.folder);
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn up(&self) {
        let options =
            format!("-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={}", self.port, self.folder.display());
        let log = self.folder.join("log");
        run(self.command("pg_ctl").args(["-w", "-t", "60", "-o", &options]).arg("-l").arg(log).arg("start"));
    }

    /// As if the machine had lost its power: what was not written is gone.
    fn kill(&self) {
        run(self.command("pg_ctl").args(["-w", "-m", "immediate", "stop"]));
    }

    fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = self.command("pg_ctl").args(["-m", "immediate", "stop"]).output();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok().into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    found.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = found.into_iter().rev().chain(std::env::split_paths(&path).collect::<Vec<_>>());
    all.into_iter().find(|folder| folder.join("pg_ctl").is_file() && folder.join("initdb").is_file())
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    Path::new("/proc/self").metadata().is_ok_and(|own| own.uid() == 0)
}

fn run(command: &mut Command) {
    // A server that goes on must not hold our pipes open.
    let status = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_restarts_under_load_is_503_and_loses_nothing() {
    let cluster = Cluster::start().await;
    let engine = Engine::at(&cluster.url(), COMPONENTS).await;
    let line = Line::open(&engine).await;
    line.destination(json!({})).await;
    let (load, writers) = Load::start(&line.admin);
    for round in 1..=2 {
        let (begun, told) = (load.begun(), load.refused());
        load.until("some events", |load| load.begun() > begun + 20).await;
        cluster.kill();
        load.until("a 503", |load| load.refused() >= told + WRITERS).await;
        assert_eq!(line.server.stranger().get("/readyz").await.status, 503, "round {round}");
        cluster.up();
    }
    let acknowledged = load.end(writers).await;
    nothing_is_lost(&line, acknowledged).await;
    assert_eq!(line.server.stranger().get("/readyz").await.status, 200);
}
