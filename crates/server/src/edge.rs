//! The edge: what every request and every answer passes. Gives the request an id, finds out who
//! is at the other end, catches panics, renders problems, sets the headers that browsers heed, and
//! writes one log line.

use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use hookswitch_domain::id::RequestId;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, RETRY_AFTER, WWW_AUTHENTICATE, X_FRAME_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::api::problem::Problem;
use crate::app::App;
use crate::config::Config;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The other end of the socket, as `serve` saw it.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// What the edge found out about a request; handlers find it in the extensions.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub request_id: Arc<str>,
    /// The address that asked, behind the proxies that are trusted.
    pub client: IpAddr,
    pub https: bool,
    /// W3C trace context, passed on to what this request causes.
    pub traceparent: Option<Arc<str>>,
}

/// Put into an answer's extensions for the log line.
#[derive(Debug, Clone)]
pub struct LogTenant(pub Arc<str>);

/// Put into an answer's extensions where its own policy says whose frames it may stand in. The older header
/// knows no list of hosts, and would refuse them all.
#[derive(Debug, Clone)]
pub struct Framed;

pub async fn edge(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let arrival = arrival(&app, &request);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    request.extensions_mut().insert(arrival.clone());
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response = answered.unwrap_or_else(|_| Problem::internal("panic").into_response());
    let problem = response.extensions_mut().remove::<Problem>().or_else(|| foreign(&response));
    if let Some(problem) = &problem {
        render(problem, &arrival.request_id, &mut response);
    }
    let framed = response.extensions_mut().remove::<Framed>().is_some();
    set_headers(&app.config, &arrival, response.headers_mut());
    if framed {
        response.headers_mut().remove(X_FRAME_OPTIONS);
    }
    let route = route.as_ref().map_or("-", MatchedPath::as_str);
    log(method.as_str(), route, &arrival, problem.as_ref(), &response, started);
    response
}

fn arrival(app: &App, request: &Request) -> Arrival {
    let headers = request.headers();
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(|id| plain_id(id));
    let request_id = given.map_or_else(|| app.ambient.fresh::<RequestId>().to_string().into(), Arc::from);
    let peer = request.extensions().get::<Peer>().map_or(IpAddr::from([127, 0, 0, 1]), |peer| peer.0.ip());
    let traceparent = headers.get("traceparent").and_then(|value| value.to_str().ok());
    Arrival {
        request_id,
        client: client(&app.config, peer, headers),
        https: https(&app.config, peer, headers),
        traceparent: traceparent.filter(|text| is_traceparent(text)).map(Arc::from),
    }
}

/// Short and harmless in a log; anything else is replaced by an id of ours.
fn plain_id(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
}

fn is_traceparent(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let hex = |part: &str, len| part.len() == len && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let zero = |part: &str| part.bytes().all(|byte| byte == b'0');
    matches!(parts[..], ["00", trace, span, flags]
        if hex(trace, 32) && hex(span, 16) && hex(flags, 2) && !zero(trace) && !zero(span))
}

/// Walks `X-Forwarded-For` from the right, past the proxies that are trusted. Without trusted
/// proxies the header says nothing, because anybody can send it.
fn client(config: &Config, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let trusted = |address: &IpAddr| config.trusted_proxies.iter().any(|network| network.contains(address));
    let mut client = peer.to_canonical();
    let lines: Vec<&str> = headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok()).collect();
    for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        if !trusted(&client) {
            break;
        }
        match hop.trim().parse::<IpAddr>() {
            Ok(address) => client = address.to_canonical(),
            Err(_) => break,
        }
    }
    client
}

fn https(config: &Config, peer: IpAddr, headers: &HeaderMap) -> bool {
    let trusted = config.trusted_proxies.iter().any(|network| network.contains(&peer.to_canonical()));
    let forwarded = headers.get("x-forwarded-proto").is_some_and(|proto| proto == "https");
    config.public_url.as_ref().is_some_and(|url| url.scheme() == "https") || (trusted && forwarded)
}

/// Whether the browser talks to its own machine, where plain HTTP is as good as TLS.
pub fn loopback(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else { return false };
    let name =
        host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit())).map_or(host, |(name, _)| name);
    name == "localhost" || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What the framework refused by itself, in plain text, becomes a problem like all others.
fn foreign(response: &Response) -> Option<Problem> {
    let status = response.status();
    let plain = response.headers().get(CONTENT_TYPE).is_some_and(|media| media.as_bytes().starts_with(b"text/plain"));
    (plain && status.is_client_error()).then(|| Problem::new(status, "bad_request", "the request can't be read"))
}

fn render(problem: &Problem, request_id: &str, response: &mut Response) {
    let document = serde_json::to_vec(&problem.document(request_id)).unwrap_or_default();
    *response.body_mut() = document.into();
    let headers = response.headers_mut();
    headers.remove(http::header::CONTENT_LENGTH);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some(seconds) = problem.retry_after_s {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    if problem.status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"hookswitch\""));
    }
}

/// What a browser is told about every answer; what a handler set itself stays.
static HEADERS: [(HeaderName, &str); 7] = [
    (CACHE_CONTROL, "no-store"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (HeaderName::from_static("x-content-type-options"), "nosniff"),
    (HeaderName::from_static("x-frame-options"), "DENY"),
    (HeaderName::from_static("referrer-policy"), "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

fn set_headers(config: &Config, arrival: &Arrival, headers: &mut HeaderMap) {
    for (name, value) in &HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if arrival.https || config.public_url.as_ref().is_some_and(|url| url.scheme() == "https") {
        headers.insert("strict-transport-security", HeaderValue::from_static("max-age=31536000; includeSubDomains"));
    }
    if let Ok(id) = HeaderValue::from_str(&arrival.request_id) {
        headers.insert(REQUEST_ID, id);
    }
}

fn log(method: &str, route: &str, arrival: &Arrival, problem: Option<&Problem>, response: &Response, started: Instant) {
    let (status, elapsed) = (response.status().as_u16(), started.elapsed());
    let tenant = response.extensions().get::<LogTenant>().map_or("-", |tenant| &*tenant.0);
    let request_id = &*arrival.request_id;
    let duration_ms = elapsed.as_micros() as f64 / 1000.0;
    let code = problem.map_or("-", |problem| &*problem.code);
    let cause = problem.and_then(|problem| problem.cause.as_deref()).unwrap_or("-");
    match status {
        500.. => tracing::error!(method, route, status, duration_ms, request_id, tenant, code, cause, "request"),
        400.. => tracing::info!(method, route, status, duration_ms, request_id, tenant, code, "request"),
        // Publishing and receiving are what this server does all day: their successes are counted, not told.
        202 | 200 if method == "POST" && is_traffic(route) => {
            tracing::debug!(method, route, status, duration_ms, request_id, tenant, "request");
        }
        _ => tracing::info!(method, route, status, duration_ms, request_id, tenant, "request"),
    }
    // Methods are the caller's choice: names that nobody knows would each make a series.
    let method = if KNOWN_METHODS.contains(&method) { method } else { "other" };
    let labels = [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.to_string())];
    metrics::histogram!("hookswitch_http_request_seconds", &labels).record(elapsed.as_secs_f64());
}

const KNOWN_METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

fn is_traffic(route: &str) -> bool {
    route.starts_with("/api/v1/events") || route.starts_with("/api/inbound/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Source;

    fn behind(proxies: &str) -> Config {
        let mut source = Source::default();
        source.set("trusted_proxies", proxies);
        Config::from_source(source).unwrap()
    }

    fn forwarded(lines: &[&'static str]) -> HeaderMap {
        lines.iter().map(|line| (HeaderName::from_static("x-forwarded-for"), HeaderValue::from_static(line))).collect()
    }

    #[test]
    fn a_forwarded_address_counts_only_behind_a_trusted_proxy() {
        let peer = IpAddr::from([10, 0, 0, 1]);
        let spoofed = forwarded(&["203.0.113.9"]);
        assert_eq!(client(&behind("[]"), peer, &spoofed), peer);
        let config = behind("[\"10.0.0.0/8\"]");
        assert_eq!(client(&config, peer, &spoofed).to_string(), "203.0.113.9");
        // The left-most entry is the client's own claim; the right-most is what our proxy saw.
        let claimed = forwarded(&["127.0.0.1, 198.51.100.7", "10.2.2.2"]);
        assert_eq!(client(&config, peer, &claimed).to_string(), "198.51.100.7");
        assert_eq!(client(&config, peer, &forwarded(&["unknown"])), peer);
    }

    #[test]
    fn only_well_formed_ids_and_traces_are_taken_over() {
        assert!(plain_id("abc-123") && !plain_id("") && !plain_id("a b") && !plain_id(&"a".repeat(129)));
        assert!(is_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
        assert!(!is_traceparent("00-00000000000000000000000000000000-b7ad6b7169203331-01"));
        assert!(!is_traceparent("00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
    }

    #[test]
    fn loopback_hosts_are_recognised_with_and_without_port() {
        for (host, is) in [
            ("localhost:8080", true),
            ("127.0.0.1:8080", true),
            ("[::1]:8080", true),
            ("[::1]", true),
            ("localhost", true),
            ("localhost.evil.example", false),
            ("10.0.0.1:8080", false),
        ] {
            let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static(host))]);
            assert_eq!(loopback(&headers), is, "{host}");
        }
    }
}
