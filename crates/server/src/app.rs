//! What a handler may reach: one value per process, made by `command::serve` and by tests alike.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use futures_util::future::BoxFuture;
use hookswitch_domain::time::Ambient;
use hookswitch_store::{Component, Db, STORE, StoreError, Tx};
use metrics_exporter_prometheus::PrometheusHandle;

use crate::config::Config;
use crate::pace::{Pace, SignInGate};

/// Whose tables this program brings, in the order in which they are made.
pub static COMPONENTS: &[Component] = &[STORE];

/// Gives a new tenant what it starts with, in the transaction that makes it.
pub type Seeder = for<'t> fn(&'t mut Tx, &'t dyn Ambient) -> BoxFuture<'t, Result<(), StoreError>>;

/// The hosts' seeders, in order.
pub static SEEDERS: &[Seeder] = &[];

pub struct App {
    pub db: Db,
    pub ambient: Arc<dyn Ambient>,
    pub config: Arc<Config>,
    pub metrics: PrometheusHandle,
    /// Requests per token.
    pub pace: Pace,
    pub sign_in: SignInGate,
    /// Set when the process was told to end: /readyz says so, that a load balancer looks elsewhere.
    pub stopping: AtomicBool,
}

impl App {
    pub fn new(db: Db, ambient: Arc<dyn Ambient>, config: Arc<Config>) -> Self {
        Self {
            db,
            ambient,
            pace: Pace::new(config.limits.api_requests_per_minute),
            sign_in: SignInGate::default(),
            config,
            metrics: crate::telemetry::metrics(),
            stopping: AtomicBool::new(false),
        }
    }
}
