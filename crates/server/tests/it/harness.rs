//! A real server on port 0 for a test, and clients that call it over real HTTP.

use std::sync::Arc;

use bytes::Bytes;
use hookswitch_domain::audit::Actor;
use hookswitch_domain::id::TenantId;
use hookswitch_domain::permission::Permissions;
use hookswitch_domain::tenant::{PLATFORM, Slug};
use hookswitch_pipeline::sandbox::SandboxConfig;
use hookswitch_server::api::{self, Surface};
use hookswitch_server::app::App;
use hookswitch_server::config::{Config, Source};
use hookswitch_server::identity::{self, Account, Grant};
use hookswitch_server::{password, serve};
use hookswitch_store::{Db, StoreError};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::engines::{Engine, ambient};

/// A running server; it stops with this value.
pub struct Server {
    pub address: String,
    pub app: Arc<App>,
    pub db: Db,
    _folder: Arc<tempfile::TempDir>,
    key_file: String,
    stop: CancellationToken,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Starts a server on the engine's database, with the tenants acme and globex.
pub async fn spawn_server(engine: &Engine) -> Server {
    spawn_with(engine, &[]).await
}

/// The same with settings of its own.
pub async fn spawn_with(engine: &Engine, settings: &[(&str, &str)]) -> Server {
    let server = start(engine, settings, true).await;
    for slug in ["acme", "globex"] {
        let made = slug.parse::<Slug>().unwrap();
        identity::new_tenant(&server.db, ambient(), Actor::Operator, made, slug.to_uppercase()).await.unwrap();
    }
    server
}

/// In place of a setting: what is started to evaluate expressions, instead of the real thing.
pub const SANDBOX: &str = "the sandbox's program";

/// A server on whatever the database holds. `worker`: whether it sends.
async fn start(engine: &Engine, settings: &[(&str, &str)], worker: bool) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let mut source = Source::default();
    source.set("environment", "test").set("database.url", &engine.url);
    source.set("secrets.master_key_file", folder.path().join("master.key").display().to_string());
    source.set("limits.api_requests_per_minute", "1000000");
    for (key, value) in settings.iter().filter(|(key, _)| *key != SANDBOX) {
        source.set(key, *value);
    }
    let program = settings.iter().find(|(key, _)| *key == SANDBOX).map_or(env!("CARGO_BIN_EXE_hookswitch"), |(_, value)| value);
    let config = Arc::new(Config::from_source(source).unwrap());
    let key_file = config.master_key_file.display().to_string();
    let sandbox = SandboxConfig {
        program: program.into(),
        args: vec!["sandbox-worker".into()],
        workers: 1,
        idle_shutdown: std::time::Duration::from_secs(60),
    };
    let app = Arc::new(App::start(engine.db.clone(), ambient(), config.clone(), sandbox, worker).await.unwrap());
    let router = api::router(&app, Surface::ALL).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let stop = CancellationToken::new();
    tokio::spawn(serve::serve(listener, router, serve::Limits::of(&config), stop.clone()));
    app.engine.start();
    Server { address, db: engine.db.clone(), app, _folder: Arc::new(folder), key_file, stop }
}

impl Server {
    /// Another server on the same database, with the same key file. `worker`: whether it sends.
    pub async fn another(&self, engine: &Engine, settings: &[(&str, &str)], worker: bool) -> Self {
        let key_file = [("secrets.master_key_file", self.key_file.as_str())];
        let mut other = start(engine, &[&key_file, settings].concat(), worker).await;
        // The key file stays as long as somebody may start again with it.
        other._folder = self._folder.clone();
        other
    }

    /// Takes nothing more in and finishes what is in hand, as a process does that is told to end.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.app.engine.stop().await;
    }

    pub async fn tenant(&self, slug: &str) -> TenantId {
        let slug = slug.to_owned();
        let system = self.db.system();
        let found: Result<_, StoreError> =
            system.read(move |tx| Box::pin(async move { hookswitch_store::tenant::by_slug(tx, &slug).await })).await;
        found.unwrap().expect("a tenant of this name").id
    }

    /// Somebody without a token.
    pub fn stranger(&self) -> Client {
        Client { address: self.address.clone(), headers: Vec::new() }
    }

    /// A token of a tenant with this role.
    pub async fn token(&self, slug: &str, role: &str, scopes: Option<&[&str]>) -> Client {
        let tenant = if slug == "platform" { PLATFORM } else { self.tenant(slug).await };
        let scopes = scopes.map(|scopes| scopes.iter().map(ToString::to_string).collect());
        let grant = Grant { name: format!("{slug} {role}"), role: role.to_owned(), scopes, expires_at: None };
        let store = self.db.for_tenant(tenant);
        let job = store.write(move |tx| {
            Box::pin(async move { identity::create_token(tx, &*ambient(), &Actor::Operator, Permissions::all(), grant).await })
        });
        let (_, text) = job.await.unwrap();
        self.stranger().with("authorization", format!("Bearer {text}"))
    }

    pub async fn admin(&self, slug: &str) -> Client {
        self.token(slug, "tenant_admin", None).await
    }

    /// A token for the whole platform that works in one tenant.
    pub async fn platform(&self, slug: &str) -> Client {
        self.token("platform", "platform_admin", None).await.with("x-tenant", slug)
    }

    /// An account with the password `correct horse battery`.
    pub async fn user(&self, slug: &str, email: &str, role: &str) -> String {
        let tenant = if slug == "platform" { PLATFORM } else { self.tenant(slug).await };
        let password_hash = Some(password::hash(PASSWORD.into()).await.unwrap());
        let account = Account { email: email.to_owned(), name: email.to_owned(), role: role.to_owned(), password_hash };
        let store = self.db.for_tenant(tenant);
        let job = store.write(move |tx| {
            Box::pin(async move { identity::create_user(tx, &*ambient(), &Actor::Operator, Permissions::all(), &account).await })
        });
        job.await.unwrap().id.to_string()
    }
}

pub const PASSWORD: &str = "correct horse battery";

/// Calls a server; each request on a connection of its own.
#[derive(Clone)]
pub struct Client {
    pub address: String,
    headers: Vec<(String, String)>,
}

/// An answer, read to its end.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Bytes,
}

impl Client {
    /// A stranger to whatever listens there.
    pub fn to(address: &str) -> Self {
        Self { address: address.to_owned(), headers: Vec::new() }
    }

    /// The same caller, by another way.
    #[must_use]
    pub fn at(&self, address: &str) -> Self {
        Self { address: address.to_owned(), ..self.clone() }
    }

    #[must_use]
    pub fn with(&self, name: &str, value: impl Into<String>) -> Self {
        let mut client = self.clone();
        client.headers.retain(|(known, _)| known != name);
        client.headers.push((name.to_owned(), value.into()));
        client
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Some(body)).await
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        match body {
            Some(body) => self.with("content-type", "application/json").raw(method, path, body.to_string()).await,
            None => self.raw(method, path, Bytes::new()).await,
        }
    }

    /// Sends these bytes with these headers and nothing added but Host.
    pub async fn raw(&self, method: Method, path: &str, body: impl Into<Bytes>) -> Answer {
        let (parts, mut body) = self.open(method, path, body.into()).await.into_parts();
        let bytes = match parts.headers.get("content-type") {
            // A stream has no end: its first frame is what it says at once.
            Some(media) if media == "text/event-stream" => {
                let first = body.frame().await.and_then(Result::ok).and_then(|frame| frame.into_data().ok());
                first.unwrap_or_default()
            }
            _ => body.collect().await.unwrap().to_bytes(),
        };
        Answer { status: parts.status, headers: parts.headers, bytes }
    }

    /// The same, with the answer's body to be read.
    pub async fn open(&self, method: Method, path: &str, body: Bytes) -> Response<Incoming> {
        let stream = TcpStream::connect(&self.address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path);
        if !self.headers.iter().any(|(name, _)| name == "host") {
            request = request.header("host", &self.address);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        sender.send_request(request.body(Full::new(body)).unwrap()).await.unwrap()
    }

    /// Its bearer token.
    pub fn token(&self) -> &str {
        let value = self.headers.iter().find(|(name, _)| name == "authorization").map(|(_, value)| value.as_str());
        value.and_then(|value| value.strip_prefix("Bearer ")).expect("a token")
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("{}: no JSON: {}", self.status, self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The status, for a comparison that shows the body when it fails.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self
    }

    /// The problem's code.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn id(&self) -> String {
        self.json()["id"].as_str().unwrap_or_else(|| panic!("no id: {}", self.text())).to_owned()
    }
}
