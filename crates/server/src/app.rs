//! What a handler may reach: one value per process, made by `command::serve` and by tests alike.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use anyhow::Context;
use futures_util::future::BoxFuture;
use hookswitch_domain::time::Ambient;
use hookswitch_pipeline::http;
use hookswitch_pipeline::inbound::action::{Duplicate, Registry};
use hookswitch_pipeline::live::Live;
use hookswitch_pipeline::outbound::builtin;
use hookswitch_pipeline::sandbox::SandboxConfig;
use hookswitch_pipeline::secrets::{Fingerprints, Secrets};
use hookswitch_pipeline::shared::Shared;
use hookswitch_store::{Component, Db, STORE, StoreError, Tx};
use metrics_exporter_prometheus::PrometheusHandle;

use crate::api::known::Known;
use crate::config::Config;
use crate::demo::Endpoint;
use crate::engine::{Engine, Parts};
use crate::pace::{Pace, SignInGate};
use crate::telemetry;

/// Whose tables this program brings, in the order in which they are made.
pub static COMPONENTS: &[Component] = &[STORE, hookswitch_desk::COMPONENT];

/// Gives a new tenant what it starts with, in the transaction that makes it.
pub type Seeder = for<'t> fn(&'t mut Tx, &'t dyn Ambient) -> BoxFuture<'t, Result<(), StoreError>>;

/// The hosts' seeders, in order.
pub static SEEDERS: &[Seeder] = &[|tx, ambient| Box::pin(hookswitch_desk::seed_tenant(tx, ambient))];

/// What inbound webhooks can do: the hosts' actions.
fn registry() -> Result<Registry, Duplicate> {
    let mut registry = Registry::default();
    hookswitch_desk::register(&mut registry)?;
    Ok(registry)
}

/// Connections kept for the next request, of all destinations together.
const IDLE_CONNECTIONS: usize = 2_048;

pub struct App {
    pub db: Db,
    pub ambient: Arc<dyn Ambient>,
    pub config: Arc<Config>,
    /// Both lines' work, and what they are made of.
    pub engine: Engine,
    pub metrics: PrometheusHandle,
    /// Of requests that bring an `Idempotency-Key`.
    pub fingerprints: Fingerprints,
    /// Requests per token.
    pub pace: Pace,
    /// Tokens that published a moment ago.
    pub known: Known,
    pub sign_in: SignInGate,
    /// Who watches what happens.
    pub live: Live,
    /// The demo's own receiver, which people may break to see what happens; `serve` has none.
    pub test_endpoint: OnceLock<Arc<Endpoint>>,
    /// Set when the process was told to end: /readyz says so, that a load balancer looks elsewhere.
    pub stopping: AtomicBool,
}

impl App {
    /// Over an opened, migrated database. `worker`: whether this process sends. `sandbox`: how to
    /// start the processes that evaluate expressions.
    pub async fn start(
        db: Db,
        ambient: Arc<dyn Ambient>,
        config: Arc<Config>,
        sandbox: SandboxConfig,
        worker: bool,
    ) -> anyhow::Result<Self> {
        let lenient = config.environment.lenient();
        if lenient {
            tracing::info!(environment = config.environment.as_str(), "the mock adapter and local:// secrets are allowed here");
        }
        let secrets = Secrets::start(&db, &config.master_key_file, lenient, ambient.clone()).await?;
        let fingerprints = secrets.fingerprints(&db, ambient.clone()).await?;
        let client = http::Options {
            rules: config.egress.rules(),
            ca_file: config.egress.ca_file.clone(),
            dns_servers: config.egress.dns_servers.clone(),
            // A busy destination keeps all its connections.
            idle_per_key: hookswitch_domain::destination::MAX_IN_FLIGHT_LIMIT as usize,
            idle_total: IDLE_CONNECTIONS,
            ..http::Options::default()
        };
        let parts = Parts {
            db: db.clone(),
            ambient: ambient.clone(),
            secrets,
            client,
            sandbox,
            registry: registry()?,
            built_in: [builtin::OWN, &hookswitch_desk::event_types()].concat(),
            duties: hookswitch_desk::task::sweep::DUTIES,
            allow_unsigned: config.allow_unsigned,
            retention: config.retention,
            event_bytes: config.limits.event_bytes,
            smtp: config.smtp.clone(),
            shared: config.redis_url.as_deref().map(Shared::new).transpose().context("redis.url")?.map(Arc::new),
            console: config.base_url(),
            links: Arc::new(hookswitch_desk::mapping::TicketLinks),
            worker,
        };
        Ok(Self {
            engine: Engine::new(parts)?,
            live: Live::new(db.clone(), ambient.clone()),
            db,
            ambient,
            pace: Pace::new(config.limits.api_requests_per_minute),
            known: Known::default(),
            sign_in: SignInGate::default(),
            config,
            metrics: telemetry::metrics(),
            fingerprints,
            test_endpoint: OnceLock::new(),
            stopping: AtomicBool::new(false),
        })
    }
}
