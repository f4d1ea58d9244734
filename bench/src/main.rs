//! What Hookswitch costs, measured from outside, and whether it loses anything when it is killed.
//!
//! `run` measures the product against the bare relay in one run on one machine, `crash` kills it
//! again and again under load. Both drive the released binary as a child process and talk to it over
//! HTTP only, so that nothing here can share its mistakes. Product code is linked for three things alone: the
//! bare handler's one insert, the sandbox's throughput without a server, and filling databases for trials.
//!
//! * [`relay`] is the yardstick: the same HTTP libraries, everything but storing.
//! * [`receiver`] is where deliveries arrive; [`ledger`] remembers when.
//! * [`load`] publishes: as fast as answers come back, or at a fixed rate.
//! * [`scenario`] is one measurement of one [`subject`]; [`run`] interleaves them; [`report`] compares.
//! * [`trial`] is one more claim, measured side by side; [`stand`] is the product set up for it, [`drive`] sends
//!   any request many times, [`bare`] is the yardstick of inbound requests.
//! * [`hookswitch`] sets the product up through its public commands and API.

mod bare;
mod clock;
mod crash;
mod database;
mod drive;
mod hookswitch;
mod ledger;
mod load;
mod process;
mod receiver;
mod relay;
mod report;
mod run;
mod scenario;
mod sign;
mod stand;
mod subject;
mod tally;
mod trial;
mod wire;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "hookswitch-bench", about = "Measures Hookswitch against a bare relay, and kills it to see what it loses")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure Hookswitch and the bare relay in turn; print ratios, write JSON
    Run(run::Options),
    /// Kill the server under load: nothing acknowledged may be lost
    Crash(crash::Options),
    /// The bare relay: takes events, signs them, sends them on, stores nothing
    Relay(relay::Options),
    /// The bare handler: stores each request's body in one durable insert, and does nothing else
    Bare(bare::Options),
    /// Answer 200 to every POST and print how many came
    Receiver(receiver::Options),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run(options) => run::run(options),
        Command::Crash(options) => crash::run(options),
        Command::Relay(options) => relay::run(options).map(|()| true),
        Command::Bare(options) => bare::run(options).map(|()| true),
        Command::Receiver(options) => receiver::run(options).map(|()| true),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("hookswitch-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}
