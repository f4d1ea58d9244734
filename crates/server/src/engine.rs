//! The parts of the pipeline that this process runs, put together once.

use std::sync::Arc;
use std::time::Duration;

use hookswitch_domain::egress::Rules;
use hookswitch_domain::time::Ambient;
use hookswitch_pipeline::http::{self, Client};
use hookswitch_pipeline::inbound::accept::Receiver;
use hookswitch_pipeline::inbound::action::Registry;
use hookswitch_pipeline::inbound::rate::{Limiter, Rates};
use hookswitch_pipeline::inbound::takeover;
use hookswitch_pipeline::notify::{Notifier, Smtp};
use hookswitch_pipeline::outbound::builtin::BuiltIn;
use hookswitch_pipeline::outbound::configs::Configs;
use hookswitch_pipeline::outbound::credential::oauth2::Tokens;
use hookswitch_pipeline::outbound::deliver::Sender;
use hookswitch_pipeline::outbound::jobs::Jobs;
use hookswitch_pipeline::outbound::lanes::Lanes;
use hookswitch_pipeline::outbound::link::Links;
use hookswitch_pipeline::outbound::publish::Publisher;
use hookswitch_pipeline::outbound::worker::Worker;
use hookswitch_pipeline::sandbox::{Sandbox, SandboxConfig};
use hookswitch_pipeline::secrets::Secrets;
use hookswitch_pipeline::shared::Shared;
use hookswitch_pipeline::upkeep::{self, HostDuty, Retention, Upkeep};
use hookswitch_store::Db;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub struct Engine {
    pub secrets: Secrets,
    pub rules: Rules,
    pub registry: Arc<Registry>,
    pub sandbox: Arc<Sandbox>,
    /// For what is fetched while somebody waits for the answer.
    pub client: Client,
    pub configs: Arc<Configs>,
    pub publisher: Publisher,
    pub receiver: Arc<Receiver>,
    /// Rung when a job was started.
    pub jobs: Arc<Notify>,
    pub lanes: Lanes,
    /// What nodes share; `None`: each goes by itself.
    pub shared: Option<Arc<Shared>>,
    /// On nodes with the worker role.
    sender: Option<Arc<Sender>>,
    db: Db,
    ambient: Arc<dyn Ambient>,
    retention: upkeep::Days,
    pub notifier: Arc<Notifier>,
    console: String,
    duties: &'static [HostDuty],
    /// Background loops.
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// How long attempts that are in the air may take once the process was told to end.
const SENDING_GRACE: Duration = Duration::from_secs(15);

/// What an engine is made of.
pub struct Parts {
    pub db: Db,
    pub ambient: Arc<dyn Ambient>,
    pub secrets: Secrets,
    pub client: http::Options,
    pub sandbox: SandboxConfig,
    pub registry: Registry,
    /// `signing.allow_unsigned`.
    pub allow_unsigned: bool,
    pub retention: upkeep::Days,
    /// `limits.event_bytes`.
    pub event_bytes: usize,
    pub smtp: Option<Smtp>,
    /// `redis.url`.
    pub shared: Option<Arc<Shared>>,
    /// The console's address, for whoever is told of something.
    pub console: String,
    /// The host that hears of records which adapters made.
    pub links: Arc<dyn Links>,
    /// Event types of the product and its hosts.
    pub built_in: Vec<BuiltIn>,
    /// What the hosts have to do now and then.
    pub duties: &'static [HostDuty],
    /// Whether this node sends.
    pub worker: bool,
}

impl Engine {
    pub fn new(parts: Parts) -> Result<Self, http::SetupError> {
        let Parts {
            db,
            ambient,
            secrets,
            client,
            sandbox,
            registry,
            links,
            allow_unsigned,
            built_in,
            duties,
            retention,
            event_bytes,
            smtp,
            shared,
            console,
            worker,
        } = parts;
        let rules = client.rules.clone();
        let configs =
            Configs::new(db.clone(), secrets.clone(), rules.clone()).allowing_unsigned(allow_unsigned).knowing(built_in);
        let configs = Arc::new(configs);
        let lanes = Lanes::default();
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let (registry, sandbox, client) = (Arc::new(registry), Arc::new(Sandbox::new(sandbox)), Client::new(client)?);
        let notifier = Arc::new(Notifier { db: db.clone(), secrets: secrets.clone(), client: client.clone(), smtp });
        let sender = match worker {
            false => None,
            true => Some(Arc::new(Sender {
                publisher: Publisher::new(db.clone(), ambient.clone(), configs.clone(), lanes.clone(), None),
                db: db.clone(),
                ambient: ambient.clone(),
                configs: configs.clone(),
                client: client.clone(),
                tokens: Tokens::default(),
                links,
                sandbox: sandbox.clone(),
                tasks: TaskTracker::new(),
                stop: stop.clone(),
            })),
        };
        let publisher =
            Publisher::new(db.clone(), ambient.clone(), configs.clone(), lanes.clone(), sender.clone()).taking(event_bytes);
        let receiver = Arc::new(Receiver {
            db: db.clone(),
            ambient: ambient.clone(),
            secrets: secrets.clone(),
            sandbox: sandbox.clone(),
            registry: registry.clone(),
            publisher: publisher.clone(),
            rates: Limiter::new(shared.clone()),
            rejected: Rates::default(),
            wake: Arc::default(),
        });
        Ok(Self {
            secrets,
            rules,
            registry,
            sandbox,
            client,
            configs,
            publisher,
            receiver,
            jobs: Arc::default(),
            lanes,
            shared,
            sender,
            db,
            ambient,
            retention,
            notifier,
            console,
            duties,
            tasks,
            stop,
        })
    }

    /// Starts the background loops: of any role the one that keeps Redis, of the worker role all.
    pub fn start(&self) {
        if let Some(shared) = self.shared.clone() {
            let stop = self.stop.clone();
            self.tasks.spawn(async move { shared.run(stop).await });
        }
        let Some(sender) = &self.sender else { return };
        let worker = Worker { db: self.db.clone(), lanes: self.lanes.clone(), sender: sender.clone() };
        self.tasks.spawn(worker.run(self.stop.clone()));
        let (db, ambient) = (self.db.clone(), self.ambient.clone());
        let (lanes, inbound) = (self.lanes.clone(), self.receiver.wake.clone());
        let jobs = Jobs { db, ambient, lanes, inbound, wake: self.jobs.clone() };
        self.tasks.spawn(jobs.run(self.stop.clone()));
        self.tasks.spawn(takeover::run(self.receiver.clone(), self.stop.clone()));
        self.tasks.spawn(self.upkeep().run(self.stop.clone()));
    }

    /// The duties of upkeep, as the worker role does them.
    pub fn upkeep(&self) -> Upkeep {
        Upkeep {
            db: self.db.clone(),
            ambient: self.ambient.clone(),
            publisher: self.publisher.clone(),
            hosts: self.duties,
            retention: Retention::new(self.retention),
            notifier: self.notifier.clone(),
            console: self.console.clone(),
        }
    }

    /// Claims nothing more and waits for what is in hand. What doesn't end in time keeps its lease,
    /// and is claimed again when that has run out.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(SENDING_GRACE, self.tasks.wait()).await.is_err() {
            tracing::warn!("a background loop did not end in time");
        }
        if let Some(sender) = &self.sender {
            sender.tasks.close();
            if tokio::time::timeout(SENDING_GRACE, sender.tasks.wait()).await.is_err() {
                tracing::warn!("some deliveries were still being sent; they are sent again when their leases have run out");
            }
        }
    }
}
