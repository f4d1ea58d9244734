//! The command line. Each subcommand is a file with its arguments and a `run`; here is the list.
//! Exit codes: 0 done, 1 failed, 2 used wrongly.

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::{Parser, Subcommand};
use hookswitch_domain::time::Ambient;
use hookswitch_pipeline::ambient::System;
use hookswitch_pipeline::sandbox::{WORKER_COMMAND, run_worker};
use hookswitch_store::migrate::Schema;
use hookswitch_store::{Db, Settings};

use crate::app::COMPONENTS;
use crate::config::{Config, Environment};

mod admin;
mod audit;
mod backup;
mod dead_letters;
mod demo;
mod doctor;
mod files;
mod fixtures;
mod grant;
mod listen;
mod map;
mod migrate;
mod openapi;
mod postgres_tool;
mod remote;
mod reseal;
mod restore;
mod serve;
mod sign;
mod trigger;
mod verify;

/// A self-hosted webhook switchboard: delivers events, and turns incoming webhooks into actions.
#[derive(Parser)]
#[command(name = "hookswitch", version, arg_required_else_help = true)]
struct CommandLine {
    /// Configuration file (default: hookswitch.toml, if there is one).
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print data as JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server with sample tenants, users, traffic and a test endpoint.
    Demo(demo::Arguments),
    /// Run the server.
    Serve(serve::Arguments),
    /// Bring the database up to date.
    Migrate,
    /// Make tenants, accounts and tokens, straight in the database.
    Admin(admin::Arguments),
    /// Check a tenant's audit chain.
    Audit(audit::Arguments),
    /// Copy the database, which may be in use, into one file. The master key is not in it.
    Backup(backup::Arguments),
    /// Put a backup in the place of the database.
    Restore(restore::Arguments),
    /// Print the OpenAPI document.
    Openapi(openapi::Arguments),
    /// Check configuration, database, clock, egress and secrets; say how to mend.
    Doctor,
    /// Make a signature of any profile, offline.
    Sign(sign::Arguments),
    /// Check a signature of any profile, offline.
    Verify(verify::Arguments),
    /// Print requests that a receiver must take or refuse, to test one offline.
    Fixtures,
    /// Look at what failed for good or is parked on a running server; replay or discard it.
    DeadLetters(dead_letters::Arguments),
    /// Evaluate one mapping expression in the sandbox.
    Map(map::Args),
    /// Forward live events or deliveries to a port of this machine.
    Listen(listen::Arguments),
    /// Publish a sample event.
    Trigger(trigger::Arguments),
    /// Evaluates expressions for its parent process.
    #[command(name = WORKER_COMMAND, hide = true)]
    SandboxWorker,
}

/// What every command may need to know.
struct Global {
    config: Option<PathBuf>,
    json: bool,
}

impl Global {
    fn config(&self) -> anyhow::Result<Config> {
        Ok(Config::load(self.config.as_deref())?)
    }
}

pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let line = match CommandLine::try_parse_from(arguments) {
        Ok(line) => line,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    match dispatch(line) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("hookswitch: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(line: CommandLine) -> anyhow::Result<ExitCode> {
    let global = Global { config: line.config, json: line.json };
    match line.command {
        Command::Demo(arguments) => block_on(demo::run(arguments)),
        Command::Serve(arguments) => block_on(serve::run(&global, arguments)),
        Command::Migrate => block_on(migrate::run(&global)),
        Command::Admin(arguments) => block_on(admin::run(&global, arguments)),
        Command::Audit(arguments) => block_on(audit::run(&global, arguments)),
        Command::Backup(arguments) => block_on(backup::run(&global, arguments)),
        Command::Restore(arguments) => block_on(restore::run(&global, arguments)),
        Command::Openapi(arguments) => openapi::run(&arguments),
        Command::Doctor => block_on(doctor::run(&global)),
        Command::Sign(arguments) => sign::run(&global, arguments),
        Command::Verify(arguments) => verify::run(&global, arguments),
        Command::Fixtures => fixtures::run(),
        Command::DeadLetters(arguments) => block_on(dead_letters::run(&global, arguments)),
        Command::Map(arguments) => block_on(map::run(arguments)),
        Command::Listen(arguments) => block_on(listen::run(&global, arguments)),
        Command::Trigger(arguments) => block_on(trigger::run(&global, arguments)),
        Command::SandboxWorker => Ok(run_worker()),
    }
}

fn block_on(work: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")?;
    runtime.block_on(work)
}

/// What a file holds, or standard input.
fn input(path: Option<&Path>) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match path.filter(|path| *path != Path::new("-")) {
        Some(path) => bytes = std::fs::read(path).with_context(|| path.display().to_string())?,
        None => drop(std::io::stdin().lock().read_to_end(&mut bytes).context("reading standard input")?),
    }
    Ok(bytes)
}

fn ambient() -> Arc<dyn Ambient> {
    Arc::new(System)
}

fn settings(config: &Config) -> Settings {
    Settings {
        direct_url: config.database.direct_url.clone(),
        allow_unsafe_sync: config.environment == Environment::Test,
        ..Settings::new(config.database.url.clone())
    }
}

async fn open(config: &Config) -> anyhow::Result<Db> {
    Db::open(&settings(config), ambient()).await.context("opening the database (database.url)")
}

/// The database of a command that changes or reads it: an empty one is made ready, any other one
/// must be this version's.
async fn open_current(config: &Config) -> anyhow::Result<Db> {
    let db = open(config).await?;
    match db.schema(COMPONENTS).await? {
        Schema::Current => {}
        Schema::Empty => drop(db.migrate(COMPONENTS).await?),
        Schema::Behind(missing) => anyhow::bail!(
            "the database is of an older version, it lacks {}: run hookswitch migrate (after a backup)",
            missing.join(", ")
        ),
        Schema::Ahead(unknown) => return Err(serve::is_ahead(&unknown)),
    }
    Ok(db)
}
