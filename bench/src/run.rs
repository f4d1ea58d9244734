//! `run`: relay and product in turn, round after round, since one machine is never the same twice.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use url::Url;

use crate::clock;
use crate::database::{self, Engine};
use crate::process;
use crate::report::{self, Row};
use crate::scenario::{Bench, Figures, Plan};
use crate::subject::Subject;
use crate::trial::{self, Finding, Trial, Trials};

const MANY_TENANTS: usize = 1000;

#[derive(clap::Args)]
pub struct Options {
    /// The product's binary
    #[arg(long, default_value = "target/release/hookswitch")]
    binary: PathBuf,
    /// Where to write all raw figures as JSON
    #[arg(long, default_value = "bench/results.json")]
    out: PathBuf,
    /// Measure on PostgreSQL too; a role that may create databases
    #[arg(long, value_name = "URL")]
    postgres: Option<Url>,
    /// Only these: relay, relay-1000, sqlite, sqlite-1000, postgres, postgres-1000, subjects (all of them), or a trial:
    /// hanging, noisy, ordered, backlog, inbound, history, mapping, actions, lists, ... (repeatable)
    #[arg(long)]
    only: Vec<String>,
    /// The trials that take long, too: a million rows on PostgreSQL
    #[arg(long)]
    large: bool,
    /// What trials take for a million rows; fewer are filled sooner, and prove less
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// How often a trial measures its two sides in turn
    #[arg(long, default_value_t = 5)]
    trial_rounds: usize,
    /// The folder of the JavaScript reference implementation
    #[arg(long, default_value = "bench/jsonata")]
    jsonata: PathBuf,
    /// One short round, under a minute: to see that it works, not to compare
    #[arg(long)]
    quick: bool,
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Publishers at full speed
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// No new round is begun that would end later than this
    #[arg(long, default_value_t = 350)]
    budget_seconds: u64,
    /// Where databases are made; on the disk that is to be measured
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    work_dir: PathBuf,
}

/// What `--out` holds.
#[derive(Serialize)]
struct Results {
    measured_at: String,
    processors: usize,
    fsync_ms: f64,
    plan: Plan,
    seconds: f64,
    table: Vec<Row>,
    trials: Vec<Finding>,
    runs: Vec<Figures>,
}

/// Answers false if something was lost or could not be measured; a missed target is a result and no failure.
pub fn run(options: Options) -> Result<bool> {
    let trials = trials(&options);
    let subjects = subjects(&options)?;
    let fsync_ms = fsync_ms(&options.work_dir)?;
    let processors = std::thread::available_parallelism()?.get();
    println!("{processors} processors, one fsync takes {fsync_ms:.2} ms, load average {:.2}", process::load_average());
    let (begun, measured_at) = (Instant::now(), jiff::Timestamp::from_millisecond(clock::unix_millis() as i64)?.to_string());
    // One thread for the load; the receiver has its own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let bench = Bench { plan: plan(&options), binary: options.binary.clone(), work_dir: options.work_dir.clone(), runtime };
    let runs = measure_all(&bench, &subjects, Duration::from_secs(options.budget_seconds))?;
    let table = report::table(&runs);
    report::print(&table, &runs);
    let lost: u64 = runs.iter().map(|figures| figures.missing).sum();
    let (findings, failed) = trial::run(&arena(&options, &bench), &trials);
    let seconds = begun.elapsed().as_secs_f64();
    let results = Results { measured_at, processors, fsync_ms, plan: bench.plan, seconds, table, trials: findings, runs };
    fs::write(&options.out, serde_json::to_string_pretty(&results)? + "\n")
        .with_context(|| format!("cannot write {}", options.out.display()))?;
    println!("\n{:.0} s; raw figures are in {}", results.seconds, options.out.display());
    if lost > 0 {
        println!("FAILED: {lost} accepted events never arrived");
    }
    for trial in &failed {
        println!("FAILED: {trial}");
    }
    Ok(lost == 0 && failed.is_empty())
}

/// Those that were asked for: all but the long ones, unless some are named.
fn trials(options: &Options) -> Vec<&'static Trial> {
    let named = |trial: &&Trial| options.only.iter().any(|name| name == trial.name);
    let asked = |trial: &&Trial| match options.only.is_empty() {
        true => !options.quick && (options.large || !trial.large),
        false => named(trial),
    };
    trial::ALL.iter().filter(asked).collect()
}

fn arena<'a>(options: &Options, bench: &'a Bench) -> Trials<'a> {
    let postgres = options.postgres.clone().filter(|url| database::postgres_obstacle(url).is_none());
    Trials {
        binary: options.binary.clone(),
        work_dir: options.work_dir.clone(),
        runtime: &bench.runtime,
        rounds: options.trial_rounds.max(1),
        rows: options.rows,
        postgres: postgres.map(Engine::Postgres),
        jsonata: options.jsonata.clone(),
    }
}

fn measure_all(bench: &Bench, subjects: &[Subject], budget: Duration) -> Result<Vec<Figures>> {
    let begun = Instant::now();
    let mut runs = Vec::new();
    for round in 1..=bench.plan.rounds {
        let round_begun = Instant::now();
        for subject in subjects {
            let figures = bench.measure(subject, round).with_context(|| format!("{subject}, round {round}"))?;
            println!("{}", report::line(&figures));
            runs.push(figures);
        }
        if round < bench.plan.rounds && begun.elapsed() + round_begun.elapsed() > budget {
            println!("stopped after {round} rounds: another would go beyond {} s", budget.as_secs());
            break;
        }
    }
    Ok(runs)
}

fn plan(options: &Options) -> Plan {
    let seconds = Duration::from_secs;
    let (rounds, idle, full_speed, fixed_rate) = match options.quick {
        true => (1, seconds(1), seconds(2), seconds(5)),
        false => (options.rounds.max(1), seconds(2), seconds(4), seconds(20)),
    };
    let connections = options.connections.max(1);
    Plan { rounds, idle, full_speed, connections, fixed_rate, per_second: 300, drain_patience: seconds(15) }
}

fn subjects(options: &Options) -> Result<Vec<Subject>> {
    let relay = |tenants| Subject::Relay { tenants };
    let sqlite = |tenants| Subject::Hookswitch { engine: Engine::Sqlite, tenants };
    let mut all = vec![relay(1), sqlite(1), sqlite(MANY_TENANTS)];
    if let Some(url) = &options.postgres {
        match database::postgres_obstacle(url) {
            Some(obstacle) => println!("PostgreSQL is skipped: {obstacle}"),
            None => {
                let postgres = |tenants| Subject::Hookswitch { engine: Engine::Postgres(url.clone()), tenants };
                all.extend([postgres(1), postgres(MANY_TENANTS)]);
            }
        }
    }
    let only: Vec<&String> = options.only.iter().filter(|name| !trial::ALL.iter().any(|trial| trial.name == *name)).collect();
    if options.only.is_empty() || only.iter().any(|name| *name == "subjects") {
        return Ok(all);
    }
    all.push(relay(MANY_TENANTS));
    let named = |name: &String, subject: &Subject| *name == subject.to_string() || format!("{name}-1") == subject.to_string();
    if let Some(unknown) = only.iter().find(|name| !all.iter().any(|subject| named(name, subject))) {
        let known = all.iter().map(Subject::to_string).chain(trial::ALL.iter().map(|trial| trial.name.to_owned()));
        bail!("--only {unknown}: is none of {} (postgres needs --postgres URL)", known.collect::<Vec<_>>().join(", "));
    }
    all.retain(|subject| only.iter().any(|name| named(name, subject)));
    Ok(all)
}

/// What an fsync costs here, since every acceptance waits for one: the median of some.
fn fsync_ms(dir: &Path) -> Result<f64> {
    let mut file = tempfile::tempfile_in(dir).with_context(|| format!("--work-dir {}", dir.display()))?;
    let mut spans = Vec::new();
    for _ in 0..40 {
        file.write_all(&[0; 4096])?;
        let begun = Instant::now();
        file.sync_data()?;
        spans.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(crate::tally::median(spans).unwrap_or(0.0))
}
