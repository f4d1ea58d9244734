//! Publishers that do not give up: an event is asked for again, under the same Idempotency-Key, until
//! it is acknowledged, however often the server dies meanwhile.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::load::Template;
use crate::wire::Conn;

const RECONNECT_AFTER: Duration = Duration::from_millis(50);
/// An answer later than this is no answer: the server may have been killed with the connection half open.
const ANSWER_PATIENCE: Duration = Duration::from_secs(15);

pub struct Writers {
    address: SocketAddr,
    template: Template,
    events: u64,
    /// Events per second of all together; 0: as fast as answers come.
    rate: u64,
    next: AtomicU64,
    repeats: AtomicU64,
    acknowledged: Mutex<HashMap<u64, String>>,
    refusals: Mutex<Vec<String>>,
}

#[derive(serde::Deserialize)]
struct Accepted {
    event_id: String,
}

/// What came of one request.
enum Answer {
    Accepted(String),
    Overloaded(Duration),
    Refused(String),
}

/// Runs so many writers on a thread of their own until all events are acknowledged.
pub fn spawn(writers: Arc<Writers>, count: usize, runtime: Runtime) -> Result<JoinHandle<Result<()>>> {
    let thread = std::thread::Builder::new().name("writers".into());
    Ok(thread.spawn(move || {
        runtime.block_on(async {
            let start = Instant::now();
            let mut tasks = JoinSet::new();
            for _ in 0..count {
                let writers = writers.clone();
                tasks.spawn(async move { writers.write(start).await });
            }
            tasks.join_all().await;
        });
        Ok(())
    })?)
}

impl Writers {
    pub fn new(address: SocketAddr, template: Template, events: u64, rate: u64) -> Self {
        Self {
            address,
            template,
            events,
            rate,
            next: AtomicU64::new(0),
            repeats: AtomicU64::new(0),
            acknowledged: Mutex::default(),
            refusals: Mutex::default(),
        }
    }

    async fn write(&self, start: Instant) {
        let mut conn = None;
        let mut request = Vec::new();
        loop {
            let event = self.next.fetch_add(1, Relaxed);
            if event >= self.events {
                return;
            }
            if let Some(nanos) = (event * 1_000_000_000).checked_div(self.rate) {
                sleep_until(start + Duration::from_nanos(nanos)).await;
            }
            self.template.write(event, &mut request);
            self.publish(&mut conn, event, &request).await;
        }
    }

    async fn publish(&self, conn: &mut Option<Conn>, event: u64, request: &[u8]) {
        loop {
            match tokio::time::timeout(ANSWER_PATIENCE, self.ask(conn, request)).await {
                Ok(Ok(Answer::Accepted(event_id))) => {
                    lock(&self.acknowledged).insert(event, event_id);
                    return;
                }
                Ok(Ok(Answer::Refused(why))) => {
                    lock(&self.refusals).push(why);
                    return;
                }
                Ok(Ok(Answer::Overloaded(wait))) => sleep(wait).await,
                Ok(Err(_)) | Err(_) => {
                    *conn = None;
                    sleep(RECONNECT_AFTER).await;
                }
            }
            self.repeats.fetch_add(1, Relaxed);
        }
    }

    async fn ask(&self, conn: &mut Option<Conn>, request: &[u8]) -> io::Result<Answer> {
        let conn = match conn {
            Some(conn) => conn,
            None => conn.insert(Conn::connect(self.address).await?),
        };
        let answer = conn.exchange(request).await?;
        Ok(match answer.status() {
            202 => match serde_json::from_slice::<Accepted>(answer.body) {
                Ok(accepted) => Answer::Accepted(accepted.event_id),
                Err(error) => Answer::Refused(format!("202 without event_id: {error}")),
            },
            503 => {
                let seconds = answer.header("retry-after").and_then(|text| text.parse().ok()).unwrap_or(1);
                Answer::Overloaded(Duration::from_secs(seconds))
            }
            status => Answer::Refused(format!("{status} {}", String::from_utf8_lossy(answer.body))),
        })
    }

    /// Event number and the id that the publisher was told.
    pub fn acknowledged(&self) -> HashMap<u64, String> {
        lock(&self.acknowledged).clone()
    }

    pub fn refusals(&self) -> Vec<String> {
        lock(&self.refusals).clone()
    }

    pub fn repeats(&self) -> u64 {
        self.repeats.load(Relaxed)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
