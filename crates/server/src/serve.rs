//! The accept loop. Ours, because `axum::serve` sets no timer (a slow sender, or a peer that doesn't
//! read its answer, would hold a socket for ever), and because hyper takes some requests that must be
//! refused: without a Host or with two, with an announced body over every limit, with a transfer
//! coding beside `chunked`.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Request, StatusCode, Version};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::api::problem::Problem;
use crate::config::Config;
use crate::edge::Peer;

/// How long a request's head may take, and how long a kept connection may idle.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// How long a peer may leave what was sent to it unread.
const WRITE_DEADLINE: Duration = Duration::from_secs(20);
/// How long running requests have once the process was told to end.
pub const GRACE: Duration = Duration::from_secs(25);
const HEADERS_MAX: usize = 100;
const HEAD_MAX: usize = 32 << 10;
const BUFFER_MAX: usize = 64 << 10;
/// After a failed accept (no file descriptors left), so that the loop doesn't spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the loop refuses by itself.
#[derive(Debug, Clone)]
pub struct Limits {
    /// No route takes a larger body.
    pub body_max: u64,
    pub connections: usize,
    pub per_address: usize,
    /// Proxies bring everybody's connections: they have no limit of their own.
    pub proxies: Vec<ipnet::IpNet>,
}

impl Limits {
    pub fn of(config: &Config) -> Self {
        let single = config.limits.event_bytes.max(config.limits.inbound_bytes).max(crate::api::body::LIMIT);
        Self {
            // A batch of events is the largest request there is.
            body_max: (single as u64).max(BATCH_BYTES_MAX as u64),
            connections: config.limits.connections,
            per_address: config.limits.connections_per_address,
            proxies: config.trusted_proxies.clone(),
        }
    }
}

/// Most that a batch of events may bring, all together.
pub const BATCH_BYTES_MAX: usize = 8 << 20;

/// Serves until `stop`, then lets running requests finish within the grace.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: CancellationToken) {
    let slots = Arc::new(Semaphore::new(limits.connections));
    let peers = Peers::default();
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &slots) => accepted,
            () = stop.cancelled() => break,
        };
        let Some((stream, peer, slot)) = accepted else { continue };
        let Some(place) = peers.enter(peer.ip(), &limits) else {
            metrics::counter!("hookswitch_connections_refused_total").increment(1);
            continue;
        };
        let (router, body_max) = (router.clone(), limits.body_max);
        let service = service_fn(move |request| answer(router.clone(), request, peer, body_max));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_DEADLINE)
            .max_headers(HEADERS_MAX)
            .max_header_size(HEAD_MAX)
            .max_buf_size(BUFFER_MAX)
            .serve_connection(TokioIo::new(bounded(stream)), service);
        let watched = graceful.watch(connection);
        tokio::spawn(async move {
            // A connection that breaks off is everyday life.
            let _ = watched.await;
            drop((slot, place));
        });
    }
    drop(listener);
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests didn't finish within the grace");
    }
}

/// A stream whose writes end if nothing moves for too long. Reads have their own deadlines: the
/// head's is hyper's, the body's is `api::body`'s.
fn bounded(stream: TcpStream) -> Pin<Box<TimeoutStream<TcpStream>>> {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_DEADLINE));
    Box::pin(stream)
}

/// The next connection, once there is a slot for it: until then callers wait in the backlog.
async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let slot = slots.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            let _ = stream.set_nodelay(true);
            Some((stream, peer, slot))
        }
        Err(error) => {
            tracing::warn!(%error, "accept");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

/// Connections per address; of IPv6 per network of 64 bits, which is what one subscriber gets.
#[derive(Clone, Default)]
struct Peers(Arc<Mutex<HashMap<IpAddr, usize>>>);

struct Place(Peers, IpAddr);

impl Peers {
    fn enter(&self, address: IpAddr, limits: &Limits) -> Option<Place> {
        let is_proxy = limits.proxies.iter().any(|network| network.contains(&address.to_canonical()));
        let address = subscriber(address.to_canonical());
        let mut counts = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= limits.per_address && !is_proxy {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Place(self.clone(), address))
    }
}

fn subscriber(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::from((u128::from(v6) >> 64 << 64).to_be_bytes()),
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.0.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.1);
            }
        }
    }
}

async fn answer(router: Router, request: Request<Incoming>, peer: SocketAddr, body_max: u64) -> Result<Response, Infallible> {
    if let Err(problem) = check_framing(request.version(), request.headers(), body_max) {
        return Ok(refuse(&problem));
    }
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(Peer(peer));
    router.oneshot(request).await
}

/// Requests that two readers could understand differently, or that can only be refused later.
fn check_framing(version: Version, headers: &HeaderMap, body_max: u64) -> Result<(), Problem> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => !host.as_bytes().contains(&b',') && !host.is_empty(),
        (None, _) => version < Version::HTTP_11,
        _ => false,
    };
    if !host {
        return Err(Problem::bad_request("invalid_host", "a request has exactly one Host header"));
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    if let Some(first) = codings.next()
        && (codings.next().is_some() || !first.as_bytes().eq_ignore_ascii_case(b"chunked"))
    {
        let detail = "the only transfer coding taken is chunked, once";
        return Err(Problem::new(StatusCode::NOT_IMPLEMENTED, "transfer_coding", detail));
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    match length {
        Some(length) if length > body_max => Err(Problem::too_large(body_max as usize)),
        _ => Ok(()),
    }
}

/// Answers before the router has seen the request, and ends the connection: what follows on it
/// can't be trusted.
fn refuse(problem: &Problem) -> Response {
    let body = serde_json::to_vec(&problem.document("-")).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = problem.status;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_64_bits_is_one_peer_and_a_proxy_is_nobody_s() {
        let limits = Limits { body_max: 1, connections: 9, per_address: 2, proxies: vec!["192.0.2.1/32".parse().unwrap()] };
        let peers = Peers::default();
        let enter = |address: &str| peers.enter(address.parse().unwrap(), &limits);
        let held = (enter("2001:db8::1"), enter("2001:db8::2"));
        assert!(held.0.is_some() && held.1.is_some());
        assert!(enter("2001:db8:0:0:ffff::3").is_none(), "the third of one network");
        assert!(enter("2001:db8:0:1::1").is_some(), "another network");
        drop(held);
        assert!(enter("2001:db8::4").is_some());
        let four = [enter("198.51.100.1"), enter("::ffff:198.51.100.1"), enter("198.51.100.1"), enter("198.51.100.2")];
        assert_eq!(four.map(|place| place.is_some()), [true, true, false, true]);
        let proxied = [enter("192.0.2.1"), enter("192.0.2.1"), enter("192.0.2.1")];
        assert!(proxied.iter().all(Option::is_some));
    }
}
