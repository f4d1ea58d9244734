//! `make simulate`: many histories, on all processors; or one of them, with everything that
//! happened in it.
//!
//! `hookswitch-sim [--seeds N] [--from K]` or `hookswitch-sim --seed K`.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hookswitch_sim::{explain, run};

const USAGE: &str = "hookswitch-sim [--seeds N] [--from K] | --seed K";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number =
        |name: &str| args.iter().position(|arg| arg == name).map(|place| args.get(place + 1).and_then(|n| n.parse().ok()));
    let known = |arg: &String| ["--seed", "--seeds", "--from"].contains(&arg.as_str()) || arg.parse::<u64>().is_ok();
    match (number("--seed"), number("--seeds"), number("--from")) {
        (Some(None), ..) | (_, Some(None), _) | (.., Some(None)) => usage(),
        _ if !args.iter().all(known) => usage(),
        (Some(Some(seed)), ..) => one(seed),
        (None, seeds, from) => many(from.flatten().unwrap_or(0), seeds.flatten().unwrap_or(100_000)),
    }
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
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
