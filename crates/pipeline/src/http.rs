//! The only HTTP client: whatever leaves for a receiver, a token endpoint or a chat service goes
//! through here, and so through the guard.
//!
//! ```text
//! take an idle connection ──────────────────────────────┐
//!   or: resolve once ─► judge every address ─► connect ─► TLS ─► send ─► read head ─► read body ─► put it back
//! ```
//! * One deadline covers all of it, from the first question to the resolver to the last byte.
//! * What a receiver answers is hostile: redirects are answers, there are no cookies, no proxies
//!   and no decompression, at most 100 headers in 64 KiB are taken, 64 KiB of body are
//!   read, and 512 KiB of everything.
//! * Connections are kept per pool key (a destination), so that what is left over on one can never
//!   be taken for the answer to somebody else; one with unread bytes is closed.
//! * No task per connection: a connection is polled by whoever uses it, and an idle one by nobody.

mod connect;
mod error;
mod exchange;
mod pool;
mod resolve;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hookswitch_domain::egress::{Rules, Target};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

pub use error::{Phase, SendError};
pub use tls::{connector as tls_connector, explain as explain_tls};

/// More of an answer's body is not read.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// An answer's status line and headers fit into this, or they are refused.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;
/// All that is taken in for one answer: interim answers, head, body and the framing around it.
pub const ANSWER_BYTES_MAX: usize = 512 * 1024;

/// How the client is set up; the defaults are right for production.
#[derive(Debug, Clone)]
pub struct Options {
    pub rules: Rules,
    /// Certificates (PEM) that are trusted besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Resolvers to ask instead of the system's; `/etc/hosts` is honoured in any case.
    pub dns_servers: Vec<SocketAddr>,
    /// A connection that nobody used for so long is closed.
    pub idle_for: Duration,
    /// Idle connections that are kept for one pool key.
    pub idle_per_key: usize,
    /// Idle connections that are kept altogether.
    pub idle_total: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rules: Rules::default(),
            ca_file: None,
            dns_servers: Vec::new(),
            idle_for: Duration::from_secs(10),
            idle_per_key: 16,
            idle_total: 512,
        }
    }
}

/// The client can't be set up as configured.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("egress.ca_file: {0}")]
    CaFile(String),
    #[error("TLS: {0}")]
    Tls(String),
    #[error("name resolution: {0}")]
    Resolver(String),
}

/// One request. Later headers replace earlier ones of the same name; `host` and `content-length`
/// are written by the client.
#[derive(Debug)]
pub struct Request<'a> {
    /// Whose connections may be used: a destination's id.
    pub pool_key: Uuid,
    pub method: Method,
    pub target: &'a Target,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Bytes,
    /// For the whole exchange.
    pub deadline: Instant,
}

/// What a receiver answered. All of it is hostile text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// At most [`BODY_BYTES_MAX`] bytes.
    pub body_head: Bytes,
    /// The body went on.
    pub truncated: bool,
}

/// How long each phase took, in microseconds. Resolving, connecting and TLS are `None` on a kept
/// connection, and each phase that was not reached is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timings {
    pub dns_us: Option<u32>,
    pub connect_us: Option<u32>,
    pub tls_us: Option<u32>,
    /// From sending to the answer's head.
    pub first_byte_us: Option<u32>,
    pub total_us: u32,
}

/// One exchange, whatever came of it.
#[derive(Debug)]
pub struct Exchange {
    pub result: Result<Answer, SendError>,
    pub timings: Timings,
    pub remote_addr: Option<SocketAddr>,
}

/// How far an exchange got; survives the deadline that cuts it off.
#[derive(Debug, Default)]
struct Progress {
    phase: Phase,
    timings: Timings,
    remote: Option<SocketAddr>,
    /// Something of an answer came before it failed.
    heard: bool,
}

/// The client. Clones share connections, resolver cache and TLS sessions.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    connector: connect::Connector,
    pool: Arc<pool::Pool>,
}

impl Client {
    pub fn new(options: Options) -> Result<Self, SetupError> {
        let pool = Arc::new(pool::Pool::new(options.idle_for, options.idle_per_key, options.idle_total));
        let connector = connect::Connector::new(options)?;
        Ok(Self { shared: Arc::new(Shared { connector, pool }) })
    }

    /// The rules that this client guards by.
    pub fn rules(&self) -> &Rules {
        self.shared.connector.rules()
    }

    /// Sends one request and reads its answer. Never follows, never repeats what a receiver may
    /// have worked on, except where a kept connection turns out to be dead.
    pub async fn send(&self, request: Request<'_>) -> Exchange {
        let begun = Instant::now();
        let mut progress = Progress::default();
        let result = match timeout_at(request.deadline, self.exchange(&request, &mut progress)).await {
            Ok(result) => result,
            Err(_) => {
                Err(SendError::Deadline { phase: progress.phase, given: request.deadline.saturating_duration_since(begun) })
            }
        };
        progress.timings.total_us = micros(begun);
        Exchange { result, timings: progress.timings, remote_addr: progress.remote }
    }

    async fn exchange(&self, request: &Request<'_>, progress: &mut Progress) -> Result<Answer, SendError> {
        if let Some(kept) = self.shared.pool.take(request.pool_key, request.target) {
            match self.over(kept, request, progress).await {
                // It was closed while it lay idle, and not a byte of an answer came. The receiver has
                // hardly seen the request, and if it has, it knows the id already: the second send is
                // the retry that would follow.
                Err(error) if error.is_stale() && !progress.heard => *progress = Progress::default(),
                result => return result,
            }
        }
        let fresh = self.shared.connector.connect(request.target, progress).await?;
        self.over(fresh, request, progress).await
    }

    async fn over(
        &self,
        mut live: Box<exchange::Live>,
        request: &Request<'_>,
        progress: &mut Progress,
    ) -> Result<Answer, SendError> {
        progress.remote = Some(live.remote());
        let answer = exchange::run(&mut live, request, progress).await;
        progress.heard = live.heard_anything();
        let answer = answer?;
        if live.is_reusable() {
            self.shared.pool.put(request.pool_key, live);
        }
        Ok(answer)
    }
}

fn micros(since: Instant) -> u32 {
    u32::try_from(since.elapsed().as_micros()).unwrap_or(u32::MAX)
}
