//! What is measured, and how it is brought to the point where it takes events.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::runtime::Runtime;

use crate::database::{Database, Engine};
use crate::hookswitch::{self, Installation};
use crate::load::Template;
use crate::process::Server;
use crate::relay;

const STOP_PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone)]
pub enum Subject {
    Relay { tenants: usize },
    Hookswitch { engine: Engine, tenants: usize },
}

/// `relay-1`, `sqlite-1000`, `postgres-1`: also how `--only` names them.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, tenants) = match self {
            Self::Relay { tenants } => ("relay", tenants),
            Self::Hookswitch { engine: Engine::Sqlite, tenants } => ("sqlite", tenants),
            Self::Hookswitch { engine: Engine::Postgres(_), tenants } => ("postgres", tenants),
        };
        write!(f, "{name}-{tenants}")
    }
}

/// A subject that takes events.
pub struct Running {
    pub server: Server,
    pub ready: Duration,
    pub address: SocketAddr,
    pub templates: Vec<Template>,
    /// Its database and what that held before the first event; the relay has none.
    stored: Option<(Database, u64)>,
}

impl Subject {
    pub fn start(&self, binary: &Path, dir: &Path, receiver: SocketAddr, runtime: &Runtime) -> Result<Running> {
        match self {
            Self::Relay { tenants } => start_relay(dir, receiver, *tenants),
            Self::Hookswitch { engine, tenants } => {
                let database = Database::create(engine, dir)?;
                let installation = Installation::new(binary, dir, database.url())?;
                start_hookswitch(&installation, database, receiver, *tenants, runtime)
            }
        }
    }
}

fn start_relay(dir: &Path, receiver: SocketAddr, tenants: usize) -> Result<Running> {
    let address = hookswitch::free_address()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("relay").arg("--listen").arg(address.to_string()).arg("--target").arg(receiver.to_string());
    command.arg("--tenants").arg(tenants.to_string());
    let (server, ready) = hookswitch::start(command, dir.join("relay.log"), address)?;
    let templates = (0..tenants).map(|tenant| Template::publish(address, &relay::token(tenant), false)).collect();
    Ok(Running { server, ready, address, templates, stored: None })
}

/// Set up by one process and measured in a second: its database then stands as an operator's does,
/// and its size before the load can be read.
fn start_hookswitch(
    installation: &Installation,
    database: Database,
    receiver: SocketAddr,
    tenants: usize,
    runtime: &Runtime,
) -> Result<Running> {
    let platform_token = installation.prepare()?;
    let (mut server, _) = installation.serve()?;
    let made = runtime.block_on(hookswitch::make_tenants(installation.address, &platform_token, receiver, tenants))?;
    ensure!(server.stop(STOP_PATIENCE)?, "the server did not stop within {STOP_PATIENCE:?} of SIGTERM");
    let stored_before = database.stored_bytes()?;
    let (server, ready) = installation.serve()?;
    let address = installation.address;
    let templates = made.iter().map(|tenant| Template::publish(address, &tenant.publisher_token, false)).collect();
    Ok(Running { server, ready, address, templates, stored: Some((database, stored_before)) })
}

impl Running {
    pub fn database_cpu_seconds(&self) -> f64 {
        self.stored.as_ref().map_or(0.0, |(database, _)| database.cpu_seconds())
    }

    /// Stops it and answers by how many bytes its database grew.
    pub fn stop(mut self) -> Result<Option<u64>> {
        let Some((database, before)) = self.stored else {
            self.server.kill()?;
            return Ok(None);
        };
        ensure!(self.server.stop(STOP_PATIENCE)?, "the server did not stop within {STOP_PATIENCE:?} of SIGTERM");
        Ok(Some(database.stored_bytes()?.saturating_sub(before)))
    }
}
