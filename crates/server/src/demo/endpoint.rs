//! The test endpoint: a receiver that checks signatures and shows what it got. `/{tenant}/hook`
//! takes everything; `/{tenant}/stumble` fails the first time that it sees a delivery, so that a
//! retry can be watched; `/{tenant}/try` is for people's own first destination: they may break it.

use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use hookswitch_domain::secret::Secret;
use hookswitch_domain::signature::{Profile, TOLERANCE, verify};
use hookswitch_domain::time::{Ambient, Timestamp};
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, Limited};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::Keepsake;

const KEPT: usize = 100;
const BODY_MAX: usize = 1 << 20;
const SHOWN_CHARS: usize = 64_000;

/// One request that arrived.
#[derive(Clone, Serialize)]
struct Got {
    at: Timestamp,
    path: String,
    /// As `hookswitch verify -H` takes them.
    headers: Vec<String>,
    event_type: String,
    signature: String,
    answered: u16,
    body: String,
}

pub struct Endpoint {
    ambient: Arc<dyn Ambient>,
    secrets: Mutex<Vec<Secret>>,
    got: Mutex<VecDeque<Got>>,
    stumbled: Mutex<HashSet<String>>,
    address: SocketAddr,
    /// Tenants whose `try` answers 503 at the moment.
    broken: Mutex<HashSet<String>>,
}

impl Endpoint {
    pub fn new(ambient: Arc<dyn Ambient>, address: SocketAddr) -> Arc<Self> {
        let (secrets, got, stumbled, broken) = Default::default();
        Arc::new(Self { ambient, secrets, got, stumbled, address, broken })
    }

    /// Where a tenant's first destination may point.
    pub fn url(&self, tenant: &str) -> String {
        format!("http://{}/{tenant}/try", self.address)
    }

    pub fn is_broken(&self, tenant: &str) -> bool {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).contains(tenant)
    }

    pub fn set_broken(&self, tenant: &str, broken: bool) {
        let mut set = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        match broken {
            true => set.insert(tenant.to_owned()),
            false => set.remove(tenant),
        };
    }

    /// The secrets to check signatures with, once they are made.
    pub fn learn(&self, keepsake: &Keepsake) {
        let known = keepsake.0.values().flat_map(|tenant| tenant.destination_secrets.values());
        *self.secrets.lock().unwrap_or_else(PoisonError::into_inner) = known.map(|text| Secret::from(text.as_str())).collect();
    }

    fn check(&self, headers: &HeaderMap, body: &[u8]) -> String {
        let lines: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        // Each destination has a secret of its own; ten are more than the demo makes.
        let checked = secrets
            .iter()
            .map(|secret| verify(&Profile::Standard, std::slice::from_ref(secret), &lines, body, self.ambient.now(), TOLERANCE));
        let mut last = "no secret is known for this destination".to_owned();
        for result in checked {
            match result {
                Ok(_) => return "valid".to_owned(),
                Err(rejection) => last = rejection.to_string(),
            }
        }
        last
    }

    fn stumbles(&self, webhook_id: &str) -> bool {
        let mut seen = self.stumbled.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() > 10_000 {
            seen.clear();
        }
        seen.insert(webhook_id.to_owned())
    }

    fn keep(&self, got: Got) {
        let mut list = self.got.lock().unwrap_or_else(PoisonError::into_inner);
        list.push_front(got);
        list.truncate(KEPT);
    }
}

/// Serves until `stop`.
pub async fn serve(listener: TcpListener, endpoint: Arc<Endpoint>, stop: CancellationToken) {
    let router = Router::new()
        .route("/", get(page))
        .route("/received.json", get(received))
        .route("/{tenant}/{kind}", post(receive))
        .with_state(endpoint);
    let served = axum::serve(listener, router).with_graceful_shutdown(async move { stop.cancelled().await });
    if let Err(error) = served.await {
        tracing::warn!(%error, "the test endpoint ended");
    }
}

async fn receive(
    State(endpoint): State<Arc<Endpoint>>,
    Path((tenant, kind)): Path<(String, String)>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let read = tokio::time::timeout(Duration::from_secs(10), Limited::new(body, BODY_MAX).collect()).await;
    let Ok(Ok(body)) = read else { return StatusCode::BAD_REQUEST.into_response() };
    let body = body.to_bytes();
    let signature = endpoint.check(&parts.headers, &body);
    let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let webhook_id = header("webhook-id");
    let answered = match kind.as_str() {
        // Its secret is its maker's alone.
        "try" if endpoint.is_broken(&tenant) => StatusCode::SERVICE_UNAVAILABLE,
        "try" => StatusCode::OK,
        _ if signature != "valid" => StatusCode::UNAUTHORIZED,
        "stumble" if endpoint.stumbles(&webhook_id) => StatusCode::SERVICE_UNAVAILABLE,
        "hook" | "stumble" => StatusCode::OK,
        _ => StatusCode::NOT_FOUND,
    };
    let parsed: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
    let event_type = parsed.as_ref().and_then(|value| value.get("event_type")?.as_str()).unwrap_or("-").to_owned();
    endpoint.keep(Got {
        at: endpoint.ambient.now(),
        path: format!("/{tenant}/{kind}"),
        headers: ["webhook-id", "webhook-timestamp", "webhook-signature"]
            .map(|name| format!("{name}: {}", header(name)))
            .to_vec(),
        event_type,
        signature,
        answered: answered.as_u16(),
        body: String::from_utf8_lossy(&body).chars().take(SHOWN_CHARS).collect(),
    });
    let told = if answered.is_success() { "taken" } else { "not taken" };
    (answered, told).into_response()
}

async fn received(State(endpoint): State<Arc<Endpoint>>) -> Response {
    let list: Vec<Got> = endpoint.got.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
    axum::Json(serde_json::json!({ "data": list })).into_response()
}

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:2rem auto;padding:0 1rem;color-scheme:light dark}\
    table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #8884;vertical-align:top}\
    pre{margin:.3rem 0;white-space:pre-wrap;word-break:break-all;font-size:13px}.bad{font-weight:600}";

async fn page(State(endpoint): State<Arc<Endpoint>>) -> Response {
    let list: Vec<Got> = endpoint.got.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
    let rows: String = list.iter().map(row).collect();
    let empty = if list.is_empty() { "<p>Nothing has arrived yet.</p>" } else { "" };
    let html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <meta http-equiv=refresh content=3><title>Hookswitch test endpoint</title><style>{STYLE}</style>\
         <h1>Test endpoint</h1><p>What the demo's destinations got, newest first; this page loads itself again every 3 seconds. \
         As JSON: <a href=/received.json>/received.json</a></p>{empty}<table><thead><tr><th>Time<th>Path<th>Event<th>Signature<th>Answered\
         </thead>{rows}</table></html>"
    );
    // Bodies are escaped, and nothing may run here in any case.
    ([("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'")], Html(html)).into_response()
}

fn row(got: &Got) -> String {
    let signature =
        if got.signature == "valid" { "&#10003; valid".to_owned() } else { format!("&#10007; {}", escape(&got.signature)) };
    format!(
        "<tr><td>{}<td>{}<td>{}<details><summary>body</summary><pre>{}</pre></details><td>{signature}<td{}>{}</tr>",
        got.at,
        escape(&got.path),
        escape(&got.event_type),
        escape(&got.body),
        if got.answered < 300 { "" } else { " class=bad" },
        got.answered,
    )
}

/// What arrives is somebody else's text.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
