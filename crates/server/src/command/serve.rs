//! `serve`: the server, until SIGTERM or SIGINT.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::Context;
use clap::Args;
use hookswitch_pipeline::sandbox::SandboxConfig;
use hookswitch_store::Db;
use hookswitch_store::migrate::Schema;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::Global;
use crate::api::Surface;
use crate::app::{App, COMPONENTS};
use crate::{api, serve, telemetry};

#[derive(Args)]
pub struct Arguments {
    /// What this process does: api, receiver, worker.
    #[arg(long, value_delimiter = ',', default_value = "api,receiver,worker", value_name = "ROLES")]
    roles: Vec<Role>,
    /// Bring an older database up to date first.
    #[arg(long)]
    migrate: bool,
}

/// A duty of a process; several machines may share them out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// The management API and the console.
    Api,
    /// Inbound webhooks.
    Receiver,
    /// Deliveries and upkeep.
    Worker,
}

pub async fn run(global: &Global, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let config = Arc::new(global.config()?);
    telemetry::start_log(&config.telemetry);
    let db = super::open(&config).await?;
    prepare(&db, arguments.migrate).await?;
    let roles = &arguments.roles;
    let worker = roles.contains(&Role::Worker);
    let presence = match worker {
        true => Some(db.begin_sending().await.context("looking for other processes that send")?),
        false => None,
    };
    let app = Arc::new(App::start(db, super::ambient(), config.clone(), SandboxConfig::this_binary()?, worker).await?);
    let surface = Surface { api: roles.contains(&Role::Api), receiver: roles.contains(&Role::Receiver) };
    let router = api::router(&app, surface)?;
    let listener = TcpListener::bind(config.listen).await.with_context(|| format!("listening on {}", config.listen))?;
    let stop = CancellationToken::new();
    if let Some(address) = config.telemetry.metrics_listen {
        let listener =
            TcpListener::bind(address).await.with_context(|| format!("listening on {address} (telemetry.metrics_listen)"))?;
        tokio::spawn(serve::serve(listener, api::metrics_router(&app), serve::Limits::of(&config), stop.clone()));
    }
    tokio::spawn(wait_for_signal(app.clone(), stop.clone())?);
    let listen = listener.local_addr()?;
    app.engine.start();
    tracing::info!(%listen, ?roles, database = app.db.engine_name(), "ready");
    serve::serve(listener, router, serve::Limits::of(&config), stop).await;
    app.engine.stop().await;
    drop(presence);
    app.db.close().await;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// An empty database is made ready; an older one only when asked; a newer one is never touched.
pub(super) async fn prepare(db: &Db, migrate: bool) -> anyhow::Result<()> {
    match db.schema(COMPONENTS).await.context("reading the database's version")? {
        Schema::Current => return Ok(()),
        Schema::Empty => {}
        Schema::Behind(_) if migrate => {}
        Schema::Behind(missing) => anyhow::bail!(
            "the database is of an older version, it lacks {}: make a backup, then start with --migrate",
            missing.join(", ")
        ),
        Schema::Ahead(unknown) => return Err(is_ahead(&unknown)),
    }
    let done = db.migrate(COMPONENTS).await.context("bringing the database up to date")?;
    tracing::info!(?done, "migrated");
    Ok(())
}

pub(super) fn is_ahead(unknown: &[String]) -> anyhow::Error {
    anyhow::anyhow!(
        "the database is of a newer version than this program, which doesn't know its migrations {}: use the newer program",
        unknown.join(", ")
    )
}

/// The first signal lets requests finish; a second one ends the process at once.
pub(super) fn wait_for_signal(app: Arc<App>, stop: CancellationToken) -> anyhow::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        for first in [true, false] {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            if !first {
                std::process::exit(1);
            }
            tracing::info!("stopping");
            app.stopping.store(true, Ordering::Relaxed);
            stop.cancel();
        }
    })
}
