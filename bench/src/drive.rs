//! Any request, many times: what a trial sends is written by a function of the request's number. The
//! publishers of `load` are the same for events, with a ledger that knows when each arrived.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::clock;
use crate::tally::{Quantiles, quantiles};
use crate::wire::Conn;

/// Answers that are none of those asked for, before a drive is called off.
const BAD_MAX: u64 = 20;

/// Writes the request of this number into the buffer.
pub type Writer = dyn Fn(u64, &mut Vec<u8>) + Send + Sync;

/// Where to, and what.
#[derive(Clone)]
pub struct Aim {
    pub address: SocketAddr,
    pub write: Arc<Writer>,
}

/// When a drive ends.
#[derive(Clone, Copy)]
pub enum Until {
    Elapsed(Duration),
    Sent(u64),
}

/// What came of a drive.
#[derive(Default)]
pub struct Driven {
    /// Numbers from the first one on that were sent.
    pub sent: u64,
    pub seconds: f64,
    pub answer: Quantiles,
}

impl Driven {
    pub fn per_second(&self) -> f64 {
        self.sent as f64 / self.seconds.max(1e-9)
    }
}

#[derive(Default)]
struct Notes {
    nanos: Mutex<Vec<u64>>,
    bad: AtomicU64,
    first_bad: Mutex<Option<String>>,
}

impl Notes {
    fn bad(&self, why: String) {
        self.bad.fetch_add(1, Relaxed);
        self.first_bad.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
    }

    fn hopeless(&self) -> bool {
        self.bad.load(Relaxed) > BAD_MAX
    }

    fn finish(&self, sent: u64, begun: Instant) -> Result<Driven> {
        if let Some(why) = self.first_bad.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            bail!("{} requests failed, the first with: {why}", self.bad.load(Relaxed));
        }
        let nanos = std::mem::take(&mut *self.nanos.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(Driven { sent, seconds: begun.elapsed().as_secs_f64(), answer: quantiles(nanos) })
    }
}

/// As fast as answers come back over so many connections, from request `first` on.
pub async fn closed(aim: Aim, first: u64, connections: usize, until: Until) -> Result<Driven> {
    let (notes, next, begun) = (Arc::new(Notes::default()), Arc::new(AtomicU64::new(first)), Instant::now());
    let mut senders = JoinSet::new();
    for _ in 0..connections {
        let (aim, notes, next) = (aim.clone(), notes.clone(), next.clone());
        senders.spawn(async move {
            if let Err(error) = send_until(&aim, &notes, &next, begun, first, until).await {
                notes.bad(format!("connection: {error}"));
            }
        });
    }
    senders.join_all().await;
    let sent = match until {
        Until::Sent(count) => count,
        Until::Elapsed(_) => next.load(Relaxed) - first,
    };
    notes.finish(sent, begun)
}

async fn send_until(aim: &Aim, notes: &Notes, next: &AtomicU64, begun: Instant, first: u64, until: Until) -> std::io::Result<()> {
    let mut conn = Conn::connect(aim.address).await?;
    let (mut request, mut nanos) = (Vec::new(), Vec::new());
    while !notes.hopeless() {
        if let Until::Elapsed(span) = until
            && begun.elapsed() >= span
        {
            break;
        }
        let number = next.fetch_add(1, Relaxed);
        if let Until::Sent(count) = until
            && number >= first + count
        {
            break;
        }
        (aim.write)(number, &mut request);
        nanos.push(ask(&mut conn, &request, notes).await?);
    }
    notes.nanos.lock().unwrap_or_else(PoisonError::into_inner).append(&mut nanos);
    Ok(())
}

async fn ask(conn: &mut Conn, request: &[u8], notes: &Notes) -> std::io::Result<u64> {
    let sent = clock::nanos();
    let answer = conn.exchange(request).await?;
    let nanos = clock::nanos() - sent;
    let status = answer.status();
    if !(200..300).contains(&status) {
        notes.bad(format!("{status} {}", String::from_utf8_lossy(answer.body)));
    }
    Ok(nanos)
}

/// At a fixed rate, however long answers take; a request that finds no idle connection opens one. The time of
/// an answer counts from the moment when its request was due. For spans shorter than servers keep what is idle.
pub async fn open(aim: Aim, first: u64, per_second: u64, span: Duration) -> Result<Driven> {
    let (notes, idle, begun) = (Arc::new(Notes::default()), Arc::new(Mutex::new(Vec::<Conn>::new())), Instant::now());
    let count = (span.as_secs_f64() * per_second as f64) as u64;
    let mut requests = JoinSet::new();
    for number in 0..count {
        sleep_until(begun + Duration::from_nanos(number * 1_000_000_000 / per_second)).await;
        let (aim, theirs, idle) = (aim.clone(), notes.clone(), idle.clone());
        requests.spawn(async move {
            let notes = theirs;
            let due = clock::nanos();
            let kept = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut request = Vec::with_capacity(4096);
            (aim.write)(first + number, &mut request);
            let asked = async {
                let mut conn = match kept {
                    Some(conn) => conn,
                    None => Conn::connect(aim.address).await?,
                };
                ask(&mut conn, &request, &notes).await?;
                std::io::Result::Ok(conn)
            };
            match asked.await {
                Ok(conn) => {
                    notes.nanos.lock().unwrap_or_else(PoisonError::into_inner).push(clock::nanos() - due);
                    idle.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
                }
                Err(error) => notes.bad(format!("connection: {error}")),
            }
        });
        while requests.try_join_next().is_some() {}
        if notes.hopeless() {
            break;
        }
    }
    requests.join_all().await;
    notes.finish(count, begun)
}

/// A whole request, for writers that need no speed.
pub fn post(host: SocketAddr, path: &str, headers: &str, body: &[u8], out: &mut Vec<u8>) {
    use std::io::Write;
    out.clear();
    let length = body.len();
    let _ = write!(
        out,
        "POST {path} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    out.extend_from_slice(body);
}
