//! The bare relay: the least that an honest server on the product's own HTTP libraries must do. It
//! takes the same publish request, answers 202, signs the envelope and sends it on over kept-alive
//! connections. It stores nothing, so what Hookswitch costs above it is the price of being durable.
//!
//! It is the yardstick, so it is written to be fast: idle connections are taken last in, first out
//! (few of them stay warm), a token is one hash look-up, signing keys are prepared once.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http::{HeaderValue, Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use rand::Rng;
use serde_json::value::RawValue;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::clock;
use crate::sign::Signer;

#[derive(clap::Args)]
pub struct Options {
    /// Address to take events on
    #[arg(long)]
    listen: SocketAddr,
    /// Address that events are sent on to; tenant N's path is /hook/N
    #[arg(long)]
    target: SocketAddr,
    /// How many tenants there are; tenant N's bearer token is bench-N
    #[arg(long, default_value_t = 1)]
    tenants: usize,
    /// Requests on their way to the target at once
    #[arg(long, default_value_t = 50)]
    in_flight: usize,
}

pub fn token(tenant: usize) -> String {
    format!("bench-{tenant}")
}

pub fn run(options: Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(options))
}

async fn serve(options: Options) -> Result<()> {
    let listener = TcpListener::bind(options.listen).await.with_context(|| format!("cannot listen on {}", options.listen))?;
    let relay = Arc::new(Relay { tenants: tenants(&options)?, pool: Pool::start(options.target, options.in_flight) });
    let router =
        Router::new().route("/api/v1/events", post(publish)).route("/readyz", get(|| async { "ready" })).with_state(relay);
    let http = hyper::server::conn::http1::Builder::new();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
        tokio::spawn(async move {
            // A publisher that hangs up is no event worth a line.
            let _ = connection.await;
        });
    }
}

struct Relay {
    tenants: HashMap<String, Arc<Tenant>>,
    pool: Arc<Pool>,
}

struct Tenant {
    slug: String,
    uri: Uri,
    host: HeaderValue,
    signer: Signer,
}

struct Job {
    tenant: Arc<Tenant>,
    id: String,
    timestamp: String,
    body: Bytes,
}

/// What the relay reads of a publish request; the payload's bytes go on as they came.
#[derive(serde::Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    event_type: &'a RawValue,
    #[serde(borrow)]
    payload: &'a RawValue,
}

fn tenants(options: &Options) -> Result<HashMap<String, Arc<Tenant>>> {
    let mut all = HashMap::with_capacity(options.tenants);
    for number in 0..options.tenants {
        let mut key = [0; 32];
        rand::rng().fill_bytes(&mut key);
        let tenant = Tenant {
            slug: format!("t{number}"),
            uri: format!("/hook/{number}").parse()?,
            host: options.target.to_string().parse()?,
            signer: Signer::from_key(&key)?,
        };
        all.insert(token(number), Arc::new(tenant));
    }
    Ok(all)
}

async fn publish(State(relay): State<Arc<Relay>>, headers: HeaderMap, body: Bytes) -> Response {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let Some(tenant) = bearer.and_then(|token| relay.tenants.get(token)) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let Ok(event) = serde_json::from_slice::<Event>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let job = envelope(tenant.clone(), &event);
    let answer = format!(r#"{{"event_id":"{}","matched_destinations":1}}"#, job.id);
    relay.pool.submit(job);
    (StatusCode::ACCEPTED, [(header::CONTENT_TYPE, "application/json")], answer).into_response()
}

fn envelope(tenant: Arc<Tenant>, event: &Event) -> Job {
    let now_millis = clock::unix_millis();
    let mut random = [0; 10];
    rand::rng().fill_bytes(&mut random);
    let id = format!("evt_{}", uuid::Builder::from_unix_timestamp_millis(now_millis, &random).into_uuid().simple());
    let time = jiff::Timestamp::from_millisecond(now_millis as i64).unwrap_or_default();
    let body = format!(
        r#"{{"event_id":"{id}","event_type":{},"schema_version":1,"tenant":"{}","source":"relay","timestamp":"{time}","correlation_id":null,"causation_id":null,"group_id":null,"references":{{}},"payload":{}}}"#,
        event.event_type.get(),
        tenant.slug,
        event.payload.get()
    );
    Job { tenant, id, timestamp: (now_millis / 1000).to_string(), body: Bytes::from(body) }
}

/// Senders, each with a connection of its own; a job goes to an idle one or waits in memory.
struct Pool {
    state: Mutex<PoolState>,
    senders: Vec<mpsc::UnboundedSender<Job>>,
}

#[derive(Default)]
struct PoolState {
    waiting: VecDeque<Job>,
    idle: Vec<usize>,
}

impl Pool {
    fn start(target: SocketAddr, in_flight: usize) -> Arc<Self> {
        let (senders, inboxes): (Vec<_>, Vec<_>) = (0..in_flight).map(|_| mpsc::unbounded_channel()).unzip();
        let idle = (0..in_flight).rev().collect();
        let pool = Arc::new(Self { state: Mutex::new(PoolState { waiting: VecDeque::new(), idle }), senders });
        for (number, inbox) in inboxes.into_iter().enumerate() {
            tokio::spawn(send_all(pool.clone(), number, inbox, target));
        }
        pool
    }

    fn submit(&self, job: Job) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.idle.pop() {
            Some(number) => {
                drop(state);
                // The inbox lives as long as the process.
                let _ = self.senders[number].send(job);
            }
            None => state.waiting.push_back(job),
        }
    }

    /// The next waiting job; without one the sender counts as idle.
    fn next(&self, number: usize) -> Option<Job> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let job = state.waiting.pop_front();
        if job.is_none() {
            state.idle.push(number);
        }
        job
    }
}

async fn send_all(pool: Arc<Pool>, number: usize, mut inbox: mpsc::UnboundedReceiver<Job>, target: SocketAddr) {
    let mut connection = None;
    while let Some(first) = inbox.recv().await {
        let mut current = Some(first);
        while let Some(job) = current {
            // Once more over a fresh connection, as a kept one may have been closed meanwhile.
            if send(&mut connection, target, &job).await.is_err() {
                connection = None;
                if let Err(error) = send(&mut connection, target, &job).await {
                    eprintln!("relay: {} dropped: {error:#}", job.id);
                    connection = None;
                }
            }
            current = pool.next(number);
        }
    }
}

async fn send(connection: &mut Option<SendRequest<Full<Bytes>>>, target: SocketAddr, job: &Job) -> Result<()> {
    let sender = match connection {
        Some(sender) => sender,
        None => connection.insert(connect(target).await?),
    };
    sender.ready().await?;
    let answer = sender.send_request(request(job)?).await?;
    let status = answer.status();
    answer.into_body().collect().await?;
    anyhow::ensure!(status.is_success(), "the target answered {status}");
    Ok(())
}

async fn connect(target: SocketAddr) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(target).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

fn request(job: &Job) -> Result<Request<Full<Bytes>>> {
    let signature = job.tenant.signer.sign(&job.id, &job.timestamp, &job.body);
    Ok(Request::post(job.tenant.uri.clone())
        .header(header::HOST, job.tenant.host.clone())
        .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .header(header::USER_AGENT, HeaderValue::from_static("Hookswitch-relay/0.1"))
        .header("webhook-id", job.id.as_str())
        .header("webhook-timestamp", job.timestamp.as_str())
        .header("webhook-signature", signature)
        .body(Full::new(job.body.clone()))?)
}
