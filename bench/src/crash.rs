//! `crash`: publishers keep publishing while the server is killed again and again. Afterwards the
//! publishers' list of acknowledgements and the receiver's own ledger must agree.

mod attempts;
mod witness;
mod writers;

use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use crate::clock;
use crate::database::{Database, Engine};
use crate::hookswitch::{self, Caller, Installation, Tenant};
use crate::load::Template;
use crate::process::{self, Process, Server};
use crate::receiver::Receiver;
use witness::Witness;
use writers::Writers;

/// A child of a killed server notices by its closed pipes; it gets this long.
const ORPHAN_PATIENCE: Duration = Duration::from_secs(3);

#[derive(clap::Args)]
pub struct Options {
    /// The product's binary
    #[arg(long, default_value = "target/release/hookswitch")]
    binary: PathBuf,
    /// sqlite, or the URL of a PostgreSQL role that may create databases
    #[arg(long, default_value = "sqlite")]
    database: Engine,
    #[arg(long, default_value_t = 3000)]
    events: u64,
    #[arg(long, default_value_t = 8)]
    writers: usize,
    /// Events per second of all writers together; 0: as fast as answers come
    #[arg(long, default_value_t = 150)]
    rate: u64,
    /// Time between a start and the next kill
    #[arg(long, default_value = "1000..5000")]
    kill_every_ms: Interval,
    /// How many deliveries in a hundred the receiver answers with 500
    #[arg(long, default_value_t = 10)]
    fail_percent: u32,
    /// Chooses the moments of the kills and the receiver's failures; printed, to run it again
    #[arg(long)]
    seed: Option<u64>,
    /// Without an arrival for so long, what is missing counts as lost
    #[arg(long, default_value_t = 90)]
    patience_seconds: u64,
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    work_dir: PathBuf,
}

#[derive(Clone)]
struct Interval(Range<u64>);

impl FromStr for Interval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (from, to) = text.split_once("..")?;
            let range = from.parse().ok()?..to.parse().ok()?;
            (!range.is_empty()).then_some(Self(range))
        };
        parse().ok_or_else(|| format!("{text} is no interval such as 1000..5000"))
    }
}

/// What the kills themselves showed.
#[derive(Default)]
struct Kills {
    count: usize,
    slowest_start: Duration,
    orphans: usize,
}

/// Answers whether everything held.
pub fn run(options: Options) -> Result<bool> {
    let begun = Instant::now();
    let seed = options.seed.unwrap_or_else(|| clock::unix_millis() % 1_000_000);
    let engine = if matches!(options.database, Engine::Sqlite) { "SQLite" } else { "PostgreSQL" };
    println!("crash test on {engine}: {} events, {} writers, seed {seed}", options.events, options.writers);
    let dir = tempfile::Builder::new().prefix("hookswitch-crash-").tempdir_in(&options.work_dir)?;
    let database = Database::create(&options.database, dir.path())?;
    let installation = Installation::new(&options.binary, dir.path(), database.url())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let witness = Arc::new(Witness::new(seed, options.fail_percent));
    let receiver = Receiver::start(([127, 0, 0, 1], 0).into(), witness.clone().judge())?;

    let platform_token = installation.prepare()?;
    let (mut server, _) = installation.serve()?;
    let tenant = runtime.block_on(set_up(&installation, &platform_token, &receiver))?;
    witness.trust(&tenant.signing_secret)?;
    let template = Template::publish(installation.address, &tenant.publisher_token, true);
    let writers = Arc::new(Writers::new(installation.address, template, options.events, options.rate));
    let publishing = writers::spawn(writers.clone(), options.writers, runtime)?;
    let kills = kill_while(&publishing, &installation, &mut server, &options, seed)?;
    publishing.join().map_err(|_| anyhow!("the writers' thread ended abnormally"))??;
    await_arrivals(&witness, &writers, &mut server, Duration::from_secs(options.patience_seconds))?;
    let audit = verify_audit(&installation, &platform_token, &tenant.slug);
    let gaps = attempts::gaps(installation.address, &platform_token, &tenant.slug);
    drop(server);

    let mut report = Report::default();
    judge(&mut report, &options, &witness, &writers, &kills);
    report.check("the audit chain is whole", audit.map_err(|error| format!("{error:#}")));
    match gaps {
        Ok(gaps) => {
            let rule =
                format!("attempts count 1, 2, 3 without a gap ({} deliveries, {} of them tried again)", gaps.looked, gaps.again);
            report.none(&rule, gaps.found.len(), || gaps.found.first().cloned().unwrap_or_default());
        }
        Err(error) => report.check("attempts count 1, 2, 3 without a gap", Err(format!("{error:#}"))),
    }
    summarize(&kills, &writers, &witness, begun);
    println!("crash test on {engine}: {} passed, {} failed", report.passed, report.failed);
    Ok(report.failed == 0)
}

fn summarize(kills: &Kills, writers: &Writers, witness: &Witness, begun: Instant) {
    println!(
        "{} kills, slowest start {:.2} s, {} publishes asked again, {} deliveries, {:.0} s",
        kills.count,
        kills.slowest_start.as_secs_f64(),
        writers.repeats(),
        witness.deliveries(),
        begun.elapsed().as_secs_f64()
    );
}

async fn set_up(installation: &Installation, platform_token: &str, receiver: &Receiver) -> Result<Tenant> {
    let mut made = hookswitch::make_tenants(installation.address, platform_token, receiver.address, 1).await?;
    let tenant = made.pop().ok_or_else(|| anyhow!("no tenant was made"))?;
    let policy = json!({
        "max_attempts": 20, "schedule_seconds": [0, 1, 1, 2], "timeout_ms": 5000, "jitter": 0, "on_exhausted": "dead_letter"
    });
    let mut caller = Caller::connect(installation.address, platform_token.into()).await?;
    caller.call("PUT", "/api/v1/integrations/delivery-policy", Some(&tenant.slug), policy).await?;
    Ok(tenant)
}

/// Kills and restarts while the writers write, and once more with whatever is then still on its way.
fn kill_while<T>(
    publishing: &JoinHandle<T>,
    installation: &Installation,
    server: &mut Server,
    options: &Options,
    seed: u64,
) -> Result<Kills> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut kills = Kills::default();
    loop {
        let until = Instant::now() + Duration::from_millis(random.random_range(options.kill_every_ms.0.clone()));
        while Instant::now() < until && !publishing.is_finished() {
            std::thread::sleep(Duration::from_millis(20));
        }
        let last = publishing.is_finished();
        server.check_alive()?;
        let family = process::tree(server.pid());
        server.kill()?;
        let (restarted, ready) = installation.serve()?;
        *server = restarted;
        kills.count += 1;
        kills.slowest_start = kills.slowest_start.max(ready);
        kills.orphans += orphans(&family);
        if last {
            return Ok(kills);
        }
    }
}

/// How many processes of a killed server go on living without it.
fn orphans(family: &[Process]) -> usize {
    let until = Instant::now() + ORPHAN_PATIENCE;
    loop {
        let left = family.iter().filter(|process| process::is_running(process)).count();
        if left == 0 || Instant::now() > until {
            return left;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn await_arrivals(witness: &Witness, writers: &Writers, server: &mut Server, patience: Duration) -> Result<()> {
    let acknowledged = writers.acknowledged();
    let (mut received, mut progress) = (0, Instant::now());
    while progress.elapsed() < patience {
        let now = witness.received();
        if now > received {
            (received, progress) = (now, Instant::now());
        }
        if witness.missing(&acknowledged).is_empty() {
            break;
        }
        server.check_alive()?;
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

fn verify_audit(installation: &Installation, platform_token: &str, tenant: &str) -> Result<()> {
    let mut command = installation.command(&["audit", "verify", "--tenant", tenant]);
    command.env("HOOKSWITCH_URL", format!("http://{}", installation.address)).env("HOOKSWITCH_TOKEN", platform_token);
    installation.output(&mut command).map(drop)
}

fn judge(report: &mut Report, options: &Options, witness: &Witness, writers: &Writers, kills: &Kills) {
    let acknowledged = writers.acknowledged();
    let refusals = writers.refusals();
    let first_refusal = refusals.first().cloned().unwrap_or_default();
    let unacknowledged = options.events - acknowledged.len() as u64;
    report.none("every event was acknowledged in the end", unacknowledged as usize, || first_refusal);
    let missing = witness.missing(&acknowledged);
    report.none("no acknowledged event is lost", missing.len(), || format!("events {:?}", &missing[..missing.len().min(10)]));
    let wavering = witness.wavering();
    report.none("duplicates carry the same webhook-id and the same body", wavering.len(), || {
        format!("events {:?}", &wavering[..wavering.len().min(10)])
    });
    let other = witness.with_other_event_id(&acknowledged);
    report.none("a publish asked again names the event that is delivered", other.len(), || {
        format!("events {:?}", &other[..other.len().min(10)])
    });
    report.none("every delivery's signature verifies", witness.forgeries(), String::new);
    report.none("nothing is delivered that was not published", witness.strangers(options.events), String::new);
    report.none("no process of a killed server lives on", kills.orphans, String::new);
}

#[derive(Default)]
struct Report {
    passed: usize,
    failed: usize,
}

impl Report {
    fn check(&mut self, rule: &str, result: Result<(), String>) {
        match result {
            Ok(()) => {
                self.passed += 1;
                println!("  ok    {rule}");
            }
            Err(detail) => {
                self.failed += 1;
                println!("  FAIL  {rule}: {detail}");
            }
        }
    }

    /// A rule that nothing may break.
    fn none(&mut self, rule: &str, breaches: usize, detail: impl FnOnce() -> String) {
        let result = if breaches == 0 { Ok(()) } else { Err(format!("{breaches} times; {}", detail())) };
        self.check(rule, result);
    }
}
