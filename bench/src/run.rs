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

const MANY_TENANTS: usize = 1000;

#[derive(clap::Args)]
pub struct Options {
    /// The product's binary
    #[arg(long, default_value = "target/release/hookswitch")]
    binary: PathBuf,
    /// Where to write all raw figures as JSON
    #[arg(long, default_value = "bench/results.json")]
    out: PathBuf,
    /// Measure on PostgreSQL too; a role that may create databases, on a cluster that serves nobody else
    #[arg(long, value_name = "URL")]
    postgres: Option<Url>,
    /// Only these: relay, relay-1000, sqlite, sqlite-1000, postgres, postgres-1000 (repeatable)
    #[arg(long)]
    only: Vec<String>,
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
    runs: Vec<Figures>,
}

/// Answers false if something was lost; a missed target is a result and no failure.
pub fn run(options: Options) -> Result<bool> {
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
    let results =
        Results { measured_at, processors, fsync_ms, plan: bench.plan, seconds: begun.elapsed().as_secs_f64(), table, runs };
    fs::write(&options.out, serde_json::to_string_pretty(&results)? + "\n")
        .with_context(|| format!("cannot write {}", options.out.display()))?;
    println!("\n{:.0} s; raw figures are in {}", results.seconds, options.out.display());
    if lost > 0 {
        println!("FAILED: {lost} accepted events never arrived");
    }
    Ok(lost == 0)
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
    if options.only.is_empty() {
        return Ok(all);
    }
    all.push(relay(MANY_TENANTS));
    let named = |name: &String, subject: &Subject| *name == subject.to_string() || format!("{name}-1") == subject.to_string();
    if let Some(unknown) = options.only.iter().find(|name| !all.iter().any(|subject| named(name, subject))) {
        let known: Vec<String> = all.iter().map(Subject::to_string).collect();
        bail!("--only {unknown}: is none of {} (postgres needs --postgres URL)", known.join(", "));
    }
    all.retain(|subject| options.only.iter().any(|name| named(name, subject)));
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
