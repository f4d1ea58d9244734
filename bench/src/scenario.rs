//! One measurement of one subject: start it, look at it idle, drive it at full speed, drive it at a
//! fixed rate, stop it, look at what it stored.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;
use tokio::runtime::Runtime;

use crate::ledger::Ledger;
use crate::load::{self, Target};
use crate::process::{self, MachineTime};
use crate::receiver::Receiver;
use crate::subject::{Running, Subject};
use crate::tally::{Latency, Throughput};

/// Work that trails an arrival (reading the answer, noting the outcome) belongs to its phase.
const SETTLING: Duration = Duration::from_millis(500);
const WARM_UP: Duration = Duration::from_millis(300);
const WARM_UP_CONNECTIONS: usize = 8;
const BUSY_SAMPLE: Duration = Duration::from_millis(300);

/// How long and how hard.
#[derive(Clone, Serialize)]
pub struct Plan {
    pub rounds: usize,
    #[serde(serialize_with = "as_seconds")]
    pub idle: Duration,
    #[serde(serialize_with = "as_seconds")]
    pub full_speed: Duration,
    pub connections: usize,
    #[serde(serialize_with = "as_seconds")]
    pub fixed_rate: Duration,
    pub per_second: u64,
    /// Without an arrival for so long, what is missing counts as lost.
    #[serde(serialize_with = "as_seconds")]
    pub drain_patience: Duration,
}

pub struct Bench {
    pub plan: Plan,
    pub binary: PathBuf,
    pub work_dir: PathBuf,
    pub runtime: Runtime,
}

#[derive(Serialize, Clone)]
pub struct Figures {
    pub subject: String,
    pub round: usize,
    pub ready_ms: f64,
    pub idle: Memory,
    pub full_speed: Phase<Throughput>,
    pub fixed_rate: Phase<Latency>,
    pub memory_after_load: Memory,
    pub stored_bytes_per_event: Option<f64>,
    pub overloaded_answers: u64,
    pub repeated_deliveries: u64,
    /// Accepted, but not received.
    pub missing: u64,
}

#[derive(Serialize, Clone)]
pub struct Memory {
    pub processes: usize,
    pub resident_bytes: u64,
    /// With shared pages divided among those who share them.
    pub proportional_bytes: Option<u64>,
}

#[derive(Serialize, Clone)]
pub struct Phase<T> {
    #[serde(flatten)]
    pub result: T,
    /// Per 1,000 deliveries, the database's processes included.
    pub cpu_seconds_per_thousand: f64,
    pub machine: Machine,
}

/// Who used the processors during a phase, and how busy they were before it.
#[derive(Serialize, Clone)]
pub struct Machine {
    pub load_average_before: f64,
    pub busy_share_before: f64,
    pub busy_share_during: f64,
    pub seconds: f64,
    pub product_cpu_seconds: f64,
    pub database_cpu_seconds: f64,
    pub bench_cpu_seconds: f64,
}

impl Machine {
    fn cpu_seconds(&self) -> f64 {
        self.product_cpu_seconds + self.database_cpu_seconds
    }
}

impl Bench {
    pub fn measure(&self, subject: &Subject, round: usize) -> Result<Figures> {
        let dir = tempfile::Builder::new().prefix("hookswitch-bench-").tempdir_in(&self.work_dir)?;
        let ledger = Arc::new(Ledger::new());
        let receiver = Receiver::for_ledger(ledger.clone())?;
        let mut running = subject.start(&self.binary, dir.path(), receiver.address, &self.runtime)?;
        std::thread::sleep(self.plan.idle);
        let idle = memory(&running);

        let target = Arc::new(Target::new(running.address, running.templates.clone(), ledger.clone()));
        let warm_up = self.runtime.block_on(load::closed_loop(target.clone(), 0, WARM_UP_CONNECTIONS, WARM_UP))?;
        self.drain(&ledger, warm_up.end);
        let (full_speed, events) = self.full_speed(&running, &target, warm_up.end)?;
        let (fixed_rate, events) = self.fixed_rate(&running, &target, events.end)?;

        running.server.check_alive()?;
        let memory_after_load = memory(&running);
        let ready_ms = running.ready.as_secs_f64() * 1e3;
        let grown_bytes = running.stop()?;
        let arrivals = ledger.arrivals();
        Ok(Figures {
            subject: subject.to_string(),
            round,
            ready_ms,
            idle,
            full_speed,
            fixed_rate,
            memory_after_load,
            stored_bytes_per_event: grown_bytes.map(|bytes| bytes as f64 / arrivals.max(1) as f64),
            overloaded_answers: target.overloaded.load(Relaxed),
            repeated_deliveries: ledger.repeats(),
            missing: accepted(&ledger, 0..events.end).saturating_sub(arrivals),
        })
    }

    fn full_speed(&self, running: &Running, target: &Arc<Target>, first: u64) -> Result<(Phase<Throughput>, Range<u64>)> {
        let load = load::closed_loop(target.clone(), first, self.plan.connections, self.plan.full_speed);
        let (events, machine) = self.phase(running, &target.ledger, load)?;
        let result = Throughput::of(target.ledger.slots(events.clone()));
        let cpu_seconds_per_thousand = per_thousand(machine.cpu_seconds(), result.delivered);
        Ok((Phase { result, cpu_seconds_per_thousand, machine }, events))
    }

    fn fixed_rate(&self, running: &Running, target: &Arc<Target>, first: u64) -> Result<(Phase<Latency>, Range<u64>)> {
        let load = load::open_loop(target.clone(), first, self.plan.per_second, self.plan.fixed_rate);
        let (events, machine) = self.phase(running, &target.ledger, load)?;
        let result = Latency::of(target.ledger.slots(events.clone()));
        let cpu_seconds_per_thousand = per_thousand(machine.cpu_seconds(), result.delivered);
        Ok((Phase { result, cpu_seconds_per_thousand, machine }, events))
    }

    /// Runs a load, waits until all it published has arrived, and says who used the processors meanwhile.
    fn phase(
        &self,
        running: &Running,
        ledger: &Ledger,
        load: impl Future<Output = Result<Range<u64>>>,
    ) -> Result<(Range<u64>, Machine)> {
        let sample = MachineTime::now();
        std::thread::sleep(BUSY_SAMPLE);
        let (load_average_before, busy_share_before) = (process::load_average(), sample.busy_share_since());
        let usage = || {
            let product = process::cpu_seconds(&process::tree(running.server.pid()));
            [product, running.database_cpu_seconds(), process::own_cpu_seconds()]
        };
        let (begun, machine, before) = (Instant::now(), MachineTime::now(), usage());
        let events = self.runtime.block_on(load)?;
        self.drain(ledger, events.end);
        let after = usage();
        let machine = Machine {
            load_average_before,
            busy_share_before,
            busy_share_during: machine.busy_share_since(),
            seconds: begun.elapsed().as_secs_f64(),
            product_cpu_seconds: after[0] - before[0],
            database_cpu_seconds: after[1] - before[1],
            bench_cpu_seconds: after[2] - before[2],
        };
        Ok((events, machine))
    }

    /// Waits until every accepted event has arrived, or nothing more does.
    fn drain(&self, ledger: &Ledger, sent: u64) {
        let expected = accepted(ledger, 0..sent);
        let (mut seen, mut progress) = (ledger.arrivals(), Instant::now());
        while seen < expected && progress.elapsed() < self.plan.drain_patience {
            std::thread::sleep(Duration::from_millis(5));
            let now = ledger.arrivals();
            if now > seen {
                (seen, progress) = (now, Instant::now());
            }
        }
        std::thread::sleep(SETTLING);
    }
}

fn accepted(ledger: &Ledger, events: Range<u64>) -> u64 {
    ledger.slots(events).iter().filter(|slot| slot.accepted.load(Relaxed) > 0).count() as u64
}

fn memory(running: &Running) -> Memory {
    let processes = process::tree(running.server.pid());
    let (resident_bytes, proportional_bytes) = process::memory_bytes(&processes);
    Memory { processes: processes.len(), resident_bytes, proportional_bytes }
}

fn per_thousand(cpu_seconds: f64, delivered: u64) -> f64 {
    cpu_seconds * 1000.0 / delivered.max(1) as f64
}

fn as_seconds<S: serde::Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(span.as_secs_f64())
}
