//! A receiver for what is sent out: it keeps what it got byte for byte, answers as its script says,
//! and counts how many requests it had in hand at once. And `until`, with which tests wait.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

/// Longer than anything takes on a busy machine: only a broken rule waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Looks again and again until there is something to see.
#[track_caller]
pub fn until<T, F: Future<Output = Option<T>>>(what: &str, look: impl Fn() -> F) -> impl Future<Output = T> {
    let (caller, begun) = (std::panic::Location::caller(), Instant::now());
    async move {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}, at {caller}");
            sleep(Duration::from_millis(15)).await;
        }
    }
}

/// A request as it arrived.
#[derive(Clone)]
pub struct Taken {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Taken {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// An answer.
#[derive(Clone, Default)]
pub struct Say {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    /// Time that the receiver takes before it answers.
    pub after: Duration,
}

impl From<u16> for Say {
    fn from(status: u16) -> Self {
        Self { status, ..Self::default() }
    }
}

#[derive(Default)]
struct Ledger {
    taken: Vec<Taken>,
    in_hand: usize,
    busiest: usize,
}

type Script = dyn Fn(usize, &Taken) -> Say + Send + Sync;

pub struct Receiver {
    pub address: SocketAddr,
    ledger: Arc<Mutex<Ledger>>,
}

impl Receiver {
    /// Answers each request as the script says of its place (from 0) and of what it is.
    pub async fn start(script: impl Fn(usize, &Taken) -> Say + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let ledger = Arc::new(Mutex::new(Ledger::default()));
        let (kept, script): (_, Arc<Script>) = (ledger.clone(), Arc::new(script));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (ledger, script) = (kept.clone(), script.clone());
                let service = service_fn(move |request| serve(ledger.clone(), script.clone(), request));
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service));
            }
        });
        Self { address, ledger }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What `egress.allow_cidrs` must hold so that this receiver, and nothing else, can be reached.
    pub fn allowed(&self) -> String {
        format!("[\"127.0.0.1/32:{}\"]", self.address.port())
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.ledger.lock().unwrap().taken.clone()
    }

    pub fn count(&self) -> usize {
        self.ledger.lock().unwrap().taken.len()
    }

    /// What arrived at this path.
    pub fn at(&self, path: &str) -> Vec<Taken> {
        self.taken().into_iter().filter(|taken| taken.path == path).collect()
    }

    /// The most requests that were in hand at one time.
    pub fn busiest(&self) -> usize {
        self.ledger.lock().unwrap().busiest
    }

    /// Waits for this many requests.
    #[track_caller]
    pub fn wait(&self, count: usize) -> impl Future<Output = Vec<Taken>> {
        until("requests at the receiver", move || async move { (self.count() >= count).then(|| self.taken()) })
    }
}

async fn serve(
    ledger: Arc<Mutex<Ledger>>,
    script: Arc<Script>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let path = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let taken = Taken { method: parts.method, path, headers: parts.headers, body };
    let say = {
        let mut ledger = ledger.lock().unwrap();
        ledger.taken.push(taken.clone());
        ledger.in_hand += 1;
        ledger.busiest = ledger.busiest.max(ledger.in_hand);
        script(ledger.taken.len() - 1, &taken)
    };
    sleep(say.after).await;
    ledger.lock().unwrap().in_hand -= 1;
    let mut response = Response::builder().status(say.status);
    for (name, value) in say.headers {
        response = response.header(name, value);
    }
    Ok(response.body(Full::new(say.body.into())).unwrap())
}
