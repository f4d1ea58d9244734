//! The product, running, for one trial: a database of its own, a server, and the platform's token.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::database::{Database, Engine};
use crate::hookswitch::{Caller, Installation};
use crate::process::{self, Server};

const STOP_PATIENCE: Duration = Duration::from_secs(60);

/// Its parts end in this order.
pub struct Stand {
    server: Option<Server>,
    pub installation: Installation,
    pub token: Arc<str>,
    database: Database,
    _dir: TempDir,
}

impl Stand {
    pub fn open(binary: &std::path::Path, work_dir: &PathBuf, engine: &Engine) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("hookswitch-bench-").tempdir_in(work_dir)?;
        let database = Database::create(engine, dir.path())?;
        let installation = Installation::new(binary, dir.path(), database.url())?;
        let token = installation.prepare()?.into();
        let (server, _) = installation.serve()?;
        Ok(Self { server: Some(server), installation, token, database, _dir: dir })
    }

    /// Stops the server, so that somebody else may write to its database.
    pub fn stop(&mut self) -> Result<()> {
        if let Some(mut server) = self.server.take() {
            ensure!(server.stop(STOP_PATIENCE)?, "the server did not stop within {STOP_PATIENCE:?} of SIGTERM");
        }
        Ok(())
    }

    pub fn start(&mut self) -> Result<()> {
        let (server, _) = self.installation.serve()?;
        self.server = Some(server);
        Ok(())
    }

    pub fn check_alive(&mut self) -> Result<()> {
        self.server.as_mut().context("the server is stopped")?.check_alive()
    }

    pub fn database_url(&self) -> String {
        self.database.url()
    }

    fn processes(&self) -> Vec<process::Process> {
        self.server.as_ref().map_or_else(Vec::new, |server| process::tree(server.pid()))
    }

    /// Of the server, what it started, and the database's own processes.
    pub fn cpu_seconds(&self) -> f64 {
        process::cpu_seconds(&self.processes()) + self.database.cpu_seconds()
    }

    pub fn resident_bytes(&self) -> u64 {
        process::memory_bytes(&self.processes()).0
    }

    pub async fn caller(&self) -> Result<Caller> {
        Caller::connect(self.installation.address, self.token.clone()).await
    }

    /// A tenant that may receive; answers its id.
    pub async fn tenant(&self, slug: &str) -> Result<String> {
        let mut caller = self.caller().await?;
        let made = caller.call("POST", "/api/v1/tenants", None, json!({"slug": slug, "name": slug})).await?;
        caller.call("PUT", "/api/v1/features", Some(slug), json!({"inbound_webhooks_enabled": true})).await?;
        text(&made, "id")
    }
}

pub fn text(value: &Value, key: &str) -> Result<String> {
    value[key].as_str().map(str::to_owned).with_context(|| format!("the answer names no {key}: {value}"))
}
