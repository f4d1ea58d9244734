//! `make simulate`: many histories, on all processors; or one of them, with everything that
//! happened in it.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use clap::Parser;
use hookswitch_sim::{explain, run};

#[derive(Parser)]
#[command(name = "hookswitch-sim", about = "Seeded histories of the outbound line, each invariant checked at each step")]
struct Cli {
    /// Replay one history and print all that happens in it
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// How many histories
    #[arg(long, default_value_t = 100_000)]
    seeds: u64,
    /// The first one's seed
    #[arg(long, default_value_t = 0)]
    from: u64,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.seed {
        Some(seed) => one(seed),
        None => many(cli.from, cli.seeds),
    }
}

fn one(seed: u64) -> ExitCode {
    let run = run(seed, None);
    println!("{}", explain(&run, usize::MAX));
    ExitCode::from(u8::from(run.failure.is_some()))
}

fn many(from: u64, seeds: u64) -> ExitCode {
    let (next, broken, sends) = (AtomicU64::new(from), AtomicBool::new(false), AtomicU64::new(0));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while !broken.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + seeds {
                        return;
                    }
                    let run = run(seed, None);
                    sends.fetch_add(run.figures.sends, Ordering::Relaxed);
                    if run.failure.is_some() && !broken.swap(true, Ordering::Relaxed) {
                        println!("{}", explain(&run, 200));
                    }
                }
            });
        }
    });
    if broken.load(Ordering::Relaxed) {
        return ExitCode::FAILURE;
    }
    println!("{seeds} histories from seed {from} on, {} requests sent, every invariant held", sends.load(Ordering::Relaxed));
    ExitCode::SUCCESS
}
